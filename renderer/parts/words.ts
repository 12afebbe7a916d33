// The words for facts in small places: ages in one or two units, sizes, the evidence beside a state, an agent's name and mark.
// Pure. Words for failures and states come from contract/sentences. What is unknown is called unknown, never zero.
import { agentWords } from '../../app/model/agent.ts'
import type { Attention, Look } from '../../app/model/attention.ts'
import type { Failure } from '../../app/model/failure.ts'
import { isLive, type Live, type Run, type StageRecord } from '../../app/model/run.ts'
import type { ActivitySource } from '../../app/model/session.ts'
import { plainText } from '../../app/model/text/text.ts'
import { ageText, bytesText, ordinal, shortAge } from '../../app/model/text/units.ts'
import type { IconName } from './Icon.tsx'

export const looks: Readonly<Record<Look, { readonly icon: IconName; readonly state: string }>> = {
  permission: { icon: 'permission', state: 'permission' },
  question: { icon: 'question', state: 'question' },
  plan: { icon: 'question', state: 'question' },
  limit: { icon: 'warn', state: 'question' },
  failed: { icon: 'failed', state: 'failed' },
  stalled: { icon: 'stalled', state: 'stalled' },
  finished: { icon: 'finished', state: 'finished' },
  interrupted: { icon: 'interrupted', state: 'stalled' },
  unavailable: { icon: 'stalled', state: 'stalled' },
  working: { icon: 'working', state: 'working' },
  running: { icon: 'shell', state: 'shell' },
  idle: { icon: 'queued', state: 'queued' },
  preparing: { icon: 'installing', state: 'installing' },
  queued: { icon: 'queued', state: 'queued' },
  shell: { icon: 'shell', state: 'shell' },
  stopping: { icon: 'stop', state: 'queued' },
  stopped: { icon: 'stop', state: 'queued' },
  cancelled: { icon: 'cancelled', state: 'queued' },
  reviewed: { icon: 'reviewed', state: 'queued' },
  removing: { icon: 'remove', state: 'queued' },
  removed: { icon: 'remove', state: 'queued' },
}

const sources: Readonly<Record<ActivitySource, string>> = {
  hook: 'hook',
  event: 'event',
  osc7501: 'program',
  title: 'title',
  bell: 'bell',
  input: 'typed',
  output: 'output',
  process: 'process',
  none: 'no signal',
}

/** Where a statement about a run comes from: "program", "output". */
export const sourceWord = (source: ActivitySource): string => sources[source]

/** How a state is known and how old that is: "hook, 4 m 12 s". Empty where the state is itself the proof. */
export function proofOf(run: Run, live: Live | undefined, attention: Attention, now: number): string {
  const age = (since: number) => ageText(now - since)
  const ago = (since: number) => `${shortAge(now - since)} ago`
  const activity = live?.activity ?? null
  switch (attention.look) {
    case 'permission':
    case 'question':
    case 'plan':
    case 'limit':
      return activity && run.phase === 'running'
        ? `${sources[activity.source]}, ${age(activity.since)}`
        : age(attention.since)
    case 'stalled':
      return `silent ${age(attention.since)}`
    case 'working':
      if (activity) return `${sources[activity.source]}, ${age(activity.provenAt)}`
      return ''
    case 'running':
      return live?.lastOutputAt ? `output, ${age(live.lastOutputAt)}` : `no signal, ${age(attention.since)}`
    case 'shell':
      return live?.lastOutputAt ? `output, ${age(live.lastOutputAt)}` : age(attention.since)
    case 'finished':
      if (run.phase === 'running' && activity) return `${sources[activity.source]}, ${ago(activity.since)}`
      return ago(attention.since)
    case 'failed':
      return exitText(run) ? `${exitText(run)}, ${ago(attention.since)}` : ago(attention.since)
    case 'preparing':
      return stageText(run, now)
    case 'queued':
      return live?.queuePosition ? `${ordinal(live.queuePosition)} in line` : age(attention.since)
    case 'stopping':
    case 'removing':
      return ''
    default:
      return ago(attention.since)
  }
}

/** "exit 1", "signal SIGKILL", or "" where the end is not known. */
export function exitText(run: Run): string {
  if (!run.exit) return ''
  return run.exit.signal ? `signal ${run.exit.signal}` : run.exit.code === null ? '' : `exit ${run.exit.code}`
}

const stageNames: Readonly<Record<StageRecord['stage'], string>> = {
  inspect: 'Check the repository',
  fetch: 'Fetch the base',
  worktree: 'Create the worktree',
  copy: 'Copy files',
  setup: 'Set-up command',
  install: 'Install dependencies',
  start: 'Start the agent',
}
export const stageName = (stage: StageRecord['stage']): string => stageNames[stage]

function stageText(run: Run, now: number): string {
  const current = run.stages.find((record) => record.status === 'running')
  if (!current) return ''
  return `step ${run.stages.length}, ${ageText(now - current.startedAt)}`
}

export const agentLabel = (agent: Run['agent']): string => agentWords[agent].label
export const agentMark = (agent: Run['agent']): string => agentWords[agent].mark

/** How long the newest attempt has run or ran; null before the first. Milliseconds. */
export function elapsed(run: Run, now: number): number | null {
  const attempt = run.attempts.at(-1)
  if (!attempt) return isLive(run.phase) ? now - run.createdAt : null
  return (attempt.endedAt ?? now) - attempt.startedAt
}

/** An observed size: "1.2 GB", or "unknown" with its reason as the tooltip. */
export function sizeText(live: Live | undefined): { readonly text: string; readonly title: string } | null {
  const size = live?.sizeBytes
  if (!size) return null
  if (size.value === null) return { text: 'size unknown', title: size.why ?? 'The size could not be measured' }
  return { text: bytesText(size.value), title: `Worktree: ${bytesText(size.value)}` }
}

/** A branch split into its prefix ("agent/") and the rest, for the places that drop the prefix first. */
export function branchParts(branch: string): readonly [string, string] {
  const cut = branch.lastIndexOf('/')
  return cut < 0 ? ['', branch] : [branch.slice(0, cut + 1), branch.slice(cut + 1)]
}

/** A ref without the folder that git keeps it in: "refs/remotes/origin/main" is "origin/main". */
export const shortRef = (ref: string): string => ref.replace(/^refs\/(heads|remotes|tags)\//, '')

/** What git or an agent said itself, as safe lines; empty where the sentence of the failure holds all of it. */
export function ownWords(failure: { readonly detail?: Failure['detail'] }, most = 8): string[] {
  const { lines, message } = failure.detail ?? {}
  const said = Array.isArray(lines)
    ? lines
    : typeof message === 'string' && message.includes('\n')
      ? message.split('\n')
      : []
  return said
    .map((text) => plainText(text, 300))
    .filter((text) => text !== '')
    .slice(-most)
}

/** One safe line of hostile text (an agent's message, a title, a path). */
export const line = (text: string, max = 300): string => plainText(text, max)

/** A path short enough for a narrow place: its first and last part, the whole of it in the tooltip. */
export function shortPath(path: string, home: string | undefined): string {
  const parts = tidyPath(path, home).split('/')
  const head = parts[0] || `/${parts[1]}`
  return parts.length <= 3 ? parts.join('/') : `${head}/…/${parts.at(-1)}`
}

/** The path with the home folder as "~", where the host has said its own home lies below it. */
export function tidyPath(path: string, home: string | undefined): string {
  const user = home?.match(/^(\/(?:home|Users)\/[^/]+|\/root)(?=\/)/)?.[1]
  return user && path.startsWith(`${user}/`) ? `~${path.slice(user.length)}` : path
}
