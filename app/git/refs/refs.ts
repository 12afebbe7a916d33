// Reads and changes refs: what a name resolves to and how old it is, which branch names are free, what a branch holds that
// nothing else does. Every deletion is a compare-and-swap. A count that could not be read is thrown, never zero.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { isMissing } from '../../disk/files.ts'
import { CoppiceFailure, fail, failureOf } from '../../model/failure.ts'
import { hasControls } from '../../model/text/text.ts'
import { type GitContext, git, gitText } from '../exec.ts'
import { withRetry } from '../lock.ts'
import { locateCheckout } from '../worktree/checkout.ts'
import { branchNameProblem, firstFreeName } from './branch-name.ts'
import { clearDeadRefLocks } from './ref-locks.ts'

export interface Branch {
  /** refs/heads/… or refs/remotes/… */
  readonly ref: string
  /** "main", "origin/main". */
  readonly name: string
  readonly remote: boolean
  readonly commit: string
  /** Milliseconds since 1970, as all times here. */
  readonly committedAt: number
  readonly checkedOutAt: string | null
}

export interface RefAge {
  readonly commit: string
  readonly committedAt: number
  /** When the ref was last brought up to date, as far as git's own files tell; null where they do not. */
  readonly fetchedAt: number | null
}

export interface RefChange {
  readonly ref: string
  /** null deletes the ref. */
  readonly to: string | null
  /** What it must be now: null for "does not exist". The whole change fails where that is not so. */
  readonly from: string | null
}

/** Full object names: what may follow a command that does not know --end-of-options. */
export const objectName = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/

/** The commit that a ref, a tag, a name or an abbreviation means. Throws `base-not-found`. */
export async function resolveCommit(context: GitContext, directory: string, ref: string): Promise<string> {
  if (ref === '' || ref.length > 1000 || ref.startsWith('-') || hasControls(ref) || !ref.isWellFormed()) {
    throw fail('base-not-found', { base: ref.slice(0, 200) })
  }
  const args = ['rev-parse', '--verify', '--quiet']
  try {
    const { code, stdout } = await git(context, directory, args, { revisions: [`${ref}^{commit}`], exits: [1] })
    const commit = stdout.toString('utf8').trim()
    if (code === 0 && objectName.test(commit)) return commit
  } catch (error) {
    // "main:README^{commit}" and the like are errors that --quiet does not silence.
    if (!(error instanceof CoppiceFailure) || !/^(git-failed|base-not-found)$/.test(error.failure.code)) throw error
    throw fail('base-not-found', { base: ref, ...error.failure.detail })
  }
  throw fail('base-not-found', { base: ref })
}

/** How old a ref is: its commit's date, and when it was fetched. Throws `base-not-found`. */
export async function refAge(context: GitContext, directory: string, ref: string): Promise<RefAge> {
  const commit = await resolveCommit(context, directory, ref)
  const text = await gitText(context, directory, ['log', '-1', '--format=%ct'], { revisions: [commit] })
  return { commit, committedAt: Number(text) * 1000, fetchedAt: fetchedAt(directory, ref) }
}

// FETCH_HEAD is written by every fetch of the person's own, the reflog by every fetch that moved the ref.
function fetchedAt(directory: string, ref: string): number | null {
  const name = ref.startsWith('refs/') ? ref : `refs/remotes/${ref}`
  if (!name.startsWith('refs/remotes/')) return null
  const { commonDir } = locateCheckout(directory)
  const times = [join(commonDir, 'FETCH_HEAD'), join(commonDir, 'logs', ...name.split('/'))].flatMap((path) => {
    try {
      return [statSync(path).mtimeMs]
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  })
  return times.length > 0 ? Math.round(Math.max(...times)) : null
}

/** Why a branch may not be called that, or null where it may: our own rules, then git's word. */
export async function isValidBranchName(context: GitContext, name: string): Promise<string | null> {
  const problem = branchNameProblem(name)
  if (problem) return `a branch name ${problem}`
  const { code } = await git(context, '/', ['check-ref-format'], { operands: [`refs/heads/${name}`], exits: [1] })
  return code === 0 ? null : 'git refuses this branch name'
}

/**
 * The first of wanted, wanted-2, … that is free: against local branches, every remote's branches and `reserved`, by case and
 * by folder. Delete now: who makes the branch must still be ready for `branch-exists`. Throws `branch-name-invalid`.
 */
export async function uniqueBranch(
  context: GitContext,
  directory: string,
  wanted: string,
  reserved: Iterable<string> = [],
): Promise<string> {
  const problem = branchNameProblem(wanted)
  if (problem) throw fail('branch-name-invalid', { branch: wanted, message: `a branch name ${problem}` })
  const text = await gitText(context, directory, ['for-each-ref', '--format=%(refname)'], {
    operands: ['refs/heads', 'refs/remotes'],
  })
  const taken = text.split('\n').flatMap((ref) => {
    if (ref.startsWith('refs/heads/')) return [ref.slice('refs/heads/'.length)]
    // A remote's name rarely holds a slash; where it does, the name with a part of it in front is merely avoided too.
    const short = /^refs\/remotes\/[^/]+\/(.+)$/.exec(ref)?.[1]
    return short && short !== 'HEAD' ? [short] : []
  })
  return firstFreeName(wanted, [...taken, ...reserved])
}

/** Branches for a picker, local and remote, the newest first. The remotes' HEAD is left out. */
export async function listBranches(context: GitContext, directory: string): Promise<Branch[]> {
  return readBranches(context, directory, ['refs/heads', 'refs/remotes'])
}

/** One local branch, or null where it does not exist. */
export async function branchState(
  context: GitContext,
  directory: string,
  branch: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Branch | null> {
  const found = await readBranches(context, directory, [`refs/heads/${branch}`], options)
  return found.find(({ ref }) => ref === `refs/heads/${branch}`) ?? null
}

async function readBranches(
  context: GitContext,
  directory: string,
  patterns: readonly string[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Branch[]> {
  // A path may hold a newline but no NUL, so two NULs and a newline end a record.
  const fields = ['refname', 'objectname', 'symref', 'committerdate:unix', 'worktreepath']
  const format = `--format=${fields.map((name) => `%(${name})`).join('%00')}%00%00`
  const { stdout } = await git(context, directory, ['for-each-ref', '--sort=-committerdate', format], {
    ...options,
    operands: patterns,
  })
  return stdout
    .toString('utf8')
    .split('\0\0\n')
    .flatMap((record) => {
      const [ref = '', commit = '', symref = '', date = '', path = ''] = record.split('\0')
      if (ref === '' || symref !== '') return []
      const remote = ref.startsWith('refs/remotes/')
      const name = ref.slice((remote ? 'refs/remotes/' : 'refs/heads/').length)
      return [{ ref, name, remote, commit, committedAt: Number(date) * 1000, checkedOutAt: path === '' ? null : path }]
    })
}

/** Changes refs in one transaction: all or none. Throws `state-unknown` with reason ref-moved, ref-exists or ref-gone. */
export async function changeRefs(context: GitContext, directory: string, changes: readonly RefChange[]): Promise<void> {
  if (changes.length === 0) return
  const input = changes.map(({ ref, from, to }) => {
    if (to === null) return `delete ${ref}\0${from ?? ''}\0`
    return from === null ? `create ${ref}\0${to}\0` : `update ${ref}\0${to}\0${from}\0`
  })
  const args = ['update-ref', '--no-deref', '-z', '--stdin']
  const since = Date.now()
  const clearOwnLocks = async () => {
    try {
      await clearDeadRefLocks(locateCheckout(directory).commonDir, { refs: changes.map(({ ref }) => ref), since })
    } catch {
      // What cannot be looked at now is looked at by the next recovery; what was asked for is done, or its failure is said.
    }
  }
  try {
    await withRetry(() => git(context, directory, args, { write: true, input: input.join(''), config: durable }))
  } catch (error) {
    // A git that was killed (out of memory, a time-out) leaves its locks: nobody could change these refs again. One that met a lock
    // has met somebody else's.
    if (failureOf(error).code !== 'git-locked') await clearOwnLocks()
    throw error
  }
  // One that could not delete its lock (a failing disk) says nothing of it and exits 0 (2.39).
  await clearOwnLocks()
}

/** Configuration that makes refs and loose objects survive a power cut: a default git commit issues no fsync. */
export const durable = [['core.fsync', 'objects,reference']] as const

/** Deletes refs that are still what the caller saw; none of them where one is not. */
export function deleteRefs(
  context: GitContext,
  directory: string,
  refs: readonly { readonly ref: string; readonly expected: string }[],
): Promise<void> {
  return changeRefs(
    context,
    directory,
    refs.map(({ ref, expected }) => ({ ref, from: expected, to: null })),
  )
}

/** Commits on each side since the merge base with `baseRef`. Throws `base-not-found`. */
export async function aheadBehind(
  context: GitContext,
  worktree: string,
  baseRef: string,
): Promise<{ ahead: number; behind: number }> {
  const base = await resolveCommit(context, worktree, baseRef)
  const text = await gitText(context, worktree, ['rev-list', '--left-right', '--count'], {
    revisions: [`${base}...HEAD`],
  })
  const [behind, ahead] = text.split('\t').map(Number)
  return { ahead: countOf(ahead, text), behind: countOf(behind, text) }
}

/** How many commits since `base` no remote branch has. Throws where that could not be counted: unknown is never zero. */
export async function unpushedSince(context: GitContext, worktree: string, base: string): Promise<number> {
  const text = await gitText(context, worktree, ['rev-list', '--count', ...notOnRemotes], {
    revisions: ['HEAD', `^${await resolveCommit(context, worktree, base)}`],
  })
  return countOf(Number(text), text)
}

/**
 * How many commits of HEAD are on no remote branch, and how many of those on no other branch or tag here either. Throws where
 * that could not be counted: unknown is never zero.
 */
export async function commitsOnlyHere(
  context: GitContext,
  worktree: string,
  branch: string | null,
): Promise<{ unpushed: number; onlyHere: number }> {
  const count = (options: readonly string[]) =>
    gitText(context, worktree, ['rev-list', '--count', ...options], { revisions: ['HEAD'] })
  const unpushed = await count(notOnRemotes)
  if (unpushed === '0') return { unpushed: 0, onlyHere: 0 }
  const onlyHere = await count(notElsewhere(branch))
  return { unpushed: countOf(Number(unpushed), unpushed), onlyHere: countOf(Number(onlyHere), onlyHere) }
}

/** Options that take away what any remote branch has. `--not` turns twice: what follows is wanted. */
export const notOnRemotes: readonly string[] = ['--not', '--remotes', '--not']

/** The same for what is reachable from any other branch, tag or remote branch. */
export function notElsewhere(branch: string | null): string[] {
  // A branch name holds no glob characters (git refuses them), so it stands for itself in --exclude.
  return ['--not', ...(branch === null ? [] : [`--exclude=${branch}`]), '--branches', '--tags', '--remotes', '--not']
}

function countOf(value: number | undefined, text: string): number {
  if (value === undefined || !Number.isSafeInteger(value))
    throw fail('state-unknown', { message: `git counted "${text}"` })
  return value
}

/** The text of a file at a ref, or null where there is no such file there (a link or a submodule counts as none). */
export async function readFileAt(
  context: GitContext,
  directory: string,
  ref: string,
  path: string,
): Promise<string | null> {
  const commit = await resolveCommit(context, directory, ref)
  if (path === '' || path.startsWith('/') || path.split('/').includes('..')) return null
  const args = ['ls-tree', '-z', '--full-tree']
  const entry = await gitText(context, directory, args, {
    operands: [commit, path],
    variables: { GIT_LITERAL_PATHSPECS: '1' },
  })
  const match = /^100\d{3} blob ([0-9a-f]+)\t/.exec(entry)
  if (!match) return null
  const { stdout } = await git(context, directory, ['cat-file'], {
    operands: ['blob', match[1]!],
    maxStdoutBytes: 1024 * 1024,
  })
  return stdout.toString('utf8')
}

/** The paths that the index of a checkout holds. */
export async function trackedFiles(context: GitContext, directory: string): Promise<ReadonlySet<string>> {
  const checkout = locateCheckout(directory)
  const { stdout } = await git(context, checkout.worktree, ['ls-files', '-z'], { checkout })
  return new Set(stdout.toString('utf8').split('\0').slice(0, -1))
}
