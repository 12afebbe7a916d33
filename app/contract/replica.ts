// A client's copy of one host's state: its snapshot and the events after it, folded by the host's own `reduce`, and the moment's
// facts of each run. It promises that what it shows is a state the host really had. If an event is missing it asks for the whole
// state again, and it ignores a host that is no longer followed. The command line and the page each use one for every host that
// they talk to. It knows no transport and draws nothing.
import type { JournalRecord } from '../model/event.ts'
import type { Live } from '../model/run.ts'
import { emptyState, reduce, type State } from '../model/state.ts'
import type { Client } from './client.ts'

export interface Facts {
  /** True once a first snapshot has come: before that, the rest says nothing about the host. */
  readonly ready: boolean
  readonly state: State
  readonly live: Readonly<Record<string, Live>>
}

export interface Replica {
  /** What is known now. After a change it is another object, in which what did not change is the same as before. */
  readonly facts: Facts
  /**
   * Follows the host through this client, and no longer through the one before. What was known stays until the first snapshot
   * comes; `onArrived` is called then, once.
   */
  follow(client: Pick<Client, 'subscribe'>, onArrived?: () => void): void
  /** Called after each change, until the function that it gives is called. */
  onChange(listener: () => void): () => void
}

/** A replica that follows nobody yet. */
export function createReplica(): Replica {
  const listeners = new Set<() => void>()
  let facts: Facts = { ready: false, state: emptyState, live: {} }
  let followed: Pick<Client, 'subscribe'> | null = null

  function change(next: Partial<Facts>): void {
    facts = { ...facts, ...next }
    for (const listener of [...listeners]) listener()
  }

  return {
    get facts() {
      return facts
    },
    follow(client, onArrived = () => {}) {
      followed = client
      let arrived = false
      // From the question on until its snapshot: what comes meanwhile is in the snapshot, or follows it.
      let asking = false
      const subscriber = {
        onSnapshot(state: State, live: Readonly<Record<string, Live>>) {
          if (followed !== client) return
          asking = false
          change({ ready: true, state, live })
          if (arrived) return
          arrived = true
          onArrived()
        },
        onEvent(record: JournalRecord) {
          if (followed !== client || asking) return
          const next = foldRecord(facts.state, record)
          // A record of a type that this build does not know is dropped before it gets here. Asking for what was missed would
          // bring the same gap again, so the whole state is asked for.
          if (next === 'gap') return ask()
          if (next !== facts.state) change({ state: next })
        },
        onLive(runId: string, live: Live | null) {
          if (followed !== client) return
          if (live) return change({ live: { ...facts.live, [runId]: live } })
          const { [runId]: _gone, ...rest } = facts.live
          change({ live: rest })
        },
      }
      function ask() {
        asking = true
        client.subscribe(subscriber)
      }
      ask()
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** The state after one more record; `gap` where records before it are missing. What was folded already changes nothing. */
export function foldRecord(state: State, record: JournalRecord): State | 'gap' {
  if (record.seq <= state.seq) return state
  if (record.seq > state.seq + 1) return 'gap'
  return reduce(state, record.seq, record.at, record.event)
}
