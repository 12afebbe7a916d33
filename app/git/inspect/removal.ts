// What a removal would take away, as one plain value: `git worktree remove` is no such check (it is silent about ignored files,
// hidden edits and more). Each part is known or unknown with the reason; a part that failed is never taken for zero. Reads only.
import { join } from 'node:path'
import { lstatOrNull, readSmallText } from '../../disk/files.ts'
import { fail, failureOf } from '../../model/failure.ts'
import { holdersOf } from '../../process/tree.ts'
import { type GitContext, git, gitText } from '../exec.ts'
import type { RepositoryPlace } from '../refs/branches.ts'
import { notElsewhere, notOnRemotes } from '../refs/refs.ts'
import { statusOf } from '../status.ts'
import { entryAsCheckout, mentionedObjects } from '../trash/keep.ts'
import { type Checkout, locateCheckout, type Operation, operationInProgress } from '../worktree/checkout.ts'
import { entriesInside } from '../worktree/entries.ts'
import { rebuildableKind, walkUntracked } from './changed-files.ts'
import { inspectIndex } from './hidden.ts'
import { inspectNested, inspectSubmodules, isBareRepository, type NestedRepository } from './nested.ts'

export type Part<T> = ({ readonly known: true } & T) | { readonly known: false; readonly why: string }

interface Names {
  readonly count: number
  /** The first few. */
  readonly names: readonly string[]
}

export interface RemovalInspection {
  readonly branch: string | null
  readonly head: string | null
  readonly staged: Part<Names>
  readonly unstaged: Part<Names>
  readonly conflicted: Part<Names>
  /** Counted file by file. `hiddenByConfig`: status.showUntrackedFiles=no keeps git from showing them. */
  readonly untracked: Part<
    Names & { readonly bytes: number; readonly precious: readonly string[]; readonly hiddenByConfig: boolean }
  >
  /** Without what can be made again, which is listed by itself. */
  readonly ignored: Part<
    Names & {
      readonly bytes: number
      readonly precious: readonly string[]
      readonly rebuildable: readonly { readonly path: string; readonly kind: string }[]
    }
  >
  /** Files marked skip-worktree or assume-unchanged that were changed all the same. */
  readonly hiddenEdits: Part<Names>
  /** Stashes whose message names the branch: a guess, since a stash belongs to the whole repository and stays there. */
  readonly stashes: Part<Names>
  /**
   * unpushed: on no remote branch. onlyHere: on no other branch or tag either, among them `reflogOnly`, which no ref leads to
   * (amended or reset away, or made on a detached HEAD). Subjects of the newest of them.
   */
  readonly commits: Part<{
    readonly unpushed: number
    readonly onlyHere: number
    readonly reflogOnly: number
    readonly sinceBase: number | null
    readonly subjects: readonly string[]
  }>
  readonly nested: Part<{ readonly repositories: readonly NestedRepository[] }>
  readonly submodules: Part<{ readonly repositories: readonly NestedRepository[] }>
  /** Other worktrees of the same repository that lie inside this one. */
  readonly worktreesInside: Part<Names>
  readonly operation: Part<{ readonly operation: Operation | null }>
  /** The worktree's own lock, and lock files of git that are in its way. */
  readonly locks: Part<{
    readonly reason: string | null
    readonly files: readonly {
      readonly path: string
      readonly ageMs: number
      /** "git (1234)": who is seen to have it open. None is no proof that nobody holds it. */
      readonly holders: readonly string[]
    }[]
  }>
}

export interface InspectOptions {
  /** The run's branch; "" or null where there is none. */
  readonly branch: string | null
  readonly baseCommit: string | null
  readonly signal?: AbortSignal
  /** Names of each kind. Default 20. */
  readonly maxNames?: number
}

/** Inspects a worktree. Throws only where there is no worktree to inspect (`worktree-missing`, `state-unknown` pointer). */
export async function inspectForRemoval(
  context: GitContext,
  worktree: string,
  options: InspectOptions,
): Promise<RemovalInspection> {
  const checkout = locateCheckout(worktree)
  const branch = options.branch || null
  const cap = options.maxNames ?? 20
  const untrackedPaths: Buffer[] = []
  const ignoredPaths: Buffer[] = []
  const [status, index, commits, stashes] = await Promise.all([
    part(async () => ({
      status: await statusOf(context, checkout, {
        untracked: 'all',
        maxPaths: cap,
        signal: options.signal,
        onUntracked: (path) => untrackedPaths.push(Buffer.from(path)),
        onIgnored: (path) => ignoredPaths.push(Buffer.from(path)),
      }),
    })),
    part(() => inspectIndex(context, checkout)),
    part(() => inspectCommits(context, checkout, branch, options.baseCommit)),
    part(() => inspectStashes(context, checkout, branch, cap)),
  ])
  const untracked = await onlyIf(status, () => part(() => inspectUntracked(context, checkout, untrackedPaths, cap)))
  const ignored = await onlyIf(status, () => part(() => inspectIgnored(checkout, ignoredPaths, cap)))
  const nestedPaths = [
    ...(untracked.known ? untracked.repositories : []),
    ...(ignored.known ? ignored.repositories : []),
    ...(index.known ? index.repositories : []),
  ]
  const [nested, submodules] = await Promise.all([
    onlyIf(untracked, () =>
      onlyIf(ignored, () =>
        onlyIf(index, () => part(async () => ({ repositories: await nestedIn(context, checkout, nestedPaths) }))),
      ),
    ),
    onlyIf(index, ({ submodules: paths }) =>
      part(async () => ({ repositories: await inspectSubmodules(context, checkout.worktree, paths) })),
    ),
  ])
  const group = (name: 'staged' | 'unstaged' | 'conflicted'): Part<Names> =>
    status.known ? { known: true, count: status.status[name], names: status.status.paths[name] } : status
  return {
    branch: status.known ? status.status.branch : branch,
    head: status.known ? status.status.commit : null,
    staged: group('staged'),
    unstaged: group('unstaged'),
    conflicted: group('conflicted'),
    untracked: without(untracked, 'repositories'),
    ignored: without(ignored, 'repositories'),
    hiddenEdits: index.known
      ? { known: true, count: index.hiddenEdits.length, names: index.hiddenEdits.slice(0, cap) }
      : index,
    stashes,
    commits,
    nested,
    submodules,
    worktreesInside: await part(async () => {
      const inside = entriesInside(checkout.commonDir, checkout.worktree)
      return { count: inside.length, names: inside.map((entry) => entry.path ?? entry.id) }
    }),
    operation: await part(async () => ({ operation: operationInProgress(checkout.adminDir) })),
    locks: await part(() => inspectLocks(checkout, branch)),
  }
}

/** Of a worktree whose directory is gone: the commits that its entry leads to (HEAD, reflog, an operation) and no branch or tag. */
export async function inspectGoneWorktree(
  context: GitContext,
  repository: RepositoryPlace,
  adminDir: string,
  branch: string | null,
): Promise<{ readonly count: number; readonly subjects: readonly string[] }> {
  const checkout = entryAsCheckout(repository, adminDir)
  const logged = await loggedCommits(context, checkout, branch)
  if (logged.length === 0) return { count: 0, subjects: [] }
  const options = { checkout, input: logged.map((commit) => `${commit}\n`).join('') }
  const list = [...notElsewhere(null), '--stdin']
  const text = await gitText(context, checkout.worktree, ['rev-list', '--count', ...list], options)
  if (!/^\d+$/.test(text)) throw fail('state-unknown', { message: `git counted "${text}"` })
  const log = ['log', '-z', '--format=%s', '--max-count=5', ...list]
  const subjects = text === '0' ? '' : await gitText(context, checkout.worktree, log, options)
  return { count: Number(text), subjects: subjects.split('\0').filter((subject) => subject !== '') }
}

async function inspectUntracked(context: GitContext, checkout: Checkout, paths: readonly Buffer[], cap: number) {
  const files = paths.filter((path) => !isFolder(path))
  const walked = await walkUntracked(checkout.worktree, files)
  if (!walked.complete) throw new Error(walked.why ?? 'it could not be read')
  const args = ['config', '--get']
  const shown = await git(context, checkout.worktree, args, {
    checkout,
    operands: ['status.showUntrackedFiles'],
    exits: [1],
  })
  return {
    count: files.length,
    names: files.slice(0, cap).map((path) => path.toString('utf8')),
    bytes: walked.bytes,
    precious: walked.precious,
    hiddenByConfig: /^(no|false|0|off)$/i.test(shown.stdout.toString('utf8').trim()) && files.length > 0,
    // With --untracked-files=all only a repository is left as a folder; a bare one is files like any others.
    repositories: [
      ...paths.filter(isFolder).map((path) => path.toString('utf8').slice(0, -1)),
      ...files.flatMap((path) => bareRepositoryAt(checkout.worktree, path.toString('utf8'))),
    ],
  }
}

async function inspectIgnored(checkout: Checkout, names: readonly Buffer[], cap: number) {
  const own: Buffer[] = []
  const rebuildable: { path: string; kind: string }[] = []
  for (const name of names) {
    const path = name.toString('utf8').replace(/\/$/, '')
    const kind = isFolder(name) ? await rebuildableKind(checkout.worktree, path) : null
    // Build output with a key or a database in it is no longer merely that.
    const plain = kind !== null && (!kind.output || (await holdsNothingElse(checkout.worktree, name)))
    if (kind !== null && plain) rebuildable.push({ path, kind: kind.kind })
    else own.push(name)
  }
  const walked = await walkUntracked(checkout.worktree, own)
  if (!walked.complete) throw new Error(walked.why ?? 'it could not be read')
  return {
    count: walked.files,
    names: own.slice(0, cap).map((name) => name.toString('utf8')),
    bytes: walked.bytes,
    precious: walked.precious,
    rebuildable,
    repositories: walked.repositories,
  }
}

async function holdsNothingElse(worktree: string, name: Buffer): Promise<boolean> {
  const walked = await walkUntracked(worktree, [name])
  return walked.complete && walked.precious.length === 0 && walked.repositories.length === 0
}

/** The folder of a bare repository whose HEAD is at `path`. */
function bareRepositoryAt(worktree: string, path: string): string[] {
  if (!path.endsWith('/HEAD')) return []
  const folder = path.slice(0, -'/HEAD'.length)
  return isBareRepository(join(worktree, folder)) ? [folder] : []
}

const isFolder = (path: Buffer): boolean => path.at(-1) === 0x2f

async function nestedIn(
  context: GitContext,
  checkout: Checkout,
  paths: readonly string[],
): Promise<NestedRepository[]> {
  const found: NestedRepository[] = []
  for (const path of paths) found.push(...(await inspectNested(context, checkout.worktree, path)))
  return found
}

async function inspectCommits(context: GitContext, checkout: Checkout, branch: string | null, base: string | null) {
  const count = async (args: readonly string[], revisions: readonly string[], input?: string) => {
    const options = { checkout, revisions, ...(input === undefined ? {} : { input }) }
    const text = await gitText(context, checkout.worktree, ['rev-list', '--count', ...args], options)
    if (!/^\d+$/.test(text)) throw new Error(`git counted "${text}"`)
    return Number(text)
  }
  // HEAD and the branch are two where a run has left its branch.
  const tips = ['HEAD']
  if (branch !== null) {
    const args = ['rev-parse', '--verify', '--quiet']
    const revisions = [`refs/heads/${branch}^{commit}`]
    const { code } = await git(context, checkout.worktree, args, { checkout, revisions, exits: [1] })
    if (code === 0) tips.push(`refs/heads/${branch}`)
  }
  const logged = await loggedCommits(context, checkout, branch)
  const elsewhere = notElsewhere(branch)
  const unpushed = await count(notOnRemotes, tips)
  const reachable = unpushed === 0 ? 0 : await count(elsewhere, tips)
  const input = logged.map((commit) => `${commit}\n`).join('')
  const others = tips.map((tip) => `^${tip}`)
  const reflogOnly = logged.length === 0 ? 0 : await count([...elsewhere, '--stdin'], others, input)
  const onlyHere = reachable + reflogOnly
  const log = ['log', '-z', '--format=%s', '--max-count=5', ...elsewhere]
  const revisions = [...tips, ...(reflogOnly > 0 ? logged.slice(-20) : [])]
  const subjects = onlyHere === 0 ? '' : await gitText(context, checkout.worktree, log, { checkout, revisions })
  return {
    unpushed,
    onlyHere,
    reflogOnly,
    sinceBase: base === null ? null : await count([], ['HEAD', `^${base}`]),
    subjects: subjects
      .split('\0')
      .filter((subject) => subject !== '')
      .slice(0, 5),
  }
}

/** Commits that the reflogs and the state of an operation name, and that are still here. */
async function loggedCommits(context: GitContext, checkout: Checkout, branch: string | null): Promise<string[]> {
  const names = [...mentionedObjects(checkout, branch)]
  if (names.length === 0) return []
  const text = await gitText(context, checkout.worktree, ['cat-file', '--batch-check=%(objectname) %(objecttype)'], {
    checkout,
    input: `${names.join('\n')}\n`,
  })
  const lines = text.split('\n')
  if (lines.length !== names.length) throw new Error('git did not answer for every commit of the reflogs')
  return lines.flatMap((line) => (line.endsWith(' commit') ? [line.slice(0, line.indexOf(' '))] : []))
}

async function inspectStashes(
  context: GitContext,
  checkout: Checkout,
  branch: string | null,
  cap: number,
): Promise<Names> {
  if (branch === null) return { count: 0, names: [] }
  const exists = await git(context, checkout.worktree, ['rev-parse', '--verify', '--quiet'], {
    revisions: ['refs/stash'],
    checkout,
    exits: [1],
  })
  if (exists.code === 1) return { count: 0, names: [] }
  const text = await gitText(context, checkout.worktree, ['log', '--walk-reflogs', '-z', '--format=%gd: %gs'], {
    checkout,
    revisions: ['refs/stash'],
  })
  // "WIP on <branch>: …" and "On <branch>: …": all that git notes.
  const own = text
    .split('\0')
    .filter((line) => /^stash@\{\d+\}: (WIP on|On) /.test(line) && line.includes(` ${branch}: `))
  return { count: own.length, names: own.slice(0, cap) }
}

async function inspectLocks(checkout: Checkout, branch: string | null) {
  const { adminDir, commonDir } = checkout
  const own = ['index.lock', 'HEAD.lock', 'ORIG_HEAD.lock', 'shallow.lock'].map((name) => join(adminDir, name))
  const shared = ['config.lock', 'packed-refs.lock', 'shallow.lock'].map((name) => join(commonDir, name))
  const ref = branch === null ? [] : [join(commonDir, 'refs', 'heads', `${branch}.lock`)]
  const now = Date.now()
  const files = [...new Set([...own, ...shared, ...ref])].flatMap((path) => {
    const facts = lstatOrNull(path)
    return facts ? [{ path, ageMs: Math.max(0, Math.round(now - facts.mtimeMs)) }] : []
  })
  const holders = files.length === 0 ? null : await holdersOf(files.map(({ path }) => path))
  return {
    reason: readSmallText(join(adminDir, 'locked')),
    files: files.map((file) => ({
      ...file,
      holders: (holders?.get(file.path) ?? []).map(({ name, pid }) => `${name} (${pid})`),
    })),
  }
}

/** A part that fails is unknown, with the reason. */
async function part<T extends object>(work: () => Promise<T>): Promise<Part<T>> {
  try {
    return { known: true, ...(await work()) }
  } catch (error) {
    const { code, detail } = failureOf(error)
    return { known: false, why: String(detail?.message ?? code) }
  }
}

/** A part that rests on another one is as unknown as that. */
async function onlyIf<T extends object, U extends object>(
  ground: Part<T>,
  work: (value: T) => Promise<Part<U>>,
): Promise<Part<U>> {
  return ground.known ? work(ground) : ground
}

function without<T extends object, K extends keyof T>(value: Part<T>, key: K): Part<Omit<T, K>> {
  if (!value.known) return value
  const { [key]: _, ...rest } = value
  return rest as Part<Omit<T, K>>
}
