// A FIXTURE, not a host: it speaks the wire with scripted runs, so that the client can be looked at in every state without waiting
// for one. It runs no git, no agent and no pty, and proves nothing about them; only visual checks and the client's own tests use it.
// `node test/harness/fixture-host.ts --runs 9 --port 4400` serves dist/renderer at the address that it prints.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { WebSocketServer } from 'ws'
import type { Channel } from '../../app/contract/channel.ts'
import type { CommandName } from '../../app/contract/commands/index.ts'
import { decodeFrame, encodeData, encodeMessage } from '../../app/contract/frames.ts'
import { ClientMessage, type HostMessage, protocolVersion } from '../../app/contract/wire.ts'
import type { Event, JournalRecord } from '../../app/model/event.ts'
import { failureOf } from '../../app/model/failure.ts'
import type { Live } from '../../app/model/run.ts'
import { reduce, type State } from '../../app/model/state.ts'
import { answer, sentPrompts } from './fixture-replies.ts'
import { createReview } from './fixture-review.ts'
import { type FixtureOptions, scene } from './fixture-scene.ts'

const encoder = new TextEncoder()

export interface Fixture {
  readonly state: State
  readonly live: Record<string, Live>
  /** What the review page of every run shows. */
  readonly review: ReturnType<typeof createReview>
  /** What each run's terminal was sent, by run id. */
  readonly typed: Map<string, string>
  /** Every command that was asked for, oldest first. */
  readonly calls: { readonly name: string; readonly input: unknown }[]
  /** Sizes that were asked for, by run id. */
  readonly sizes: Map<string, { cols: number; rows: number }>
  /** Views that are attached now, by run id. */
  attached(): string[]
  serve(channel: Channel): void
  /** Folds an event and tells every client. */
  emit(event: Event): void
  setLive(runId: string, change: Partial<Live>): void
  print(runId: string, text: string): void
  /** Sends any message to every client: notices, for example. */
  say(message: HostMessage): void
  /** Closes every line, as a host that is killed. */
  drop(): void
}

/** The scripted host. One `serve` per client. */
export function createFixture(options: FixtureOptions = {}): Fixture {
  const made = scene(options)
  let state = made.state
  const live = { ...made.live }
  const screens = new Map(Object.entries(made.screens))
  const typed = new Map<string, string>()
  const calls: Fixture['calls'] = []
  const prompts = { sent: sentPrompts() }
  const review = createReview()
  const sizes = new Map<string, { cols: number; rows: number }>()
  const clients = new Set<Client>()
  const records: JournalRecord[] = []
  const startedAt = Date.now() - 3_600_000

  interface Client {
    readonly channel: Channel
    readonly views: Map<number, string>
    subscribed: boolean
  }

  const say = (client: Client, message: HostMessage) => client.channel.send(encodeMessage(message))

  function emit(event: Event) {
    const at = Date.now()
    const seq = state.seq + 1
    state = reduce(state, seq, at, event)
    const record: JournalRecord = {
      seq,
      at,
      mono: performance.now(),
      actor: { user: 'fixture', via: 'host' },
      commandId: null,
      inputHash: null,
      event,
      previousHash: '',
      hash: '',
    }
    records.unshift(record)
    for (const client of clients) if (client.subscribed) say(client, { type: 'event', record })
  }

  function setLive(runId: string, change: Partial<Live>) {
    const before = live[runId]
    if (!before) return
    live[runId] = { ...before, ...change }
    for (const client of clients) if (client.subscribed) say(client, { type: 'live', runId, live: live[runId] })
  }

  function print(runId: string, text: string) {
    screens.set(runId, { ...screenOf(runId), text: screenOf(runId).text + text })
    for (const client of clients) {
      for (const [attachId, shown] of client.views) {
        if (shown === runId) client.channel.send(encodeData('output', attachId, encoder.encode(text)))
      }
    }
  }

  const screenOf = (runId: string) => screens.get(runId) ?? { cols: 80, rows: 24, text: '' }

  function show(client: Client, attachId: number, runId: string, sessionId?: string) {
    const { cols, rows, text } = sessionId ? { cols: 80, rows: 24, text: `this is ${sessionId}` } : screenOf(runId)
    const alive = state.runs[runId]?.phase === 'running' || state.runs[runId]?.phase === 'preparing'
    const size = sizes.get(runId) ?? { cols, rows }
    say(client, {
      type: 'screen',
      attachId,
      sessionId: sessionId ?? `${runId}.1`,
      ...size,
      reason: 'attach',
      live: alive,
      dropped: 0,
    })
    client.channel.send(encodeData('screen', attachId, encoder.encode(text)))
    say(client, { type: 'screen-end', attachId })
    if (!alive) say(client, { type: 'session-ended', attachId })
  }

  function receive(client: Client, message: ClientMessage) {
    switch (message.type) {
      case 'hello':
        return say(client, {
          type: 'welcome',
          protocol: protocolVersion,
          version: '0.1.0',
          pid: process.pid,
          home: '/home/you/.local/share/coppice',
          startedAt,
        })
      case 'subscribe':
        client.subscribed = true
        return say(client, { type: 'snapshot', state, live })
      case 'attach': {
        if (!state.runs[message.runId]) {
          return say(client, {
            type: 'attach-failed',
            attachId: message.attachId,
            failure: { code: 'not-found', retryable: false },
          })
        }
        client.views.set(message.attachId, message.runId)
        return void setTimeout(
          () => client.views.has(message.attachId) && show(client, message.attachId, message.runId, message.sessionId),
          options.attachMs ?? 0,
        )
      }
      case 'detach':
        return void client.views.delete(message.attachId)
      case 'resize': {
        const runId = client.views.get(message.attachId)
        if (!runId) return
        const size = { cols: message.cols, rows: message.rows }
        sizes.set(runId, size)
        for (const other of clients) {
          for (const [attachId, shown] of other.views)
            if (shown === runId) say(other, { type: 'resized', attachId, ...size })
        }
        return
      }
      case 'ack':
        return
      case 'call': {
        const reply = (value: Pick<Extract<HostMessage, { type: 'reply' }>, 'value' | 'failure'>) =>
          say(client, { type: 'reply', callId: message.callId, ...value })
        calls.push({ name: message.name, input: message.input })
        try {
          const value = answer(message.name as CommandName, message.input, {
            ...{ state, live, records, emit, setLive },
            prompts,
            review,
          })
          return reply({ value })
        } catch (error) {
          return reply({ failure: failureOf(error) })
        }
      }
    }
  }

  return {
    get state() {
      return state
    },
    live,
    review,
    typed,
    calls,
    sizes,
    attached: () => [...clients].flatMap(({ views }) => [...views.values()]),
    emit,
    setLive,
    print,
    say(message) {
      for (const client of clients) say(client, message)
    },
    drop() {
      for (const { channel } of clients) channel.close('the fixture went away')
      clients.clear()
    },
    serve(channel) {
      const client: Client = { channel, views: new Map(), subscribed: false }
      clients.add(client)
      channel.onClose(() => void clients.delete(client))
      channel.onFrame((bytes) => {
        const frame = decodeFrame(bytes)
        if (frame?.kind === 'input') {
          const runId = client.views.get(frame.attachId)
          if (!runId) return
          const text = new TextDecoder().decode(frame.bytes)
          typed.set(runId, (typed.get(runId) ?? '') + text)
          // Echo as a terminal would, so that typing is seen.
          if (options.echo !== false) print(runId, text.replace(/\r/g, '\r\n').replace(/\u007f/g, '\b \b'))
        } else if (frame?.kind === 'message') receive(client, ClientMessage.parse(frame.message))
      })
    },
  }
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
}

/** Serves a fixture and the built client on a loopback port; no token is asked for. */
export async function serveFixture(
  fixture: Fixture,
  options: { readonly root: string; readonly port?: number },
): Promise<{ readonly address: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://fixture').pathname
    if (path === '/session') return void response.writeHead(204).end()
    const file = join(options.root, normalize(path === '/' ? '/index.html' : path))
    try {
      if (!file.startsWith(options.root)) throw new Error('outside')
      const bytes = readFileSync(file)
      response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' }).end(bytes)
    } catch {
      response.writeHead(404).end()
    }
  })
  const sockets = new WebSocketServer({ server, path: '/socket' })
  sockets.on('connection', (socket) => {
    socket.binaryType = 'nodebuffer'
    const closers: ((reason: string) => void)[] = []
    fixture.serve({
      send: (frame) => {
        if (socket.readyState === socket.OPEN) socket.send(frame)
        return true
      },
      onFrame: (listener) => void socket.on('message', (data: Buffer) => listener(new Uint8Array(data))),
      onClose: (listener) => void closers.push(listener),
      onDrained: () => {},
      bufferedBytes: 0,
      close: () => socket.terminate(),
    })
    socket.on('close', () => {
      for (const close of closers) close('closed')
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.clients) socket.terminate()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

if (import.meta.main) {
  const option = (name: string) => process.argv[process.argv.indexOf(`--${name}`) + 1] ?? ''
  const has = (name: string) => process.argv.includes(`--${name}`)
  const fixture = createFixture({
    runs: has('runs') ? Number(option('runs')) : 9,
    empty: has('empty'),
    awkward: has('awkward'),
  })
  const { address } = await serveFixture(fixture, {
    root: join(import.meta.dirname, '../../dist/renderer'),
    port: has('port') ? Number(option('port')) : 0,
  })
  console.log(`FIXTURE (scripted, no git, no agents): ${address}/`)
}
