// Gives every object that a worktree holds a ref of its own, so that after its removal `git gc --prune=now` takes none of
// them: HEAD, the branch, each commit of both reflogs, what an operation in progress refers to, and staged content. No file is
// added to the object store: untracked and ignored files stay files, in the trash.
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { exists, readSmallFile } from '../../disk/files.ts'
import { CoppiceFailure, fail } from '../../model/failure.ts'
import { type GitContext, git, gitText } from '../exec.ts'
import type { RepositoryPlace } from '../refs/branches.ts'
import { changeRefs, deleteRefs, durable, notElsewhere, type RefChange } from '../refs/refs.ts'
import { branchReflogPath, type Checkout, locateCheckout, readReflog } from '../worktree/checkout.ts'

export interface Kept {
  /** Full names of the refs that now hold what the worktree held. */
  readonly refs: readonly string[]
  readonly head: string | null
  /** Where the branch pointed; null where there is none. */
  readonly branchCommit: string | null
  /** The tree of staged content that HEAD does not have; null where there is none. */
  readonly stagedTree: string | null
  /** Names in the reflogs whose objects are gone already: nothing could keep them. */
  readonly missing: number
  /** Commits that no branch, tag or remote branch leads to. */
  readonly commitsOnlyInKeep: number
  /** False where something could not be read and was passed over (`lenient`): more than this may exist only in the worktree. */
  readonly complete: boolean
}

export const keepPrefix = 'refs/coppice/keep/'

export interface KeepOptions {
  readonly keepId: string
  readonly branch: string | null
  /** The worktree; or, where that is gone, only its admin directory. */
  readonly worktree?: string
  readonly adminDir?: string
  /** Keeps what can be read where a reflog or the index cannot be: for a removal that was agreed to although that is unknown. */
  readonly lenient?: boolean
}

/**
 * Makes refs under refs/coppice/keep/<keepId>/. Done again with the same id it replaces them. Throws `state-unknown` where
 * something could not be read (a reflog, the index) and not `lenient`, with nothing changed. Most often five git processes, at most ten.
 */
export async function keepObjects(
  context: GitContext,
  repository: RepositoryPlace,
  options: KeepOptions,
): Promise<Kept> {
  const { keepId, branch, worktree, adminDir } = options
  const prefix = keepPrefixOf(keepId)
  const checkout = worktree === undefined ? entryAsCheckout(repository, adminDir ?? '') : locateCheckout(worktree)
  if (exists(join(checkout.commonDir, 'reftable'))) {
    throw fail('unsupported', {
      message: 'the repository stores its refs as reftable: reflogs cannot be read there yet',
    })
  }
  let complete = true
  const orNothing =
    <T>(nothing: T) =>
    (error: unknown): T => {
      if (!options.lenient) throw error
      complete = false
      return nothing
    }
  const mentioned = await Promise.resolve()
    .then(() => mentionedObjects(checkout, branch))
    .catch(orNothing(new Set<string>()))
  // One process answers for the two refs and for every name.
  const asked = ['HEAD^{commit}', ...(branch === null ? [] : [`refs/heads/${branch}^{commit}`])]
  const [tips, present] = await lookUp(context, checkout, asked, [...mentioned])
  const head = tips[0] ?? null
  const branchCommit = branch === null ? null : (tips[1] ?? null)
  const named = [...new Set([head, branchCommit].filter((commit) => commit !== null))]
  const loose = await unreachable(context, checkout, [...present.keys()], named)
  const stagedTree = await keepStaged(context, checkout, head).catch(orNothing(null))

  const wanted = new Map<string, string>()
  if (head !== null) wanted.set(`${prefix}head`, head)
  if (branchCommit !== null) wanted.set(`${prefix}branch`, branchCommit)
  for (const object of loose) wanted.set(`${prefix}object/${object}`, object)
  if (stagedTree !== null) wanted.set(`${prefix}staged`, stagedTree)
  await replaceRefs(context, checkout, prefix, wanted)
  return {
    refs: [...wanted.keys()],
    head,
    branchCommit,
    stagedTree,
    missing: mentioned.size - present.size,
    commitsOnlyInKeep: await commitsOnlyInKeep(context, repository, keepId),
    complete,
  }
}

/** Commits that only the refs of these keep ids lead to, no branch, tag or remote branch: what a purge would destroy. */
export async function commitsOnlyInKeep(
  context: GitContext,
  repository: RepositoryPlace,
  ...keepIds: readonly string[]
): Promise<number> {
  const globs = keepIds.map((keepId) => `--glob=${keepPrefixOf(keepId)}*`)
  if (globs.length === 0) return 0
  const args = ['rev-list', '--count', ...globs, ...notElsewhere(null)]
  const text = await gitText(context, repository.topLevel, args)
  if (!/^\d+$/.test(text)) throw fail('state-unknown', { message: `git counted "${text}"` })
  return Number(text)
}

/** An entry whose worktree is gone: enough to read its HEAD, its index and its reflog. */
export function entryAsCheckout(repository: RepositoryPlace, adminDir: string): Checkout {
  if (!exists(join(adminDir, 'HEAD')))
    throw fail('state-unknown', { path: adminDir, message: `${adminDir} has no HEAD` })
  return { worktree: adminDir, adminDir, commonDir: repository.commonDir, id: basename(adminDir) }
}

/** The refs that a keep id holds, by name. */
export async function readKeepRefs(
  context: GitContext,
  directory: string,
  keepId: string,
): Promise<ReadonlyMap<string, string>> {
  const prefix = keepPrefixOf(keepId)
  const text = await gitText(context, directory, ['for-each-ref', '--format=%(objectname) %(refname)'], {
    operands: [prefix],
  })
  return new Map(
    text
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [[line.slice(line.indexOf(' ') + 1), line.slice(0, line.indexOf(' '))]])),
  )
}

/** Drops all refs of a keep id: from then on gc may take what only they held. */
export async function dropKeepRefs(context: GitContext, repository: RepositoryPlace, keepId: string): Promise<number> {
  const refs = await readKeepRefs(context, repository.topLevel, keepId)
  await deleteRefs(
    context,
    repository.topLevel,
    [...refs].map(([ref, expected]) => ({ ref, expected })),
  )
  return refs.size
}

function keepPrefixOf(keepId: string): string {
  const sound = /^[A-Za-z0-9][A-Za-z0-9._-]{0,149}$/.test(keepId) && !/\.\.|\.$|\.lock$/i.test(keepId)
  if (!sound) throw fail('bad-input', { message: `"${keepId}" is no keep id` })
  return `${keepPrefix}${keepId}/`
}

// An admin directory's own files that name objects are small; what is larger is no state of an operation.
const maxStateBytes = 4 * 1024 * 1024

/**
 * Every object name that the reflogs and the files of the admin directory mention: ORIG_HEAD, MERGE_HEAD, a rebase's onto,
 * orig-head, autostash and todo list, bisect's refs, and whatever git will add. Found by their form, so nothing is forgotten.
 */
export function mentionedObjects(checkout: Checkout, branch: string | null): Set<string> {
  const found = new Set<string>()
  const add = (name: string) => {
    if (/[1-9a-f]/.test(name)) found.add(name)
  }
  const logs = [join(checkout.adminDir, 'logs', 'HEAD')]
  if (branch !== null) logs.push(branchReflogPath(checkout.commonDir, branch))
  for (const log of logs) {
    for (const entry of readReflog(log)) {
      add(entry.from)
      add(entry.to)
    }
  }
  const visit = (directory: string, depth: number) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name)
      // modules: the submodules' own repositories, which move with the admin directory.
      if (entry.isDirectory() && depth < 6 && !(depth === 0 && ['modules', 'logs'].includes(entry.name)))
        visit(path, depth + 1)
      else if (entry.isFile() && !/^(index|sharedindex\.|index\.)/.test(entry.name)) {
        const text = readSmallFile(path, maxStateBytes)?.toString('latin1') ?? ''
        for (const match of text.matchAll(/(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])/g)) add(match[0])
      }
    }
  }
  if (checkout.id !== null) visit(checkout.adminDir, 0)
  return found
}

/** What each expression resolves to (null where to nothing), and which of the names are objects here, with their kinds. */
async function lookUp(
  context: GitContext,
  checkout: Checkout,
  expressions: readonly string[],
  names: readonly string[],
): Promise<[(string | null)[], ReadonlyMap<string, string>]> {
  const asked = [...expressions, ...names]
  if (asked.length === 0) return [[], new Map()]
  const text = await gitText(context, checkout.worktree, ['cat-file', '--batch-check=%(objectname) %(objecttype)'], {
    checkout,
    input: `${asked.join('\n')}\n`,
  })
  const lines = text.split('\n')
  if (lines.length !== asked.length) throw fail('state-unknown', { message: 'git did not answer for every object' })
  const found = lines.map((line) => /^([0-9a-f]{40,64}) (commit|tree|blob|tag)$/.exec(line))
  return [
    found.slice(0, expressions.length).map((match) => match?.[1] ?? null),
    new Map(found.slice(expressions.length).flatMap((match) => (match ? [[match[1]!, match[2]!] as const] : []))),
  ]
}

/** Those that HEAD and the branch do not lead to, so that a long history needs no ref for each step. */
async function unreachable(
  context: GitContext,
  checkout: Checkout,
  objects: readonly string[],
  from: readonly string[],
): Promise<string[]> {
  const others = objects.filter((object) => !from.includes(object))
  if (others.length === 0 || from.length === 0) return others
  const input = [...others, ...from.map((commit) => `^${commit}`)].map((line) => `${line}\n`).join('')
  // Trees and blobs are listed too with --objects; --no-walk would take the exclusions for starting points.
  try {
    const args = ['rev-list', '--objects', '--no-object-names', '--stdin']
    const walked = new Set((await gitText(context, checkout.worktree, args, { checkout, input })).split('\n'))
    return others.filter((object) => walked.has(object))
  } catch (error) {
    // A history with a hole in it cannot be walked; then each of them gets a ref.
    if (error instanceof CoppiceFailure && ['git-failed', 'base-not-found'].includes(error.failure.code)) return others
    throw error
  }
}

/** A flat tree of every staged blob that HEAD has not at that path, each stage of a conflict among them. */
async function keepStaged(context: GitContext, checkout: Checkout, head: string | null): Promise<string | null> {
  if (!exists(join(checkout.adminDir, 'index'))) return null
  const blobs = new Set<string>()
  let unmerged = false
  const list = async (args: readonly string[], pattern: RegExp, revisions: readonly string[] = []) => {
    const { stdout } = await git(context, checkout.worktree, args, { checkout, revisions })
    for (const field of stdout.toString('latin1').split('\0')) {
      const match = pattern.exec(field)
      // 160000 is a submodule's commit, which lies in that submodule; a name of zeros is an absence.
      if (/^:[^\t]* U$/.test(field)) unmerged = true
      if (match && match[1] !== '160000' && /[1-9a-f]/.test(match[2]!)) blobs.add(match[2]!)
    }
  }
  if (head === null) await list(['ls-files', '--stage', '-z'], /^(\d{6}) ([0-9a-f]+) \d\t/)
  else {
    await list(['diff-index', '--cached', '--raw', '--abbrev=64', '-z'], /^:\d{6} (\d{6}) [0-9a-f]+ ([0-9a-f]+) /, [
      head,
    ])
    // A path in conflict is only marked there; its stages are listed by themselves.
    if (unmerged) await list(['ls-files', '--unmerged', '-z'], /^(\d{6}) ([0-9a-f]+) \d\t/)
  }
  // What a resolved conflict was: `git checkout --merge` brings it back, and gc keeps it while the index names it.
  if (readSmallFile(join(checkout.adminDir, 'index'), 1024 ** 3)?.includes('REUC')) {
    await list(['ls-files', '--resolve-undo', '-z'], /^(\d{6}) ([0-9a-f]+) \d\t/)
  }
  if (blobs.size === 0) return null
  // An intent to add names the empty blob, which need not exist.
  const [, present] = await lookUp(context, checkout, [], [...blobs])
  const names = [...blobs].filter((blob) => present.get(blob) === 'blob')
  if (names.length === 0) return null
  const input = names.map((blob, index) => `100644 blob ${blob}\t${String(index).padStart(8, '0')}\0`).join('')
  return gitText(context, checkout.worktree, ['mktree', '-z'], { checkout, write: true, input, config: durable })
}

async function replaceRefs(
  context: GitContext,
  checkout: Checkout,
  prefix: string,
  wanted: ReadonlyMap<string, string>,
): Promise<void> {
  const keepId = prefix.slice(keepPrefix.length, -1)
  const before = await readKeepRefs(context, checkout.worktree, keepId)
  const changes: RefChange[] = []
  for (const [ref, to] of wanted) if (before.get(ref) !== to) changes.push({ ref, to, from: before.get(ref) ?? null })
  for (const [ref, from] of before) if (!wanted.has(ref)) changes.push({ ref, to: null, from })
  await changeRefs(context, checkout.worktree, changes)
}
