// The moment's facts of every run (activity, sizes, progress): kept beside the journal, sent to clients when they change, and gone
// when the host ends. A change to the same value is not sent.
import { emptyLive, type Live } from '../model/run.ts'

export interface LiveTable {
  get(runId: string): Live | undefined
  all(): Readonly<Record<string, Live>>
  change(runId: string, change: Partial<Live>): void
  drop(runId: string): void
  onChange(listener: (runId: string, live: Live | null) => void): () => void
}

/** An empty table. Listeners hear each change at once; host/broadcast coalesces them per client. */
export function createLiveTable(): LiveTable {
  const table = new Map<string, Live>()
  const listeners = new Set<(runId: string, live: Live | null) => void>()
  const tell = (runId: string, live: Live | null) => {
    for (const listener of listeners) listener(runId, live)
  }
  return {
    get: (runId) => table.get(runId),
    all: () => Object.fromEntries(table),
    change(runId, change) {
      const before = table.get(runId) ?? emptyLive
      const changed = (Object.keys(change) as (keyof Live)[]).some((key) => !sameValue(before[key], change[key]))
      if (!changed) return
      const next = { ...before, ...change }
      table.set(runId, next)
      tell(runId, next)
    },
    drop(runId) {
      if (table.delete(runId)) tell(runId, null)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

// The facts are small flat objects of numbers and strings: their JSON is their identity.
function sameValue(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
