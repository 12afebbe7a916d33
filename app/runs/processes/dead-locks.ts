// Lock files that a killed agent's git left behind: the next attempt would be wedged by them. They go only when every process of
// the run is proven dead and nobody (not the person's own shell either) works in the worktree; a living git's lock stays.

import { exists } from '../../disk/presence.ts'
import { clearDeadLocks, type LockPlace, ownLocks } from '../../git/trash/mend.ts'
import { readAdminDir } from '../../git/worktree/checkout.ts'
import { isSettled, type Run } from '../../model/run.ts'
import { runMark } from '../../process/environment.ts'
import { descendants } from '../../process/tree.ts'
import { type Context, repositoryOf } from '../context.ts'
import { as, type Line } from '../recovery/recovery-report.ts'
import { whoIsInside } from './who-is-inside.ts'

/** At a resume a lock must have stood still for this long: a git that lives holds one for milliseconds. */
const waitMs = 1_500

/** Clears a settled run's dead locks. With `wait`, one that is too young is looked at once more after a moment. */
export async function clearLocksOf(context: Context, run: Run, wait: boolean): Promise<Line[]> {
  if (run.inPlace || !isSettled(run.phase) || !run.worktree || !run.branch || !(await exists(run.worktree))) return []
  const { adminDir } = readAdminDir(run.worktree)
  const place = { adminDir, commonDir: repositoryOf(context, run.repositoryId).commonDir, branch: run.branch }
  if (!wait) return report(await clear(context, run, place, undefined))
  const first = await clear(context, run, place, waitMs)
  if (first.kept.length === 0) return report(first)
  await new Promise((resolve) => setTimeout(resolve, waitMs))
  const second = await clear(context, run, place, waitMs)
  return report({ cleared: [...first.cleared, ...second.cleared], kept: second.kept })
}

async function clear(
  context: Context,
  run: Run,
  place: LockPlace,
  minAgeMs: number | undefined,
): Promise<{ readonly cleared: readonly string[]; readonly kept: readonly string[] }> {
  if (ownLocks(place).length === 0) return { cleared: [], kept: [] }
  const alive = await descendants({ roots: [], mark: runMark(context.dataDirectory, run.id) })
  const { own, others } = await whoIsInside(context, run.id, run.worktree ?? '')
  if (alive.length + own.length + others.length > 0) return { cleared: [], kept: ownLocks(place) }
  return clearDeadLocks(place, minAgeMs)
}

function report({ cleared, kept }: { readonly cleared: readonly string[]; readonly kept: readonly string[] }): Line[] {
  const reason = 'a lock of a process that is gone was cleared'
  return [
    ...as(
      'lock',
      cleared.map((what) => ({ what, result: 'repaired', reason })),
    ),
    ...kept.map((what) => ({
      what,
      result: 'listed' as const,
      reason: 'a lock of git was not touched: it is young or somebody works there, so its holder may live',
    })),
  ]
}
