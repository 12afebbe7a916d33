// Runs programs: the only place outside app/keeper that imports child_process. It promises that every program has its own process
// group, that a time-out or an abort ends that whole group, that a grandchild which keeps the pipes open never delays the answer,
// and that nothing goes through a shell. It knows no git, no agents, no runs.
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, closeSync, constants, openSync } from 'node:fs'

export interface ProgramOptions {
  readonly cwd?: string
  /** The whole environment: nothing is inherited. */
  readonly env: Record<string, string>
  /** Written to stdin, which is then closed. Without it stdin is /dev/null. */
  readonly input?: string | Uint8Array
  /** Milliseconds until the group is sent TERM. */
  readonly timeoutMs: number
  /** Milliseconds between TERM and KILL. Default 2000. */
  readonly graceMs?: number
  /** Bytes of stdout that are kept (its start). What is beyond is read, handed to onStdout and dropped. Default 64 MiB. */
  readonly maxStdoutBytes?: number
  /** Bytes of stderr that are kept (its end, where the reason stands). Default 256 KiB. */
  readonly maxStderrBytes?: number
  readonly signal?: AbortSignal
  onStdout?(chunk: Buffer): void
  onStderr?(chunk: Buffer): void
}

export interface ProgramResult {
  /** 0 where the abort signal had already been given, and nothing was started. */
  readonly pid: number
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  readonly stderr: string
  readonly timedOut: boolean
  readonly aborted: boolean
  /** True where stdout or stderr was longer than what was kept. */
  readonly truncated: boolean
  readonly durationMs: number
}

export interface DetachedOptions {
  readonly cwd: string
  readonly env: Record<string, string>
  /** Where stdout and stderr go: a file that is appended to (made 0600), an open descriptor, or nowhere. */
  readonly log?: string | number
}

const MIB = 1024 * 1024
// A killed program that the kernel does not let go (uninterruptible sleep on a dead mount) is answered for after this time.
const GIVE_UP_MS = 2000
// How long a pipe that is still open after the program's exit is read on: enough for a child that is just closing down.
const DRAIN_MS = 150

let spawned = 0

/** How many programs this process has started so far: tests gate operations by this count, not by time. */
export function programsSpawned(): number {
  return spawned
}

/**
 * Runs a program to its end. Resolves whatever its exit; rejects with Node's own error (its `code` kept: ENOENT, EACCES,
 * EMFILE, E2BIG …) where it could not be started. A missing `cwd` is told apart: `code: 'ENOENT', syscall: 'chdir'`.
 */
export function runProgram(file: string, args: readonly string[], options: ProgramOptions): Promise<ProgramResult> {
  const started = performance.now()
  if (options.signal?.aborted) return Promise.resolve(nothingStarted)
  return new Promise((resolve, reject) => {
    const child = start(file, args, options)
    const stdout = keepHead(options.maxStdoutBytes ?? 64 * MIB)
    const stderr = keepTail(options.maxStderrBytes ?? 256 * 1024)
    let timedOut = false
    let aborted = false
    let settled = false
    let bytesSeen = 0
    let killTimer: NodeJS.Timeout | undefined

    const kill = (): void => {
      signalGroup(child, 'SIGTERM')
      killTimer ??= setTimeout(() => {
        signalGroup(child, 'SIGKILL')
        killTimer = setTimeout(finish, GIVE_UP_MS)
      }, options.graceMs ?? 2000)
    }
    const timeout = setTimeout(() => {
      timedOut = true
      kill()
    }, options.timeoutMs)
    const onAbort = (): void => {
      aborted = true
      kill()
    }
    options.signal?.addEventListener('abort', onAbort, { once: true })

    const settle = (): boolean => {
      if (settled) return false
      settled = true
      clearTimeout(timeout)
      clearTimeout(killTimer)
      options.signal?.removeEventListener('abort', onAbort)
      return true
    }
    child.once('error', (error) => {
      // 'error' is also emitted for a signal that could not be sent; only a child that never got a pid has failed to start.
      if (child.pid === undefined && settle()) reject(blame(error, options.cwd))
    })
    child.stdout?.on('data', (chunk: Buffer) => {
      bytesSeen += chunk.length
      stdout.add(chunk)
      options.onStdout?.(chunk)
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      bytesSeen += chunk.length
      stderr.add(chunk)
      options.onStderr?.(chunk)
    })
    child.stdout?.on('error', () => {})
    child.stderr?.on('error', () => {})
    if (child.stdin && options.input !== undefined) {
      // A program that does not read all of its input (EPIPE) is judged by its exit, not by that.
      child.stdin.on('error', () => {})
      child.stdin.end(options.input)
    }

    const finish = (): void => {
      if (!settle()) return
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy()
      resolve({
        pid: child.pid ?? 0,
        code: child.exitCode,
        signal: child.signalCode,
        stdout: stdout.bytes(),
        stderr: stderr.bytes().toString('utf8'),
        timedOut,
        aborted,
        truncated: stdout.truncated() || stderr.truncated(),
        durationMs: performance.now() - started,
      })
    }
    child.once('close', finish)
    child.once('exit', () => {
      // The rest of the group has had its TERM; with its leader gone nobody waits for it any longer.
      if (timedOut || aborted) signalGroup(child, 'SIGKILL')
      setTimeout(() => readToQuiet(() => bytesSeen, finish), DRAIN_MS)
    })
  })
}

/**
 * Starts a program that outlives this process: its own session, no terminal, no stdin. Resolves with its pid as soon as
 * it runs; rejects with Node's own error where it cannot. COPPICE_RUN and COPPICE_MARK are left out of its environment,
 * so that a host that was started from inside a run is not taken for a part of that run when the run is stopped.
 */
export async function startDetached(
  file: string,
  args: readonly string[],
  options: DetachedOptions,
): Promise<{ readonly pid: number }> {
  const { COPPICE_RUN: _run, COPPICE_MARK: _mark, ...env } = options.env
  const opened = typeof options.log === 'string' ? openSync(options.log, 'a', 0o600) : undefined
  const output = opened ?? options.log ?? 'ignore'
  try {
    refuseWithoutRoom()
    spawned++
    const child = spawn(file, args, {
      cwd: options.cwd,
      env,
      detached: true,
      stdio: ['ignore', output, output] as ['ignore', number | 'ignore', number | 'ignore'],
      windowsHide: true,
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (error) => reject(blame(error, options.cwd)))
    })
    child.unref()
    return { pid: child.pid! }
  } finally {
    if (opened !== undefined) closeSync(opened)
  }
}

const nothingStarted: ProgramResult = {
  pid: 0,
  code: null,
  signal: null,
  stdout: Buffer.alloc(0),
  stderr: '',
  timedOut: false,
  aborted: true,
  truncated: false,
  durationMs: 0,
}

/** Descriptors that one start takes at the most: three pairs of sockets, and the pipe by which the child tells of its exec. */
const filesOfAStart = 8

/**
 * Throws EMFILE where there is no room for a start. Node leaves the pipes of a child open that it could not start for want of
 * descriptors (26.10 returns before it closes them): each try would leave fewer, until nothing can be started any more.
 */
function refuseWithoutRoom(): void {
  if (process.platform === 'win32') return
  const room: number[] = []
  try {
    while (room.length < filesOfAStart) room.push(openSync('/dev/null', 'r'))
  } finally {
    for (const file of room) closeSync(file)
  }
}

function start(file: string, args: readonly string[], options: ProgramOptions): ChildProcess {
  refuseWithoutRoom()
  spawned++
  try {
    return spawn(file, args, {
      cwd: options.cwd,
      env: options.env,
      detached: process.platform !== 'win32',
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      windowsHide: true,
    })
  } catch (error) {
    // E2BIG and the like are thrown by spawn itself, where ENOENT arrives as an event.
    throw blame(error, options.cwd)
  }
}

/** Signals the program's group, or the program alone where there are no groups (Windows). One that is gone is no error. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal)
  } catch {
    // ESRCH: the group is empty. EPERM: what is left in it is another user's, and not ours to end.
  }
}

/**
 * Calls `done` once a whole turn of the event loop has brought no more bytes: what the program itself wrote has then been
 * read, even where this process was stalled meanwhile. A grandchild that goes on writing is given up on after 64 turns.
 */
function readToQuiet(seen: () => number, done: () => void, turns = 64): void {
  const before = seen()
  setImmediate(() => {
    if (seen() === before || turns === 0) done()
    else readToQuiet(seen, done, turns - 1)
  })
}

/** Node reports a missing working directory as "spawn git ENOENT"; this names the directory instead. */
function blame(error: unknown, cwd: string | undefined): unknown {
  const { code } = error as NodeJS.ErrnoException
  if ((code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EACCES') || cwd === undefined) return error
  try {
    accessSync(`${cwd}/.`, constants.X_OK)
    return error
  } catch (reason) {
    const why = (reason as NodeJS.ErrnoException).code
    const message = `The directory ${cwd} cannot be entered (${why})`
    return Object.assign(new Error(message), { code: why, path: cwd, syscall: 'chdir' })
  }
}

interface Kept {
  add(chunk: Buffer): void
  bytes(): Buffer
  truncated(): boolean
}

function keepHead(max: number): Kept {
  const chunks: Buffer[] = []
  let length = 0
  let cut = false
  return {
    add(chunk) {
      const part = chunk.length > max - length ? chunk.subarray(0, max - length) : chunk
      cut ||= part.length < chunk.length
      length += part.length
      if (part.length > 0) chunks.push(part)
    },
    bytes: () => Buffer.concat(chunks),
    truncated: () => cut,
  }
}

function keepTail(max: number): Kept {
  let chunks: Buffer[] = []
  let length = 0
  let cut = false
  const trim = (): void => {
    const all = Buffer.concat(chunks)
    cut ||= all.length > max
    const tail = all.subarray(Math.max(0, all.length - max))
    chunks = [tail]
    length = tail.length
  }
  return {
    add(chunk) {
      chunks.push(chunk)
      length += chunk.length
      // Trimmed only at twice the cap, so that a flood of stderr is copied once and not once a chunk.
      if (length > max * 2) trim()
    },
    bytes() {
      trim()
      return chunks[0]!
    },
    truncated: () => cut || length > max,
  }
}
