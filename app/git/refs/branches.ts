// The few changes to a branch that a removal and its undo need: make it again, take it away if it is still what was seen, point a
// worktree's HEAD at another name. All by compare-and-swap, under the repository's lock.
import { join } from 'node:path'
import { readSmallFile, readSmallText, replaceFile } from '../../disk/files.ts'
import { CoppiceFailure, fail } from '../../model/failure.ts'
import { type GitContext, git, gitText } from '../exec.ts'
import { withRepositoryLock } from '../lock.ts'
import { branchReflogPath, locateCheckout, readReflog } from '../worktree/checkout.ts'
import { changeRefs, notOnRemotes, resolveCommit } from './refs.ts'

/** Where the shared metadata is: the main checkout and the common git directory. */
export interface RepositoryPlace {
  readonly topLevel: string
  readonly commonDir: string
}

/** Some ten thousand moves of a branch: a longer log is nobody's of an agent. */
const maxLogBytes = 2 * 1024 * 1024

/** Makes a branch at a commit. Throws `state-unknown` (reason ref-exists) where there is one. */
export function createBranch(
  context: GitContext,
  repository: RepositoryPlace,
  branch: string,
  commit: string,
): Promise<void> {
  return withRepositoryLock(repository.commonDir, () =>
    changeRefs(context, repository.topLevel, [{ ref: `refs/heads/${branch}`, from: null, to: commit }]),
  )
}

/** Deletes a branch that is still at `commit` and that no worktree has checked out. False where it is not: nothing changed then. */
export function deleteBranch(
  context: GitContext,
  repository: RepositoryPlace,
  branch: string,
  commit: string,
): Promise<boolean> {
  return withRepositoryLock(repository.commonDir, async () => {
    const args = ['for-each-ref', '--format=%(worktreepath)']
    const operands = [`refs/heads/${branch}`]
    if ((await gitText(context, repository.topLevel, args, { operands })) !== '') return false
    try {
      await changeRefs(context, repository.topLevel, [{ ref: `refs/heads/${branch}`, from: commit, to: null }])
      return true
    } catch (error) {
      if (error instanceof CoppiceFailure && error.failure.code === 'state-unknown') return false
      throw error
    }
  })
}

/** Points a worktree's HEAD at another branch without touching its files or its index. Does nothing where HEAD is detached. */
export async function pointHeadAt(context: GitContext, worktree: string, from: string, to: string): Promise<void> {
  const checkout = locateCheckout(worktree)
  const { code, stdout } = await git(context, worktree, ['symbolic-ref', '--quiet'], {
    checkout,
    operands: ['HEAD'],
    exits: [1],
  })
  if (code !== 0 || stdout.toString('utf8').trim() !== `refs/heads/${from}`) return
  await git(context, worktree, ['symbolic-ref'], { checkout, write: true, operands: ['HEAD', `refs/heads/${to}`] })
}

/**
 * The same for an operation in progress, which ends by moving or checking out the branch that it began on: that one is another's by now.
 * Does nothing where none is in progress, or on another branch.
 */
export function pointOperationAt(worktree: string, from: string, to: string): void {
  const { adminDir } = locateCheckout(worktree)
  const names = [
    ['rebase-merge/head-name', 'refs/heads/'],
    ['rebase-apply/head-name', 'refs/heads/'],
    ['BISECT_START', ''],
  ] as const
  for (const [name, prefix] of names) {
    const file = join(adminDir, name)
    if (readSmallText(file) === `${prefix}${from}`) replaceFile(file, `${prefix}${to}\n`)
  }
}

/** The reflog of a branch as it is, or null where it has none; throws where it is too long to be kept. It goes with the branch, and a branch made again begins a new one. */
export function readBranchLog(repository: RepositoryPlace, branch: string): Buffer | null {
  return readSmallFile(branchReflogPath(repository.commonDir, branch), maxLogBytes)
}

/** Gives a branch that was made again its former reflog, unless it has moved since: then nothing is changed. */
export function writeBranchLog(repository: RepositoryPlace, branch: string, log: Buffer): Promise<void> {
  const path = branchReflogPath(repository.commonDir, branch)
  return withRepositoryLock(repository.commonDir, async () => {
    const now = readReflog(path)
    const isNew = now.length === 1 && /^0+$/.test(now[0]?.from ?? '')
    if (isNew && log.toString('latin1').trimEnd().split('\n').at(-1)?.includes(` ${now[0]?.to} `))
      replaceFile(path, log)
  })
}

/** Whether every commit of a branch is on some remote branch. Throws where that cannot be said. */
export async function isOnRemotes(context: GitContext, directory: string, commit: string): Promise<boolean> {
  return (await gitText(context, directory, ['rev-list', '--count', ...notOnRemotes], { revisions: [commit] })) === '0'
}

/**
 * Where HEAD is, if not on `branch` and with commits that the branch does not have; else null. `head` is null for a detached one,
 * `commits` what HEAD has and the branch has not (null: there is no such branch), `ahead` the other way round.
 */
export async function headAway(
  context: GitContext,
  worktree: string,
  branch: string,
): Promise<{ readonly head: string | null; readonly commits: number | null; readonly ahead: number } | null> {
  const checkout = locateCheckout(worktree)
  const named = await git(context, worktree, ['symbolic-ref', '--quiet'], { checkout, operands: ['HEAD'], exits: [1] })
  const ref = named.code === 0 ? named.stdout.toString('utf8').trim() : null
  if (ref === `refs/heads/${branch}`) return null
  const head = ref?.replace(/^refs\/heads\//, '') ?? null
  const args = ['rev-parse', '--verify', '--quiet']
  const own = await git(context, worktree, args, { checkout, revisions: [`refs/heads/${branch}^{commit}`], exits: [1] })
  if (own.code !== 0) return { head, commits: null, ahead: 0 }
  const revisions = [`${own.stdout.toString('utf8').trim()}...HEAD`]
  const text = await gitText(context, worktree, ['rev-list', '--left-right', '--count'], { checkout, revisions })
  const [ahead, commits] = text.split('\t').map(Number)
  if (!Number.isSafeInteger(ahead) || !Number.isSafeInteger(commits))
    throw fail('state-unknown', { message: `git counted "${text}"` })
  return commits === 0 ? null : { head, commits: commits!, ahead: ahead! }
}

/** First lines of the commits that HEAD has and `base` does not, oldest first, at most `limit`. */
export async function commitSubjects(
  context: GitContext,
  worktree: string,
  base: string,
  limit: number,
): Promise<string[]> {
  const text = await gitText(context, worktree, ['log', '--reverse', '--format=%s', `--max-count=${limit}`], {
    revisions: [`${base}..HEAD`],
  })
  return text === '' ? [] : text.split('\n')
}

/** What our copy of a remote has for a ref ("refs/heads/x"), or null where it has none. */
export async function pushedTip(
  context: GitContext,
  directory: string,
  remote: string,
  ref: string,
): Promise<string | null> {
  try {
    return await resolveCommit(context, directory, `refs/remotes/${remote}/${ref.replace(/^refs\/heads\//, '')}`)
  } catch (error) {
    if (error instanceof CoppiceFailure && error.failure.code === 'base-not-found') return null
    throw error
  }
}
