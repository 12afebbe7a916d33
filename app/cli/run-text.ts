// Runs as a person reads them in a terminal: the table of `list` and the page of `show`. Pure: it turns facts and the time into
// plain lines. Everything from an agent, a repository or a prompt goes through plainText.

import { approvalWords } from '../contract/approval-words.ts'
import { deliveryText } from '../contract/delivery-words.ts'
import { phaseWord, sentenceOf } from '../contract/sentences.ts'
import type { Approval } from '../model/approval.ts'
import { attentionOf } from '../model/attention.ts'
import { isSettled, type Live, type Run } from '../model/run.ts'
import { liveSides, shownSides } from '../model/side-session.ts'
import { plainText } from '../model/text/text.ts'
import { ageText, bytesText, counted, dateText, ordinal } from '../model/text/units.ts'
import type { RunView } from '../model/view.ts'
import { type Column, pairs } from './table.ts'

export interface RunFacts {
  readonly run: Run
  readonly live: Live | undefined
  readonly view: RunView
  /** The approvals that it waits for. */
  readonly asks: readonly Approval[]
}

export const listColumns: readonly Column[] = [
  { title: 'RUN', shrinkTo: 12 },
  { title: 'STATE' },
  { title: 'SINCE', align: 'right' },
  { title: 'AGENT', drop: 2 },
  { title: 'BRANCH', shrinkTo: 12, drop: 3 },
  { title: 'AHEAD', align: 'right', drop: 4 },
  { title: 'CHANGED', align: 'right', drop: 5 },
  { title: 'SIZE', align: 'right', drop: 6 },
  { title: 'REPOSITORY', shrinkTo: 10, drop: 7 },
]

/** One row of `list`. What is not known is "?", never 0. */
export function listRow({ run, live, view }: RunFacts, now: number): string[] {
  const { look, since } = attentionOf(run, live, now)
  return [
    run.id,
    phaseWord(look),
    ageText(now - since),
    run.agent,
    run.inPlace ? 'in place' : plainText(view.branch ?? '–', 200),
    count(view.ahead),
    count(view.dirty),
    view.sizeBytes === null ? '?' : bytesText(view.sizeBytes),
    plainText((view.repository ?? run.worktree)?.split(/[/\\]/).at(-1) ?? '–', 100),
  ]
}

/** The page of `show`. */
export function runPage({ run, live, view, asks }: RunFacts, now: number): string[] {
  const { look, since } = attentionOf(run, live, now)
  const activity = run.phase === 'running' ? live?.activity : null
  const state = [
    phaseWord(look),
    ageText(now - since),
    activity && activity.source !== 'none'
      ? `by ${activity.source}, proven ${ageText(now - activity.provenAt)} ago`
      : run.phase === 'running'
        ? 'no signal of its own'
        : null,
  ]
  // What was shown of the preparing may linger for a moment in the facts of a run that is past it.
  const stage = run.phase === 'preparing' || run.phase === 'starting' ? (live?.progress ?? null) : null
  return pairs([
    ['run', `${run.id}${run.title === run.id ? '' : `  ${plainText(run.title, 200)}`}`],
    ['state', `${state.filter((part) => part !== null).join(', ')} (phase ${run.phase})`],
    ['asks', activity?.message ? plainText(activity.message, 500) : null],
    ...asks.flatMap(({ id, request }): [string, string | null][] => {
      const { question, content } = approvalWords(request)
      return [
        ['asks', question],
        ...content.map((line): [string, string] => ['', line]),
        ['answer', `coppice allow ${id}   or   coppice deny ${id}`],
      ]
    }),
    ['stage', stage ? `${stage.stage}: ${plainText(stage.text, 200)}` : null],
    [
      'queue',
      live?.queuePosition
        ? `${ordinal(live.queuePosition)} in line${live.queueReason ? `, ${plainText(live.queueReason, 200)}` : ''}`
        : null,
    ],
    ['agent', `${run.agent}, ${run.mode}`],
    ['command', run.commandLine === null ? null : plainText(run.commandLine, 1000)],
    ['repository', plainText(view.repository ?? (run.inPlace ? 'none' : 'unknown'), 4096)],
    ['in place', run.inPlace ? 'Coppice never creates, moves or removes its folder' : null],
    ['branch', run.inPlace ? plainText(live?.headBranch?.value || '–', 200) : branchText(run, live)],
    ['base', view.base === null ? null : plainText(view.base, 300)],
    [
      run.inPlace ? 'folder' : 'worktree',
      view.worktree === null ? `none (${run.worktreePresence})` : plainText(view.worktree, 4096),
    ],
    ['work', workText(view)],
    ...view.notes.map((note): [string, string] => ['note', plainText(note, 1000)]),
    ['attempt', run.attempts.length === 0 ? null : String(run.attempts.length)],
    ['beside', besideText(run)],
    ['ended', exitText(run)],
    ['processes', survivorsText(run, live)],
    ['outcome', run.outcome ? `${run.outcome.result}: ${plainText(run.outcome.reason, 300)}` : null],
    ['failure', run.failure ? plainText(sentenceOf(run.failure).message, 1000) : null],
    ['next', run.failure ? plainText(sentenceOf(run.failure).next, 500) : null],
    ['delivery', deliveryLine(run, live)],
    ['trash', run.trash ? `since ${dateText(run.trash.removedAt)}, kept until ${dateText(run.trash.purgeAt)}` : null],
    ['created', dateText(run.createdAt)],
    ['last line', live?.lastLine ? plainText(live.lastLine, 200) : null],
  ])
}

/** How many processes have outlived the agent of a run that has ended, and how they are ended; null where none is known. */
function survivorsText(run: Run, live: Live | undefined): string | null {
  const count = live?.processes?.value ?? 0
  if (count === 0 || !isSettled(run.phase) || liveSides(run).length > 0) return null
  return `${counted(count, 'process', 'processes')} outlived the agent; "coppice stop ${run.id}" ends what is left`
}

/** "1 Shell (running), 2 pnpm dev (exit 1)", or null where nothing is open beside its agent. */
function besideText(run: Run): string | null {
  const sides = shownSides(run)
  if (sides.length === 0) return null
  return sides
    .map((side) => {
      const end = side.exit ? (side.exit.signal ?? `exit ${side.exit.code}`) : 'ended'
      return `${side.number} ${plainText(side.title, 100)} (${side.endedAt === null ? 'running' : end})`
    })
    .join(', ')
}

/** "exit 1", "ended by SIGKILL", or null while it has not ended. */
export function exitText(run: Run): string | null {
  if (!run.exit) return null
  if (run.exit.signal !== null) return `ended by ${plainText(run.exit.signal, 40)}`
  return run.exit.code === null ? 'exit unknown' : `exit ${run.exit.code}`
}

function workText({ ahead, dirty, sizeBytes }: RunView): string | null {
  if (ahead === null && dirty === null && sizeBytes === null) return null
  return `${counted(ahead, 'commit')} ahead, ${counted(dirty, 'file')} changed, ${sizeBytes === null ? 'size unknown' : bytesText(sizeBytes)}`
}

const count = (value: number | null) => (value === null ? '?' : String(value))

function branchText(run: Run, live: Live | undefined): string {
  const head = live?.headBranch?.value
  const left = head !== null && head !== undefined && run.branch !== null && head !== run.branch
  const where = head === '' ? 'no branch' : plainText(head ?? '', 200)
  return `${plainText(run.branch ?? 'none', 300)}${left ? ` (its agent left it for ${where})` : ''}`
}

function deliveryLine(run: Run, live: Live | undefined): string | null {
  const { state, ref, sha, pullRequestUrl } = run.delivery
  if (run.branch === null) return null
  const where =
    state === 'local' ? '' : [ref?.replace(/^refs\/heads\//, ''), sha?.slice(0, 10)].filter(Boolean).join(' ')
  const parts = [deliveryText(run, live), where, pullRequestUrl ?? '']
  return plainText(parts.filter((part) => part !== '').join(', '), 1000)
}
