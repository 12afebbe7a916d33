// The host's log: one line per entry, in a 0600 file that is rotated before it grows large. It promises never to throw (a log that
// cannot be written must not stop the work), and it is synchronous, so that a crash's last words are on the disk. It gets no
// secrets: no prompt, no terminal bytes, no token, no environment.
import { appendFileSync, chmodSync, renameSync, statSync } from 'node:fs'
import { visibleText } from '../model/text/text.ts'

export type Level = 'info' | 'warn' | 'error'

export interface Log {
  info(text: string): void
  warn(text: string): void
  /** With the error's stack where it has one. */
  error(text: string, error?: unknown): void
}

const maxBytes = 2 * 1024 * 1024
const generations = 3
const maxLine = 8 * 1024

/** Opens `path` for appending, in a directory that is there; `path.1` … are the older ones. */
export function openLog(path: string, options: { readonly maxBytes?: number; now?(): Date } = {}): Log {
  const limit = options.maxBytes ?? maxBytes
  const now = options.now ?? (() => new Date())
  let size = prepare(path)

  function write(level: Level, text: string): void {
    const line = `${now().toISOString()} ${level.padEnd(5)} ${oneEntry(text).slice(0, maxLine)}\n`
    try {
      if (size + line.length > limit && size > 0) {
        turnOver(path)
        size = 0
      }
      appendFileSync(path, line, { mode: 0o600 })
      size += Buffer.byteLength(line)
    } catch {
      // A full disk: the work goes on without its log.
    }
  }

  return {
    info: (text) => write('info', text),
    warn: (text) => write('warn', text),
    error: (text, error) => write('error', error === undefined ? text : `${text}: ${wordsOf(error)}`),
  }
}

function prepare(path: string): number {
  try {
    appendFileSync(path, '', { mode: 0o600 })
    chmodSync(path, 0o600)
    return statSync(path).size
  } catch {
    return 0
  }
}

function turnOver(path: string): void {
  for (let n = generations - 1; n >= 0; n--) {
    try {
      renameSync(n === 0 ? path : `${path}.${n}`, `${path}.${n + 1}`)
    } catch {
      // There was none of that age yet.
    }
  }
}

const wordsOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))

// Hostile text (paths, git's output) must not forge entries or move a terminal's cursor: a stack's lines are indented.
const oneEntry = (text: string): string => visibleText(text, '\n').replaceAll('\n', '\n    ')
