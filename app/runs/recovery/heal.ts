// Compares three lists: git's worktrees, the folders under our root, and our runs. Ours are repaired (an entry that git lost is
// written again, a moved directory is linked again). What is missing is noted as missing. What is not ours is listed and not
// touched.
import { join, resolve } from 'node:path'
import { readSmallText } from '../../disk/files.ts'
import { presenceOf } from '../../disk/presence.ts'
import type { GitContext } from '../../git/exec.ts'
import { withRepositoryLock } from '../../git/lock.ts'
import { mendEntries } from '../../git/trash/mend.ts'
import { settleAt } from '../../git/trash/new-place.ts'
import { readAdminDir } from '../../git/worktree/checkout.ts'
import { readEntries } from '../../git/worktree/entries.ts'
import { type ListedWorktree, listWorktrees, recreateEntry, repairWorktree } from '../../git/worktree/worktree.ts'
import { failureOf } from '../../model/failure.ts'
import type { Repository } from '../../model/repository.ts'
import { isKept, type Run } from '../../model/run.ts'
import { aloneUntilStopped, type Context, placeOf, record, runOf } from '../context.ts'
import { clearLocksOf } from '../processes/dead-locks.ts'
import { inspectPresent } from '../repositories.ts'
import { tidyTrash } from '../trash/tidy-trash.ts'
import { lockReason } from '../worktree-root.ts'
import { as, type Line } from './recovery-report.ts'
import { listEntries, listFolders, listLocks, listRoot, strangeFolders } from './strays.ts'

/** Heals every repository that is present. One that cannot be read is left as it is, with one line saying so. */
export async function heal(context: Context): Promise<Line[]> {
  const report: Line[] = []
  const scan = async (what: string, work: () => Promise<readonly Line[]>) => {
    try {
      report.push(...(await work()))
    } catch (error) {
      const failure = failureOf(error)
      const reason = `not scanned: ${String(failure.detail?.message ?? failure.code)}`
      report.push({ what, result: 'refused', reason })
    }
  }
  for (const repository of Object.values(context.journal.state.repositories)) {
    await scan(repository.path, async () => {
      await inspectPresent(context, repository)
      return healRepository(context, repository)
    })
  }
  await scan('the folder of worktrees', () => listRoot(context))
  await scan('the trash', async () => (await tidyTrash(context)).flatMap(trashLine))
  return report
}

const trashLine = (item: Line): Line[] => (item.result === 'removed' ? as('trash', [item]) : [item])

async function healRepository(context: Context, repository: Repository): Promise<Line[]> {
  const git = await context.git(repository)
  const runs = Object.values(context.journal.state.runs).filter((run) => run.repositoryId === repository.id)
  const kept = runs.filter(isHealed)
  const report: Line[] = []

  // First what makes git's own list fail: the empty files of a killed git.
  const mended = await mendEntries(repository.commonDir, (entry) => {
    const run = kept.find((candidate) => entry.locked === lockReason(context, candidate.id))
    return run?.worktree && run.branch ? { worktree: run.worktree, branch: run.branch } : null
  })
  for (const what of mended)
    report.push({ what, result: 'repaired', kind: 'file', reason: 'a killed git had left it empty' })

  const entries = await listWorktrees(git, repository.path)
  const strange = await strangeFolders(context, repository)
  for (const { id } of kept) {
    // A verb that works on a run right now knows better than a list that was read before; and none begins meanwhile.
    if (context.busy.has(id) || context.creating.has(id)) continue
    await aloneUntilStopped(context, id, async (own) => {
      const run = runOf(own, id)
      if (isHealed(run))
        report.push(...(await healRun(own, await own.git(repository), repository, run, entries, strange)))
    })
  }
  report.push(...listEntries(context, entries, runs))
  report.push(...listFolders(await strangeFolders(context, repository)))
  report.push(...listLocks(context, repository, runs))
  return report
}

const isHealed = (run: Run): boolean =>
  !run.inPlace && run.worktree !== null && isKept(run.phase) && run.worktreePresence !== 'none' && !run.intent

async function healRun(
  context: Context,
  git: GitContext,
  repository: Repository,
  run: Run,
  entries: readonly ListedWorktree[],
  strange: readonly string[],
): Promise<Line[]> {
  const worktree = run.worktree ?? ''
  const directory = await presenceOf(worktree)
  if (directory === 'unknown' || directory === 'other')
    return [{ what: worktree, result: 'listed', reason: 'it could not be read; nothing was changed' }]
  if (directory === 'missing') {
    const moved = await movedTo(context, git, repository, run, { entries, strange })
    if (moved) {
      try {
        const checkout = readAdminDir(moved)
        await settleAt(git, checkout, { worktree, adminDir: checkout.adminDir })
      } catch (error) {
        context.log(`heal ${run.id}: ${String(error)}`)
      }
      record(context, context.host, { type: 'worktree-presence', runId: run.id, presence: 'present', worktree: moved })
      const reason = `it was moved from ${worktree}; git and its run know it again`
      return [{ what: moved, result: 'repaired', kind: 'worktree', reason }]
    }
    note(context, run, 'missing')
    const reason = 'its directory is gone; the branch is kept and Resume creates it again'
    return [{ what: worktree, result: 'listed', reason }]
  }
  note(context, run, 'present')
  const entry = entries.find((candidate) => candidate.path === worktree)
  if (!entry && run.branch) {
    const again = { worktree, branch: run.branch, lockReason: lockReason(context, run.id) }
    if (!(await recreateEntry(git, placeOf(repository), again))) {
      const reason = 'git does not list it and its .git names something else; it was not touched'
      return [{ what: worktree, result: 'listed', reason }]
    }
    const reason = 'git had lost it; it is back in the list with its edits'
    return [{ what: worktree, result: 'repaired', kind: 'worktree', reason }]
  }
  try {
    return await clearLocksOf(context, run, false)
  } catch (error) {
    // The directory and git's entry do not name each other: a clone at a stale path, two worktrees that name each other.
    const failure = failureOf(error)
    const reason = `${String(failure.detail?.message ?? failure.code)}; it was not touched`
    return [{ what: worktree, result: 'listed', reason }]
  }
}

/**
 * Where a worktree has gone: its entry, under our lock, names another place that is there (git moved it, or repaired it for the
 * person), or a folder under our root names the entry (then git is told). Null where neither is so.
 */
async function movedTo(
  context: Context,
  git: GitContext,
  repository: Repository,
  run: Run,
  found: { readonly entries: readonly ListedWorktree[]; readonly strange: readonly string[] },
): Promise<string | null> {
  const listed = found.entries.find((entry) => entry.locked === lockReason(context, run.id))
  if (listed && listed.path !== run.worktree && (await presenceOf(listed.path)) === 'directory') return listed.path
  const folder = found.strange.find((candidate) => pointsTo(candidate, repository, run.worktree ?? ''))
  if (folder === undefined) return null
  await withRepositoryLock(repository.commonDir, () => repairWorktree(git, repository.path, folder))
  return folder
}

/** True where a folder's .git names the entry whose own path is `worktree`: it is that worktree, moved. */
function pointsTo(folder: string, repository: Repository, worktree: string): boolean {
  const pointer = readSmallText(join(folder, '.git'))
  if (!pointer?.startsWith('gitdir: ')) return false
  const adminDir = resolve(folder, pointer.slice('gitdir: '.length).trim())
  return readEntries(repository.commonDir).some((entry) => entry.adminDir === adminDir && entry.path === worktree)
}

function note(context: Context, run: Run, found: 'present' | 'missing'): void {
  if (run.worktreePresence !== found)
    record(context, context.host, { type: 'worktree-presence', runId: run.id, presence: found, worktree: run.worktree })
}
