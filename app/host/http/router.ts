// What the port answers to a request, and whether it answers at all. Localhost is no boundary (any page and any program can reach
// it). So every request must name this very address as its Host, a request that changes something or connects must come from a page
// of this very origin, and nothing is answered across origins. It knows no commands.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Sessions } from './session.ts'
import { securityHeaders, staticFile } from './static.ts'

export interface Router {
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Why a WebSocket is not let in, with the status that says so; null where it may come in. */
  refusalOfSocket(request: IncomingMessage): { readonly status: number; readonly why: string } | null
}

export interface RouterOptions {
  /** 127.0.0.1:PORT, as a browser names it. */
  readonly host: string
  /** The built client's folder. */
  readonly root: string
  readonly sessions: Sessions
  /** Told of refused requests, without what was in them. */
  onRefused(why: string): void
}

const maxBodyBytes = 1024

/** The port's routes: the client's files, `session` and the check of `socket`. */
export function createRouter({ host, root, sessions, onRefused }: RouterOptions): Router {
  const address = `http://${host}`
  const headers = securityHeaders(`ws://${host}`)

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

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    const changes = request.method === 'POST'
    const why = refusalOf(request, { needsOrigin: changes })
    if (why) return deny(response, 403, why)
    if (path === '/session' && request.method === 'GET') return finish(response, sessions.has(request) ? 204 : 401)
    if (path === '/session' && changes) return exchange(request, response)
    if (request.method !== 'GET' && request.method !== 'HEAD') return finish(response, 405, { Allow: 'GET, HEAD' })
    const file = await staticFile(root, path)
    if (!file) return finish(response, 404)
    response.writeHead(200, { ...headers, 'Content-Type': file.type, 'Content-Length': file.bytes.length })
    response.end(request.method === 'HEAD' ? undefined : file.bytes)
  }

  async function exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    if (body === null) return deny(response, 413, 'a session request that is too long')
    const bought = sessions.exchange(body)
    if (!bought) return deny(response, 401, 'a token that is not known, or was used')
    response.writeHead(200, { ...headers, 'Content-Type': 'application/json', 'Set-Cookie': bought.cookie })
    response.end(JSON.stringify({ key: bought.key }))
  }

  function finish(response: ServerResponse, status: number, more: Record<string, string> = {}): void {
    response.writeHead(status, { ...headers, ...more })
    response.end()
  }

  function deny(response: ServerResponse, status: number, why: string): void {
    onRefused(why)
    finish(response, status, { Connection: 'close' })
  }

  return {
    async answer(request, response) {
      try {
        await route(request, response)
      } catch {
        if (!response.headersSent) response.writeHead(500, headers)
        response.end()
      }
    },
    refusalOfSocket(request) {
      const why = refusalOf(request, { needsOrigin: true }) ?? (request.url === '/socket' ? null : 'no such socket')
      if (why) return { status: 403, why }
      return sessions.has(request) ? null : { status: 401, why: 'a socket without a session' }
    },
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

const countOf = (request: IncomingMessage, name: string): number =>
  request.rawHeaders.filter((header, n) => n % 2 === 0 && header.toLowerCase() === name).length
