// The grid shows the runs of the selected list as tiles, as a list with a few live tiles if there are many, or one run beside its
// details. It knows only ids and sizes; each tile reads the facts of its own run.
import { useEffect, useRef } from 'react'
import { useSettings, useVisibleIds } from '../client/hooks.ts'
import { useReplica } from '../client/replica.ts'
import { useRoom } from '../parts/use-room.ts'
import { filterName } from '../window/TitleBar.tsx'
import { useUi } from '../window/ui.ts'
import { DetailsPane } from './DetailsPane.tsx'
import { layoutOf } from './layout.ts'
import { NothingHere } from './NothingHere.tsx'
import { RunList } from './RunList.tsx'
import { RunTile } from './RunTile.tsx'
import './run-grid.css'

export function RunGrid() {
  const ids = useVisibleIds()
  const { density } = useSettings()
  const filter = useUi((ui) => ui.filter)
  const details = useUi((ui) => ui.details)
  const repositories = useReplica(({ state }) => state.repositories)
  const box = useRef<HTMLDivElement>(null)
  const room = useRoom(box)
  const layout = layoutOf(ids.length, density, { ...room, window: window.innerWidth })
  const columns = layout.kind === 'grid' ? layout.columns : 1
  useEffect(() => useUi.setState({ columns }), [columns])

  const name = filterName(filter, repositories)
  const tiles = (shown: readonly string[]) =>
    shown.map((id) => (
      <RunTile
        key={id}
        id={id}
        size={layout.type.size}
        line={layout.type.line}
        compact={layout.compact}
        large={layout.kind === 'one'}
      />
    ))
  return (
    <div className="grid-box" ref={box}>
      <h1 className="sr">{name}</h1>
      {room.width === 0 ? null : ids.length === 0 ? (
        <NothingHere />
      ) : layout.kind === 'list' ? (
        <RunList ids={ids} label={name} room={room} />
      ) : layout.kind === 'one' ? (
        <div className="focus" data-details={details}>
          <div className="stage">{tiles(ids)}</div>
          {details && <DetailsPane runId={ids[0]!} />}
        </div>
      ) : (
        <section
          className="grid"
          aria-label={name}
          data-compact={layout.compact || undefined}
          style={{ gridTemplateColumns: `repeat(${layout.columns}, minmax(0, 1fr))`, gridAutoRows: `${layout.row}px` }}
        >
          {tiles(ids)}
        </section>
      )}
    </div>
  )
}
