// Publishes a run: its own branch, with an explicit refspec, never with force, never through a tracked upstream; then a pull
// request titled "[agent] <id>". Both are safe to repeat.
import { comparePage } from '../../forge/compare-page.ts'
import { forgeOf } from '../../forge/forges.ts'
import { forgeUrl } from '../../forge/remote-url.ts'
import { withRealHost } from '../../forge/ssh-host.ts'
import type { GitContext } from '../../git/exec.ts'
import { commitSubjects, headAway } from '../../git/refs/branches.ts'
import { resolveCommit } from '../../git/refs/refs.ts'
import { pushBranch } from '../../git/remote/push.ts'
import { fail, failureOf } from '../../model/failure.ts'
import type { Repository } from '../../model/repository.ts'
import type { Run } from '../../model/run.ts'
import { shellWord } from '../../model/shell-word.ts'
import { aloneUntilStopped, type Caller, type Context, record, repositoryOf, runOf } from '../context.ts'
import { inspectPresent, remoteBranchOf } from '../repositories.ts'
import { placeToPublish } from './place.ts'

export interface Pushed {
  readonly remote: string
  readonly ref: string
  readonly sha: string
  readonly already: boolean
}

/** Pushes the commit at the tip of the run's own branch. Failures: `no-remote`, `nothing-to-push`, `push-*`, `remote-surprise`. */
export async function pushRun(context: Context, caller: Caller, input: { runId: string }): Promise<Pushed> {
  return aloneUntilStopped(context, input.runId, async (own) => {
    const { url: _address, ...pushed } = await push(own, caller, input.runId)
    return pushed
  })
}

/** `url` is where the push really went. */
async function push(context: Context, caller: Caller, runId: string): Promise<Pushed & { readonly url: string }> {
  const run = runOf(context, runId)
  const { branch, worktree } = await placeToPublish(context, run)
  const repository = repositoryOf(context, run.repositoryId)
  const found = await inspectPresent(context, repository)
  const remote = remoteFor(run, found)
  if (!remote) throw fail('no-remote', { repository: repository.name })
  refuseSurprise(repository, found.remotes, remote)
  const git = await context.git(repository)
  await refuseHeadElsewhere(git, worktree, branch)
  const sha = await resolveCommit(git, worktree, `refs/heads/${branch}`)
  const ref = `refs/heads/${branch}`
  if (run.delivery.state === 'local' && sha === run.baseCommit) throw fail('nothing-to-push', { branch })
  record(context, caller, { type: 'intended', runId, intent: { kind: 'push', remote, ref, sha } })
  try {
    const result = await pushBranch(git, worktree, { remote, sha, branch })
    record(context, caller, {
      type: 'push-ended',
      runId,
      failure: null,
      said: [...result.said],
      delivery: {
        ...run.delivery,
        state: run.delivery.state === 'local' ? 'pushed' : run.delivery.state,
        remote,
        ref,
        sha,
        pushedAt: context.now(),
      },
    })
    context.observer.soon(runId)
    return { remote, ref, sha, already: result.already, url: result.url }
  } catch (error) {
    record(context, caller, { type: 'push-ended', runId, delivery: null, failure: failureOf(error) })
    throw error
  }
}

/** An agent may have left its branch: what only HEAD has would stay behind while the push says that it worked. */
async function refuseHeadElsewhere(git: GitContext, worktree: string, branch: string): Promise<void> {
  const away = await headAway(git, worktree, branch)
  if (away === null) return
  const { head, commits, ahead } = away
  const name = head ?? 'no branch (a detached HEAD)'
  const at = `git -C ${shellWord(worktree)}`
  const own = shellWord(branch)
  if (commits === null) {
    const command = head === null ? `${at} switch -c ${own}` : `${at} branch -m ${own}`
    throw fail('head-elsewhere', { head: name, branch, command, message: `${branch} does not exist any more` })
  }
  const has = `HEAD has ${commits} ${commits === 1 ? 'commit' : 'commits'} that ${branch} does not have`
  // What the branch alone has must not be lost by moving it.
  const command =
    ahead === 0 ? `${at} switch -C ${own}` : `${at} switch ${own} && ${at} merge ${shellWord(head ?? '@{-1}')}`
  throw fail('head-elsewhere', { head: name, branch, command, message: has })
}

/** An agent can write the repository's configuration: a remote that is new, or leads elsewhere, since the person added it is not pushed to. */
function refuseSurprise(
  repository: Repository,
  now: readonly { readonly name: string; readonly url: string }[],
  remote: string,
): void {
  const agreed = repository.remotes.find(({ name }) => name === remote)?.url
  const actual = now.find(({ name }) => name === remote)?.url
  if (agreed !== undefined && agreed === actual) return
  throw fail('remote-surprise', {
    remote,
    ...(agreed === undefined ? {} : { expected: agreed }),
    actual: actual ?? '(nothing)',
    reason: 'not-agreed',
    path: repository.path,
    message:
      agreed === undefined
        ? 'it did not exist when the repository was added'
        : 'its address has changed since the repository was added',
  })
}

/** Pushes where that is needed, then opens the pull request by the remote's forge or gives the compare page, filled in. */
export async function openPullRequest(
  whole: Context,
  caller: Caller,
  input: { runId: string },
): Promise<{ url: string; opened: boolean }> {
  return aloneUntilStopped(whole, input.runId, async (context, signal) => {
    const run = runOf(context, input.runId)
    const { branch, worktree } = await placeToPublish(context, run)
    const repository = repositoryOf(context, run.repositoryId)
    const found = await inspectPresent(context, repository)
    const target = found.defaultBase && remoteBranchOf(found.defaultBase.ref, found.remotes)?.branch
    if (run.inPlace && branch === target)
      throw fail('unsupported', {
        message: `${worktree} is on ${branch}, which pull requests go to: run "git switch -c NAME" there, commit, then try again`,
      })
    const pushed = await push(context, caller, input.runId)
    const written = found.remotes.find((remote) => remote.name === pushed.remote)?.url ?? ''
    const environment = await context.environment()
    const remoteUrl = await withRealHost(forgeUrl(pushed.url, written), worktree, environment)
    const base = run.resolvedBase ? (remoteBranchOf(run.resolvedBase, found.remotes)?.branch ?? null) : null
    const body = await bodyOf(context, run, worktree, branch)
    const draft = { remoteUrl, branch, base, title: `[agent] ${run.id}`, body }
    const place = { directory: worktree, environment, signal }
    const answer = await forgeOf(remoteUrl)?.openPullRequest(place, draft)
    if (signal.aborted) throw fail('cancelled', { reason: 'stopped', message: 'the run was stopped' })
    if (answer?.kind === 'refused') throw fail('pr-failed', { message: answer.message })
    if (answer && answer.kind !== 'unavailable') {
      record(context, caller, { type: 'pull-request-opened', runId: run.id, url: answer.url })
      return { url: answer.url, opened: true }
    }
    const page = comparePage(draft)
    if (!page)
      throw fail('pr-failed', {
        message: `the remote ${pushed.remote} is not on a forge that has pull requests`,
        reason: 'no-forge',
      })
    return { url: page, opened: false }
  })
}

async function bodyOf(context: Context, run: Run, worktree: string, branch: string): Promise<string> {
  const git = await context.git(repositoryOf(context, run.repositoryId))
  const subjects = run.baseCommit ? await commitSubjects(git, worktree, run.baseCommit, 50) : []
  const prompt = run.prompt?.head.trim()
  return [
    ...(prompt ? ['**Asked for**', '', ...prompt.split('\n').map((line) => `> ${line}`), ''] : []),
    ...(subjects.length > 0 ? ['**Commits**', '', ...subjects.map((subject) => `- ${subject}`), ''] : []),
    `Branch \`${branch}\`, made by ${run.agent}.`,
  ].join('\n')
}

function remoteFor(
  run: Run,
  found: { readonly defaultRemote: string | null; readonly remotes: readonly { readonly name: string }[] },
): string | null {
  const named = run.resolvedBase ? remoteBranchOf(run.resolvedBase, found.remotes)?.remote : undefined
  return run.delivery.remote ?? named ?? found.defaultRemote
}
