// The rail: lists of runs with their counts, repositories with the number of runs that need a person, boards, and the disk. While
// one run is shown alone it lists the others, so that a waiting run is still noticed.
import { useEffect, useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import { phaseWord } from '../../app/contract/sentences.ts'
import { attentionOf } from '../../app/model/attention.ts'
import { isKept } from '../../app/model/run.ts'
import { bytesText, shortAge } from '../../app/model/text/units.ts'
import { perform } from '../actions/actions.ts'
import { useAttention, useCounts, useLive, useRun, useSettings } from '../client/hooks.ts'
import { call, useReplica } from '../client/replica.ts'
import { isDone, ordered } from '../client/selectors.ts'
import { Icon, type IconName } from '../parts/Icon.tsx'
import { Key } from '../parts/Key.tsx'
import { Ticking } from '../parts/Ticking.tsx'
import { line, looks } from '../parts/words.ts'
import { type Filter, focusRun, showFilter, showView, useUi, type View } from './ui.ts'
import './rail.css'
import { RunTitle } from '../parts/RunTitle.tsx'

export function Rail() {
  const alone = useUi((ui) => ui.maximised && ui.view === 'grid' && ui.focused !== null)
  return (
    <nav className="rail" aria-label="Runs and repositories">
      {alone ? <RunsBeside /> : <Lists />}
      <Disk />
    </nav>
  )
}

interface EntryProps {
  readonly icon: IconName
  readonly label: string
  readonly count?: number
  readonly needs?: number
  readonly pill?: number
  readonly on?: boolean
  readonly sub?: boolean
  readonly dim?: string
  onClick(): void
}

function Entry({ icon, label, count, needs = 0, pill = 0, on, sub, dim, onClick }: EntryProps) {
  return (
    <button
      type="button"
      className={`nav${sub ? ' sub' : ''}${on ? ' on' : ''}`}
      aria-current={on ? 'page' : undefined}
      title={dim ? `${label}: ${dim}` : label}
      onClick={onClick}
    >
      <Icon name={icon} />
      <span className="label">{label}</span>
      {needs > 0 && (
        <span className="need">
          <Icon name="question" size={12} />
          {needs}
          <span className="sr"> need you</span>
        </span>
      )}
      {pill > 0 ? <span className="pill">{pill}</span> : count !== undefined && <span className="n">{count}</span>}
    </button>
  )
}

function Lists() {
  const counts = useCounts()
  const view = useUi((ui) => ui.view)
  const filter = useUi((ui) => ui.filter)
  const repositories = useReplica(({ state }) => state.repositories)
  const list = (to: Filter) => ({ on: view === 'grid' && filter === to, onClick: () => showFilter(to) })
  const board = (to: View) => ({ on: view === to, onClick: () => showView(to) })
  return (
    <div className="rail-scroll">
      <h2>Runs</h2>
      <Entry icon="all" label="Active" count={counts.active} {...list('active')} />
      <Entry icon="question" label="Needs you" count={counts.needs} pill={counts.needs} sub {...list('needs')} />
      <Entry icon="working" label="In progress" count={counts.working} sub {...list('working')} />
      <Entry icon="queued" label="Queued" count={counts.queued} sub {...list('queued')} />
      <Entry icon="reviewed" label="Done" count={counts.done} {...list('done')} />
      <Entry icon="list" label="All" count={counts.all} {...list('all')} />
      <div className="gap" />
      <h2>Repositories</h2>
      {Object.values(repositories)
        .sort((a, b) => a.addedAt - b.addedAt)
        .map((repository) => (
          <Entry
            key={repository.id}
            icon={repository.presence === 'present' ? 'repo' : 'stalled'}
            label={line(repository.name, 60)}
            dim={repository.presence === 'present' ? repository.path : `${repository.path} is not available`}
            count={counts.repositories[repository.id]?.runs ?? 0}
            needs={counts.repositories[repository.id]?.needs ?? 0}
            {...list(`repository:${repository.id}`)}
          />
        ))}
      <Entry icon="plus" label="Add repository" onClick={() => perform('add-repository')} />
      <div className="gap" />
      <h2>Boards</h2>
      <Entry icon="publish" label="Unpushed" count={counts.unpushed} {...list('unpushed')} />
      <Entry icon="remove" label="Trash" count={counts.trash} {...board('trash')} />
      <Entry icon="journal" label="Journal" {...board('journal')} />
    </div>
  )
}

function RunsBeside() {
  const ids = useReplica(
    useShallow(({ state, live }) => {
      const { order } = useUi.getState()
      const now = Date.now()
      const kept = Object.values(state.runs).filter(
        (run) => isKept(run.phase) && !isDone(run, attentionOf(run, live[run.id], now)),
      )
      const rank = (id: string) => attentionOf(state.runs[id]!, live[id], now).rank
      const all = ordered(kept, order).map((run) => run.id)
      return ['needs', ...all.filter((id) => rank(id) <= 2), 'rest', ...all.filter((id) => rank(id) > 2)]
    }),
  )
  const cut = ids.indexOf('rest')
  const needs = ids.slice(1, cut)
  const rest = ids.slice(cut + 1)
  return (
    <div className="rail-scroll">
      <button type="button" className="nav" title="Grid" onClick={() => perform('grid')}>
        <Icon name="all" />
        <span className="label">Grid</span>
        <span className="n">
          <Key id="grid" />
        </span>
      </button>
      {needs.length > 0 && <h2>Need you</h2>}
      {needs.map((id) => (
        <RunEntry key={id} id={id} />
      ))}
      {rest.length > 0 && <h2>In progress</h2>}
      {rest.map((id) => (
        <RunEntry key={id} id={id} />
      ))}
    </div>
  )
}

function RunEntry({ id }: { id: string }) {
  const run = useRun(id)
  return run ? <RunEntryOf id={id} /> : null
}

function RunEntryOf({ id }: { id: string }) {
  const run = useRun(id)!
  const live = useLive(id)
  const attention = useAttention(run, live)
  const on = useUi((ui) => ui.focused === id)
  const { icon, state } = looks[attention.look]
  return (
    <button
      type="button"
      className={`nav two${on ? ' on' : ''}`}
      data-state={state}
      aria-current={on ? 'page' : undefined}
      title={line(run.title)}
      onClick={() => focusRun(id, { maximise: true })}
    >
      <Icon name={icon} />
      <span className="lines label">
        <b>
          <RunTitle title={run.title} max={80} />
        </b>
        <small>
          {phaseWord(attention.look)}, <Ticking>{(now) => shortAge(now - attention.since)}</Ticking>
        </small>
      </span>
    </button>
  )
}

/** How often the free space is asked for, in milliseconds. */
const freeEveryMs = 180_000

function Disk() {
  const { bytes, reclaimable, unmeasured, all } = useCounts()
  const repository = useReplica(
    ({ state }) => Object.values(state.repositories).find((one) => one.presence === 'present')?.id,
  )
  // The trash takes the same disk: a move there frees nothing.
  const trash = useReplica(({ state }) =>
    Object.values(state.runs).reduce(
      (sum, run) => sum + (run.phase === 'removed' ? (run.trash?.sizeBytes ?? 0) : 0),
      0,
    ),
  )
  const unweighed = useReplica(
    ({ state }) =>
      Object.values(state.runs).filter((run) => run.phase === 'removed' && run.trash?.sizeBytes === null).length,
  )
  const connected = useReplica(({ link }) => link === 'connected')
  const [free, setFree] = useState<number | null>(null)
  useEffect(() => {
    if (!repository || !connected) return
    const ask = () => {
      if (document.visibilityState === 'hidden') return
      call('repository.details', { repositoryId: repository }).then(
        ({ freeBytes }) => setFree(freeBytes),
        () => setFree(null),
      )
    }
    ask()
    const timer = setInterval(ask, freeEveryMs)
    return () => clearInterval(timer)
  }, [repository, connected])
  const { lowDiskBytes } = useSettings()
  if (all === 0 && trash === 0 && unweighed === 0 && free === null) return null
  const low = free !== null && free < lowDiskBytes
  const total = bytes + trash + (free ?? 0)
  const share = (part: number) => `${total > 0 ? Math.max(part > 0 ? 1 : 0, (part / total) * 100) : 0}%`
  return (
    <div className="disk">
      <div className="line">
        <span>Worktrees</span>
        <b title={unmeasured > 0 ? `${unmeasured} not measured yet` : undefined}>
          {bytesText(bytes)}
          {unmeasured > 0 ? '+' : ''}
        </b>
      </div>
      <div
        className="meter"
        role="img"
        aria-label={`${bytesText(bytes)} in worktrees, ${bytesText(reclaimable)} of it reclaimable; ${bytesText(trash)}${unweighed > 0 ? ' or more' : ''} in the trash; ${bytesText(free)} free`}
      >
        <i className="kept" style={{ width: share(bytes - reclaimable) }} />
        <i className="back" style={{ width: share(reclaimable) }} />
        <i className="trashed" style={{ width: share(trash) }} />
      </div>
      {(trash > 0 || unweighed > 0) && (
        <div className="line">
          <span>Trash</span>
          <b title={unweighed > 0 ? `the size of ${unweighed} is unknown` : undefined}>
            {bytesText(trash)}
            {unweighed > 0 ? '+' : ''}
          </b>
        </div>
      )}
      <div className="line">
        <span>Free</span>
        <b>{bytesText(free)}</b>
      </div>
      {low && <div className="small low label">The disk is almost full: new runs wait; you can still remove runs.</div>}
      {reclaimable > 0 && <div className="small muted label">{bytesText(reclaimable)} reclaimable</div>}
    </div>
  )
}
