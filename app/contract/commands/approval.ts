// Approvals: what waits for a person's answer, and the answer.
import { z } from 'zod'
import { Approval, ApprovalId, Asked } from '../../model/approval.ts'
import { RepositoryId } from '../../model/ids.ts'
import { done, ref, type Verb } from './verb.ts'

/** What waits for an answer; with `all` also what was answered. */
export const list = {
  reads: true,
  input: z.object({ all: z.boolean().default(false) }),
  output: z.object({ approvals: z.array(Approval) }),
} satisfies Verb

/** What a run that starts from there would ask about, with the hash to agree to. */
export const preview = {
  reads: true,
  input: z.object({ repositoryId: RepositoryId, base: ref.optional(), fromBranch: ref.optional() }),
  output: z.object({ asked: z.array(Asked) }),
} satisfies Verb

/** `hash` is the content that was shown: for any other the answer is refused, and the question stays. */
export const decide = {
  input: z.object({ approvalId: ApprovalId, hash: z.string().max(128), decision: z.enum(['allow', 'deny']) }),
  output: done,
} satisfies Verb
