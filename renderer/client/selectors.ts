// Lists and counts derived from the replica: which runs a filter shows and in which order, who is waiting, what the rail counts.
// Pure. A run that changes without moving between lists leaves every list as it was.
import type { Approval } from '../../app/model/approval.ts'
import { type Attention, attentionOf } from '../../app/model/attention.ts'
import { isAsking, isKept, type Live, type Run } from '../../app/model/run.ts'
import type { State } from '../../app/model/state.ts'
import type { Filter } from '../window/ui.ts'

type Lives = Readonly<Record<string, Live>>

/**
 * Done is what needs nothing from a person and does nothing: stopped, cancelled, or ended and then reviewed or merged. An agent that
 * works on or asks is never done, whatever was reviewed before.
 */
export function isDone(run: Run, attention: Attention): boolean {
  return attention.rank === 4 || (attention.rank === 2 && (run.reviewed || run.delivery.state === 'merged'))
}

/** True where the run has commits that no remote branch has; unknown counts as unpushed. */
export function isUnpushed(run: Run, live: Live | undefined): boolean {
  if (!isKept(run.phase) || run.worktreePresence !== 'present') return false
  if (live?.unpushed == null || live.unpushed.value === null) return run.delivery.state === 'local'
  return live.unpushed.value > 0
}

export function matches(filter: Filter, run: Run, live: Live | undefined, attention: Attention): boolean {
  if (!isKept(run.phase)) return false
  switch (filter) {
    case 'active':
      return !isDone(run, attention)
    case 'needs':
      return !isDone(run, attention) && attention.rank <= 2
    case 'working':
      return attention.rank === 3 && attention.look !== 'queued'
    case 'queued':
      return attention.look === 'queued'
    case 'done':
      return isDone(run, attention)
    case 'all':
      return true
    case 'unpushed':
      return isUnpushed(run, live)
    default:
      return run.repositoryId === filter.slice('repository:'.length)
  }
}

/** True where every word stands in the run's title, id, branch, agent or prompt. */
export function matchesQuery(query: string | null, run: Run): boolean {
  if (!query) return true
  const text = `${run.title} ${run.id} ${run.branch ?? ''} ${run.agent} ${run.prompt?.head ?? ''}`.toLowerCase()
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

/** Ids in the person's order: those they moved as they moved them, the others by age, the newest last. */
export function ordered(runs: readonly Run[], order: readonly string[]): Run[] {
  const place = new Map(order.map((id, index) => [id, index]))
  const byAge = [...runs].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
  if (place.size === 0) return byAge
  const known = byAge.filter((run) => place.has(run.id)).sort((a, b) => place.get(a.id)! - place.get(b.id)!)
  return [...known, ...byAge.filter((run) => !place.has(run.id))]
}

export interface Look {
  readonly filter: Filter
  readonly query: string | null
  readonly ghosts: readonly string[]
  readonly order: readonly string[]
  /** The run that a person is at: it does not go from under their hands when they stop or remove it. */
  readonly focused?: string | null
}

const stoppedLooks: readonly string[] = ['stopping', 'stopped', 'cancelled', 'removing']

/** The ids that the grid shows, removed ones with a kept place among them. */
export function visibleIds(state: State, live: Lives, look: Look, now: number): string[] {
  const shown = Object.values(state.runs).filter((run) => {
    if (look.ghosts.includes(run.id) && !isKept(run.phase)) return true
    const attention = attentionOf(run, live[run.id], now)
    const lists = look.filter === 'active' || look.filter === 'done'
    const stays = lists && look.focused === run.id && stoppedLooks.includes(attention.look)
    return (stays || matches(look.filter, run, live[run.id], attention)) && matchesQuery(look.query, run)
  })
  return ordered(shown, look.order).map((run) => run.id)
}

/** The removed runs, the newest first: the order of the trash. */
export function trashIds(state: State): string[] {
  return Object.values(state.runs)
    .filter((run) => run.phase === 'removed' && run.trash !== null && !run.inPlace)
    .sort((a, b) => (b.trash?.removedAt ?? 0) - (a.trash?.removedAt ?? 0))
    .map((run) => run.id)
}

export interface Waiting {
  readonly id: string
  readonly title: string
  readonly attention: Attention
}

/** Runs that want a person, the most urgent first and among equals the one that waits longest. */
export function needing(state: State, live: Lives, now: number): Waiting[] {
  return Object.values(state.runs)
    .filter((run) => isKept(run.phase))
    .map((run) => ({ run, attention: attentionOf(run, live[run.id], now) }))
    .filter(({ run, attention }) => matches('needs', run, live[run.id], attention))
    .map(({ run, attention }) => ({ id: run.id, title: run.title, attention }))
    .sort((a, b) => a.attention.rank - b.attention.rank || a.attention.since - b.attention.since)
}

export interface Counts {
  readonly active: number
  readonly needs: number
  readonly working: number
  readonly queued: number
  readonly done: number
  readonly all: number
  readonly unpushed: number
  readonly trash: number
  readonly sessions: number
  /** By repository id: runs kept, and those that want a person. */
  readonly repositories: Readonly<Record<string, { readonly runs: number; readonly needs: number }>>
  /** Sizes that are known, added up, and how many are not. */
  readonly bytes: number
  readonly reclaimable: number
  readonly unmeasured: number
}

/** Everything that the rail and the title bar count. */
export function countsOf(state: State, live: Lives, now: number): Counts {
  const counts = {
    active: 0,
    needs: 0,
    working: 0,
    queued: 0,
    done: 0,
    all: 0,
    unpushed: 0,
    trash: 0,
    sessions: 0,
    bytes: 0,
    reclaimable: 0,
    unmeasured: 0,
  }
  const repositories: Record<string, { runs: number; needs: number }> = {}
  for (const run of Object.values(state.runs)) {
    if (run.phase === 'removed' && !run.inPlace) counts.trash++
    if (!isKept(run.phase)) continue
    const facts = live[run.id]
    const attention = attentionOf(run, facts, now)
    for (const filter of ['active', 'needs', 'working', 'queued', 'done', 'all', 'unpushed'] as const) {
      if (matches(filter, run, facts, attention)) counts[filter]++
    }
    if (run.phase === 'running' || run.phase === 'stopping') counts.sessions++
    // A folder without git is in nobody's list of repositories.
    const repository = repositories[run.repositoryId ?? ''] ?? { runs: 0, needs: 0 }
    if (run.repositoryId !== null) repositories[run.repositoryId] = repository
    if (!isDone(run, attention)) repository.runs++
    if (matches('needs', run, facts, attention)) repository.needs++
    if (run.worktreePresence !== 'present' || run.inPlace) continue
    if (facts?.sizeBytes?.value == null) counts.unmeasured++
    else counts.bytes += facts.sizeBytes.value
    counts.reclaimable += facts?.reclaimableBytes?.value ?? 0
  }
  return { ...counts, repositories }
}

/** The approval that a run's tile shows: the first of those that it waits for. */
export function firstAsked(state: State, run: Run): Approval | null {
  const id = isAsking(run) ? run.waitsFor?.[0]?.approvalId : undefined
  return (id !== undefined && Object.hasOwn(state.approvals, id) ? state.approvals[id] : null) ?? null
}
