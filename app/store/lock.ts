// One owner per data directory: an exclusive lock on a small SQLite file, held until it is released or the process dies, however
// that happens. A pid file races and outlives a kill. Here the pid is written beside the lock and only ever shown.
import { readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { writeWhole } from '../disk/files.ts'
import { isBusy, sqliteFailure } from './sqlite-failure.ts'

export interface Lock {
  release(): void
}

export interface Owner {
  readonly pid: number
  readonly version: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

/**
 * Takes the lock, or gives null where another process holds it. Exactly one of many that try at once gets it, at once.
 * Throws a CoppiceFailure where the file cannot be made (`permission-denied`, `read-only`, `no-space`, `too-many-files`).
 *
 * BEGIN IMMEDIATE takes SQLite's RESERVED lock, which one process can hold and which needs no other to step back. (EXCLUSIVE
 * needs all readers gone, and ten that come at once can all see one another's read lock and all give up.) The rollback
 * journal is kept in memory so that a killed owner leaves no file to roll back, which would again need EXCLUSIVE. (OFF would say
 * it better, but node:sqlite opens in defensive mode, where SQLite 3.53 ignores OFF without a word.)
 */
export function acquireLock(path: string): Lock | null {
  let database: DatabaseSync | null = null
  try {
    writeFileSync(path, '', { flag: 'wx', mode: 0o600 })
  } catch (error) {
    // EEXIST is the common case. The file is not opened here: closing a descriptor of it would drop a lock that we hold (fcntl).
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw sqliteFailure(error, path)
  }
  try {
    database = new DatabaseSync(path, { timeout: 0 })
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE')
  } catch (error) {
    database?.close()
    if (isBusy(error)) return null
    throw sqliteFailure(error, path)
  }
  const held = database
  return {
    release() {
      if (held.isOpen) held.close()
    },
  }
}

/** Writes who holds the lock, for people and for messages. Losing it loses nothing. */
export function writeOwner(path: string, owner: Owner): void {
  writeWhole(path, `${JSON.stringify(owner)}\n`, { mode: 0o600 })
}

/** Who wrote the file last, or null where that cannot be told. It may be long gone. */
export function readOwner(path: string): Owner | null {
  try {
    const { pid, version, startedAt } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Owner>
    return typeof pid === 'number' && typeof version === 'string' && typeof startedAt === 'number'
      ? { pid, version, startedAt }
      : null
  } catch {
    return null
  }
}
