// Publishes one commit on the run's own branch: an explicit refspec, never with force, never through a tracked upstream,
// to an address that was checked first. It never prompts, ends in bounded time, and can be repeated safely.
import { CoppiceFailure, type FailureDetail, fail } from '../../model/failure.ts'
import { configOf, type GitContext, type GitResult, git } from '../exec.ts'
import { branchNameProblem } from '../refs/branch-name.ts'
import { changeRefs, objectName, resolveCommit } from '../refs/refs.ts'
import { lastLines } from '../stderr.ts'
import { locateCheckout } from '../worktree/checkout.ts'
import { progressLines, trackingRef } from './fetch.ts'
import { openNetworkDirectory, resolveRemote, targetName } from './network.ts'

export interface PushOptions {
  readonly remote: string
  /** The full name of the commit to publish. */
  readonly sha: string
  /** The branch's name on the remote, without refs/heads/. */
  readonly branch: string
  /** Milliseconds for the whole push. Default 10 minutes: a first push of a large branch is slow, but it says so. */
  readonly timeoutMs?: number
  /** Milliseconds without a sign of life. Default 30 s: what hangs or asks for a password is ended by then. */
  readonly stallMs?: number
  readonly signal?: AbortSignal | undefined
  /** The address a person agreed to, where it is not simply the remote's URL. */
  readonly expectedUrl?: string
  readonly onProgress?: (line: string) => void
}

export interface PushResult {
  /** True where the remote had this commit on this branch already. */
  readonly already: boolean
  readonly url: string
  /** The remote-tracking ref that was brought up to date, or null where that did not work (the push did). */
  readonly trackingRef: string | null
  /** What git and the server said, in their own words: a summary, then the server's lines. */
  readonly said: readonly string[]
}

/**
 * Pushes. Throws `no-remote`, `remote-surprise`, `branch-name-invalid`, `base-not-found` (no such commit here), `push-refused`
 * (git's and the server's reason verbatim), `push-auth`, `push-timeout`, `cancelled`. Four git processes.
 */
export async function pushBranch(context: GitContext, worktree: string, options: PushOptions): Promise<PushResult> {
  const { remote, sha, branch } = options
  const problem = branchNameProblem(branch)
  if (problem) throw fail('branch-name-invalid', { branch, message: `a branch name ${problem}` })
  if (!objectName.test(sha)) throw fail('base-not-found', { base: sha.slice(0, 200) })
  const { commonDir } = locateCheckout(worktree)
  const entries = await configOf(context, worktree)
  const { trusted } = context
  const target = resolveRemote(entries, remote, { direction: 'push', trusted, expectedUrl: options.expectedUrl })
  await resolveCommit(context, worktree, sha)
  const network = openNetworkDirectory(context, { commonDir, entries, remote }, target)
  let result: GitResult
  try {
    const flags = [
      '--porcelain',
      '--progress',
      '--no-verify',
      '--no-follow-tags',
      '--no-signed',
      '--no-recurse-submodules',
    ]
    result = await pushAlive(context, network.directory, options, network.variables, [
      'push',
      ...flags,
      '--receive-pack=git-receive-pack',
    ])
  } catch (error) {
    throw pushFailure(error, options, target.ignored)
  } finally {
    network.close()
  }
  const line = refLine(result.stdout.toString('utf8'))
  if (line === null) throw pushFailure(null, options, target.ignored, lastLines(result.stderr))
  if (line.flag === '!') {
    throw fail('push-refused', { remote, branch, reason: line.summary, message: refusal(line.summary, result.stderr) })
  }
  const ref = trackingRef(entries, remote, branch)
  return {
    already: line.flag === '=',
    url: target.url,
    trackingRef: (await track(context, worktree, ref, sha)) ? ref : null,
    said: [line.summary, ...serverLines(result.stderr)].filter((text) => text !== ''),
  }
}

/** Runs the push; ends it where it has said nothing for too long. Exit 1 is an answer: the porcelain line says why. */
async function pushAlive(
  context: GitContext,
  directory: string,
  options: PushOptions,
  variables: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<GitResult> {
  const stallMs = options.stallMs ?? 30_000
  const stalled = new AbortController()
  let timer = setTimeout(() => stalled.abort(), stallMs)
  const alive = () => {
    clearTimeout(timer)
    timer = setTimeout(() => stalled.abort(), stallMs)
  }
  const lines = progressLines(options.onProgress)
  try {
    return await git(context, directory, args, {
      operands: [targetName, `${options.sha}:refs/heads/${options.branch}`],
      network: true,
      write: true,
      variables,
      exits: [1],
      timeoutMs: options.timeoutMs ?? 600_000,
      signal: options.signal ? AbortSignal.any([options.signal, stalled.signal]) : stalled.signal,
      onStdout: alive,
      onStderr: (chunk) => {
        alive()
        lines(chunk)
      },
    })
  } catch (error) {
    if (stalled.signal.aborted && !options.signal?.aborted) {
      throw fail('git-timeout', { command: 'push', seconds: Math.round(stallMs / 1000) }, { retryable: true })
    }
    throw error
  } finally {
    clearTimeout(timer)
  }
}

interface RefLine {
  readonly flag: string
  readonly summary: string
}

/** "<flag> TAB <from>:<to> TAB <summary>": the one line of --porcelain that is about our branch. */
export function refLine(stdout: string): RefLine | null {
  for (const line of stdout.split('\n')) {
    const match = /^([ +\-*!=])\t[^\t]*:refs\/heads\/[^\t]*\t(.*)$/.exec(line)
    if (match) return { flag: match[1]!, summary: match[2]! }
  }
  return null
}

/** git's own summary ("[rejected] (fetch first)"), then what the server said. */
const refusal = (summary: string, stderr: string): string => [summary, ...serverLines(stderr)].join('\n')

/** The last of the server's lines ("remote: …"), shortened. */
function serverLines(stderr: string): string[] {
  return stderr
    .split(/\r?\n|\r/)
    .filter((line) => line.startsWith('remote:'))
    .map((line) => line.replace(/^remote: ?/, '').trimEnd())
    .filter((line) => line !== '')
    .slice(-12)
    .map((line) => line.slice(0, 400))
}

function pushFailure(error: unknown, options: PushOptions, ignored: readonly string[], message?: string): unknown {
  const { remote, branch } = options
  if (error !== null && !(error instanceof CoppiceFailure)) return error
  const failure = error?.failure ?? {
    code: 'git-failed' as const,
    retryable: false,
    detail: { message: message ?? '' },
  }
  // What the repository's configuration says and is not listened to may be what was missing: it is named.
  const detail: FailureDetail = {
    ...failure.detail,
    remote,
    branch,
    ...(ignored.length > 0 ? { ignored: [...ignored] } : {}),
  }
  if (failure.code === 'git-timeout') return fail('push-timeout', detail, { retryable: true })
  if (failure.code === 'git-failed' && !detail.reason) return fail('push-refused', detail)
  return fail(failure.code, detail, { retryable: failure.retryable })
}

/** Notes what the remote has now, as a plain push would; a lost race there does not undo the push. */
async function track(context: GitContext, worktree: string, ref: string, sha: string): Promise<boolean> {
  try {
    const { stdout } = await git(context, worktree, ['for-each-ref', '--format=%(objectname) %(refname)'], {
      operands: [ref],
    })
    const line = stdout
      .toString('utf8')
      .split('\n')
      .find((text) => text.endsWith(` ${ref}`))
    const from = line?.split(' ')[0] ?? null
    if (from !== sha) await changeRefs(context, worktree, [{ ref, from, to: sha }])
    return true
  } catch {
    return false
  }
}
