// Everything known about one run, with the source and age of each fact: evidence, prompt, base and branch, worktree, attempts, and
// the last entries of the journal.

import { type ReactNode, useEffect, useState } from 'react'
import { deliveryText } from '../../app/contract/delivery-words.ts'
import { phaseWord } from '../../app/contract/sentences.ts'
import type { JournalRecord } from '../../app/model/event.ts'
import type { Attempt, Live, Run } from '../../app/model/run.ts'
import { ageText, bytesText, counted } from '../../app/model/text/units.ts'
import { ActionButton } from '../actions/ActionButton.tsx'
import { copyText } from '../actions/verbs.ts'
import { useAttention, useLive, useRun } from '../client/hooks.ts'
import { call, useReplica } from '../client/replica.ts'
import { eventText } from '../journal/journal-words.ts'
import { Icon } from '../parts/Icon.tsx'
import { Ticking } from '../parts/Ticking.tsx'
import { exitText, line, looks, shortPath, shortRef, sourceWord } from '../parts/words.ts'
import { openUrl } from '../terminal/open-link.ts'
import { showView } from '../window/ui.ts'
import './details-pane.css'

export function DetailsPane({ runId }: { runId: string }) {
  const run = useRun(runId)
  return run ? <Details run={run} /> : null
}

function Details({ run }: { run: Run }) {
  const live = useLive(run.id)
  return (
    <aside className="panel" aria-label="Details">
      <Section title="How we know">
        <Evidence run={run} live={live} />
      </Section>
      {run.prompt && (
        <Section title="Prompt">
          <p className="quote prompt-text">{run.prompt.head}</p>
          {run.prompt.bytes > new TextEncoder().encode(run.prompt.head).length && (
            <p className="small faint">{bytesText(run.prompt.bytes)} in all</p>
          )}
        </Section>
      )}
      <Section title="Base and branch">
        <dl className="facts2">
          <dt>Base</dt>
          <dd className="cut" title={run.resolvedBase ?? run.baseRef ?? undefined}>
            {run.resolvedBase || run.baseRef ? (
              <span className="mono">{line(shortRef(run.resolvedBase ?? run.baseRef ?? ''))}</span>
            ) : (
              'not resolved yet'
            )}
            {run.baseCommit && (
              <>
                {' '}
                at <span className="mono">{run.baseCommit.slice(0, 7)}</span>
              </>
            )}
          </dd>
          <dt>Age</dt>
          <dd className="muted">
            {run.baseFetchedAt === null ? (
              'never fetched here'
            ) : (
              <Ticking>{(now) => `fetched ${ageText(now - run.baseFetchedAt!)} ago`}</Ticking>
            )}
            {live?.behind &&
              `, ${live.behind.value === null ? 'behind by an unknown number' : `${live.behind.value} behind`}`}
          </dd>
          <dt>Branch</dt>
          <dd className="row">
            <span className="mono cut" title={run.branch ?? undefined}>
              {run.branch ? line(run.branch) : 'none yet'}
            </span>
            {run.branch && <Copy text={run.branch} what="Branch name" />}
          </dd>
          <dt>Delivery</dt>
          <dd>
            {capital(deliveryText(run, live))}
            {run.delivery.pullRequestUrl && (
              <button type="button" className="link" onClick={() => openUrl(run.delivery.pullRequestUrl!)}>
                open it <Icon name="external" size={12} />
              </button>
            )}
          </dd>
        </dl>
      </Section>
      <Section title={run.inPlace ? 'Folder' : 'Worktree'}>
        <WorktreeFacts run={run} live={live} />
      </Section>
      <Section title="Attempts">
        {run.attempts.length === 0 ? (
          <p className="muted small">Not started yet</p>
        ) : (
          <ul className="tl">
            {[...run.attempts].reverse().map((attempt) => (
              <AttemptRow key={attempt.number} run={run} attempt={attempt} />
            ))}
          </ul>
        )}
        {run.attempts.at(-1) && (
          <div className="cmdline" title="The command line as it was started">
            {run.attempts.at(-1)?.commandLine}
          </div>
        )}
      </Section>
      <Timeline run={run} />
    </aside>
  )
}

function Section({ title, extra, children }: { title: string; extra?: ReactNode; children: ReactNode }) {
  return (
    <section>
      <h3>
        {title}
        {extra}
      </h3>
      {children}
    </section>
  )
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

function Copy({ text, what }: { text: string; what: string }) {
  return (
    <button
      type="button"
      className="btn quiet small icon-only"
      aria-label={`Copy ${what.toLowerCase()}`}
      title={`Copy ${what.toLowerCase()}`}
      onClick={() => void copyText(text, what)}
    >
      <Icon name="copy" size={12} />
    </button>
  )
}

function Evidence({ run, live }: { run: Run; live: Live | undefined }) {
  const attention = useAttention(run, live)
  const activity = live?.activity
  const rows: { text: string; at: number | null; lead?: boolean }[] = []
  if (activity) {
    rows.push({
      text: `${capital(sourceWord(activity.source))}: ${activity.state}${activity.kind ? `, ${activity.kind}` : ''}`,
      at: activity.provenAt,
      lead: true,
    })
  } else rows.push({ text: phaseWord(attention.look), at: attention.since, lead: true })
  if (run.phase === 'running')
    rows.push({
      text: live?.lastOutputAt ? 'Terminal printed' : 'Terminal printed nothing yet',
      at: live?.lastOutputAt ?? null,
    })
  if (live?.processes) {
    rows.push({
      text:
        live.processes.value === null
          ? `Processes unknown${live.processes.why ? `: ${line(live.processes.why, 80)}` : ''}`
          : `${counted(live.processes.value, 'process', 'processes')} alive`,
      at: live.processes.observedAt,
    })
  }
  if (run.outcome) rows.push({ text: line(run.outcome.reason, 160), at: run.settledAt })
  else if (exitText(run)) rows.push({ text: `Ended with ${exitText(run)}`, at: run.settledAt })
  if (run.outcome?.costUsd !== undefined)
    rows.push({
      text: `Cost ${run.outcome.costUsd.toFixed(2)} USD${run.outcome.turns ? `, ${counted(run.outcome.turns, 'turn')}` : ''}`,
      at: null,
    })
  return (
    <ul className="evid">
      {rows.map((row) => (
        <li key={row.text} className={row.lead ? 'lead' : ''}>
          <span className="cut" title={row.text}>
            {row.text}
          </span>
          {row.at !== null && (
            <span className="a">
              <Ticking>{(now) => ageText(now - row.at!)}</Ticking>
            </span>
          )}
        </li>
      ))}
    </ul>
  )
}

function WorktreeFacts({ run, live }: { run: Run; live: Live | undefined }) {
  const home = useReplica(({ welcome }) => welcome?.home)
  if (!run.worktree) return <p className="muted small">No worktree yet</p>
  const path = shortPath(run.worktree, home)
  const observed = (
    fact: { value: number | null; why?: string | undefined } | null | undefined,
    show: (n: number) => string,
  ) =>
    !fact
      ? 'not measured yet'
      : fact.value === null
        ? `unknown${fact.why ? `: ${line(fact.why, 80)}` : ''}`
        : show(fact.value)
  return (
    <>
      <dl className="facts2">
        <dt>Path</dt>
        <dd className="row">
          <span className="mono cut" title={run.worktree}>
            {line(path, 300)}
          </span>
          <Copy text={run.worktree} what="Path" />
        </dd>
        <dt>{run.inPlace ? 'In place' : 'Size'}</dt>
        <dd className="cut">
          {run.inPlace ? 'Never made, moved or removed by Coppice' : observed(live?.sizeBytes, bytesText)}
          {live?.sizeBytes && (
            <span className="faint">
              , <Ticking>{(now) => `${ageText(now - live.sizeBytes!.observedAt)} old`}</Ticking>
            </span>
          )}
        </dd>
        {!run.inPlace && (
          <>
            <dt>Reclaimable</dt>
            <dd>{observed(live?.reclaimableBytes, bytesText)}</dd>
          </>
        )}
        <dt>Not committed</dt>
        <dd>{observed(live?.dirty, (n) => counted(n, 'file'))}</dd>
        <dt>Commits</dt>
        <dd>{observed(live?.ahead, (n) => `${n} ahead of the base`)}</dd>
      </dl>
      <ActionButton id="measure" runId={run.id} className="btn small quiet flush" label="Measure again" />
    </>
  )
}

function AttemptRow({ run, attempt }: { run: Run; attempt: Attempt }) {
  const current = attempt.endedAt === null
  const text = current
    ? attempt.number > 1
      ? 'resumed, in progress'
      : 'in progress'
    : attempt.outcome
      ? line(attempt.outcome.reason, 120)
      : attempt.exit
        ? (attempt.exit.signal ?? `exit ${attempt.exit.code}`)
        : 'how it ended is unknown'
  const bad = !current && (attempt.outcome ? attempt.outcome.result !== 'succeeded' : attempt.exit?.code !== 0)
  const icon = current ? looks.working.icon : bad ? 'cancelled' : 'check'
  return (
    <li data-state={current ? 'working' : bad ? 'queued' : 'finished'} data-attempt={attempt.number} data-run={run.id}>
      <Icon name={icon} size={14} />
      <span className="cut" title={text}>
        <b>{attempt.number}</b>&ensp;{text}
      </span>
      <span className="a">
        <Ticking>{(now) => ageText((attempt.endedAt ?? now) - attempt.startedAt)}</Ticking>
      </span>
    </li>
  )
}

/** The journal holds each intent and each beginning of a stage too; a short list shows what came of them. */
const isNews = ({ event }: JournalRecord): boolean =>
  event.type !== 'intended' && !(event.type === 'stage-changed' && event.record.status === 'running')

function Timeline({ run }: { run: Run }) {
  const [records, setRecords] = useState<readonly JournalRecord[] | null>(null)
  const connected = useReplica(({ link }) => link === 'connected')
  // Asked again whenever the run itself has changed: each of its records changes it.
  useEffect(() => {
    if (!connected) return
    let current = true
    call('journal.read', { runId: run.id, limit: 30 }).then(
      (page) => current && setRecords(page.records.filter(isNews).slice(0, 8)),
      () => current && setRecords(null),
    )
    return () => {
      current = false
    }
  }, [run, connected])
  if (!records || records.length === 0) return null
  return (
    <Section
      title="Timeline"
      extra={
        <button type="button" className="link" onClick={() => showView('journal')}>
          Journal
        </button>
      }
    >
      <ul className="tl">
        {records.map((record) => {
          const { icon, text, state } = eventText(record.event)
          return (
            <li key={record.seq} data-state={state}>
              <Icon name={icon} size={14} />
              <span className="cut" title={text}>
                {text}
              </span>
              <span className="a">{new Date(record.at).toLocaleTimeString('en-GB')}</span>
            </li>
          )
        })}
      </ul>
    </Section>
  )
}
