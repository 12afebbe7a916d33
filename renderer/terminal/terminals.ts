// The views that are open now, by run. Actions (type, search, scroll, copy) act on them. A run has at most one view in a window.
import type { TerminalView } from './terminal-attach.ts'

const views = new Map<string, TerminalView>()
const waitingForKeys = new Set<string>()

export const viewOf = (runId: string | null): TerminalView | undefined =>
  runId === null ? undefined : views.get(runId)

export function addView(view: TerminalView): void {
  views.set(view.runId, view)
}

export function dropView(view: TerminalView): void {
  if (views.get(view.runId) === view) views.delete(view.runId)
}

/** Gives a run's terminal the keys, as soon as it has a live screen. */
export function giveKeys(runId: string): void {
  const view = views.get(runId)
  if (view) view.focus()
  else waitingForKeys.add(runId)
}

/** True once for a run whose keys were asked for before its view was there. */
export function takeKeyWish(runId: string): boolean {
  return waitingForKeys.delete(runId)
}

/** The same for a view that is about to take the place of the one that is there. */
export function wishKeys(runId: string): void {
  waitingForKeys.add(runId)
}
