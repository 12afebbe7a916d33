// The host that this page was opened for, as components read it. Only this file knows that a page shows one host; host-store.ts can
// make any number.
import { type Bridge, bridge } from './bridge.ts'
import type { Way } from './connection.ts'
import { createHostStore } from './host-store.ts'
import { openPort } from './port-channel.ts'
import { openWebSocket } from './web-socket-channel.ts'

const here = createHostStore(wayFrom(bridge))

export const useReplica = here.use
export const { start: startReplica, retry: retryConnection, call, onArrival, onClient } = here

function wayFrom(window: Bridge | null): Way {
  return window ? { via: 'window', open: () => openPort(window) } : { via: 'browser', open: openWebSocket }
}
