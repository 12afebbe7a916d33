// Folds a long journal one event at a time, without copying every run for each event: `reduce` changes only the run that an event
// names, so it gets only that run. A property test checks that this equals the plain fold. It reads no database.
import type { Event } from '../model/event.ts'
import type { Repository } from '../model/repository.ts'
import type { Run } from '../model/run.ts'
import { emptyState, reduce, type State } from '../model/state.ts'

export interface Folder {
  add(seq: number, at: number, event: Event): void
  /** Counts an event that this build does not know: it changes nothing but the sequence number. */
  skip(seq: number): void
  run(runId: string): Run | undefined
  repository(repositoryId: string): Repository | undefined
  state(): State
}

/** Begins a fold at the empty state. */
export function startFold(): Folder {
  const runs = new Map<string, Run>()
  let rest: State = emptyState
  return {
    add(seq, at, event) {
      const runId = runIdOf(event)
      const run = runId === null ? undefined : runs.get(runId)
      const next = reduce({ ...rest, runs: run ? { [run.id]: run } : {} }, seq, at, event)
      for (const changed of Object.values(next.runs)) runs.set(changed.id, changed)
      rest = { ...next, runs: {} }
    },
    skip(seq) {
      rest = { ...rest, seq }
    },
    run: (runId) => runs.get(runId),
    repository: (id) => (Object.hasOwn(rest.repositories, id) ? rest.repositories[id] : undefined),
    state: () => ({ ...rest, runs: Object.fromEntries(runs) }),
  }
}

/** The run that an event is about, or null where it is about none. */
export function runIdOf(event: Event): string | null {
  if (event.type === 'run-queued') return event.run.id
  return 'runId' in event ? event.runId : null
}
