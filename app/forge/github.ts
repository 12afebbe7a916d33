// Pull requests, thinly: by `gh` where it is installed and logged in, else the forge's compare page, filled in, for the person
// to send. A title and a body are data: argv only, URL-encoded.
import { runProgram } from '../process/run-program.ts'

export interface PullRequestDraft {
  /** The remote's URL as git has it (https, ssh or scp-like). */
  readonly remoteUrl: string
  readonly branch: string
  /** The branch to merge into, without a remote's name; null: the forge's default. */
  readonly base: string | null
  readonly title: string
  readonly body: string
}

export interface ForgeAddress {
  readonly host: string
  /** "owner/name", or longer on GitLab. */
  readonly path: string
}

/** Host and path of a remote's URL, or null where it is a local path or none that a browser could open. */
export function parseRemoteUrl(url: string): ForgeAddress | null {
  const scp = /^(?:[^@/\s]+@)?([A-Za-z0-9.-]+):(?!\/\/)(.+)$/.exec(url)
  const match = scp ?? /^(?:https?|ssh|git):\/\/(?:[^@/\s]+@)?([A-Za-z0-9.-]+)(?::\d+)?\/(.+)$/.exec(url)
  const host = match?.[1]
  const path = match?.[2]?.replace(/\/+$/, '').replace(/\.git$/, '')
  // A one-letter host is a drive (C:\…), not a forge.
  return host && path && host.length > 1 && path.includes('/') ? { host, path } : null
}

/**
 * Of a remote's address as the person's rules lead it and as it is written, the one that names the forge: behind a shorthand
 * ("gh:acme/shop") stands its address, and a copy on this disk is still the forge's.
 */
export const forgeUrl = (resolved: string, written: string): string => (parseRemoteUrl(resolved) ? resolved : written)

/** The page on which the person only has to press Create, or null where the remote is no forge that we know how to address. */
export function comparePage(draft: PullRequestDraft): string | null {
  const address = parseRemoteUrl(draft.remoteUrl)
  if (!address) return null
  const path = address.path.split('/').map(encodeURIComponent).join('/')
  const branch = draft.branch.split('/').map(encodeURIComponent).join('/')
  if (address.host.includes('gitlab')) {
    const query = new URLSearchParams({
      'merge_request[source_branch]': draft.branch,
      ...(draft.base ? { 'merge_request[target_branch]': draft.base } : {}),
      'merge_request[title]': draft.title,
      'merge_request[description]': draft.body,
    })
    return `https://${address.host}/${path}/-/merge_requests/new?${query}`
  }
  if (address.host.includes('bitbucket')) {
    const query = new URLSearchParams({
      source: draft.branch,
      ...(draft.base ? { dest: draft.base } : {}),
      title: draft.title,
    })
    return `https://${address.host}/${path}/pull-requests/new?${query}`
  }
  const query = new URLSearchParams({ expand: '1', title: draft.title, body: draft.body })
  const base = draft.base ? `${draft.base.split('/').map(encodeURIComponent).join('/')}...` : ''
  return `https://${address.host}/${path}/compare/${base}${branch}?${query}`
}

export type GhAnswer =
  | { readonly kind: 'opened' | 'existing'; readonly url: string }
  /** gh is absent, not logged in, or does not serve this host: the compare page is the way. */
  | { readonly kind: 'unavailable'; readonly why: string }
  | { readonly kind: 'refused'; readonly message: string }

const timeoutMs = 30_000

/**
 * Opens a pull request with gh, or finds the one that the branch has already: safe to repeat. `file` is gh's path or null where
 * none is on PATH. Runs in `directory` (the worktree), never prompts.
 */
export async function openWithGh(
  file: string | null,
  directory: string,
  environment: Record<string, string>,
  draft: PullRequestDraft,
): Promise<GhAnswer> {
  if (!file) return { kind: 'unavailable', why: 'gh is not on PATH' }
  const address = parseRemoteUrl(draft.remoteUrl)
  if (!address) return { kind: 'unavailable', why: 'the remote is not on a forge' }
  const env = { ...environment, GH_PROMPT_DISABLED: '1', GH_NO_UPDATE_NOTIFIER: '1', NO_COLOR: '1' }
  const repository = `${address.host}/${address.path}`
  const logged = await runProgram(file, ['auth', 'status', '--hostname', address.host], {
    cwd: directory,
    env,
    timeoutMs,
  })
  if (logged.code !== 0) return { kind: 'unavailable', why: `gh is not logged in to ${address.host}` }
  const existing = await runProgram(
    file,
    ['pr', 'list', '--repo', repository, '--head', draft.branch, '--state', 'open', '--json', 'url', '--limit', '1'],
    {
      cwd: directory,
      env,
      timeoutMs,
    },
  )
  const known = existing.code === 0 ? urlIn(existing.stdout.toString('utf8')) : null
  if (known) return { kind: 'existing', url: known }
  const created = await runProgram(
    file,
    [
      'pr',
      'create',
      '--repo',
      repository,
      '--head',
      draft.branch,
      ...(draft.base ? ['--base', draft.base] : []),
      '--title',
      draft.title,
      '--body-file',
      '-',
    ],
    { cwd: directory, env, timeoutMs, input: draft.body },
  )
  const url = urlIn(created.stdout.toString('utf8'))
  if (created.code === 0 && url) return { kind: 'opened', url }
  // Two at once: the loser is told of the winner's.
  const said = urlIn(created.stderr)
  if (/already exists/i.test(created.stderr) && said) return { kind: 'existing', url: said }
  const message = created.timedOut
    ? 'gh did not answer within 30 seconds'
    : created.stderr.trim().split('\n').slice(-4).join('\n')
  return { kind: 'refused', message: message || `gh ended with exit ${created.code}` }
}

const urlIn = (text: string): string | null => /https:\/\/[^\s"'\]]+/.exec(text)?.[0] ?? null
