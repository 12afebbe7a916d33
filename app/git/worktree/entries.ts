// The entries under `.git/worktrees`, read file by file: what `git worktree list` hides (an empty gitdir), refuses to read
// (an empty commondir fails it repository-wide) or would prune. Runs no git; takes away one named entry only, never more.
import { readdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { exists, isMissing, lstatOrNull, readSmallText, syncDirectory } from '../../disk/files.ts'
import { fail } from '../../model/failure.ts'
import { readBackPointer, realOrNull } from './checkout.ts'

export interface Entry {
  readonly id: string
  readonly adminDir: string
  /** The worktree's path as the entry says, or null where its gitdir file is missing or empty. */
  readonly path: string | null
  /** The lock's reason, "" for a lock without one, null where there is none. */
  readonly locked: string | null
  readonly hasHead: boolean
  readonly hasIndex: boolean
  /** A file that is there and empty: what a killed git leaves behind. */
  readonly emptyFiles: readonly string[]
  readonly changedAt: number
}

/** Every entry of a repository; none where it has no worktrees. Throws where the directory cannot be read. */
export function readEntries(commonDir: string): Entry[] {
  const directory = join(commonDir, 'worktrees')
  let names: string[]
  try {
    names = readdirSync(directory).sort()
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
  return names.flatMap((id) => {
    const adminDir = join(directory, id)
    const facts = lstatOrNull(adminDir)
    if (!facts?.isDirectory()) return []
    const back = readBackPointer(adminDir)
    return [
      {
        id,
        adminDir,
        path: back === null ? null : dirname(back),
        locked: readSmallText(join(adminDir, 'locked')),
        hasHead: exists(join(adminDir, 'HEAD')),
        hasIndex: exists(join(adminDir, 'index')),
        emptyFiles: ['HEAD', 'commondir', 'gitdir'].filter((name) => isEmptyFile(join(adminDir, name))),
        changedAt: facts.mtimeMs,
      },
    ]
  })
}

/** The other entries whose worktree lies inside `directory`: moving or deleting that would take them along. */
export function entriesInside(commonDir: string, directory: string): Entry[] {
  return readEntries(commonDir).filter(({ path }) => {
    if (path === null) return false
    const way = relative(directory, realOrNull(path) ?? path)
    return way !== '' && !way.startsWith('..') && !way.startsWith('/')
  })
}

/**
 * Takes away one entry, by name, whose worktree is not there. `path` must be what the entry says of itself.
 * Throws `state-unknown` where it says something else, `in-use` where the directory exists. Never `git worktree prune`:
 * that takes every missing entry, also those on a disk that is not mounted.
 */
export function removeEntry(commonDir: string, id: string, path: string): void {
  const entry = readEntries(commonDir).find((candidate) => candidate.id === id)
  if (!entry) return
  if (entry.path !== path) {
    throw fail('state-unknown', { path, message: `${entry.adminDir} belongs to ${entry.path ?? 'no path'}` })
  }
  if (exists(join(path, '.git'))) throw fail('in-use', { path, message: `${path} is there` })
  deleteEntry(commonDir, entry.adminDir)
}

/** Deletes an admin directory whose owner has been made sure of, and the folder of entries where it was the last, as git does. */
export function deleteEntry(commonDir: string, adminDir: string): void {
  // gitdir goes last: until then a second attempt still knows whose entry it is.
  for (const name of readdirSync(adminDir)) {
    if (name !== 'gitdir' && name !== 'locked') rmSync(join(adminDir, name), { recursive: true, force: true })
  }
  rmSync(adminDir, { recursive: true, force: true })
  removeEmptyEntries(commonDir)
}

export function removeEmptyEntries(commonDir: string): void {
  try {
    rmdirSync(join(commonDir, 'worktrees'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && !isMissing(error)) throw error
  }
  syncDirectory(commonDir)
}

function isEmptyFile(path: string): boolean {
  const facts = lstatOrNull(path)
  return facts?.isFile() === true && facts.size === 0
}
