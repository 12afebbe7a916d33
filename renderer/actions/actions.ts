// The one table of everything a person can do: its words, its keys, when it is possible, and what it does. Keys, buttons, menus,
// the palette and the sheet of keys all come from it, so they cannot disagree.
import { attentionOf } from '../../app/model/attention.ts'
import {
  isAsking,
  isKept,
  isLive,
  isSettled,
  type Live,
  type Run,
  type SideSession,
  startsAnew,
} from '../../app/model/run.ts'
import { shownSides } from '../../app/model/side-session.ts'
import { useReplica } from '../client/replica.ts'
import { needing, ordered, trashIds, visibleIds } from '../client/selectors.ts'
import type { IconName } from '../parts/Icon.tsx'
import * as review from '../review/review-store.ts'
import { giveKeys, viewOf, wishKeys } from '../terminal/terminals.ts'
import { focusRun, openDialog, saveOrder, showFilter, showSide, showView, type Ui, useUi } from '../window/ui.ts'
import * as verbs from './verbs.ts'

/** The moment an action is asked about: the run it would act on and what the window shows. */
export interface Moment {
  readonly run: Run | undefined
  readonly live: Live | undefined
  readonly ui: Ui
  readonly connected: boolean
}

export interface Action {
  readonly id: string
  readonly label: string | ((moment: Moment) => string)
  readonly group: 'Runs' | 'This run' | 'Review' | 'Trash' | 'Go to' | 'Window'
  readonly icon?: IconName
  /** Keys while the grid has them: 'n', 'Shift+J', 'Mod+k', 'Delete'. The first one is shown. */
  readonly keys: readonly string[]
  /** Also as Ctrl+Shift and the first key, even from a terminal that has the keys. */
  readonly chord?: boolean
  readonly when: (moment: Moment) => boolean
  readonly run: (moment: Moment) => void
}

const always = () => true
// Only where the run can be seen: the trash and the journal have keys of their own.
const withRun = (test: (run: Run, moment: Moment) => boolean) => (moment: Moment) =>
  moment.ui.view === 'grid' && moment.run !== undefined && isKept(moment.run.phase) && test(moment.run, moment)
const inTrash = ({ run, ui }: Moment) =>
  ui.view === 'trash' && run?.phase === 'removed' && run.trash !== null && run.intent === null
const onRun =
  (act: (runId: string, run: Run) => void) =>
  ({ run }: Moment) =>
    run && act(run.id, run)

/** On the review page, with something under its keys. */
const inReview = ({ run, ui }: Moment) => ui.view === 'review' && run !== undefined

/** A request that has just appeared takes no key for this long, so that a key meant for something else never approves. */
const holdMs = 500
const asks = withRun((run) => isAsking(run) && Date.now() - (run.waitsFor?.[0]?.since ?? 0) > holdMs)

/** A session may be opened beside an agent that runs, and in a run that has ended, as long as its folder is there. */
const takesSides = (run: Run): boolean =>
  run.worktreePresence === 'present' && (run.phase === 'running' || isSettled(run.phase))

export const actions: readonly Action[] = [
  {
    id: 'review-mark',
    label: 'Mark the change as reviewed, or not',
    group: 'Review',
    icon: 'reviewed',
    keys: [' '],
    when: inReview,
    run: () => void review.markFocused(),
  },
  {
    id: 'review-next',
    label: 'Next change',
    group: 'Review',
    keys: ['j', 'ArrowRight', ']'],
    when: inReview,
    run: () => review.step(1),
  },
  {
    id: 'review-previous',
    label: 'Previous change',
    group: 'Review',
    keys: ['k', 'ArrowLeft', '['],
    when: inReview,
    run: () => review.step(-1),
  },
  {
    id: 'review-comment',
    label: 'Comment on the change',
    group: 'Review',
    icon: 'comment',
    keys: ['c'],
    when: inReview,
    run: () => review.commentHere(),
  },
  {
    id: 'review-send',
    label: 'Send the comments to the agent',
    group: 'Review',
    icon: 'comment',
    keys: ['Shift+C'],
    when: (moment) => inReview(moment) && review.waitingComments() > 0,
    run: () => void review.sendComments(),
  },
  {
    id: 'review-fold',
    label: 'Fold or unfold the change',
    group: 'Review',
    keys: ['Enter', 'o'],
    when: inReview,
    run: () => review.foldFocused(),
  },
  {
    id: 'review-split',
    label: 'Unified or split',
    group: 'Review',
    keys: ['v'],
    when: inReview,
    run: () => review.setSplit(!review.useReview.getState().split),
  },
  {
    id: 'review-unread',
    label: 'Only what is not reviewed, or all',
    group: 'Review',
    keys: ['u'],
    when: inReview,
    run: () => review.setUnreviewedOnly(!review.useReview.getState().unreviewedOnly),
  },
  {
    id: 'review-space',
    label: 'Hide or show changes of white space',
    group: 'Review',
    keys: ['w'],
    when: inReview,
    run: () => review.setIgnoreWhitespace(!review.useReview.getState().ignoreWhitespace),
  },
  {
    id: 'review-search',
    label: 'Search the changes',
    group: 'Review',
    icon: 'search',
    keys: ['/'],
    when: inReview,
    run: () => review.setQuery(''),
  },
  {
    id: 'new-run',
    label: 'New run',
    group: 'Runs',
    icon: 'plus',
    keys: ['n'],
    chord: true,
    when: ({ connected }) => connected && Object.keys(useReplica.getState().state.repositories).length > 0,
    run: ({ ui }) =>
      openDialog({
        kind: 'new-run',
        ...(ui.filter.startsWith('repository:') ? { repositoryId: ui.filter.slice('repository:'.length) } : {}),
      }),
  },
  {
    id: 'add-repository',
    label: 'Add repository',
    group: 'Runs',
    icon: 'repo',
    keys: ['o'],
    when: ({ connected }) => connected,
    run: () => openDialog({ kind: 'add-repository' }),
  },
  {
    id: 'next-waiting',
    label: 'Next run that needs you',
    group: 'Go to',
    icon: 'question',
    keys: ['.'],
    chord: true,
    when: always,
    run: () => goToNextWaiting(),
  },
  { id: 'next', label: 'Next tile', group: 'Go to', keys: ['j', 'ArrowRight'], when: always, run: () => step(1) },
  {
    id: 'previous',
    label: 'Previous tile',
    group: 'Go to',
    keys: ['k', 'ArrowLeft'],
    when: always,
    run: () => step(-1),
  },
  {
    id: 'below',
    label: 'Tile below',
    group: 'Go to',
    keys: ['ArrowDown'],
    when: always,
    run: ({ ui }) => step(ui.view === 'grid' ? ui.columns : 1),
  },
  {
    id: 'above',
    label: 'Tile above',
    group: 'Go to',
    keys: ['ArrowUp'],
    when: always,
    run: ({ ui }) => step(ui.view === 'grid' ? -ui.columns : -1),
  },
  {
    id: 'type',
    label: 'Type into the terminal',
    group: 'This run',
    icon: 'shell',
    keys: ['Enter'],
    when: withRun((run) => isLive(run.phase)),
    run: onRun(giveKeys),
  },
  {
    id: 'new-shell',
    label: 'New shell beside the agent',
    group: 'This run',
    icon: 'shell',
    keys: ['h'],
    chord: true,
    when: withRun(takesSides),
    run: onRun((id) => void verbs.openSide(id, { kind: 'shell' })),
  },
  {
    id: 'new-command',
    label: 'Command beside the agent…',
    group: 'This run',
    keys: ['Shift+H'],
    when: withRun(takesSides),
    run: onRun((runId) => openDialog({ kind: 'open-side', runId, what: 'command' })),
  },
  {
    id: 'new-agent',
    label: 'Another agent…',
    group: 'This run',
    keys: ['Shift+N'],
    when: withRun(takesSides),
    run: onRun((runId) => openDialog({ kind: 'open-side', runId, what: 'agent' })),
  },
  {
    id: 'next-tab',
    label: 'Next tab',
    group: 'This run',
    keys: ['x'],
    chord: true,
    when: withRun((run) => shownSides(run).length > 0),
    run: onRun((_id, run) => nextTab(run)),
  },
  {
    id: 'maximise',
    label: ({ ui }) => (ui.maximised ? 'Back to the grid' : 'Maximise'),
    group: 'This run',
    icon: 'max',
    keys: ['m'],
    chord: true,
    when: withRun(always),
    run: ({ run, ui }) => run && focusRun(run.id, { maximise: !ui.maximised }),
  },
  {
    id: 'grid',
    label: 'Grid',
    group: 'Go to',
    icon: 'all',
    keys: ['g'],
    chord: true,
    when: always,
    run: () => leaveTerminal({ maximised: false, view: 'grid' }),
  },
  { id: 'back', label: 'One step back', group: 'Go to', keys: ['Escape'], when: always, run: ({ ui }) => stepBack(ui) },
  {
    id: 'allow',
    label: 'Allow what it asks',
    group: 'This run',
    icon: 'check',
    keys: ['a'],
    chord: true,
    when: asks,
    run: onRun((id) => verbs.answerFirst(id, 'allow')),
  },
  {
    id: 'deny',
    label: 'Deny what it asks for, and continue',
    group: 'This run',
    icon: 'x',
    keys: ['d'],
    chord: true,
    when: asks,
    run: onRun((id) => verbs.answerFirst(id, 'deny')),
  },
  {
    id: 'publish',
    label: 'Publish',
    group: 'This run',
    icon: 'publish',
    keys: ['p'],
    chord: true,
    when: ({ run, ui }) =>
      (ui.view === 'grid' || ui.view === 'review') &&
      run?.branch != null &&
      isKept(run.phase) &&
      run.worktreePresence === 'present',
    run: onRun((runId) => openDialog({ kind: 'publish', runId })),
  },
  {
    id: 'review',
    label: 'Review the changes',
    group: 'This run',
    icon: 'reviewmark',
    keys: ['r'],
    chord: true,
    when: withRun((run) => run.repositoryId !== null && run.worktreePresence === 'present'),
    run: onRun((id) => {
      focusRun(id)
      leaveTerminal({ view: 'review' })
    }),
  },
  {
    id: 'resume',
    label: ({ run }) => (run && startsAnew(run) ? 'Try again' : 'Resume'),
    group: 'This run',
    icon: 'resume',
    keys: ['e'],
    when: withRun((run) => isSettled(run.phase)),
    run: onRun((runId) => openDialog({ kind: 'resume', runId })),
  },
  {
    id: 'stop',
    label: 'Stop',
    group: 'This run',
    icon: 'stop',
    keys: ['s'],
    chord: true,
    when: withRun((run) => run.phase === 'running'),
    run: ({ run, live }) =>
      run && (stopsWork(run, live) ? openDialog({ kind: 'stop', runId: run.id }) : verbs.stop(run.id)),
  },
  {
    id: 'cancel',
    label: 'Cancel',
    group: 'This run',
    icon: 'x',
    keys: ['s'],
    chord: true,
    when: withRun((run) => run.phase === 'queued' || run.phase === 'preparing' || run.phase === 'starting'),
    run: onRun(verbs.cancel),
  },
  {
    id: 'start-now',
    label: 'Start now',
    group: 'This run',
    icon: 'demo',
    keys: ['b'],
    when: withRun((run) => run.phase === 'queued'),
    run: onRun(verbs.startNow),
  },
  {
    id: 'reviewed',
    label: ({ run }) => (run?.reviewed ? 'Mark as not reviewed' : 'Mark as reviewed'),
    group: 'This run',
    icon: 'reviewed',
    keys: ['v'],
    when: withRun((run) => isSettled(run.phase)),
    run: onRun((id, run) => verbs.markReviewed(id, !run.reviewed)),
  },
  {
    id: 'rename',
    label: 'Rename',
    group: 'This run',
    icon: 'edit',
    keys: ['F2'],
    when: withRun(always),
    run: onRun((runId) => openDialog({ kind: 'rename', runId })),
  },
  {
    id: 'remove',
    label: 'Remove',
    group: 'This run',
    icon: 'remove',
    keys: ['Delete', 'Backspace'],
    chord: true,
    when: withRun((run) => isSettled(run.phase) || run.phase === 'running'),
    run: onRun((id) => void verbs.remove(id)),
  },
  {
    id: 'restore',
    label: 'Restore from the trash',
    group: 'Trash',
    icon: 'undo',
    keys: ['Enter'],
    when: inTrash,
    run: onRun((id) => void verbs.restore(id)),
  },
  {
    id: 'keep-in-trash',
    label: 'Keep in the trash longer',
    group: 'Trash',
    icon: 'undo',
    keys: ['r'],
    when: inTrash,
    run: onRun((id) => void verbs.keepInTrash(id)),
  },
  {
    id: 'free-now',
    label: 'Delete now',
    group: 'Trash',
    icon: 'remove',
    keys: ['Delete', 'Backspace'],
    when: inTrash,
    run: onRun((runId) => openDialog({ kind: 'purge', runId, consent: null, failure: null })),
  },
  {
    id: 'undo',
    label: 'Undo the last removal',
    group: 'Runs',
    icon: 'undo',
    keys: ['z'],
    when: () => verbs.lastRemoved() !== null,
    run: () => {
      const id = verbs.lastRemoved()
      if (id) void verbs.restore(id)
    },
  },
  {
    id: 'search',
    label: 'Search the terminal',
    group: 'This run',
    icon: 'search',
    keys: ['f'],
    chord: true,
    when: withRun((run) => viewOf(run.id) !== undefined),
    run: onRun((searching) => useUi.setState({ searching })),
  },
  {
    id: 'scroll-up',
    label: 'Scroll the terminal back',
    group: 'This run',
    keys: ['PageUp'],
    when: withRun((run) => viewOf(run.id) !== undefined),
    run: onRun((id) => viewOf(id)?.scroll(-1)),
  },
  {
    id: 'scroll-down',
    label: 'Scroll the terminal forward',
    group: 'This run',
    keys: ['PageDown'],
    when: withRun((run) => viewOf(run.id) !== undefined),
    run: onRun((id) => viewOf(id)?.scroll(1)),
  },
  {
    id: 'copy-branch',
    label: 'Copy branch name',
    group: 'This run',
    icon: 'copy',
    keys: ['y'],
    when: withRun((run) => run.branch !== null),
    run: onRun((_id, run) => void verbs.copyText(run.branch ?? '', 'Branch name')),
  },
  {
    id: 'copy-path',
    label: 'Copy worktree path',
    group: 'This run',
    icon: 'folder',
    keys: ['Shift+Y'],
    when: withRun((run) => run.worktree !== null),
    run: onRun((_id, run) => void verbs.copyText(run.worktree ?? '', 'Path')),
  },
  {
    id: 'measure',
    label: 'Measure size and changes again',
    group: 'This run',
    keys: ['Shift+M'],
    when: withRun((run) => run.worktreePresence === 'present'),
    run: onRun(verbs.measure),
  },
  {
    id: 'move-back',
    label: 'Move tile back',
    group: 'This run',
    keys: ['Shift+K'],
    when: withRun(always),
    run: onRun((id) => move(id, -1)),
  },
  {
    id: 'move-on',
    label: 'Move tile forward',
    group: 'This run',
    keys: ['Shift+J'],
    when: withRun(always),
    run: onRun((id) => move(id, 1)),
  },
  {
    id: 'filter',
    label: 'Filter runs',
    group: 'Go to',
    icon: 'search',
    keys: ['/'],
    when: always,
    run() {
      useUi.setState(({ query }) => ({ view: 'grid', maximised: false, query: query ?? '' }))
      // One that is open already takes the focus again; a new one takes it by itself.
      document.querySelector<HTMLElement>('.filter input')?.focus()
    },
  },
  {
    id: 'all',
    label: 'All runs',
    group: 'Go to',
    icon: 'list',
    keys: ['Shift+A'],
    when: always,
    run: () => showFilter('all'),
  },
  {
    id: 'trash',
    label: 'Trash',
    group: 'Go to',
    icon: 'remove',
    keys: ['t'],
    when: always,
    run: () => showView('trash'),
  },
  {
    id: 'journal',
    label: 'Journal',
    group: 'Go to',
    icon: 'journal',
    keys: ['l'],
    when: always,
    run: () => showView('journal'),
  },
  {
    id: 'details',
    label: ({ ui }) => (ui.details ? 'Hide details' : 'Show details'),
    group: 'Window',
    icon: 'list',
    keys: ['i'],
    when: always,
    run: () => useUi.setState(({ details }) => ({ details: !details })),
  },
  {
    id: 'palette',
    label: 'Commands and runs',
    group: 'Window',
    icon: 'search',
    keys: ['Mod+k'],
    chord: true,
    when: always,
    run: () => openDialog({ kind: 'palette' }),
  },
  {
    id: 'keys',
    label: 'All keys',
    group: 'Window',
    icon: 'key',
    keys: ['?'],
    when: always,
    run: () => openDialog({ kind: 'keys' }),
  },
  {
    id: 'settings',
    label: 'Settings',
    group: 'Window',
    icon: 'settings',
    keys: [','],
    when: always,
    run: () => openDialog({ kind: 'settings' }),
  },
]

const byId = new Map(actions.map((action) => [action.id, action]))
export const action = (id: string): Action => {
  const found = byId.get(id)
  if (!found) throw new Error(`There is no action ${id}`)
  return found
}

/** The moment for a run, or for the one that has the focus. */
export function momentOf(runId: string | null = useUi.getState().focused): Moment {
  const { state, live, link } = useReplica.getState()
  return {
    run: runId === null ? undefined : state.runs[runId],
    live: runId === null ? undefined : live[runId],
    ui: useUi.getState(),
    connected: link === 'connected',
  }
}

export const labelOf = ({ label }: Action, moment: Moment): string =>
  typeof label === 'string' ? label : label(moment)

/** Does an action on a run, or on the one that has the focus, where it is possible now. */
export function perform(id: string, runId?: string): void {
  const moment = momentOf(runId)
  const found = action(id)
  if (found.when(moment)) found.run(moment)
}

// ---------------------------------------------------------------- moving about

function shownIds(): string[] {
  const { state, live } = useReplica.getState()
  if (useUi.getState().view === 'trash') return trashIds(state)
  return visibleIds(state, live, useUi.getState(), Date.now())
}

function step(by: number) {
  const ids = shownIds()
  const { focused } = useUi.getState()
  if (ids.length === 0) return
  const from = focused === null ? -1 : ids.indexOf(focused)
  const to = from < 0 ? (by > 0 ? 0 : ids.length - 1) : Math.min(ids.length - 1, Math.max(0, from + by))
  // In the trash the focus stays there.
  if (useUi.getState().view === 'trash') useUi.setState({ focused: ids[to] ?? null })
  else focusRun(ids[to] ?? null)
}

/** The waiting run after the focused one, in the strip's order; those that wait for an answer come before the rest. */
function goToNextWaiting() {
  const { state, live } = useReplica.getState()
  const all = needing(state, live, Date.now())
  const waiting = all.some(({ attention }) => attention.rank === 1)
    ? all.filter(({ attention }) => attention.rank === 1)
    : all
  if (waiting.length === 0) return
  const { focused, filter } = useUi.getState()
  const next = waiting[(waiting.findIndex(({ id }) => id === focused) + 1) % waiting.length]!
  const ids = shownIds()
  leaveTerminal({})
  if (!ids.includes(next.id)) useUi.setState({ filter: filter === 'active' ? 'all' : 'active', query: null })
  focusRun(next.id)
}

/** The agent, then each session beside it, then the agent again. The keys go along where a terminal has them. */
function nextTab(run: Run) {
  const numbers = [null, ...shownSides(run).map(({ number }) => number)]
  const { sides, typing } = useUi.getState()
  const at = numbers.indexOf(sides[run.id] ?? null)
  showSide(run.id, numbers[(at + 1) % numbers.length] ?? null)
  if (typing === run.id) wishKeys(run.id)
}

/** Closes a tab: at once where its session has ended, after a question where it lives. */
export function closeTab(runId: string, side: SideSession): void {
  if (side.endedAt === null) openDialog({ kind: 'close-side', runId, number: side.number })
  else void verbs.closeSide(runId, side.number)
}

function stepBack(ui: Ui) {
  if (ui.searching !== null) useUi.setState({ searching: null })
  else if (ui.query !== null) useUi.setState({ query: null })
  else if (ui.maximised) useUi.setState({ maximised: false })
  else if (ui.view !== 'grid') useUi.setState({ view: 'grid' })
  else useUi.setState({ focused: null })
}

function leaveTerminal(change: Partial<Ui>) {
  useUi.setState(change)
  const { focused, typing } = useUi.getState()
  if (typing === null) return
  const tile = document.querySelector<HTMLElement>(`[data-run-id="${CSS.escape(focused ?? typing)}"]`)
  if (tile) tile.focus()
  else if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
}

function move(id: string, by: number) {
  const ids = shownIds()
  const from = ids.indexOf(id)
  const other = ids[from + by]
  if (from < 0 || other === undefined) return
  // The whole order is written down, so that tiles of another filter keep their places too.
  const { state } = useReplica.getState()
  const all = ordered(
    Object.values(state.runs).filter((run) => isKept(run.phase)),
    useUi.getState().order,
  ).map((run) => run.id)
  const order = all.filter((one) => one !== id)
  order.splice(order.indexOf(other) + (by > 0 ? 1 : 0), 0, id)
  saveOrder(order)
}

/** True where a stop would break off work: the agent works, or nothing tells whether it does. A shell is the person's own. */
export function stopsWork(run: Run, live: Live | undefined): boolean {
  const state = live?.activity?.state ?? 'unknown'
  return run.agent !== 'shell' && (state === 'working' || state === 'unknown')
}

/** True where the run waits for an answer that only its terminal can take. */
export function waitsInTerminal(run: Run, live: Live | undefined): boolean {
  return run.phase === 'running' && attentionOf(run, live, Date.now()).rank === 1
}
