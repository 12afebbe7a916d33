// Who is admitted through the port. A token from the address, which works once, buys a session: a cookie and a key. It promises
// that comparing a secret takes the same time whatever is presented, and that no secret is kept in a form that could be read and
// used.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { browserSession } from '../../contract/wire.ts'

export interface Sessions {
  /** A token for one more browser. */
  newToken(): string
  /** What a browser gets for the token in its request's body, or null where the token is not known, or was used. */
  exchange(body: string): { readonly cookie: string; readonly key: string } | null
  /** True where a request brings both the cookie and the key. */
  has(request: IncomingMessage): boolean
}

const cookieName = 'coppice_session'
/** Tokens that were handed out and not yet exchanged; the oldest gives way. */
const maxTokens = 16

/** One pair of secrets for the host's life: every browser that brought a token has it. */
export function createSessions(): Sessions {
  const tokens: Buffer[] = []
  const session = randomBytes(32).toString('base64url')
  const key = randomBytes(32).toString('base64url')
  return {
    newToken() {
      const token = randomBytes(32).toString('base64url')
      tokens.push(digest(token))
      if (tokens.length > maxTokens) tokens.shift()
      return token
    },
    exchange(body) {
      const given = digest(tokenIn(body))
      // All are compared, so that the time says nothing about which one came near.
      const index = tokens.reduce((found, token, n) => (timingSafeEqual(token, given) ? n : found), -1)
      if (index < 0) return null
      tokens.splice(index, 1)
      return { cookie: `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/`, key }
    },
    has: (request) => same(keyOf(request), key) && cookiesOf(request).some((cookie) => same(cookie, session)),
  }
}

/** The values of our cookie: a browser may send several, of other paths and ports. */
const cookiesOf = (request: IncomingMessage): string[] =>
  (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${cookieName}=`))
    .map((pair) => pair.slice(cookieName.length + 1))

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

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))
