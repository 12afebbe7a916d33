// Repositories inside a worktree: submodules, and clones that somebody made there. What they hold is invisible to the outer
// git, and `git worktree remove --force` destroys it. Each is looked into with the same hardening as any other checkout.
import { join } from 'node:path'
import { failureOf } from '../model/failure.ts'
import { locateCheckout } from './checkout.ts'
import { type GitContext, git, gitText } from './exec.ts'
import { exists } from './files.ts'
import { statusOf } from './status.ts'

export interface NestedRepository {
  /** Relative to the outer worktree. */
  readonly path: string
  /** Files changed, staged, untracked or in conflict; null: unknown. */
  readonly dirty: number | null
  /** Commits of any of its branches, HEAD or stashes that none of its remotes has; null: unknown. */
  readonly unpushed: number | null
  /** Why something is unknown. */
  readonly why: string | null
}

/** Looks into one repository at `path` below `worktree`. Never throws: what cannot be read is unknown. */
export async function inspectNested(context: GitContext, worktree: string, path: string): Promise<NestedRepository> {
  try {
    const checkout = locateCheckout(join(worktree, path))
    const status = await statusOf(context, checkout, { untracked: 'all', maxPaths: 0 })
    const dirty = status.staged + status.unstaged + status.untracked + status.conflicted
    const tips = ['--branches', ...(status.commit === null ? [] : ['HEAD'])]
    const stash = await git(context, checkout.worktree, ['rev-parse', '--verify', '--quiet', 'refs/stash'], {
      checkout,
      exits: [1],
    })
    const args = ['rev-list', '--count', ...tips, ...(stash.code === 0 ? ['refs/stash'] : []), '--not', '--remotes']
    const unpushed = await gitText(context, checkout.worktree, args, { checkout })
    return { path, dirty, unpushed: Number(unpushed), why: null }
  } catch (error) {
    const { code, detail } = failureOf(error)
    return { path, dirty: null, unpushed: null, why: String(detail?.message ?? code) }
  }
}

/** Submodules that are there: an uninitialised one is an empty folder, and holds nothing. */
export async function inspectSubmodules(
  context: GitContext,
  worktree: string,
  paths: readonly string[],
): Promise<NestedRepository[]> {
  const found: NestedRepository[] = []
  for (const path of paths) {
    if (exists(join(worktree, path, '.git'))) found.push(await inspectNested(context, worktree, path))
  }
  return found
}
