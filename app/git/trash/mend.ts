// Puts right what a killed git leaves in the files of an entry of ours: empty files that wedge
// the whole repository, and lock files whose holder is dead. It touches only entries that the caller names as ours, runs no git,
// and never removes a lock that somebody may hold.
import { readdirSync, renameSync, statSync, unlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing, syncDirectory } from '../../disk/files.ts'
import { type Entry, readEntries } from '../worktree/entries.ts'

/** A file that is younger may be in the middle of being written by a living git (measured: an add takes about 10 ms). */
const settledMs = 5_000

/** Milliseconds after which a lock that is not ours is worth a line: no more than a slow command needs. */
const standingMs = 30_000

export interface OwnEntry {
  readonly worktree: string
  readonly branch: string
}

/**
 * Fills empty `commondir`, `gitdir` and `HEAD` files of our entries from what is known of them; gives the files that were mended.
 * One empty commondir makes `worktree list`, `add` and `fetch` fail in the whole repository (exit 128).
 */
export async function mendEntries(commonDir: string, ownerOf: (entry: Entry) => OwnEntry | null): Promise<string[]> {
  const mended: string[] = []
  for (const entry of readEntries(commonDir)) {
    const owner = entry.emptyFiles.length > 0 ? ownerOf(entry) : null
    if (!owner) continue
    const content: Record<string, string> = {
      commondir: '../..\n',
      gitdir: `${join(owner.worktree, '.git')}\n`,
      HEAD: `ref: refs/heads/${owner.branch}\n`,
    }
    for (const name of entry.emptyFiles) {
      const path = join(entry.adminDir, name)
      const text = content[name]
      if (text === undefined || age(path) < settledMs) continue
      await writeFile(`${path}.coppice`, text, { flush: true })
      renameSync(`${path}.coppice`, path)
      mended.push(path)
    }
    syncDirectory(entry.adminDir)
  }
  return mended
}

export interface LockPlace {
  readonly adminDir: string
  readonly commonDir: string
  readonly branch: string
}

/** The lock files in a worktree's own admin directory, and that of its branch: index, HEAD and every other that git makes there. */
export function ownLocks({ adminDir, commonDir, branch }: LockPlace): string[] {
  const branchLock = join(commonDir, 'refs', 'heads', `${branch}.lock`)
  return [...locksIn(adminDir), ...(age(branchLock) === Number.NEGATIVE_INFINITY ? [] : [branchLock])]
}

/**
 * Lock files of the whole repository that have stood for a while and are in none of `ours` (admin directories and branches): of
 * the person's own checkout, of `config`, `packed-refs`, refs and other worktrees. Whose they are cannot be told: they are only
 * listed. A living git holds a lock for less, a long checkout aside.
 */
export function standingLocks(
  commonDir: string,
  ours: { readonly adminDirs: readonly string[]; readonly branches: readonly string[] },
): string[] {
  const refs = readdirSync(join(commonDir, 'refs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.lock'))
    .map((name) => join(commonDir, 'refs', name))
  const entries = readEntries(commonDir)
    .filter(({ adminDir }) => !ours.adminDirs.includes(adminDir))
    .flatMap(({ adminDir }) => locksIn(adminDir))
  const branchLocks = ours.branches.map((branch) => join(commonDir, 'refs', 'heads', `${branch}.lock`))
  return [...locksIn(commonDir), ...refs, ...entries].filter(
    (path) => !branchLocks.includes(path) && age(path) >= standingMs,
  )
}

/**
 * Removes a worktree's own locks. To be called only where every process of the run is proven dead and none works in its
 * directory. One that is younger than `minAgeMs` is left, and given as `kept`.
 */
export function clearDeadLocks(
  place: LockPlace,
  minAgeMs = settledMs,
): { readonly cleared: string[]; readonly kept: string[] } {
  const cleared: string[] = []
  const kept: string[] = []
  for (const path of ownLocks(place)) {
    const old = age(path)
    if (old === Number.NEGATIVE_INFINITY) continue
    if (old < minAgeMs) {
      kept.push(path)
      continue
    }
    unlinkSync(path)
    cleared.push(path)
  }
  return { cleared, kept }
}

function locksIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.lock'))
    .map((name) => join(directory, name))
}

/** Milliseconds since a file was last changed; minus infinity where there is none. */
function age(path: string): number {
  try {
    return Date.now() - statSync(path).mtimeMs
  } catch (error) {
    if (isMissing(error)) return Number.NEGATIVE_INFINITY
    throw error
  }
}
