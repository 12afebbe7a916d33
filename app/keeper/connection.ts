// The keeper's side of one client: hello, requests with their replies, and its subscriptions, sent as fast as the socket takes
// them. It promises that a client that does not read costs at most a socket's buffer and delays nobody else: what is not sent stays
// in the spool, and is read from there when the socket has drained. It knows no commands.
import type { Socket } from 'node:net'
import {
  CHUNK,
  createDecoder,
  encodeControl,
  encodeData,
  type Frame,
  FrameType,
  type Hello,
  type Notice,
  PROTOCOL,
  type Range,
  type Reply,
  type StreamName,
} from './frames.ts'
import { KeeperError } from './keeper-error.ts'
import type { Session, Source } from './session.ts'

export type Request = Readonly<Record<string, unknown>>

export interface ConnectionOptions {
  readonly version: string
  /** The client has said hello. */
  onReady(connection: Connection): void
  /** Throws KeeperError to refuse. */
  onRequest(connection: Connection, request: Request): unknown
  onInput(sessionId: string, bytes: Buffer): void
  onClose(connection: Connection): void
  log(line: string): void
}

export interface Connection {
  /** Sends everything from byte `from` on, then the end. Throws `bad-input` for a number in use. */
  subscribe(sub: number, session: Session, stream: StreamName, from: number): void
  unsubscribe(sub: number): void
  /** The session has more to read, or has ended. */
  wake(session: Session): void
  close(): void
}

interface Subscription {
  readonly id: number
  readonly session: Session
  readonly source: Source
  at: number
  /** A read from disk is under way. */
  reading: boolean
}

// Bytes that may wait in this process for a client that reads slowly.
const HIGH_WATER = 256 * 1024
// A stream in full flow is sent this often, in larger pieces; the first byte after a pause is sent at once.
const PACE_MS = 4
// How long a stranger may stay silent.
const HELLO_MS = 5000

export function serveConnection(socket: Socket, options: ConnectionOptions): Connection {
  const subscriptions = new Map<number, Subscription>()
  let ready = false
  let pumped = 0
  let pumpTimer: NodeJS.Timeout | null = null
  const helloTimer = setTimeout(() => socket.destroy(), HELLO_MS)

  const send = (message: Reply | Notice | object): void => {
    if (socket.writable) socket.write(encodeControl(message))
  }
  const pump = (): void => {
    pumpTimer = null
    pumped = performance.now()
    let moved = true
    // One piece for each in turn, so that a flood does not keep the others waiting.
    while (moved && socket.writable && socket.writableLength < HIGH_WATER) {
      moved = false
      for (const subscription of [...subscriptions.values()]) if (advance(subscription)) moved = true
    }
  }
  const advance = (subscription: Subscription): boolean => {
    const { session, source } = subscription
    if (subscription.reading) return false
    if (subscription.at >= source.end) {
      if (session.exit) {
        subscriptions.delete(subscription.id)
        send({ sub: subscription.id, end: session.exit } satisfies Notice)
      }
      return false
    }
    const found = source.read(subscription.at, CHUNK)
    if (!(found instanceof Promise)) return deliver(subscription, found)
    subscription.reading = true
    found.then((later) => {
      subscription.reading = false
      deliver(subscription, later)
      pump()
    }, socket.destroy.bind(socket))
    return false
  }
  const deliver = (subscription: Subscription, { at, bytes }: { at: number; bytes: Buffer }): boolean => {
    if (subscriptions.get(subscription.id) !== subscription || !socket.writable) return false
    if (at > subscription.at) {
      send({ sub: subscription.id, dropped: { from: subscription.at, to: at } } satisfies Notice)
      subscription.at = at
    }
    if (bytes.length > 0) socket.write(encodeData(subscription.id, at, bytes))
    subscription.at += bytes.length
    return bytes.length > 0
  }

  const answer = async (id: number, work: () => unknown): Promise<void> => {
    try {
      send({ re: id, value: await work() } satisfies Reply)
    } catch (error) {
      if (!(error instanceof KeeperError)) options.log(`request failed: ${(error as Error)?.stack ?? error}`)
      send({ re: id, error: errorOf(error) } satisfies Reply)
    }
  }
  const onHello = (message: Partial<Hello>): void => {
    clearTimeout(helloTimer)
    const protocol = message.hello === 'coppice-keeper' ? agree(message.protocol) : null
    if (protocol === null) {
      const error = {
        code: 'protocol',
        message: `This keeper speaks protocol ${PROTOCOL.min} to ${PROTOCOL.max} (version ${options.version})`,
      }
      socket.end(encodeControl({ re: 0, error } satisfies Reply))
      return
    }
    ready = true
    send({ hello: 'coppice-keeper', protocol, version: options.version, pid: process.pid })
    options.onReady(connection)
  }
  const onFrame = (frame: Frame): void => {
    if (!ready) {
      if (frame.type === FrameType.control) onHello(frame.message)
      else socket.destroy()
    } else if (frame.type === FrameType.input) {
      void answer(frame.id, () => options.onInput(frame.sessionId, frame.bytes))
    } else if (frame.type === FrameType.control && Number.isSafeInteger(frame.message.id)) {
      void answer(frame.message.id as number, () => options.onRequest(connection, frame.message))
    } else socket.destroy()
  }

  const decoder = createDecoder(onFrame)
  socket.on('data', (chunk: Buffer) => {
    try {
      decoder.push(chunk)
    } catch (error) {
      options.log(`a client was refused: ${(error as Error).message}`)
      socket.destroy()
    }
  })
  socket.on('drain', pump)
  socket.on('error', () => {})
  socket.once('close', () => {
    clearTimeout(helloTimer)
    if (pumpTimer) clearTimeout(pumpTimer)
    subscriptions.clear()
    options.onClose(connection)
  })

  const connection: Connection = {
    subscribe(sub, session, stream, from) {
      const source = session.source(stream)
      if (!source) throw new KeeperError('bad-input', 'A terminal has no second stream')
      if (subscriptions.has(sub)) throw new KeeperError('bad-input', `Subscription ${sub} is in use`)
      if (from > source.end) throw new KeeperError('bad-input', `Byte ${from} is yet to come: there are ${source.end}`)
      subscriptions.set(sub, { id: sub, session, source, at: from, reading: false })
      // After the reply, which is sent when this turn's promises are done.
      setImmediate(pump)
    },
    unsubscribe: (sub) => void subscriptions.delete(sub),
    wake(session) {
      if (pumpTimer || ![...subscriptions.values()].some((one) => one.session === session)) return
      const wait = PACE_MS - (performance.now() - pumped)
      if (wait > 0) pumpTimer = setTimeout(pump, wait)
      else pump()
    },
    close: () => void socket.destroy(),
  }
  return connection
}

/** The highest version that both speak, or null. */
function agree(theirs: Range | undefined): number | null {
  if (typeof theirs?.min !== 'number' || typeof theirs.max !== 'number') return null
  const best = Math.min(theirs.max, PROTOCOL.max)
  return best >= Math.max(theirs.min, PROTOCOL.min) ? best : null
}

function errorOf(error: unknown): NonNullable<Reply['error']> {
  if (error instanceof KeeperError)
    return { code: error.code, message: error.message, ...(error.errno ? { errno: error.errno } : {}) }
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) }
}
