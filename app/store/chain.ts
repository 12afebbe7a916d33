// The hash chain of the journal. Each record's hash covers everything else in the record and the hash before it, so a record that
// was changed, deleted, inserted or moved is found at the first place where it matters. Pure except for SHA-256. A chain alone
// cannot show that its end was cut off: whoever needs that keeps the last hash elsewhere and passes it in as the anchor.
import type { JournalRecord } from '../model/event.ts'
import { canonicalJson, sha256 } from './canonical.ts'

/** The hash before the first record. */
export const genesisHash = '0'.repeat(64)

export interface Head {
  /** 0 and `genesisHash` where there is no record. */
  readonly seq: number
  readonly hash: string
}

export type Verdict =
  | { readonly ok: true; readonly head: Head }
  | { readonly ok: false; readonly firstBad: number; readonly why: string }

/** SHA-256 of the previous hash and the canonical JSON of the record without `previousHash` and `hash`. */
export function hashOf(record: Omit<JournalRecord, 'hash'>): string {
  const { seq, at, mono, actor, commandId, inputHash, event, previousHash } = record
  return sha256(previousHash + canonicalJson({ seq, at, mono, actor, commandId, inputHash, event }))
}

/** What is wrong with a record that should follow `head`, or null where it does. */
export function problemWith(record: JournalRecord, head: Head): { seq: number; why: string } | null {
  const wanted = head.seq + 1
  if (record.seq !== wanted)
    return { seq: wanted, why: `record ${wanted} is missing: record ${record.seq} stands in its place` }
  if (record.previousHash !== head.hash) {
    return { seq: wanted, why: `record ${wanted} does not follow record ${head.seq}: the hash it names is another` }
  }
  if (hashOf(record) !== record.hash)
    return { seq: wanted, why: `record ${wanted} was changed: its hash does not match` }
  return null
}

/** Walks the chain from the first record and names the first bad one. With an anchor, also what was cut off before it. */
export function verifyChain(records: Iterable<JournalRecord>, anchor?: Head): Verdict {
  let head: Head = { seq: 0, hash: genesisHash }
  for (const record of records) {
    const problem = problemWith(record, head)
    if (problem) return { ok: false, firstBad: problem.seq, why: problem.why }
    head = { seq: record.seq, hash: record.hash }
    if (anchor?.seq === head.seq && anchor.hash !== head.hash) {
      return { ok: false, firstBad: head.seq, why: `record ${head.seq} is not the one that was anchored` }
    }
  }
  if (anchor && anchor.seq > head.seq) {
    return {
      ok: false,
      firstBad: head.seq + 1,
      why: `the journal ends at ${head.seq}, but record ${anchor.seq} was anchored`,
    }
  }
  return { ok: true, head }
}
