// Commits what a checkout holds, as the person who uses it: their name, their signature. No hook runs, as in everything that Coppice
// does with git.
import { fail } from '../model/failure.ts'
import { isRepositoryScope, lastValue } from './config-list.ts'
import { configOf, type GitContext, git, gitText } from './exec.ts'
import { notOnRemotes } from './refs/refs.ts'
import { statusOf } from './status.ts'
import { locateCheckout } from './worktree/checkout.ts'

export interface CommitOptions {
  readonly message: string
  /** Takes the place of the last commit, which no remote may have. */
  readonly amend?: boolean
  readonly signal?: AbortSignal | undefined
}

/** What else of the person's own configuration says how a commit is signed. The repository's is not followed: an agent can write it. */
const otherKeys = ['user.signingkey', 'gpg.format', 'gpg.ssh.defaultkeycommand']

/**
 * Stages everything that is not ignored, and commits it. Throws `nothing-to-commit` for a clean checkout (an amend may change the
 * message alone), `operation-in-progress` for one with conflicts or in the middle of a merge, rebase or the like, `already-pushed`
 * for an amend of what a remote has, and `git-failed` with git's own words: no name, no key. Five git processes.
 */
export async function commitAll(
  context: GitContext,
  worktree: string,
  options: CommitOptions,
): Promise<{ readonly sha: string; readonly files: number }> {
  const checkout = locateCheckout(worktree)
  const status = await statusOf(context, checkout)
  const files = status.staged + status.unstaged + status.untracked
  if (status.conflicted > 0 || status.operation !== null)
    throw fail('operation-in-progress', { what: status.operation ?? 'merge', count: status.conflicted, path: worktree })
  if (files === 0 && !options.amend) throw fail('nothing-to-commit', { path: worktree })
  if (options.amend) await refuseAmendOfPushed(context, worktree, status.commit)
  const common = { checkout, write: true, ...(options.signal ? { signal: options.signal } : {}) }
  await git(context, worktree, ['add', '--all'], common)
  const signing = await signingOf(context, worktree)
  const flags = ['--quiet', '--no-verify', '--no-status', '--cleanup=strip', '--file=-']
  if (options.amend) flags.push('--amend')
  await git(context, worktree, ['commit', ...flags, ...(signing ? ['--gpg-sign'] : ['--no-gpg-sign'])], {
    ...common,
    input: options.message,
    ...(signing ? { overrides: signing } : {}),
  })
  return { sha: await gitText(context, worktree, ['rev-parse', '--verify'], { revisions: ['HEAD'] }), files }
}

async function refuseAmendOfPushed(context: GitContext, worktree: string, head: string | null): Promise<void> {
  if (head === null) throw fail('nothing-to-commit', { path: worktree })
  const unpushed = await gitText(context, worktree, ['rev-list', '--max-count=1', ...notOnRemotes], {
    revisions: [head],
  })
  if (unpushed !== head) throw fail('already-pushed', { path: worktree, id: head.slice(0, 10) })
}

/** The person's own settings for a signature, or null where they sign nothing. Said again because hardening switches all programs off. */
async function signingOf(
  context: GitContext,
  worktree: string,
): Promise<readonly (readonly [string, string])[] | null> {
  const persons = (await configOf(context, worktree)).filter((entry) => !isRepositoryScope(entry))
  const wanted = lastValue(persons, 'commit.gpgsign')
  if (wanted === undefined || /^(false|no|off|0)$/i.test(wanted)) return null
  const own = (key: string) => lastValue(persons, key)
  const programs: [string, string][] = [
    // Two names of one setting: the last one counts, so both say the same.
    ['gpg.program', own('gpg.openpgp.program') ?? own('gpg.program') ?? 'gpg'],
    ['gpg.openpgp.program', own('gpg.openpgp.program') ?? own('gpg.program') ?? 'gpg'],
    ['gpg.x509.program', own('gpg.x509.program') ?? 'gpgsm'],
    ['gpg.ssh.program', own('gpg.ssh.program') ?? 'ssh-keygen'],
  ]
  const rest = otherKeys.flatMap((key): [string, string][] => {
    const value = own(key)
    return value === undefined ? [] : [[key, value]]
  })
  return [...programs, ...rest]
}
