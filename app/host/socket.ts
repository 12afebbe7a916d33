// Frames over a unix socket (a named pipe on Windows): four bytes of length, big-endian, then the frame. Both ends are here. It
// promises a socket file that only its owner may open, frames in order and whole, and that neither end keeps more of an oversized
// frame than its length. It knows frames as bytes; only the refusal of an oversized one is a message of the contract.
import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { connect as connectNet, createServer, type Socket } from 'node:net'
import { type Channel, encodeMessage, maxFrameBytes } from '../contract/wire.ts'
import { fail, systemFailureCode } from '../model/failure.ts'

export interface Listener {
  /** False once the socket's file has been taken away or replaced: nobody new can come in then. Always true for a named pipe. */
  present(): boolean
  /** Takes no more connections; those that are open stay. */
  close(): Promise<void>
}

const isPipe = (path: string): boolean => path.startsWith('\\\\')
// How long the last words of a closing end may take to leave.
const lastWordsMs = 1000
const lastWordsBytes = 1024 * 1024

/**
 * Listens with mode 0600. A file of a dead host is replaced: call this only while holding the host's lock, and with the socket's
 * directory already 0700. Rejects with Node's error, or a CoppiceFailure where something that is no socket stands at the path.
 */
export async function listenOnSocket(path: string, onChannel: (channel: Channel) => void): Promise<Listener> {
  if (!isPipe(path)) removeStale(path)
  const server = createServer((socket) => onChannel(socketChannel(socket, { refuseOversized: true })))
  // The file is made by bind() with this mask: there is no moment at which others could connect. (The mask is the process's;
  // bind happens before listen() returns.)
  const mask = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, resolve)
      process.umask(mask)
    })
  } finally {
    process.umask(mask)
  }
  if (!isPipe(path)) chmodSync(path, 0o600)
  const inode = inodeOf(path)
  server.on('error', () => {
    // EMFILE on accept: Node goes on listening, and the client that was not let in tries again.
  })
  return {
    present: () => isPipe(path) || inodeOf(path) === inode,
    close: () =>
      new Promise((resolve) => {
        // Node removes the file of a socket that it closes.
        server.close(() => resolve())
        // close() waits for the connections to end; the caller closes those by their channels.
      }),
  }
}

/** Null where nothing is there, or it cannot be looked at. */
function inodeOf(path: string): bigint | null {
  try {
    return lstatSync(path, { bigint: true }).ino
  } catch {
    return null
  }
}

function removeStale(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return
  if (!found.isSocket()) throw fail('bad-input', { path, message: `${path} is in the way: it is not a socket` })
  rmSync(path)
}

/**
 * Connects to a host's socket. Rejects with a CoppiceFailure: `host-unreachable` (retryable) where nobody listens,
 * `permission-denied`, `too-many-files`.
 */
export function connectSocket(path: string): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const socket = connectNet({ path })
    const refuse = (error: Error) => {
      const code = systemFailureCode(error) ?? 'host-unreachable'
      reject(fail(code, { path, message: error.message }, { retryable: true }))
    }
    socket.once('error', refuse)
    socket.once('connect', () => {
      socket.removeListener('error', refuse)
      resolve(socketChannel(socket, { refuseOversized: false }))
    })
  })
}

/** A Channel over a connected stream socket. Exported for tests of broken framing. */
export function socketChannel(socket: Socket, options: { readonly refuseOversized: boolean }): Channel {
  const closeListeners: ((reason: string) => void)[] = []
  const drainListeners: (() => void)[] = []
  const early: Uint8Array[] = []
  let onFrame: ((frame: Uint8Array) => void) | null = null
  let closedBecause: string | null = null
  let closing = false
  const read = frameReader(
    (frame) => (onFrame ? onFrame(frame) : early.push(frame)),
    () => {
      if (options.refuseOversized) {
        const failure = { code: 'too-large', retryable: false, detail: { max: maxFrameBytes } } as const
        write(encodeMessage({ type: 'refused', failure }))
      }
      close('a frame larger than the contract allows')
    },
  )

  function write(frame: Uint8Array): boolean {
    const head = Buffer.allocUnsafe(4)
    head.writeUInt32BE(frame.length)
    socket.cork()
    socket.write(head)
    const free = socket.write(frame)
    socket.uncork()
    // A large frame is above the high-water mark while it is corked, and may have gone to the kernel whole at once.
    return free || socket.writableLength === 0
  }

  function close(reason: string) {
    if (closing) return
    closing = true
    closedBecause ??= reason
    // An end that does not read would keep its backlog in memory for as long as it likes.
    if (socket.writableLength > lastWordsBytes) return void socket.destroy()
    socket.end()
    const timer = setTimeout(() => socket.destroy(), lastWordsMs)
    socket.once('close', () => clearTimeout(timer))
    // What still comes in is not read into memory, but must be drained for the end to be seen.
    socket.resume()
  }

  socket.on('data', (chunk: Buffer) => {
    if (!closing) read(chunk)
  })
  socket.on('drain', () => {
    for (const listener of drainListeners) listener()
  })
  socket.on('error', (error) => {
    closedBecause ??= error.message
  })
  socket.on('end', () => {
    closedBecause ??= 'closed by the other end'
  })
  socket.on('close', () => {
    closing = true
    const reason = closedBecause ?? 'closed'
    for (const listener of closeListeners.splice(0)) listener(reason)
  })

  return {
    send: (frame) => !closing && !socket.destroyed && write(frame),
    onFrame(listener) {
      onFrame = listener
      for (const frame of early.splice(0)) listener(frame)
    },
    onClose(listener) {
      if (socket.closed) queueMicrotask(() => listener(closedBecause ?? 'closed'))
      else closeListeners.push(listener)
    },
    onDrained: (listener) => void drainListeners.push(listener),
    get bufferedBytes() {
      return socket.writableLength
    },
    close: (reason = 'closed') => close(reason),
  }
}

// Puts chunks together into frames. A frame's memory is taken once, when its length is known to be allowed.
function frameReader(onFrame: (frame: Uint8Array) => void, onOversized: () => void): (chunk: Buffer) => void {
  const head = Buffer.alloc(4)
  let headBytes = 0
  let frame: Buffer | null = null
  let frameBytes = 0
  let broken = false
  return (chunk) => {
    let at = 0
    while (at < chunk.length && !broken) {
      if (!frame) {
        const taken = chunk.copy(head, headBytes, at, at + 4 - headBytes)
        headBytes += taken
        at += taken
        if (headBytes < 4) return
        const length = head.readUInt32BE(0)
        headBytes = 0
        if (length > maxFrameBytes) {
          broken = true
          return onOversized()
        }
        frame = Buffer.allocUnsafe(length)
        frameBytes = 0
      }
      const taken = chunk.copy(frame, frameBytes, at)
      frameBytes += taken
      at += taken
      if (frameBytes < frame.length) continue
      const whole = frame
      frame = null
      onFrame(whole)
    }
  }
}
