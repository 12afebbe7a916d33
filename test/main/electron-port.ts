import type { MessagePort } from 'node:worker_threads'
import type { Port } from '../../main/bridge.ts'

/** Electron's MessagePortMain says {data}, Node's port says the data; apart from that they are one. */
export function electronPort(port: MessagePort): Port {
  return {
    on: (event: string, listener: (event: never) => void) =>
      port.on(event, (data: unknown) => listener({ data } as never)),
    postMessage: (message) => port.postMessage(message),
    start: () => port.start(),
    close: () => port.close(),
  }
}
