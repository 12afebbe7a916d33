// One session: a child, its spools, and what is known about it. That is also kept in its directory on disk, so that an exit is not
// forgotten if the keeper ends before a host asks. It knows no sockets and no clients.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeeperSession, SessionExit, SpawnSpec, StreamName } from './frames.ts'
import { KeeperError } from './keeper-error.ts'
import { startPipe } from './pipe-process.ts'
import { startPty } from './pty-process.ts'
import type { Running } from './running.ts'
import { Spool, type SpoolRead } from './spool.ts'
import { openSpool } from './spool-disk.ts'

/** What a reader needs of a spool, live or on disk. */
export interface Source {
  readonly first: number
  readonly end: number
  read(from: number, max: number): SpoolRead | Promise<SpoolRead>
}

export interface Session {
  readonly sessionId: string
  readonly directory: string
  /** Null once the child is gone. */
  readonly running: Running | null
  readonly exit: SessionExit | null
  source(stream: StreamName): Source | null
  describe(): KeeperSession
  resize(cols: number, rows: number): void
  /** Resolves when all there is of it is on disk, as far as the disk takes it. */
  settled(): Promise<void>
}

export interface SessionListener {
  /** There is more to read, or the session has ended. */
  onChange(session: Session): void
}

const recordName = 'session.json'

/** Where the session's files are; throws `bad-input` for an id that names no directory of its own. */
export function sessionDirectory(dataDir: string, sessionId: string): string {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(sessionId))
    throw new KeeperError('bad-input', `${JSON.stringify(sessionId).slice(0, 200)} is not a session id`)
  return join(dataDir, 'keeper', sessionId)
}

/** Starts the child. Throws `exists` for an id that was used before, `spawn-failed` (with `errno`) where it cannot start. */
export async function startSession(dataDir: string, spec: SpawnSpec, listener: SessionListener): Promise<Session> {
  const directory = sessionDirectory(dataDir, spec.sessionId)
  claimDirectory(directory, spec.sessionId)
  const spoolOf = (stream: StreamName): Spool =>
    new Spool({ directory, stream, capBytes: spec.spoolBytes, segmentBytes: spec.segmentBytes })
  const out = spoolOf('out')
  const err = spec.kind === 'pipe' ? spoolOf('err') : null
  const startedAt = Date.now()
  let size = { cols: spec.cols ?? 80, rows: spec.rows ?? 24 }
  let endedAt: number | null = null
  let exit: SessionExit | null = null
  let running: Running | null = null
  let startTime: number | null = null
  let settling = Promise.resolve()

  const start = spec.kind === 'pty' ? startPty : startPipe
  try {
    running = await start(spec, {
      onData(stream, bytes) {
        ;(stream === 'err' ? err : out)?.append(bytes)
        listener.onChange(session)
      },
      onExit(how) {
        exit = how
        endedAt = Date.now()
        running = null
        settling = settling.then(async () => {
          await Promise.all([out.close(), err?.close()])
          await writeRecord(directory, session.describe())
        })
        listener.onChange(session)
      },
    })
  } catch (error) {
    await rm(directory, { recursive: true, force: true }).catch(() => {})
    const { code, message } = error as NodeJS.ErrnoException
    throw new KeeperError('spawn-failed', message, code)
  }
  const pid = running.pid
  // Only what is still ours is read: a child that has ended already may have left its pid to somebody else.
  startTime = exit ? null : startTimeOf(pid)

  const session: Session = {
    sessionId: spec.sessionId,
    directory,
    get running() {
      return running
    },
    get exit() {
      return exit
    },
    source: (stream) => (stream === 'err' ? err : out),
    describe: () => ({
      sessionId: spec.sessionId,
      kind: spec.kind,
      pid,
      startTime,
      ...size,
      startedAt,
      endedAt,
      exit,
      bytes: { out: out.end, err: err?.end ?? 0 },
      firstByte: { out: out.first, err: err?.first ?? 0 },
      spoolProblem: out.problem ?? err?.problem ?? null,
    }),
    resize(cols, rows) {
      running?.resize(cols, rows)
      size = { cols, rows }
    },
    async settled() {
      await settling
      await Promise.all([out.flush(), err?.flush()])
    },
  }
  settling = settling.then(() => writeRecord(directory, session.describe()))
  return session
}

/** The ended sessions that an earlier keeper left, because nobody has asked it to forget them. */
export async function restoreSessions(dataDir: string): Promise<Session[]> {
  const found: Session[] = []
  for (const name of readdirSync(join(dataDir, 'keeper'))) {
    const record = readRecord(join(dataDir, 'keeper', name))
    // Without an exit the session was live when its keeper was killed: it is lost, not ended, and that is the host's to say.
    if (record?.exit && record.sessionId === name) found.push(await restore(join(dataDir, 'keeper', name), record))
  }
  return found
}

async function restore(directory: string, record: KeeperSession): Promise<Session> {
  const sources = { out: await openSpool(directory, 'out'), err: await openSpool(directory, 'err') }
  return {
    sessionId: record.sessionId,
    directory,
    running: null,
    exit: record.exit,
    source: (stream) => (stream === 'err' && record.kind === 'pty' ? null : sources[stream]),
    describe: () => ({ ...record, firstByte: { out: sources.out.first, err: sources.err.first } }),
    resize() {},
    settled: async () => {},
  }
}

/** Field 22 of /proc/PID/stat; null where there is none to read. */
export function startTimeOf(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The program's name stands in brackets and may hold anything.
    const ticks = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19])
    return Number.isFinite(ticks) ? ticks : null
  } catch {
    return null
  }
}

function claimDirectory(directory: string, sessionId: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new KeeperError('exists', `There was a session ${sessionId} before`)
    // A disk that takes nothing (ENOSPC, EROFS) does not keep an agent from starting: its spool lives in memory then.
  }
}

async function writeRecord(directory: string, record: KeeperSession): Promise<void> {
  const path = join(directory, recordName)
  try {
    await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 })
    await rename(`${path}.new`, path)
  } catch {
    // The same full disk that the spool has already flagged. A host that comes in time is told by `list`.
  }
}

function readRecord(directory: string): KeeperSession | null {
  try {
    return JSON.parse(readFileSync(join(directory, recordName), 'utf8')) as KeeperSession
  } catch {
    return null
  }
}
