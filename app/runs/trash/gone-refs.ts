// What is kept of a worktree whose directory somebody deleted: its HEAD and its reflog may name commits that no branch leads to,
// and git's entry, which held them, goes when the run is made again or removed. Refs hold them until the run is purged.
import { createHash } from 'node:crypto'
import type { GitContext } from '../../git/exec.ts'
import type { RepositoryPlace } from '../../git/refs/branches.ts'
import { dropKeepRefs, keepObjects, readKeepRefs } from '../../git/trash/keep.ts'
import type { Entry } from '../../git/worktree/entries.ts'
import type { Run } from '../../model/run.ts'
import type { Context } from '../context.ts'

/** Keeps what the entry of a deleted worktree leads to, and counts the commits that only these refs name. Called before the entry goes. */
export async function keepGone(
  context: Context,
  git: GitContext,
  place: RepositoryPlace,
  run: Run,
  entry: Entry,
): Promise<number> {
  const used = await goneKeepIds(context, git, place, run)
  const keepId = keepIdOf(context, run, used.length + 1)
  const kept = await keepObjects(git, place, { adminDir: entry.adminDir, keepId, branch: run.branch })
  return kept.commitsOnlyInKeep
}

/** The ids that are in use, in the order of their making. */
export async function goneKeepIds(
  context: Context,
  git: GitContext,
  place: RepositoryPlace,
  run: Run,
): Promise<string[]> {
  const used: string[] = []
  for (;;) {
    const keepId = keepIdOf(context, run, used.length + 1)
    if ((await readKeepRefs(git, place.topLevel, keepId)).size === 0) return used
    used.push(keepId)
  }
}

/** Drops them, the last first: one that a crash left is found again by its number. */
export async function dropGone(context: Context, git: GitContext, place: RepositoryPlace, run: Run): Promise<void> {
  for (const keepId of (await goneKeepIds(context, git, place, run)).reverse()) await dropKeepRefs(git, place, keepId)
}

// Another data directory may have a run of the same name in the same repository: its refs are not ours.
const keepIdOf = (context: Context, run: Run, n: number): string =>
  `${run.id.replaceAll('.', '_')}-gone-${createHash('sha256').update(context.dataDirectory).digest('hex').slice(0, 10)}-${n}`
