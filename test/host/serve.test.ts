// The conversation with a client over an in-memory channel: hello, calls, subscription, terminals, and what a bad client gets.
import { afterEach, describe, expect, it } from 'vitest'
import { channelPair } from '../../app/contract/channel.ts'
import { type Client, connect, newCommandId } from '../../app/contract/client.ts'
import { decodeFrame, encodeData, encodeMessage } from '../../app/contract/frames.ts'
import { type HostMessage, protocolVersion } from '../../app/contract/wire.ts'
import type { ServeLimits } from '../../app/host/serve.ts'
import type { JournalRecord } from '../../app/model/event.ts'
import { CoppiceFailure, fail } from '../../app/model/failure.ts'
import { emptyLive, type Live, maxPromptBytes } from '../../app/model/run.ts'
import { emptyState, reduce, type State } from '../../app/model/state.ts'
import { by, repository, run, scratch } from '../store/sample.ts'
import { type FakeHost, fakeHost, handChannel, until } from './fake-room.ts'

const { make } = scratch()
const hosts: FakeHost[] = []
afterEach(() => {
  for (const host of hosts.splice(0)) host.close()
})

function start(limits: Partial<ServeLimits> = {}, directory = make()): FakeHost {
  const host = fakeHost(directory, limits)
  hosts.push(host)
  return host
}

function join(host: FakeHost, via: 'window' | 'browser' | 'cli' = 'cli'): Promise<Client> {
  const [mine, theirs] = channelPair()
  host.service.serve(theirs)
  return connect(mine, { via, version: '0.1.0' })
}

/** A client's replica: the state as it was told, and every gap in the numbers. */
function follow(client: Client, fromSeq?: number, state: State = emptyState) {
  const replica = {
    state,
    snapshots: 0,
    events: [] as number[],
    gaps: 0,
    live: {} as Record<string, Live | null>,
    liveCount: 0,
  }
  client.subscribe(
    {
      onSnapshot(snapshot, live) {
        replica.state = snapshot
        replica.snapshots++
        replica.live = { ...live }
      },
      onEvent({ seq, at, event }: JournalRecord) {
        if (seq <= replica.state.seq) return
        if (seq !== replica.state.seq + 1) replica.gaps++
        replica.events.push(seq)
        replica.state = reduce(replica.state, seq, at, event)
      },
      onLive(runId, live) {
        replica.live[runId] = live
        replica.liveCount++
      },
    },
    fromSeq,
  )
  return replica
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof CoppiceFailure ? error.failure.code : String(error)),
  )
const messagesOf = (sent: readonly Uint8Array[]) =>
  sent.flatMap((bytes) => {
    const frame = decodeFrame(bytes)
    return frame?.kind === 'message' ? [frame.message as HostMessage] : []
  })
const hello = (change: object = {}) =>
  encodeMessage({ type: 'hello', protocol: protocolVersion, version: '1', via: 'cli', ...change } as never)

describe('hello', () => {
  it('is welcomed with who the host is', async () => {
    const host = start()
    const client = await join(host)
    expect(client.welcome).toMatchObject({ version: '0.1.0', pid: process.pid, startedAt: 1 })
    expect(host.service.clients()).toMatchObject([{ id: 1, via: 'cli', version: '0.1.0' }])
    client.close()
    await until(() => host.service.clients().length === 0)
  })

  it.each([
    [protocolVersion - 1, 'client', 'update the client'],
    [protocolVersion + 1, 'host', 'coppice host stop'],
  ])('of protocol %i is refused with both versions and what to do', (protocol, older, words) => {
    const host = start()
    const { channel, sent, give, state } = handChannel()
    host.service.serve(channel)
    // A client of another protocol may say hello in another way, too.
    give(encodeMessage({ type: 'hello', protocol, version: '9.9.9', via: 'hologram', new: true } as never))
    const [message] = messagesOf(sent)
    expect(message).toMatchObject({
      type: 'refused',
      failure: {
        code: 'protocol-mismatch',
        detail: { host: protocolVersion, client: protocol, clientVersion: '9.9.9', older },
      },
    })
    expect(JSON.stringify(message)).toContain(words)
    expect(state.reason).toContain('protocol-mismatch')
    expect(host.service.clients()).toEqual([])
  })

  it('reaches the client as a CoppiceFailure', async () => {
    const host = start({ maxClients: 1 })
    await join(host)
    expect(await codeOf(join(host))).toBe('too-large')
  })

  it.each([
    ['a call', encodeMessage({ type: 'subscribe' })],
    ['terminal input', encodeData('input', 1, new Uint8Array(3))],
    ['nothing', new Uint8Array()],
    ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['JSON that is no message', encodeMessage([] as never)],
    ['null', encodeMessage(null as never)],
  ])('that is %s is refused and closed', (_, frame) => {
    const host = start()
    const { channel, sent, give, state } = handChannel()
    host.service.serve(channel)
    give(frame)
    expect(messagesOf(sent)).toMatchObject([{ type: 'refused', failure: { code: 'bad-input' } }])
    expect(state.reason).toContain('bad-input')
    give(hello())
    expect(host.service.clients()).toEqual([])
  })

  it('that never comes is not waited for', async () => {
    const host = start({ helloMs: 20 })
    const { channel, sent, state } = handChannel()
    host.service.serve(channel)
    await until(() => state.reason)
    expect(messagesOf(sent)).toMatchObject([{ type: 'refused', failure: { code: 'timeout' } }])
  })

  it('from a browser cannot pass for the window', () => {
    const host = start()
    const { channel, give } = handChannel()
    host.service.serve(channel, { via: 'browser' })
    give(hello({ via: 'window' }))
    expect(host.service.clients()).toMatchObject([{ via: 'browser' }])
    expect(host.service.focus(null)).toBe(0)
  })
})

describe('calls', () => {
  it('reach the handler parsed, with who asked, and give its answer', async () => {
    const host = start()
    const client = await join(host, 'window')
    host.room.on('host.serve', () => ({ address: 'a', url: 'b' }))
    expect(await client.call('host.serve', {})).toEqual({ address: 'a', url: 'b' })
    expect(host.room.calls[0]).toMatchObject({
      name: 'host.serve',
      input: { port: 0 },
      call: { caller: { actor: { user: 'ada', via: 'window' } }, client: { id: 1 } },
    })
  })

  it('leave their mark on what they cause', async () => {
    const host = start()
    const client = await join(host)
    const commandId = newCommandId()
    await client.call('run.create', { repositoryId: 'shop', agent: 'shell', id: 'one' }, { commandId })
    const [record] = host.journal.recordsOf(commandId)
    expect(record).toMatchObject({ actor: { user: 'ada', via: 'cli' }, commandId })
    expect(record?.inputHash).toMatch(/^[0-9a-f]{64}$/)
  })

  it('with the same id and input are done once and get the same answer, also after a new start of the host', async () => {
    const directory = make()
    const host = start({}, directory)
    const client = await join(host)
    const commandId = newCommandId()
    const input = { repositoryId: 'shop', agent: 'shell' } as const
    const answers = await Promise.all([
      client.call('run.create', input, { commandId }),
      client.call('run.create', { ...input, copies: 1 }, { commandId }),
      (await join(host)).call('run.create', input, { commandId }),
    ])
    answers.push(await client.call('run.create', input, { commandId }))
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(new Set(['{"runIds":["run-1"]}']))
    expect(host.room.calls).toHaveLength(1)
    hosts.pop()?.close()

    const next = start({}, directory)
    expect(await (await join(next)).call('run.create', input, { commandId })).toEqual({ runIds: ['run-1'] })
    expect(next.room.calls).toHaveLength(0)
    expect(Object.keys(next.journal.state.runs)).toEqual(['run-1'])
  })

  it('get the same failure again, too', async () => {
    const host = start()
    const client = await join(host)
    const commandId = newCommandId()
    host.room.on('run.push', () => {
      throw fail('no-remote', { remote: 'origin' })
    })
    expect(await codeOf(client.call('run.push', { runId: 'x' }, { commandId }))).toBe('no-remote')
    expect(await codeOf(client.call('run.push', { runId: 'x' }, { commandId }))).toBe('no-remote')
    expect(host.room.calls).toHaveLength(1)
    expect(await codeOf(client.call('run.push', { runId: 'x' }))).toBe('no-remote')
    expect(host.room.calls).toHaveLength(2)
  })

  it('with a used id and another input or name are refused', async () => {
    const host = start()
    const client = await join(host)
    const commandId = newCommandId()
    await client.call('run.stop', { runId: 'one' }, { commandId })
    expect(await codeOf(client.call('run.stop', { runId: 'two' }, { commandId }))).toBe('bad-input')
    expect(await codeOf(client.call('run.cancel', { runId: 'one' }, { commandId }))).toBe('bad-input')
    expect(host.room.calls).toHaveLength(1)
  })

  it('whose host was killed after the effect and before the answer are answered from the journal', async () => {
    const host = start()
    const client = await join(host)
    const commandId = newCommandId()
    const input = { repositoryId: 'shop', agent: 'shell', copies: 2 } as const
    host.journal.saveReply = () => {
      throw new Error('killed here')
    }
    host.room.on('run.create', (_, { caller }) => {
      host.journal.appendAll(
        [
          { type: 'run-queued', run: run('a') },
          { type: 'run-queued', run: run('b') },
        ],
        caller,
      )
      return { runIds: ['a', 'b'] }
    })
    await client.call('run.create', input, { commandId })
    expect(host.journal.reply(commandId)).toBeNull()
    expect(await client.call('run.create', input, { commandId })).toEqual({ runIds: ['a', 'b'] })
    expect(host.room.calls).toHaveLength(1)
    expect(await codeOf(client.call('run.create', { ...input, copies: 3 }, { commandId }))).toBe('bad-input')
  })

  it('that only read are run again, and no token is ever written down', async () => {
    const host = start()
    const client = await join(host)
    const commandId = newCommandId()
    host.room.on('host.serve', () => ({ address: 'http://127.0.0.1:1', url: 'http://127.0.0.1:1/#token=secret' }))
    await client.call('host.serve', {}, { commandId })
    await client.call('host.serve', {}, { commandId })
    expect(host.room.calls).toHaveLength(2)
    expect(host.journal.reply(commandId)).toBeNull()
  })

  it('that fail by a bug say internal, and the bug is in the log', async () => {
    const host = start()
    const client = await join(host)
    host.room.on('trash.list', () => {
      throw new TypeError('undefined is not a function')
    })
    expect(await codeOf(client.call('trash.list', {}))).toBe('internal')
    expect(host.log.join()).toContain('TypeError: undefined is not a function')
    host.room.on('trash.list', () => {
      throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    })
    expect(await codeOf(client.call('trash.list', {}))).toBe('no-space')
  })

  it('with a prompt above the cap in bytes are refused before any handler', async () => {
    const host = start()
    const client = await join(host)
    const create = (prompt: string) =>
      codeOf(client.call('run.create', { repositoryId: 'shop', agent: 'claude', prompt }))
    expect(await create('é'.repeat(maxPromptBytes / 2))).toBe('ok')
    expect(await create('é'.repeat(maxPromptBytes / 2 + 1))).toBe('prompt-too-long')
    expect(await create('x'.repeat(10 * 1024 * 1024))).toBe('prompt-too-long')
    expect(host.room.calls).toHaveLength(1)
  }, 30_000)

  it('beyond what one client may have under way are refused, and go on once there is room', async () => {
    const host = start({ maxCalls: 3 })
    const client = await join(host)
    let finish: () => void = () => {}
    const wait = new Promise<void>((resolve) => {
      finish = resolve
    })
    host.room.on('run.stop', () => wait)
    const calls = Array.from({ length: 5 }, (_, n) => codeOf(client.call('run.stop', { runId: `r${n}` })))
    expect(await calls[4]).toBe('too-large')
    finish()
    expect(await Promise.all(calls)).toEqual(['ok', 'ok', 'ok', 'too-large', 'too-large'])
    expect(await codeOf(client.call('run.stop', { runId: 'later' }))).toBe('ok')
  })

  it('whose answer would not fit a frame say so', async () => {
    const host = start()
    const client = await join(host)
    host.room.on('run.logs', () => ({ data: 'x'.repeat(25 * 1024 * 1024) }))
    expect(await codeOf(client.call('run.logs', { runId: 'one' }))).toBe('too-large')
    expect(await codeOf(client.call('host.status', {}))).toBe('ok')
  })

  it('that only read are told when their client has gone; the others go on', async () => {
    const host = start()
    const client = await join(host)
    for (const name of ['run.logs', 'run.stop'] as const) host.room.on(name, () => new Promise(() => {}))
    void codeOf(client.call('run.logs', { runId: 'one' }))
    void codeOf(client.call('run.stop', { runId: 'one' }))
    await until(() => host.room.calls.length === 2)
    client.close()
    await until(() => host.room.calls[0]!.call.signal?.aborted)
    expect(host.room.calls[1]!.call.signal).toBeUndefined()
  })
})

describe('the subscription', () => {
  it('gives two clients the same, from the state they came in on', async () => {
    const host = start()
    host.journal.append({ type: 'repository-added', repository: repository('shop') }, by)
    const [a, b] = [follow(await join(host)), follow(await join(host))]
    await until(() => a.snapshots + b.snapshots === 2)
    const client = await join(host)
    for (const id of ['one', 'two', 'three'])
      await client.call('run.create', { repositoryId: 'shop', agent: 'shell', id })
    await until(() => a.state.seq === 4 && b.state.seq === 4)
    for (const replica of [a, b]) {
      expect(replica).toMatchObject({ gaps: 0, events: [2, 3, 4], snapshots: 1 })
      expect(replica.state).toEqual(host.journal.state)
    }
  })

  it('sends a client that comes back what it missed, without a gap, and a snapshot where that is too much', async () => {
    const host = start({ maxMissed: 5 })
    const add = (id: string) => host.journal.append({ type: 'run-queued', run: run(id) }, by)
    add('one')
    const first = await join(host)
    const before = follow(first)
    await until(() => before.snapshots === 1)
    first.close()
    for (const id of ['two', 'three', 'four']) add(id)

    const back = follow(await join(host), before.state.seq + 1, before.state)
    await until(() => back.state.seq === 4)
    expect(back).toMatchObject({ events: [2, 3, 4], gaps: 0, snapshots: 0 })
    expect(back.state).toEqual(host.journal.state)
    add('five')
    await until(() => back.state.seq === 5)

    for (const id of ['six', 'seven']) add(id)
    const late = follow(await join(host), 2, before.state)
    await until(() => late.snapshots === 1)
    expect(late.events).toEqual([])
    expect(late.state).toEqual(host.journal.state)
    // A client of another database is ahead of this one.
    const strange = follow(await join(host), 1000)
    await until(() => strange.snapshots === 1)
  })

  it('asked for again replaces the one before: nothing comes twice', async () => {
    const host = start()
    const client = await join(host)
    follow(client)
    const second = follow(client)
    await until(() => second.snapshots === 2)
    host.journal.append({ type: 'run-queued', run: run('one') }, by)
    await until(() => second.state.seq === 1)
    expect(second.events).toEqual([1])
  })

  it('sends the newest live facts, no more than ten times a second a run, and their end', async () => {
    const host = start()
    host.journal.append({ type: 'run-queued', run: run('one') }, by)
    const replica = follow(await join(host))
    await until(() => replica.snapshots === 1)
    const began = Date.now()
    for (let n = 1; n <= 500; n++) {
      host.room.setLive('one', { ...emptyLive, title: `title ${n}` })
      if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await until(() => replica.live.one?.title === 'title 500')
    const allowed = Math.ceil((Date.now() - began) / 100) + 1
    expect(replica.liveCount).toBeGreaterThanOrEqual(2)
    expect(replica.liveCount).toBeLessThanOrEqual(allowed)
    host.room.setLive('one', null)
    await until(() => replica.live.one === null)
  })

  it('tells a client that comes back which facts are gone', async () => {
    const host = start()
    for (const id of ['one', 'two']) host.journal.append({ type: 'run-queued', run: run(id) }, by)
    host.room.setLive('one', { ...emptyLive, title: 'still' })
    const back = follow(await join(host), 3, host.journal.state)
    await until(() => back.liveCount === 2)
    expect(back.live).toEqual({ one: { ...emptyLive, title: 'still' }, two: null })
  })

  it('fits a snapshot into a frame by leaving out what was purged', async () => {
    const host = start()
    const title = 'x'.repeat(1024 * 1024)
    for (let n = 0; n < 25; n++)
      host.journal.append({ type: 'run-queued', run: run(`old-${n}`, { phase: 'purged', title }) }, by)
    host.journal.append({ type: 'run-queued', run: run('kept') }, by)
    const replica = follow(await join(host))
    await until(() => replica.snapshots === 1)
    expect(Object.keys(replica.state.runs)).toEqual(['kept'])
    expect(replica.state.seq).toBe(26)
  }, 30_000)
})

describe('notices and focus', () => {
  it('go to all clients, and to the windows', async () => {
    const host = start()
    const [cli, window] = [await join(host, 'cli'), await join(host, 'window')]
    const heard: string[] = []
    cli.onNotice(({ text }) => heard.push(`cli ${text}`))
    window.onNotice(({ text }) => heard.push(`window ${text}`))
    cli.onFocus((path) => heard.push(`cli focus ${path}`))
    window.onFocus((path) => heard.push(`window focus ${path}`))
    host.service.notify({ level: 'info', text: 'hello', next: null })
    expect(host.service.focus('/repo')).toBe(1)
    await until(() => heard.length === 3)
    expect(heard.sort()).toEqual(['cli hello', 'window focus /repo', 'window hello'])
  })
})

describe('a notice that nobody saw', () => {
  it('waits for the first window or browser that looks on, once', async () => {
    const host = start()
    const heard: string[] = []
    const look = async (via: 'window' | 'cli' | 'browser') => {
      const client = await join(host, via)
      client.onNotice(({ text }) => heard.push(`${via} ${text}`))
      follow(client)
      await client.call('host.status', {})
      return client
    }
    for (let n = 1; n <= 22; n++) host.service.notify({ level: 'info', text: `${n}`, next: null })
    await look('cli')
    expect(heard).toEqual([])
    const browser = await look('browser')
    // The newest twenty.
    expect(heard).toEqual(Array.from({ length: 20 }, (_, n) => `browser ${n + 3}`))
    await look('window')
    expect(heard).toHaveLength(20)
    browser.close()
    host.service.notify({ level: 'info', text: 'last', next: null })
    await until(() => heard.includes('window last'))
    await look('window')
    expect(heard.filter((line) => line === 'window last')).toHaveLength(1)
  })
})

describe('a client that does not read', () => {
  it('is closed at its bound, while the others go on', async () => {
    const host = start({ maxWaitingBytes: 100_000 })
    const { channel, sent, state, give } = handChannel()
    host.service.serve(channel)
    give(hello())
    give(encodeMessage({ type: 'subscribe' }))
    const good = follow(await join(host))
    await until(() => good.snapshots === 1)
    for (let n = 0; n < 500; n++) {
      host.journal.append({ type: 'run-queued', run: run(`r${n}`) }, by)
      state.buffered = sent.reduce((sum, frame) => sum + frame.length, 0)
      if (state.reason) break
    }
    expect(state.reason).toContain('too slow')
    // One message above the bound, and not one more.
    expect(sent.reduce((sum, frame) => sum + frame.length, 0)).toBeLessThan(105_000)
    await until(() => good.state.seq === host.journal.state.seq)
    expect(good.gaps).toBe(0)
    expect(host.service.clients()).toHaveLength(1)
  })
})

describe('messages that mean nothing', () => {
  it('are answered where there is somewhere to answer, and are ignored where a newer client may mean something', () => {
    const host = start()
    const { channel, sent, state, give } = handChannel()
    host.service.serve(channel)
    give(hello())
    give(encodeMessage({ type: 'call', callId: 7, name: 'host.status' } as never))
    give(encodeMessage({ type: 'attach', attachId: 9, runId: '../etc' } as never))
    give(encodeMessage({ type: 'wave', hand: 'left' } as never))
    give(hello())
    give(encodeData('output', 1, new Uint8Array(2)))
    expect(messagesOf(sent).slice(1)).toMatchObject([
      { type: 'reply', callId: 7, failure: { code: 'bad-input' } },
      { type: 'attach-failed', attachId: 9, failure: { code: 'bad-input' } },
      { type: 'notice', level: 'warning' },
      { type: 'notice', level: 'warning' },
      { type: 'notice', level: 'warning' },
    ])
    expect(state.reason).toBeNull()
    for (let n = 0; n < 100; n++) give(encodeMessage({ type: 'wave' } as never))
    expect(state.reason).toContain('bad-input')
  })
})

describe('terminals', () => {
  const listen = () => {
    const heard: string[] = []
    let bytes = 0
    return {
      heard,
      get bytes() {
        return bytes
      },
      onScreenStart: (screen: object) => void heard.push(`start ${JSON.stringify(screen)}`),
      onScreen(data: Uint8Array) {
        bytes += data.length
        heard.push(`screen ${data.length}`)
      },
      onScreenEnd: () => void heard.push('screen-end'),
      onOutput: (data: Uint8Array) => void heard.push(`output ${Buffer.from(data)}`),
      onResized: (cols: number, rows: number) => void heard.push(`resized ${cols}x${rows}`),
      onEnded: () => void heard.push('ended'),
      onFailed: (failure: { code: string }) => void heard.push(`failed ${failure.code}`),
    }
  }
  const screen = { sessionId: 'one.1', cols: 80, rows: 24, reason: 'attach', live: true, dropped: 0 } as const

  it('carry a screen in frames of at most 256 KiB, output, sizes and the end, in order', async () => {
    const host = start()
    host.journal.append({ type: 'run-queued', run: run('one') }, by)
    const client = await join(host)
    const view = listen()
    client.attach('one', view)
    const { viewer } = await until(() => host.room.terminals[0])
    viewer.start(screen)
    viewer.screen(new Uint8Array(600 * 1024))
    viewer.screenEnd()
    viewer.output(Buffer.from('hello'))
    viewer.resized(100, 30)
    viewer.ended()
    await until(() => view.heard.includes('ended'))
    expect(view.heard[0]).toContain('"cols":80,"rows":24')
    expect(view.heard.slice(1)).toEqual([
      'screen 262144',
      'screen 262144',
      'screen 90112',
      'screen-end',
      'output hello',
      'resized 100x30',
      'ended',
    ])
  })

  it('pass on what is typed, also what was typed while the attach was under way, in order', async () => {
    const host = start()
    host.journal.append({ type: 'run-queued', run: run('one') }, by)
    let attachNow: () => void = () => {}
    host.room.beforeAttach = new Promise((resolve) => {
      attachNow = resolve
    })
    const client = await join(host)
    const view = client.attach('one', listen())
    view.input(Buffer.from('ls'))
    view.resize(90, 25)
    view.ack(10)
    await client.call('host.status', {})
    attachNow()
    const terminal = await until(() => host.room.terminals[0])
    view.input(Buffer.from('\r'))
    await until(() => terminal.got.length === 4)
    expect(terminal.got).toEqual(['ls', [90, 25], 10, '\r'])
  })

  it('are silent after a detach, also one during the attach', async () => {
    const host = start()
    host.journal.append({ type: 'run-queued', run: run('one') }, by)
    let attachNow: () => void = () => {}
    host.room.beforeAttach = new Promise((resolve) => {
      attachNow = resolve
    })
    const { channel, sent, give } = handChannel()
    host.service.serve(channel)
    give(hello())
    give(encodeMessage({ type: 'attach', attachId: 1, runId: 'one' }))
    give(encodeMessage({ type: 'detach', attachId: 1 }))
    attachNow()
    const first = await until(() => host.room.terminals[0])
    await until(() => first.detached)
    give(encodeMessage({ type: 'attach', attachId: 1, runId: 'one' }))
    const second = await until(() => host.room.terminals[1])
    const count = sent.length
    first.viewer.output(Buffer.from('lost'))
    expect(sent).toHaveLength(count)
    second.viewer.output(Buffer.from('kept'))
    expect(sent).toHaveLength(count + 1)
    give(encodeMessage({ type: 'detach', attachId: 1 }))
    expect(second.detached).toBe(true)
    second.viewer.output(Buffer.from('lost'))
    expect(sent).toHaveLength(count + 1)
  })

  it('are let go when the client goes', async () => {
    const host = start()
    host.journal.append({ type: 'run-queued', run: run('one') }, by)
    const client = await join(host)
    client.attach('one', listen())
    client.attach('one', listen())
    await until(() => host.room.terminals.length === 2)
    client.close()
    await until(() => host.room.terminals.every((terminal) => terminal.detached))
  })

  it('that cannot be had say why, by their own id', async () => {
    const host = start()
    const client = await join(host)
    const view = listen()
    client.attach('nobody', view)
    await until(() => view.heard.length > 0)
    expect(view.heard).toEqual(['failed not-found'])
  })

  it('take no id twice, and no input larger than a prompt', async () => {
    const host = start({ maxInputBytes: 100 })
    host.journal.append({ type: 'run-queued', run: run('one') }, by)
    const { channel, sent, give } = handChannel()
    host.service.serve(channel)
    give(hello())
    for (let n = 0; n < 2; n++) give(encodeMessage({ type: 'attach', attachId: 1, runId: 'one' }))
    expect(messagesOf(sent).at(-1)).toMatchObject({
      type: 'attach-failed',
      attachId: 1,
      failure: { code: 'bad-input' },
    })
    const terminal = await until(() => host.room.terminals[0])
    give(encodeData('input', 1, new Uint8Array(101)))
    give(encodeData('input', 1, Buffer.from('ok')))
    give(encodeData('input', 2, Buffer.from('nobody there')))
    expect(messagesOf(sent).at(-1)).toMatchObject({ type: 'notice' })
    expect(terminal.got).toEqual(['ok'])
  })
})
