// How many lines a checkout's files, committed or not, have more and fewer than a commit. Reads only.

import { type GitContext, git } from './exec.ts'
import { resolveCommit } from './refs/refs.ts'
import { locateCheckout } from './worktree/checkout.ts'

/**
 * Lines added and deleted between the merge base with `base` and the files as they are now; untracked files are not counted,
 * binary ones count as 0. Two git processes.
 */
export async function lineCounts(
  context: GitContext,
  worktree: string,
  base: string,
): Promise<{ added: number; deleted: number; files: number }> {
  const checkout = locateCheckout(worktree)
  const commit = await resolveCommit(context, worktree, base)
  const { stdout } = await git(
    context,
    worktree,
    ['diff', '--numstat', '-z', '--no-renames', '--ignore-submodules=dirty', '--merge-base'],
    { checkout, revisions: [commit] },
  )
  let added = 0
  let deleted = 0
  let files = 0
  for (const line of stdout.toString('utf8').split('\0')) {
    const match = /^(\d+|-)\t(\d+|-)\t/.exec(line)
    if (!match) continue
    files++
    if (match[1] !== '-') added += Number(match[1])
    if (match[2] !== '-') deleted += Number(match[2])
  }
  return { added, deleted, files }
}
