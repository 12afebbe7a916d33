// Where a run is published from: its worktree and the branch that it is on.
import { readStatus } from '../../git/status.ts'
import { fail } from '../../model/failure.ts'
import type { Run } from '../../model/run.ts'
import { type Context, repositoryOf } from '../context.ts'

/** A run's own branch; in place, the one that its folder is on now. Refused with the way on where there is none. */
export async function placeToPublish(context: Context, run: Run): Promise<{ branch: string; worktree: string }> {
  if (!run.inPlace) return presentWorktree(run)
  const { worktree } = presentWorktree({ ...run, branch: 'HEAD' })
  if (run.repositoryId === null)
    throw fail('unsupported', {
      message: `${worktree} is no git repository with commits: make it one ("git init", a first commit, "git remote add"), then start a run there`,
    })
  const { branch } = await readStatus(await context.git(repositoryOf(context, run.repositoryId)), worktree)
  if (branch !== null) return { branch, worktree }
  throw fail('unsupported', { message: `${worktree} is on no branch: run "git switch -c NAME" there, then try again` })
}

function presentWorktree(run: Run): { branch: string; worktree: string } {
  if (run.phase === 'removed' || run.phase === 'purged' || run.phase === 'removing')
    throw fail('wrong-phase', { phase: run.phase, wanted: 'not removed' })
  if (run.phase === 'queued' || run.phase === 'preparing')
    throw fail('wrong-phase', { phase: run.phase, wanted: 'started' })
  if (!run.branch || !run.worktree || run.worktreePresence !== 'present')
    throw fail('worktree-missing', { path: run.worktree ?? '(none yet)' })
  return { branch: run.branch, worktree: run.worktree }
}
