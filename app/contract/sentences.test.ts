import { describe, expect, it } from 'vitest'
import type { ReportItem } from '../model/event.ts'
import { type Failure, type FailureCode, type FailureDetail, failureCodes } from '../model/failure.ts'
import type { RemovalFact } from './commands/cleanup.ts'
import { factSentence, freedSentence, lackingSentence, phaseWord, reportSentences, sentenceOf } from './sentences.ts'

const failure = (code: FailureCode, detail?: FailureDetail, stage?: Failure['stage']): Failure => ({
  code,
  retryable: false,
  ...(detail ? { detail } : {}),
  ...(stage ? { stage } : {}),
})

// Whatever came over the wire, whoever made it.
const wild = (detail: Record<string, unknown>) => detail as FailureDetail

const full: FailureDetail = {
  ...{ message: 'fatal: it says so', field: 'commandLine', what: 'run', id: 'fix-login', suggestion: 'fix-login-2' },
  ...{
    bytes: 10_485_760,
    limit: 1_048_576,
    phase: 'stopped',
    wanted: 'running',
    path: '/src/shop',
    base: 'origin/main',
  },
  ...{
    branch: 'agent/fix',
    conflict: 'agent',
    version: '2.30',
    needed: '2.38',
    command: 'fetch',
    exit: 128,
    reason: 'r',
  },
  ...{
    lock: '/src/.git/index.lock',
    seconds: 30,
    ref: 'refs/heads/x',
    file: '.env',
    agent: 'Codex',
    install: 'npm i -g x',
  },
  ...{
    count: 3,
    names: ['a', 'b'],
    remote: 'origin',
    url: 'https://git.example/x',
    expected: 'other',
    transport: 'ext',
  },
  ...{
    facts: ['2 commits on no remote', '1 file untracked'],
    freeBytes: 1e9,
    neededBytes: 2e9,
    log: '/h/host.log',
    pid: 7,
  },
  ...{
    client: 1,
    host: 2,
    clientVersion: '0.2.0',
    older: 'host',
    movedTo: '/h/kept.db',
    actual: 'ext::x',
    pids: ['7'],
  },
}

describe('sentenceOf', () => {
  const shapes: [string, FailureDetail | undefined][] = [
    ['no detail', undefined],
    ['every detail', full],
    ['details of the wrong type', wild(Object.fromEntries(Object.keys(full).map((key) => [key, true])))],
    ['empty details', wild(Object.fromEntries(Object.keys(full).map((key) => [key, ''])))],
    ['nothing but what a newer build says', wild({ colour: 'red', depth: { of: [1, null] }, names: [1, {}] })],
    ['no object at all', 'detail' as unknown as FailureDetail],
    ['lists', wild(Object.fromEntries(Object.keys(full).map((key) => [key, ['x', 'y']])))],
  ]
  it.each(shapes)('says what happened and a way on for every code, with %s', (_, detail) => {
    for (const code of failureCodes) {
      const { message, next } = sentenceOf(failure(code, detail))
      for (const text of [message, next]) {
        expect(text.length, code).toBeGreaterThan(5)
        expect(text, code).not.toMatch(/undefined|null|NaN|\[object|true/)
        expect(text, code).not.toMatch(/ {2}|\.\.|: *\.| ,|\(\)/)
        expect(text, code).toMatch(/^\S.*\S$/)
      }
      expect(message, code).toMatch(/[.!?…]$/)
    }
  })

  it('says what it can of a code that only a newer build knows', () => {
    const { message, next } = sentenceOf({
      code: 'lunar-phase' as FailureCode,
      retryable: false,
      detail: { message: 'full moon' },
    })
    expect(message).toBe(
      'This failed for a reason this version of Coppice does not know (lunar-phase): full moon. It may have been partly done.',
    )
    expect(next).toContain('newer version')
  })

  it('reads a list that was written as one name', () => {
    const failure = { code: 'in-use', retryable: false, detail: wild({ what: 'shop', names: 'fix-login' }) } as const
    expect(sentenceOf(failure).message).toBe('shop is in use: fix-login. Nothing was changed.')
  })

  it('says what is taken and what is free', () => {
    expect(sentenceOf(failure('branch-exists', { branch: 'agent/node-24', suggestion: 'agent/node-24-2' }))).toEqual({
      message: 'Branch agent/node-24 already exists. Nothing was created.',
      next: 'Use agent/node-24-2',
    })
  })

  it('names what git said, and that nothing was made at a stage of a creation', () => {
    const { message } = sentenceOf(
      failure('git-failed', { command: 'worktree', exit: 128, message: 'error: a\nfatal: b' }, 'worktree'),
    )
    expect(message).toBe('git worktree failed (exit 128): error: a; fatal: b. Nothing was created.')
    expect(sentenceOf(failure('git-failed', { command: 'gc', exit: 'SIGKILL' })).message).toContain(
      '(ended by SIGKILL)',
    )
  })

  it('says where a damaged journal went, and which format a newer one has', () => {
    const damaged = { path: '/h/journal.db', movedTo: '/h/aside/journal-damaged.db', reason: 'file is not a database' }
    expect(sentenceOf(failure('database-corrupt', { ...damaged, message: 'the same in other words' })).message).toBe(
      'The journal at /h/journal.db is damaged (file is not a database). It was kept as /h/aside/journal-damaged.db. Nothing was deleted: worktrees and branches are unchanged.',
    )
    expect(sentenceOf(failure('database-newer', { path: '/h/journal.db', found: 3, known: 1 })).message).toBe(
      'The journal at /h/journal.db was written by a newer Coppice (its format is 3, this one knows 1). It was not changed.',
    )
  })

  it('says of a program that could not be started what became of its worktree', () => {
    const detail = { command: 'frob', message: 'spawn frob: ENOENT' }
    expect(sentenceOf(failure('start-failed', { ...detail, undone: true }, 'start')).message).toContain('was removed')
    expect(sentenceOf(failure('start-failed', detail, 'start')).message).toContain('are kept')
  })

  it.each([
    ['commandLine', 'command line'],
    ['change.worktreeRoot', 'worktree root'],
    ['options.allowedTools.3', 'allowed tools'],
  ])('says %s as a person does', (field, words) => {
    const { message } = sentenceOf(failure('bad-input', { field, message: `${field}: must be another` }))
    expect(message).toBe(`The ${words} cannot be used: must be another. Nothing was changed.`)
  })

  it('names the counts that a consent is about', () => {
    const { message } = sentenceOf(
      failure('consent-needed', { facts: ['2 commits on no remote', '3 files untracked'] }),
    )
    expect(message).toContain('2 commits on no remote; 3 files untracked.')
  })

  it('shows hostile detail as one line of plain, capped text', () => {
    const branch = `a\u001b[31mred\u001b]0;title\u0007\u009b2J\u202Eevil\u0000\u0007<img src=x>\nnext${'x'.repeat(1_000_000)}`
    const { message } = sentenceOf(failure('branch-name-invalid', { branch, message: branch }))
    expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
    expect(message).toContain('aredevil<img src=x>; next')
    expect(message.length).toBeLessThan(1200)
  })

  it('reads no inherited property as a detail', () => {
    const { message } = sentenceOf(failure('bad-input', JSON.parse('{"__proto__": {"field": "evil"}}')))
    expect(message).not.toContain('evil')
  })
})

describe('words and figures', () => {
  it('has a word for every look', () => {
    expect(phaseWord('stalled')).toBe('Stalled?')
    expect(phaseWord('limit')).toBe('Limit reached')
  })
  it('tells freed now from deleted on a day', () => {
    const at = new Date(2026, 10, 22, 15, 4).getTime()
    const purge = new Date(2026, 10, 29, 14, 4).getTime()
    expect(freedSentence({ freedNow: 0, rebuildableAt: at, purgeAt: purge })).toBe(
      '0 B freed now. What can be rebuilt is deleted on 22 Nov 2026, 15:04, the rest is deleted on 29 Nov 2026, 14:04.',
    )
    expect(freedSentence({ freedNow: null, rebuildableAt: null, purgeAt: purge })).toBe(
      'An unknown amount freed now. The rest is deleted on 29 Nov 2026, 14:04.',
    )
    expect(freedSentence({ freedNow: 2e9, rebuildableAt: null, purgeAt: null })).toContain('2.0 GB freed now')
  })

  it('names no day on which something is freed that is never freed unasked', () => {
    const purgeAt = new Date(2026, 10, 29, 14, 4).getTime()
    const freed = { freedNow: 0, rebuildableAt: null, purgeAt }
    expect(freedSentence({ ...freed, commitsOnlyHere: 0 })).toContain('29 Nov 2026')
    expect(freedSentence({ ...freed, commitsOnlyHere: 2 })).toBe(
      '0 B freed now. It stays until you delete it: 2 commits exist nowhere else.',
    )
    expect(freedSentence({ ...freed, commitsOnlyHere: null })).toBe(
      '0 B freed now. It stays until you delete it: whether its commits exist elsewhere is unknown.',
    )
    expect(freedSentence({ ...freed, rebuildableAt: purgeAt, commitsOnlyHere: 1 })).toBe(
      '0 B freed now. What can be rebuilt is deleted on 29 Nov 2026, 14:04, the rest stays until you delete it: 1 commit exists nowhere else.',
    )
  })

  it('tells of a report what one would not expect, and what an install must bring back', () => {
    const report: ReportItem[] = [
      { what: '/w/work-2', result: 'restored', reason: '/w/work is taken' },
      { what: 'branch agent/work', result: 'restored' },
      { what: 'branch old\u001b[2J', result: 'kept', reason: 'it has commits that no remote has' },
      { what: 'node_modules', result: 'removed', reason: 'it was dropped from the trash' },
      { what: '12 bytes', result: 'deferred', reason: 'a move frees nothing' },
    ]
    expect(reportSentences(report)).toEqual([
      '/w/work-2 restored: /w/work is taken.',
      'branch old kept: it has commits that no remote has.',
    ])
    expect(lackingSentence(report)).toBe('Needs an install or a build to come back: node_modules.')
    expect(lackingSentence(report.slice(0, 3))).toBe('')
  })

  it('counts what a fact does not name, and says unknown', () => {
    const fact: RemovalFact = {
      ...{
        kind: 'commits',
        count: 3,
        text: '3 commits on no remote',
        names: ['a1 Fix\u001b[2J', 'b2 Add'],
        onlyHere: true,
      },
    }
    expect(factSentence(fact)).toBe('3 commits on no remote: a1 Fix, b2 Add, and 1 more')
    expect(factSentence({ ...fact, count: null, text: 'commits', names: [], why: 'git exited with 128' })).toBe(
      'commits: unknown – git exited with 128',
    )
    expect(factSentence({ ...fact, kind: 'ignored', text: '2 ignored files', names: [], bytes: 5e6 })).toBe(
      '2 ignored files (5.0 MB)',
    )
  })
})
