import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RemovalPreview } from '../../app/contract/commands/cleanup.ts'
import type { JournalRecord } from '../../app/model/event.ts'
import type { RunView } from '../../app/model/view.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { fake, makeCli, type TestCli } from './harness.ts'

// Taking away and bringing back by the CLI alone, and the journal of it.
let cli: TestCli
let repo: TestRepo
beforeAll(() => {
  cli = makeCli()
  repo = makeRepo({ remote: true, files: { 'README.md': '# Shop\n', '.gitignore': 'node_modules/\n' } })
})
afterAll(async () => {
  await cli?.close()
  repo?.close()
})

const settled = (id: string, ...steps: string[]) =>
  cli.json('run', '--repo', repo.path, '--command', fake(...steps), '--id', id, '--wait', 'settled')

interface Removed extends RunView {
  readonly freedNow: number
  readonly rebuildableAt: number | null
  readonly purgeAt: number
  readonly report: { what: string; result: string }[]
}

describe('rm', () => {
  it('takes away at once what holds nothing of its own, and says when the space comes back', async () => {
    const { worktree } = await settled('clean', 'exit 0')
    const { code, stdout } = await cli.run('rm', 'clean')
    expect(code).toBe(0)
    expect(stdout).toContain('coppice restore clean')
    expect(stdout).toMatch(/freed now\..*deleted on \d+ \w+ \d{4}/)
    expect(existsSync(worktree!)).toBe(false)
    expect((await cli.json<RunView[]>('list')).map(({ id }) => id)).not.toContain('clean')
    expect((await cli.json<RunView[]>('list', '--all')).find(({ id }) => id === 'clean')).toMatchObject({
      phase: 'removed',
      worktree: null,
    })
  })

  it('names and counts what exists only here, goes on with consent, and gives it back byte for byte', async () => {
    const { worktree } = await settled('dirty', 'commit 2 Mine', 'file new.txt hello', 'file node_modules/x/index.js 1')
    const before = fingerprint(worktree!, { without: /^\.git$/ })
    const preview = await cli.json<RemovalPreview>('rm', 'dirty', '--preview')
    expect(preview).toMatchObject({ runId: 'dirty', safe: false, unknown: false, consent: expect.any(String) })
    expect(
      preview.facts.filter(({ count, onlyHere }) => count !== 0 && onlyHere).map(({ kind, count }) => [kind, count]),
    ).toEqual([
      ['commits', 2],
      ['untracked', 1],
    ])
    expect((await cli.run('rm', 'dirty', '--preview')).stdout).toMatch(/! 2 commits[\s\S]*--yes[\s\S]*deleted on/)
    const error = await cli.told(1, 'rm', 'dirty')
    expect(error.code).toBe('consent-needed')
    expect(error.message).toMatch(/2 commits/)
    expect(error.message).toMatch(/1 file not tracked .*new\.txt/)
    expect(error.next).toContain('--yes')
    expect(fingerprint(worktree!, { without: /^\.git$/ })).toEqual(before)

    const removed = await cli.json<Removed>('rm', 'dirty', '--yes')
    expect(removed).toMatchObject({ id: 'dirty', phase: 'removed', freedNow: 0 })
    expect(removed.purgeAt).toBeGreaterThan(Date.now())
    expect(existsSync(worktree!)).toBe(false)

    const back = await cli.json<Removed>('restore', 'dirty')
    expect(back).toMatchObject({ id: 'dirty', worktree, branch: 'agent/dirty' })
    expect(fingerprint(worktree!, { without: /^\.git$/ })).toEqual(before)
    expect(repo.gitIn(worktree!, 'log', '-1', '--format=%s')).toBe('Mine 2')
  })

  it('is asked again where more is there than was agreed to, and --force agrees to what is known', async () => {
    const { worktree } = await settled('forced', 'file a.txt a')
    expect((await cli.told(1, 'rm', 'forced')).code).toBe('consent-needed')
    expect((await cli.json<Removed>('rm', 'forced', '--force')).phase).toBe('removed')
    expect(existsSync(worktree!)).toBe(false)
  })

  it('refuses what cannot be found out, unless both forced and agreed to', async () => {
    const { worktree } = await settled('unknown', 'exit 0')
    writeFileSync(join(repo.gitIn(worktree!, 'rev-parse', '--git-dir'), 'index'), 'not an index')
    for (const more of [[], ['--yes'], ['--force']]) {
      const error = await cli.told(1, 'rm', 'unknown', ...more)
      expect(error.next).toContain('--force --yes')
      expect(existsSync(worktree!)).toBe(true)
    }
  })
})

describe('the trash', () => {
  it('lists what it holds and when it goes; a purge of commits that are only here is agreed to', async () => {
    await settled('gone', 'commit 1 Only')
    await cli.json('rm', 'gone', '--yes')
    const listed = await cli.json<{ entries: { runId: string; commitsOnlyHere: number }[]; sizeBytes: number }>('trash')
    const entry = listed.entries.find(({ runId }) => runId === 'gone')
    expect(entry).toBeDefined()
    expect(listed.sizeBytes).toBeGreaterThan(0)
    expect((await cli.run('trash')).stdout).toMatch(/REST FREED ON[\s\S]*gone/)

    if (entry!.commitsOnlyHere > 0) {
      const error = await cli.told(1, 'purge', 'gone')
      expect(error).toMatchObject({ code: 'consent-needed', next: expect.stringContaining('--yes') })
    }
    expect(await cli.json('purge', 'gone', '--yes')).toMatchObject({ id: 'gone' })
    expect((await cli.json<{ entries: { runId: string }[] }>('trash')).entries.map(({ runId }) => runId)).not.toContain(
      'gone',
    )
    expect((await cli.told(1, 'restore', 'gone')).message).toMatch(/purged|wrong|trash/i)
  })
})

describe('the journal', () => {
  it('says what happened to a run', async () => {
    const records = await cli.json<JournalRecord[]>('journal', '--run', 'dirty', '--limit', '1000')
    const types = records.map(({ event }) => event.type)
    expect(types[0]).toBe('run-queued')
    for (const type of ['worktree-made', 'attempt-started', 'attempt-ended', 'remove-ended', 'restore-ended'])
      expect(types).toContain(type)
    expect(records.map(({ seq }) => seq)).toEqual(records.map(({ seq }) => seq).toSorted((a, b) => a - b))
    expect((await cli.run('journal', '--search', 'restore-ended')).stdout).toMatch(/dirty +restore ended/)
  })

  it('is exported, and verified from the file alone; a changed, missing or moved record is named', async () => {
    const { stdout } = await cli.run('journal', '--export', 'jsonl')
    const lines = stdout.trimEnd().split('\n')
    const file = join(cli.home, 'journal.jsonl')
    const verify = (changed: string[]) => {
      writeFileSync(file, `${changed.join('\n')}\n`)
      return cli.runWith(
        { env: { COPPICE_HOME: join(cli.home, 'no-such-host') } },
        'journal',
        '--verify',
        file,
        '--json',
      )
    }
    const whole = await verify(lines)
    expect(whole.code).toBe(0)
    expect(JSON.parse(whole.stdout)).toMatchObject({ ok: true, records: lines.length - 2 })
    expect(existsSync(join(cli.home, 'no-such-host'))).toBe(false)

    // The first line is the header, and the last one closes the log.
    const cases: [string, string[], number][] = [
      ['a flipped letter', lines.with(5, lines[5]!.replace('"at":1', '"at":2')), 5],
      ['a deleted record', lines.toSpliced(7, 1), 7],
      ['two records swapped', lines.toSpliced(3, 2, lines[4]!, lines[3]!), 3],
      ['the head cut off', lines.toSpliced(1, 1), 1],
      ['the tail cut off', lines.slice(0, 9), 9],
      ['garbage', lines.with(4, 'not json'), 4],
    ]
    for (const [what, changed, first] of cases) {
      const ended = await verify(changed)
      expect(ended.code, what).toBe(1)
      expect(JSON.parse(ended.stdout).error, what).toMatchObject({
        code: 'database-corrupt',
        message: expect.stringContaining(`Record ${first} `),
      })
    }
  })

  it('is exported as CSV with a cell for every part', async () => {
    const { stdout } = await cli.run('journal', '--export', 'csv', '--run', 'dirty')
    const [head, first] = stdout.split('\r\n')
    expect(head).toBe('seq,time,at,mono,user,via,run,event,detail,commandId,inputHash,previousHash,hash')
    expect(first).toMatch(/^\d+,\d{4}-\d\d-\d\dT.*,cli,dirty,run-queued,"\{""/)
    expect(readFileSync(join(cli.home, 'journal.jsonl'), 'utf8').length).toBeGreaterThan(0)
  })
})
