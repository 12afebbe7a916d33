// The page's end of a browser's WebSocket as a channel: one binary message is one frame.
import { type Channel, makeChannel } from '../../app/contract/channel.ts'
import { browserSession } from '../../app/contract/wire.ts'
import { CoppiceFailure } from '../../app/model/failure.ts'
import { exchangeToken, sessionIsUnknown, storedKey } from './browser-session.ts'

/** A socket that neither opens nor fails within this time counts as failed. */
const openWithinMs = 10_000

/** The line of a page that `coppice serve` gave: its address's token is exchanged first. */
export async function openWebSocket(): Promise<Channel> {
  await exchangeToken()
  const url = new URL('socket', location.href)
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  url.hash = ''
  url.search = ''
  const key = storedKey()
  const socket = new WebSocket(url, key === null ? [browserSession.protocol] : [browserSession.protocol, key])
  socket.binaryType = 'arraybuffer'
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.close()
      reject(new Error('the host did not answer'))
    }, openWithinMs)
    socket.onopen = () => {
      clearTimeout(timer)
      resolve()
    }
    socket.onerror = () => {
      clearTimeout(timer)
      reject(new Error('the host cannot be reached'))
    }
  }).catch(async (error: Error) => {
    // A browser hides why a WebSocket was refused; the session's own address says it.
    if (await sessionIsUnknown()) throw new CoppiceFailure({ code: 'unauthorised', retryable: false })
    throw error
  })
  const end = makeChannel({
    send(frame) {
      socket.send(frame as Uint8Array<ArrayBuffer>)
      return socket.bufferedAmount === 0
    },
    close(reason) {
      socket.close()
      end.closed(reason)
    },
    bufferedBytes: () => socket.bufferedAmount,
  })
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) end.frame(new Uint8Array(data))
  }
  socket.onclose = ({ reason }) => end.closed(reason || 'the host closed the line')
  return end.channel
}
