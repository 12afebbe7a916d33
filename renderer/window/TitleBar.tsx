// The title bar: where the person is, the palette, whether the host is connected, New run, settings.
import { counted } from '../../app/model/text/units.ts'
import { action, perform } from '../actions/actions.ts'
import { useCounts, useVisibleIds } from '../client/hooks.ts'
import { useReplica } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { Key } from '../parts/Key.tsx'
import { line } from '../parts/words.ts'
import { type Filter, useUi } from './ui.ts'
import './title-bar.css'

const filterNames: Readonly<Record<string, string>> = {
  active: 'Active',
  needs: 'Needs you',
  working: 'In progress',
  queued: 'Queued',
  done: 'Done',
  all: 'All runs',
  unpushed: 'Unpushed',
}

export function filterName(filter: Filter, repositories: Readonly<Record<string, { readonly name: string }>>): string {
  return filterNames[filter] ?? line(repositories[filter.slice('repository:'.length)]?.name ?? 'Repository', 60)
}

export function TitleBar() {
  const ready = useReplica((replica) => replica.ready)
  const empty = useReplica(({ state }) => Object.keys(state.repositories).length === 0)
  return (
    <header className="titlebar">
      <div className="left">
        <span className="mark">
          <Icon name="mark" size={20} />
        </span>
        <Crumb />
      </div>
      <button type="button" className="palette" onClick={() => perform('palette')}>
        <Icon name="search" size={14} />
        <span className="grow cut">Search runs and commands</span>
        <Key id="palette" />
      </button>
      <div className="right">
        <HostLight />
        {ready && !empty && (
          <button type="button" className="btn" onClick={() => perform('new-run')}>
            <Icon name="plus" size={14} />
            {action('new-run').label as string}
            <Key id="new-run" />
          </button>
        )}
        <button
          type="button"
          className="btn quiet icon-only"
          aria-label="Settings"
          title="Settings"
          onClick={() => perform('settings')}
        >
          <Icon name="settings" />
        </button>
      </div>
    </header>
  )
}

function Crumb() {
  const view = useUi((ui) => ui.view)
  const filter = useUi((ui) => ui.filter)
  const maximised = useUi((ui) => ui.maximised)
  const repositories = useReplica(({ state }) => state.repositories)
  const ready = useReplica((replica) => replica.ready)
  const counts = useCounts()
  const ids = useVisibleIds()
  const focused = useUi((ui) => ui.focused)
  const repositoryName = useReplica(({ state }) => {
    const id = focused === null ? null : (state.runs[focused]?.repositoryId ?? null)
    return id === null ? '' : (state.repositories[id]?.name ?? '')
  })
  const place = focused === null ? -1 : ids.indexOf(focused)
  if (!ready || Object.keys(repositories).length === 0)
    return (
      <span className="crumb">
        <b>Coppice</b>
      </span>
    )
  if (view === 'review')
    return (
      <span className="crumb cut">
        <b>Review</b>&ensp;{line(repositoryName, 60)}
      </span>
    )
  if (view === 'trash')
    return (
      <span className="crumb cut">
        <b>Trash</b>&ensp;{counted(counts.trash, 'run')}
      </span>
    )
  if (view === 'journal')
    return (
      <span className="crumb cut">
        <b>Journal</b>
      </span>
    )
  if (maximised)
    return (
      <span className="crumb cut">
        <b>Run</b>
        {place < 0 ? '' : <>&ensp;{`${place + 1} of ${ids.length}`}</>}
      </span>
    )
  const among = Object.keys(counts.repositories).length
  const n = filter.startsWith('repository:')
    ? (counts.repositories[filter.slice('repository:'.length)]?.runs ?? 0)
    : counts[filter as Exclude<Filter, `repository:${string}`>]
  return (
    <span className="crumb cut">
      <b>{filterName(filter, repositories)}</b>&ensp;{counted(n, 'run')}
      {filter === 'active' && among > 1 ? ` in ${counted(among, 'repository', 'repositories')}` : ''}
    </span>
  )
}

function HostLight() {
  const link = useReplica((replica) => replica.link)
  const { sessions } = useCounts()
  const connected = link === 'connected'
  const text = connected
    ? `Host connected${sessions > 0 ? `, ${counted(sessions, 'session')} live` : ''}`
    : link === 'connecting'
      ? 'Connecting'
      : 'Host not available'
  return (
    <span className="host" data-link={link} title={connected ? 'Runs keep running when this window closes' : undefined}>
      <i />
      {text}
    </span>
  )
}
