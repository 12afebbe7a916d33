// Puts right what a killed git leaves in the files of an entry (rows 7, 9 and 10 of the table of leaks): empty files that wedge
// the whole repository, and lock files whose holder is dead. It touches only entries that the caller names as ours, runs no git,
// and never removes a lock that somebody may hold.
import { renameSync, statSync, unlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Entry, readEntries } from './entries.ts'
import { isMissing, syncDirectory } from './files.ts'

/** A file that is younger may be in the middle of being written by a living git (measured: an add takes about 10 ms). */
const settledMs = 5_000

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

/**
 * Removes the lock files in a worktree's own admin directory and that of its branch. To be called only where every process of the
 * run is proven dead and none works in its directory. One that is younger than `minAgeMs` is left, and given as `kept`.
 */
export function clearDeadLocks(
  place: { readonly adminDir: string; readonly commonDir: string; readonly branch: string },
  minAgeMs = settledMs,
): { readonly cleared: string[]; readonly kept: string[] } {
  const cleared: string[] = []
  const kept: string[] = []
  const own = ['index.lock', 'HEAD.lock', 'ORIG_HEAD.lock', 'MERGE_HEAD.lock'].map((name) => join(place.adminDir, name))
  for (const path of [...own, join(place.commonDir, 'refs', 'heads', `${place.branch}.lock`)]) {
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

/** Milliseconds since a file was last changed; minus infinity where there is none. */
function age(path: string): number {
  try {
    return Date.now() - statSync(path).mtimeMs
  } catch (error) {
    if (isMissing(error)) return Number.NEGATIVE_INFINITY
    throw error
  }
}
