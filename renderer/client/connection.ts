// One connection to a host, kept up until it is closed. It promises to retry a lost connection, quickly at first, and to report
// once what retrying cannot fix (a wrong token, another protocol). It knows no runs, no screens and no transport.
import type { Channel } from '../../app/contract/channel.ts'
import { type Client, connect } from '../../app/contract/client.ts'

import { CoppiceFailure, type Failure } from '../../app/model/failure.ts'
import { version } from '../../package.json'

export interface ConnectionListener {
  onTrying(): void
  onClient(client: Client): void
  onLost(reason: string): void
  /** Trying again by itself would change nothing: `unauthorised` or `protocol-mismatch`. */
  onRefused(failure: Failure): void
}

export interface Connection {
  /** Tries at once instead of waiting for the next turn. */
  retry(): void
  close(): void
}

/** How a page reaches its host, and what it says of itself there. */
export interface Way {
  readonly via: 'window' | 'browser'
  open(): Promise<Channel>
}

/** Waits between tries, in milliseconds: a restarted host is back within a second, a stopped one should not be hammered. */
const waits = [100, 250, 500, 1000, 2000, 4000]

/** Connects, and connects again whenever the line is lost, until closed. */
export function keepConnected(listener: ConnectionListener, { via, open }: Way): Connection {
  let tries = 0
  let timer: ReturnType<typeof setTimeout> | null = null
  let client: Client | null = null
  let closed = false
  let trying = false

  async function attempt(): Promise<void> {
    if (closed || trying || client) return
    if (timer) clearTimeout(timer)
    timer = null
    trying = true
    listener.onTrying()
    try {
      const channel = await open()
      const next = await connect(channel, { via, version })
      trying = false
      if (closed) return next.close()
      tries = 0
      client = next
      next.onClose((reason) => {
        if (client !== next) return
        client = null
        lost(reason)
      })
      listener.onClient(next)
    } catch (error) {
      trying = false
      const failure = error instanceof CoppiceFailure ? error.failure : null
      if (failure?.code === 'unauthorised' || failure?.code === 'protocol-mismatch') return listener.onRefused(failure)
      lost(error instanceof Error ? error.message : String(error))
    }
  }

  function lost(reason: string) {
    if (closed) return
    listener.onLost(reason)
    timer = setTimeout(() => void attempt(), waits[Math.min(tries++, waits.length - 1)])
  }

  function retry() {
    tries = 0
    void attempt()
  }

  // A laptop that wakes should not wait for its turn.
  const wake = () => {
    if (document.visibilityState === 'visible' && timer) retry()
  }
  if (typeof document !== 'undefined') document.addEventListener('visibilitychange', wake)
  void attempt()
  return {
    retry,
    close() {
      closed = true
      if (timer) clearTimeout(timer)
      if (typeof document !== 'undefined') document.removeEventListener('visibilitychange', wake)
      client?.close()
    },
  }
}
