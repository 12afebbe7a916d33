// What happened, when, by whom, to which run: the journal, newest first, searchable, a page at a time.
import { useDeferredValue, useEffect, useState } from 'react'
import { sentenceOf } from '../app/contract/sentences.ts'
import type { JournalRecord } from '../app/model/event.ts'
import { failureOf } from '../app/model/failure.ts'
import { ConnectionBar } from './ConnectionBar.tsx'
import { Icon } from './Icon.tsx'
import { eventText } from './journal-words.ts'
import { call, useReplica } from './replica.ts'
import { focusRun } from './ui.ts'
import { line } from './words.ts'

const pageSize = 200

export function JournalView() {
  const [text, setText] = useState('')
  const search = useDeferredValue(text.trim())
  const [records, setRecords] = useState<readonly JournalRecord[]>([])
  const [more, setMore] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const connected = useReplica(({ link }) => link === 'connected')
  const seq = useReplica(({ state }) => state.seq)
  const titles = useReplica(({ state }) => state.runs)

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new record of the journal is the signal to read again.
  useEffect(() => {
    if (!connected) return
    let current = true
    const timer = setTimeout(() => {
      call('journal.read', { limit: pageSize, ...(search ? { search } : {}) }).then(
        (page) => {
          if (!current) return
          setRecords(page.records)
          setMore(page.more)
          setProblem(null)
        },
        (error: unknown) => current && setProblem(sentenceOf(failureOf(error)).message),
      )
    }, 150)
    return () => {
      current = false
      clearTimeout(timer)
    }
  }, [search, connected, seq])

  const older = async () => {
    const last = records.at(-1)
    if (!last) return
    try {
      const page = await call('journal.read', { before: last.seq, limit: pageSize, ...(search ? { search } : {}) })
      setRecords([...records, ...page.records])
      setMore(page.more)
    } catch (error) {
      setProblem(sentenceOf(failureOf(error)).message)
    }
  }

  return (
    <main className="main">
      <ConnectionBar />
      <div className="board">
        <header className="board-head">
          <div>
            <h1>Journal</h1>
            <p className="muted">
              Everything that Coppice did, newest first. Each entry holds the hash of the one before it.
            </p>
          </div>
          <search className="input">
            <Icon name="search" size={14} />
            <input
              value={text}
              placeholder="Search the journal"
              aria-label="Search the journal"
              onChange={(event) => setText(event.target.value)}
            />
          </search>
        </header>
        {problem && (
          <p className="hint bad" role="alert">
            {problem}
          </p>
        )}
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long list is scrolled with the keyboard too. */}
        <section className="table-box" tabIndex={0} aria-label="Entries">
          <table className="table journal">
            <thead>
              <tr>
                <th scope="col" className="num">
                  No.
                </th>
                <th scope="col">When</th>
                <th scope="col">By</th>
                <th scope="col">Run</th>
                <th scope="col">What</th>
              </tr>
            </thead>
            <tbody>
              {records.map((record) => {
                const { icon, text: what, state } = eventText(record.event)
                const runId = runOf(record)
                return (
                  <tr key={record.seq}>
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
                          {line(titles[runId]?.title ?? runId, 60)}
                        </button>
                      ) : (
                        <span className="faint">–</span>
                      )}
                    </td>
                    <td data-state={state}>
                      <span className="row">
                        <Icon name={icon} size={14} />
                        <span className="cut" title={what}>
                          {what}
                        </span>
                      </span>
                    </td>
                  </tr>
                )
              })}
            </tbody>
          </table>
          {records.length === 0 && !problem && (
            <p className="muted empty">{search ? 'Nothing matches.' : 'Nothing yet.'}</p>
          )}
          {more && (
            <button type="button" className="btn" onClick={() => void older()}>
              Older entries
            </button>
          )}
        </section>
      </div>
    </main>
  )
}

function runOf({ event }: JournalRecord): string | null {
  if ('runId' in event) return event.runId
  return event.type === 'run-queued' ? event.run.id : null
}
