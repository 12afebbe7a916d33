// Names of files as git writes them in a patch, and as a client can ask for them. Bytes, since a path need not be UTF-8.
import { isUtf8 } from 'node:buffer'

const named: Readonly<Record<number, string>> = {
  7: 'a',
  8: 'b',
  9: 't',
  10: 'n',
  11: 'v',
  12: 'f',
  13: 'r',
  34: '"',
  92: '\\',
}

/** "diff --git a/x b/y", each name in C quotes where git quotes it (core.quotePath is off: bytes above 0x7f stand as they are). */
export function headerOf(oldPath: Buffer, newPath: Buffer): Buffer {
  return Buffer.concat([Buffer.from('diff --git '), quoted('a/', oldPath), Buffer.from(' '), quoted('b/', newPath)])
}

function quoted(prefix: string, path: Buffer): Buffer {
  if (!path.some((byte) => byte < 0x20 || byte === 0x7f || byte === 34 || byte === 92))
    return Buffer.concat([Buffer.from(prefix), path])
  const parts: Buffer[] = [Buffer.from(`"${prefix}`)]
  for (const byte of path) {
    const letter = named[byte]
    if (letter) parts.push(Buffer.from(`\\${letter}`))
    else if (byte < 0x20 || byte === 0x7f) parts.push(Buffer.from(`\\${byte.toString(8).padStart(3, '0')}`))
    else parts.push(Buffer.from([byte]))
  }
  parts.push(Buffer.from('"'))
  return Buffer.concat(parts)
}

/** What a client asks for a file with: its path, or, where that is not UTF-8, a name that no path can have. */
export function fileIdOf(path: Buffer): string {
  return isUtf8(path) ? path.toString('utf8') : `//${path.toString('base64url')}`
}

/** The bytes behind an id. No path of git begins with a slash. */
export function pathOfId(id: string): Buffer {
  return id.startsWith('//') ? Buffer.from(id.slice(2), 'base64url') : Buffer.from(id, 'utf8')
}

/** A pathspec for exactly this path. A command line cannot hold bytes that are not UTF-8: each is any one byte then. */
export function pathspecOf(path: Buffer): string {
  if (isUtf8(path)) return `:(top,literal)${path.toString('utf8')}`
  let text = ''
  for (const byte of path) {
    const character = String.fromCharCode(byte)
    if (byte >= 0x80) text += '?'
    else text += /[*?[\]\\]/.test(character) ? `\\${character}` : character
  }
  return `:(top,glob)${text}`
}
