// What the window may load: which file answers which app:// address, and the content security policy of each answer. Pure except
// for path arithmetic: it reads nothing.
import { extname, join, sep } from 'node:path'

export const scheme = 'app'
export const pageOrigin = `${scheme}://coppice`
export const pageUrl = `${pageOrigin}/index.html`

// xterm's DOM renderer and Base UI write <style> elements, hence 'unsafe-inline' for styles only. Vite inlines small fonts and
// images as data: addresses. There is nothing to connect to: the page talks through one MessagePort.
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-src 'none'",
  "frame-ancestors 'none'",
  "object-src 'none'",
].join('; ')

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.wasm': 'application/wasm',
}

/** The headers of every answer, by the file's extension. */
export function assetHeaders(file: string): Record<string, string> {
  return {
    'content-type': types[extname(file).toLowerCase()] ?? 'application/octet-stream',
    'content-security-policy': contentSecurityPolicy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-cache',
  }
}

/** True for an address of our own page and nothing else; also of its reload. */
export function isOwnPage(address: string): boolean {
  const url = parse(address)
  return url !== null && isOurs(url) && (url.pathname === '/' || url.pathname === '/index.html')
}

/**
 * The file below `root` that an app:// address names, or null where it names none: another host, a folder, a path that leads
 * out, an encoded separator, a NUL.
 */
export function assetPath(root: string, address: string): string | null {
  const url = parse(address)
  if (url === null || !isOurs(url)) return null
  // URL has resolved ".." and "%2e%2e" by now; what hides behind an encoded separator it has not.
  if (/%2f|%5c|%00/i.test(url.pathname)) return null
  let path: string
  try {
    path = decodeURIComponent(url.pathname)
  } catch {
    return null
  }
  if (path.includes('\0') || path.includes('\\') || (sep === '\\' && path.includes(':'))) return null
  const file = join(root, path === '/' ? 'index.html' : path)
  const base = root.endsWith(sep) ? root : root + sep
  return file.startsWith(base) && file.length > base.length && !file.endsWith(sep) ? file : null
}

const isOurs = (url: URL) =>
  url.protocol === `${scheme}:` &&
  url.host === 'coppice' &&
  url.username === '' &&
  url.password === '' &&
  url.port === ''

function parse(address: string): URL | null {
  try {
    return new URL(address)
  } catch {
    return null
  }
}
