// The port for browsers, opened only on request, and only on 127.0.0.1: the client's files, the exchange of a token for a session,
// and a WebSocket, which becomes a Channel like any other. router.ts and session.ts decide who is admitted.
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Channel } from '../../contract/channel.ts'
import { maxFrameBytes } from '../../contract/frames.ts'
import { browserSession } from '../../contract/wire.ts'
import { fail } from '../../model/failure.ts'
import { createRouter } from './router.ts'
import { createSessions } from './session.ts'
import { webSocketChannel } from './web-socket-channel.ts'

export interface Port {
  /** http://127.0.0.1:PORT */
  readonly address: string
  /** The address with a new token in its fragment (which a browser never sends). Each is good for one exchange. */
  newUrl(): string
  close(): Promise<void>
}

export interface PortOptions {
  /** 0 lets the system choose. */
  readonly port: number
  /** The built client: dist/renderer. */
  readonly root: string
  onChannel(channel: Channel): void
  /** Told of refused requests, without what was in them. */
  onRefused?(why: string): void
}

const maxSockets = 64
/** Connections that are no WebSocket of a session: a page needs a handful, for a moment. More, or longer, is somebody who holds them. */
const maxStrangers = 96
const strangerMs = 30_000

/**
 * Listens on 127.0.0.1 and nowhere else. Rejects with a CoppiceFailure: `in-use` where the port is taken, `permission-denied`
 * where it is a privileged one.
 */
export async function openPort(options: PortOptions): Promise<Port> {
  const server = createServer({
    maxHeaderSize: 16 * 1024,
    headersTimeout: 10_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5000,
  })
  const strangers = watchStrangers(server)
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
    clientTracking: true,
    // The key is never said back.
    handleProtocols: (offered) => (offered.has(browserSession.protocol) ? browserSession.protocol : false),
  })

  const port = await listen(server, options.port)
  const host = `127.0.0.1:${port}`
  const sessions = createSessions()
  const onRefused = (why: string) => options.onRefused?.(why)
  const router = createRouter({ host, root: options.root, sessions, onRefused })

  server.on('request', (request, response) => void router.answer(request, response))
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy())
    const full = sockets.clients.size >= maxSockets ? { status: 503, why: 'too many sockets' } : null
    const refusal = router.refusalOfSocket(request) ?? full
    if (refusal) {
      onRefused(refusal.why)
      return endNow(stream, `HTTP/1.1 ${refusal.status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    }
    strangers.letIn(stream)
    sockets.handleUpgrade(request, stream, head, (socket) => options.onChannel(webSocketChannel(socket)))
  })
  server.on('clientError', (_error, stream) => {
    if (stream.writable) endNow(stream, 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    else stream.destroy()
  })

  return {
    address: `http://${host}`,
    newUrl: () => `http://${host}/#token=${sessions.newToken()}`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.clients) socket.terminate()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Says the last word and lets go: a client that never closes its end keeps no connection. */
function endNow(stream: Duplex, text: string): void {
  stream.once('finish', () => stream.destroy())
  stream.end(text)
}

/**
 * Keeps connections without a session few and short-lived, so that whoever holds them locks nobody out: beyond `maxStrangers` the
 * oldest goes for the newest, and none outlives `strangerMs`.
 */
function watchStrangers(server: ReturnType<typeof createServer>): { letIn(stream: Duplex): void } {
  const timers = new Map<Duplex, NodeJS.Timeout>()
  const forget = (stream: Duplex) => {
    clearTimeout(timers.get(stream))
    timers.delete(stream)
  }
  server.on('connection', (socket: Socket) => {
    timers.set(socket, setTimeout(() => socket.destroy(), strangerMs).unref())
    socket.once('close', () => forget(socket))
    const [oldest] = timers.keys()
    if (timers.size > maxStrangers && oldest) {
      forget(oldest)
      oldest.destroy()
    }
  })
  return { letIn: forget }
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const detail = { port, message: error.message }
      if (error.code === 'EADDRINUSE') return reject(fail('in-use', detail))
      reject(error.code === 'EACCES' ? fail('permission-denied', detail) : error)
    })
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve((server.address() as AddressInfo).port))
  })
}
