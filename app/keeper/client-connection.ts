// The client's side of one connection to a keeper: requests with replies, input in order, and streams that can be paused and
// continued at the byte where they stopped. It promises that nothing hangs: when the keeper dies, every open request is refused and
// every stream is told. It starts nothing and knows only the socket's path.
import { connect, type Socket } from 'node:net'
import {
  CHUNK,
  createDecoder,
  encodeControl,
  encodeInput,
  type Frame,
  FrameError,
  FrameType,
  type Hello,
  type Notice,
  PROTOCOL,
  type Reply,
  type SessionExit,
  type StreamName,
} from './frames.ts'
import { KeeperError, type KeeperErrorCode } from './keeper-error.ts'

export interface ReadHandlers {
  /** The bytes from offset `at` on. They may be kept. */
  onData(bytes: Buffer, at: number): void
  /** Bytes from `fromByte` up to (not with) `toByte` are gone: the reader was slower than the spool's cap allows. */
  onDropped(fromByte: number, toByte: number): void
  /** Everything was delivered and the child is gone. Nothing follows. */
  onEnd(exit: SessionExit): void
  /** The stream cannot be read (`not-found`, `bad-input`), or the connection is lost (`closed`). Nothing follows. */
  onError?(error: KeeperError): void
}

export interface Reading {
  /** The offset after the last byte delivered: where to read on from. */
  readonly at: number
  /** Nothing is delivered from here on, until `resume`; meanwhile the spool keeps what its cap allows. */
  pause(): void
  resume(): void
  close(): void
}

export interface KeeperConnection {
  readonly pid: number
  /** The protocol both speak, and the keeper's own version. */
  readonly protocol: number
  readonly version: string
  /** Rejects with KeeperError. */
  request(command: string, input?: object): Promise<unknown>
  write(sessionId: string, bytes: Uint8Array): Promise<void>
  read(sessionId: string, from: { readonly stream: StreamName; readonly from: number }, handlers: ReadHandlers): Reading
  onClosed(listener: () => void): void
  close(): void
}

// A keeper that is stopped or starved is told apart from one that is merely busy.
const ANSWER_MS = 30_000
const HELLO_MS = 5_000

interface Pending {
  resolve(value: unknown): void
  reject(error: KeeperError): void
  readonly timer: NodeJS.Timeout
}

interface Stream {
  onBytes(bytes: Buffer, at: number): void
  onNotice(notice: Notice): void
  onError(error: KeeperError): void
}

/** Connects and says hello. Rejects with KeeperError `unreachable`, `closed` (before its hello), `timeout` or `protocol`. */
export async function openConnection(path: string, version: string): Promise<KeeperConnection> {
  const socket = connect(path)
  const pending = new Map<number, Pending>()
  const streams = new Map<number, Stream>()
  const closedListeners = new Set<() => void>()
  let lastId = 0
  let lost: KeeperError | null = null
  let greet: { resolve(message: Record<string, unknown>): void; reject(error: KeeperError): void } | null = null

  const lose = (error: KeeperError): void => {
    if (lost) return
    lost = error
    socket.destroy()
    greet?.reject(error)
    for (const one of pending.values()) {
      clearTimeout(one.timer)
      one.reject(error)
    }
    pending.clear()
    for (const stream of [...streams.values()]) stream.onError(error)
    streams.clear()
    for (const listener of closedListeners) listener()
  }
  const onReply = (reply: Reply): void => {
    const error =
      reply.error && new KeeperError(reply.error.code as KeeperErrorCode, reply.error.message, reply.error.errno)
    if (greet) {
      greet.reject(error ?? new KeeperError('protocol', 'The keeper did not say hello'))
      return
    }
    const one = pending.get(reply.re)
    if (!one) return
    pending.delete(reply.re)
    clearTimeout(one.timer)
    if (error) one.reject(error)
    else one.resolve(reply.value)
  }
  const onFrame = (frame: Frame): void => {
    if (frame.type === FrameType.data) streams.get(frame.sub)?.onBytes(frame.bytes, frame.at)
    else if (frame.type === FrameType.control) {
      const { message } = frame
      if (message.hello !== undefined) greet?.resolve(message)
      else if (typeof message.re === 'number') onReply(message as unknown as Reply)
      else if (typeof message.sub === 'number') streams.get(message.sub)?.onNotice(message as unknown as Notice)
      // Anything else is of a newer keeper, and not for us.
    }
  }
  const decoder = createDecoder(onFrame)
  socket.on('data', (chunk: Buffer) => {
    try {
      decoder.push(chunk)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      lose(new KeeperError('protocol', `The keeper sent what cannot be read: ${error.message}`))
    }
  })
  socket.once('close', () => lose(new KeeperError('closed', 'The keeper has ended, or was killed')))

  /** Sends one frame that is answered. Rejects at once where the connection is lost or the frame cannot be made. */
  const ask = (frameOf: (id: number) => Buffer): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (lost) throw lost
      const id = ++lastId
      let frame: Buffer
      try {
        frame = frameOf(id)
      } catch (error) {
        throw new KeeperError('bad-input', (error as Error).message)
      }
      const timer = setTimeout(() => {
        pending.delete(id)
        reject(new KeeperError('timeout', `The keeper has not answered for ${ANSWER_MS / 1000} s`))
      }, ANSWER_MS)
      pending.set(id, { resolve, reject, timer })
      socket.write(frame)
    })

  const hello = await sayHello(socket, version, (listener) => {
    greet = listener
  }).catch((error: KeeperError) => {
    lose(error)
    throw error
  })
  greet = null

  return {
    pid: Number(hello.pid),
    protocol: Number(hello.protocol),
    version: String(hello.version),
    request: (command, input = {}) => ask((id) => encodeControl({ ...input, id, do: command })),
    async write(sessionId, bytes) {
      const parts: Promise<unknown>[] = []
      // All pieces are sent at once and in order; the socket keeps what the keeper has not read yet.
      for (let from = 0; from === 0 || from < bytes.length; from += CHUNK)
        parts.push(ask((id) => encodeInput(id, sessionId, bytes.subarray(from, from + CHUNK))))
      await Promise.all(parts)
    },
    read(sessionId, { stream, from }, handlers) {
      let at = from
      let sub: number | null = null
      let over = false
      const send = (command: string, input: object): Promise<unknown> =>
        ask((id) => encodeControl({ ...input, id, do: command }))
      const fail = (error: KeeperError): void => {
        if (over) return
        over = true
        if (sub !== null) streams.delete(sub)
        handlers.onError?.(error)
      }
      const open = (): void => {
        const mine = ++lastId
        sub = mine
        streams.set(mine, {
          onBytes(bytes, position) {
            at = position + bytes.length
            handlers.onData(bytes, position)
          },
          onNotice(notice) {
            if (notice.dropped) {
              at = notice.dropped.to
              handlers.onDropped(notice.dropped.from, notice.dropped.to)
            }
            if (notice.end) {
              over = true
              streams.delete(mine)
              handlers.onEnd(notice.end)
            }
          },
          onError: fail,
        })
        send('read', { sub: mine, sessionId, stream, from: at }).catch((error: KeeperError) => {
          if (sub === mine) fail(error)
        })
      }
      const leave = (): void => {
        if (sub === null) return
        streams.delete(sub)
        send('unread', { sub }).catch(() => {})
        sub = null
      }
      open()
      return {
        get at() {
          return at
        },
        pause() {
          if (!over) leave()
        },
        resume() {
          if (over || sub !== null) return
          // One whose keeper died while it was paused is told now.
          if (lost) fail(lost)
          else open()
        },
        close() {
          if (!over) leave()
          over = true
        },
      }
    },
    onClosed(listener) {
      if (lost) queueMicrotask(listener)
      else closedListeners.add(listener)
    },
    close: () => lose(new KeeperError('closed', 'This client has closed its connection')),
  }
}

function sayHello(
  socket: Socket,
  version: string,
  listen: (listener: { resolve(message: Record<string, unknown>): void; reject(error: KeeperError): void }) => void,
): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new KeeperError('timeout', 'The keeper did not say hello')), HELLO_MS)
    const settle =
      <T>(done: (value: T) => void) =>
      (value: T): void => {
        clearTimeout(timer)
        done(value)
      }
    listen({ resolve: settle(resolve), reject: settle(reject) })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      settle(reject)(new KeeperError('unreachable', `No keeper answers: ${error.message}`, error.code))
    })
    // Later errors are followed by 'close', which says all there is to say.
    socket.on('error', () => {})
    socket.once('connect', () => {
      socket.write(encodeControl({ hello: 'coppice-keeper', protocol: PROTOCOL, version } satisfies Hello))
    })
  })
}
