// GitHub, through its own command line `gh`, if that is installed and logged in to the remote's host. Title and body are data:
// arguments or stdin, never part of a shell's line.
import { findOnPath } from '../process/environment.ts'
import { runProgram } from '../process/run-program.ts'
import type { Forge, ForgePlace, PullRequestAnswer, PullRequestDraft } from './forge.ts'
import { parseRemoteUrl } from './remote-url.ts'

const timeoutMs = 30_000

export const github: Forge = {
  name: 'github',
  // GitHub Enterprise may have any host; gh knows those that it is logged in to.
  serves: (remoteUrl) => parseRemoteUrl(remoteUrl) !== null,
  openPullRequest: openWithGh,
}

async function openWithGh(
  { directory, environment, signal }: ForgePlace,
  draft: PullRequestDraft,
): Promise<PullRequestAnswer> {
  const file = await findOnPath('gh', environment)
  if (!file) return { kind: 'unavailable', why: 'gh is not on PATH' }
  const address = parseRemoteUrl(draft.remoteUrl)
  if (!address) return { kind: 'unavailable', why: 'the remote is not on a forge' }
  const env = { ...environment, GH_PROMPT_DISABLED: '1', GH_NO_UPDATE_NOTIFIER: '1', NO_COLOR: '1' }
  const end = signal ? { signal, graceMs: 500 } : {}
  const repository = `${address.host}/${address.path}`
  const logged = await runProgram(file, ['auth', 'status', '--hostname', address.host], {
    cwd: directory,
    env,
    timeoutMs,
    ...end,
  })
  if (logged.code !== 0) return { kind: 'unavailable', why: `gh is not logged in to ${address.host}` }
  const existing = await runProgram(
    file,
    ['pr', 'list', '--repo', repository, '--head', draft.branch, '--state', 'open', '--json', 'url', '--limit', '1'],
    {
      cwd: directory,
      env,
      timeoutMs,
      ...end,
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
    { cwd: directory, env, timeoutMs, input: draft.body, ...end },
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
