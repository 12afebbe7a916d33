import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { CoppiceFailure, type Failure } from '../../app/model/failure.ts'
import { openJournal } from '../../app/store/journal.ts'
import { latestVersion } from '../../app/store/schema.ts'
import { by, lifeOf, openIn, overwrite, repository, scratch } from './sample.ts'

const { make } = scratch()
const bytesOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
const schemaOf = (sql: DatabaseSync) =>
  sql
    .prepare('SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name')
    .all()
    .map((row) => ({
      ...row,
      sql: String(row.sql)
        .replace(/\s+/g, ' ')
        .replace(/\s(?=[,)])|\s$/g, ''),
    }))

function failureOf(act: () => unknown): Failure | null {
  try {
    act()
  } catch (error) {
    if (error instanceof CoppiceFailure) return error.failure
    throw error
  }
  return null
}

function filled(directory: string): string {
  const journal = openJournal(openIn(directory))
  journal.append({ type: 'repository-added', repository: repository('shop') }, by)
  for (let n = 0; n < 40; n++) journal.appendAll(lifeOf(`run-${n}`), by)
  journal.close()
  return join(directory, 'journal.db')
}

describe('openDatabase', () => {
  it('makes a file of its owner alone that syncs every commit', () => {
    const directory = make()
    const database = openIn(directory)
    const pragma = (name: string) => Object.values(database.sql.prepare(`PRAGMA ${name}`).get()!)[0]
    expect(pragma('journal_mode')).toBe('wal')
    expect(pragma('synchronous')).toBe(2)
    expect(pragma('user_version')).toBe(latestVersion)
    database.sql.exec("INSERT INTO replies VALUES ('12345678', '', '{}', 0)")
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600)
    database.close()
  })

  it('brings a committed database of the first format to this one, keeping a copy', () => {
    const directory = make()
    copyFileSync(join(import.meta.dirname, 'fixtures/v0.db'), join(directory, 'journal.db'))
    const database = openIn(directory)
    const fresh = openIn(make())
    expect(schemaOf(database.sql)).toEqual(schemaOf(fresh.sql))
    fresh.close()

    const journal = openJournal(database)
    expect(journal.skipped).toEqual([])
    // The head that make-v0.ts computed by its own code.
    expect(journal.verify()).toEqual({
      ok: true,
      head: { seq: 27, hash: 'c89cccf7a541fa63e281d71274cb56013d8ef82d4ce9647126fafafa82e37f6b' },
    })
    expect(Object.keys(journal.state.runs)).toEqual(['fix-login', 'other'])
    expect(journal.state.runs['fix-login']).toMatchObject({ phase: 'exited', delivery: { state: 'pushed' } })
    expect(journal.read({ runId: 'other' }).records).toHaveLength(13)
    expect(journal.recordsOf('command-1').map((record) => record.seq)).toEqual([2])
    expect(journal.reply('command-1')).toBeNull()
    journal.saveReply('command-1', 'h', { value: {} })
    journal.append({ type: 'repository-trusted', repositoryId: 'shop', trusted: true }, by)
    expect(journal.verify()).toMatchObject({ ok: true, head: { seq: 28 } })
    journal.close()

    const [copy] = readdirSync(join(directory, 'aside'))
    expect(copy).toMatch(/^journal-format-0-.*\.db$/)
    const kept = new DatabaseSync(join(directory, 'aside', copy!), { readOnly: true })
    expect(kept.prepare('SELECT count(*) AS n FROM records').get()).toEqual({ n: 27 })
    kept.close()
    expect(openJournal(openIn(directory)).state.runs.other?.phase).toBe('exited')
    expect(readdirSync(join(directory, 'aside'))).toHaveLength(1)
  })

  it('refuses changes and deletions of records', () => {
    const directory = make()
    filled(directory)
    const { sql } = openIn(directory)
    expect(() => sql.exec("UPDATE records SET user = 'eve' WHERE seq = 3")).toThrow('append-only')
    expect(() => sql.exec('DELETE FROM records WHERE seq = 3')).toThrow('append-only')
    sql.close()
  })
})

describe('a database that cannot be used', () => {
  it.each([
    ['is no database', (path: string) => writeFileSync(path, 'this is a text file, and a long one '.repeat(100))],
    ['has a broken header', (path: string) => damage(path, 0, 60)],
    ['has a broken page', (path: string) => damage(path, 4096 * 3 + 5, 2000)],
    ['holds an event that is no JSON', (path: string) => overwrite(path, '{"agentSession', 'x"agentSession')],
    ['was cut', (path: string) => truncateSync(path, 4096 * 5)],
  ])('that %s is put aside, never deleted, and the next start is an empty journal', (_, harm) => {
    const directory = make()
    const path = filled(directory)
    harm(path)
    const before = bytesOf(path)

    const failure = failureOf(() => openIn(directory))
    expect(failure).toMatchObject({ code: 'database-corrupt', retryable: false, detail: { path } })
    const movedTo = String(failure?.detail?.movedTo)
    expect(movedTo.startsWith(join(directory, 'aside', 'journal-damaged-'))).toBe(true)
    expect(bytesOf(movedTo)).toBe(before)
    expect(failure?.detail?.message).toContain(movedTo)
    expect(existsSync(path)).toBe(false)

    const journal = openJournal(openIn(directory))
    expect(journal.state.seq).toBe(0)
    journal.close()
    expect(bytesOf(movedTo)).toBe(before)
  })

  it('keeps each of two damaged ones', () => {
    const directory = make()
    const path = join(directory, 'journal.db')
    for (const text of ['one', 'two']) {
      writeFileSync(path, text.repeat(1000))
      expect(failureOf(() => openIn(directory))?.code).toBe('database-corrupt')
    }
    const kept = readdirSync(join(directory, 'aside'))
    expect(kept).toHaveLength(2)
    const texts = kept.map((name) => readFileSync(join(directory, 'aside', name), 'utf8').slice(0, 3)).sort()
    expect(texts).toEqual(['one', 'two'])
  })

  it('is left as it is to the byte where it is newer', () => {
    const directory = make()
    const path = filled(directory)
    const sql = new DatabaseSync(path)
    sql.exec(`PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = ${latestVersion + 1}`)
    // The newer host was killed: its last words are in the WAL only.
    const copy = join(directory, 'copy')
    mkdirSync(copy)
    for (const suffix of ['', '-wal']) copyFileSync(path + suffix, join(copy, `journal.db${suffix}`))
    sql.close()

    const files = ['', '-wal'].map((suffix) => join(copy, `journal.db${suffix}`))
    const before = files.map(bytesOf)
    const failure = failureOf(() => openIn(copy))
    expect(failure).toMatchObject({
      code: 'database-newer',
      detail: { found: latestVersion + 1, known: latestVersion },
    })
    expect(files.map(bytesOf)).toEqual(before)
    expect(existsSync(join(copy, 'aside'))).toBe(false)
  })
})

function damage(path: string, from: number, length: number): void {
  const bytes = readFileSync(path)
  bytes.fill(0xa5, from, from + length)
  writeFileSync(path, bytes)
}
