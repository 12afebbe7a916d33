// A removal that a crash cut off. Each step of it is a rename or can be repeated, so what lies where decides: a tree that reached
// the trash is finished, one that did not stays and the removal is called off.
import { basename, join } from 'node:path'
import { deleteTree, directoryIdentity } from '../../disk/delete-tree.ts'
import { measure, measureAll } from '../../disk/measure.ts'
import { exists } from '../../disk/presence.ts'
import { withRepositoryLock } from '../../git/lock.ts'
import { dropKeepRefs } from '../../git/trash/keep.ts'
import { detachWorktree } from '../../git/trash/move.ts'
import type { ReportItem } from '../../model/event.ts'
import { type Failure, fail } from '../../model/failure.ts'
import type { Run } from '../../model/run.ts'
import { type Caller, type Context, placeOf, record, repositoryOf } from '../context.ts'
import { isDiskThere, readManifest } from './trash-place.ts'

/**
 * Finishes or calls off the removal that `intent` announced; records its outcome and says which. `cutOff`: by what, where that is
 * known. Throws where neither could be done: then the intent stays, and the next sweep looks again.
 */
export async function finishRemoval(
  context: Context,
  run: Run,
  intent: { directory: string },
  cutOff: { readonly caller: Caller; readonly failure: Failure } | null = null,
): Promise<{ readonly report: ReportItem[]; readonly removed: boolean }> {
  const { directory } = intent
  const caller = cutOff?.caller ?? context.host
  const calledOff = () => {
    const report: ReportItem[] = [
      cutOff
        ? { what: run.worktree ?? run.id, result: 'refused', reason: cutOff.failure.code }
        : {
            what: `removal of ${run.id}`,
            result: 'repaired',
            reason: 'it had not started; the worktree is where it was',
          },
    ]
    const failure = cutOff?.failure ?? { code: 'internal', retryable: true, detail: { message: 'interrupted' } }
    record(context, caller, { type: 'remove-ended', runId: run.id, trash: null, report, failure })
    return { report, removed: false }
  }
  if (directory === '') return calledOff()
  if (!(await exists(join(directory, 'tree')))) {
    // What lies on a disk that is away is not known, and the refs that keep its objects must not go.
    if (!(await isDiskThere(directory))) {
      const message = `there is nothing where ${directory} was: the disk with the worktrees may not be mounted`
      throw fail('state-unknown', { what: 'removed', path: directory, message }, { retryable: true })
    }
    try {
      await forgetEntry(context, run, directory)
    } catch (error) {
      if (!cutOff) throw error
      // Why it was cut off is what a person must hear; what is left of the entry is put right by the next sweep.
      context.log(`${directory}: ${String(error)}`)
    }
    return calledOff()
  }
  const manifest = await readManifest(directory)
  const repository = repositoryOf(context, run.repositoryId)
  const adminDir = join(repository.commonDir, 'worktrees', manifest.adminId)
  await withRepositoryLock(repository.commonDir, async () =>
    detachWorktree({ worktree: manifest.worktree, adminDir, trashDir: directory, expected: manifest.tree }),
  )
  const size = await measure(directory)
  const rebuildableBytes = await measureAll(manifest.rebuildable.map((name) => join(directory, 'tree', name)))
  const { keepRebuildableHours, keepTrashDays } = context.journal.state.settings
  const report: ReportItem[] = [
    {
      what: manifest.worktree,
      result: 'removed',
      reason: 'the removal had started and was finished; everything is in the trash',
    },
  ]
  record(context, caller, {
    type: 'remove-ended',
    runId: run.id,
    report,
    failure: null,
    trash: {
      directory,
      removedAt: manifest.removedAt,
      sizeBytes: size.sizeBytes,
      rebuildableBytes,
      rebuildableAt: rebuildableBytes === 0 ? null : manifest.removedAt + keepRebuildableHours * 3_600_000,
      rebuildableDropped: [],
      purgeAt: manifest.removedAt + keepTrashDays * 86_400_000,
      commitsOnlyHere: manifest.commitsOnlyHere,
    },
  })
  return { report, removed: true }
}

/**
 * Takes back an entry into which nothing was moved: its folder, its manifest and the refs that were to keep its objects. Nothing
 * happens where a tree or an admin directory is in it.
 */
export async function forgetEntry(context: Context, run: Run, directory: string): Promise<void> {
  if (directory === '') return
  if ((await exists(join(directory, 'tree'))) || (await exists(join(directory, 'admin')))) return
  const repository = repositoryOf(context, run.repositoryId)
  await dropKeepRefs(await context.git(repository), placeOf(repository), basename(directory))
  if (await exists(directory)) await deleteTree(directory, directoryIdentity(directory))
}
