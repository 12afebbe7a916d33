// A run's next attempt needs its worktree. If the directory is gone but the branch exists, it is created again from the branch.
// What was not committed is gone with the directory; the person was told so before, by the run's presence "missing".

import { readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, isDirectory } from '../../disk/presence.ts'
import { withRepositoryLock } from '../../git/lock.ts'
import { branchState, resolveCommit } from '../../git/refs/refs.ts'
import { readEntries, removeEntry } from '../../git/worktree/entries.ts'
import { addWorktree } from '../../git/worktree/worktree.ts'
import { fail } from '../../model/failure.ts'
import type { Run } from '../../model/run.ts'
import { type Caller, type Context, placeOf, record, repositoryOf } from '../context.ts'
import { checkFolder } from '../in-place.ts'
import { inspectPresent } from '../repositories.ts'
import { refuseLowDisk } from '../space.ts'
import { keepGone } from '../trash/gone-refs.ts'
import { lockReason } from '../worktree-root.ts'

/**
 * Makes the worktree again where it is missing; does nothing where it is there. `worktree-missing` where it cannot be made, `worktree-exists` where something else is,
 * `low-disk` where there is too little space for it.
 */
export async function remakeWorktree(context: Context, caller: Caller, run: Run): Promise<void> {
  if (run.inPlace) return checkFolder(context, run)
  const path = run.worktree
  const { branch } = run
  if (!path || !branch) throw fail('worktree-missing', { path: path ?? '(none)' })
  const there = await exists(path)
  if (there && (!(await isDirectory(path)) || (await readdir(path)).length > 0)) {
    // What has taken the worktree's place is nobody's to touch, and resuming again would not help.
    if (!(await exists(join(path, '.git')))) throw fail('worktree-exists', { path, reason: 'in-the-way' })
    return
  }
  await refuseLowDisk(context, 'worktree')
  // An empty directory is what `rm -rf` and `mkdir` leave: nothing in it to lose, and git adds into none that exists.
  if (there) await rmdir(path)
  const repository = repositoryOf(context, run.repositoryId)
  await inspectPresent(context, repository)
  const git = await context.git(repository)
  const target = placeOf(repository)
  const state = await branchState(git, repository.path, branch)
  if (!state) throw fail('worktree-missing', { path, branch, message: 'its branch is gone too' })
  const entry = readEntries(repository.commonDir).find((candidate) => candidate.path === path)
  if (entry?.locked === lockReason(context, run.id)) {
    await keepGone(context, git, target, run, entry)
    await withRepositoryLock(repository.commonDir, async () => removeEntry(repository.commonDir, entry.id, path))
  }
  const commit = await resolveCommit(git, repository.path, `refs/heads/${branch}`)
  await addWorktree(git, target, { path, branch, commit, newBranch: false, lockReason: lockReason(context, run.id) })
  record(context, caller, { type: 'worktree-presence', runId: run.id, presence: 'present', worktree: path })
}
