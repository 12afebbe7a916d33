// The forge's own page for a new pull request, filled in, for the person to submit. Title and body are data and are URL-encoded.
// Pure.
import type { PullRequestDraft } from './forge.ts'
import { parseRemoteUrl } from './remote-url.ts'

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
