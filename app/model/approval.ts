// An Approval is a question to a person about one exact input: what is asked, for which run and repository, and the SHA-256 of what
// was shown. The answer covers that content and no other. Pure; the content may be hostile text.
import { z } from 'zod'
import { RepositoryId, RunId } from './ids.ts'

export const ApprovalId = z.string().regex(/^[a-z0-9-]{1,64}$/)
export type ApprovalId = z.infer<typeof ApprovalId>

/** What is asked. One member for each kind; an agent's tool or a trigger becomes another. */
export const ApprovalRequest = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('setup'),
    command: z.string(),
    /** The file that names the command. */
    source: z.string(),
  }),
  z.object({
    kind: z.literal('install'),
    command: z.string(),
    /** The lock file that asks for it. */
    source: z.string(),
    /** What may run or change what runs, one line each: "package.json postinstall: node build.js". */
    runs: z.array(z.string()),
  }),
])
export type ApprovalRequest = z.infer<typeof ApprovalRequest>
export type ApprovalKind = ApprovalRequest['kind']

export const ApprovalState = z.enum(['pending', 'allowed', 'denied', 'expired'])
export type ApprovalState = z.infer<typeof ApprovalState>

/** Who answered: the operating-system user, and the client that they used. */
export const Decider = z.object({ user: z.string(), via: z.enum(['window', 'browser', 'cli', 'host']) })
export type Decider = z.infer<typeof Decider>

export const Approval = z.object({
  id: ApprovalId,
  /** The run that waits for it. */
  runId: RunId.nullable(),
  repositoryId: RepositoryId,
  request: ApprovalRequest,
  /** SHA-256 of the exact input that is asked about. */
  hash: z.string(),
  state: ApprovalState,
  requestedAt: z.number(),
  decidedBy: Decider.nullable(),
  decidedAt: z.number().nullable(),
})
export type Approval = z.infer<typeof Approval>

/** One content that a run would meet, and whether this repository has it approved already. */
export const Asked = z.object({ request: ApprovalRequest, hash: z.string(), approved: z.boolean() })
export type Asked = z.infer<typeof Asked>
