// Where the CLI writes: facts to stdout, remarks and failures to stderr, and one JSON value if --json was given. It uses colour
// only on a terminal that wants it (it honours NO_COLOR). Its callers pass plain text.
import { styleText } from 'node:util'
import type { Ending } from './errors.ts'

export interface Output {
  readonly json: boolean
  /** Cells in a line; Infinity where stdout is no terminal, so that a pipe gets everything. */
  readonly width: number
  /** The result: `value` as JSON, or else the lines. */
  result(value: unknown, lines: () => readonly string[]): void
  /** One more JSON value or some more text, for what comes bit by bit. */
  write(text: string | Uint8Array): void
  /** A remark for a person: to stderr, and not at all with --json. */
  remark(text: string): void
  failure(ending: Ending): void
  strong(text: string): string
  faint(text: string): string
}

/** An output over the process's own streams. A reader that has gone (`| head`) ends the process quietly. */
export function createOutput(json: boolean): Output {
  const { stdout, stderr } = process
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0)
      throw error
    })
  }
  // styleText looks at the stream and at NO_COLOR, NODE_DISABLE_COLORS and FORCE_COLOR.
  const style = (format: 'bold' | 'dim') => (text: string) => styleText(format, text, { stream: stdout })
  return {
    json,
    width: stdout.isTTY ? Math.max(40, stdout.columns || 80) : Number.POSITIVE_INFINITY,
    result(value, lines) {
      if (json) stdout.write(`${JSON.stringify(value)}\n`)
      else for (const line of lines()) stdout.write(`${line}\n`)
    },
    write: (text) => void stdout.write(text),
    remark(text) {
      if (!json) stderr.write(`${text}\n`)
    },
    failure(ending) {
      if (json) stdout.write(`${JSON.stringify({ error: ending })}\n`)
      else stderr.write(`${ending.message}\n${ending.next}\n`)
    },
    strong: style('bold'),
    faint: style('dim'),
  }
}
