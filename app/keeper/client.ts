// How the rest of Coppice reaches the keeper: it connects to the keeper of a data directory, or starts one, and offers its commands
// as functions. It promises that one keeper remains however many are started at once, with every client connected to it, and that
// what a session printed can be read from disk if no keeper is left. It knows no runs, no git and no database.
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type KeeperConnection, openConnection, type ReadHandlers, type Reading } from './client-connection.ts'
import type { KeeperSession, SpawnSpec, StreamName } from './frames.ts'
import { KeeperError } from './keeper-error.ts'
import type { LineLimit } from './line-limit.ts'
import { socketCandidates } from './socket-path.ts'
import { openSpool } from './spool-disk.ts'

export type { ReadHandlers, Reading } from './client-connection.ts'
export type { KeeperSession, SessionExit, SpawnSpec, StreamName } from './frames.ts'
export { KeeperError, type KeeperErrorCode } from './keeper-error.ts'
export {
  announceSocket,
  prepareSocketDirectory,
  type SocketName,
  socketCandidates,
  socketPath,
} from './socket-path.ts'

export interface KeeperOptions {
  readonly dataDir: string
  readonly clientVersion: string
  /** How to start a keeper where none runs. Without it a missing keeper is `unreachable`. */
  readonly startWith?: {
    /** The Node that runs it, the keeper's script, and its whole environment, which no session inherits. */
    readonly node: string
    readonly script: string
    readonly env: Readonly<Record<string, string>>
    /** Seconds that it waits, holding nothing and with nobody connected, before it ends itself. Default 60. */
    readonly idleSeconds?: number
  }
}

/** All rejections are KeeperErrors. A rejected write, end, resize or signal may go unheard without harm. */
export interface Keeper {
  readonly pid: number
  /** The keeper's own version, which may be older than ours. */
  readonly version: string
  spawn(spec: SpawnSpec): Promise<Pick<KeeperSession, 'pid' | 'startTime'>>
  /** Resolves when the keeper has taken it. Writes and ends arrive in the order in which they were made. */
  write(sessionId: string, bytes: Uint8Array): Promise<void>
  /** How long a line of its input may be now; null where any length arrives, or this keeper is too old to know. */
  lineLimit(sessionId: string): Promise<LineLimit | null>
  /** Pipe sessions with `stdin: 'pipe'`; nothing for others. */
  endInput(sessionId: string): Promise<void>
  resize(sessionId: string, cols: number, rows: number): Promise<void>
  /** To the process group that the child leads; for whole trees see app/process/tree. */
  signal(sessionId: string, name: NodeJS.Signals): Promise<void>
  /** Live sessions, and ended ones until they are forgotten, also of keepers before this one. */
  list(): Promise<KeeperSession[]>
  /** Delivers from byte `from` on as it comes. `from` is at most the byte that is to come next, else onError `bad-input`. */
  read(
    sessionId: string,
    where: { readonly stream: StreamName; readonly from: number },
    handlers: ReadHandlers,
  ): Reading
  /** Drops an ended session from the list, and its output from the disk unless `keepSpool`. One unknown is dropped from disk. */
  forget(sessionId: string, options?: { readonly keepSpool?: boolean }): Promise<void>
  /** Ends the keeper; `busy` while sessions live, unless `force`, which kills their process groups. */
  stop(options?: { readonly force?: boolean }): Promise<void>
  /** Called once, when the connection is gone for whatever reason. */
  onClosed(listener: () => void): void
  /** Ends this connection; the keeper and its sessions go on. */
  close(): void
}

export interface SpoolPage {
  /** The offset of the first byte of `bytes`. */
  readonly at: number
  readonly bytes: Buffer
  /** The first byte that is kept, and the offset after the last. */
  readonly firstByte: number
  readonly end: number
}

// How long a keeper that starts, or one that is just ending, may take.
const PATIENCE_MS = 15_000
const LOG_BYTES = 1024 * 1024
// The exit of a keeper that found another one holding the lock: that one is about to listen, or about to end.
const LOCKED_BY_ANOTHER = 3

interface Starting {
  /** Null while it runs. `words` where it could not even be started. */
  ended(): { readonly code: number | null; readonly words?: string } | null
}

/** Connects to the data directory's keeper, starting it where none answers and `startWith` says how. */
export async function connectKeeper(options: KeeperOptions): Promise<Keeper> {
  const deadline = performance.now() + PATIENCE_MS
  let child: Starting | null = null
  let failures = 0
  for (let pause = 15; ; pause = Math.min(200, pause * 1.5)) {
    const found = await tryConnect(options)
    if (!(found instanceof KeeperError)) return keeperOver(found)
    if (!options.startWith) throw found
    const ended = child?.ended()
    if (ended !== null) {
      if (ended && ended.code !== LOCKED_BY_ANOTHER && ++failures > 1)
        throw new KeeperError('start-failed', `The keeper does not start: ${ended.words ?? lastWords(options.dataDir)}`)
      child = startKeeper(options.dataDir, options.clientVersion, options.startWith)
    }
    if (performance.now() > deadline)
      throw new KeeperError('unreachable', `A keeper holds ${options.dataDir} but does not answer: ${found.message}`)
    await sleep(pause)
  }
}

/**
 * What a session printed, from disk: with or without a keeper, of a session that lives, has ended or was lost. From byte
 * `from` on, or, without it, the last `maxBytes`. An empty page where nothing is kept. A live one lags by some 25 ms.
 */
export async function readSpoolFromDisk(
  dataDir: string,
  sessionId: string,
  stream: StreamName,
  options: { readonly from?: number; readonly maxBytes: number },
): Promise<SpoolPage> {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(sessionId)) throw new KeeperError('bad-input', 'Not a session id')
  const spool = await openSpool(join(dataDir, 'keeper', sessionId), stream)
  const from = Math.max(spool.first, options.from ?? spool.end - options.maxBytes)
  const parts: Buffer[] = []
  for (let at = from, left = options.maxBytes; left > 0; ) {
    const found = await spool.read(at, left)
    // A segment that a live keeper has just dropped ends the page: the next one starts behind the gap.
    if (found.bytes.length === 0 || found.at !== at) break
    parts.push(found.bytes)
    at += found.bytes.length
    left -= found.bytes.length
  }
  return { at: from, bytes: Buffer.concat(parts), firstByte: spool.first, end: spool.end }
}

/** A connection, or why there is none where waiting may help; throws where it cannot. */
async function tryConnect(options: KeeperOptions): Promise<KeeperConnection | KeeperError> {
  let reason = new KeeperError('unreachable', 'No keeper runs')
  for (const path of socketCandidates(options.dataDir, 'keeper')) {
    try {
      return await openConnection(path, options.clientVersion)
    } catch (error) {
      if (!(error instanceof KeeperError) || error.code === 'protocol' || error.errno === 'EACCES') throw error
      reason = error
    }
  }
  return reason
}

function startKeeper(
  dataDir: string,
  version: string,
  { node, script, env, idleSeconds }: NonNullable<KeeperOptions['startWith']>,
): Starting {
  // A keeper that is started from inside a run is no part of that run.
  const { COPPICE_RUN: _run, COPPICE_MARK: _mark, ...own } = env
  mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o700 })
  const log = openSync(logPath(dataDir), 'a', 0o600)
  try {
    trimLog(logPath(dataDir))
    const idle = idleSeconds === undefined ? [] : ['--idle', String(idleSeconds)]
    // node:sqlite and node:ffi are still said to be experimental at every start.
    const args = ['--disable-warning=ExperimentalWarning', script, '--data', dataDir, '--version', version, ...idle]
    const child = spawn(node, args, {
      cwd: '/',
      env: own,
      detached: true,
      stdio: ['ignore', 'ignore', log],
      windowsHide: true,
    })
    let ended: ReturnType<Starting['ended']> = null
    child.once('error', (error) => {
      ended = { code: null, words: error.message }
    })
    child.once('exit', (code) => {
      ended = { code }
    })
    child.unref()
    return { ended: () => ended }
  } finally {
    closeSync(log)
  }
}

const logPath = (dataDir: string): string => join(dataDir, 'logs', 'keeper.log')

function trimLog(path: string): void {
  if (readFileSync(path).length > LOG_BYTES) truncateSync(path, 0)
}

function lastWords(dataDir: string): string {
  try {
    return readFileSync(logPath(dataDir), 'utf8').trim().split('\n').slice(-8).join('\n')
  } catch (error) {
    return (error as Error).message
  }
}

function keeperOver(connection: KeeperConnection): Keeper {
  const ask = (command: string, input?: object): Promise<void> =>
    unheard(connection.request(command, input).then(() => {}))
  return {
    pid: connection.pid,
    version: connection.version,
    spawn: (spec) => connection.request('spawn', spec) as Promise<Pick<KeeperSession, 'pid' | 'startTime'>>,
    write: (sessionId, bytes) => unheard(connection.write(sessionId, bytes)),
    async lineLimit(sessionId) {
      try {
        return ((await connection.request('line-limit', { sessionId })) as { limit: LineLimit | null }).limit
      } catch (error) {
        if ((error as KeeperError).code === 'bad-input') return null
        throw error
      }
    },
    endInput: (sessionId) => ask('end-input', { sessionId }),
    resize: (sessionId, cols, rows) => ask('resize', { sessionId, cols, rows }),
    signal: (sessionId, name) => ask('signal', { sessionId, signal: name }),
    list: () => connection.request('list') as Promise<KeeperSession[]>,
    read: connection.read,
    forget: async (sessionId, options) => void (await connection.request('forget', { ...options, sessionId })),
    stop: async (options) => void (await connection.request('stop', { ...options })),
    onClosed: connection.onClosed,
    close: connection.close,
  }
}

/** A promise whose rejection may be left alone: whoever awaits it hears it all the same. */
function unheard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
