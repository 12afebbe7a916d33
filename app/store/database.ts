// Opens the journal's SQLite file: WAL, every commit on the disk before it returns, checked, and migrated to this build's schema.
// It promises that a file it cannot use is never deleted or overwritten: a damaged one is moved aside under a name with its date, a
// newer one is not touched at all. It knows tables, not what the records mean.
import { closeSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { exists, syncDirectory } from '../disk/files.ts'
import { CoppiceFailure, fail } from '../model/failure.ts'
import { firstVersion, latestVersion, steps } from './schema.ts'
import { isCorrupt, sqliteCode, sqliteFailure } from './sqlite-failure.ts'

export interface Database {
  readonly path: string
  readonly sql: DatabaseSync
  /** Runs `work` in one transaction: all of it is on the disk when this returns, or none of it. Throws a CoppiceFailure on the machine's limits. */
  transaction<T>(work: () => T): T
  close(): void
}

export interface DatabaseOptions {
  /** Where a file goes that cannot be used, and the copy that is kept before a migration. */
  readonly aside: string
  now?(): Date
}

/**
 * Opens the file, or makes it. Throws a CoppiceFailure:
 * `database-corrupt` (detail: `path`, `movedTo`: the next start begins with an empty journal), `database-newer` (detail: `path`,
 * `found`, `known`), or `no-space`, `read-only`, `too-many-files`, `permission-denied`, `timeout`.
 */
export function openDatabase(path: string, options: DatabaseOptions): Database {
  try {
    const found = exists(path) ? probe(path) : null
    if (found !== null && found.version > latestVersion) {
      throw fail('database-newer', {
        path,
        found: found.version,
        known: latestVersion,
        message: `${path} was written by a newer Coppice (format ${found.version}, this one knows ${latestVersion})`,
      })
    }
    return open(path, found, options)
  } catch (error) {
    if (isCorrupt(error) || error instanceof Damaged) throw putAside(path, error, options)
    throw sqliteFailure(error, path)
  }
}

interface Found {
  readonly version: number
  readonly empty: boolean
}

// Read-only, so that a newer file stays as it is to the byte: a connection that may write folds the WAL into it on close.
function probe(path: string): Found {
  const sql = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
  try {
    return {
      version: numberOf(sql, 'PRAGMA user_version'),
      empty: numberOf(sql, 'SELECT count(*) FROM sqlite_master') === 0,
    }
  } finally {
    sql.close()
  }
}

function open(path: string, found: Found | null, options: DatabaseOptions): Database {
  // Made by us first, so that it and the files SQLite puts beside it (which copy its mode) are the person's alone.
  if (!found) closeSync(openSync(path, 'a', 0o600))
  const sql = new DatabaseSync(path, { timeout: 5000 })
  try {
    sql.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF')
    checkWhole(sql)
    const database = wrap(path, sql)
    migrate(database, found, options)
    return database
  } catch (error) {
    sql.close()
    throw error
  }
}

function checkWhole(sql: DatabaseSync): void {
  let found: string
  try {
    found = textOf(sql, 'PRAGMA integrity_check(1)')
  } catch (error) {
    // The check evaluates the computed columns: an event that is no JSON any more fails it with a plain SQL error (1).
    if (sqliteCode(error) === 1) throw new Damaged(messageOf(error))
    throw error
  }
  if (found !== 'ok') throw new Damaged(found)
}

function wrap(path: string, sql: DatabaseSync): Database {
  return {
    path,
    sql,
    transaction(work) {
      try {
        sql.exec('BEGIN IMMEDIATE')
        const result = work()
        sql.exec('COMMIT')
        return result
      } catch (error) {
        // SQLite has already rolled back after some failures (a full disk), and then ROLLBACK would be an error of its own.
        if (sql.isTransaction) sql.exec('ROLLBACK')
        throw sqliteFailure(error, path)
      }
    },
    close() {
      if (sql.isOpen) sql.close()
    },
  }
}

function migrate(database: Database, found: Found | null, options: DatabaseOptions): void {
  const isNew = found === null || found.empty
  const version = isNew ? 0 : found.version
  if (!isNew && version === latestVersion) return
  if (!isNew) keepCopy(database, version, options)
  database.transaction(() => {
    if (isNew) database.sql.exec(firstVersion)
    for (const step of steps.slice(version)) database.sql.exec(step)
    database.sql.exec(`PRAGMA user_version = ${latestVersion}`)
  })
}

function keepCopy(database: Database, version: number, options: DatabaseOptions): void {
  mkdirSync(options.aside, { recursive: true, mode: 0o700 })
  const copy = freeName(options.aside, `${stem(database.path)}-format-${version}-${stamp(options)}`)
  database.sql.prepare('VACUUM INTO ?').run(copy)
}

function putAside(path: string, reason: unknown, options: DatabaseOptions): unknown {
  try {
    mkdirSync(options.aside, { recursive: true, mode: 0o700 })
    const movedTo = freeName(options.aside, `${stem(path)}-damaged-${stamp(options)}`)
    for (const suffix of ['-wal', '-shm', '']) {
      if (exists(path + suffix)) renameSync(path + suffix, movedTo + suffix)
    }
    for (const directory of [dirname(path), options.aside]) syncDirectory(directory)
    return fail('database-corrupt', {
      path,
      movedTo,
      reason: messageOf(reason),
      message: `${path} is damaged. It was kept as ${movedTo}. Start again to begin with an empty journal; worktrees stay where they are.`,
    })
  } catch (error) {
    if (error instanceof CoppiceFailure) return error
    return fail('database-corrupt', {
      path,
      reason: messageOf(reason),
      message: `${path} is damaged and could not be moved aside (${messageOf(error)}). Move it away yourself, then start again.`,
    })
  }
}

class Damaged extends Error {}

const stem = (path: string): string => basename(path).replace(/\.db$/, '')
const stamp = (options: DatabaseOptions): string => (options.now?.() ?? new Date()).toISOString().replace(/[:.]/g, '-')
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function freeName(directory: string, name: string): string {
  for (let n = 1; ; n++) {
    const path = join(directory, n === 1 ? `${name}.db` : `${name}-${n}.db`)
    if (!exists(path)) return path
  }
}

const firstCell = (sql: DatabaseSync, query: string): unknown => Object.values(sql.prepare(query).get() ?? {})[0]
const numberOf = (sql: DatabaseSync, query: string): number => Number(firstCell(sql, query))
const textOf = (sql: DatabaseSync, query: string): string => String(firstCell(sql, query))
