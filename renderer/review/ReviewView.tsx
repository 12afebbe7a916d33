// The review page of one run: its changed files, their lines, what was reviewed and commented, and the way on (send, publish). It
// follows the agent: what changes in the worktree appears here without moving what the person reads.
import { useCallback, useEffect, useRef } from 'react'
import { phaseWord } from '../../app/contract/sentences.ts'
import { ageText, counted } from '../../app/model/text/units.ts'
import { ActionButton } from '../actions/ActionButton.tsx'
import { perform } from '../actions/actions.ts'
import { useAttention, useLive, useRun } from '../client/hooks.ts'
import { useReplica } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { RunTitle } from '../parts/RunTitle.tsx'
import { Ticking } from '../parts/Ticking.tsx'
import { line, looks } from '../parts/words.ts'
import { ConnectionBar } from '../window/ConnectionBar.tsx'
import { type DiffHandle, DiffPane } from './DiffPane.tsx'
import { DiffSearch } from './DiffSearch.tsx'
import { FileTree } from './FileTree.tsx'
import { createHunkCache } from './hunk-cache.ts'
import { linesOf } from './items.ts'
import {
  drawWith,
  markSeen,
  openReview,
  refresh,
  sendComments,
  setFocus,
  setIgnoreWhitespace,
  setSelected,
  setSplit,
  setUnreviewedOnly,
  setUnseenOnly,
  setWrap,
  useReview,
  write,
} from './review-store.ts'
import { ScopeChoice } from './ScopeChoice.tsx'
import './review.css'

drawWith(createHunkCache())

/** A working agent changes files without a sign that reaches the page: it asks again after this long. Milliseconds. */
const followMs = 3_000

// The default export is what React.lazy takes: the page and its library are loaded when it is first opened.
export default function ReviewView({ runId }: { runId: string }) {
  const run = useRun(runId)
  const live = useLive(runId)
  const connected = useReplica(({ link }) => link === 'connected')
  const comments = run?.comments
  const signal = `${live?.dirty?.observedAt} ${live?.ahead?.observedAt} ${run?.phase}`
  // biome-ignore lint/correctness/useExhaustiveDependencies: the signal and the comments say when to ask again.
  useEffect(() => {
    openReview(runId)
    if (connected) void refresh()
  }, [runId, signal, comments, connected])
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible' && run?.phase === 'running' && connected) void refresh()
    }, followMs)
    return () => clearInterval(timer)
  }, [run?.phase, connected])

  useEffect(() => markSeen, [])
  const pane = useRef<DiffHandle>(null)
  const built = useReview((review) => review.built)
  const split = useReview((review) => review.split)
  const wrap = useReview((review) => review.wrap)
  const focus = useReview((review) => review.focus)
  const open = useCallback((id: string) => {
    setFocus(id)
    pane.current?.scrollTo({ type: 'item', id, align: 'start', behavior: 'instant' })
  }, [])
  useEffect(() => {
    if (focus !== null) pane.current?.scrollTo({ type: 'item', id: focus, align: 'nearest', behavior: 'instant' })
  }, [focus])
  const select = useCallback((itemId: string | null, side: 'old' | 'new' = 'new', start = 1, end = start) => {
    const shown = itemId === null ? undefined : useReview.getState().built.shown.get(itemId)
    if (itemId === null || shown?.kind !== 'hunk') return setSelected(null)
    setFocus(itemId)
    setSelected({ path: shown.file.path, side, start, end, quote: linesOf(shown.hunk, side, start, end) })
  }, [])
  const comment = useCallback(
    (itemId: string, side: 'old' | 'new', start: number, end: number) => {
      select(itemId, side, start, end)
      write(useReview.getState().selected)
    },
    [select],
  )
  if (!run) return null
  return (
    <main className="main">
      <ConnectionBar />
      <h1 className="sr">Review {line(run.title)}</h1>
      <ReviewBar runId={runId} />
      <div className="review-body">
        <aside className="review-files">
          <Totals />
          <FileTree onOpen={open} />
        </aside>
        <section className="review-diff" aria-label="Changed lines">
          <Empty />
          <DiffPane built={built} split={split} wrap={wrap} pane={pane} onSelect={select} onComment={comment} />
        </section>
      </div>
      <Footer runId={runId} />
    </main>
  )
}

function ReviewBar({ runId }: { runId: string }) {
  const run = useRun(runId)!
  const live = useLive(runId)
  const attention = useAttention(run, live)
  const { split, wrap, ignoreWhitespace, unreviewedOnly, unseenOnly, changes } = useReview()
  const { icon } = looks[attention.look]
  const behind = live?.behind?.value ?? null
  return (
    <div className="review-bar">
      <button
        type="button"
        className="btn quiet icon-only"
        aria-label="Back"
        title="Back (Esc)"
        onClick={() => perform('back')}
      >
        <Icon name="all" />
      </button>
      <Icon name={icon} />
      <span className="strong cut">
        <RunTitle title={run.title} />
      </span>
      <span className="muted nowrap">
        {phaseWord(attention.look)}
        {run.settledAt !== null && (
          <>
            {' '}
            <Ticking>{(now) => `${ageText(now - run.settledAt!)} ago`}</Ticking>
          </>
        )}
      </span>
      {behind !== null && behind > 0 && <span className="muted nowrap small">{behind} behind its base</span>}
      <span className="grow" />
      <DiffSearch />
      <ScopeChoice runId={runId} />
      <div className="seg">
        {changes?.seenAt != null && (
          <button type="button" aria-pressed={unseenOnly} onClick={() => setUnseenOnly(!unseenOnly)}>
            Since last look {changes.totals.unseen > 0 && <b>{changes.totals.unseen}</b>}
          </button>
        )}
        <button type="button" aria-pressed={unreviewedOnly} onClick={() => setUnreviewedOnly(!unreviewedOnly)}>
          Not reviewed
        </button>
        <button type="button" aria-pressed={ignoreWhitespace} onClick={() => setIgnoreWhitespace(!ignoreWhitespace)}>
          Hide white space
        </button>
        <button type="button" aria-pressed={wrap} onClick={() => setWrap(!wrap)}>
          Wrap
        </button>
      </div>
      <div className="seg">
        <button type="button" aria-pressed={!split} onClick={() => setSplit(false)}>
          Unified
        </button>
        <button type="button" aria-pressed={split} onClick={() => setSplit(true)}>
          Split
        </button>
      </div>
    </div>
  )
}

function Totals() {
  const changes = useReview((review) => review.changes)
  if (!changes) return <p className="tree-totals muted">Reading the changes</p>
  const { files, added, deleted } = changes.totals
  return (
    <p className="tree-totals">
      <b>{counted(files, 'file')}</b> <span className="add">+{added}</span> <span className="del">−{deleted}</span>
      <span className="grow" />
    </p>
  )
}

function Empty() {
  const problem = useReview((review) => review.problem)
  const changes = useReview((review) => review.changes)
  const left = useReview(({ built }) => built.items.length)
  if (problem)
    return (
      <div className="hint bad review-problem" role="alert">
        {problem}{' '}
        <button type="button" className="link" onClick={() => void refresh()}>
          Try again
        </button>
      </div>
    )
  if (!changes || left > 0) return null
  return (
    <div className="nothing">
      <p className="big">{changes.files.length === 0 ? 'Nothing has changed here.' : 'Everything here is reviewed.'}</p>
      {changes.files.length > 0 && (
        <button type="button" className="btn tall quiet" onClick={() => setUnreviewedOnly(false)}>
          Show all changes
        </button>
      )}
    </div>
  )
}

function Footer({ runId }: { runId: string }) {
  const waiting = useReview(({ comments }) => comments.filter(({ comment }) => comment.sentAt === null).length)
  const totals = useReview(({ changes }) => changes?.totals)
  const share = totals && totals.hunks > 0 ? Math.round((100 * totals.reviewed) / totals.hunks) : 0
  return (
    <footer className="review-foot">
      {waiting > 0 ? (
        <>
          <button type="button" className="btn primary" onClick={() => void sendComments()}>
            <Icon name="comment" size={14} /> Send {counted(waiting, 'comment')} to the agent
          </button>
          <span className="muted">as one message</span>
        </>
      ) : (
        <span className="muted small">
          Click a line number, then <kbd>C</kbd> to comment
        </span>
      )}
      <span className="grow" />
      {totals && totals.hunks > 0 && (
        <span className="row">
          <span className="gauge" role="img" aria-label={`${totals.reviewed} of ${totals.hunks} hunks reviewed`}>
            <i style={{ width: `${share}%` }} />
          </span>
          <span className="nowrap">
            {totals.reviewed} of {counted(totals.hunks, 'hunk')} reviewed
          </span>
        </span>
      )}
      <ActionButton id="publish" runId={runId} cap />
    </footer>
  )
}
