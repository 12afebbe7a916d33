// Turns SQLite's errors into a Failure. The table of result codes is https://sqlite.org/rescode.html; the low byte is the primary
// one.
import { closeSync, fsyncSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { CoppiceFailure, fail, systemFailureCode } from '../model/failure.ts'

const BUSY = 5
const LOCKED = 6
const READONLY = 8
const IOERR = 10
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const NOTADB = 26

/** The primary result code of an error that node:sqlite threw, or null where it is none. */
export function sqliteCode(error: unknown): number | null {
  const found = error as { code?: unknown; errcode?: unknown } | null
  return found?.code === 'ERR_SQLITE_ERROR' && typeof found.errcode === 'number' ? found.errcode & 0xff : null
}

export const isBusy = (error: unknown): boolean => [BUSY, LOCKED].includes(sqliteCode(error) ?? -1)
export const isCorrupt = (error: unknown): boolean => [CORRUPT, NOTADB].includes(sqliteCode(error) ?? -1)

/** A CoppiceFailure for the machine's limits (no space, read-only, no descriptors, no permission), or the error as it came. */
export function sqliteFailure(error: unknown, path: string): unknown {
  if (error instanceof CoppiceFailure) return error
  const detail = { path, message: error instanceof Error ? error.message : String(error) }
  const again = { retryable: true }
  switch (sqliteCode(error)) {
    case FULL:
      return fail('no-space', detail, again)
    case READONLY:
      return fail('read-only', detail, again)
    case BUSY:
    case LOCKED:
      return fail('timeout', { ...detail, message: 'the journal is locked by another program' }, again)
    case IOERR:
      return fail(
        whyIoFailed(path),
        { ...detail, message: `the journal could not be written: ${detail.message}` },
        again,
      )
    case CANTOPEN:
      return fail(whyNotOpened(path), detail, again)
    default: {
      const code = systemFailureCode(error)
      return code ? fail(code, detail, again) : error
    }
  }
}

// SQLite says "unable to open" for every reason; opening the file ourselves tells which one it is. Its descriptor is closed at
// once, which is harmless only because SQLite holds no lock on a file that it could not open.
function whyNotOpened(path: string): 'permission-denied' | 'too-many-files' | 'read-only' | 'no-space' {
  try {
    closeSync(openSync(path, 'r+'))
    return 'permission-denied'
  } catch (error) {
    const code = systemFailureCode(error)
    return code === 'too-many-files' || code === 'read-only' || code === 'no-space' ? code : 'permission-denied'
  }
}

/**
 * A disk that fails, a file at its size limit (EFBIG), a used-up quota and a full disk at the wrong moment are one code to SQLite.
 * Only where a few kilobytes beside the file do not fit either is it said that space is short.
 */
function whyIoFailed(path: string): 'no-space' | 'disk-error' {
  const probe = `${path}.probe`
  try {
    const file = openSync(probe, 'w', 0o600)
    try {
      // To its end: a single write may stop short where the disk does.
      writeFileSync(file, Buffer.alloc(64 * 1024))
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    return 'disk-error'
  } catch (error) {
    return systemFailureCode(error) === 'no-space' ? 'no-space' : 'disk-error'
  } finally {
    rmSync(probe, { force: true })
  }
}
