// Where a checkout's git directory is, read from the files git keeps and never derived from a name: git numbers an id whose name is taken.
// It promises that a linked worktree and its admin directory name each other before anyone acts on either, so that a `.git`
// file which an agent has pointed elsewhere leads nowhere. It runs no git.
import { realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { exists, isMissing, readSmallText } from '../../disk/files.ts'
import { fail } from '../../model/failure.ts'

/** A checkout and the git directory that belongs to it. All are real, absolute paths. */
export interface Checkout {
  readonly worktree: string
  /** `.git/worktrees/<id>` of a linked worktree; the git directory itself of a main one. */
  readonly adminDir: string
  readonly commonDir: string
  /** The admin directory's name, or null for a main checkout. */
  readonly id: string | null
}

/**
 * The admin directory of a linked worktree. Throws `worktree-missing` where the directory or its `.git` is not there, and
 * `state-unknown` where the two do not name each other (a foreign repository at the path, a pointer that was changed, an
 * empty gitdir or commondir file).
 */
export function readAdminDir(worktree: string): Checkout & { readonly id: string } {
  const found = locateCheckout(worktree)
  if (found.id === null)
    throw fail('not-ours', { path: worktree, message: `${worktree} is a main checkout, not a worktree` })
  return { ...found, id: found.id }
}

/** The same for any checkout, main or linked. */
export function locateCheckout(path: string): Checkout {
  const worktree = realDirectory(path)
  const pointer = join(worktree, '.git')
  if (!exists(pointer)) throw fail('worktree-missing', { path: worktree, message: `there is no .git in ${worktree}` })
  if (isDirectory(pointer)) {
    const gitDir = realpathSync(pointer)
    return { worktree, adminDir: gitDir, commonDir: gitDir, id: null }
  }
  const text = readSmallText(pointer, 16 * 1024)
  const target = text?.startsWith('gitdir: ') ? resolve(worktree, text.slice('gitdir: '.length)) : null
  if (target === null) throw unknown(worktree, `${pointer} names no git directory`)
  const adminDir = realOrNull(target)
  if (adminDir === null) throw unknown(worktree, `${pointer} names ${target}, which is not there`)
  const commonText = readSmallText(join(adminDir, 'commondir'), 16 * 1024)
  // A submodule or a clone with --separate-git-dir has a .git file too, but no commondir: it is a main checkout.
  if (commonText === null) return { worktree, adminDir, commonDir: adminDir, id: null }
  const commonDir = commonText === '' ? null : realOrNull(resolve(adminDir, commonText))
  if (commonDir === null) throw unknown(worktree, `${join(adminDir, 'commondir')} names no directory`)
  if (dirname(adminDir) !== join(commonDir, 'worktrees')) {
    throw unknown(worktree, `${adminDir} is no entry of ${commonDir}`)
  }
  const back = readBackPointer(adminDir)
  if (back === null || realOrNull(dirname(back)) !== worktree || basename(back) !== '.git') {
    throw unknown(worktree, `${join(adminDir, 'gitdir')} names ${back ?? 'nothing'}, not ${pointer}`)
  }
  return { worktree, adminDir, commonDir, id: basename(adminDir) }
}

/** The path of the `.git` file that an admin directory says it belongs to, or null where the file is missing or empty. */
export function readBackPointer(adminDir: string): string | null {
  const text = readSmallText(join(adminDir, 'gitdir'), 16 * 1024)
  if (!text) return null
  // worktree.useRelativePaths (2.48) writes it relative to the admin directory.
  return isAbsolute(text) ? text : resolve(adminDir, text)
}

/** The operation that a checkout is in the middle of, or null. */
export type Operation = 'rebase' | 'am' | 'merge' | 'cherry-pick' | 'revert' | 'bisect'

/** Read from the admin directory's files, as git's own prompt does. Throws where they cannot be read. */
export function operationInProgress(adminDir: string): Operation | null {
  if (exists(join(adminDir, 'rebase-merge'))) return 'rebase'
  if (exists(join(adminDir, 'rebase-apply')))
    return exists(join(adminDir, 'rebase-apply', 'applying')) ? 'am' : 'rebase'
  if (exists(join(adminDir, 'MERGE_HEAD'))) return 'merge'
  if (exists(join(adminDir, 'CHERRY_PICK_HEAD'))) return 'cherry-pick'
  if (exists(join(adminDir, 'REVERT_HEAD'))) return 'revert'
  if (exists(join(adminDir, 'sequencer'))) return 'cherry-pick'
  if (exists(join(adminDir, 'BISECT_LOG'))) return 'bisect'
  return null
}

/** One line of a reflog: from, to, seconds since 1970. */
export interface ReflogEntry {
  readonly from: string
  readonly to: string
  readonly at: number
}

/** A reflog file's entries, oldest first; none where there is no such file. Throws `state-unknown` for a line that is none. */
export function readReflog(path: string): readonly ReflogEntry[] {
  const text = readSmallText(path, 64 * 1024 * 1024)
  if (!text) return []
  return text.split('\n').map((line) => {
    const match = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) .*?> (\d+) [+-]\d{4}(?:\t|$)/.exec(line)
    if (!match) throw fail('state-unknown', { path, message: `${path} holds a line that is no reflog entry` })
    return { from: match[1]!, to: match[2]!, at: Number(match[3]) }
  })
}

/** Where a branch's reflog file is. */
export function branchReflogPath(commonDir: string, branch: string): string {
  return join(commonDir, 'logs', 'refs', 'heads', ...branch.split('/'))
}

/** The real path, or null where nothing is there. */
export function realOrNull(path: string): string | null {
  try {
    return realpathSync(path)
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/** Through a link too: a `.git` that is a link to a git directory is git's own old way to share one. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

function realDirectory(path: string): string {
  const real = realOrNull(path)
  if (real === null || !statSync(real).isDirectory()) {
    throw fail('worktree-missing', { path, message: `there is no directory at ${path}` })
  }
  return real
}

function unknown(path: string, message: string) {
  return fail('state-unknown', { path, reason: 'pointer', message })
}
