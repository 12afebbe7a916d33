// What every verb of the CLI gets: where it runs, where it writes, and how it reaches the host. Built once by app/cli.ts.

import { CoppiceFailure, fail } from '../model/failure.ts'
import type { RunId } from '../model/ids.ts'
import type { Run } from '../model/run.ts'
import { Interrupted } from './errors.ts'
import type { Link } from './link.ts'
import type { Output } from './output.ts'

export interface Cli {
  readonly output: Output
  readonly cwd: string
  readonly dataDir: string
  readonly version: string
  /** Connects to the host, starting it where none runs unless `start` is false. Closed at the end by app/cli.ts. */
  open(options?: { readonly start?: boolean }): Promise<Link>
}

/** A link that knows the runs. */
export async function openWatching(cli: Cli): Promise<Link> {
  const link = await cli.open()
  await link.watch()
  return link
}

/** The run of that id, or `not-found`. */
export function runOf(link: Link, id: RunId): Run {
  const run = link.run(id)
  if (!run) throw fail('not-found', { what: 'run', id })
  return run
}

/** Ends `work` with `Interrupted` on Ctrl-C. What the host does for it goes on. */
export async function leavable<T>(work: Promise<T>, goesOn: string): Promise<T> {
  let leave: () => void = () => {}
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(new Interrupted(goesOn))
    process.once('SIGINT', leave)
    process.once('SIGTERM', leave)
  })
  try {
    return await Promise.race([work, left])
  } finally {
    process.off('SIGINT', leave)
    process.off('SIGTERM', leave)
  }
}

/** All of stdin as text. Throws `prompt-too-long` beyond `maxBytes`, having read no more than that into memory. */
export async function readStdin(maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= maxBytes) chunks.push(chunk)
  }
  if (bytes > maxBytes) {
    throw new CoppiceFailure({ code: 'prompt-too-long', retryable: false, detail: { bytes, max: maxBytes } })
  }
  return Buffer.concat(chunks).toString('utf8')
}
