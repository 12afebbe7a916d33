// Makes, lists, locks and repairs linked worktrees. A create that fails or is cancelled leaves the repository as it was: what
// it had done is found by looking, not by remembering, and taken back, the branch by compare-and-swap only.
import { accessSync, constants, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { exists, lstatOrNull, readSmallText, syncDirectory } from '../../disk/files.ts'
import { fail, failureOf, systemFailureCode } from '../../model/failure.ts'
import { type GitContext, git } from '../exec.ts'
import { withCheckoutSlot, withRepositoryLock, withRetry } from '../lock.ts'
import { branchNameProblem } from '../refs/branch-name.ts'
import { branchState, objectName } from '../refs/refs.ts'
import { lastLines } from '../stderr.ts'
import { clearDeadLocks } from '../trash/mend.ts'
import { type Checkout, readAdminDir, realOrNull } from './checkout.ts'
import { deleteEntry } from './entries.ts'
import { undoWorktreeAddLocked } from './undo-add.ts'

export interface ListedWorktree {
  readonly path: string
  /** null where HEAD is unborn or unreadable. */
  readonly head: string | null
  /** Without refs/heads/; null where detached. */
  readonly branch: string | null
  readonly bare: boolean
  readonly detached: boolean
  /** The lock's reason, "" for none given, null where it is not locked. */
  readonly locked: string | null
  /** Why git would prune the entry, or null. */
  readonly prunable: string | null
}

/** Every worktree that git knows, the main one first. */
export async function listWorktrees(context: GitContext, directory: string): Promise<ListedWorktree[]> {
  const { stdout } = await withRetry(() => git(context, directory, ['worktree', 'list', '--porcelain', '-z']))
  return parseWorktreeList(stdout.toString('utf8'))
}

/** Parses `worktree list --porcelain -z`: attributes end with NUL, records with two. */
export function parseWorktreeList(output: string): ListedWorktree[] {
  return output
    .split('\0\0')
    .filter((record) => record !== '')
    .map((record) => {
      const attributes = new Map(
        record.split('\0').map((line) => {
          const space = line.indexOf(' ')
          return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)]
        }),
      )
      const head = attributes.get('HEAD') ?? ''
      return {
        path: attributes.get('worktree') ?? '',
        head: /[1-9a-f]/.test(head) ? head : null,
        branch: attributes.get('branch')?.replace(/^refs\/heads\//, '') ?? null,
        bare: attributes.has('bare'),
        detached: attributes.has('detached'),
        locked: attributes.get('locked') ?? null,
        prunable: attributes.get('prunable') ?? null,
      }
    })
}

export interface AddOptions {
  /** Absolute; must not exist. Its parents are made. */
  readonly path: string
  readonly branch: string
  /** The full name of the commit a new branch starts at; for an existing branch, what it was seen to point to. */
  readonly commit: string
  /** True makes the branch; false checks out one that exists. */
  readonly newBranch: boolean
  /** "coppice run=<id> pid=<pid>": the lock stays, so that gc never prunes the entry; by it a crash's leftovers are known. */
  readonly lockReason: string
  readonly signal?: AbortSignal | undefined
  /** Milliseconds for the checkout. Default 15 minutes: 27,000 files took 2 s here, a large one on a network disk is slow. */
  readonly checkoutTimeoutMs?: number
  /** Called once the worktree exists (about 10 ms), before its files do. */
  readonly onRegistered?: () => void
}

/**
 * Adds a worktree: metadata under the repository's lock, the checkout outside it. Four git processes (two reads, two writes)
 * and one that reads the result back and fills the untracked cache.
 * Throws `branch-name-invalid`, `branch-exists`, `branch-checked-out`, `base-not-found`, `worktree-exists`, `cancelled`,
 * `no-space` and what git says; in each case everything is taken back first.
 */
export async function addWorktree(
  context: GitContext,
  repository: { readonly topLevel: string; readonly commonDir: string },
  options: AddOptions,
): Promise<Checkout & { readonly id: string }> {
  const { path, branch, commit, newBranch, lockReason, signal } = options
  const problem = branchNameProblem(branch)
  if (newBranch && problem) throw fail('branch-name-invalid', { branch, message: `a branch name ${problem}` })
  if (!objectName.test(commit)) throw fail('base-not-found', { base: commit.slice(0, 200) })
  if (!isAbsolute(path) || path.includes('\0')) throw fail('bad-input', { path, message: 'the path must be absolute' })
  if (/[\n\0]/.test(lockReason)) throw fail('bad-input', { message: 'the reason of a lock is one line' })
  const { topLevel, commonDir } = repository
  const undo = { path, branch, commit, newBranch, lockReason, branchWasAbsent: newBranch }

  const register = async (): Promise<void> => {
    // Looked at under the lock: what is there now is not ours to take back.
    if (exists(path)) throw fail('worktree-exists', { path })
    const state = await branchState(context, topLevel, branch, { signal })
    if (newBranch && state) throw fail('branch-exists', { branch })
    if (!newBranch && !state) throw fail('base-not-found', { base: branch })
    if (state?.checkedOutAt) throw fail('branch-checked-out', { branch, path: state.checkedOutAt })
    if (state && state.commit !== commit) {
      throw fail('state-unknown', { branch, message: `${branch} has moved to ${state.commit}` }, { retryable: true })
    }
    const operands = newBranch ? [path, commit] : [path, branch]
    const args = [
      'worktree',
      'add',
      '--quiet',
      '--no-checkout',
      '--lock',
      `--reason=${lockReason}`,
      // --no-track is refused without -b.
      ...(newBranch ? ['--no-track', `-b${branch}`] : []),
    ]
    try {
      await git(context, topLevel, args, { write: true, operands, signal })
    } catch (error) {
      await undoWorktreeAddLocked(context, repository, undo)
      throw whyNotWritten(error, commonDir)
    }
  }

  await withRepositoryLock(commonDir, () => withRetry(register, { signal }), { signal })
  try {
    options.onRegistered?.()
    const checkout = readAdminDir(path)
    await fillWorktree(context, checkout, options)
    // A git that could not delete its lock (a failing disk) says nothing about it. Nobody else works in here yet.
    clearDeadLocks({ adminDir: checkout.adminDir, commonDir, branch }, newBranch ? 0 : undefined)
    return checkout
  } catch (error) {
    await withRepositoryLock(commonDir, () => undoWorktreeAddLocked(context, repository, undo))
    throw error
  }
}

/**
 * Of a directory that it could not make below refs/ git says that it could not, and not why (2.39). Where the system says that we
 * may not write there, that is why.
 */
function whyNotWritten(error: unknown, commonDir: string): unknown {
  const { code, detail } = failureOf(error)
  if (code !== 'git-failed') return error
  for (const name of ['.', 'worktrees', 'refs/heads', 'logs/refs/heads', 'objects']) {
    const path = join(commonDir, name)
    try {
      accessSync(path, constants.W_OK | constants.X_OK)
    } catch (reason) {
      const why = systemFailureCode(reason)
      if (why) return fail(why, { path, message: String(detail?.message ?? (reason as Error).message) })
    }
  }
  return error
}

/** Writes the files and the index, then reads back that HEAD is where it should be. */
async function fillWorktree(context: GitContext, checkout: Checkout, options: AddOptions): Promise<void> {
  const { signal, branch, commit } = options
  const cached = [['core.untrackedCache', 'true']] as const
  if (context.trusted) lendKeys(checkout)
  const { stderr } = await withCheckoutSlot(
    () =>
      git(context, checkout.worktree, ['reset', '--hard', '--quiet'], {
        checkout,
        write: true,
        signal,
        config: cached,
        timeoutMs: options.checkoutTimeoutMs ?? 900_000,
      }),
    { signal },
  )
  // A filter that fails and is not required leaves the file as it is stored, and git exits with 0 (2.39).
  const failed = /^error: external filter '(.*)' failed.*$/m.exec(stderr)
  if (failed)
    throw fail('git-failed', {
      command: 'reset',
      reason: 'filter-failed',
      path: checkout.worktree,
      message: `the filter ${failed[1]} fails in a linked worktree: ${lastLines(stderr)}`,
    })
  // Written once here, the untracked cache halves every later status; later ones take no lock and so never write it.
  const args = ['status', '--porcelain=v2', '--branch', '-z', '--untracked-files=normal', '--ignore-submodules=dirty']
  const { stdout } = await git(context, checkout.worktree, args, { checkout, write: true, signal, config: cached })
  const lines = stdout.toString('utf8').split('\0')
  if (!lines.includes(`# branch.oid ${commit}`) || !lines.includes(`# branch.head ${branch}`)) {
    throw fail('state-unknown', {
      path: checkout.worktree,
      message: `after its creation git says: ${lines.slice(0, 2).join(', ')}`,
    })
  }
}

/**
 * git-crypt looks for its keys in the git directory of the worktree, and they lie in the main one: without them each git command of the
 * agent ends with 128. Only for a trusted repository: a link shows nothing that the main checkout does not show in plain text.
 */
function lendKeys(checkout: Checkout): void {
  if (checkout.id === null || !lstatOrNull(join(checkout.commonDir, 'git-crypt'))?.isDirectory()) return
  const link = join(checkout.adminDir, 'git-crypt')
  if (!exists(link)) symlinkSync(join('..', '..', 'git-crypt'), link)
}

/** Locks a worktree with a reason, so that neither prune nor gc forgets it. */
export async function lockWorktree(
  context: GitContext,
  directory: string,
  path: string,
  reason: string,
): Promise<void> {
  await git(context, directory, ['worktree', 'lock', `--reason=${reason}`], { write: true, operands: [path] })
}

export async function unlockWorktree(context: GitContext, directory: string, path: string): Promise<void> {
  await git(context, directory, ['worktree', 'unlock'], { write: true, operands: [path] })
}

/** Makes the repository and a worktree that was moved name each other again. `directory` is the main checkout. */
export async function repairWorktree(context: GitContext, directory: string, path: string): Promise<void> {
  await git(context, directory, ['worktree', 'repair'], { write: true, operands: [path] })
}

/**
 * Writes the entry of a worktree again that git has forgotten: HEAD, commondir, gitdir and our lock, then the index from HEAD,
 * so that the edits show as edits. False, and nothing changed, where the directory's .git names no entry of this repository,
 * or one that exists, or where the branch is gone or checked out elsewhere.
 */
export async function recreateEntry(
  context: GitContext,
  repository: { readonly topLevel: string; readonly commonDir: string },
  options: { readonly worktree: string; readonly branch: string; readonly lockReason: string },
): Promise<boolean> {
  const { worktree, branch, lockReason } = options
  const { commonDir, topLevel } = repository
  return withRepositoryLock(commonDir, async () => {
    const pointer = readSmallText(join(worktree, '.git'), 16 * 1024)
    if (!pointer?.startsWith('gitdir: ')) return false
    const adminDir = resolve(worktree, pointer.slice('gitdir: '.length))
    const folder = realOrNull(dirname(dirname(adminDir)))
    if (folder !== commonDir || basename(dirname(adminDir)) !== 'worktrees' || exists(adminDir)) return false
    const state = await branchState(context, topLevel, branch)
    if (!state || state.checkedOutAt !== null) return false
    mkdirSync(dirname(adminDir), { recursive: true })
    // The lock first: from the moment the entry can be seen, no prune takes it.
    mkdirSync(adminDir)
    try {
      for (const [name, content] of [
        ['locked', lockReason],
        ['gitdir', `${join(worktree, '.git')}\n`],
        ['commondir', '../..\n'],
        ['HEAD', `ref: refs/heads/${branch}\n`],
      ] as const) {
        writeFileSync(join(adminDir, name), content, { flush: true })
      }
      syncDirectory(adminDir)
      const checkout = readAdminDir(worktree)
      if (context.trusted) lendKeys(checkout)
      await git(context, checkout.worktree, ['reset', '--quiet'], { checkout, write: true, exits: [1] })
      return true
    } catch (error) {
      deleteEntry(commonDir, adminDir)
      throw error
    }
  })
}
