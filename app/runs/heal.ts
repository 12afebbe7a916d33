// Compares three lists: git's worktrees, the folders under our root, and our runs. Ours are healed (an entry that git forgot is
// written again, a directory that moved is repaired); what is missing is noted as missing; what is foreign is listed, untouched.
import { lstat, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { readEntries } from '../git/entries.ts'
import type { GitContext } from '../git/exec.ts'
import { readSmallText } from '../git/files.ts'
import { mendEntries } from '../git/mend.ts'
import { type ListedWorktree, listWorktrees, recreateEntry, repairWorktree } from '../git/worktree.ts'
import type { ReportItem } from '../model/event.ts'
import { failureOf } from '../model/failure.ts'
import type { Repository } from '../model/repository.ts'
import { isKept, type Run } from '../model/run.ts'
import { type Context, placeOf, record } from './context.ts'
import { clearLocksOf } from './dead-locks.ts'
import { inspectPresent } from './repositories.ts'
import { tidyTrash } from './tidy-trash.ts'
import { lockReason, worktreeRootOf } from './worktree-root.ts'

/** Heals every repository that is present. One that cannot be read is left as it is, with one line saying so. */
export async function heal(context: Context): Promise<ReportItem[]> {
  const report: ReportItem[] = []
  for (const repository of Object.values(context.journal.state.repositories)) {
    try {
      await inspectPresent(context, repository)
      report.push(...(await healRepository(context, repository)))
    } catch (error) {
      const failure = failureOf(error)
      report.push({
        what: repository.path,
        result: 'refused',
        reason: `not scanned: ${String(failure.detail?.message ?? failure.code)}`,
      })
    }
  }
  try {
    report.push(...(await tidyTrash(context)))
  } catch (error) {
    context.log(`trash: ${String(error)}`)
  }
  return report
}

async function healRepository(context: Context, repository: Repository): Promise<ReportItem[]> {
  const git = await context.git(repository)
  const runs = Object.values(context.journal.state.runs).filter((run) => run.repositoryId === repository.id)
  const kept = runs.filter(
    (run) => run.worktree !== null && isKept(run.phase) && run.worktreePresence !== 'none' && !run.intent,
  )
  const report: ReportItem[] = []

  // First what makes git's own list fail: the empty files of a killed git.
  const mended = await mendEntries(repository.commonDir, (entry) => {
    const run = kept.find((candidate) => entry.locked === lockReason(context, candidate.id))
    return run?.worktree && run.branch ? { worktree: run.worktree, branch: run.branch } : null
  })
  for (const what of mended) report.push({ what, result: 'repaired', reason: 'a killed git had left it empty' })

  const entries = await listWorktrees(git, repository.path)
  const folders = await foldersOf(join(worktreeRootOf(context), repository.id))
  const strange = folders.filter((folder) => !runs.some((run) => run.worktree === folder))
  for (const run of kept) report.push(...(await healRun(context, git, repository, run, entries, strange)))
  report.push(...strangers(context, entries, runs))
  for (const folder of strange) {
    const moved = Object.values(context.journal.state.runs).some((run) => run.worktree === folder)
    if (!moved) report.push({ what: folder, result: 'listed', reason: 'no run of ours names it; it was left alone' })
  }
  return report
}

async function healRun(
  context: Context,
  git: GitContext,
  repository: Repository,
  run: Run,
  entries: readonly ListedWorktree[],
  strange: readonly string[],
): Promise<ReportItem[]> {
  const worktree = run.worktree ?? ''
  const directory = await presence(worktree)
  if (directory === 'unknown')
    return [{ what: worktree, result: 'listed', reason: 'it could not be read; nothing was changed' }]
  if (directory === 'gone') {
    const moved = strange.find((folder) => pointsTo(folder, repository, worktree))
    if (moved) {
      await repairWorktree(git, repository.path, moved)
      record(context, context.host, { type: 'worktree-presence', runId: run.id, presence: 'present', worktree: moved })
      return [
        { what: moved, result: 'repaired', reason: `it was moved from ${worktree}; git and its run know it again` },
      ]
    }
    const news = run.worktreePresence === 'present'
    note(context, run, 'missing')
    return news
      ? [
          {
            what: worktree,
            result: 'listed',
            reason: 'its directory is gone; the branch is kept and Resume makes it again',
          },
        ]
      : []
  }
  note(context, run, 'present')
  const entry = entries.find((candidate) => candidate.path === worktree)
  if (!entry && run.branch) {
    const again = { worktree, branch: run.branch, lockReason: lockReason(context, run.id) }
    const healed = await recreateEntry(git, placeOf(repository), again)
    if (!healed)
      return [
        {
          what: worktree,
          result: 'listed',
          reason: 'git does not list it and its .git names something else; it was left alone',
        },
      ]
    return [
      { what: worktree, result: 'repaired', reason: 'git had forgotten it; it is back in the list with its edits' },
    ]
  }
  try {
    return await clearLocksOf(context, run, false)
  } catch (error) {
    // The directory and git's entry do not name each other: a clone at a stale path, two worktrees that name each other.
    const failure = failureOf(error)
    return [
      {
        what: worktree,
        result: 'listed',
        reason: `${String(failure.detail?.message ?? failure.code)}; it was left alone`,
      },
    ]
  }
}

/** True where a folder's .git names the entry whose own path is `worktree`: it is that worktree, moved. */
function pointsTo(folder: string, repository: Repository, worktree: string): boolean {
  const pointer = readSmallText(join(folder, '.git'))
  if (!pointer?.startsWith('gitdir: ')) return false
  const adminDir = resolve(folder, pointer.slice('gitdir: '.length).trim())
  return readEntries(repository.commonDir).some((entry) => entry.adminDir === adminDir && entry.path === worktree)
}

/** Entries that carry our lock but belong to no run we know: ours once, or another data directory's. Listed only. */
function strangers(context: Context, entries: readonly ListedWorktree[], runs: readonly Run[]): ReportItem[] {
  return entries
    .filter((entry) => entry.locked?.startsWith('coppice ') && entry.locked.endsWith(`home=${context.dataDirectory}`))
    .filter((entry) => !runs.some((run) => run.worktree === entry.path && isKept(run.phase)))
    .map((entry) => ({
      what: entry.path,
      result: 'listed' as const,
      reason: 'it carries our lock but no run of ours has it; it was left alone',
    }))
}

function note(context: Context, run: Run, found: 'present' | 'missing'): void {
  if (run.worktreePresence !== found)
    record(context, context.host, { type: 'worktree-presence', runId: run.id, presence: found, worktree: run.worktree })
}

async function presence(path: string): Promise<'there' | 'gone' | 'unknown'> {
  return lstat(path).then(
    (stat) => (stat.isDirectory() ? 'there' : 'unknown'),
    (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? 'gone' : 'unknown'),
  )
}

async function foldersOf(folder: string): Promise<string[]> {
  const names = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name))
}
