// `coppice logs`: what a run printed, from the first byte that is kept, and with --follow also what it prints from then on. Either
// the raw bytes, or text without control sequences.
import { createLogText } from '../../model/text/log-text.ts'
import { type Cli, leavable, openWatching, runOf } from '../cli.ts'
import type { Link } from '../link.ts'

export interface LogsOptions {
  readonly follow?: boolean
  readonly raw?: boolean
  readonly attempt?: number
  /** The number of a session beside the run's agent. */
  readonly session?: number
}

/** How often a followed run is asked for more, in milliseconds: soon enough for an eye, cheap enough for an hour. */
const pollMs = 250

export async function logs(cli: Cli, id: string, options: LogsOptions): Promise<void> {
  const link = await openWatching(cli)
  runOf(link, id)
  const pages = readPages(cli, link, id, options)
  await (options.follow ? leavable(pages, `Run ${id} keeps running.`) : pages)
}

async function readPages(cli: Cli, link: Link, id: string, options: LogsOptions): Promise<void> {
  const { json, write, remark } = cli.output
  const text = createLogText()
  let from = 0
  for (;;) {
    // Always the bytes: a page ends anywhere, and only whoever sees the next one can tell what a cut character was.
    const page = await link.call('run.logs', {
      runId: id,
      raw: true,
      from,
      ...(options.attempt === undefined ? {} : { attempt: options.attempt }),
      ...(options.session === undefined ? {} : { side: options.session }),
    })
    if (from === 0 && page.firstByte > 0) remark(`The first ${page.firstByte} bytes are no longer available.`)
    const bytes = Buffer.from(page.data, 'base64')
    const at = page.next - bytes.length
    const before = at > from && bytes.length > 0 ? text.gap() : ''
    const shown = options.raw ? bytes : before + text.push(bytes)
    if (json && bytes.length > 0)
      write(`${JSON.stringify({ id, from: page.next - bytes.length, next: page.next, ...said(shown) })}\n`)
    else if (!json && shown.length > 0) write(shown)
    const more = page.next > from
    from = page.next
    if (page.ended && !(more && bytes.length > 0)) break
    if (more) continue
    if (!options.follow) break
    await link.until(() => undefined, { timeoutMs: pollMs }).catch(rethrowUnlessTimeout)
  }
  const rest = options.raw ? '' : text.end()
  if (rest === '') return
  write(json ? `${JSON.stringify({ id, from, next: from, text: rest })}\n` : rest.endsWith('\n') ? rest : `${rest}\n`)
}

const said = (shown: Buffer | string) =>
  typeof shown === 'string' ? { text: shown } : { base64: shown.toString('base64') }

function rethrowUnlessTimeout(error: unknown): void {
  const code = (error as { failure?: { code?: unknown } }).failure?.code
  if (code !== 'timeout') throw error
}
