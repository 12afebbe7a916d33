import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Verdict } from '../../app/store/chain.ts'
import { openDatabase } from '../../app/store/database.ts'
import { openJournal } from '../../app/store/journal.ts'
import { verifyExport } from '../../app/store/verify-export.ts'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { full, report } from './report.ts'

// Scenario 37: the audit log of a real host, exported by the command line, and its database, with one record flipped, deleted,
// moved or cut off, at every record: the first bad one is named.
let host: TestHost
let repo: TestRepo
let file: string
beforeAll(async () => {
  repo = makeRepo({ remote: true })
  host = await startHost()
  file = join(host.home, 'audit')
  const { repositoryId } = await host.call('repository.add', { path: repo.path })
  for (let n = 0; n < (full ? 12 : 2); n++) {
    await host.start(repositoryId, 'git commit -q --allow-empty -m work', { id: `run-${n}` })
    await host.untilPhase(`run-${n}`, 'exited')
    const { consent } = await host.call('run.preview-removal', { runId: `run-${n}` })
    await host.call('run.remove', { runId: `run-${n}`, consent })
    await host.call('run.restore', { runId: `run-${n}` })
  }
}, 120_000)
afterAll(async () => {
  await host?.close()
  repo?.close()
})

/** Counts what was not named, or named wrongly. */
function counter() {
  const wrong: string[] = []
  let cases = 0
  return {
    wrong,
    cases: () => cases,
    expect(what: string, verdict: Verdict, first: number) {
      cases++
      if (verdict.ok || verdict.firstBad !== first) wrong.push(`${what}: ${JSON.stringify(verdict)}, not ${first}`)
    },
  }
}

/** Another digit or letter at a place that is one, so that the line stays one of its kind. */
function flip(line: string, at: number): string {
  for (let n = at; ; n = (n + 1) % line.length) {
    const character = line[n] as string
    if (/[0-9a-f]/.test(character)) return `${line.slice(0, n)}${character === '0' ? '1' : '0'}${line.slice(n + 1)}`
  }
}

describe('the audit log', () => {
  it.each(['jsonl', 'csv'] as const)('as %s names the first bad record', async (format) => {
    const exported = host.cli(['journal', '--export', format])
    expect(exported.code, exported.stderr).toBe(0)
    const lines = exported.stdout.split('\n').slice(0, -1)
    const last = lines.length - 1
    const verify = (changed: readonly string[]) => {
      writeFileSync(file, changed.map((line) => `${line}\n`).join(''))
      return verifyExport(file)
    }
    const whole = await verify(lines)
    if (!whole.ok) throw new Error(whole.why)
    expect(whole.head.seq).toBe(last - 1)
    const count = counter()
    for (let n = 1; n <= last; n++) {
      const line = lines[n] as string
      for (const part of [0.1, 0.5, 0.9])
        count.expect(`${n} flipped`, await verify(lines.with(n, flip(line, Math.floor(line.length * part)))), n)
      count.expect(`${n} deleted`, await verify(lines.toSpliced(n, 1)), n)
      count.expect(`cut before ${n}`, await verify(lines.slice(0, n)), n)
      if (n < last)
        count.expect(`${n} and the next swapped`, await verify(lines.toSpliced(n, 2, lines[n + 1] as string, line)), n)
    }
    expect(count.wrong).toEqual([])

    // The command line says the same, from the file alone; and a head that was kept shows a log that was cut and closed again.
    writeFileSync(file, lines.toSpliced(5, 1).join('\n').concat('\n'))
    const said = host.cli(['journal', '--verify', file, '--json'])
    expect(said.code).toBe(1)
    expect(JSON.parse(said.stdout).error.message).toContain('Record 5 ')
    writeFileSync(file, `${lines.join('\n')}\n`)
    expect(host.cli(['journal', '--verify', file, '--anchor', whole.head.hash]).code).toBe(0)
    expect(host.cli(['journal', '--verify', file, '--anchor', 'f'.repeat(64)]).code).toBe(1)
    report(
      37,
      `${count.cases()} changes to ${last - 1} records as ${format}: ${count.cases() - count.wrong.length} named`,
    )
  })

  it('in the database names the first bad record', async () => {
    await host.kill()
    const home = join(host.home, 'copies')
    const path = join(host.dataDirectory, 'journal.db')
    const first = new DatabaseSync(path)
    first.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    const { n: records } = first.prepare('SELECT count(*) AS n FROM records').get() as { n: number }
    first.close()
    const open = (at: string) => openJournal(openDatabase(at, { aside: join(home, 'aside') }))
    const pristine = open(path)
    const anchor = pristine.head()
    expect(pristine.verify()).toMatchObject({ ok: true })
    pristine.close()
    const count = counter()
    const changes: [string, (n: number) => string, (n: number) => number][] = [
      ['flipped', (n) => `UPDATE records SET at = at + 1 WHERE seq = ${n}`, (n) => n],
      ['rewritten', (n) => `UPDATE records SET user = 'mallory' WHERE seq = ${n}`, (n) => n],
      ['deleted', (n) => `DELETE FROM records WHERE seq = ${n}`, (n) => n],
      ['cut', (n) => `DELETE FROM records WHERE seq >= ${n}`, (n) => n],
      [
        'moved',
        (n) =>
          `UPDATE records SET seq = -1 WHERE seq = ${n}; UPDATE records SET seq = ${n} WHERE seq = ${n + 1}; UPDATE records SET seq = ${n + 1} WHERE seq = -1`,
        (n) => n,
      ],
    ]
    const step = full ? 1 : 5
    for (let n = 1; n < records; n += step) {
      for (const [what, sql, expected] of changes) {
        const copy = join(home, `${what}-${n}`, 'journal.db')
        cpSync(path, copy, { recursive: true })
        const tampered = new DatabaseSync(copy)
        // What guards against a bug in our own code does not stop somebody who has the file.
        for (const { name } of tampered.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all() as {
          name: string
        }[])
          tampered.exec(`DROP TRIGGER "${name}"`)
        tampered.exec(sql(n))
        tampered.close()
        let verdict: Verdict
        try {
          const journal = open(copy)
          verdict = journal.verify(anchor)
          journal.close()
        } catch (error) {
          verdict = { ok: false, firstBad: -1, why: String(error) }
        }
        count.expect(`${n} ${what}`, verdict, expected(n))
      }
    }
    expect(count.wrong).toEqual([])
    report(
      37,
      `${count.cases()} changes to a database of ${records} records: ${count.cases() - count.wrong.length} named`,
    )
  })
})
