// The journal: one page of it, or all of it as an audit log.
import { z } from 'zod'
import { JournalRecord } from '../../model/event.ts'
import { RunId } from '../../model/ids.ts'
import type { Verb } from './verb.ts'

export const read = {
  reads: true,
  input: z.object({
    before: z.number().int().optional(),
    limit: z.number().int().min(1).max(1000).default(200),
    search: z.string().max(200).optional(),
    runId: RunId.optional(),
  }),
  output: z.object({ records: z.array(JournalRecord), more: z.boolean() }),
} satisfies Verb

/** All of it as an audit log, into a file of the data directory: too large for one answer, and to be verified from that file alone. */
export const exportAll = {
  input: z.object({ format: z.enum(['jsonl', 'csv']) }),
  output: z.object({ path: z.string(), records: z.number(), head: z.string(), bytes: z.number() }),
} satisfies Verb
