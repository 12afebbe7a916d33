// Fetch and push in a git directory of our own (docs/decisions/0003): it has no hooks, its configuration is the person's and
// nothing of the repository's, its only remote is the address that was checked, and its objects are the repository's. So
// nothing an agent writes into the repository between the check and the command can change who is talked to, or how.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { readSmallFile } from '../../disk/files.ts'
import { fail } from '../../model/failure.ts'
import { hasControls } from '../../model/text/text.ts'
import { allValues, type ConfigEntry, isRepositoryScope, lastValue, splitKey, writeConfig } from '../config-list.ts'
import type { GitContext } from '../exec.ts'
import { redirects } from '../hardening.ts'

/** Where a remote really leads once every rewriting rule has been applied. */
export interface RemoteTarget {
  readonly url: string
  /** What the repository's own configuration says that is not listened to (keys), for the message of a failure. */
  readonly ignored: readonly string[]
}

export interface TargetOptions {
  readonly direction: 'fetch' | 'push'
  /** The repository is trusted: its rewriting rules and credentials count as the person's. */
  readonly trusted: boolean
  /** The address a person agreed to: with it, the remote must lead exactly there, and may do so in any way. */
  readonly expectedUrl?: string | undefined
}

interface Rule {
  readonly base: string
  readonly prefix: string
}

/**
 * Resolves a remote. Throws `no-remote`, and `remote-surprise` where it leads somewhere else than its URL and the person's
 * own rules say: a pushurl, several URLs, a rewriting rule in the repository's configuration, or not to `expectedUrl`.
 */
export function resolveRemote(entries: readonly ConfigEntry[], remote: string, options: TargetOptions): RemoteTarget {
  const urls = allValues(entries, `remote.${remote}.url`).filter((url) => url !== '')
  const first = urls[0]
  if (first === undefined) throw fail('no-remote', { remote })
  const persons = options.trusted ? entries : entries.filter((entry) => !isRepositoryScope(entry))
  const push = options.direction === 'push'
  const pushUrls = push ? allValues(entries, `remote.${remote}.pushurl`).filter((url) => url !== '') : []
  const plain = rewrite(first, persons, push)
  const actual = (pushUrls.length > 0 ? pushUrls : push ? urls : [first]).map((url) =>
    rewrite(url, entries, push && pushUrls.length === 0),
  )
  const wanted = options.expectedUrl ?? plain
  if (actual.length !== 1 || actual[0] !== wanted) {
    throw fail('remote-surprise', {
      remote,
      expected: wanted,
      actual: actual.join(' and '),
      message: `"${remote}" leads to ${actual.join(' and ')}, not to ${wanted}`,
    })
  }
  if (wanted.startsWith('-') || hasControls(wanted))
    throw fail('remote-surprise', { remote, expected: '', actual: actual.join(' and ') })
  const ignored = entries.filter((entry) => {
    const { section, name } = splitKey(entry.key)
    return !options.trusted && isRepositoryScope(entry) && redirects(section, name, entry.key)
  })
  return { url: wanted, ignored: [...new Set(ignored.map(({ key }) => key))] }
}

function rewrite(url: string, entries: readonly ConfigEntry[], push: boolean): string {
  const forPush = push ? longest(url, rules(entries, 'pushinsteadof')) : null
  const rule = forPush ?? longest(url, rules(entries, 'insteadof'))
  return rule === null ? url : rule.base + url.slice(rule.prefix.length)
}

function rules(entries: readonly ConfigEntry[], kind: string): Rule[] {
  return entries.flatMap(({ key, value }) => {
    const { section, subsection, name } = splitKey(key)
    return section === 'url' && name === kind && subsection !== null && value !== null
      ? [{ base: subsection, prefix: value }]
      : []
  })
}

// As git does: the longest prefix wins, of two equal ones the first.
function longest(url: string, all: readonly Rule[]): Rule | null {
  let best: Rule | null = null
  for (const rule of all) {
    if (url.startsWith(rule.prefix) && (best === null || rule.prefix.length > best.prefix.length)) best = rule
  }
  return best
}

/** A git directory for one fetch or push. `directory` is where the command runs: relative addresses count from there. */
export interface NetworkDirectory {
  readonly gitDir: string
  readonly directory: string
  readonly variables: Readonly<Record<string, string>>
  close(): void
}

/** The name by which the checked address is known in a network directory. */
export const targetName = 'target'

/**
 * Makes a network directory. `refs` (object name and full ref) are what a fetch tells the other side that it has.
 * Throws `permission-denied`, `no-space` and the like where the scratch directory cannot be written.
 */
export function openNetworkDirectory(
  context: GitContext,
  repository: { readonly commonDir: string; readonly entries: readonly ConfigEntry[]; readonly remote: string },
  target: RemoteTarget,
  refs: readonly (readonly [string, string])[] = [],
): NetworkDirectory {
  const { commonDir, entries, remote } = repository
  const gitDir = mkdtempSync(join(context.scratchDirectory ?? tmpdir(), 'coppice-git-'))
  try {
    mkdirSync(join(gitDir, 'refs'))
    mkdirSync(join(gitDir, 'objects'))
    write(join(gitDir, 'HEAD'), 'ref: refs/heads/none\n')
    write(join(gitDir, 'config'), writeConfig(ownConfig(entries, remote, target.url)))
    write(join(gitDir, 'person'), writeConfig(personsConfig(entries, context.trusted)))
    if (refs.length > 0) write(join(gitDir, 'packed-refs'), refs.map(([name, ref]) => `${name} ${ref}\n`).join(''))
    const shallow = readSmallFile(join(commonDir, 'shallow'))
    if (shallow) write(join(gitDir, 'shallow'), shallow)
  } catch (error) {
    rmSync(gitDir, { recursive: true, force: true })
    throw error
  }
  return {
    gitDir,
    directory: basename(commonDir) === '.git' ? dirname(commonDir) : commonDir,
    variables: {
      GIT_DIR: gitDir,
      GIT_OBJECT_DIRECTORY: join(commonDir, 'objects'),
      // A file and not variables: the other end of a local path is a child that reads it too (safe.directory).
      GIT_CONFIG_GLOBAL: join(gitDir, 'person'),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_COUNT: '0',
      ...sshVariables(context, entries),
    },
    close: () => rmSync(gitDir, { recursive: true, force: true }),
  }
}

/** What makes the objects readable, and the one remote. */
function ownConfig(entries: readonly ConfigEntry[], remote: string, url: string): ConfigEntry[] {
  const set = (key: string, value: string): ConfigEntry => ({ scope: 'local', key, value })
  const own = entries.filter(isRepositoryScope)
  const format = lastValue(own, 'extensions.objectformat')
  const promisor =
    lastValue(own, 'extensions.partialclone') === remote || lastValue(own, `remote.${remote}.promisor`) === 'true'
  const filter = lastValue(own, `remote.${remote}.partialclonefilter`)
  return [
    set('core.repositoryformatversion', format || promisor ? '1' : '0'),
    set('core.bare', 'true'),
    ...(format ? [set('extensions.objectformat', format)] : []),
    ...(promisor ? [set('extensions.partialclone', targetName), set(`remote.${targetName}.promisor`, 'true')] : []),
    ...(promisor && filter ? [set(`remote.${targetName}.partialclonefilter`, filter)] : []),
    set(`remote.${targetName}.url`, url),
  ]
}

/**
 * The person's configuration as it holds in this repository (their includeIf rules have been followed), without the rules
 * that rewrite addresses: the target is the result of these. A trusted repository's credentials and proxies count too.
 */
function personsConfig(entries: readonly ConfigEntry[], trusted: boolean): ConfigEntry[] {
  return entries.filter((entry) => {
    const { section, name } = splitKey(entry.key)
    if (section === 'url') return false
    if (!isRepositoryScope(entry)) return section !== 'remote' && section !== 'branch'
    return trusted && section !== 'remote' && redirects(section, name, entry.key)
  })
}

/** ssh without a question: not for a password, not for a new host key. A command of the person's own is used as it is. */
function sshVariables(context: GitContext, entries: readonly ConfigEntry[]): Record<string, string> {
  const { environment, trusted } = context
  if (environment.GIT_SSH_COMMAND !== undefined || environment.GIT_SSH !== undefined) return {}
  const theirs = trusted ? entries : entries.filter((entry) => !isRepositoryScope(entry))
  return lastValue(theirs, 'core.sshcommand') === undefined ? { GIT_SSH_COMMAND: 'ssh -o BatchMode=yes' } : {}
}

function write(path: string, content: string | Uint8Array): void {
  writeFileSync(path, content, { mode: 0o600, flag: 'wx' })
}
