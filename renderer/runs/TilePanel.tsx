// The panel between a tile's terminal and its foot: a question with its answers, a verdict with the next step, the stages of a run
// that is being prepared, or the reason why a queued run waits. No answer is favoured, and the text of a question is never cut.

import { approvalWords } from '../../app/contract/approval-words.ts'
import { deliveryText } from '../../app/contract/delivery-words.ts'
import { sentenceOf } from '../../app/contract/sentences.ts'
import type { Approval } from '../../app/model/approval.ts'
import type { Attention } from '../../app/model/attention.ts'
import { isAsking, type Live, type Run, type StageRecord } from '../../app/model/run.ts'
import { ageText, counted, ordinal } from '../../app/model/text/units.ts'
import { ActionButton } from '../actions/ActionButton.tsx'
import { answerApproval } from '../actions/verbs.ts'
import { useReplica } from '../client/replica.ts'
import { firstAsked } from '../client/selectors.ts'
import { Icon, type IconName } from '../parts/Icon.tsx'
import { Key } from '../parts/Key.tsx'
import { Ticking } from '../parts/Ticking.tsx'
import { agentLabel, exitText, line, ownWords, stageName } from '../parts/words.ts'
import { giveKeys } from '../terminal/terminals.ts'
import { openDialog, useUi } from '../window/ui.ts'
import './tile-panel.css'

interface Facts {
  readonly run: Run
  readonly live: Live | undefined
  readonly attention: Attention
}

export function TilePanel({ run, live, attention, compact }: Facts & { compact: boolean }) {
  const connected = useReplica(({ link }) => link === 'connected')
  const focused = useUi((ui) => ui.focused === run.id)
  const approval = useReplica(({ state }) => firstAsked(state, run))
  if (approval) return <ApprovalQuestion approval={approval} connected={connected} focused={focused} />
  switch (attention.look) {
    case 'permission':
    case 'question':
    case 'plan':
    case 'limit':
      return run.phase === 'running' ? (
        <Ask run={run} message={live?.activity?.message} compact={compact} connected={connected} focused={focused} />
      ) : (
        <Verdict text={run.outcome?.reason ?? 'A limit was reached'} id="resume" runId={run.id} />
      )
    case 'failed':
      return <Failed run={run} />
    case 'interrupted':
      return (
        <Verdict
          text={`${run.phase === 'interrupted' ? `The host lost it while ${run.during ?? 'running'}` : line(run.outcome?.reason ?? 'Ended from outside', 160)}; its screen is kept`}
          id="resume"
          runId={run.id}
        />
      )
    case 'stalled':
      return (
        <Verdict text={`The process is alive, but nothing shows it is working`} id="type" runId={run.id} label="Look" />
      )
    case 'finished':
      return <Finished run={run} live={live} />
    default:
      return <LeftBranch run={run} live={live} />
  }
}

function Ask({
  run,
  message,
  compact,
  connected,
  focused,
}: {
  run: Run
  message: string | undefined
  compact: boolean
  connected: boolean
  focused: boolean
}) {
  const text = message ? line(message, 500) : `${agentLabel(run.agent)} waits for an answer`
  return (
    <div className="ask" data-compact={compact || undefined}>
      <p>{text}</p>
      <div className="answers">
        <button type="button" className="btn small answer" disabled={!connected} onClick={() => giveKeys(run.id)}>
          {compact ? 'Read and answer' : 'Answer in the terminal'} {focused && <Key id="type" />}
        </button>
      </div>
    </div>
  )
}

/** What the run waits for: the question, exactly what is agreed to, and the two answers. */
function ApprovalQuestion({
  approval,
  connected,
  focused,
}: {
  approval: Approval
  connected: boolean
  focused: boolean
}) {
  const { question, content, allow, deny } = approvalWords(approval.request)
  const button = (decision: 'allow' | 'deny', label: string) => (
    <button
      type="button"
      className="btn small answer"
      disabled={!connected}
      onClick={() => void answerApproval(approval, decision)}
    >
      {label} {focused && <Key id={decision} />}
    </button>
  )
  return (
    <div className="ask" data-approval={approval.id}>
      <p>{question}</p>
      <div className="cmd">{content.join('\n')}</div>
      <div className="answers">
        {button('allow', allow)}
        {button('deny', deny)}
      </div>
    </div>
  )
}

function Verdict({
  text,
  id,
  runId,
  label,
  title,
}: {
  text: string
  id: string
  runId: string
  label?: string
  title?: string
}) {
  return (
    <div className="verdict">
      <span className="grow" title={title ?? text}>
        {text}
      </span>
      <ActionButton id={id} runId={runId} className="btn small quiet" {...(label ? { label } : {})} />
    </div>
  )
}

function Failed({ run }: { run: Run }) {
  if (run.failure) {
    const { message, next } = sentenceOf(run.failure)
    return (
      <div className="ask failure">
        <p>{message}</p>
        <GitSaid run={run} />
        <div className="answers">
          <span className="muted small grow">{next}</span>
          <ActionButton id="resume" runId={run.id} className="btn small" />
        </div>
      </div>
    )
  }
  const text = run.outcome?.reason ?? (exitText(run) ? `It ended with ${exitText(run)}` : 'It failed')
  return <Verdict text={line(text)} id="resume" runId={run.id} />
}

/** git's own last lines, where a failure brings them. */
export function GitSaid({ run }: { run: Run }) {
  const said = run.failure ? ownWords(run.failure, 6) : []
  return said.length === 0 ? null : <div className="cmd">{said.join('\n')}</div>
}

function Finished({ run, live }: { run: Run; live: Live | undefined }) {
  const parts = [workText(live), run.delivery.state === 'local' ? '' : deliveryText(run, live)].filter(
    (part) => part !== '',
  )
  const reason = run.outcome?.reason
  const text = parts.length > 0 ? parts.join(', ') : reason ? line(reason) : 'Nothing to review yet'
  const left = leftBranch(run, live)
  if (left) return <LeftBranch run={run} live={live} />
  return run.phase === 'running' ? (
    <Verdict text={text} id="type" runId={run.id} label="Reply" />
  ) : (
    <Verdict text={text} id="reviewed" runId={run.id} title={reason ? `${text}. ${line(reason)}` : text} />
  )
}

/** "3 files changed, 2 commits": what a finished run left, as far as it is known. */
export function workText(live: Live | undefined): string {
  const dirty = live?.dirty
  const ahead = live?.ahead
  const parts: string[] = []
  if (ahead)
    parts.push(
      ahead.value === null
        ? 'commits unknown'
        : ahead.value === 0
          ? ''
          : ahead.value === 1
            ? '1 commit'
            : `${ahead.value} commits`,
    )
  if (dirty) {
    parts.push(
      dirty.value === null
        ? 'changes unknown'
        : dirty.value === 0
          ? ''
          : `${counted(dirty.value, 'file')} not committed`,
    )
  }
  return parts.filter((part) => part !== '').join(', ')
}

function leftBranch(run: Run, live: Live | undefined): string | null {
  const head = live?.headBranch?.value
  if (head == null || run.branch === null || head === run.branch) return null
  return head === '' ? 'no branch (detached HEAD)' : head
}

/** An agent that checked out another branch than its run's is said, not put right. */
function LeftBranch({ run, live }: { run: Run; live: Live | undefined }) {
  const left = leftBranch(run, live)
  if (!left) return null
  return (
    <div className="verdict" data-state="stalled">
      <span className="grow" title={`The worktree is on ${line(left)}, not on ${line(run.branch ?? '')}`}>
        The agent left its branch: it is on {line(left, 80)}
      </span>
    </div>
  )
}

const stageIcon: Readonly<Record<StageRecord['status'], IconName>> = {
  running: 'installing',
  done: 'check',
  skipped: 'check',
  failed: 'failed',
  cancelled: 'cancelled',
}

export function Preparing({ run, live }: { run: Run; live: Live | undefined }) {
  const progress = live?.progress ?? null
  const share = progress?.total ? Math.min(100, Math.round(((progress.done ?? 0) / progress.total) * 100)) : null
  const under = run.phase === 'preparing' || run.phase === 'starting'
  const started = run.stages.some(({ stage }) => stage === 'start')
  return (
    <>
      {share !== null && (
        <div
          className="progress"
          role="progressbar"
          aria-valuenow={share}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-label={line(progress?.text ?? 'Preparing')}
        >
          <i style={{ width: `${share}%` }} />
        </div>
      )}
      <ol className="steps">
        {run.stages.map((record) => (
          <li
            key={record.stage}
            data-status={record.status}
            className={record.status === 'running' ? 'now' : record.status === 'done' ? 'ok' : ''}
          >
            <Icon name={stageIcon[record.status]} size={14} />
            <span className="cut" title={line(stageText(record, progress))}>
              {line(stageText(record, progress))}
            </span>
            <span className="when">
              {record.endedAt === null ? (
                <Ticking>{(now) => ageText(now - record.startedAt)}</Ticking>
              ) : (
                `${((record.endedAt - record.startedAt) / 1000).toFixed(1)} s`
              )}
            </span>
            {record.status === 'running' && under && (
              <ActionButton id="cancel" runId={run.id} className="btn small quiet" />
            )}
          </li>
        ))}
        {under && !started && (
          <li>
            <Icon name="queued" size={14} />
            Start {agentLabel(run.agent)}
          </li>
        )}
      </ol>
    </>
  )
}

function stageText(record: StageRecord, progress: Live['progress']): string {
  if (record.status !== 'running') return record.text || stageName(record.stage)
  if (progress?.stage !== record.stage) return record.text || stageName(record.stage)
  const amount = progress.total
    ? `, ${(progress.done ?? 0).toLocaleString('en')} of ${progress.total.toLocaleString('en')}${progress.unit ? ` ${progress.unit}` : ''}`
    : ''
  return `${progress.text || record.text || stageName(record.stage)}${amount}`
}

export function Queued({ run, live }: { run: Run; live: Live | undefined }) {
  // The question below it needs the room.
  if (isAsking(run))
    return <div className="waitbox">{run.prompt && <p className="quote">{line(run.prompt.head, 300)}</p>}</div>
  const position = live?.queuePosition
  return (
    <div className="waitbox">
      <p className="big">{position ? `${ordinal(position)} in line` : 'Waiting for its turn'}</p>
      <p className="muted">{live?.queueReason ? line(live.queueReason, 300) : 'Starts when a slot is free.'}</p>
      {run.prompt && <p className="quote">{line(run.prompt.head, 300)}</p>}
      <div className="row">
        <ActionButton id="start-now" runId={run.id} className="btn small" />
        <ActionButton id="cancel" runId={run.id} className="btn small quiet" />
        <button type="button" className="btn small quiet" onClick={() => openDialog({ kind: 'settings' })}>
          Change limit
        </button>
      </div>
    </div>
  )
}

export function Unavailable({ run }: { run: Run }) {
  return (
    <div className="waitbox">
      <p className="big">Its worktree is missing</p>
      <p className="muted">
        {run.worktree ? line(run.worktree, 300) : 'The folder'} cannot be seen now. A disk that is not mounted comes
        back by itself; nothing was removed.
      </p>
      <div className="row">
        <ActionButton id="measure" runId={run.id} className="btn small" label="Look again" />
        <ActionButton id="resume" runId={run.id} className="btn small quiet" label="Create it again and resume" />
      </div>
    </div>
  )
}
