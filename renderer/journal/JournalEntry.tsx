// One record of the journal: a line, and on demand everything it holds: who asked with which command, what was done item by item,
// why it failed with git's own last lines, and the hashes that chain it. Every text in it is hostile and shown as text.
import { sentenceOf } from '../../app/contract/sentences.ts'
import type { Event, JournalRecord, ReportItem } from '../../app/model/event.ts'
import type { Failure } from '../../app/model/failure.ts'
import { visibleText } from '../../app/model/text/text.ts'
import { dateText } from '../../app/model/text/units.ts'
import { Icon } from '../parts/Icon.tsx'
import { line } from '../parts/words.ts'
import { focusRun } from '../window/ui.ts'
import { eventText } from './journal-words.ts'

interface Props {
  readonly record: JournalRecord
  /** The run's title, null where the record is about none. */
  readonly title: string | null
  readonly open: boolean
  onToggle(): void
}

export function JournalEntry({ record, title, open, onToggle }: Props) {
  const { icon, text: what, state } = eventText(record.event)
  const runId = runOf(record)
  const details = `journal-${record.seq}`
  return (
    <>
      <tr>
        <td className="num faint">{record.seq}</td>
        <td className="muted nowrap">
          {new Date(record.at).toLocaleString('en-GB', {
            day: '2-digit',
            month: 'short',
            hour: '2-digit',
            minute: '2-digit',
            second: '2-digit',
          })}
        </td>
        <td className="muted nowrap">
          {record.actor.via === 'host' ? 'Coppice' : `${line(record.actor.user, 40)}, ${record.actor.via}`}
        </td>
        <td>
          {runId ? (
            <button type="button" className="link cut" title={runId} onClick={() => focusRun(runId)}>
              {line(title ?? runId, 60)}
            </button>
          ) : (
            <span className="faint">–</span>
          )}
        </td>
        <td data-state={state}>
          <button
            type="button"
            className="row entry"
            aria-expanded={open}
            aria-controls={open ? details : undefined}
            onClick={onToggle}
          >
            <Icon name={icon} size={14} />
            <span className="cut" title={what}>
              {what}
            </span>
          </button>
        </td>
      </tr>
      {open && (
        <tr className="entry-details" id={details}>
          <td />
          <td colSpan={4}>
            <Details record={record} />
          </td>
        </tr>
      )}
    </>
  )
}

function Details({ record }: { record: JournalRecord }) {
  const { event } = record
  const failure = failureIn(event)
  const report = reportIn(event)
  const said = failure
    ? saidBy(failure)
    : 'said' in event
      ? (event.said ?? []).map((one) => visibleText(one, '\t'))
      : []
  return (
    <div className="entry-facts">
      {failure && (
        <p>
          {sentenceOf(failure).message} <span className="muted">{sentenceOf(failure).next}</span>
        </p>
      )}
      {said.length > 0 && (
        <figure>
          <figcaption className="faint">As git and the system said it</figcaption>
          <pre>{said.join('\n')}</pre>
        </figure>
      )}
      {report.length > 0 && (
        <ul>
          {report.map((item) => (
            <li key={`${item.result} ${item.what}`}>
              <b>{item.result}</b> {line(item.what, 1000)}
              {item.reason ? <span className="muted">: {line(item.reason, 1000)}</span> : null}
            </li>
          ))}
        </ul>
      )}
      <dl>
        <dt>When</dt>
        <dd>
          {dateText(record.at)} <span className="faint">({new Date(record.at).toISOString()})</span>
        </dd>
        <dt>By</dt>
        <dd>
          {line(record.actor.user, 200)}, {record.actor.via === 'host' ? 'the host itself' : record.actor.via}
          {record.commandId ? <span className="faint">, command {line(record.commandId, 64)}</span> : null}
        </dd>
        {record.inputHash && (
          <>
            <dt>Input</dt>
            <dd className="mono">{record.inputHash}</dd>
          </>
        )}
        <dt>Hash</dt>
        <dd className="mono">{record.hash}</dd>
        <dt>Before it</dt>
        <dd className="mono">{record.previousHash}</dd>
      </dl>
      <details>
        <summary>The whole record</summary>
        <pre>{visibleText(JSON.stringify(event, null, 2), '\n')}</pre>
      </details>
    </div>
  )
}

function failureIn(event: Event): Failure | null {
  if ('failure' in event && event.failure) return event.failure
  return null
}

function reportIn(event: Event): readonly ReportItem[] {
  return 'report' in event ? event.report : []
}

/** The lines that a failure carries from git, from a program or from the system, in their order and unshortened. */
function saidBy({ detail }: Failure): string[] {
  const texts = [detail?.message, detail?.lines].flatMap((value) => (Array.isArray(value) ? value : [value]))
  const lines = texts.flatMap((value) => (typeof value === 'string' && value !== '' ? value.split('\n') : []))
  return [...new Set(lines)].map((one) => visibleText(one, '\t'))
}

export function runOf({ event }: JournalRecord): string | null {
  if ('runId' in event) return event.runId
  return event.type === 'run-queued' ? event.run.id : null
}
