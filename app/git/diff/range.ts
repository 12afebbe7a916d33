// What a run's changes are compared with: the newest commit of its base that its HEAD has. What came from the base by a merge, a pull
// or a rebase is then no change of the run.

import { fail } from '../../model/failure.ts'
import { type GitContext, git } from '../exec.ts'
import { objectName } from '../refs/refs.ts'
import type { Checkout } from '../worktree/checkout.ts'

export interface Base {
  /** The commit that the run began at. */
  readonly commit: string
  /** "refs/remotes/origin/main", where it was resolved from a ref; null where it was not, or that is unknown. */
  readonly ref: string | null
}

/** git's name for a tree with nothing in it. */
export const emptyTree = (objectLength: number): string =>
  objectLength === 64
    ? '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321'
    : '4b825dc642cb6eb9a060e54bf8d69288fbee4904'

/** The tips that the base has now: its ref, and the branch of that name here or on a remote. One process; none where there is no ref. */
export async function baseTips(context: GitContext, checkout: Checkout, base: Base): Promise<string[]> {
  const name = /^refs\/(?:heads|remotes\/[^/]+)\/(.+)$/.exec(base.ref ?? '')?.[1]
  if (base.ref === null || name === undefined) return [base.commit]
  const { stdout } = await git(context, checkout.worktree, ['for-each-ref', '--format=%(objectname) %(refname)'], {
    checkout,
    operands: [base.ref, `refs/heads/${name}`],
  })
  const tips = stdout
    .toString('utf8')
    .split('\n')
    .flatMap((line) => {
      const [commit = '', ref = ''] = line.split(' ')
      return objectName.test(commit) && (ref === base.ref || ref === `refs/heads/${name}`) ? [commit] : []
    })
  return [...new Set([base.commit, ...tips])]
}

/** The best common ancestor of HEAD and any of the tips, or null where they share no history. One process. */
export async function mergeBaseOf(
  context: GitContext,
  checkout: Checkout,
  head: string,
  tips: readonly string[],
): Promise<string | null> {
  const { code, stdout } = await git(context, checkout.worktree, ['merge-base'], {
    checkout,
    operands: [head, ...tips],
    exits: [1],
  })
  if (code === 1) return null
  const commit = stdout.toString('utf8').trim()
  if (!objectName.test(commit))
    throw fail('state-unknown', { message: `git merge-base said "${commit.slice(0, 100)}"` })
  return commit
}
