// Every fact that the journal holds, in the past tense. An effect has two events: the intent before it and the outcome after it.
// Adding a type is safe (an older client ignores what it does not know); changing one needs a migration in store/database.
import { z } from 'zod'
import { Approval, ApprovalId, Decider } from './approval.ts'
import { Comment } from './comment.ts'
import { Discard } from './diff.ts'
import { Failure } from './failure.ts'
import { RepositoryId, RunId } from './ids.ts'
import { Repository } from './repository.ts'
import { Attempt, Delivery, Intent, Phase, Run, SideSession, StageRecord, Trash } from './run.ts'
import { Exit, Outcome } from './session.ts'
import { Settings } from './settings.ts'

const run = { runId: RunId }

/** What a removal, restore or recovery really did, item by item. */
export const ReportItem = z.object({
  what: z.string(),
  result: z.enum(['removed', 'kept', 'restored', 'repaired', 'freed', 'deferred', 'refused', 'listed']),
  reason: z.string().optional(),
})
export type ReportItem = z.infer<typeof ReportItem>

export const Event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('repository-added'), repository: Repository }),
  z.object({
    type: z.literal('repository-moved'),
    repositoryId: RepositoryId,
    path: z.string(),
    commonDir: z.string(),
  }),
  z.object({ type: z.literal('repository-presence'), repositoryId: RepositoryId, presence: Repository.shape.presence }),
  z.object({ type: z.literal('repository-trusted'), repositoryId: RepositoryId, trusted: z.boolean() }),
  z.object({
    type: z.literal('repository-remotes'),
    repositoryId: RepositoryId,
    remotes: Repository.shape.remotes,
    settings: Repository.shape.settings,
  }),
  z.object({ type: z.literal('repository-forgotten'), repositoryId: RepositoryId }),
  z.object({ type: z.literal('setup-approved'), repositoryId: RepositoryId, hash: z.string(), command: z.string() }),
  /** A run that is prepared goes back into the queue by it, and waits there for the answer. */
  z.object({ type: z.literal('approval-requested'), runId: RunId.nullable(), approval: Approval }),
  z.object({
    type: z.literal('approval-decided'),
    runId: RunId.nullable(),
    approvalId: ApprovalId,
    /** The content that was shown and decided on. */
    hash: z.string(),
    decision: z.enum(['allowed', 'denied']),
    by: Decider,
  }),
  /** Nobody answered, and nobody needs to any more. */
  z.object({ type: z.literal('approval-expired'), runId: RunId.nullable(), approvalId: ApprovalId, why: z.string() }),
  z.object({ type: z.literal('settings-changed'), settings: Settings }),

  z.object({ type: z.literal('run-queued'), run: Run }),
  z.object({ type: z.literal('run-preparing'), ...run }),
  z.object({
    type: z.literal('base-resolved'),
    ...run,
    resolvedBase: z.string(),
    baseCommit: z.string(),
    baseFetchedAt: z.number().nullable(),
  }),
  z.object({ type: z.literal('stage-changed'), ...run, record: StageRecord }),
  /** Announces an effect; its outcome is one of the events below, or recovery's. */
  z.object({ type: z.literal('intended'), ...run, intent: Intent }),
  z.object({ type: z.literal('worktree-made'), ...run }),
  /** What a person should know of a run before they rely on it. Takes the place of what was noted before. */
  z.object({ type: z.literal('run-noted'), ...run, notes: z.array(z.string()) }),
  z.object({ type: z.literal('create-undone'), ...run, report: z.array(ReportItem) }),
  z.object({ type: z.literal('run-failed'), ...run, failure: Failure }),
  z.object({ type: z.literal('run-cancelled'), ...run }),
  z.object({ type: z.literal('run-interrupted'), ...run, during: Phase }),
  z.object({ type: z.literal('run-renamed'), ...run, title: z.string() }),
  z.object({ type: z.literal('run-reviewed'), ...run, reviewed: z.boolean() }),
  /** A person marked hunks of its changes as reviewed, or not. Which ones is not in the journal; a few files are, for the eye. */
  z.object({
    type: z.literal('hunks-reviewed'),
    ...run,
    reviewed: z.boolean(),
    hunks: z.number(),
    files: z.number(),
    names: z.array(z.string()),
  }),
  /** Kept first, under refs/coppice/discard/, so that it can be brought back. */
  z.object({ type: z.literal('changes-discarded'), ...run, discard: Discard, names: z.array(z.string()) }),
  z.object({ type: z.literal('discard-undone'), ...run, discardId: z.string(), files: z.number() }),
  z.object({ type: z.literal('comment-added'), ...run, comment: Comment }),
  z.object({ type: z.literal('comment-edited'), ...run, commentId: z.string(), text: z.string() }),
  z.object({ type: z.literal('comment-dropped'), ...run, commentId: z.string() }),
  /** The agent has them: as a message, or as the prompt of its next attempt. */
  z.object({ type: z.literal('comments-sent'), ...run, commentIds: z.array(z.string()) }),

  z.object({ type: z.literal('attempt-starting'), ...run, attempt: Attempt }),
  z.object({ type: z.literal('attempt-started'), ...run, number: z.number(), pid: z.number() }),
  z.object({ type: z.literal('agent-session-found'), ...run, agentSession: z.string() }),
  z.object({
    type: z.literal('attempt-ended'),
    ...run,
    number: z.number(),
    phase: z.enum(['exited', 'stopped', 'interrupted', 'failed']),
    exit: Exit.nullable(),
    outcome: Outcome.nullable(),
  }),
  z.object({ type: z.literal('run-stopping'), ...run }),

  /** Announces a side session; it is there with `side-session-opened`, or ended at once. */
  z.object({ type: z.literal('side-session-opening'), ...run, side: SideSession }),
  z.object({ type: z.literal('side-session-opened'), ...run, number: z.number(), pid: z.number() }),
  z.object({ type: z.literal('side-session-ended'), ...run, number: z.number(), exit: Exit.nullable() }),
  z.object({ type: z.literal('side-session-closed'), ...run, number: z.number() }),

  z.object({
    type: z.literal('commit-ended'),
    ...run,
    sha: z.string().nullable(),
    failure: Failure.nullable(),
  }),
  z.object({
    type: z.literal('push-ended'),
    ...run,
    delivery: Delivery.nullable(),
    failure: Failure.nullable(),
    /** What git and the server said of a push that went through. */
    said: z.array(z.string()).optional(),
  }),
  z.object({ type: z.literal('pull-request-opened'), ...run, url: z.string() }),

  z.object({
    type: z.literal('remove-ended'),
    ...run,
    trash: Trash.nullable(),
    report: z.array(ReportItem),
    failure: Failure.nullable(),
  }),
  z.object({
    type: z.literal('restore-ended'),
    ...run,
    worktree: z.string().nullable(),
    branch: z.string().nullable(),
    report: z.array(ReportItem),
    failure: Failure.nullable(),
  }),
  /** A person wants it kept: its retention starts again. */
  z.object({ type: z.literal('trash-kept'), ...run, purgeAt: z.number() }),
  z.object({ type: z.literal('trash-trimmed'), ...run, dropped: z.array(z.string()), freedBytes: z.number() }),
  z.object({
    type: z.literal('purge-ended'),
    ...run,
    freedBytes: z.number().nullable(),
    report: z.array(ReportItem),
    failure: Failure.nullable(),
  }),
  z.object({
    type: z.literal('worktree-presence'),
    ...run,
    presence: Run.shape.worktreePresence,
    worktree: z.string().nullable(),
  }),
  z.object({ type: z.literal('recovered'), report: z.array(ReportItem), text: z.string() }),
])
export type Event = z.infer<typeof Event>

export const Actor = z.object({
  /** The operating-system user. */
  user: z.string(),
  via: z.enum(['window', 'browser', 'cli', 'host']),
})
export type Actor = z.infer<typeof Actor>

/** One line of the journal. `hash` covers everything else in it and the hash before it (store/journal). */
export const JournalRecord = z.object({
  seq: z.number().int().min(1),
  /** Milliseconds since 1970 (UTC), and the host's monotonic clock in milliseconds. */
  at: z.number(),
  mono: z.number(),
  actor: Actor,
  commandId: z.string().nullable(),
  /** SHA-256 of the command's input, for the audit log. */
  inputHash: z.string().nullable(),
  event: Event,
  previousHash: z.string(),
  hash: z.string(),
})
export type JournalRecord = z.infer<typeof JournalRecord>
