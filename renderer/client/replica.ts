// The client's copy of the host's state: snapshot and events folded by the same `reduce`, beside the moment's facts of each run.
// It promises that what is shown is a state the host really had (a gap in the sequence means a new snapshot), and that a burst of
// messages costs one render per frame. The screen reads truth from here and never from a reply.
import { create } from 'zustand'
import { type Client, newCommandId, type Welcome } from '../../app/contract/client.ts'
import type { CommandInput, CommandName, CommandOutput } from '../../app/contract/commands/index.ts'
import type { JournalRecord } from '../../app/model/event.ts'
import { CoppiceFailure, type Failure } from '../../app/model/failure.ts'
import type { Live } from '../../app/model/run.ts'
import { emptyState, reduce, type State } from '../../app/model/state.ts'
import { type Connection, keepConnected } from './connection.ts'

export interface Replica {
  readonly link: 'connecting' | 'connected' | 'lost' | 'refused'
  /** When the line was lost, in milliseconds; null while it is there or was never there. */
  readonly lostAt: number | null
  readonly refusal: Failure | null
  readonly welcome: Welcome | null
  readonly client: Client | null
  /** True once a first snapshot has come. */
  readonly ready: boolean
  readonly state: State
  readonly live: Readonly<Record<string, Live>>
}

export const useReplica = create<Replica>()(() => ({
  link: 'connecting',
  lostAt: null,
  refusal: null,
  welcome: null,
  client: null,
  ready: false,
  state: emptyState,
  live: {},
}))

/** The state after one more record; `gap` where records before it are missing. What was folded already changes nothing. */
export function foldRecord(state: State, record: JournalRecord): State | 'gap' {
  if (record.seq <= state.seq) return state
  if (record.seq > state.seq + 1) return 'gap'
  return reduce(state, record.seq, record.at, record.event)
}

type Change = (replica: Replica) => Partial<Replica>
const changes: Change[] = []
let scheduled = false

/** Applies changes together, once a frame; a page in the background gets no frames and takes a short timer instead. */
function enqueue(change: Change): void {
  changes.push(change)
  if (scheduled) return
  scheduled = true
  if (document.visibilityState === 'visible') requestAnimationFrame(flush)
  // The timer is the safety net for a page that is covered or throttled: it then gets frames seldom or never.
  setTimeout(flush, 100)
}

function flush(): void {
  if (!scheduled) return
  scheduled = false
  const all = changes.splice(0)
  useReplica.setState((before) => {
    let replica = before
    for (const change of all) replica = Object.assign({}, replica, change(replica))
    return replica
  })
}

let connection: Connection | null = null
const snapshotListeners: ((replica: Replica, previous: Welcome | null) => void)[] = []
const clientListeners: ((client: Client) => void)[] = []

/** Called after each first snapshot of a connection, with what the host before it had said of itself. */
export const onArrival = (listener: (replica: Replica, previous: Welcome | null) => void): void =>
  void snapshotListeners.push(listener)
/** Called with each new client, before its snapshot. */
export const onClient = (listener: (client: Client) => void): void => void clientListeners.push(listener)

/** Connects and follows the host for as long as the page lives. Call once. */
export function startReplica(): void {
  let previous: Welcome | null = null
  connection = keepConnected({
    onTrying: () => {
      if (useReplica.getState().link === 'refused') useReplica.setState({ link: 'connecting', refusal: null })
    },
    onClient(client) {
      const before = previous
      previous = client.welcome
      for (const listener of clientListeners) listener(client)
      follow(client, () => {
        useReplica.setState({ link: 'connected', lostAt: null, refusal: null, welcome: client.welcome, client })
        for (const listener of snapshotListeners) listener(useReplica.getState(), before)
      })
    },
    onLost() {
      const { link, lostAt } = useReplica.getState()
      useReplica.setState({
        link: link === 'connecting' ? 'connecting' : 'lost',
        lostAt: lostAt ?? Date.now(),
        client: null,
      })
    },
    onRefused: (refusal) => useReplica.setState({ link: 'refused', refusal, client: null }),
  })
}

export const retryConnection = (): void => connection?.retry()

function follow(client: Client, arrived: () => void): void {
  let first = true
  let asked = true
  const subscriber = {
    onSnapshot(state: State, live: Readonly<Record<string, Live>>) {
      asked = false
      enqueue(() => ({ state, live, ready: true }))
      if (!first) return
      first = false
      flush()
      arrived()
    },
    onEvent(record: JournalRecord) {
      enqueue(({ state }) => {
        const next = foldRecord(state, record)
        if (next !== 'gap') return { state: next }
        // A record of a type that this build does not know is dropped before it gets here. Asking for what was missed would
        // bring the same gap again, so the whole state is asked for.
        if (!asked) client.subscribe(subscriber)
        asked = true
        return {}
      })
    },
    onLive(runId: string, value: Live | null) {
      enqueue(({ live }) => {
        if (value) return { live: { ...live, [runId]: value } }
        const { [runId]: _gone, ...rest } = live
        return { live: rest }
      })
    },
  }
  client.subscribe(subscriber)
}

/** How long a command waits for a lost line to come back before it gives up, in milliseconds. */
const retryWithinMs = 15_000

/**
 * Sends a command. A line that is lost meanwhile is waited for and the command is sent again under the same id, so that it is
 * done once. Rejects with a CoppiceFailure.
 */
export async function call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N>> {
  const commandId = newCommandId()
  const until = Date.now() + retryWithinMs
  for (;;) {
    const client = await clientWithin(until - Date.now())
    if (!client) throw new CoppiceFailure({ code: 'connection-lost', retryable: true })
    try {
      const reply = await client.call(name, input, { commandId })
      // What came before the reply is seen before it is acted on.
      flush()
      return reply
    } catch (error) {
      const lost = error instanceof CoppiceFailure && error.failure.code === 'connection-lost'
      if (!lost || Date.now() >= until) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

function clientWithin(ms: number): Promise<Client | null> {
  const { client } = useReplica.getState()
  if (client) return Promise.resolve(client)
  return new Promise((resolve) => {
    const timer = setTimeout(done, Math.max(0, ms), null)
    const off = useReplica.subscribe(({ client }) => client && done(client))
    function done(found: Client | null) {
      clearTimeout(timer)
      off()
      resolve(found)
    }
  })
}
