// A run as a machine reads it: the CLI's --json, with the same facts that a person sees in the window.
import { attentionOf } from './attention.ts'
import type { Live, Phase, Run, SideSession } from './run.ts'
import type { ActivityState, Exit } from './session.ts'
import { shownSides } from './side-session.ts'
import type { State } from './state.ts'

export interface SideView extends Omit<SideSession, 'startedAt' | 'endedAt' | 'closed'> {
  /** ISO 8601, UTC; null while it runs. */
  readonly startedAt: string
  readonly endedAt: string | null
}

export interface RunView {
  readonly id: string
  readonly title: string
  readonly agent: string
  /** The absolute path of the repository's main checkout. */
  readonly repository: string | null
  readonly branch: string | null
  /** The base's ref and commit: "refs/remotes/origin/main@77ab01c…", or the ref as typed while it is not resolved. */
  readonly base: string | null
  readonly worktree: string | null
  /** True where `worktree` is a folder that the person named, which Coppice never makes, moves or removes. */
  readonly inPlace: boolean
  /** Where HEAD is in the worktree: the branch (null: detached), or null where that is not known. */
  readonly head: { readonly branch: string | null; readonly detached: boolean } | null
  /** What is odd about the worktree, in whole sentences. */
  readonly notes: readonly string[]
  readonly phase: Phase
  readonly activity: ActivityState | null
  /** permission · question · plan · limit · failed · stalled · finished · interrupted · unavailable, or null: nobody needs to look. */
  readonly attention: string | null
  readonly exit: Exit | null
  readonly attempt: number
  /** What is open beside its agent, and what has ended there and was not put away. */
  readonly sessions: readonly SideView[]
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** Bytes on disk, as last measured; null: not measured, or it could not be. */
  readonly sizeBytes: number | null
  /** Files that differ from HEAD, untracked ones included; null: unknown. */
  readonly dirty: number | null
  /** Commits on the branch not in its base; null: unknown. */
  readonly ahead: number | null
}

/** The view of one run at the moment `now` (milliseconds). */
export function runView(state: State, run: Run, live: Live | undefined, now: number): RunView {
  const attention = attentionOf(run, live, now)
  const head = live?.headBranch?.value
  return {
    id: run.id,
    title: run.title,
    agent: run.agent,
    repository: state.repositories[run.repositoryId ?? '']?.path ?? null,
    branch: run.branch,
    base: run.resolvedBase ? `${run.resolvedBase}@${run.baseCommit ?? ''}` : run.baseRef,
    worktree: run.worktreePresence === 'present' || run.worktreePresence === 'missing' ? run.worktree : null,
    inPlace: run.inPlace ?? false,
    head: head == null ? null : { branch: head === '' ? null : head, detached: head === '' },
    notes: run.notes ?? [],
    phase: run.phase,
    activity: run.phase === 'running' ? (live?.activity?.state ?? 'unknown') : null,
    attention: attention.rank <= 2 ? attention.look : null,
    exit: run.exit,
    attempt: run.attempts.length,
    sessions: shownSides(run).map(({ startedAt, endedAt, closed: _, ...side }) => ({
      ...side,
      startedAt: new Date(startedAt).toISOString(),
      endedAt: endedAt === null ? null : new Date(endedAt).toISOString(),
    })),
    createdAt: new Date(run.createdAt).toISOString(),
    sizeBytes: live?.sizeBytes?.value ?? null,
    dirty: live?.dirty?.value ?? null,
    ahead: live?.ahead?.value ?? null,
  }
}
