// Does a person have to look? Derived from a run's facts and the evidence of the moment, never stored. The window's colours, the
// strip's order and the CLI's `attention` all come from here. The most urgent state has the lowest rank.
import { assertNever } from './failure.ts'
import { isAsking, type Live, type Run } from './run.ts'

export type Look =
  | 'permission'
  | 'question'
  | 'plan'
  | 'limit'
  | 'failed'
  | 'stalled'
  | 'finished'
  | 'interrupted'
  | 'unavailable'
  | 'working'
  | 'running'
  | 'idle'
  | 'preparing'
  | 'queued'
  | 'shell'
  | 'stopping'
  | 'stopped'
  | 'cancelled'
  | 'reviewed'
  | 'removing'
  | 'removed'

export interface Attention {
  readonly look: Look
  /** 1 waits for you · 2 worth a look · 3 under way · 4 settled and seen. */
  readonly rank: 1 | 2 | 3 | 4
  /** Since when, in milliseconds since 1970. */
  readonly since: number
}

/** An agent at work that has shown no proof of it for this long is "Stalled?": 90 s, longer than a quiet model call usually takes. */
export const stalledAfterMs = 90_000

/** What a person should know about a run at the moment `now` (milliseconds). */
export function attentionOf(run: Run, live: Live | undefined, now: number): Attention {
  const settled = run.settledAt ?? run.createdAt
  if (isKeptWithoutWorktree(run)) return { look: 'unavailable', rank: 2, since: settled }
  switch (run.phase) {
    case 'queued':
      if (isAsking(run)) return { look: 'permission', rank: 1, since: run.waitsFor?.[0]?.since ?? run.createdAt }
      return { look: 'queued', rank: 3, since: run.createdAt }
    case 'preparing':
    case 'starting':
      return { look: 'preparing', rank: 3, since: run.createdAt }
    case 'running':
      return running(run, live, now)
    case 'stopping':
      return { look: 'stopping', rank: 3, since: settled }
    case 'stopped':
      return { look: 'stopped', rank: 4, since: settled }
    case 'cancelled':
      return { look: 'cancelled', rank: 4, since: settled }
    case 'interrupted':
      return { look: 'interrupted', rank: 2, since: settled }
    case 'failed':
      return { look: 'failed', rank: 2, since: settled }
    case 'exited':
      return exited(run, settled)
    case 'removing':
      return { look: 'removing', rank: 3, since: settled }
    case 'removed':
    case 'purged':
      return { look: 'removed', rank: 4, since: run.trash?.removedAt ?? settled }
    default:
      return assertNever(run.phase)
  }
}

function isKeptWithoutWorktree(run: Run): boolean {
  return run.worktreePresence === 'missing' && run.phase !== 'removed' && run.phase !== 'purged'
}

function running(run: Run, live: Live | undefined, now: number): Attention {
  const started = run.attempts.at(-1)?.startedAt ?? run.createdAt
  const activity = live?.activity
  if (activity?.state === 'waiting') return { look: activity.kind ?? 'question', rank: 1, since: activity.since }
  if (run.agent === 'shell') return { look: 'shell', rank: 3, since: started }
  // A process that runs says nothing about work: "working" is said only where something proves it.
  if (!activity || activity.state === 'unknown') return { look: 'running', rank: 3, since: started }
  if (activity.state === 'idle') return { look: 'finished', rank: 2, since: activity.since }
  if (now - activity.provenAt > stalledAfterMs) return { look: 'stalled', rank: 2, since: activity.provenAt }
  return { look: 'working', rank: 3, since: activity.since }
}

function exited(run: Run, since: number): Attention {
  const look = lookOfEnd(run)
  if (look === 'limit') return { look, rank: 1, since }
  if (look === 'failed' || look === 'interrupted') return { look, rank: 2, since }
  if (run.reviewed || run.delivery.state === 'merged') return { look: 'reviewed', rank: 4, since }
  return { look: 'finished', rank: 2, since }
}

/** How an attempt that nobody stopped here looks: by its outcome, and by its exit only where nothing judged it. */
export function lookOfEnd({
  outcome,
  exit,
}: Pick<Run, 'outcome' | 'exit'>): 'limit' | 'failed' | 'interrupted' | 'finished' {
  if (outcome?.result === 'limit') return 'limit'
  // A signal from elsewhere ended it (kill, the system's memory killer, Ctrl-C): it neither failed nor finished.
  if (outcome ? outcome.result === 'interrupted' : exit?.signal) return 'interrupted'
  const bad = outcome ? outcome.result === 'failed' || outcome.result === 'denied' : exit?.code !== 0
  return bad ? 'failed' : 'finished'
}
