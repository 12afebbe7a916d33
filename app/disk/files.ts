// Reads and syncs the small files that git keeps beside its objects. It promises that a file which an agent has replaced by
// a pipe, a device or a gigabyte neither hangs the host nor fills it, and that identity means device and inode, not a name.
// It must not know what the files mean.
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  type Stats,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { fail } from '../model/failure.ts'

/** What a directory is, whatever it is called at the moment. Strings: an inode may be larger than a safe integer. */
export interface Identity {
  readonly device: string
  readonly inode: string
}

// O_NONBLOCK: opening a named pipe for reading would else wait for a writer, for ever.
const readFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)
const directoryFlags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0)

/**
 * The bytes of a regular file of at most `maxBytes` (default 1 MiB), or null where there is none.
 * Throws `state-unknown` for anything that is no regular file or is larger, and node's own error for EACCES, EIO and the like.
 */
export function readSmallFile(path: string, maxBytes = 1024 * 1024): Buffer | null {
  let descriptor: number
  try {
    descriptor = openSync(path, readFlags)
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
  try {
    const facts = fstatSync(descriptor)
    if (!facts.isFile()) throw fail('state-unknown', { path, message: `${path} is not a regular file` })
    if (facts.size > maxBytes) {
      throw fail('state-unknown', { path, message: `${path} is larger than ${maxBytes} bytes` })
    }
    const bytes = Buffer.alloc(facts.size)
    let length = 0
    while (length < bytes.length) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, null)
      if (read === 0) break
      length += read
    }
    return bytes.subarray(0, length)
  } finally {
    closeSync(descriptor)
  }
}

/** The same as text without its final newline. */
export function readSmallText(path: string, maxBytes?: number): string | null {
  const bytes = readSmallFile(path, maxBytes)
  return bytes === null ? null : bytes.toString('utf8').replace(/\r?\n$/, '')
}

/** True for ENOENT and ENOTDIR: there is nothing at that path. */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** True where something, of whatever kind, is at the path. Links are not followed. Throws where it could not be asked. */
export function exists(path: string): boolean {
  return lstatOrNull(path) !== null
}

/** What is at a path, links not followed; null where nothing is (a file on the way counts as nothing). */
export function lstatOrNull(path: string): Stats | null {
  try {
    return lstatSync(path)
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/** Device and inode of a real directory (no link), or null where nothing is there. Throws `state-unknown` for anything else. */
export function identityOf(path: string): Identity | null {
  let descriptor: number
  try {
    descriptor = openSync(path, directoryFlags)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    // Linux answers ENOTDIR, macOS ELOOP, for a link opened with O_NOFOLLOW and O_DIRECTORY.
    if (code === 'ENOTDIR' || code === 'ELOOP') {
      throw fail('state-unknown', { path, message: `${path} is not a directory of its own (a link or a file)` })
    }
    throw error
  }
  try {
    const facts = fstatSync(descriptor, { bigint: true })
    return { device: String(facts.dev), inode: String(facts.ino) }
  } finally {
    closeSync(descriptor)
  }
}

export function sameIdentity(a: Identity, b: Identity): boolean {
  return a.device === b.device && a.inode === b.inode
}

/** Replaces a small file whole, never in place, and only where it would differ. */
export function replaceFile(path: string, content: string | Buffer): void {
  const bytes = Buffer.from(content)
  try {
    if (readFileSync(path).equals(bytes)) return
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  writeWhole(path, bytes, { mode: 0o644, suffix: '.coppice' })
}

/**
 * Writes a file so that it is there whole or as it was, whatever happens: written aside, flushed, renamed, and the rename made
 * durable. `suffix` names the file aside, for whoever looks for what a crash left.
 */
export function writeWhole(
  path: string,
  content: string | Buffer,
  options: { readonly mode: number; readonly suffix?: string },
): void {
  const aside = `${path}${options.suffix ?? '.new'}`
  writeFileSync(aside, content, { mode: options.mode, flush: true })
  renameSync(aside, path)
  syncDirectory(dirname(path))
}

/** Makes a rename or an unlink inside `directory` durable. A file system that cannot (EINVAL on some network mounts) is left alone. */
export function syncDirectory(directory: string): void {
  // Windows opens no directory for that.
  if (process.platform === 'win32') return
  const descriptor = openSync(directory, constants.O_RDONLY)
  try {
    fsyncSync(descriptor)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EINVAL' && code !== 'ENOTSUP' && code !== 'EPERM') throw error
  } finally {
    closeSync(descriptor)
  }
}
