// Prompts that were sent before: the recent ones, one of them whole, and forgetting them.
import { z } from 'zod'
import { RepositoryId } from '../../model/ids.ts'
import { done, type Verb } from './verb.ts'

const promptId = z.string().regex(/^[0-9a-f]{32}$/)

export const RecentPrompt = z.object({
  id: promptId,
  /** Its beginning; the whole of it comes from `prompt.read`. Hostile text. */
  head: z.string(),
  bytes: z.number(),
  repositoryId: RepositoryId.nullable(),
  /** When it was last sent, in milliseconds since 1970. */
  at: z.number(),
})
export type RecentPrompt = z.infer<typeof RecentPrompt>

/** The newest first, of one repository or of all, each text once. `more` counts those that match and are left out. */
export const recent = {
  reads: true,
  input: z.object({
    repositoryId: RepositoryId.optional(),
    search: z.string().max(200).optional(),
    limit: z.number().int().min(1).max(200).default(50),
  }),
  output: z.object({ prompts: z.array(RecentPrompt), more: z.number() }),
} satisfies Verb

export const read = {
  reads: true,
  input: z.object({ promptId }),
  output: z.object({ text: z.string() }),
} satisfies Verb

/** Forgets one prompt, or every one. Runs keep theirs. */
export const forget = { input: z.object({ promptId: promptId.optional() }), output: done } satisfies Verb
