// One host as the page sees it: the replica of its state, the connection to it, and the calls over it, in a store that React reads.
// It promises that a burst of messages costs one render per frame, and that a command whose connection was lost happens once. The
// screen shows what is in this store, never what a reply says.
import { create, type StoreApi, type UseBoundStore } from 'zustand'
import { type Client, newCommandId, type Welcome } from '../../app/contract/client.ts'
import type { CommandInput, CommandName, CommandOutput } from '../../app/contract/commands/index.ts'
import { createReplica, type Facts } from '../../app/contract/replica.ts'
import { CoppiceFailure, type Failure } from '../../app/model/failure.ts'
import { type Connection, keepConnected, type Way } from './connection.ts'

/** What is known of the host, and how the line to it stands. */
export interface HostView extends Facts {
  readonly link: 'connecting' | 'connected' | 'lost' | 'refused'
  /** When the line was lost, in milliseconds; null while it is there or was never there. */
  readonly lostAt: number | null
  readonly refusal: Failure | null
  readonly welcome: Welcome | null
  readonly client: Client | null
}

export interface HostStore {
  readonly use: UseBoundStore<StoreApi<HostView>>
  /** Connects and follows the host for as long as the page lives. Call once. */
  start(): void
  /** Tries a lost line again now. */
  retry(): void
  /**
   * Sends a command. A line that is lost meanwhile is waited for and the command is sent again under the same id, so that it is
   * done once. Rejects with a CoppiceFailure.
   */
  call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N>>
  /** Called after each first snapshot of a connection, with what the host before it had said of itself. */
  onArrival(listener: (host: HostView, previous: Welcome | null) => void): void
  /** Called with each new client, before its snapshot. */
  onClient(listener: (client: Client) => void): void
}

/** How long a command waits for a lost line to come back before it gives up, in milliseconds. */
const retryWithinMs = 15_000

/** The store of the host that `open` leads to. Nothing is opened before `start`. */
export function createHostStore(way: Way): HostStore {
  const replica = createReplica()
  const use = create<HostView>()(() => ({
    ...replica.facts,
    link: 'connecting',
    lostAt: null,
    refusal: null,
    welcome: null,
    client: null,
  }))
  const arrivalListeners: ((host: HostView, previous: Welcome | null) => void)[] = []
  const clientListeners: ((client: Client) => void)[] = []
  let connection: Connection | null = null
  let scheduled = false

  /** Shows changes together, once a frame; a page in the background gets no frames and takes a short timer instead. */
  function schedule(): void {
    if (scheduled) return
    scheduled = true
    if (document.visibilityState === 'visible') requestAnimationFrame(flush)
    // The timer is the safety net for a page that is covered or throttled: it then gets frames seldom or never.
    setTimeout(flush, 100)
  }

  function flush(): void {
    if (!scheduled) return
    scheduled = false
    use.setState(replica.facts)
  }

  replica.onChange(schedule)

  function start(): void {
    let previous: Welcome | null = null
    const listener = {
      onTrying: () => {
        if (use.getState().link === 'refused') use.setState({ link: 'connecting', refusal: null })
      },
      onClient(client: Client) {
        const before = previous
        previous = client.welcome
        for (const told of clientListeners) told(client)
        replica.follow(client, () => {
          flush()
          use.setState({ link: 'connected', lostAt: null, refusal: null, welcome: client.welcome, client })
          for (const told of arrivalListeners) told(use.getState(), before)
        })
      },
      onLost() {
        const { link, lostAt } = use.getState()
        use.setState({
          link: link === 'connecting' ? 'connecting' : 'lost',
          lostAt: lostAt ?? Date.now(),
          client: null,
        })
      },
      onRefused: (refusal: Failure) => use.setState({ link: 'refused', refusal, client: null }),
    }
    connection = keepConnected(listener, way)
  }

  async function call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N>> {
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
    const { client } = use.getState()
    if (client) return Promise.resolve(client)
    return new Promise((resolve) => {
      const timer = setTimeout(done, Math.max(0, ms), null)
      const off = use.subscribe(({ client }) => client && done(client))
      function done(found: Client | null) {
        clearTimeout(timer)
        off()
        resolve(found)
      }
    })
  }

  return {
    use,
    start,
    retry: () => connection?.retry(),
    call,
    onArrival: (listener) => void arrivalListeners.push(listener),
    onClient: (listener) => void clientListeners.push(listener),
  }
}
