// A Run: prompt + agent + branch + worktree, a tile in the grid. The phase is only its life cycle; delivery, activity, presence of
// the worktree and observations are separate facts.
import { z } from 'zod'
import { ApprovalId } from './approval.ts'
import { Comment } from './comment.ts'
import { Discard } from './diff.ts'
import { Failure, Stage } from './failure.ts'
import { RepositoryId, RunId, SessionId } from './ids.ts'
import { Activity, Exit, Outcome } from './session.ts'

export const Phase = z.enum([
  'queued',
  'preparing',
  'starting',
  'running',
  'stopping',
  'exited',
  'stopped',
  'failed',
  'cancelled',
  'interrupted',
  'removing',
  'removed',
  'purged',
])
export type Phase = z.infer<typeof Phase>

export const settledPhases: readonly Phase[] = ['exited', 'stopped', 'failed', 'cancelled', 'interrupted']
export const livePhases: readonly Phase[] = ['preparing', 'starting', 'running', 'stopping']
export const isSettled = (phase: Phase): boolean => settledPhases.includes(phase)
export const isLive = (phase: Phase): boolean => livePhases.includes(phase)
/** True where a run waits, queued, for a person to allow or deny something. */
export const isAsking = (run: Pick<Run, 'phase' | 'waitsFor'>): boolean =>
  run.phase === 'queued' && (run.waitsFor?.length ?? 0) > 0
/** True while a run is on the grid: not yet removed and not purged. */
export const isKept = (phase: Phase): boolean => phase !== 'removed' && phase !== 'purged'

export const AgentName = z.enum(['claude', 'codex', 'gemini', 'opencode', 'cursor', 'shell', 'command', 'demo'])
export type AgentName = z.infer<typeof AgentName>

export const Mode = z.enum(['interactive', 'headless'])
export type Mode = z.infer<typeof Mode>

/** What a form for a headless run can set. Each adapter says which of these it knows and refuses the rest by name. */
export const AgentOptions = z.object({
  model: z.string().max(200).optional(),
  permissionMode: z.string().max(100).optional(),
  allowedTools: z.array(z.string().max(500)).max(100).optional(),
  maxTurns: z.number().int().min(1).max(10_000).optional(),
  maxBudgetUsd: z.number().positive().max(100_000).optional(),
  /** Arguments that a person adds to the agent's command line, each one as the agent gets it. */
  extraArguments: z.array(z.string().max(8192)).max(100).optional(),
})
export type AgentOptions = z.infer<typeof AgentOptions>

/** The longest prompt, in UTF-8 bytes. Longer ones belong in a file of the repository. */
export const maxPromptBytes = 1024 * 1024

/** What a prompt looks like in the state: its head; the whole of it is a 0600 file in the run's folder of the data directory. */
export const PromptHead = z.object({ head: z.string(), bytes: z.number(), sha256: z.string() })
export type PromptHead = z.infer<typeof PromptHead>

export const Attempt = z.object({
  number: z.number().int().min(1),
  sessionId: SessionId,
  startedAt: z.number(),
  endedAt: z.number().nullable(),
  pid: z.number().nullable(),
  /** The command line as it was started, the prompt shortened: for people to read, never run again. */
  commandLine: z.string(),
  prompt: PromptHead.nullable(),
  exit: Exit.nullable(),
  outcome: Outcome.nullable(),
})
export type Attempt = z.infer<typeof Attempt>

export const SideKind = z.enum(['shell', 'command', 'agent'])
export type SideKind = z.infer<typeof SideKind>

/** Another session in a run's worktree, beside its agent. Numbered from 1 in the run's life, and never one of its attempts. */
export const SideSession = z.object({
  number: z.number().int().min(1),
  sessionId: SessionId,
  kind: SideKind,
  agent: AgentName,
  title: z.string(),
  /** As it was started: for people to read, never run again. */
  commandLine: z.string(),
  startedAt: z.number(),
  /** Null until its program has started. */
  pid: z.number().nullable(),
  endedAt: z.number().nullable(),
  /** Null while it lives, and where nobody saw it end. */
  exit: Exit.nullable(),
  /** A person has put it away: no tab shows it any more. What it printed stays until the run is purged. */
  closed: z.boolean(),
})
export type SideSession = z.infer<typeof SideSession>

export const Delivery = z.object({
  state: z.enum(['local', 'pushed', 'pull-request', 'merged', 'closed']),
  remote: z.string().optional(),
  ref: z.string().optional(),
  sha: z.string().optional(),
  pushedAt: z.number().optional(),
  pullRequestUrl: z.string().optional(),
})
export type Delivery = z.infer<typeof Delivery>

/** Where a removed run lies, and what will happen to it when. Times are milliseconds since 1970. */
export const Trash = z.object({
  directory: z.string(),
  removedAt: z.number(),
  sizeBytes: z.number().nullable(),
  rebuildableBytes: z.number().nullable(),
  /** When the rebuildable part goes (null: it is gone or there is none), and which directories it was. */
  rebuildableAt: z.number().nullable(),
  rebuildableDropped: z.array(z.string()),
  purgeAt: z.number(),
  /** Commits that exist nowhere else: such an entry is never purged without asking. Null: unknown, treated alike. */
  commitsOnlyHere: z.number().nullable(),
})
export type Trash = z.infer<typeof Trash>

export const StageRecord = z.object({
  stage: Stage,
  status: z.enum(['running', 'done', 'skipped', 'failed', 'cancelled']),
  startedAt: z.number(),
  endedAt: z.number().nullable(),
  /** "Worktree from origin/main at 77ab01c", "3 files copied by .worktreeinclude". */
  text: z.string(),
})
export type StageRecord = z.infer<typeof StageRecord>

/** What a person agreed to lose, in the words and counts that they were shown; absent where nobody had to be asked. */
const consented = { agreed: z.array(z.string()).optional(), forced: z.boolean().optional() }

/** An effect that was announced and whose outcome is not yet known. Recovery finishes or undoes it by what git and the disk say. */
export const Intent = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('worktree'),
    path: z.string(),
    branch: z.string(),
    commit: z.string(),
    branchIsOurs: z.boolean(),
  }),
  z.object({ kind: z.literal('start'), sessionId: SessionId }),
  z.object({ kind: z.literal('stop') }),
  /** `head`: the commit that HEAD was before. */
  z.object({ kind: z.literal('commit'), head: z.string() }),
  z.object({ kind: z.literal('push'), remote: z.string(), ref: z.string(), sha: z.string() }),
  z.object({ kind: z.literal('remove'), directory: z.string(), from: Phase, ...consented }),
  z.object({ kind: z.literal('restore'), path: z.string(), branch: z.string().nullable() }),
  z.object({ kind: z.literal('purge'), ...consented }),
])
export type Intent = z.infer<typeof Intent>

export const Run = z.object({
  id: RunId,
  title: z.string(),
  /** Null for a run in place whose folder lies in no repository. */
  repositoryId: RepositoryId.nullable(),
  /**
   * It works in a folder that the person named: `worktree` is that folder, which is never made, moved or removed, and has no branch of
   * ours.
   */
  inPlace: z.boolean().optional(),
  agent: AgentName,
  /** The user's own command line where `agent` is "command". */
  commandLine: z.string().nullable(),
  mode: Mode,
  options: AgentOptions,
  prompt: PromptHead.nullable(),
  /** As typed; null means the default base of the repository. */
  baseRef: z.string().nullable(),
  /** An existing branch to work on instead of a new one. */
  fromBranch: z.string().nullable(),
  wantedBranch: z.string().nullable(),
  /** The name was typed by a person: it is had as it is or refused. Otherwise (from the template) it takes the next free number. */
  branchTyped: z.boolean().optional(),
  /** "skip": not even read. Otherwise it runs once its content is approved, and "run" approves nothing by itself. */
  setup: z.enum(['run', 'skip', 'ask']),
  install: z.boolean(),
  phase: Phase,
  /** For interrupted: what it was doing when it was lost. */
  during: Phase.nullable(),
  /** The base as resolved ("refs/remotes/origin/main"), its commit, and when it was last fetched (null: never or unknown). */
  resolvedBase: z.string().nullable(),
  baseCommit: z.string().nullable(),
  baseFetchedAt: z.number().nullable(),
  branch: z.string().nullable(),
  /** True where Coppice made the branch, so that a failed create may take it back. */
  branchIsOurs: z.boolean(),
  worktree: z.string().nullable(),
  worktreePresence: z.enum(['none', 'present', 'missing', 'trashed']),
  stages: z.array(StageRecord),
  /** What is odd about its worktree, in whole sentences: hooks that will not run, files that are missing. Absent: nothing. */
  notes: z.array(z.string()).optional(),
  attempts: z.array(Attempt),
  /** Absent where none was ever opened. */
  sides: z.array(SideSession).optional(),
  /** The agent's own id of its conversation, for its resume. */
  agentSession: z.string().nullable(),
  failure: Failure.nullable(),
  exit: Exit.nullable(),
  outcome: Outcome.nullable(),
  delivery: Delivery,
  trash: Trash.nullable(),
  intent: Intent.nullable(),
  reviewed: z.boolean(),
  /** When a person last marked hunks of its changes or threw some away, in milliseconds: who shows them asks again. */
  reviewChangedAt: z.number().optional(),
  /** What was thrown away of its changes and can be brought back, the newest last. */
  discards: z.array(Discard).optional(),
  createdAt: z.number(),
  settledAt: z.number().nullable(),
  /** How it last settled: what it is again when it comes back from the trash. */
  settledAs: Phase.optional(),
  /** Approvals that it waits for, queued; `since` in milliseconds. */
  /** What a person wrote about its changes. */
  comments: z.array(Comment).optional(),
  waitsFor: z.array(z.object({ approvalId: ApprovalId, since: z.number() })).optional(),
})
export type Run = z.infer<typeof Run>

/** True for a settled run that has nothing to go on from: its create failed or was undone, so a resume repeats it. */
export const startsAnew = (run: Run): boolean =>
  isSettled(run.phase) && (run.attempts.length === 0 || run.worktreePresence === 'none')

const observed = <T extends z.ZodType>(value: T) =>
  // `value: null` means that it could not be found out; `why` says why. Never zero.
  z.object({ value: value.nullable(), observedAt: z.number(), why: z.string().optional() })

/** What is true of a run right now and is not history: sent beside the events, never journaled, gone with the host. */
export const Live = z.object({
  activity: Activity.nullable(),
  title: z.string().nullable(),
  lastOutputAt: z.number().nullable(),
  /** The last non-empty line on the screen, control characters removed, at most 200 characters. */
  lastLine: z.string().nullable(),
  bell: z.boolean(),
  progress: z
    .object({
      stage: Stage,
      text: z.string(),
      done: z.number().optional(),
      total: z.number().optional(),
      unit: z.string().optional(),
    })
    .nullable(),
  /** 1 is next in line. */
  queuePosition: z.number().nullable(),
  queueReason: z.string().nullable(),
  screen: z.object({ cols: z.number(), rows: z.number() }).nullable(),
  dirty: observed(z.number()).nullable(),
  ahead: observed(z.number()).nullable(),
  behind: observed(z.number()).nullable(),
  /** Commits since the base that no remote branch has. */
  unpushed: observed(z.number()).nullable(),
  added: observed(z.number()).nullable(),
  deleted: observed(z.number()).nullable(),
  sizeBytes: observed(z.number()).nullable(),
  reclaimableBytes: observed(z.number()).nullable(),
  /** The branch that is checked out in the worktree; "" when HEAD is detached. Differs from the run's when its agent left it. */
  headBranch: observed(z.string()).nullable(),
  processes: observed(z.number()).nullable(),
})
export type Live = z.infer<typeof Live>

export const emptyLive: Live = {
  activity: null,
  title: null,
  lastOutputAt: null,
  lastLine: null,
  bell: false,
  progress: null,
  queuePosition: null,
  queueReason: null,
  screen: null,
  dirty: null,
  ahead: null,
  behind: null,
  unpushed: null,
  added: null,
  deleted: null,
  sizeBytes: null,
  reclaimableBytes: null,
  headBranch: null,
  processes: null,
}
