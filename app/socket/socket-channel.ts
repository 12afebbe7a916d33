// A stream socket as a channel, for both ends; the host, the command line and the window's process use nothing else. It promises
// complete frames in order, that nothing of a frame with a wrong length is kept, and that it does not wait for an end that does not
// read. To it, frames are bytes; only the refusal of a wrong one is a message of the contract.
import type { Socket } from 'node:net'
import { type Channel, makeChannel } from '../contract/channel.ts'
import { encodeMessage, type FramingFault, frameReader, lengthPrefix, maxFrameBytes } from '../contract/frames.ts'
import type { Failure } from '../model/failure.ts'

/** How long the last words of a closing end may take to leave, and how many bytes they may be. */
const lastWordsMs = 1000
const lastWordsBytes = 1024 * 1024

/** A Channel over a connected socket. The host's end says why it refuses a frame; a client's end just closes. */
export function socketChannel(socket: Socket, options: { readonly end: 'host' | 'client' }): Channel {
  const end = makeChannel({
    send: (frame) => !socket.destroyed && write(frame),
    close: shut,
    bufferedBytes: () => socket.writableLength,
  })
  const read = frameReader(end.frame)

  function write(frame: Uint8Array): boolean {
    socket.cork()
    socket.write(lengthPrefix(frame.length))
    const free = socket.write(frame)
    socket.uncork()
    // A large frame is above the high-water mark while it is corked, and may have gone to the kernel whole at once.
    return free || socket.writableLength === 0
  }

  function shut() {
    // An end that does not read would keep its backlog in memory for as long as it likes.
    if (socket.writableLength > lastWordsBytes) return void socket.destroy()
    socket.end()
    const timer = setTimeout(() => socket.destroy(), lastWordsMs)
    socket.once('close', () => clearTimeout(timer))
    // What still comes in is not read into memory, but must be drained for the end to be seen.
    socket.resume()
  }

  socket.on('data', (chunk: Buffer) => {
    if (end.closing) return
    const fault = read(chunk)
    if (fault === null || end.closing) return
    if (options.end === 'host') end.channel.send(encodeMessage({ type: 'refused', failure: refusalOf(fault) }))
    end.channel.close(reasons[fault])
  })
  socket.on('drain', () => end.drained())
  socket.on('error', (error) => end.because(error.message))
  socket.on('end', () => end.because('closed by the other end'))
  socket.on('close', () => end.closed('closed'))
  return end.channel
}

const reasons: Readonly<Record<FramingFault, string>> = {
  empty: 'an empty frame, which the contract does not know',
  'too-large': 'a frame that is too large: larger than the contract allows',
}

const refusalOf = (fault: FramingFault): Failure =>
  fault === 'too-large'
    ? { code: 'too-large', retryable: false, detail: { max: maxFrameBytes } }
    : { code: 'bad-input', retryable: false, detail: { message: reasons[fault] } }
