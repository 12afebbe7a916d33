// Serves the built client's files over HTTP, with the headers that every answer of the port carries. It promises that nothing
// outside the folder is ever read, by whatever name, and that a page from here can load nothing from anywhere else.
import { realpathSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
}

/**
 * The policy of the client's page. Everything is denied, then: its own scripts, styles, fonts and images, and its own socket.
 * Styles may be inline because xterm.js writes its sizes and colours into style elements; scripts never are.
 */
export const contentSecurityPolicy = (socketAddress: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "font-src 'self' data:",
    "img-src 'self' data: blob:",
    `connect-src 'self' ${socketAddress}`,
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

/** On every answer, whatever its status. */
export const securityHeaders = (socketAddress: string): Readonly<Record<string, string>> => ({
  'Content-Security-Policy': contentSecurityPolicy(socketAddress),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Origin-Agent-Cluster': '?1',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()',
  'Cache-Control': 'no-store',
})

export interface StaticFile {
  readonly type: string
  readonly bytes: Buffer
}

/** The file behind a request's path, or null where there is none inside `root`. Links that lead out of it count as none. */
export async function staticFile(root: string, requestPath: string): Promise<StaticFile | null> {
  const path = pathInside(root, requestPath)
  return path === null
    ? null
    : { type: types[extname(path)] ?? 'application/octet-stream', bytes: await readFile(path) }
}

function pathInside(root: string, requestPath: string): string | null {
  let name: string
  try {
    name = decodeURIComponent(requestPath.split(/[?#]/, 1)[0] ?? '')
  } catch {
    return null
  }
  // Names with these have no business here, on any platform.
  if (!name.startsWith('/') || /[\0\\:]/.test(name) || name.split('/').some((part) => part.startsWith('.'))) return null
  try {
    const top = realpathSync(root)
    const path = realpathSync(join(top, name === '/' ? 'index.html' : name))
    return path.startsWith(top + sep) && statSync(path).isFile() ? path : null
  } catch {
    return null
  }
}
