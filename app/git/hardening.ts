// What makes it safe to run git in a repository whose configuration an agent can write (docs/decisions/0003). It promises that
// no program which the repository names is started: fixed keys are overridden on the command line, filters and drivers by
// their names, and everything else that reaches git through the environment is left out. It runs git only to list the config.
import { join } from 'node:path'
import { readSmallFile } from '../disk/files.ts'
import { fail } from '../model/failure.ts'
import { type ConfigEntry, isRepositoryScope, lastValue, splitKey } from './config-list.ts'
import type { Checkout } from './worktree/checkout.ts'

/** Keys with fixed names that start a program, reach the network or change what a command touches, each with its inert value. */
const fixedConfig: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.pager=cat',
  'core.editor=false',
  'sequence.editor=false',
  // A shell command that lists refs of the object stores a repository borrows from; `true` lists none.
  'core.alternateRefsCommand=true',
  'core.quotePath=false',
  'commit.gpgSign=false',
  'tag.gpgSign=false',
  'tag.forceSignAnnotated=false',
  'push.gpgSign=false',
  'log.showSignature=false',
  'merge.verifySignatures=false',
  'gpg.program=false',
  'gpg.openpgp.program=false',
  'gpg.x509.program=false',
  'gpg.ssh.program=false',
  'gpg.ssh.defaultKeyCommand=false',
  // git descends into a submodule with that submodule's own filters, which are not known here.
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'push.recurseSubmodules=no',
  'diff.ignoreSubmodules=dirty',
  'gc.auto=0',
  'maintenance.auto=false',
  'fetch.prune=false',
  'fetch.pruneTags=false',
  'transfer.bundleURI=false',
  'branch.autoSetupMerge=false',
  'worktree.guessRemote=false',
  'core.logAllRefUpdates=true',
  'color.ui=false',
  'credential.interactive=false',
]

export const fixedArguments: readonly string[] = ['--no-pager', ...fixedConfig.flatMap((pair) => ['-c', pair])]

/** Commands that show content: each takes these two, and ignores what the repository says about showing it. */
const showing = new Set(['diff', 'diff-files', 'diff-index', 'diff-tree', 'log', 'show'])

/** The arguments that go right after a subcommand. */
export function argumentsAfter(subcommand: string): readonly string[] {
  return showing.has(subcommand) ? ['--no-ext-diff', '--no-textconv'] : []
}

/**
 * Commands that read no content of a checkout, so that no filter can run. All others must name the checkout they work in,
 * which pins its git directory and its work tree (core.worktree and a changed `.git` file lead nowhere then).
 */
const unpinned = new Set([
  'version',
  'rev-parse',
  'rev-list',
  'merge-base',
  'for-each-ref',
  'update-ref',
  'symbolic-ref',
  'cat-file',
  'ls-tree',
  'mktree',
  'log',
  'config',
  'worktree',
  'check-ref-format',
  // A new repository has no configuration that could name a program.
  'init',
  'fetch',
  'push',
])

export function mayRunUnpinned(subcommand: string): boolean {
  return unpinned.has(subcommand)
}

// What the person may set for git in the environment of their login shell. Every other GIT_ variable (GIT_DIR,
// GIT_INDEX_FILE, GIT_EXTERNAL_DIFF, GIT_TRACE …) is left out.
const keptVariables =
  /^GIT_(SSL_\w+|SSH|SSH_COMMAND|SSH_VARIANT|HTTP_\w+|CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|(KEY|VALUE)_\d+)|EXEC_PATH|(AUTHOR|COMMITTER)_(NAME|EMAIL)|LFS_\w+|DISCOVERY_ACROSS_FILESYSTEM)$/

/** Protocols that git itself speaks. Left out: ext::, fd:: and every other helper that a URL can name. */
export const allowedProtocols = 'file:git:http:https:ssh'

/** The environment of every git: C locale, no prompt of any kind, no network unless asked for. */
export function gitEnvironment(
  base: Readonly<Record<string, string>>,
  options: { readonly write: boolean; readonly protocols: string },
): Record<string, string> {
  const kept = Object.entries(base).filter(([name]) => !name.startsWith('GIT_') || keptVariables.test(name))
  return {
    ...Object.fromEntries(kept),
    LC_ALL: 'C',
    LANGUAGE: 'C',
    GIT_TERMINAL_PROMPT: '0',
    // Empty is "set, and to nothing": neither core.askPass nor SSH_ASKPASS is looked at.
    GIT_ASKPASS: '',
    SSH_ASKPASS: '',
    SSH_ASKPASS_REQUIRE: 'never',
    GCM_INTERACTIVE: 'never',
    GIT_ALLOW_PROTOCOL: options.protocols,
    GIT_ADVICE: '0',
    ...(options.write ? {} : { GIT_OPTIONAL_LOCKS: '0', GIT_NO_LAZY_FETCH: '1' }),
  }
}

/** Adds configuration by environment, where any key can be said (with -c a key ends at its first "="). */
export function withConfig(environment: Record<string, string>, pairs: readonly (readonly [string, string])[]): void {
  let count = Number(environment.GIT_CONFIG_COUNT ?? 0)
  for (const [key, value] of pairs) {
    environment[`GIT_CONFIG_KEY_${count}`] = key
    environment[`GIT_CONFIG_VALUE_${count}`] = value
    count++
  }
  if (count > 0) environment.GIT_CONFIG_COUNT = String(count)
}

/** What the repository's own configuration needs before git may work in one of its checkouts. */
export interface Neutralised {
  readonly config: readonly (readonly [string, string])[]
  /** Whether a partial clone may fetch what it lacks: never where the repository redirects how it would be fetched. */
  readonly lazyFetch: boolean
}

const nothing: Neutralised = { config: [], lazyFetch: false }

// A section or a name that matters contains one of these words, whatever its case; nothing in git's syntax can spell it
// otherwise (escapes exist in values and subsections only). Without one, no git is started to list the configuration.
const tellingWords = /filter|driver|hook|include|partialclone|promisor/i
const maxNames = 500

// The person's own configuration counts too (a filter of theirs that the repository names again), and its files are not known here.
const keptForMs = 30_000
const known = new Map<string, { readonly text: string; readonly answer: Neutralised; readonly until: number }>()

/**
 * Reads the configuration files of a checkout and says what must be overridden. `list` runs `git config --list` there; it is
 * called only where a telling word occurs, and its answer is kept for half a minute while the files' bytes stay the same.
 * Throws `state-unknown` where a name cannot be overridden (not UTF-8) or there are too many.
 */
export async function neutralise(
  checkout: Checkout,
  trusted: boolean,
  list: () => Promise<readonly ConfigEntry[]>,
): Promise<Neutralised> {
  const text = configText(checkout)
  if (!tellingWords.test(text)) return nothing
  const key = `${trusted}\0${checkout.adminDir}`
  const kept = known.get(key)
  if (kept?.text === text && performance.now() < kept.until) return kept.answer
  const answer = judge(await list(), trusted)
  // What an include names can change without a change here.
  if (!/include/i.test(text)) known.set(key, { text, answer, until: performance.now() + keptForMs })
  return answer
}

function configText(checkout: Checkout): string {
  const files = new Set([
    join(checkout.commonDir, 'config'),
    join(checkout.commonDir, 'config.worktree'),
    join(checkout.adminDir, 'config.worktree'),
  ])
  return [...files].map((file) => readSmallFile(file)?.toString('latin1') ?? '').join('\0')
}

function judge(entries: readonly ConfigEntry[], trusted: boolean): Neutralised {
  const own = entries.filter(isRepositoryScope)
  const persons = entries.filter((entry) => !isRepositoryScope(entry))
  const pairs: [string, string][] = []
  let redirected = false
  let partial = false
  for (const { key } of own) {
    const { section, subsection, name } = splitKey(key)
    if (key === 'extensions.partialclone' || (section === 'remote' && name === 'promisor')) partial = true
    if (redirects(section, name, key)) redirected = true
    if (trusted || subsection === null) continue
    if (section === 'filter') {
      // A filter of the person's of that name stays as they wrote it; only what the repository adds to it goes. (An empty
      // `process` switches clean and smudge off too: where only the repository names one, the filter is off as a whole.)
      const theirs = persons.some((entry) => entry.key.startsWith(`filter.${subsection}.`))
      for (const part of theirs ? [name] : ['clean', 'smudge', 'process', 'required']) {
        const neutral = part === 'required' ? 'false' : ''
        pairs.push([`filter.${subsection}.${part}`, lastValue(persons, `filter.${subsection}.${part}`) ?? neutral])
      }
    }
    // An empty driver would take one side in silence; `false` fails, which git reports as a conflict.
    if (section === 'merge' && name === 'driver') pairs.push([key, lastValue(persons, key) ?? 'false'])
    // Hooks named in the configuration, of git 2.54 and newer.
    if (section === 'hook') pairs.push([`hook.${subsection}.enabled`, 'false'], [`hook.${subsection}.command`, 'true'])
  }
  const unique = [...new Map(pairs)]
  if (unique.length > maxNames) throw refuse(`it names more than ${maxNames} filters and drivers`)
  for (const [key] of unique) {
    if (key.includes('\ufffd')) throw refuse('a filter or driver in it has a name that is not UTF-8')
  }
  return { config: unique, lazyFetch: partial && (trusted || !redirected) }
}

/** Keys that change whom git talks to, through what, or with which credentials. */
export function redirects(section: string, name: string, key: string): boolean {
  if (section === 'http' || section === 'credential' || section === 'url' || section === 'ssh') return true
  if (section === 'remote') return ['vcs', 'uploadpack', 'receivepack', 'proxy', 'proxyauthmethod'].includes(name)
  return key === 'core.sshcommand' || key === 'core.gitproxy' || key === 'core.askpass' || key === 'protocol.allow'
}

function refuse(why: string) {
  return fail('state-unknown', { reason: 'config', message: `the repository's configuration is refused: ${why}` })
}
