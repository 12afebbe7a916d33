// What a client can ask of the keeper, one entry each. Every input is checked here, because a client is another process, perhaps of
// another version. It promises that a wrong input changes nothing. It knows no sockets.
import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { constants } from 'node:os'
import type { Connection, Request } from './connection.ts'
import type { KeeperSession, SpawnSpec, StreamName } from './frames.ts'
import { KeeperError } from './keeper-error.ts'
import { type Session, sessionDirectory, startSession, startTimeOf } from './session.ts'

export interface State {
  readonly dataDir: string
  readonly sessions: Map<string, Session>
  onChange(session: Session): void
  /** Ends the keeper, soon. */
  end(why: string): void
}

// Input that a child has not taken yet; beyond it the child is not reading, and the memory is ours.
const INPUT_CAP = 16 * 1024 * 1024

// Descriptors that are not spent on sessions; one session takes up to five while it starts.
const HEADROOM = 16

type Command = (state: State, request: Request, connection: Connection) => unknown

export const commands: Readonly<Record<string, Command>> = {
  async spawn(state, request): Promise<Pick<KeeperSession, 'pid' | 'startTime'>> {
    const spec = specOf(request)
    if (state.sessions.has(spec.sessionId)) throw new KeeperError('exists', `There is a session ${spec.sessionId}`)
    keepHeadroom()
    const session = await startSession(state.dataDir, spec, state)
    state.sessions.set(spec.sessionId, session)
    if (spec.input !== undefined) {
      session.running?.write(Buffer.from(spec.input))
      session.running?.endInput()
    }
    state.onChange(session)
    const { pid, startTime } = session.describe()
    return { pid, startTime }
  },
  'end-input'(state, request) {
    live(state, request.sessionId).endInput()
  },
  /** How long a line of the session's input may be now: `{ limit: null }` where any length arrives. */
  'line-limit': (state, request) => ({ limit: live(state, request.sessionId).lineLimit() }),
  resize(state, request) {
    live(state, request.sessionId)
    find(state, request.sessionId).resize(sizeOf(request.cols, 'cols'), sizeOf(request.rows, 'rows'))
  },
  /** To the child's process group, which it leads. What has left that group is for the host to find. */
  signal(state, request) {
    const { pid } = live(state, request.sessionId)
    const name = request.signal as NodeJS.Signals
    if (typeof name !== 'string' || !(name in constants.signals)) throw new KeeperError('bad-input', 'No such signal')
    const { startTime } = find(state, request.sessionId).describe()
    if (startTime !== null && startTimeOf(pid) !== startTime) throw gone(request.sessionId)
    try {
      process.kill(process.platform === 'win32' ? pid : -pid, name)
    } catch {
      throw gone(request.sessionId)
    }
  },
  list: (state): KeeperSession[] => [...state.sessions.values()].map((session) => session.describe()),
  read(state, request, connection) {
    const stream = request.stream as StreamName
    if (stream !== 'out' && stream !== 'err') throw new KeeperError('bad-input', 'A stream is "out" or "err"')
    const from = wholeNumber(request.from, 'from', Number.MAX_SAFE_INTEGER)
    connection.subscribe(subOf(request), find(state, request.sessionId), stream, from)
  },
  unread: (_state, request, connection) => connection.unsubscribe(subOf(request)),
  /** Drops an ended session; its spool too unless `keepSpool`. One that the keeper does not hold is dropped from disk alike. */
  async forget(state, request) {
    const sessionId = idOf(request.sessionId)
    const directory = sessionDirectory(state.dataDir, sessionId)
    const session = state.sessions.get(sessionId)
    if (session && !session.exit) throw new KeeperError('busy', `Session ${session.sessionId} lives`)
    await session?.settled()
    state.sessions.delete(sessionId)
    if (request.keepSpool === true) await rm(`${directory}/session.json`, { force: true })
    else await rm(directory, { recursive: true, force: true })
  },
  /** Ends the keeper. With sessions that live only by force: then their groups are killed. */
  stop(state, request) {
    const lively = [...state.sessions.values()].filter((session) => session.running)
    if (lively.length > 0 && request.force !== true)
      throw new KeeperError('busy', `${lively.length} sessions live: stop them first`)
    for (const { running } of lively) {
      try {
        process.kill(process.platform === 'win32' ? running!.pid : -running!.pid, 'SIGKILL')
      } catch {
        // Gone meanwhile.
      }
    }
    state.end('a client asked for it')
  },
}

/** Input for a session's child, in the order in which it came. */
export function writeInput(state: State, sessionId: string, bytes: Buffer): void {
  const running = live(state, sessionId)
  if (running.pending() > INPUT_CAP) throw new KeeperError('input-full', `Session ${sessionId} does not read its input`)
  if (!running.write(bytes)) throw new KeeperError('not-running', `Session ${sessionId} takes no input`)
}

/** Refuses while there are still descriptors left for a host that connects and for reading spools from disk. Linux only. */
function keepHeadroom(): void {
  if (process.platform !== 'linux') return
  const limit = Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity)
  if (readdirSync('/proc/self/fd').length + HEADROOM > limit)
    throw new KeeperError('spawn-failed', `Too many open files: the keeper may open no more than ${limit}`, 'EMFILE')
}

function find(state: State, given: unknown): Session {
  const sessionId = idOf(given)
  const session = state.sessions.get(sessionId)
  if (!session) throw new KeeperError('not-found', `There is no session ${sessionId.slice(0, 200)}`)
  return session
}

/** An object's own toString is not asked: JSON can bring one that cannot be called. */
function idOf(given: unknown): string {
  if (typeof given !== 'string') throw new KeeperError('bad-input', 'sessionId is missing or wrong')
  return given
}

function live(state: State, sessionId: unknown): NonNullable<Session['running']> {
  const { running } = find(state, sessionId)
  if (!running) throw gone(sessionId)
  return running
}

const gone = (sessionId: unknown): KeeperError => new KeeperError('not-running', `Session ${sessionId} has ended`)

function specOf(request: Request): SpawnSpec {
  const { sessionId, kind, file, args, cwd, env, cols, rows, stdin, input, spoolBytes, segmentBytes } = request
  const bad = (what: string): KeeperError => new KeeperError('bad-input', `${what} is missing or wrong`)
  if (typeof sessionId !== 'string') throw bad('sessionId')
  if (kind !== 'pty' && kind !== 'pipe') throw bad('kind')
  if (typeof file !== 'string' || file === '') throw bad('file')
  if (!Array.isArray(args) || !args.every((arg) => typeof arg === 'string')) throw bad('args')
  if (typeof cwd !== 'string' || !cwd.startsWith(process.platform === 'win32' ? '' : '/')) throw bad('cwd')
  if (typeof env !== 'object' || env === null || !Object.values(env).every((value) => typeof value === 'string'))
    throw bad('env')
  if (stdin !== undefined && stdin !== 'pipe' && stdin !== 'null') throw bad('stdin')
  if (input !== undefined && (typeof input !== 'string' || kind !== 'pipe' || stdin !== 'pipe')) throw bad('input')
  const bytes = (value: unknown, name: string): number | undefined =>
    value === undefined ? undefined : wholeNumber(value, name, 1024 ** 3, 64 * 1024)
  return {
    sessionId,
    kind,
    file,
    args: args as string[],
    cwd,
    env: env as Record<string, string>,
    cols: cols === undefined ? 80 : sizeOf(cols, 'cols'),
    rows: rows === undefined ? 24 : sizeOf(rows, 'rows'),
    stdin: stdin ?? 'null',
    ...(input === undefined ? {} : { input }),
    spoolBytes: bytes(spoolBytes, 'spoolBytes'),
    segmentBytes: bytes(segmentBytes, 'segmentBytes'),
  }
}

/** The kernel keeps a size as 16 bits; what is beyond a thousand is a mistake. */
const sizeOf = (value: unknown, name: string): number => wholeNumber(value, name, 1000, 1)

const subOf = (request: Request): number => wholeNumber(request.sub, 'sub', 0xffffffff)

function wholeNumber(value: unknown, name: string, max: number, min = 0): number {
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
    throw new KeeperError('bad-input', `${name} must be a whole number from ${min} to ${max}`)
  return value as number
}
