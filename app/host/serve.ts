// One connection's conversation, on any transport: hello, calls, one subscription, terminals. Everything that arrives is checked
// here; what is wrong gets a typed refusal and never an exception. A client that does not read is closed before it costs memory,
// and no client waits for another. It knows no command by name.
import type { Channel } from '../contract/channel.ts'
import { decodeFrame, encodeMessage, maxFrameBytes } from '../contract/frames.ts'
import { ClientMessage, type HostMessage, type Notice, protocolVersion } from '../contract/wire.ts'
import type { Failure } from '../model/failure.ts'
import type { State } from '../model/state.ts'
import type { Journal } from '../store/journal.ts'
import { createBroadcast } from './broadcast.ts'
import { createDispatch } from './dispatch.ts'
import type { Log } from './log.ts'
import type { ClientInfo, Handlers, HostRoom } from './room.ts'
import { createClientTerminals } from './terminals.ts'

export interface ServeDeps extends Pick<HostRoom, 'live' | 'onLive' | 'attach'> {
  readonly journal: Journal
  readonly handlers: Handlers
  readonly version: string
  /** The data directory, shown to clients. */
  readonly home: string
  readonly user: string
  readonly startedAt: number
  readonly log: Log
}

export interface ServeLimits {
  /** How long a new connection may take to say hello. */
  readonly helloMs: number
  /** Bytes waiting for a client that does not read; one message more and it is closed. */
  readonly maxWaitingBytes: number
  /** Calls of one client that have no reply yet. */
  readonly maxCalls: number
  readonly maxClients: number
  /** Events sent one by one to a client that comes back; more, and it gets a snapshot. */
  readonly maxMissed: number
  /** Bytes of one frame of terminal input: a paste of the longest prompt. */
  readonly maxInputBytes: number
}

const defaultLimits: ServeLimits = {
  helloMs: 10_000,
  maxWaitingBytes: 32 * 1024 * 1024,
  maxCalls: 128,
  maxClients: 256,
  maxMissed: 1000,
  maxInputBytes: 1024 * 1024,
}

export interface Service {
  /** Takes over a channel. `via` overrides what the client says of itself: a browser cannot pass for the window. */
  serve(channel: Channel, options?: { readonly via?: ClientInfo['via'] }): void
  /** Those that have said hello. */
  clients(): readonly ClientInfo[]
  /** Called when one has come or gone. */
  onClients(listener: () => void): void
  /** To every client; where no window and no browser looks on, also to the first that does. */
  notify(notice: Notice): void
  /** Asks the windows to come forward; says how many there are. */
  focus(path: string | null): number
  close(reason: string): void
}

interface Connection {
  readonly info: ClientInfo
  /** True from its first subscription on, for a window or a browser: a person sees what it is told. */
  watching: boolean
  send(message: HostMessage): void
}

/** Notices that nobody saw are kept for the next who looks, this many at most. */
const maxUnseen = 20

/** Serves any number of channels from one journal, one set of handlers and one room. */
export function createService(deps: ServeDeps, limits: Partial<ServeLimits> = {}): Service {
  const limit = { ...defaultLimits, ...limits }
  const dispatch = createDispatch(deps)
  const broadcast = createBroadcast(deps)
  const connections = new Map<number, Connection>()
  const channels = new Set<Channel>()
  const clientListeners: (() => void)[] = []
  const unseen: Notice[] = []
  let lastId = 0
  const tellClients = () => {
    for (const listener of clientListeners) listener()
  }

  function serve(channel: Channel, options: { readonly via?: ClientInfo['via'] } = {}): void {
    const gone = new AbortController()
    const terminals = createClientTerminals({
      attach: deps.attach,
      send: sendFrame,
      onBug: (error) => deps.log.error('attach failed by a bug', error),
    })
    let client: ClientInfo | null = null
    let leave: (() => void) | null = null
    let calls = 0
    let complaints = 0
    const helloTimer = setTimeout(
      () => refuse({ code: 'timeout', retryable: true, detail: { message: 'no hello' } }),
      limit.helloMs,
    )
    helloTimer.unref()
    channels.add(channel)
    channel.onClose(end)
    channel.onFrame((bytes) => {
      if (!gone.signal.aborted) receive(bytes)
    })

    function end(): void {
      if (gone.signal.aborted) return
      gone.abort()
      clearTimeout(helloTimer)
      leave?.()
      terminals.close()
      channels.delete(channel)
      if (client && connections.delete(client.id)) tellClients()
    }

    function shut(reason: string) {
      end()
      channel.close(reason)
    }

    function sendFrame(frame: Uint8Array) {
      if (gone.signal.aborted) return
      if (channel.bufferedBytes > limit.maxWaitingBytes) {
        deps.log.warn(`client ${client?.id ?? '?'} (${client?.via ?? 'new'}) does not read: closed`)
        return shut('too slow: what was sent is not being read')
      }
      channel.send(frame)
    }

    function send(message: HostMessage): void {
      sendFrame(encodeMessage(message))
    }

    function refuse(failure: Failure): void {
      send({ type: 'refused', failure })
      shut(`refused: ${failure.code}`)
    }

    function complain(text: string) {
      complaints++
      if (complaints > 100) return refuse(badInput('too many messages that mean nothing'))
      send({ type: 'notice', level: 'warning', text, next: null })
    }

    function receive(bytes: Uint8Array) {
      if (bytes.length > maxFrameBytes)
        return refuse({ code: 'too-large', retryable: false, detail: { max: maxFrameBytes } })
      const frame = decodeFrame(bytes)
      if (!frame) return refuse(badInput('a frame that is none of the known kinds, or no JSON'))
      if (frame.kind === 'message') return receiveMessage(frame.message)
      if (!client) return refuse(badInput('the first message must be hello'))
      if (frame.kind !== 'input') return complain(`Clients do not send ${frame.kind} frames; it was ignored.`)
      if (frame.bytes.length > limit.maxInputBytes) {
        return complain(`Terminal input of more than ${limit.maxInputBytes} bytes at once was ignored.`)
      }
      terminals.input(frame.attachId, frame.bytes)
    }

    function receiveMessage(raw: unknown) {
      const parsed = ClientMessage.safeParse(raw)
      if (!client) {
        // The version is looked at before the shape: a client of another protocol may well say hello in another way.
        const protocol = protocolOf(raw)
        if (protocol !== null && protocol !== protocolVersion) return refuse(mismatch(protocol, versionOf(raw)))
        if (!parsed.success || parsed.data.type !== 'hello') return refuse(badInput('the first message must be hello'))
        return welcome(parsed.data)
      }
      if (!parsed.success) return refuseMessage(raw)
      const message = parsed.data
      switch (message.type) {
        case 'hello':
          return complain('This connection has said hello before.')
        case 'call':
          return void call(message, client)
        case 'subscribe':
          return subscribe(message.fromSeq)
        case 'attach':
          return terminals.attach(message.attachId, message.runId, message)
        case 'detach':
          return terminals.detach(message.attachId)
        case 'resize':
          return terminals.resize(message.attachId, message.cols, message.rows)
        case 'ack':
          return terminals.ack(message.attachId, message.bytes)
      }
    }

    function welcome(hello: Extract<ClientMessage, { type: 'hello' }>) {
      clearTimeout(helloTimer)
      if (connections.size >= limit.maxClients) {
        return refuse({
          code: 'too-large',
          retryable: true,
          detail: { message: `at most ${limit.maxClients} clients can connect` },
        })
      }
      const via = options.via ?? hello.via
      const shows = via !== 'cli' && hello.shows !== false
      client = { id: ++lastId, via, shows, version: hello.version, connectedAt: Date.now() }
      connections.set(client.id, { info: client, watching: false, send })
      const { version, home, startedAt } = deps
      send({ type: 'welcome', protocol: protocolVersion, version, pid: process.pid, home, startedAt })
      tellClients()
    }

    // A message of a known kind whose parts are wrong is answered where an answer has somewhere to go.
    function refuseMessage(raw: unknown) {
      const { type, callId, attachId } = (raw ?? {}) as Record<string, unknown>
      const failure = badInput('the message is not of the shape that the contract gives it')
      if (type === 'call' && typeof callId === 'number') return send({ type: 'reply', callId, failure })
      if (type === 'attach' && Number.isInteger(attachId)) {
        return send({ type: 'attach-failed', attachId: Number(attachId), failure })
      }
      complain('A message that this host does not know was ignored.')
    }

    async function call(message: Extract<ClientMessage, { type: 'call' }>, from: ClientInfo) {
      const { callId, commandId, name, input } = message
      if (calls >= limit.maxCalls) {
        const detail = { message: `at most ${limit.maxCalls} calls at once` }
        return send({ type: 'reply', callId, failure: { code: 'too-large', retryable: true, detail } })
      }
      calls++
      const reply = await dispatch({ name, commandId, input, client: from, signal: gone.signal })
      calls--
      const frame = encodeMessage({ type: 'reply', callId, ...reply })
      if (frame.length <= maxFrameBytes) return sendFrame(frame)
      send({ type: 'reply', callId, failure: { code: 'too-large', retryable: false, detail: { max: maxFrameBytes } } })
    }

    function subscribe(fromSeq: number | undefined) {
      leave?.()
      const missed = fromSeq === undefined ? null : deps.journal.since(Math.max(0, fromSeq - 1), limit.maxMissed)
      const live = deps.live()
      if (!missed) sendFrame(snapshotFrame(deps.journal.state, live))
      else {
        for (const record of missed) send({ type: 'event', record })
        // A client that comes back may remember facts of runs that have none now.
        for (const run of Object.values(deps.journal.state.runs)) {
          if (run.phase !== 'purged') send({ type: 'live', runId: run.id, live: live[run.id] ?? null })
        }
      }
      if (gone.signal.aborted) return
      leave = broadcast.join({ send: sendFrame })
      const connection = connections.get(client?.id ?? 0)
      if (!connection?.info.shows) return
      connection.watching = true
      for (const notice of unseen.splice(0)) send({ type: 'notice', ...notice })
    }
  }

  return {
    serve,
    clients: () => [...connections.values()].map(({ info }) => info),
    onClients: (listener) => void clientListeners.push(listener),
    notify(notice) {
      const all = [...connections.values()]
      if (!all.some((connection) => connection.watching) && unseen.push(notice) > maxUnseen) unseen.shift()
      for (const connection of all) connection.send({ type: 'notice', ...notice })
    },
    focus(path) {
      const windows = [...connections.values()].filter(({ info }) => info.via === 'window' && info.shows)
      for (const connection of windows) connection.send({ type: 'focus', path })
      return windows.length
    },
    close(reason) {
      broadcast.close()
      for (const channel of [...channels]) channel.close(reason)
    },
  }
}

/** Says on a new channel why there is nothing to talk to, and closes it: for a host that could not start, or is about to end. */
export function turnAway(channel: Channel, failure: Failure): void {
  channel.onFrame(() => {})
  channel.send(encodeMessage({ type: 'refused', failure }))
  channel.close(`refused: ${failure.code}`)
}

// Runs that were purged are history: where a snapshot would not fit into a frame, they are left out of it.
function snapshotFrame(state: State, live: Parameters<typeof encodeSnapshot>[1]): Uint8Array {
  const frame = encodeSnapshot(state, live)
  if (frame.length <= maxFrameBytes) return frame
  const runs = Object.fromEntries(Object.entries(state.runs).filter(([, run]) => run.phase !== 'purged'))
  return encodeSnapshot({ ...state, runs }, live)
}

const encodeSnapshot = (state: State, live: Extract<HostMessage, { type: 'snapshot' }>['live']): Uint8Array =>
  encodeMessage({ type: 'snapshot', state: state as Extract<HostMessage, { type: 'snapshot' }>['state'], live })

const badInput = (message: string): Failure => ({ code: 'bad-input', retryable: false, detail: { message } })

function mismatch(theirs: number, version: string): Failure {
  const older = theirs < protocolVersion
  return {
    code: 'protocol-mismatch',
    retryable: false,
    detail: {
      host: protocolVersion,
      client: theirs,
      clientVersion: version,
      older: older ? 'client' : 'host',
      message: older
        ? `this client speaks protocol ${theirs}, the running host ${protocolVersion}: update the client`
        : `this client speaks protocol ${theirs}, the running host ${protocolVersion}: run "coppice host stop", and the next start uses the newer host (agents keep running)`,
    },
  }
}

const partOf = (raw: unknown, key: string): unknown =>
  typeof raw === 'object' && raw !== null && (raw as { type?: unknown }).type === 'hello'
    ? (raw as Record<string, unknown>)[key]
    : undefined
const protocolOf = (raw: unknown): number | null => {
  const found = partOf(raw, 'protocol')
  return typeof found === 'number' ? found : null
}
const versionOf = (raw: unknown): string => String(partOf(raw, 'version') ?? '').slice(0, 50)
