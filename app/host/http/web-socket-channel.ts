// The host's end of a browser's WebSocket as a channel: one binary message is one frame. It promises to disconnect a browser whose
// machine went to sleep, and not to wait for one that does not read.
import type { WebSocket } from 'ws'
import { type Channel, makeChannel } from '../../contract/channel.ts'

/** How often a browser is asked for a sign of life, in milliseconds; one that gave none since the last time is cut off. */
const pingMs = 30_000
/** A backlog of more than this is not sent on once the channel closes. */
const lastWordsBytes = 1024 * 1024

/** A Channel over an accepted WebSocket. The server that accepted it caps the size of a message. */
export function webSocketChannel(socket: WebSocket): Channel {
  const end = makeChannel({
    send(frame) {
      if (socket.readyState !== socket.OPEN) return false
      socket.send(frame, { binary: true }, () => {
        if (socket.bufferedAmount === 0) end.drained()
      })
      return socket.bufferedAmount === 0
    },
    close(reason) {
      if (socket.bufferedAmount > lastWordsBytes) return socket.terminate()
      socket.close(1000, closingWords(reason))
    },
    bufferedBytes: () => socket.bufferedAmount,
  })
  socket.binaryType = 'nodebuffer'

  // A browser whose machine went to sleep leaves a socket that looks open for hours.
  let alive = true
  const ping = setInterval(() => {
    if (!alive) return socket.terminate()
    alive = false
    socket.ping()
  }, pingMs)
  ping.unref()
  socket.on('pong', () => {
    alive = true
  })
  socket.on('message', (bytes: Buffer, isBinary: boolean) => {
    alive = true
    if (isBinary) return end.frame(bytes)
    end.because('a text message: frames are binary')
    socket.close(1003, 'frames are binary')
  })
  socket.on('error', (error) => end.because(error.message))
  socket.on('close', (code) => {
    clearInterval(ping)
    end.closed(`closed by the browser (${code})`)
  })
  return end.channel
}

/** A reason of a WebSocket has at most 123 bytes, and no half of a character. */
const closingWords = (reason: string): string =>
  Buffer.from(reason)
    .subarray(0, 120)
    .toString('utf8')
    .replace(/\ufffd+$/, '')
