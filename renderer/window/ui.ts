// What this window shows: the view, the filter, which tile has the focus, which terminal has the keys, which dialog is open. None
// of it is a fact about runs. Only the person's order of tiles survives the page.
import { create } from 'zustand'
import type { RemovalPreview } from '../../app/contract/commands/cleanup.ts'
import type { Failure } from '../../app/model/failure.ts'

export type Filter = 'active' | 'needs' | 'working' | 'queued' | 'done' | 'all' | 'unpushed' | `repository:${string}`
export type View = 'grid' | 'trash' | 'journal' | 'review'

export type Dialog =
  | { readonly kind: 'new-run'; readonly repositoryId?: string }
  | { readonly kind: 'add-repository' }
  | { readonly kind: 'remove'; readonly runId: string; readonly preview: RemovalPreview }
  | { readonly kind: 'publish'; readonly runId: string }
  | { readonly kind: 'resume'; readonly runId: string }
  | { readonly kind: 'rename'; readonly runId: string }
  | {
      readonly kind: 'purge'
      readonly runId: string
      readonly consent: string | null
      readonly failure: Failure | null
    }
  | { readonly kind: 'stop'; readonly runId: string }
  | { readonly kind: 'open-side'; readonly runId: string; readonly what: 'command' | 'agent' }
  | { readonly kind: 'close-side'; readonly runId: string; readonly number: number }
  | { readonly kind: 'settings' }
  | { readonly kind: 'keys' }
  | { readonly kind: 'palette' }
  | { readonly kind: 'link'; readonly url: string; readonly why: string }

export interface Ui {
  readonly view: View
  readonly filter: Filter
  /** Words of the filter field; null while it is closed. */
  readonly query: string | null
  readonly focused: string | null
  readonly maximised: boolean
  /** The run whose terminal has the keys. */
  readonly typing: string | null
  readonly dialog: Dialog | null
  readonly details: boolean
  /** The session beside its agent that a run's tile shows, by run; a run that is not here shows its agent. */
  readonly sides: Readonly<Record<string, number>>
  /** The run whose terminal shows its search field. */
  readonly searching: string | null
  /** Removed runs that keep their empty place while Undo is offered. */
  readonly ghosts: readonly string[]
  /** The person's order: run ids, moved ones only count once they stand here. */
  readonly order: readonly string[]
  /** Columns of the grid as drawn now: what up and down move by. */
  readonly columns: number
}

const orderKey = 'coppice.order'

function savedOrder(): readonly string[] {
  try {
    const saved: unknown = JSON.parse(localStorage.getItem(orderKey) ?? '[]')
    return Array.isArray(saved) ? saved.filter((id): id is string => typeof id === 'string').slice(0, 5000) : []
  } catch {
    return []
  }
}

export const useUi = create<Ui>()(() => ({
  view: 'grid',
  filter: 'active',
  query: null,
  focused: null,
  maximised: false,
  typing: null,
  dialog: null,
  details: true,
  sides: {},
  searching: null,
  ghosts: [],
  order: typeof window === 'undefined' ? [] : savedOrder(),
  columns: 1,
}))

export const openDialog = (dialog: Dialog | null): void => useUi.setState({ dialog })

/** Shows one of the lists of runs; the view of one run is left. */
export const showFilter = (filter: Filter): void =>
  useUi.setState({ view: 'grid', filter, maximised: false, searching: null })

export const showView = (view: View): void => useUi.setState({ view, maximised: false, searching: null })

/** Shows one of a run's sessions in its tile: that of a number, or its agent's own. */
export const showSide = (runId: string, number: number | null): void =>
  useUi.setState(({ sides }) => {
    const { [runId]: _, ...others } = sides
    return { sides: number === null ? others : { ...others, [runId]: number } }
  })

/** Puts the focus on a run; with `maximise`, shows it alone. */
export function focusRun(runId: string | null, options: { readonly maximise?: boolean } = {}): void {
  useUi.setState(({ maximised, view }) => ({
    focused: runId,
    view: runId === null ? view : 'grid',
    maximised: runId === null ? false : (options.maximise ?? maximised),
  }))
}

/** Keeps a removed run's place for as long as its Undo is offered. */
export function keepPlace(runId: string): void {
  useUi.setState(({ ghosts }) => ({ ghosts: ghosts.includes(runId) ? ghosts : [...ghosts, runId] }))
}

export function givePlaceBack(runId: string): void {
  useUi.setState(({ ghosts }) => (ghosts.includes(runId) ? { ghosts: ghosts.filter((id) => id !== runId) } : {}))
}

export function saveOrder(order: readonly string[]): void {
  useUi.setState({ order })
  try {
    localStorage.setItem(orderKey, JSON.stringify(order))
  } catch {
    // A full or forbidden storage costs the order after a reload and nothing else.
  }
}
