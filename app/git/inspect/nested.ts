// Repositories inside a worktree: submodules, and clones that somebody made there. What they hold is invisible to the outer
// git, and `git worktree remove --force` destroys it. Each is looked into with the same hardening as any other checkout.
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { exists } from '../../disk/files.ts'
import { fail, failureOf } from '../../model/failure.ts'
import { type GitContext, git, gitText } from '../exec.ts'
import { notOnRemotes } from '../refs/refs.ts'
import { statusOf } from '../status.ts'
import { type Checkout, locateCheckout } from '../worktree/checkout.ts'
import { inspectIndex } from './hidden.ts'

export interface NestedRepository {
  /** Relative to the outer worktree. */
  readonly path: string
  /** Files changed, staged, untracked or in conflict; null: unknown. */
  readonly dirty: number | null
  /** Commits of any of its branches, HEAD, stashes or reflogs that none of its remotes has; null: unknown. */
  readonly unpushed: number | null
  /** Why something is unknown. */
  readonly why: string | null
}

/** Whether a folder is a git directory by its form, without a work tree around it. */
export function isBareRepository(path: string): boolean {
  return ['HEAD', 'objects', 'refs'].every((name) => exists(join(path, name)))
}

// A repository in a repository in a repository is rare; one that leads back to itself is an attack.
const maxDepth = 4

/**
 * Looks into the repository at `path` below `worktree`, and into those that lie inside it in turn. Never throws: what cannot be
 * read is unknown.
 */
export async function inspectNested(
  context: GitContext,
  worktree: string,
  path: string,
  depth = 0,
): Promise<NestedRepository[]> {
  try {
    const checkout = checkoutAt(join(worktree, path))
    const inside: string[] = []
    let dirty = 0
    if (checkout.worktree !== checkout.adminDir) {
      const onUntracked = (found: Buffer) => {
        if (found.at(-1) === slash) inside.push(found.toString('utf8').slice(0, -1))
      }
      const status = await statusOf(context, checkout, { untracked: 'all', maxPaths: 0, onUntracked })
      dirty = status.staged + status.unstaged + status.untracked + status.conflicted
      const index = await inspectIndex(context, checkout)
      dirty += index.hiddenEdits.length
      inside.push(...index.repositories, ...index.submodules.filter((name) => isThere(checkout.worktree, name)))
    }
    const found = [{ path, dirty, unpushed: await countUnpushed(context, checkout), why: null }]
    if (inside.length > 0 && depth >= maxDepth)
      throw fail('state-unknown', { message: 'repositories lie too deep in it' })
    const below = inside.map((name) => inspectNested(context, worktree, `${path}/${name}`, depth + 1))
    return [...found, ...(await Promise.all(below)).flat()]
  } catch (error) {
    const { code, detail } = failureOf(error)
    return [{ path, dirty: null, unpushed: null, why: String(detail?.message ?? code) }]
  }
}

/** Submodules that are there: an uninitialised one is an empty folder, and holds nothing. */
export async function inspectSubmodules(
  context: GitContext,
  worktree: string,
  paths: readonly string[],
): Promise<NestedRepository[]> {
  const found: NestedRepository[] = []
  for (const path of paths) if (isThere(worktree, path)) found.push(...(await inspectNested(context, worktree, path)))
  return found
}

const isThere = (worktree: string, path: string): boolean => exists(join(worktree, path, '.git'))

function checkoutAt(path: string): Checkout {
  if (exists(join(path, '.git')) || !isBareRepository(path)) return locateCheckout(path)
  const real = realpathSync(path)
  return { worktree: real, adminDir: real, commonDir: real, id: null }
}

/** Commits of its branches, HEAD, stashes and reflogs (amended or reset away) that none of its remotes has. */
async function countUnpushed(context: GitContext, checkout: Checkout): Promise<number> {
  const revisions: string[] = []
  for (const ref of ['HEAD', 'refs/stash']) {
    const args = ['rev-parse', '--verify', '--quiet']
    const asked = [`${ref}^{commit}`]
    const { code } = await git(context, checkout.worktree, args, { checkout, revisions: asked, exits: [1] })
    if (code === 0) revisions.push(ref)
  }
  const args = ['rev-list', '--count', '--branches', '--reflog', ...notOnRemotes]
  const text = await gitText(context, checkout.worktree, args, { checkout, revisions })
  if (!/^\d+$/.test(text)) throw fail('state-unknown', { message: `git counted "${text}"` })
  return Number(text)
}

const slash = 0x2f
