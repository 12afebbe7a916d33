// Things in our places that are not ours, or no longer: folders under the root, entries of git with our lock, locks that other
// programs left. They are listed for a person to decide, and none is touched.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { standingLocks } from '../../git/trash/mend.ts'
import { readEntries } from '../../git/worktree/entries.ts'
import type { ListedWorktree } from '../../git/worktree/worktree.ts'
import type { Repository } from '../../model/repository.ts'
import { isKept, type Run } from '../../model/run.ts'
import type { Context } from '../context.ts'
import { lockReason, worktreeRootOf } from '../worktree-root.ts'
import type { Line } from './recovery-report.ts'

/** Whether a run has, or is about to have, its worktree at this path; the former path of a removed one is nobody's. */
const hasPlace = (run: Run, path: string): boolean =>
  (run.worktree === path && (isKept(run.phase) || run.intent !== null)) ||
  (run.intent?.kind === 'restore' && run.intent.path === path)

/** What is in a repository's folder under the root and is no run's. */
export async function strangeFolders(context: Context, repository: Repository): Promise<string[]> {
  const folder = join(worktreeRootOf(context), repository.id)
  // Read after the folder: a run that is made meanwhile is known by then.
  const names = await namesIn(folder)
  const runs = Object.values(context.journal.state.runs)
  return names.map((name) => join(folder, name)).filter((path) => !runs.some((run) => hasPlace(run, path)))
}

export const listFolders = (folders: readonly string[]): Line[] =>
  folders.map((what) => ({ what, result: 'listed', reason: 'no run of ours names it; it was not touched' }))

/** What is in the root itself and belongs to no repository of ours: one line, for a root that a person shares with other things. */
export async function listRoot(context: Context): Promise<Line[]> {
  const root = worktreeRootOf(context)
  const known = context.journal.state.repositories
  const others: string[] = []
  for (const name of await namesIn(root)) {
    if (name === '.trash' || Object.hasOwn(known, name)) continue
    // The empty folder of a repository that was forgotten holds nothing to account for.
    if ((await namesIn(join(root, name)).catch(() => ['?'])).length > 0) others.push(name)
  }
  if (others.length === 0) return []
  const named = others.length > 5 ? `${others.slice(0, 5).join(', ')} and ${others.length - 5} more` : others.join(', ')
  return [{ what: root, result: 'listed', reason: `no repository of ours names ${named} in it; not touched` }]
}

/** Entries that carry our lock but belong to no run we know: ours once. */
export function listEntries(context: Context, entries: readonly ListedWorktree[], runs: readonly Run[]): Line[] {
  return entries
    .filter((entry) => entry.locked?.startsWith('coppice ') && entry.locked.endsWith(`home=${context.dataDirectory}`))
    .filter((entry) => !runs.some((run) => hasPlace(run, entry.path) || entry.locked === lockReason(context, run.id)))
    .map((entry) => ({
      what: entry.path,
      result: 'listed',
      reason: 'it carries our lock but no run of ours has it; it was not touched',
    }))
}

/** Locks in the repository that no run of ours can have left, or that may be held. */
export function listLocks(context: Context, repository: Repository, runs: readonly Run[]): Line[] {
  const { commonDir } = repository
  const own = readEntries(commonDir).filter((entry) => runs.some((run) => entry.locked === lockReason(context, run.id)))
  const locks = standingLocks(commonDir, {
    adminDirs: own.map(({ adminDir }) => adminDir),
    branches: runs.flatMap((run) => (run.branch === null ? [] : [run.branch])),
  })
  return locks.map((what) => ({
    what,
    result: 'listed',
    reason: 'a lock of git that is not ours; it was not touched. Delete the file if no git is running there',
  }))
}

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw error
  })
}
