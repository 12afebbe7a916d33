// The audit log: the journal in the form that people keep, one line per record, as JSONL or CSV. Each line holds the whole record
// (so that the journal's own chain can be checked with the file alone), the columns a reader wants, and a hash over all of it and
// the line before, so that no column can be changed unnoticed. It writes text and opens no database.
import type { Event, JournalRecord } from '../model/event.ts'
import { visibleText } from '../model/text/text.ts'
import { canonicalJson, sha256 } from './canonical.ts'
import { genesisHash, type Head } from './chain.ts'
import { type Folder, runIdOf, startFold } from './fold.ts'

export type AuditFormat = 'jsonl' | 'csv'

/** The columns, in their order. `event` to `hash` are the journal's own; those before them are read from the state at that moment. */
export const auditColumns = [
  'seq',
  'utc',
  'monotonicMs',
  'user',
  'via',
  'action',
  'run',
  'agent',
  'session',
  'approver',
  'repository',
  'worktree',
  'branch',
  'shas',
  'decision',
  'outcome',
  'commandId',
  'inputHash',
  'at',
  'event',
  'previousHash',
  'hash',
  'lineHash',
] as const
export type AuditColumn = (typeof auditColumns)[number]

export const auditFormatVersion = 1
/** What the first line hashes to, which the second one builds on. */
export const headerOf = (format: AuditFormat): string =>
  format === 'csv'
    ? auditColumns.join(',')
    : canonicalJson({ columns: auditColumns, format: auditFormatVersion, log: 'coppice-audit' })

/** The lines of an export, each with its newline: a header, one line a record, and a last line that names the head. */
export function* exportAudit(records: Iterable<JournalRecord>, format: AuditFormat): Generator<string> {
  const header = headerOf(format)
  let lineHash = sha256(header)
  let head: Head = { seq: 0, hash: genesisHash }
  yield `${header}\n`
  const fold = startFold()
  for (const record of records) {
    addTo(fold, record)
    const fields = fieldsOf(fold, record)
    lineHash = sha256(lineHash + canonicalJson(fields))
    head = { seq: record.seq, hash: record.hash }
    yield `${lineOf(format, { ...fields, lineHash })}\n`
  }
  yield `${endOf(format, head, sha256(lineHash + endText(head)))}\n`
}

/** The text under the last line's hash. */
export const endText = (head: Head): string => canonicalJson({ end: true, head: head.hash, records: head.seq })

/** The last line: how many records there are, the head's hash, and the hash over all lines. */
export const endOf = (format: AuditFormat, head: Head, lineHash: string): string =>
  format === 'csv'
    ? csvLine(['end', head.seq, head.hash, lineHash])
    : canonicalJson({ end: true, head: head.hash, lineHash, records: head.seq })

export type AuditFields = Record<Exclude<AuditColumn, 'lineHash'>, string | number>

/** One line of the export, without its newline. Every cell is one line: control characters are written as escapes. */
export function lineOf(format: AuditFormat, fields: AuditFields & { readonly lineHash: string }): string {
  return format === 'jsonl' ? canonicalJson(fields) : csvLine(auditColumns.map((column) => fields[column]))
}

// A cell that begins like a formula is run by spreadsheets (branch names are hostile text): an apostrophe before it stops
// that, and one that was there already gets another, so that the cell can be read back.
function csvLine(cells: readonly (string | number)[]): string {
  return cells
    .map((cell) => {
      const text = String(cell)
      const safe = typeof cell === 'string' && /^['=+\-@\t\r]/.test(text) ? `'${text}` : text
      return /[",\n\r']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
    })
    .join(',')
}

function addTo(fold: Folder, record: JournalRecord): void {
  try {
    fold.add(record.seq, record.at, record.event)
  } catch {
    // An event of a shape that this build does not know: its line still says all that it holds.
    fold.skip(record.seq)
  }
}

function fieldsOf(fold: Folder, record: JournalRecord): AuditFields {
  const { event } = record
  const runId = runIdOf(event)
  const run = runId === null ? undefined : fold.run(runId)
  const repositoryId = 'repositoryId' in event ? event.repositoryId : run?.repositoryId
  const repository =
    event.type === 'repository-added' ? event.repository : repositoryId ? fold.repository(repositoryId) : undefined
  const decision = decisionOf(event)
  return {
    seq: record.seq,
    utc: new Date(record.at).toISOString(),
    monotonicMs: record.mono,
    user: plain(record.actor.user),
    via: record.actor.via,
    action: plain(actionOf(event)),
    run: plain(runId),
    agent: plain(run?.agent),
    session: plain(run?.attempts.at(-1)?.sessionId),
    approver: decision ? plain(record.actor.user) : '',
    repository: plain(repository?.path),
    worktree: plain(run?.worktree),
    branch: plain(run?.branch),
    shas: shasIn(event, run?.baseCommit ?? null).join(' '),
    decision,
    outcome: plain(outcomeOf(event)),
    commandId: plain(record.commandId),
    inputHash: plain(record.inputHash),
    at: record.at,
    event: canonicalJson(event),
    previousHash: record.previousHash,
    hash: record.hash,
  }
}

const actionOf = (event: Event): string => (event.type === 'intended' ? `intended:${event.intent.kind}` : event.type)

// What a person decided, as far as it went through here: only events that no host makes by itself.
function decisionOf(event: Event): string {
  switch (event.type) {
    case 'setup-approved':
      return 'approved'
    case 'approval-decided':
      return event.decision
    case 'repository-trusted':
      return event.trusted ? 'trusted' : 'distrusted'
    case 'run-reviewed':
      return event.reviewed ? 'reviewed' : 'not-reviewed'
    case 'intended':
      if ((event.intent.kind !== 'remove' && event.intent.kind !== 'purge') || !event.intent.agreed) return ''
      return event.intent.forced ? 'forced' : 'agreed'
    default:
      return ''
  }
}

const intentions: ReadonlySet<Event['type']> = new Set([
  'intended',
  'attempt-starting',
  'side-session-opening',
  'run-stopping',
])

function outcomeOf(event: Event): string {
  if (intentions.has(event.type)) return 'intended'
  if ('failure' in event) return event.failure ? `failed: ${event.failure.code}` : 'done'
  if (event.type === 'attempt-ended') return event.outcome ? `${event.phase}: ${event.outcome.result}` : event.phase
  if (event.type === 'stage-changed') return `${event.record.stage}: ${event.record.status}`
  return 'done'
}

function shasIn(event: Event, baseCommit: string | null): string[] {
  const found = new Set<string>(baseCommit ? [baseCommit] : [])
  const look = (value: unknown): void => {
    if (typeof value === 'string' && /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(value)) found.add(value)
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(look)
  }
  look(event)
  return [...found]
}

// A path may hold a newline and worse. The event's own column keeps it exactly; here it is shown so that a line stays a line.
const plain = (text: string | null | undefined): string => visibleText(text ?? '')
