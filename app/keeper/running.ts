// The common shape of a running child, behind a terminal or behind pipes, and the checks that both need before a start: the program
// is found, the directory exists, the arguments are not too long. Each failure is the error that the system would have given
// (node-pty's child would only print it and exit with 1).
import { accessSync, constants, type Stats, statSync } from 'node:fs'
import { constants as os } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import type { SessionExit, SpawnSpec, StreamName } from './frames.ts'
import type { LineLimit } from './line-limit.ts'

export interface Running {
  readonly pid: number
  /** Bytes of input that the child has not taken yet. */
  pending(): number
  /** False where the child takes no input any more. */
  write(bytes: Buffer): boolean
  endInput(): void
  /** How long a line of its input may be; null where any length arrives, or nobody knows. */
  lineLimit(): LineLimit | null
  resize(cols: number, rows: number): void
}

export interface Listeners {
  onData(stream: StreamName, bytes: Buffer): void
  /** Called once, after the last onData: the child is gone and what it wrote has been read. */
  onExit(exit: SessionExit): void
}

// How long output is awaited after the exit while somebody else (a background child) still holds the stream open.
const DRAIN_MS = 2000

/** Throws an error with `code` ENOENT, EACCES, ENOTDIR or E2BIG where the spec cannot be started; returns the program's path. */
export function checkedProgram(spec: SpawnSpec): string {
  if (!statOf(spec.cwd, 'chdir').isDirectory()) throw systemError('ENOTDIR', 'chdir', spec.cwd)
  accessSync(spec.cwd, constants.X_OK)
  checkLengths(spec)
  if (spec.file.includes('/') || process.platform === 'win32') {
    const path = isAbsolute(spec.file) ? spec.file : resolve(spec.cwd, spec.file)
    if (!statOf(path, 'spawn').isFile()) throw systemError('EACCES', 'spawn', path)
    accessSync(path, constants.X_OK)
    return path
  }
  for (const directory of (spec.env.PATH ?? '/usr/local/bin:/usr/bin:/bin').split(delimiter)) {
    const path = join(directory, spec.file)
    if (isAbsolute(directory) && isProgram(path)) return path
  }
  throw systemError('ENOENT', 'spawn', spec.file)
}

/**
 * Waits for the end of a stream whose process is gone. `done` is called once: at the end of the stream (call `ended`), or
 * after 2 s when a whole turn of the event loop has brought nothing more, so that a keeper that was itself stalled still
 * reads what was written in time; a background child that floods is cut off after another 64 turns.
 */
export function drainAfterExit(bytesSeen: () => number, done: () => void): { ended(): void } {
  let finished = false
  const finish = (): void => {
    if (finished) return
    finished = true
    clearTimeout(timer)
    done()
  }
  const turn = (left: number): void => {
    const before = bytesSeen()
    setImmediate(() => (bytesSeen() === before || left === 0 ? finish() : turn(left - 1)))
  }
  const timer = setTimeout(turn, DRAIN_MS, 64)
  return { ended: finish }
}

/** The name of a signal number, as Node's own child_process has it. */
export function signalName(number: number): string {
  return Object.entries(os.signals).find(([, value]) => value === number)?.[0] ?? `SIG${number}`
}

/** Linux: one string has at most 128 KiB with its NUL (MAX_ARG_STRLEN); all together a quarter of the stack's limit, 2 MiB. */
function checkLengths(spec: SpawnSpec): void {
  const strings = [spec.file, ...spec.args, ...Object.entries(spec.env).map(([name, value]) => `${name}=${value}`)]
  const lengths = strings.map((text) => Buffer.byteLength(text) + 1)
  if (strings.some((text) => text.includes('\0'))) throw systemError('EINVAL', 'spawn', spec.file)
  const total = lengths.reduce((sum, length) => sum + length + 8, 0)
  if (lengths.some((length) => length > 128 * 1024) || total > 2 * 1024 * 1024 - 8192)
    throw systemError('E2BIG', 'spawn', spec.file)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function statOf(path: string, syscall: string): Stats {
  try {
    return statSync(path)
  } catch (error) {
    throw systemError((error as NodeJS.ErrnoException).code ?? 'EIO', syscall, path)
  }
}

function systemError(code: string, syscall: string, path: string): Error {
  return Object.assign(new Error(`${syscall} ${path}: ${code}`), { code, syscall, path })
}
