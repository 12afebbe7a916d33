// Commits a run's work from the app: everything in its worktree that is not ignored, on the branch that it is on.
import { commitAll } from '../../git/commit.ts'
import { resolveCommit } from '../../git/refs/refs.ts'
import { failureOf } from '../../model/failure.ts'
import { aloneUntilStopped, type Caller, type Context, record, repositoryOf, runOf } from '../context.ts'
import { placeToPublish } from './place.ts'

/**
 * Commits. Failures: those of `commitAll`, and those of a run without a worktree. The journal says that it begins and what came of it;
 * a host that is killed in between finds out what git has done.
 */
export async function commitRun(
  context: Context,
  caller: Caller,
  input: { runId: string; message: string; amend: boolean },
): Promise<{ sha: string; files: number }> {
  return aloneUntilStopped(context, input.runId, async (own, signal) => {
    const run = runOf(own, input.runId)
    const { worktree } = await placeToPublish(own, run)
    const git = await own.git(repositoryOf(own, run.repositoryId))
    const head = await resolveCommit(git, worktree, 'HEAD')
    record(own, caller, { type: 'intended', runId: run.id, intent: { kind: 'commit', head } })
    try {
      const { message, amend } = input
      const made = await commitAll(git, worktree, { message, amend, signal })
      record(own, caller, { type: 'commit-ended', runId: run.id, sha: made.sha, failure: null })
      own.observer.soon(run.id)
      return made
    } catch (error) {
      record(own, caller, { type: 'commit-ended', runId: run.id, sha: null, failure: failureOf(error) })
      throw error
    }
  })
}

/** After a host that was killed: whether the commit was made is for git to say. Gives the new HEAD, or null where it is the old one. */
export async function commitMade(context: Context, runId: string, head: string): Promise<string | null> {
  const run = runOf(context, runId)
  if (!run.worktree) return null
  const git = await context.git(repositoryOf(context, run.repositoryId))
  const now = await resolveCommit(git, run.worktree, 'HEAD').catch(() => head)
  return now === head ? null : now
}
