import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Event, JournalRecord } from '../../app/model/event.ts'
import { emptyState, reduce } from '../../app/model/state.ts'
import { openJournal } from '../../app/store/journal.ts'
import { by, byCommand, epoch, handClock, lifeOf, openIn, overwrite, repository, scratch } from './sample.ts'

const { make } = scratch()
const open = (directory = make()) => openJournal(openIn(directory), { clock: handClock() })
const added = (id: string): Event => ({ type: 'repository-added', repository: repository(id) })

/** Opens the file behind the journal's back, without its guards. */
function tamper(directory: string, statement: string): void {
  const sql = new DatabaseSync(join(directory, 'journal.db'))
  sql.exec(`DROP TRIGGER records_are_not_changed; DROP TRIGGER records_are_not_deleted; ${statement}`)
  sql.close()
}

describe('append', () => {
  it('numbers, chains and folds, and is there after a new start', () => {
    const directory = make()
    const journal = open(directory)
    const first = journal.append(added('shop'), byCommand('command-1'))
    const rest = journal.appendAll(lifeOf('fix'), by)
    expect(first).toMatchObject({
      seq: 1,
      at: epoch,
      actor: { user: 'ada', via: 'cli' },
      commandId: 'command-1',
      previousHash: '0'.repeat(64),
    })
    expect(rest.map((record) => record.seq)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
    expect(rest[0]!.previousHash).toBe(first.hash)
    const { state } = journal
    journal.close()

    const again = open(directory)
    expect(again.state).toEqual(state)
    expect(again.head()).toEqual({ seq: 14, hash: rest.at(-1)!.hash })
    expect([...again.records()]).toEqual([first, ...rest])
    expect(again.append(added('next'), by).previousHash).toBe(rest.at(-1)!.hash)
    expect(again.verify()).toMatchObject({ ok: true, head: { seq: 15 } })
    again.close()
  })

  it('writes all of several or none', () => {
    const journal = open()
    journal.append(added('shop'), by)
    const told: number[] = []
    journal.onRecord((record) => told.push(record.seq))
    expect(() => journal.appendAll([added('one'), { type: 'nonsense' } as never], by)).toThrow()
    expect(journal.state.seq).toBe(1)
    expect(journal.state.repositories).not.toHaveProperty('one')
    expect(told).toEqual([])
    expect(journal.append(added('two'), by).seq).toBe(2)
    expect(journal.verify().ok).toBe(true)
  })

  it('tells listeners in order, also where one appends or throws', () => {
    const errors: unknown[] = []
    const journal = openJournal(openIn(make()), { clock: handClock(), onListenerError: (error) => errors.push(error) })
    const first: number[] = []
    const second: number[] = []
    journal.onRecord((record) => {
      first.push(record.seq)
      if (record.seq === 1) journal.append(added('nested'), by)
    })
    journal.onRecord(() => {
      throw new Error('a listener with a bug')
    })
    const off = journal.onRecord((record) => second.push(record.seq))
    journal.append(added('shop'), by)
    off()
    journal.append(added('last'), by)
    expect(first).toEqual([1, 2, 3])
    expect(second).toEqual([1, 2])
    expect(errors).toHaveLength(3)
  })

  it('keeps what was on the disk when the process was killed with SIGKILL', async () => {
    const directory = make()
    let least = 0
    for (let round = 0; round < 5; round++) {
      const script = join(import.meta.dirname, 'fixtures/append-until.ts')
      const child = spawn(process.execPath, [script, directory, '100000'], { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = 0
      createInterface(child.stdout!).on('line', (line) => {
        said = (JSON.parse(line) as { appended?: number }).appended ?? said
        if (said > least + 20) child.kill('SIGKILL')
      })
      await once(child, 'close')
      const journal = open(directory)
      expect(journal.head().seq).toBeGreaterThanOrEqual(said)
      expect(said).toBeGreaterThan(least)
      expect(journal.verify().ok).toBe(true)
      least = journal.head().seq
      journal.close()
    }
  })
})

describe('reading', () => {
  it('gives what a client missed, or null where a snapshot is due', () => {
    const journal = open()
    for (const id of ['a', 'b', 'c', 'd']) journal.append(added(id), by)
    expect(journal.since(2, 10)?.map((record) => record.seq)).toEqual([3, 4])
    expect(journal.since(4, 10)).toEqual([])
    expect(journal.since(0, 4)?.length).toBe(4)
    expect(journal.since(0, 3)).toBeNull()
    expect(journal.since(5, 10)).toBeNull()
  })

  it('pages, searches and filters, newest first', () => {
    const journal = open()
    journal.append(added('shop'), by)
    journal.appendAll(lifeOf('fix'), by)
    journal.appendAll(lifeOf('other_one'), byCommand('command-77'))
    const page = journal.read({ limit: 5 })
    expect(page.records.map((record) => record.seq)).toEqual([27, 26, 25, 24, 23])
    expect(page.more).toBe(true)
    expect(journal.read({ before: 3, limit: 5 })).toMatchObject({ more: false, records: [{ seq: 2 }, { seq: 1 }] })
    expect(journal.read({ runId: 'fix' }).records).toHaveLength(13)
    expect(journal.read({ runId: 'nobody' }).records).toEqual([])
    expect(journal.read({ search: 'PUSH-ENDED' }).records).toHaveLength(2)
    expect(journal.read({ search: 'command-77' }).records).toHaveLength(13)
    expect(journal.read({ search: 'other_one', runId: 'fix' }).records).toEqual([])
    // The search is plain text: these are no patterns.
    expect(journal.read({ search: '%' }).records).toEqual([])
    journal.append({ type: 'run-renamed', runId: 'fix', title: 'say "hi" \\ ü\nthere' }, by)
    for (const search of ['say "hi"', '"hi" \\ ü', 'ü\nthere'])
      expect(journal.read({ search }).records, search).toHaveLength(1)
    expect(journal.read({ search: 'otherXone' }).records).toEqual([])
    expect(journal.recordsOf('command-77')).toHaveLength(13)
  })

  it('remembers replies, the first one for good, and keeps the latest of them whatever the clock says', () => {
    const clock = handClock()
    const journal = openJournal(openIn(make()), { clock })
    journal.saveReply('command-1', 'h1', { value: { runIds: ['fix'] } })
    journal.saveReply('command-1', 'h2', { value: 'another' })
    expect(journal.reply('command-1')).toEqual({ inputHash: 'h1', reply: { value: { runIds: ['fix'] } } })
    expect(journal.reply('command-2')).toBeNull()
    for (const days of [3_000, -3_400, 10]) {
      clock.advance(days * 24 * 3600 * 1000)
      for (let n = 0; n < 300; n++) journal.saveReply(`later-${days}-${n}`, 'h', { value: n })
      expect(journal.reply('command-1'), `${days} days`).not.toBeNull()
    }
  })

  it('keeps events of unknown types and goes on', () => {
    const directory = make()
    const journal = open(directory)
    journal.append(added('shop'), by)
    journal.close()
    const unknown = '{"type":"moon-landed","where":"here"}'
    tamper(
      directory,
      `INSERT INTO records (seq, at, mono, user, via, event, previous_hash, hash) VALUES (2, 0, 0, 'ada', 'cli', '${unknown}', '', '')`,
    )
    const again = open(directory)
    expect(again.skipped).toMatchObject([{ seq: 2, type: 'moon-landed' }])
    expect(again.state.seq).toBe(2)
    expect(again.state.repositories).toHaveProperty('shop')
    expect(again.read({ limit: 1 }).records[0]?.event).toEqual({ type: 'moon-landed', where: 'here' })
    // A client would see a gap there for ever.
    expect(again.since(1, 100)).toBeNull()
    expect(again.since(2, 100)).toEqual([])
    expect(again.append(added('next'), by).seq).toBe(3)
  })
})

describe('verify', () => {
  const lines: [string, string, number][] = [
    ['a changed event', `UPDATE records SET event = replace(event, 'fix', 'fax') WHERE seq = 5`, 5],
    ['a changed user', `UPDATE records SET user = 'eve' WHERE seq = 7`, 7],
    ['a changed time', `UPDATE records SET at = at + 1 WHERE seq = 2`, 2],
    ['a changed hash', `UPDATE records SET hash = lower(hex(randomblob(32))) WHERE seq = 9`, 9],
    ['a deleted record', 'DELETE FROM records WHERE seq = 4', 4],
    ['the first one deleted', 'DELETE FROM records WHERE seq = 1', 1],
    [
      'two swapped',
      `UPDATE records SET seq = 100 WHERE seq = 3; UPDATE records SET seq = 3 WHERE seq = 8; UPDATE records SET seq = 8 WHERE seq = 100`,
      3,
    ],
  ]
  it.each(lines)('names the first bad record: %s', (_, statement, firstBad) => {
    const directory = make()
    const journal = open(directory)
    journal.append(added('shop'), by)
    journal.appendAll(lifeOf('fix'), by)
    journal.close()
    tamper(directory, statement)
    expect(open(directory).verify()).toMatchObject({ ok: false, firstBad })
  })

  it('names a record whose bytes were changed in the file itself', () => {
    const directory = make()
    const journal = open(directory)
    journal.append(added('shop'), by)
    journal.appendAll(lifeOf('fix'), by)
    journal.close()
    overwrite(join(directory, 'journal.db'), 'session-fix', 'jession-fix')
    expect(open(directory).verify()).toMatchObject({ ok: false, firstBad: 11 })
  })

  it('names the first of a cut tail by an anchor', () => {
    const directory = make()
    const journal = open(directory)
    journal.append(added('shop'), by)
    journal.appendAll(lifeOf('fix'), by)
    const anchor = journal.head()
    journal.close()
    tamper(directory, 'DELETE FROM records WHERE seq > 10')
    const cut = open(directory)
    expect(cut.verify()).toMatchObject({ ok: true, head: { seq: 10 } })
    expect(cut.verify(anchor)).toMatchObject({ ok: false, firstBad: 11 })
  })
})

describe('the fold of a whole journal', () => {
  it('equals the plain fold of reduce, event by event', () => {
    const ids = ['one', 'two', 'three']
    const step = fc.record({
      run: fc.constantFrom(...ids),
      events: fc.array(fc.nat(12), { maxLength: 12 }),
      repository: fc.constantFrom('shop', 'site', null),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const events = steps.flatMap(({ run, events, repository: id }): Event[] => [
          ...(id ? [added(id)] : []),
          ...events.map((n) => lifeOf(run)[n]!),
          ...(id ? [{ type: 'repository-trusted', repositoryId: id, trusted: true } as const] : []),
        ])
        const directory = make()
        const journal = open(directory)
        const records: JournalRecord[] = journal.appendAll(events, by)
        journal.close()
        const plain = records.reduce((state, { seq, at, event }) => reduce(state, seq, at, event), emptyState)
        const opened = open(directory)
        expect(opened.state).toEqual(plain)
        opened.close()
      }),
      { numRuns: 30, seed: 20_261_122 },
    )
  })
})
