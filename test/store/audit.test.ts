// The audit log by its file alone: every change of every line is named at the first record that it touches.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Event } from '../../app/model/event.ts'
import { type AuditFormat, auditColumns, exportAudit } from '../../app/store/audit.ts'
import type { Head } from '../../app/store/chain.ts'
import { openJournal } from '../../app/store/journal.ts'
import { verifyExport } from '../../app/store/verify-export.ts'
import { by, byCommand, handClock, lifeOf, openIn, repository, run, scratch } from './sample.ts'

const { make } = scratch()
const formats = ['jsonl', 'csv'] as const
const hostile = `=HYPERLINK("x"),'quoted'\nnew line\t${'\u2028'}–ünï`

const history: Event[] = [
  { type: 'repository-added', repository: repository('shop', { path: `/home/ada/${hostile}` }) },
  { type: 'repository-trusted', repositoryId: 'shop', trusted: true },
  ...lifeOf('fix-login'),
  { type: 'run-queued', run: run('odd', { branch: `=1+1`, worktree: `'-x`, agent: 'codex', title: hostile }) },
  {
    type: 'intended',
    runId: 'fix-login',
    intent: { kind: 'remove', directory: '/t', from: 'exited', agreed: ['2 files not tracked'], forced: false },
  },
  { type: 'intended', runId: 'fix-login', intent: { kind: 'purge' } },
  {
    type: 'intended',
    runId: 'odd',
    intent: { kind: 'remove', directory: '/u', from: 'failed', agreed: ['Unknown: staged files'], forced: true },
  },
  { type: 'run-failed', runId: 'odd', failure: { code: 'no-space', retryable: true } },
]

function exported(format: AuditFormat, directory = make()): { lines: string[]; head: Head; directory: string } {
  const journal = openJournal(openIn(directory), { clock: handClock() })
  journal.append(history[0]!, byCommand('command-1'))
  journal.appendAll(history.slice(1), by)
  const lines = [...exportAudit(journal.records(), format)]
  const head = journal.head()
  journal.close()
  return { lines, head, directory }
}

async function check(directory: string, content: string | Uint8Array, anchor?: string) {
  const path = join(directory, 'audit.log')
  writeFileSync(path, content)
  return verifyExport(path, anchor === undefined ? {} : { anchor })
}

describe.each(formats)('the %s export', (format) => {
  it('is right as it was written, one line a record', async () => {
    const { lines, head, directory } = exported(format)
    expect(lines).toHaveLength(history.length + 2)
    for (const line of lines) expect(line.indexOf('\n')).toBe(line.length - 1)
    expect(await check(directory, lines.join(''))).toEqual({ ok: true, head })
    expect(await check(directory, lines.join(''), head.hash)).toEqual({ ok: true, head })
  })

  it('of an empty journal is right too', async () => {
    const lines = [...exportAudit([], format)]
    expect(lines).toHaveLength(2)
    expect(await check(make(), lines.join(''))).toMatchObject({ ok: true, head: { seq: 0 } })
  })

  it('names the first bad record of every flipped bit that can be', async () => {
    const { lines, directory } = exported(format)
    const file = Buffer.from(lines.join(''))
    // Where each byte belongs: 0 is the header, the records follow, one more is the closing line.
    const owner = lines.flatMap((line, n) => Array<number>(Buffer.byteLength(line)).fill(n))
    const wrong: string[] = []
    let flips = 0
    // Each byte once (with the faults; else each eleventh), with a bit that changes from byte to byte.
    const step = process.env.COPPICE_FAULTS === 'full' ? 1 : 11
    for (let at = 0; at < file.length; at += step) {
      const bit = 1 << (at % 8)
      const flipped = Buffer.from(file)
      flipped[at] = flipped[at]! ^ bit
      const verdict = await check(directory, flipped)
      flips++
      if (verdict.ok || verdict.firstBad !== owner[at])
        wrong.push(`byte ${at}: ${JSON.stringify(verdict)}, not ${owner[at]}`)
    }
    expect(wrong).toEqual([])
    expect(flips).toBe(Math.ceil(file.length / step))
  })

  it('names the first of every deleted line, swap, doubled line and cut', async () => {
    const { lines, directory } = exported(format)
    const last = lines.length - 1
    const wrong: string[] = []
    const expectBad = async (what: string, changed: string[], firstBad: number) => {
      const verdict = await check(directory, changed.join(''))
      if (verdict.ok || verdict.firstBad !== firstBad)
        wrong.push(`${what}: ${JSON.stringify(verdict)}, not ${firstBad}`)
    }
    for (let n = 1; n <= last; n++) {
      await expectBad(`line ${n} deleted`, lines.toSpliced(n, 1), n)
      await expectBad(`cut before line ${n}`, lines.slice(0, n), n)
      await expectBad(`cut in line ${n}`, [...lines.slice(0, n), lines[n]!.slice(0, 5)], n)
      await expectBad(`line ${n} doubled`, lines.toSpliced(n, 0, lines[n]!), Math.min(n + 1, last))
      for (let m = n + 1; m <= last; m++) {
        const swapped = lines.with(n, lines[m]!).with(m, lines[n]!)
        await expectBad(`lines ${n} and ${m} swapped`, swapped, n)
      }
    }
    await expectBad('without its header', lines.slice(1), 0)
    await expectBad('empty', [], 0)
    expect(wrong).toEqual([])
  })

  it('whose tail was cut and closed again is found by the head that was kept elsewhere', async () => {
    const { head, directory } = exported(format)
    const journal = openJournal(openIn(directory))
    const shorter = [...exportAudit([...journal.records()].slice(0, 9), format)].join('')
    journal.close()
    expect(await check(directory, shorter)).toMatchObject({ ok: true, head: { seq: 9 } })
    expect(await check(directory, shorter, head.hash)).toMatchObject({ ok: false, firstBad: 10 })
  })

  it('written anew with one column changed is found, by the line and by the record', async () => {
    const { lines, directory } = exported(format)
    const target = lines.findIndex((line) => line.includes('push-ended'))
    const changed = lines.with(target, lines[target]!.replaceAll('done', 'gone'))
    expect(await check(directory, changed.join(''))).toMatchObject({ ok: false, firstBad: target })
  })
})

describe('the columns', () => {
  it('say who did what to which run, and are those of the record', () => {
    const { lines } = exported('jsonl')
    const records = lines.slice(1, -1).map((line) => JSON.parse(line) as Record<string, string | number>)
    for (const record of records) expect(Object.keys(record).sort()).toEqual([...auditColumns].sort())
    expect(records[0]).toMatchObject({ action: 'repository-added', commandId: 'command-1', inputHash: 'a'.repeat(64) })
    expect(records[1]).toMatchObject({ decision: 'trusted', approver: 'ada', user: 'ada', via: 'cli' })
    const push = records.find((record) => record.action === 'intended:push')
    expect(push).toMatchObject({
      run: 'fix-login',
      agent: 'claude',
      session: 'fix-login.1',
      branch: 'agent/fix-login',
      worktree: '/data/worktrees/fix-login',
      shas: '77ab01c'.padEnd(40, '0'),
      outcome: 'intended',
      approver: '',
    })
    const decisions = records.filter(({ action }) => /^intended:(remove|purge)$/.test(String(action))).slice(-3)
    expect(decisions.map(({ decision, approver }) => [decision, approver])).toEqual([
      ['agreed', 'ada'],
      ['', ''],
      ['forced', 'ada'],
    ])
    expect(records.at(-1)).toMatchObject({ run: 'odd', outcome: 'failed: no-space', agent: 'codex' })
    expect(records[0]?.utc).toBe('2026-11-22T10:00:00.000Z')
  })

  it('of CSV run no formula and break no line, whatever is in them', () => {
    const { lines } = exported('csv')
    const odd = lines.filter((line) => line.includes('run-queued') && line.includes('odd'))
    expect(odd).toHaveLength(1)
    expect(odd[0]).toContain(`"'=1+1"`)
    expect(odd[0]).toContain(`"''-x"`)
    for (const line of lines) expect(line).not.toMatch(/(^|,)"?[=+\-@]/)
  })

  it('of any text come back as they were written', async () => {
    const directory = make()
    const text = fc.string({ unit: 'binary', maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(...formats),
        async (texts, format) => {
          const journal = openJournal(openIn(make()), { clock: handClock() })
          journal.appendAll(
            texts.map((name, n) => ({
              type: 'repository-added',
              repository: repository(`r${n}`, { name, path: name }),
            })),
            { ...by, actor: { user: texts[0]!, via: 'cli' } },
          )
          expect(journal.verify().ok).toBe(true)
          expect(await check(directory, [...exportAudit(journal.records(), format)].join(''))).toMatchObject({
            ok: true,
          })
          journal.close()
        },
      ),
      { numRuns: 20, seed: 37 },
    )
  })
})
