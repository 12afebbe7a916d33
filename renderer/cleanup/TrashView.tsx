// Lists removed runs that can still be restored: where each came from, what it holds, and when which part of it is deleted. Restore
// brings all of it back; Delete now is separate and asks.
import { useEffect, useState } from 'react'
import type { TrashEntry } from '../../app/contract/commands/cleanup.ts'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { failureOf } from '../../app/model/failure.ts'
import { isKept } from '../../app/model/run.ts'
import { ageText, bytesText, counted, dateText } from '../../app/model/text/units.ts'
import { keyCap } from '../actions/keymap.ts'
import { keepInTrash, restore } from '../actions/verbs.ts'
import { call, useReplica } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { line } from '../parts/words.ts'
import { ConnectionBar } from '../window/ConnectionBar.tsx'
import { openDialog, showFilter, useUi } from '../window/ui.ts'
import './trash-view.css'

export function TrashView() {
  const [list, setList] = useState<{ entries: readonly TrashEntry[]; sizeBytes: number | null } | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState<string | null>(null)
  // Asked again when the removed runs change; the list itself is the host's, with sizes that no event carries.
  const signal = useReplica(({ state }) =>
    Object.values(state.runs)
      .filter((run) => run.phase === 'removed')
      .map((run) => `${run.id} ${run.trash?.sizeBytes} ${run.trash?.purgeAt} ${run.intent?.kind}`)
      .join(),
  )
  const connected = useReplica(({ link }) => link === 'connected')
  // biome-ignore lint/correctness/useExhaustiveDependencies: `signal` says when to ask again.
  useEffect(() => {
    if (!connected) return
    let current = true
    call('trash.list', {}).then(
      (found) => {
        if (!current) return
        setList(found)
        setProblem(null)
      },
      (error: unknown) => current && setProblem(sentenceOf(failureOf(error)).message),
    )
    return () => {
      current = false
    }
  }, [signal, connected])

  const focused = useUi((ui) => ui.focused)
  const first = list?.entries[0]?.runId ?? null
  const known = list?.entries.some((entry) => entry.runId === focused) ?? false
  // A row is chosen while the trash is looked at, so that its keys act on what is seen; the grid's own focus comes back after it.
  useEffect(() => {
    if (!known && first !== null) useUi.setState({ focused: first })
  }, [known, first])
  useEffect(() => {
    const before = useUi.getState().focused
    return () => useUi.setState((ui) => (ui.view === 'trash' || isShownInGrid(ui.focused) ? {} : { focused: before }))
  }, [])
  useEffect(() => {
    if (focused !== null)
      document.querySelector(`tr[data-run-id="${CSS.escape(focused)}"]`)?.scrollIntoView({ block: 'nearest' })
  }, [focused])

  const bring = async (id: string) => {
    setBusy(id)
    await restore(id)
    setBusy(null)
  }
  return (
    <main className="main">
      <ConnectionBar />
      <div className="board">
        <header className="board-head">
          <div>
            <h1>Trash</h1>
            <p className="muted">
              {list
                ? `${counted(list.entries.length, 'run')}, ${bytesText(list.sizeBytes)}. Removed runs stay here; the space is freed on the date shown. What can be rebuilt goes first.`
                : 'Looking'}
            </p>
          </div>
        </header>
        {problem && (
          <p className="hint bad" role="alert">
            {problem}
          </p>
        )}
        {list && list.entries.length === 0 && (
          <div className="nothing">
            <p className="big">The trash is empty.</p>
            <button type="button" className="btn tall quiet" onClick={() => showFilter('active')}>
              Show active runs
            </button>
          </div>
        )}
        {list && list.entries.length > 0 && (
          <div className="table-box">
            <table className="table trash">
              <thead>
                <tr>
                  <th scope="col">Run</th>
                  <th scope="col">Branch</th>
                  <th scope="col">Holds</th>
                  <th scope="col" className="num">
                    Size
                  </th>
                  <th scope="col">Removed</th>
                  <th scope="col">Goes</th>
                  <th scope="col">
                    <span className="sr">Acts</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {list.entries.map((entry) => (
                  <tr
                    key={entry.runId}
                    data-run-id={entry.runId}
                    aria-current={entry.runId === focused}
                    onPointerDown={() => useUi.setState({ focused: entry.runId })}
                    onFocus={() => useUi.setState({ focused: entry.runId })}
                  >
                    <th scope="row">
                      <span className="cut strong" title={line(entry.title)}>
                        {line(entry.title, 120)}
                      </span>
                      <span className="faint cut">
                        {entry.repository ? line(entry.repository.split('/').at(-1) ?? '', 80) : 'repository gone'}
                      </span>
                    </th>
                    <td>
                      <span className="mono cut">{entry.branch ? line(entry.branch, 100) : '–'}</span>
                    </td>
                    <td>
                      {entry.commitsOnlyHere === null ? (
                        <span className="tone" data-state="stalled">
                          commits unknown; deleted only if you say so
                        </span>
                      ) : entry.commitsOnlyHere > 0 ? (
                        <span className="tone" data-state="question">
                          {counted(entry.commitsOnlyHere, 'commit')} only here
                        </span>
                      ) : (
                        <span className="muted">no commit of its own</span>
                      )}
                    </td>
                    <td className="num">{bytesText(entry.sizeBytes)}</td>
                    <td className="muted nowrap">{dateText(entry.removedAt)}</td>
                    <td className="muted nowrap">
                      {entry.commitsOnlyHere !== 0 ? (
                        'when you delete it'
                      ) : entry.waitsMs === null ? (
                        dateText(entry.purgeAt)
                      ) : (
                        <span className="tone" data-state="question">
                          due; stays for {ageText(entry.waitsMs)}
                        </span>
                      )}
                      {entry.rebuildableAt !== null && (
                        <span className="second">rebuildable: {dateText(entry.rebuildableAt)}</span>
                      )}
                    </td>
                    <td className="acts">
                      <button
                        type="button"
                        className="btn small"
                        disabled={busy !== null}
                        onClick={() => void bring(entry.runId)}
                      >
                        <Icon name="undo" size={14} />
                        {busy === entry.runId ? 'Restoring' : 'Restore'}
                        <span className="sr">: {line(entry.title, 80)}</span>
                        {entry.runId === focused && <kbd>{keyCap('Enter')}</kbd>}
                      </button>
                      <button
                        type="button"
                        className="btn small quiet"
                        disabled={busy !== null}
                        onClick={() => void keepInTrash(entry.runId)}
                      >
                        Keep
                        <span className="sr">: {line(entry.title, 80)}</span>
                        {entry.runId === focused && <kbd>{keyCap('r')}</kbd>}
                      </button>
                      <button
                        type="button"
                        className="btn small quiet"
                        disabled={busy !== null}
                        onClick={() => openDialog({ kind: 'purge', runId: entry.runId, consent: null, failure: null })}
                      >
                        Delete now
                        <span className="sr">: {line(entry.title, 80)}</span>
                        {entry.runId === focused && <kbd>{keyCap('Delete')}</kbd>}
                      </button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </div>
    </main>
  )
}

function isShownInGrid(runId: string | null): boolean {
  const run = runId === null ? undefined : useReplica.getState().state.runs[runId]
  return run !== undefined && isKept(run.phase)
}
