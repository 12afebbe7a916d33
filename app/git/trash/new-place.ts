// What git keeps by a worktree's own path and would warn about, or go wrong by, at another one: the pointers of its submodules,
// the untracked cache of each index, paths in the worktree's own configuration. It runs after the move, and can be repeated.
import { join } from 'node:path'
import { exists, readSmallFile } from '../../disk/files.ts'
import { parseConfigList } from '../config-list.ts'
import { type GitContext, git } from '../exec.ts'
import { repairSubmodules } from '../inspect/submodules.ts'
import { type Checkout, locateCheckout } from '../worktree/checkout.ts'

/** Tells git that a worktree has moved here. `previous` is where it and its admin directory were. Gives the submodules it repaired. */
export async function settleAt(
  context: GitContext,
  checkout: Checkout,
  previous: { readonly worktree: string; readonly adminDir: string },
): Promise<string[]> {
  const submodules = await repairSubmodules(context, checkout, previous)
  if (previous.worktree === checkout.worktree) return submodules
  await moveOwnSettings(context, checkout, previous.worktree)
  await renewUntrackedCache(context, checkout)
  for (const name of submodules) await renewUntrackedCache(context, locateCheckout(join(checkout.worktree, name)))
  return submodules
}

/**
 * An untracked cache names the place it was made for; anywhere else each `git status` begins with a warning. One that is there is made
 * anew, and what a file system monitor said of the old place goes with the same write.
 */
async function renewUntrackedCache(context: GitContext, checkout: Checkout): Promise<void> {
  const index = join(checkout.adminDir, 'index')
  if (!exists(index)) return
  // The names of the two extensions of an index that are bound to a place.
  const bytes = readSmallFile(index, 1024 ** 3)
  if (!bytes || !['UNTR', 'FSMN'].some((name) => bytes.includes(name))) return
  const kept = bytes.includes('UNTR') ? ['--force-untracked-cache'] : ['--force-write-index']
  await git(context, checkout.worktree, ['update-index', ...kept], { checkout, write: true })
}

/** Values of the worktree's own configuration (extensions.worktreeConfig) that are its old path, or lie below it. */
async function moveOwnSettings(context: GitContext, checkout: Checkout, from: string): Promise<void> {
  const file = join(checkout.adminDir, 'config.worktree')
  if (checkout.id === null || !readSmallFile(file)?.includes(from)) return
  const list = await git(context, '/', ['config', `--file=${file}`, '--list', '-z', '--show-scope'])
  for (const { key, value } of parseConfigList(list.stdout.toString('utf8'))) {
    if (value !== from && !value?.startsWith(`${from}/`)) continue
    const moved = checkout.worktree + value.slice(from.length)
    await git(context, '/', ['config', `--file=${file}`, '--fixed-value', '--replace-all'], {
      write: true,
      operands: [key, moved, value],
    })
  }
}
