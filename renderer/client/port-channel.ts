// The window's MessagePort as a channel: one message is one frame, or the last one says why the connection closed.
import { type Channel, makeChannel } from '../../app/contract/channel.ts'
import type { Bridge } from './bridge.ts'

/** A window that gives no port within this time counts as failed. */
const openWithinMs = 10_000

/** The line that the window gives: asked for at its bridge, it comes as a message with a port. */
export async function openPort(to: Bridge): Promise<Channel> {
  const port = await new Promise<MessagePort>((resolve, reject) => {
    const timer = setTimeout(() => {
      window.removeEventListener('message', take)
      reject(new Error('the window gave no port'))
    }, openWithinMs)
    const take = (event: MessageEvent) => {
      const given = event.ports[0]
      // Only the page's own window speaks here; a frame that was opened by anything else is not heard.
      if (event.source !== window || event.data !== 'coppice-port' || !given) return
      clearTimeout(timer)
      window.removeEventListener('message', take)
      resolve(given)
    }
    window.addEventListener('message', take)
    to.connect()
  })
  return portChannel(port)
}

/** A Channel over a MessagePort whose messages are frames, or `{closed: reason}` as the last one. */
export function portChannel(port: MessagePort): Channel {
  const end = makeChannel({
    send(frame) {
      port.postMessage(frame)
      return true
    },
    close(reason) {
      port.close()
      end.closed(reason)
    },
    // A port does not say what waits in it: the window cuts off a page that sends more than its host takes.
    bufferedBytes: () => 0,
  })
  port.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (data instanceof Uint8Array) return end.frame(data)
    if (data instanceof ArrayBuffer) return end.frame(new Uint8Array(data))
    const reason = (data as { closed?: unknown } | null)?.closed
    if (typeof reason === 'string') {
      end.closed(reason)
      port.close()
    }
  }
  // Chromium tells the page about a closed port since 122; where it does not, the window says `closed` first.
  port.addEventListener('close', () => end.closed('the window closed the line'))
  port.start()
  return end.channel
}
