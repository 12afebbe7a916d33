// `coppice journal`: what happened, when, who did it, and to which run; searched, exported, and verified using only the exported
// file.
import type { Event, JournalRecord } from '../../model/event.ts'
import { fail } from '../../model/failure.ts'
import { plainText } from '../../model/text/text.ts'
import { dateText } from '../../model/text/units.ts'
import { exportAudit } from '../../store/audit.ts'
import type { Verdict } from '../../store/chain.ts'
import { verifyExport } from '../../store/verify-export.ts'
import type { Cli } from '../cli.ts'
import { CliError } from '../errors.ts'
import type { Link } from '../link.ts'
import { table } from '../table.ts'

export interface JournalOptions {
  readonly run?: string
  readonly search?: string
  readonly limit?: number
  readonly export?: 'jsonl' | 'csv'
  readonly verify?: string
  /** The hash of a head that was kept elsewhere. */
  readonly anchor?: string
}

export async function journal(cli: Cli, options: JournalOptions): Promise<void> {
  if (options.verify !== undefined) return verify(cli, options.verify, options.anchor)
  const link = await cli.open()
  if (options.export !== undefined) return exportAll(cli, link, options, options.export)
  const records = await read(link, options, options.limit ?? 50)
  cli.output.result(records, () =>
    records.length === 0
      ? ['Nothing in the journal matches.']
      : table(
          [
            { title: 'NO', align: 'right' },
            { title: 'WHEN' },
            { title: 'BY' },
            { title: 'RUN', shrinkTo: 8 },
            { title: 'WHAT', shrinkTo: 20 },
          ],
          records.map((record) => [
            String(record.seq),
            dateText(record.at),
            `${plainText(record.actor.user, 40)} (${record.actor.via})`,
            plainText(subjectOf(record.event) ?? '–', 80),
            plainText(eventText(record.event), 300),
          ]),
          { width: cli.output.width, header: cli.output.faint },
        ),
  )
}

/** The newest `limit` records that match, oldest first. */
async function read(link: Link, options: JournalOptions, limit: number): Promise<JournalRecord[]> {
  const found: JournalRecord[] = []
  let before: number | undefined
  while (found.length < limit) {
    const page = await link.call('journal.read', {
      limit: Math.min(1000, limit - found.length),
      ...(before === undefined ? {} : { before }),
      ...(options.search === undefined ? {} : { search: options.search }),
      ...(options.run === undefined ? {} : { runId: options.run }),
    })
    found.push(...page.records)
    before = page.records.at(-1)?.seq
    if (!page.more || before === undefined) break
  }
  return found.toReversed()
}

/** All of it as the audit log that can be verified; a part of it as plain records, which cannot. */
async function exportAll(cli: Cli, link: Link, options: JournalOptions, format: 'jsonl' | 'csv'): Promise<void> {
  const part = options.run !== undefined || options.search !== undefined || options.limit !== undefined
  const records = await read(link, options, options.limit ?? Number.POSITIVE_INFINITY)
  if (!part) {
    for (const line of exportAudit(records, format)) cli.output.write(line)
    return
  }
  if (format === 'csv') cli.output.write(`${csvColumns.join(',')}\r\n`)
  for (const record of records) {
    cli.output.write(format === 'jsonl' ? `${JSON.stringify(record)}\n` : `${csvRow(record)}\r\n`)
  }
  cli.output.remark('This is only part of the journal: only a complete export can be verified.')
}

export const csvColumns = [
  'seq',
  'time',
  'at',
  'mono',
  'user',
  'via',
  'run',
  'event',
  'detail',
  'commandId',
  'inputHash',
  'previousHash',
  'hash',
]

/** One record as a line of CSV (RFC 4180). Cells that a spreadsheet would run as a formula get an apostrophe before them. */
export function csvRow(record: JournalRecord): string {
  const cells = [
    record.seq,
    new Date(record.at).toISOString(),
    record.at,
    record.mono,
    record.actor.user,
    record.actor.via,
    subjectOf(record.event) ?? '',
    record.event.type,
    JSON.stringify(record.event),
    record.commandId ?? '',
    record.inputHash ?? '',
    record.previousHash,
    record.hash,
  ]
  return cells
    .map((cell) => {
      const text = typeof cell === 'string' && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : String(cell)
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
    })
    .join(',')
}

/**
 * Checks an export with nothing but the file: every line, the chain from the first record to the last, and the closing line. Only
 * a head that was kept elsewhere (`--anchor`) shows that a whole, shorter log was put in its place.
 */
async function verify(cli: Cli, file: string, anchor: string | undefined): Promise<void> {
  let verdict: Verdict
  try {
    verdict = await verifyExport(file, anchor === undefined ? {} : { anchor })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') throw fail('not-found', { what: 'file', id: file })
    if (code === 'EISDIR') throw fail('bad-input', { field: 'file', message: 'it is a directory' })
    throw error
  }
  if (!verdict.ok) throw broken(verdict.firstBad, verdict.why)
  const { seq, hash } = verdict.head
  if (seq === 0) throw broken(1, 'the file contains no records')
  cli.output.result({ ok: true, records: seq, head: hash }, () => [
    `${seq} records, none changed, missing or out of order.`,
    anchor === undefined
      ? `The last hash is ${hash}. Keep it elsewhere: with --anchor it proves later that nothing was cut off.`
      : 'The hash you kept is among them.',
  ])
}

function broken(seq: number, why: string): CliError {
  return new CliError({
    code: 'database-corrupt',
    message: `Record ${seq} is the first one that fails: ${plainText(why, 500)}. The file was not changed.`,
    next: 'Keep this file, and compare it with another export or a backup',
  })
}

/** The run or the repository that an event is about. */
export function subjectOf(event: Event): string | null {
  if (event.type === 'run-queued') return event.run.id
  if ('runId' in event) return event.runId
  if (event.type === 'repository-added') return event.repository.name
  return 'repositoryId' in event ? event.repositoryId : null
}

/** An event in a few words: its type, and what is most telling in it. */
export function eventText(event: Event): string {
  const words = event.type.replaceAll('-', ' ')
  const more = Object.entries(event)
    .filter(
      ([key, value]) =>
        key !== 'type' && key !== 'runId' && key !== 'repositoryId' && value !== null && typeof value !== 'object',
    )
    .map(([key, value]) => `${key} ${String(value)}`)
  if ('failure' in event && event.failure) more.push(event.failure.code)
  if (event.type === 'stage-changed') more.push(event.record.stage, event.record.status, event.record.text)
  if (event.type === 'run-noted') more.push(...event.notes)
  if (event.type === 'intended') {
    more.push(event.intent.kind)
    if ('agreed' in event.intent && event.intent.agreed) more.push(`confirmed: ${event.intent.agreed.join('; ')}`)
  }
  if (event.type === 'side-session-opening') more.push(String(event.side.number), event.side.title)
  if ((event.type === 'attempt-ended' || event.type === 'side-session-ended') && event.exit)
    more.push(event.exit.signal ?? `exit ${event.exit.code}`)
  return more.length > 0 ? `${words}: ${more.join(', ')}` : words
}
