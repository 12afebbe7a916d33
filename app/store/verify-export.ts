// Checks an exported audit log using only the file: every line is unchanged and in its place, and the journal's own chain holds. It
// names the first bad record. No file can prove by itself that it is the newest: an attacker may write a shorter log from the
// start. So the last hash can be compared with one that was kept elsewhere.
import { createReadStream } from 'node:fs'
import type { JournalRecord } from '../model/event.ts'
import {
  type AuditColumn,
  type AuditFields,
  type AuditFormat,
  auditColumns,
  endOf,
  endText,
  headerOf,
  lineOf,
} from './audit.ts'
import { canonicalJson, sha256 } from './canonical.ts'
import { genesisHash, type Head, problemWith, type Verdict } from './chain.ts'

/**
 * Reads a JSONL or CSV export. `firstBad` is a record's number: 0 is the header, and one more than the last record is the closing
 * line. `anchor` is the hash of a head that was kept elsewhere: some record of the file must have it, or the file was cut.
 */
export async function verifyExport(path: string, options: { readonly anchor?: string } = {}): Promise<Verdict> {
  const check = startCheck(options.anchor)
  for await (const line of linesOf(path)) {
    const verdict = check.line(line.bytes, line.whole)
    if (verdict) return verdict
  }
  return check.end()
}

interface Check {
  line(bytes: Buffer, whole: boolean): Verdict | null
  end(): Verdict
}

function startCheck(anchor: string | undefined): Check {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let format: AuditFormat | null = null
  let head: Head = { seq: 0, hash: genesisHash }
  let lineHash = ''
  let ended = false
  let anchored = anchor === undefined || anchor === genesisHash

  const bad = (firstBad: number, why: string): Verdict => ({ ok: false, firstBad, why })

  function header(text: string): Verdict | null {
    format = (['jsonl', 'csv'] as const).find((one) => headerOf(one) === text) ?? null
    if (!format) return bad(0, 'the first line is not the header of an audit log of this format')
    lineHash = sha256(text)
    return null
  }

  function closing(text: string, known: AuditFormat): Verdict | null {
    if (text !== endOf(known, head, sha256(lineHash + endText(head)))) return null
    ended = true
    return null
  }

  function record(text: string, known: AuditFormat): Verdict | null {
    const wanted = head.seq + 1
    const fields = known === 'jsonl' ? parseJson(text) : parseCsv(text)
    if (!fields) return bad(wanted, `record ${wanted} cannot be read`)
    const journalRecord = recordOf(fields)
    if (!journalRecord) return bad(wanted, `record ${wanted} cannot be read`)
    const problem = problemWith(journalRecord, head)
    if (problem) return bad(problem.seq, problem.why)
    const { lineHash: claimed, ...rest } = fields
    const expected = sha256(lineHash + canonicalJson(rest))
    if (claimed !== expected) return bad(wanted, `record ${wanted} was changed: its line's hash does not match`)
    if (text !== lineOf(known, fields)) return bad(wanted, `record ${wanted} was changed: it is written in another way`)
    head = { seq: wanted, hash: journalRecord.hash }
    lineHash = expected
    anchored ||= head.hash === anchor
    return null
  }

  return {
    line(bytes, whole) {
      if (!whole) return bad(format ? head.seq + 1 : 0, `the file ends within the line after record ${head.seq}`)
      if (ended) return bad(head.seq + 1, `something follows the closing line after record ${head.seq}`)
      let text: string
      try {
        text = decoder.decode(bytes)
      } catch {
        return bad(format ? head.seq + 1 : 0, 'not UTF-8 text')
      }
      if (!format) return header(text)
      closing(text, format)
      if (ended) return null
      if (/^(end,|\{"end":)/.test(text)) {
        return bad(
          head.seq + 1,
          `the closing line does not fit: records after ${head.seq} are missing, or it was changed`,
        )
      }
      return record(text, format)
    },
    end() {
      if (!format) return bad(0, 'the file is empty')
      if (!ended) return bad(head.seq + 1, `the log breaks off after record ${head.seq}: its closing line is missing`)
      if (!anchored)
        return bad(head.seq + 1, `no record has the given head ${anchor}: the log was cut off after record ${head.seq}`)
      return { ok: true, head }
    },
  }
}

type Line = AuditFields & { lineHash: string }

const numbers: readonly AuditColumn[] = ['seq', 'monotonicMs', 'at']

function parseJson(text: string): Line | null {
  try {
    const value = JSON.parse(text) as Record<string, unknown>
    return isLine(value) ? value : null
  } catch {
    return null
  }
}

function parseCsv(text: string): Line | null {
  const cells: string[] = []
  const cell = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y
  for (let more = true; more; ) {
    const match = cell.exec(text)
    if (!match) return null
    cells.push((match[1]?.replaceAll('""', '"') ?? match[2] ?? '').replace(/^'(?=['=+\-@\t\r])/, ''))
    more = match[3] === ','
  }
  if (cells.length !== auditColumns.length || cell.lastIndex !== text.length) return null
  const value = Object.fromEntries(
    auditColumns.map((column, n) => [column, numbers.includes(column) ? Number(cells[n]) : cells[n]]),
  )
  return isLine(value) ? value : null
}

const isLine = (value: Record<string, unknown>): value is Line =>
  Object.keys(value).length === auditColumns.length &&
  auditColumns.every((column) => typeof value[column] === (numbers.includes(column) ? 'number' : 'string'))

function recordOf(fields: Line): JournalRecord | null {
  try {
    return {
      seq: Number(fields.seq),
      at: Number(fields.at),
      mono: Number(fields.monotonicMs),
      actor: { user: String(fields.user), via: fields.via as JournalRecord['actor']['via'] },
      commandId: nullable(fields.commandId),
      inputHash: nullable(fields.inputHash),
      event: JSON.parse(String(fields.event)) as JournalRecord['event'],
      previousHash: String(fields.previousHash),
      hash: String(fields.hash),
    }
  } catch {
    return null
  }
}

const nullable = (cell: string | number): string | null => (cell === '' ? null : String(cell))

async function* linesOf(path: string): AsyncGenerator<{ bytes: Buffer; whole: boolean }> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
      yield { bytes: bytes.subarray(0, end), whole: true }
      bytes = bytes.subarray(end + 1)
    }
    rest = bytes
  }
  // Every line was written with its newline: what is left over was cut in its middle, or added.
  if (rest.length > 0) yield { bytes: rest, whole: false }
}
