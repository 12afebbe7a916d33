// A room without git, agents or keeper, for tests of serving: it counts its calls, journals runs on `run.create`, and has one
// terminal that a test writes to. Everything between it and the client is the real thing.
import { join } from 'node:path'
import type { Channel } from '../../app/contract/channel.ts'
import { type CommandName, commandNames } from '../../app/contract/commands/index.ts'
import type { Log } from '../../app/host/log.ts'
import type { CallContext, Handlers, HostRoom, RoomHandlers } from '../../app/host/room.ts'
import { createService, type ServeLimits, type Service } from '../../app/host/serve.ts'
import { fail } from '../../app/model/failure.ts'
import type { Live } from '../../app/model/run.ts'
import type { TerminalHandle } from '../../app/runs/terminal.ts'
import type { Viewer } from '../../app/session/attach.ts'
import { openDatabase } from '../../app/store/database.ts'
import { type Journal, openJournal } from '../../app/store/journal.ts'
import { run } from '../store/sample.ts'

export interface Call {
  readonly name: CommandName
  readonly input: unknown
  readonly call: CallContext
}

export interface FakeTerminal {
  readonly runId: string
  readonly viewer: Viewer
  readonly got: (string | readonly [number, number] | number)[]
  detached: boolean
}

export interface FakeRoom extends HostRoom {
  readonly calls: Call[]
  readonly terminals: FakeTerminal[]
  readonly handlers: RoomHandlers & { [N in CommandName]: Handlers[N] }
  /** What a handler does instead of answering {}. */
  on(name: CommandName, act: (input: never, call: CallContext) => unknown): void
  setLive(runId: string, live: Live | null): void
  liveRuns: number
  /** Awaited by attach. */
  beforeAttach: Promise<void>
}

/** The room over a journal. */
export function fakeRoom(journal: Journal): FakeRoom {
  const acts = new Map<CommandName, (input: never, call: CallContext) => unknown>()
  const live = new Map<string, Live>()
  const listeners = new Set<(runId: string, live: Live | null) => void>()
  const room: FakeRoom = {
    calls: [],
    terminals: [],
    liveRuns: 0,
    beforeAttach: Promise.resolve(),
    on: (name, act) => void acts.set(name, act),
    handlers: Object.fromEntries(
      commandNames.map((name) => [
        name,
        async (input: unknown, call: CallContext) => {
          room.calls.push({ name, input, call })
          return (await acts.get(name)?.(input as never, call)) ?? {}
        },
      ]),
    ) as unknown as FakeRoom['handlers'],
    live: () => Object.fromEntries(live),
    onLive(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    setLive(runId, value) {
      if (value) live.set(runId, value)
      else live.delete(runId)
      for (const listener of listeners) listener(runId, value)
    },
    async attach(runId, viewer): Promise<TerminalHandle> {
      await room.beforeAttach
      if (!Object.hasOwn(journal.state.runs, runId)) throw fail('not-found', { what: 'run', id: runId })
      const terminal: FakeTerminal = { runId, viewer, got: [], detached: false }
      room.terminals.push(terminal)
      return {
        input: (bytes) => void terminal.got.push(Buffer.from(bytes).toString()),
        resize: (cols, rows) => void terminal.got.push([cols, rows]),
        ack: (bytes) => void terminal.got.push(bytes),
        detach() {
          terminal.detached = true
        },
      }
    },
    activity: () => ({ liveRuns: room.liveRuns, keeperPid: null }),
    async stopAll() {
      room.liveRuns = 0
    },
    async close() {},
  }
  room.on('run.create', ({ id }: { id?: string }, { caller }: CallContext) => {
    const runId = id ?? `run-${journal.state.seq + 1}`
    journal.append({ type: 'run-queued', run: run(runId) }, caller)
    return { runIds: [runId] }
  })
  return room
}

export interface FakeHost {
  readonly journal: Journal
  readonly room: FakeRoom
  readonly service: Service
  readonly log: string[]
  close(): void
}

/** A journal in `directory`, the room, and the service over both. */
export function fakeHost(directory: string, limits: Partial<ServeLimits> = {}): FakeHost {
  const journal = openJournal(openDatabase(join(directory, 'journal.db'), { aside: join(directory, 'aside') }))
  const room = fakeRoom(journal)
  const log: string[] = []
  const service = createService(
    {
      journal,
      handlers: room.handlers,
      live: room.live,
      onLive: room.onLive,
      attach: room.attach,
      version: '0.1.0',
      home: directory,
      user: 'ada',
      startedAt: 1,
      log: listLog(log),
    },
    limits,
  )
  return {
    journal,
    room,
    service,
    log,
    close() {
      service.close('the test is over')
      journal.close()
    },
  }
}

export const listLog = (lines: string[]): Log => ({
  info: (text) => void lines.push(`info ${text}`),
  warn: (text) => void lines.push(`warn ${text}`),
  error: (text, error) => void lines.push(`error ${text} ${String(error)}`),
})

/** A channel whose far end is the test itself: what was sent to it, and what it sends. It never reads by itself. */
export function handChannel() {
  const sent: Uint8Array[] = []
  let frame: (frame: Uint8Array) => void = () => {}
  const closed: ((reason: string) => void)[] = []
  const state = { reason: null as string | null, buffered: 0 }
  const channel: Channel = {
    send(bytes) {
      sent.push(bytes)
      return true
    },
    onFrame(listener) {
      frame = listener
    },
    onClose: (listener) => void closed.push(listener),
    onDrained() {},
    get bufferedBytes() {
      return state.buffered
    },
    close(reason = 'closed') {
      if (state.reason !== null) return
      state.reason = reason
      for (const listener of closed) listener(reason)
    },
  }
  return { channel, sent, state, give: (bytes: Uint8Array) => frame(bytes) }
}

/** Waits until `test` gives something; fails the test by time-out otherwise. */
export async function until<T>(test: () => T | null | undefined | false, ms = 10_000): Promise<T> {
  const end = Date.now() + ms
  for (;;) {
    const value = test()
    if (value) return value
    if (Date.now() > end) throw new Error(`nothing within ${ms} ms: ${test}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
