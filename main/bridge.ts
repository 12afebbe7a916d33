// One page's connection to the host: its channel on one side, a MessagePort on the other, frames between them. It reads no frame:
// the host checks what a page says, the page checks what a host says. Each bridge lives as long as both its ends; the page asks for
// a new one after it was told why the old one closed.
import type { Channel } from '../app/contract/channel.ts'
import { maxFrameBytes } from '../app/contract/frames.ts'

/** The part of Electron's MessagePortMain that a bridge needs. */
export interface Port {
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown
  on(event: 'close', listener: () => void): unknown
  postMessage(message: unknown): void
  start(): void
  close(): void
}

export interface Bridge {
  /** Tells the page why, and closes both ends. Safe to call twice. */
  close(reason: string): void
}

/**
 * What a page may have sent that the host has not yet taken. A port cannot be paused, so a page that goes on is cut off; two
 * of the largest frames fit. The other way is paced by the host, which waits for the page's acks (app/contract/wire.ts).
 */
export const maxWaitingBytes = 2 * maxFrameBytes

/** Joins a port to the channel that `open` gives. The page may speak at once: its frames wait in the port until the host is there. */
export function makeBridge(port: Port, open: () => Promise<Channel>, onClosed: () => void = () => {}): Bridge {
  let channel: Channel | null = null
  let closed = false

  function close(reason: string) {
    if (closed) return
    closed = true
    // A page that is gone cannot be told, and that is no error.
    try {
      port.postMessage({ closed: reason })
      port.close()
    } catch {}
    channel?.close(reason)
    onClosed()
  }

  port.on('close', () => close('The page went away.'))
  open().then(
    (opened) => {
      if (closed) return opened.close()
      channel = opened
      opened.onFrame((frame) => {
        if (!closed) port.postMessage(frame)
      })
      opened.onClose((reason) => close(`The connection to the host ended: ${reason}.`))
      // Only now: what the page said before waits in the port until somebody listens.
      port.on('message', ({ data }) => {
        if (closed) return
        if (!(data instanceof Uint8Array) || data.length === 0 || data.length > maxFrameBytes) {
          return close('The page sent something that is no frame.')
        }
        opened.send(data)
        if (opened.bufferedBytes > maxWaitingBytes) close('The host does not keep up with what the page sends.')
      })
      port.start()
    },
    (error: unknown) => close(error instanceof Error ? error.message : String(error)),
  )

  return { close }
}
