// One run as a tile: head, terminal, a panel for a question or a verdict, foot. It reads only its own run, so an update of one run
// draws one tile. The grid decides order and place.
import { memo, useEffect, useRef } from 'react'
import { phaseWord } from '../../app/contract/sentences.ts'
import type { Attention } from '../../app/model/attention.ts'
import { isKept, type Live, type Run } from '../../app/model/run.ts'
import { action } from '../actions/actions.ts'
import { chordCap } from '../actions/keymap.ts'
import { restore } from '../actions/verbs.ts'
import { useAttention, useFresh, useLive, useRun } from '../client/hooks.ts'
import { countRender } from '../client/render-count.ts'
import { useReplica } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { Ticking } from '../parts/Ticking.tsx'
import { agentLabel, line, looks, proofOf } from '../parts/words.ts'
import { SideTabs, useShownSide } from '../sides/SideTabs.tsx'
import { Terminal } from '../terminal/Terminal.tsx'
import { ErrorBoundary } from '../window/ErrorBoundary.tsx'
import { focusRun, givePlaceBack, useUi } from '../window/ui.ts'
import { TileFoot } from './TileFoot.tsx'
import { Preparing, Queued, TilePanel, Unavailable } from './TilePanel.tsx'
import './run-tile.css'
import { RunTitle } from '../parts/RunTitle.tsx'

/** Proof of work older than this no longer turns the arc, in milliseconds. */
const proofMs = 5000

interface Props {
  readonly id: string
  readonly size: number
  readonly line: number
  readonly compact?: boolean
  /** The only tile on the screen: its terminal sets the program's size. */
  readonly large?: boolean
}

export const RunTile = memo(function RunTile(props: Props) {
  const run = useRun(props.id)
  countRender(`tile ${props.id}`)
  if (!run) return null
  return (
    <ErrorBoundary what={`The tile of ${line(run.title, 60)}`}>
      {isKept(run.phase) ? <Tile {...props} run={run} /> : <Ghost run={run} />}
    </ErrorBoundary>
  )
})

function Tile({ run, size, line: lineHeight, compact, large }: Props & { run: Run }) {
  const live = useLive(run.id)
  const attention = useAttention(run, live)
  const focused = useUi((ui) => ui.focused === run.id)
  const typing = useUi((ui) => ui.typing === run.id)
  const tile = useRef<HTMLElement>(null)

  useEffect(() => {
    const element = tile.current
    if (!focused || !element || useUi.getState().dialog) return
    // The focus follows the person's choice, but is never taken out of the tile itself or of a field above it.
    const active = document.activeElement
    if (!element.contains(active) && !active?.closest('.term-search, .filter')) element.focus({ preventScroll: true })
    element.scrollIntoView({ block: 'nearest' })
  }, [focused])

  const word = phaseWord(attention.look)
  return (
    <article
      ref={tile}
      className={`tile${focused ? ' is-focus' : ''}${typing ? ' is-typing' : ''}${large ? ' large' : ''}`}
      data-run-id={run.id}
      data-phase={run.phase}
      data-activity={live?.activity?.state ?? (run.phase === 'running' ? 'unknown' : '')}
      data-attention={attention.look}
      data-state={looks[attention.look].state}
      data-rank={attention.rank}
      data-compact={compact || undefined}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a tile is chosen with the keyboard, and its keys act on it.
      tabIndex={0}
      aria-label={`${line(run.title)}. ${word}. ${agentLabel(run.agent)}${run.branch ? `, ${line(run.branch)}` : ''}.`}
      onFocus={() => {
        if (useUi.getState().focused !== run.id) focusRun(run.id)
      }}
      onDoubleClick={(event) => {
        if (event.target instanceof Element && event.target.closest('.tile-head')) focusRun(run.id, { maximise: true })
      }}
    >
      <TileHead run={run} live={live} attention={attention} typing={typing} />
      <SideTabs run={run} large={large === true} />
      <Body
        run={run}
        live={live}
        attention={attention}
        size={size}
        lineHeight={lineHeight}
        sizes={typing || large === true}
      />
      <TilePanel run={run} live={live} attention={attention} compact={compact === true} />
      <TileFoot run={run} live={live} />
    </article>
  )
}

interface Facts {
  readonly run: Run
  readonly live: Live | undefined
  readonly attention: Attention
}

export function TileHead({ run, live, attention, typing }: Facts & { typing: boolean }) {
  const provenAt = live?.activity?.state === 'working' ? live.activity.provenAt : (live?.lastOutputAt ?? null)
  const lostAt = useReplica((replica) => replica.lostAt)
  const fresh = useFresh(attention.look === 'working' && lostAt === null ? provenAt : null, proofMs)
  return (
    <header className="tile-head">
      <Icon name={looks[attention.look].icon} turn={fresh} />
      <h2 className="tile-title" title={line(run.title)}>
        <RunTitle title={run.title} />
      </h2>
      {run.inPlace && (
        <span className="in-place" title={`In ${line(run.worktree ?? '', 300)}, without a worktree`}>
          in place
        </span>
      )}
      <span className="tile-state">{phaseWord(attention.look)}</span>
      {typing ? (
        <span className="tile-typing" title="Every key goes to the terminal">
          <Icon name="shell" size={14} />
          <span className="wide-only">Keys go to the terminal. Leave:</span>
          <kbd>{chordCap(action('grid'))}</kbd>
        </span>
      ) : (
        <span className="tile-proof">
          {lostAt !== null ? (
            `as of ${new Date(lostAt).toLocaleTimeString('en-GB')}`
          ) : (
            <Ticking>{(now) => proofOf(run, live, attention, now)}</Ticking>
          )}
        </span>
      )}
    </header>
  )
}

function Body({
  run,
  live,
  attention,
  size,
  lineHeight,
  sizes,
}: Facts & { size: number; lineHeight: number; sizes: boolean }) {
  const side = useShownSide(run)
  if (side) {
    const { sessionId } = side
    return <Terminal key={sessionId} runId={run.id} sessionId={sessionId} size={size} line={lineHeight} sizes={sizes} />
  }
  if (run.phase === 'queued') return <Queued run={run} live={live} />
  if (attention.look === 'unavailable') return <Unavailable run={run} />
  const preparing = run.phase === 'preparing' || run.phase === 'starting'
  const nothingRan = run.attempts.length === 0 && !preparing && run.stages.length === 0
  return (
    <>
      {(preparing || run.attempts.length === 0) && run.stages.length > 0 && <Preparing run={run} live={live} />}
      {!nothingRan && <Terminal runId={run.id} size={size} line={lineHeight} sizes={sizes} />}
      {nothingRan && <div className="waitbox" />}
    </>
  )
}

/** The empty place of a removed run, for as long as its Undo stands. */
function Ghost({ run }: { run: Run }) {
  const purged = run.phase === 'purged'
  return (
    <div className="slot" data-ghost={run.id}>
      <p>{line(run.title, 80)} was here</p>
      <div className="row">
        {!purged && (
          <button type="button" className="btn small" onClick={() => void restore(run.id)}>
            <Icon name="undo" size={14} />
            Undo
          </button>
        )}
        <button type="button" className="btn small quiet" onClick={() => givePlaceBack(run.id)}>
          Close the gap
        </button>
      </div>
    </div>
  )
}
