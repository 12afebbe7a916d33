// What a repository is, read once when a person adds it and again before a run is made: where its main checkout and common
// directory are, its remotes, and what a run would start from. Changes nothing.
import { realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { exists, isMissing } from '../disk/files.ts'
import { CoppiceFailure, fail } from '../model/failure.ts'
import { allValues, type ConfigEntry, lastValue, splitKey } from './config-list.ts'
import { configOf, type GitContext, git, gitText } from './exec.ts'
import { type SharedSettings, sharedSettings } from './shared-config.ts'
import { locateCheckout, realOrNull } from './worktree/checkout.ts'

export interface RemoteName {
  readonly name: string
  /** As written in the configuration, before any rewriting. */
  readonly url: string
}

export interface DefaultBase {
  /** A full ref, or HEAD where that is detached. */
  readonly ref: string
  /** The remote says so; a usual name exists there; or only what is checked out is known. */
  readonly source: 'remote-head' | 'guess' | 'head'
}

export interface InspectedRepository {
  /** The main checkout. */
  readonly topLevel: string
  /** The identity of the repository: its common git directory, as a real path. */
  readonly commonDir: string
  readonly bare: boolean
  readonly hasCommits: boolean
  readonly defaultRemote: string | null
  readonly remotes: readonly RemoteName[]
  /** The branch of the main checkout, also where it has no commit yet; null where HEAD is detached. */
  readonly headBranch: string | null
  readonly defaultBase: DefaultBase | null
  /** What its shared configuration says of how git works in every checkout. */
  readonly settings: SharedSettings
}

export interface InspectOptions {
  /** What is given back as a value instead of thrown. */
  readonly accept?: readonly ('bare-repository' | 'no-commits')[]
}

/**
 * Reads the repository that `path` is or lies in; a linked worktree or a folder leads to the main checkout. Five git processes.
 * Throws `not-a-repository`, `permission-denied`, `repository-unavailable`, and, unless accepted, `bare-repository` and
 * `no-commits`.
 */
export async function inspectRepository(
  context: GitContext,
  path: string,
  options: InspectOptions = {},
): Promise<InspectedRepository> {
  const start = directoryAt(path)
  const { bare, commonDir } = await findCommonDir(context, start)
  const entries = await configOf(context, start)
  const topLevel = bare ? commonDir : await findMainCheckout(context, start, commonDir, entries)
  if (topLevel === null || bare) {
    if (!options.accept?.includes('bare-repository')) {
      // With an index it has a checkout: what a bare one says of itself here, somebody has set by mistake.
      const turned = bare && basename(commonDir) === '.git' && exists(join(commonDir, 'index'))
      throw fail('bare-repository', turned ? { path: dirname(commonDir), reason: 'core.bare' } : { path: commonDir })
    }
  }
  const main = topLevel ?? commonDir
  const remotes = remotesOf(entries)
  const head = await gitText(context, main, ['symbolic-ref', '--quiet'], { operands: ['HEAD'], exits: [1] })
  const headBranch = head.startsWith('refs/heads/') ? head.slice('refs/heads/'.length) : null
  const defaultRemote = chooseRemote(entries, remotes, headBranch)
  const refs = await listRefs(context, main)
  const hasCommits = refs.size > 0 || (head === '' && (await hasHead(context, main)))
  if (!hasCommits && !options.accept?.includes('no-commits')) throw fail('no-commits', { path: main })
  return {
    topLevel: main,
    commonDir,
    bare: bare || topLevel === null,
    hasCommits,
    defaultRemote,
    remotes,
    headBranch,
    settings: sharedSettings(entries),
    defaultBase: hasCommits ? chooseBase(refs, defaultRemote, head) : null,
  }
}

/** The remotes that have a URL, in the order of the configuration. */
export function remotesOf(entries: readonly ConfigEntry[]): RemoteName[] {
  const names = new Set<string>()
  for (const { key, value } of entries) {
    const { section, subsection, name } = splitKey(key)
    if (section === 'remote' && subsection !== null && name === 'url' && value) names.add(subsection)
  }
  return [...names].map((name) => ({ name, url: allValues(entries, `remote.${name}.url`)[0]! }))
}

function directoryAt(path: string): string {
  try {
    const real = realpathSync(resolve(path))
    if (!statSync(real).isDirectory()) throw fail('not-a-repository', { path, message: `${path} is a file` })
    return real
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (isMissing(error)) throw fail('repository-unavailable', { path, message: `there is nothing at ${path}` })
    if (code === 'EACCES' || code === 'EPERM') throw fail('permission-denied', { path })
    throw error
  }
}

async function findCommonDir(context: GitContext, start: string): Promise<{ bare: boolean; commonDir: string }> {
  try {
    // One path, and last: a path may hold newlines, and rev-parse has no -z.
    const text = await gitText(context, start, [
      'rev-parse',
      '--is-bare-repository',
      '--path-format=absolute',
      '--git-common-dir',
    ])
    const end = text.indexOf('\n')
    return { bare: text.slice(0, end) === 'true', commonDir: realpathSync(text.slice(end + 1)) }
  } catch (error) {
    // git says "not a git repository" of a .git that it may not read.
    if (error instanceof CoppiceFailure && error.failure.code === 'not-a-repository' && !readable(`${start}/.git`)) {
      throw fail('permission-denied', { path: start })
    }
    throw error
  }
}

function readable(path: string): boolean {
  try {
    statSync(`${path}/HEAD`)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EACCES'
  }
}

/** The main checkout of a repository, or null where it has none (a bare one with linked worktrees). */
async function findMainCheckout(
  context: GitContext,
  start: string,
  commonDir: string,
  entries: readonly ConfigEntry[],
): Promise<string | null> {
  const beside = basename(commonDir) === '.git' ? dirname(commonDir) : null
  if (beside !== null && belongsTo(beside, commonDir)) return beside
  // A submodule, or a clone with a git directory of its own elsewhere: git knows the work tree by core.worktree or by
  // discovery. What it says is believed only where that directory's .git leads back here.
  const inside = await git(context, start, ['rev-parse', '--show-toplevel'], { exits: [128] })
  const found = inside.code === 0 ? inside.stdout.toString('utf8').replace(/\n$/, '') : null
  const configured = lastValue(entries, 'core.worktree')
  for (const candidate of [found, configured && resolve(commonDir, configured)]) {
    if (candidate && belongsTo(candidate, commonDir)) return realpathSync(candidate)
  }
  return null
}

function belongsTo(directory: string, commonDir: string): boolean {
  try {
    const checkout = locateCheckout(directory)
    return checkout.id === null && checkout.commonDir === realOrNull(commonDir)
  } catch {
    return false
  }
}

function chooseRemote(
  entries: readonly ConfigEntry[],
  remotes: readonly RemoteName[],
  headBranch: string | null,
): string | null {
  const tracked = headBranch === null ? undefined : lastValue(entries, `branch.${headBranch}.remote`)
  for (const wanted of [tracked, 'origin']) {
    if (remotes.some(({ name }) => name === wanted)) return wanted ?? null
  }
  return remotes.length === 1 ? remotes[0]!.name : null
}

/** Every branch, local and remote, with what it is a symbolic ref to ("" for none). */
async function listRefs(context: GitContext, directory: string): Promise<ReadonlyMap<string, string>> {
  const format = '--format=%(refname)%00%(symref)'
  const text = await gitText(context, directory, ['for-each-ref', format], { operands: ['refs/heads', 'refs/remotes'] })
  return new Map(text.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\0', 2) as [string, string]])))
}

async function hasHead(context: GitContext, directory: string): Promise<boolean> {
  const { code } = await git(context, directory, ['rev-parse', '--verify', '--quiet'], {
    revisions: ['HEAD^{commit}'],
    exits: [1],
  })
  return code === 0
}

function chooseBase(refs: ReadonlyMap<string, string>, remote: string | null, head: string): DefaultBase | null {
  if (remote !== null) {
    const named = refs.get(`refs/remotes/${remote}/HEAD`)
    if (named && refs.has(named)) return { ref: named, source: 'remote-head' }
    const usual = ['main', 'master', head.replace(/^refs\/heads\//, ''), 'trunk', 'develop']
    const guess = usual.map((name) => `refs/remotes/${remote}/${name}`).find((ref) => refs.has(ref))
    if (guess) return { ref: guess, source: 'guess' }
  }
  if (head === '') return { ref: 'HEAD', source: 'head' }
  if (refs.has(head)) return { ref: head, source: 'head' }
  const other = [...refs.keys()].find((ref) => !ref.endsWith('/HEAD'))
  return other ? { ref: other, source: 'guess' } : null
}
