// Brings one remote branch up to date: only the base's ref, no tags, nothing pruned, no FETCH_HEAD, bounded in time. Being
// offline is an answer, not an error: the run goes on with what is here and says how old it is.
import { CoppiceFailure, type FailureCode, fail, failureOf } from '../../model/failure.ts'
import { allValues, type ConfigEntry } from '../config-list.ts'
import { configOf, type GitContext, git, gitText } from '../exec.ts'
import { branchNameProblem } from '../refs/branch-name.ts'
import { changeRefs } from '../refs/refs.ts'
import { locateCheckout } from '../worktree/checkout.ts'
import { openNetworkDirectory, resolveRemote, targetName } from './network.ts'

export interface FetchOptions {
  readonly remote: string
  /** The branch's name on the remote: "main". */
  readonly branch: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** The address a person agreed to, where it is not simply the remote's URL. */
  readonly expectedUrl?: string
  /** git's own progress lines: "Receiving objects:  42% (50/118)". */
  readonly onProgress?: (line: string) => void
}

export type FetchResult =
  | {
      readonly fetched: true
      readonly reason?: undefined
      /** The remote-tracking ref that is now up to date. */
      readonly ref: string
      readonly before: string | null
      readonly after: string
    }
  | { readonly fetched: false; readonly reason: string; readonly code: FailureCode }

const inFlight = new Map<string, Promise<FetchResult>>()

/**
 * Fetches one branch; a second call for the same one meanwhile waits for the first. Throws `cancelled` and `git-missing` only:
 * all else is `fetched: false` with git's reason. Four git processes.
 */
export async function fetchRef(context: GitContext, directory: string, options: FetchOptions): Promise<FetchResult> {
  let key: string
  try {
    key = [locateCheckout(directory).commonDir, options.remote, options.branch].join('\0')
  } catch (error) {
    return notFetched(error)
  }
  for (;;) {
    if (options.signal?.aborted) throw fail('cancelled', { command: 'fetch' })
    const running = inFlight.get(key)
    if (!running) break
    const shared = await withAbort(running, options.signal)
    // The other caller's cancel is not ours.
    if (shared) return shared
  }
  const mine = fetchNow(context, directory, options)
  inFlight.set(key, mine)
  try {
    return await mine
  } catch (error) {
    return notFetched(error)
  } finally {
    inFlight.delete(key)
  }
}

async function fetchNow(context: GitContext, directory: string, options: FetchOptions): Promise<FetchResult> {
  const { remote, branch, signal } = options
  if (branchNameProblem(branch)) throw fail('base-not-found', { base: branch })
  const { commonDir } = locateCheckout(directory)
  const entries = await configOf(context, directory)
  const target = resolveRemote(entries, remote, {
    direction: 'fetch',
    trusted: context.trusted,
    expectedUrl: options.expectedUrl,
  })
  const ref = trackingRef(entries, remote, branch)
  const refs = await haves(context, directory)
  const before = refs.find(([, name]) => name === ref)?.[0] ?? null
  const repository = { commonDir, entries, remote }
  const network = openNetworkDirectory(context, repository, target, refs)
  try {
    const args = ['fetch', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--no-auto-maintenance']
    await git(
      context,
      network.directory,
      // --refmap= : only what is asked for is stored. A place of our own, so that nothing but the answer can be read there.
      [...args, '--progress', '--upload-pack=git-upload-pack', '--refmap='],
      {
        operands: [targetName, `+refs/heads/${branch}:${landing}`],
        network: true,
        write: true,
        variables: network.variables,
        timeoutMs: options.timeoutMs,
        signal,
        onStderr: progressLines(options.onProgress),
      },
    )
    const after = await gitText(context, network.directory, ['rev-parse', '--verify'], {
      revisions: [landing],
      variables: network.variables,
    })
    if (after !== before) await changeRefs(context, directory, [{ ref, from: before, to: after }])
    return { fetched: true, ref, before, after }
  } finally {
    network.close()
  }
}

const landing = 'refs/coppice/fetched'

/** What the fetch tells the other side that it need not send: every branch known here. */
async function haves(context: GitContext, directory: string): Promise<[string, string][]> {
  const format = '--format=%(objectname) %(refname)'
  const text = await gitText(context, directory, ['for-each-ref', format], { operands: ['refs/heads', 'refs/remotes'] })
  return text.split('\n').flatMap((line) => {
    const space = line.indexOf(' ')
    return space < 0 ? [] : [[line.slice(0, space), line.slice(space + 1)] as [string, string]]
  })
}

/** Where the repository keeps a remote's branch, by its fetch refspec; the usual place where no refspec says. */
export function trackingRef(entries: readonly ConfigEntry[], remote: string, branch: string): string {
  const source = `refs/heads/${branch}`
  for (const refspec of allValues(entries, `remote.${remote}.fetch`)) {
    const [from = '', to = ''] = refspec.replace(/^\+/, '').split(':')
    // Only into refs/remotes: a refspec that would move a local branch (a mirror's) is not followed.
    if (!to.startsWith('refs/remotes/')) continue
    if (from === source) return to
    const [head = '', tail] = from.split('*')
    if (tail === undefined || !source.startsWith(head) || !source.endsWith(tail)) continue
    const middle = source.slice(head.length, source.length - tail.length)
    return to.replace('*', () => middle)
  }
  return `refs/remotes/${remote}/${branch}`
}

/** Hands on git's progress line by line; it rewrites a line with a carriage return. */
export function progressLines(onProgress: ((line: string) => void) | undefined): (chunk: Buffer) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk.toString('utf8')).split(/[\r\n]/)
    rest = (lines.pop() ?? '').slice(-1000)
    for (const line of lines) if (line.trim() !== '') onProgress?.(line.slice(0, 300))
  }
}

function notFetched(error: unknown): FetchResult {
  const { code, detail } = failureOf(error)
  if (code === 'cancelled' || code === 'git-missing') throw error
  if (code === 'git-timeout') return { fetched: false, code, reason: `no answer in ${detail?.seconds} s` }
  return { fetched: false, code, reason: String(detail?.message ?? (error as Error).message) }
}

/** The other call's result; null where that call was cancelled. Throws `cancelled` at our own abort. */
async function withAbort(running: Promise<FetchResult>, signal: AbortSignal | undefined): Promise<FetchResult | null> {
  const abort = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(fail('cancelled', { command: 'fetch' })), { once: true })
  })
  const outcome = running.catch((error: unknown) => {
    if (error instanceof CoppiceFailure && error.failure.code === 'cancelled') return null
    return notFetched(error)
  })
  return signal ? Promise.race([outcome, abort]) : outcome
}
