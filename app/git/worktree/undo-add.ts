// Takes back a worktree that was being made, whatever point its git had reached: the states that a killed `worktree add`
// leaves (git was killed at 436 points to see them), judged by what is on disk now. It deletes only what carries this create's own mark: the
// lock's reason, the path, the start commit. What it cannot tell to be ours is kept, and said.
import { lstatSync, readdirSync, rmdirSync, rmSync, unlinkSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { exists, isMissing, lstatOrNull, readSmallText, syncDirectory } from '../../disk/files.ts'
import { failureOf } from '../../model/failure.ts'
import type { GitContext } from '../exec.ts'
import { withRepositoryLock } from '../lock.ts'
import { branchState, deleteRefs } from '../refs/refs.ts'
import { branchReflogPath, readReflog, realOrNull } from './checkout.ts'
import { deleteEntry, type Entry, readEntries, removeEmptyEntries } from './entries.ts'

export interface UndoOptions {
  readonly path: string
  readonly branch: string
  readonly commit: string
  readonly newBranch: boolean
  readonly lockReason: string
  /** Known to have been absent before: else (after a crash) the branch must look as if just made. */
  readonly branchWasAbsent?: boolean
  /** Milliseconds since 1970 when the create began: what is older is not its work. */
  readonly since?: number
}

export interface UndoReport {
  readonly removed: readonly ('directory' | 'entry' | 'branch' | 'lock')[]
  readonly kept: readonly { readonly what: 'directory' | 'entry' | 'branch'; readonly why: string }[]
}

/** Takes back one create. Done twice it changes nothing more. Throws only where the disk or git cannot be read. */
export function undoWorktreeAdd(
  context: GitContext,
  repository: { readonly topLevel: string; readonly commonDir: string },
  options: UndoOptions,
): Promise<UndoReport> {
  return withRepositoryLock(repository.commonDir, () => undoWorktreeAddLocked(context, repository, options))
}

/** The same for a caller that holds the repository's lock. */
export async function undoWorktreeAddLocked(
  context: GitContext,
  repository: { readonly topLevel: string; readonly commonDir: string },
  options: UndoOptions,
): Promise<UndoReport> {
  const { commonDir, topLevel } = repository
  const removed: UndoReport['removed'][number][] = []
  const kept: UndoReport['kept'][number][] = []
  const entry = findEntry(commonDir, options)
  if (entry && !isOurs(entry, options)) {
    const why = `${entry.adminDir} is locked by "${entry.locked ?? 'nobody'}"`
    return {
      removed,
      kept: [{ what: 'entry', why }, ...(exists(options.path) ? [{ what: 'directory', why } as const] : [])],
    }
  }
  // The directory goes before the entry, and its .git last: a second attempt still finds whose they are.
  if (exists(options.path)) {
    const why = whyNotOurs(commonDir, entry, options.path)
    if (why === null) {
      await deleteHalfMade(options.path)
      removed.push('directory')
    } else kept.push({ what: 'directory', why })
  }
  if (entry && !kept.some(({ what }) => what === 'directory')) {
    deleteEntry(commonDir, entry.adminDir)
    removed.push('entry')
  } else if (exists(join(commonDir, 'worktrees'))) removeEmptyEntries(commonDir)
  if (options.newBranch) {
    if (dropStaleLock(commonDir, options)) removed.push('lock')
    const outcome = await undoBranch(context, topLevel, commonDir, options)
    if (outcome === 'removed') removed.push('branch')
    else if (outcome !== null) kept.push({ what: 'branch', why: outcome })
    if (outcome === null || outcome === 'removed') removeEmptyFolders(commonDir, options.branch)
  }
  return { removed, kept }
}

/** The entry of this create: by the path it names, by its lock's reason, or nameless and new under the name git would give. */
function findEntry(commonDir: string, options: UndoOptions): Entry | null {
  const entries = readEntries(commonDir)
  const path =
    realOrNull(options.path) ?? join(realOrNull(dirname(options.path)) ?? dirname(options.path), basename(options.path))
  const named = entries.find((entry) => entry.path === path || entry.path === options.path)
  if (named) return named
  const marked = entries.find((entry) => entry.path === null && entry.locked === options.lockReason)
  if (marked) return marked
  // Killed right after mkdir: neither gitdir nor HEAD, nothing in it that could be lost.
  const name = basename(options.path)
  return (
    entries.find(
      (entry) =>
        entry.path === null &&
        !entry.hasHead &&
        (entry.locked === null || entry.locked === '') &&
        entry.id.startsWith(name) &&
        /^\d*$/.test(entry.id.slice(name.length)) &&
        (options.since === undefined || entry.changedAt >= options.since - 2_000),
    ) ?? null
  )
}

function isOurs(entry: Entry, options: UndoOptions): boolean {
  if (entry.locked === options.lockReason || entry.locked === 'initializing') return true
  return entry.path === null && !entry.hasHead && !entry.locked
}

/** null where the directory is the create's own: its .git leads to the entry (or to one that is gone), or it holds nothing. */
function whyNotOurs(commonDir: string, entry: Entry | null, path: string): string | null {
  const facts = lstatSync(path)
  if (!facts.isDirectory()) return `${path} is not a directory`
  const pointer = join(path, '.git')
  if (!exists(pointer)) {
    if (entry !== null || readdirSync(path).length === 0) return null
    return `${path} holds files and no .git`
  }
  if (!lstatSync(pointer).isFile()) return `${path} is a repository of its own`
  const text = readSmallText(pointer, 16 * 1024) ?? ''
  // Killed between the creation of the file and its content.
  if (text === '') return entry === null && readdirSync(path).length > 1 ? `${pointer} is empty` : null
  const target = resolve(path, text.replace(/^gitdir: /, ''))
  const folder = realOrNull(dirname(target)) ?? dirname(target)
  if (folder !== join(commonDir, 'worktrees')) return `${pointer} leads to ${target}`
  if (entry !== null) return basename(target) === entry.id ? null : `${pointer} leads to ${target}`
  return exists(target) ? `${pointer} leads to ${target}` : null
}

/** Deletes all of a directory, its .git last. Links are removed, not followed. */
async function deleteHalfMade(path: string): Promise<void> {
  for (const name of readdirSync(path)) {
    if (name !== '.git') await rm(join(path, name), { recursive: true, force: true, maxRetries: 2 })
  }
  unlinkIfThere(join(path, '.git'))
  rmdirSync(path)
  syncDirectory(dirname(path))
}

/** "removed", null where there is no such branch, else why it was kept. */
async function undoBranch(
  context: GitContext,
  topLevel: string,
  commonDir: string,
  options: UndoOptions,
): Promise<string | null> {
  const { branch, commit } = options
  const state = await branchState(context, topLevel, branch)
  if (state === null) {
    removeStrayReflog(commonDir, branch, commit)
    return null
  }
  if (state.commit !== commit) return `it points to ${state.commit}, not to its start`
  if (state.checkedOutAt !== null) return `it is checked out at ${state.checkedOutAt}`
  if (!options.branchWasAbsent) {
    const path = branchReflogPath(commonDir, branch)
    if (readReflog(path).length > 1) return 'it has a history of its own'
    // The file's time, not the entry's: that one is whatever GIT_COMMITTER_DATE says. Two seconds for coarse file systems.
    const made = lstatOrNull(path)
    if (made && options.since !== undefined && made.mtimeMs < options.since - 2_000)
      return 'it is older than this create'
  }
  try {
    await deleteRefs(context, topLevel, [{ ref: `refs/heads/${branch}`, expected: commit }])
    return 'removed'
  } catch (error) {
    const { code, detail } = failureOf(error)
    if (code === 'state-unknown') return String(detail?.message)
    throw error
  }
}

/**
 * The lock of the new branch's ref, left by a git that was killed: without this the branch could not be deleted. Nobody else
 * writes to a branch that did not exist before; a lock that is older than the create is somebody's all the same.
 */
function dropStaleLock(commonDir: string, options: UndoOptions): boolean {
  const path = join(commonDir, 'refs', 'heads', `${options.branch}.lock`)
  const facts = lstatOrNull(path)
  if (!facts?.isFile() || facts.size > 65) return false
  if (options.since !== undefined && facts.mtimeMs < options.since - 2_000) return false
  return unlinkIfThere(path)
}

/** git writes a branch's reflog before the branch: killed in between, it leaves a log of nothing. */
function removeStrayReflog(commonDir: string, branch: string, commit: string): void {
  const path = branchReflogPath(commonDir, branch)
  if (!lstatOrNull(path)?.isFile()) return
  const entries = readReflog(path)
  if (entries.length === 0 || (entries.length === 1 && entries[0]!.to === commit)) unlinkIfThere(path)
}

/** Folders that only held the branch: `refs/heads/agent` must not stay behind. */
function removeEmptyFolders(commonDir: string, branch: string): void {
  const folders = branch.split('/').slice(0, -1)
  for (const top of [join('refs', 'heads'), join('logs', 'refs', 'heads')]) {
    for (let depth = folders.length; depth > 0; depth--) {
      try {
        rmdirSync(join(commonDir, top, ...folders.slice(0, depth)))
      } catch {
        // Not empty, or not there: both are as they should be.
        break
      }
    }
  }
}

function unlinkIfThere(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') rmSync(path, { recursive: true, force: true })
    else throw error
    return true
  }
}
