// Many runs as rows of 32 px. Beside them are the live tiles of the rows around the selected one: as many as fit, at most four.
// Only visible rows are drawn.
import { useVirtualizer } from '@tanstack/react-virtual'
import { memo, useEffect, useRef } from 'react'
import { phaseWord } from '../../app/contract/sentences.ts'
import type { Run } from '../../app/model/run.ts'
import { useAttention, useLive, useRun } from '../client/hooks.ts'
import { countRender } from '../client/render-count.ts'
import { Icon } from '../parts/Icon.tsx'
import { Ticking } from '../parts/Ticking.tsx'
import { line, looks, proofOf, sizeText } from '../parts/words.ts'
import { focusRun, useUi } from '../window/ui.ts'
import { smallestTile } from './layout.ts'
import { RunTile } from './RunTile.tsx'
import { Changes } from './TileFoot.tsx'
import './run-list.css'
import { RunTitle } from '../parts/RunTitle.tsx'

const rowHeight = 32

interface Props {
  readonly ids: readonly string[]
  readonly label: string
  readonly room: { readonly width: number; readonly height: number }
}

export function RunList({ ids, label, room }: Props) {
  const scroll = useRef<HTMLDivElement>(null)
  const focused = useUi((ui) => ui.focused)
  const at = focused === null ? 0 : Math.max(0, ids.indexOf(focused))
  const rows = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  })
  useEffect(() => {
    if (focused !== null && ids.includes(focused)) rows.scrollToIndex(at, { align: 'auto' })
  }, [focused, at, ids, rows])

  const tileRoom = Math.max(smallestTile.width, Math.round(room.width * 0.5))
  const columns = tileRoom >= smallestTile.width * 2.4 ? 2 : 1
  const lines = Math.max(1, Math.min(2, Math.floor(room.height / (smallestTile.height + 8))))
  const shown = Math.min(ids.length, columns * lines)
  // A page of rows, not a window around the chosen one: moving by one row does not move the tiles.
  const from = Math.min(Math.floor(at / shown) * shown, Math.max(0, ids.length - shown))
  return (
    <div className="many">
      <section className="rows" ref={scroll} aria-label={label}>
        <div style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => (
            <div key={ids[index]} className="row-place" style={{ transform: `translateY(${start}px)` }}>
              <Row id={ids[index]!} />
            </div>
          ))}
        </div>
      </section>
      <div
        className="grid live"
        style={{
          gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
          gridTemplateRows: `repeat(${lines}, minmax(0, 1fr))`,
        }}
      >
        {ids.slice(from, from + shown).map((id) => (
          <RunTile key={id} id={id} size={11} line={16} />
        ))}
      </div>
    </div>
  )
}

const Row = memo(function Row({ id }: { id: string }) {
  const run = useRun(id)
  countRender(`row ${id}`)
  return run ? <RowOf run={run} /> : null
})

function RowOf({ run }: { run: Run }) {
  const live = useLive(run.id)
  const attention = useAttention(run, live)
  const focused = useUi((ui) => ui.focused === run.id)
  const size = sizeText(live)
  const { icon, state } = looks[attention.look]
  return (
    <button
      type="button"
      className={`run-row${focused ? ' on' : ''}`}
      data-row={run.id}
      data-state={state}
      data-rank={attention.rank}
      aria-current={focused || undefined}
      onClick={() => focusRun(run.id)}
      onDoubleClick={() => focusRun(run.id, { maximise: true })}
    >
      <Icon name={icon} size={14} />
      <span className="title cut">
        {run.inPlace && <span className="in-place">in place</span>} <RunTitle title={run.title} />
      </span>
      <span className="state">{phaseWord(attention.look)}</span>
      <span className="proof cut">
        <Ticking>{(now) => proofOf(run, live, attention, now)}</Ticking>
      </span>
      <span className="last cut">{live?.lastLine ? line(live.lastLine, 200) : ''}</span>
      <span className="numbers">
        <Changes live={live} />
      </span>
      <span className="size">{size?.text ?? ''}</span>
    </button>
  )
}
