// The port for browsers, opened only when asked for: the client's files, one exchange of a token for a session (a cookie and a
// key), and a WebSocket. Localhost is no boundary (any page and any program can reach it), so every request must name this very
// address as its Host, what changes something or connects must come from a page of this very origin, and nothing is answered
// across origins. It knows no
// commands; what it accepts is a Channel like any other.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Channel } from '../contract/channel.ts'
import { maxFrameBytes } from '../contract/frames.ts'
import { browserSession } from '../contract/wire.ts'
import { fail } from '../model/failure.ts'
import { securityHeaders, staticFile } from './static-files.ts'
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

const cookieName = 'coppice_session'
/** Tokens that were handed out and not yet exchanged; the oldest gives way. */
const maxTokens = 16
const maxSockets = 64
const maxBodyBytes = 1024

/**
 * Listens on 127.0.0.1 and nowhere else. Rejects with a CoppiceFailure: `in-use` where the port is taken, `permission-denied`
 * where it is a privileged one.
 */
export async function openPort(options: PortOptions): Promise<Port> {
  const tokens: Buffer[] = []
  // One pair of secrets for the host's life: every browser that brought a token has it.
  const session = randomBytes(32).toString('base64url')
  const key = randomBytes(32).toString('base64url')
  const server = createServer({
    maxHeaderSize: 16 * 1024,
    headersTimeout: 10_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5000,
  })
  server.maxConnections = 256
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
  const address = `http://${host}`
  const headers = securityHeaders(`ws://${host}`)
  const refused = (why: string) => options.onRefused?.(why)

  server.on('request', (request, response) => {
    answer(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500, headers)
      response.end()
    })
  })
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy())
    const why = refusalOf(request, { needsOrigin: true }) ?? (request.url === '/socket' ? null : 'no such socket')
    if (why) return reject(stream, 403, why)
    if (!hasSession(request)) return reject(stream, 401, 'a socket without a session')
    if (sockets.clients.size >= maxSockets) return reject(stream, 503, 'too many sockets')
    sockets.handleUpgrade(request, stream, head, (socket) => options.onChannel(webSocketChannel(socket)))
  })
  server.on('clientError', (_error, stream) => {
    if (stream.writable) stream.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    else stream.destroy()
  })

  // Checked before anything else is looked at. Host must be this address, or a name that was rebound to 127.0.0.1 would do.
  function refusalOf(request: IncomingMessage, { needsOrigin }: { readonly needsOrigin: boolean }): string | null {
    if (countOf(request, 'host') !== 1 || request.headers.host !== host) return 'another Host'
    const origin = request.headers.origin
    if (countOf(request, 'origin') > 1) return 'more than one Origin'
    if (origin === undefined ? needsOrigin : origin !== address) return 'another Origin'
    const site = request.headers['sec-fetch-site']
    // A navigation from another page may load the client (it holds nothing yet); anything else from another site may not.
    if (needsOrigin && site !== undefined && site !== 'same-origin') return 'another site'
    return null
  }

  const hasSession = (request: IncomingMessage): boolean =>
    same(keyOf(request), key) &&
    (request.headers.cookie ?? '')
      .split(';')
      .some(
        (pair) => pair.trim().startsWith(`${cookieName}=`) && same(pair.trim().slice(cookieName.length + 1), session),
      )

  async function answer(request: IncomingMessage, response: ServerResponse) {
    const path = request.url ?? ''
    const changes = request.method === 'POST'
    const why = refusalOf(request, { needsOrigin: changes })
    if (why) return deny(response, 403, why)
    if (path === '/session' && request.method === 'GET') return finish(response, hasSession(request) ? 204 : 401)
    if (path === '/session' && changes) return exchange(request, response)
    if (request.method !== 'GET' && request.method !== 'HEAD') return finish(response, 405, { Allow: 'GET, HEAD' })
    const file = await staticFile(options.root, path)
    if (!file) return finish(response, 404)
    response.writeHead(200, { ...headers, 'Content-Type': file.type, 'Content-Length': file.bytes.length })
    response.end(request.method === 'HEAD' ? undefined : file.bytes)
  }

  async function exchange(request: IncomingMessage, response: ServerResponse) {
    const body = await bodyOf(request)
    if (body === null) return deny(response, 413, 'a session request that is too long')
    const given = digest(tokenIn(body))
    // All are compared, so that the time says nothing about which one came near.
    const index = tokens.reduce((found, token, n) => (timingSafeEqual(token, given) ? n : found), -1)
    if (index < 0) return deny(response, 401, 'a token that is not known, or was used')
    tokens.splice(index, 1)
    response.writeHead(200, {
      ...headers,
      'Content-Type': 'application/json',
      'Set-Cookie': `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/`,
    })
    response.end(JSON.stringify({ key }))
  }

  function finish(response: ServerResponse, status: number, more: Record<string, string> = {}): void {
    response.writeHead(status, { ...headers, ...more })
    response.end()
  }

  function deny(response: ServerResponse, status: number, why: string) {
    refused(why)
    finish(response, status, { Connection: 'close' })
  }

  function reject(stream: Duplex, status: number, why: string): void {
    refused(why)
    stream.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }

  return {
    address,
    newUrl() {
      const token = randomBytes(32).toString('base64url')
      tokens.push(digest(token))
      if (tokens.length > maxTokens) tokens.shift()
      return `${address}/#token=${token}`
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.clients) socket.terminate()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
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

/** "coppice, KEY" among the protocols that a WebSocket offers, or the header; '' where there is neither. */
function keyOf(request: IncomingMessage): string {
  const given = request.headers[browserSession.keyHeader]
  if (typeof given === 'string') return given
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  return offered[0] === browserSession.protocol ? (offered[1] ?? '') : ''
}

// The body is JSON ({"token": "…"}) with the type that a page of another origin cannot send unasked, or the bare token.
function tokenIn(body: string): string {
  try {
    const { token } = JSON.parse(body) as { token?: unknown }
    return typeof token === 'string' ? token : ''
  } catch {
    return body.trim()
  }
}

async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBodyBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))
const countOf = (request: IncomingMessage, name: string): number =>
  request.rawHeaders.filter((header, n) => n % 2 === 0 && header.toLowerCase() === name).length
