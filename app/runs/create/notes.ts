// What is unusual about a new worktree. If a filter would make git lie to the agent, the run is stopped before it starts. Hooks
// that will not run, missing objects and a changed configuration are noted on the run.
import { configOf, type GitContext } from '../../git/exec.ts'
import { missingObjects } from '../../git/inspect/missing-objects.ts'
import type { InspectedRepository } from '../../git/repository.ts'
import { changeText } from '../../git/shared-config.ts'
import { readAdminDir } from '../../git/worktree/checkout.ts'
import { ownFilters } from '../../git/worktree/filters.ts'
import { hooksThatWillNotRun } from '../../git/worktree/hooks.ts'
import { fail } from '../../model/failure.ts'
import type { Repository } from '../../model/repository.ts'
import { oneLine } from '../../model/text/text.ts'
import { type Caller, type Context, record, runOf } from '../context.ts'
import { changedSettings } from '../repositories.ts'

/** The agent's git runs filters of the repository's own that ours leaves off: it would see changes that nobody made. */
export async function refuseUntrustedFilters(git: GitContext, repository: Repository, worktree: string): Promise<void> {
  if (repository.trusted) return
  const [filter] = await ownFilters(git, readAdminDir(worktree))
  if (!filter) return
  const { name, files, example, command } = filter
  throw fail('filter-untrusted', { filter: name, file: example, count: files, command, path: repository.path })
}

/** What a person should know before they rely on the run. Looked at last: an install may have made what was missing. */
export async function takeNotes(
  context: Context,
  caller: Caller,
  runId: string,
  repository: Repository,
  { found, reached }: { readonly found: InspectedRepository; readonly reached: boolean },
): Promise<void> {
  const { worktree, baseCommit } = runOf(context, runId)
  if (!worktree) return
  const notes: string[] = []
  const changes = changedSettings(repository, found)
  if (changes.length > 0)
    notes.push(
      `The shared configuration of ${repository.path} has changed since it was added: ${changes.map(changeText).join('; ')}. "coppice doctor" says how to put it back.`,
    )
  const problem = await context.shellProblem()
  if (problem !== null)
    notes.push(
      `The environment of your login shell is not known: ${oneLine(problem, 500)}. Command lines run without start-up files until that is mended; "coppice doctor" looks again.`,
    )
  const git = await context.git(repository)
  const checkout = readAdminDir(worktree)
  const entries = await configOf(git, checkout)
  notes.push(...hooksThatWillNotRun(entries, repository.path, checkout))
  // Where the remote has just answered, git gets what it lacks by itself.
  const missing = reached || !baseCommit ? null : await missingObjects(git, repository.path, entries, baseCommit)
  if (missing)
    notes.push(
      `This repository is a partial clone: ${missing.all ? '' : 'at least '}${missing.count} objects of its history are only on ${missing.remote}, which was not reached when this run was made. git fails where it needs one of them, until ${missing.remote} can be reached.`,
    )
  if (notes.length > 0) record(context, caller, { type: 'run-noted', runId, notes })
}
