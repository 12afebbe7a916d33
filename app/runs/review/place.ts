// Where a run's changes are read: its checkout, and how git is run there. Refuses, with the reason, where there is none.
import type { GitContext } from '../../git/exec.ts'
import { type Checkout, locateCheckout } from '../../git/worktree/checkout.ts'
import { fail } from '../../model/failure.ts'
import type { Run } from '../../model/run.ts'
import { type Context, repositoryOf, runOf } from '../context.ts'

export interface Place {
  readonly run: Run
  readonly git: GitContext
  readonly checkout: Checkout
}

/** Throws `not-found`, `unsupported` (a folder without git), `worktree-missing`. */
export async function placeOfReview(context: Context, runId: string): Promise<Place> {
  const run = runOf(context, runId)
  const repository = repositoryOf(context, run.repositoryId)
  if (run.worktree === null || run.worktreePresence === 'none' || run.worktreePresence === 'trashed')
    throw fail('worktree-missing', {
      path: run.worktree ?? '',
      message: run.worktreePresence === 'trashed' ? 'it is in the trash' : 'the run has no worktree',
    })
  return { run, git: await context.git(repository), checkout: locateCheckout(run.worktree) }
}

/** The commit that the run began at, or `state-unknown`. */
export function baseCommitOf(run: Run): string {
  if (run.baseCommit === null)
    throw fail('state-unknown', { id: run.id, message: 'the commit that the run began at is not known' })
  return run.baseCommit
}
