// Bringing a removed run back: the tree and git's admin directory are moved out of the trash, so that index, modes, links,
// untracked and ignored files are the same bytes; at the same path or the next free one, on the same branch or a new name.
import { join } from 'node:path'
import { deleteTree, directoryIdentity } from '../../disk/delete-tree.ts'
import { exists } from '../../disk/presence.ts'
import { withRepositoryLock } from '../../git/lock.ts'
import { createBranch, pointHeadAt, pointOperationAt, writeBranchLog } from '../../git/refs/branches.ts'
import { branchState, uniqueBranch } from '../../git/refs/refs.ts'
import { dropKeepRefs } from '../../git/trash/keep.ts'
import { attachWorktree } from '../../git/trash/move.ts'
import { settleAt } from '../../git/trash/new-place.ts'
import { readAdminDir } from '../../git/worktree/checkout.ts'
import { listWorktrees } from '../../git/worktree/worktree.ts'
import type { ReportItem } from '../../model/event.ts'
import { fail, failureOf } from '../../model/failure.ts'
import type { Run } from '../../model/run.ts'
import { alone, type Caller, type Context, placeOf, record, repositoryOf, runOf } from '../context.ts'
import { inspectPresent } from '../repositories.ts'
import { goingOf, isHalfDeleted, manifestName, readManifest } from './trash-place.ts'

/** Restores a removed run. Failures leave it in the trash: `trash-missing`, `restore-conflict`, `repository-unavailable`. */
export async function restoreRun(
  context: Context,
  caller: Caller,
  input: { runId: string },
): Promise<{ report: ReportItem[]; worktree: string }> {
  return alone(context, input.runId, async () => {
    const run = runOf(context, input.runId)
    if (run.phase !== 'removed' || !run.trash) throw fail('wrong-phase', { phase: run.phase, wanted: 'removed' })
    if (run.inPlace)
      throw fail('unsupported', {
        message: `${run.id} worked in place, and its folder is where it was: start a new run there ("coppice run --in-place ${run.worktree}")`,
      })
    if (run.trash.directory === '') {
      record(context, caller, {
        type: 'restore-ended',
        runId: run.id,
        worktree: null,
        branch: run.branch,
        report: [],
        failure: null,
      })
      // As it was before: its directory is gone, and Resume makes it again from the branch.
      if (run.worktree !== null) {
        const { worktree } = run
        record(context, caller, { type: 'worktree-presence', runId: run.id, presence: 'missing', worktree })
      }
      return { report: [], worktree: '' }
    }
    if (await isHalfDeleted(run.trash.directory))
      throw fail('partly-deleted', { what: 'restore', path: goingOf(run.trash.directory) })
    const path = await freePath(run.worktree ?? join(run.trash.directory, 'tree'))
    const wanted = await branchFor(context, run, path)
    record(context, caller, { type: 'intended', runId: run.id, intent: { kind: 'restore', path, branch: wanted } })
    try {
      const { report, branch } = await bringBack(context, input.runId, path, wanted)
      record(context, caller, { type: 'restore-ended', runId: run.id, worktree: path, branch, report, failure: null })
      context.observer.soon(run.id)
      return { report, worktree: path }
    } catch (error) {
      const inTrash = await exists(join(run.trash.directory, 'tree'))
      if (!inTrash && (await exists(path))) {
        // It is back, and only the tidying failed. Where that fails again, the intent stays and the next sweep finishes it.
        const { report, branch } = await bringBack(context, input.runId, path, wanted)
        record(context, caller, { type: 'restore-ended', runId: run.id, worktree: path, branch, report, failure: null })
        context.log(`restore ${run.id}: finished after ${String(error)}`)
        context.observer.soon(run.id)
        return { report, worktree: path }
      }
      const failure = failureOf(error)
      record(context, caller, {
        type: 'restore-ended',
        runId: run.id,
        worktree: null,
        branch: null,
        report: [],
        failure,
      })
      throw error
    }
  })
}

/**
 * The branch that a worktree comes back on: its own, or a new name where that one is checked out elsewhere or has moved. On a branch
 * that moved, the index and files of before would look like a change that takes back what was added since.
 */
async function branchFor(context: Context, run: Run, path: string): Promise<string | null> {
  const repository = repositoryOf(context, run.repositoryId)
  await inspectPresent(context, repository)
  const { branch, branchCommit } = await readManifest(run.trash?.directory ?? '')
  if (branch === null || branchCommit === null) return branch
  const git = await context.git(repository)
  const state = await branchState(git, repository.path, branch)
  const taken = state && (state.commit !== branchCommit || (state.checkedOutAt !== null && state.checkedOutAt !== path))
  return taken ? uniqueBranch(git, repository.path, `${branch}-restored`, new Set()) : branch
}

/** Moves an entry of the trash back, to the branch that was decided on. Idempotent: called again, it finishes what is left to do. */
export async function bringBack(
  context: Context,
  runId: string,
  path: string,
  branch: string | null,
): Promise<{ report: ReportItem[]; branch: string | null }> {
  const run = runOf(context, runId)
  const directory = run.trash?.directory ?? ''
  const repository = repositoryOf(context, run.repositoryId)
  await inspectPresent(context, repository)
  const git = await context.git(repository)
  // A crash at the very end: all of it is back, and only the emptied entry was being taken away.
  if (!(await exists(join(directory, manifestName))) && !(await exists(join(directory, 'tree')))) {
    const back = (await listWorktrees(git, repository.path)).find((worktree) => worktree.path === path)
    if (back && (await exists(path))) {
      if (await exists(directory)) await deleteTree(directory, directoryIdentity(directory))
      return { report: [{ what: path, result: 'restored' }], branch: back.branch ?? branch }
    }
  }
  const manifest = await readManifest(directory)
  const target = placeOf(repository)
  const report: ReportItem[] = []

  // The branch first: a worktree whose HEAD names a branch that is gone shows every file as new.
  if (branch !== null && manifest.branchCommit !== null) {
    const isGone = !(await branchState(git, repository.path, branch))
    if (isGone) {
      await createBranch(git, target, branch, manifest.branchCommit)
    }
    if (branch === manifest.branch && manifest.branchLog !== null)
      await writeBranchLog(target, branch, Buffer.from(manifest.branchLog, 'latin1'))
    const own = manifest.branch === null ? null : await branchState(git, repository.path, manifest.branch)
    if (branch === manifest.branch) {
      if (isGone) report.push({ what: `branch ${branch}`, result: 'restored' })
    } else {
      const why =
        own?.checkedOutAt != null && own.checkedOutAt !== path
          ? `is checked out at ${own.checkedOutAt}`
          : `moved to ${own?.commit.slice(0, 7) ?? 'another commit'} meanwhile and is left there`
      report.push({ what: `branch ${branch}`, result: 'restored', reason: `${manifest.branch} ${why}` })
    }
  }
  const attached = await withRepositoryLock(repository.commonDir, async () =>
    attachWorktree({ trashDir: directory, path, commonDir: repository.commonDir, adminId: manifest.adminId }),
  )
  // By where it is, not by what this call has moved: the one before may have been cut off right after its move.
  const formerAdmin = join(manifest.commonDir, 'worktrees', manifest.adminId)
  if (path !== manifest.worktree || attached.adminDir !== formerAdmin)
    await settleAt(git, readAdminDir(path), { worktree: manifest.worktree, adminDir: formerAdmin })
  if (branch !== null && manifest.branch !== null && branch !== manifest.branch) {
    pointOperationAt(path, manifest.branch, branch)
    await pointHeadAt(git, path, manifest.branch, branch)
  }
  const listed = (await listWorktrees(git, repository.path)).find((worktree) => worktree.path === path)
  if (!listed) throw fail('restore-conflict', { path, message: 'git does not list it after the move' })
  report.unshift({
    what: path,
    result: 'restored',
    ...(path === manifest.worktree ? {} : { reason: `${manifest.worktree} is taken` }),
  })
  // What is not there was dropped from the trash, also where the sweep that did so was cut off before it could say so.
  const dropped = new Set(run.trash?.rebuildableDropped ?? [])
  for (const name of manifest.rebuildable) if (!(await exists(join(path, name)))) dropped.add(name)
  for (const name of dropped) {
    report.push({
      what: name,
      result: 'removed',
      reason: 'it was deleted from the trash; an install or a build creates it again',
    })
  }
  await dropKeepRefs(git, target, manifest.keepId)
  await deleteTree(directory, directoryIdentity(directory))
  return { report, branch }
}

async function freePath(wanted: string): Promise<string> {
  for (let n = 1; n < 100; n++) {
    const path = n === 1 ? wanted : `${wanted}-${n}`
    if (!(await exists(path))) return path
  }
  throw fail('restore-conflict', { path: wanted, message: 'this path and the next 98 are in use' })
}
