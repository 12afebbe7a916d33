// The journal: what happened, when, who did it, and to which run. Newest first, searchable, one page at a time; the export is
// always complete.
import { useDeferredValue, useEffect, useState } from 'react'
import { sentenceOf } from '../../app/contract/sentences.ts'
import type { JournalRecord } from '../../app/model/event.ts'
import { failureOf } from '../../app/model/failure.ts'
import { bytesText, counted } from '../../app/model/text/units.ts'
import { attempt, copyText } from '../actions/verbs.ts'
import { call, useReplica } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { say } from '../parts/toasts.ts'
import { line } from '../parts/words.ts'
import { ConnectionBar } from '../window/ConnectionBar.tsx'
import { JournalEntry, runOf } from './JournalEntry.tsx'
import './journal-view.css'

const pageSize = 200

export function JournalView() {
  const [text, setText] = useState('')
  const search = useDeferredValue(text.trim())
  const [{ records, more }, setList] = useState<Listed>({ search: '', records: [], more: false })
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set())
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
          setList((before) => withNewest(before, { search, ...page }))
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

  const toggle = (record: number) =>
    setOpen((before) => {
      const next = new Set(before)
      if (!next.delete(record)) next.add(record)
      return next
    })
  const older = async () => {
    const last = records.at(-1)
    if (!last) return
    try {
      const page = await call('journal.read', { before: last.seq, limit: pageSize, ...(search ? { search } : {}) })
      setList((before) =>
        before.search === search && before.records.at(-1)?.seq === last.seq
          ? { search, records: [...before.records, ...page.records], more: page.more }
          : before,
      )
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
              Everything Coppice did, newest first. Each entry contains the hash of the one before it.
            </p>
          </div>
          <div className="row">
            <button type="button" className="btn" disabled={!connected} onClick={() => void exportAs('jsonl')}>
              Export JSONL
            </button>
            <button type="button" className="btn" disabled={!connected} onClick={() => void exportAs('csv')}>
              Export CSV
            </button>
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
                const runId = runOf(record)
                return (
                  <JournalEntry
                    key={record.seq}
                    record={record}
                    title={runId === null ? null : (titles[runId]?.title ?? null)}
                    open={open.has(record.seq)}
                    onToggle={() => toggle(record.seq)}
                  />
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

interface Listed {
  readonly search: string
  readonly records: readonly JournalRecord[]
  readonly more: boolean
}

/** The newest page on top of what was paged to before, where both join; agents at work must not take away what is being read. */
function withNewest(before: Listed, newest: Listed): Listed {
  const last = newest.records.at(-1)?.seq
  const joins = before.search === newest.search && last !== undefined && before.records.some(({ seq }) => seq >= last)
  const older = joins ? before.records.filter(({ seq }) => seq < last) : []
  if (older.length === 0) return newest
  return { ...newest, records: [...newest.records, ...older], more: before.more }
}

async function exportAs(format: 'jsonl' | 'csv') {
  const done = await attempt('The journal was not exported', 'journal.export', { format })
  if (!done) return
  say({
    title: `${counted(done.records, 'record')} exported.`,
    text: `${line(done.path, 400)}, ${bytesText(done.bytes)}. "coppice journal --verify FILE" checks it using only the file.`,
    ms: 30_000,
    action: { label: 'Copy path', run: () => void copyText(done.path, 'Path') },
  })
}
