import { describe, expect, it } from 'vitest'
import { attentionOf, stalledAfterMs } from './attention.ts'
import type { Event } from './event.ts'
import { RunId, slugOf } from './ids.ts'
import { emptyLive, type Run } from './run.ts'
import { emptyState, reduce, type State } from './state.ts'
import { runView } from './view.ts'

const run: Run = {
  id: 'fix-login',
  title: 'Fix login',
  repositoryId: 'shop-1',
  agent: 'claude',
  commandLine: null,
  mode: 'interactive',
  options: {},
  prompt: null,
  baseRef: null,
  fromBranch: null,
  wantedBranch: 'agent/fix-login',
  setup: 'skip',
  install: true,
  phase: 'queued',
  during: null,
  resolvedBase: null,
  baseCommit: null,
  baseFetchedAt: null,
  branch: null,
  branchIsOurs: true,
  worktree: null,
  worktreePresence: 'none',
  stages: [],
  attempts: [],
  agentSession: null,
  failure: null,
  exit: null,
  outcome: null,
  delivery: { state: 'local' },
  trash: null,
  intent: null,
  reviewed: false,
  createdAt: 1_000,
  settledAt: null,
}

const runId = run.id
const attempt = {
  number: 1,
  sessionId: 'fix-login.1',
  startedAt: 2_000,
  endedAt: null,
  pid: null,
  commandLine: 'claude',
  prompt: null,
  exit: null,
  outcome: null,
}
const trash = {
  directory: '/t',
  removedAt: 9,
  sizeBytes: 10,
  rebuildableBytes: 4,
  rebuildableAt: 20,
  rebuildableDropped: [],
  purgeAt: 30,
  commitsOnlyHere: 0,
}

const fold = (...events: Event[]): State =>
  events.reduce((state, event, index) => reduce(state, index + 1, 5_000 + index, event), emptyState)
const started: Event[] = [
  { type: 'run-queued', run },
  { type: 'run-preparing', runId },
  {
    type: 'intended',
    runId,
    intent: { kind: 'worktree', path: '/w', branch: 'agent/fix-login', commit: 'c0', branchIsOurs: true },
  },
  { type: 'worktree-made', runId },
  { type: 'attempt-starting', runId, attempt },
  { type: 'attempt-started', runId, number: 1, pid: 77 },
]
const ended: Event = {
  type: 'attempt-ended',
  runId,
  number: 1,
  phase: 'exited',
  exit: { code: 0, signal: null },
  outcome: { result: 'succeeded', reason: 'done' },
}

describe('reduce', () => {
  it('follows a run from the queue to its end', () => {
    const state = fold(...started)
    expect(state.runs[runId]).toMatchObject({
      phase: 'running',
      worktree: '/w',
      worktreePresence: 'present',
      intent: null,
    })
    expect(state.runs[runId]?.attempts[0]?.pid).toBe(77)
    const after = fold(...started, ended)
    expect(after.runs[runId]).toMatchObject({ phase: 'exited', exit: { code: 0 }, outcome: { result: 'succeeded' } })
    expect(after.seq).toBe(7)
  })

  it('keeps an intent until its outcome', () => {
    const state = fold(...started, ended, {
      type: 'intended',
      runId,
      intent: { kind: 'remove', directory: '/t', from: 'exited' },
    })
    expect(state.runs[runId]).toMatchObject({ phase: 'removing', intent: { kind: 'remove' } })
    const removed = reduce(state, 99, 1, { type: 'remove-ended', runId, trash, report: [], failure: null })
    expect(removed.runs[runId]).toMatchObject({ phase: 'removed', intent: null, worktreePresence: 'trashed' })
    const back = reduce(removed, 100, 1, {
      type: 'restore-ended',
      runId,
      worktree: '/w',
      branch: 'agent/fix-login',
      report: [],
      failure: null,
    })
    expect(back.runs[runId]).toMatchObject({ phase: 'exited', trash: null, worktreePresence: 'present' })
  })

  it('gives a refused removal its phase back', () => {
    const state = fold(...started, ended, {
      type: 'intended',
      runId,
      intent: { kind: 'remove', directory: '/t', from: 'exited' },
    })
    const refused = reduce(state, 9, 1, {
      type: 'remove-ended',
      runId,
      trash: null,
      report: [],
      failure: { code: 'no-trash', retryable: false },
    })
    expect(refused.runs[runId]).toMatchObject({ phase: 'exited', intent: null, trash: null })
  })

  it('counts what the trash gave back', () => {
    const state = fold(
      ...started,
      ended,
      { type: 'intended', runId, intent: { kind: 'remove', directory: '/t', from: 'exited' } },
      { type: 'remove-ended', runId, trash, report: [], failure: null },
    )
    const trimmed = reduce(state, 50, 1, { type: 'trash-trimmed', runId, dropped: ['node_modules'], freedBytes: 4 })
    expect(trimmed.runs[runId]?.trash).toMatchObject({
      sizeBytes: 6,
      rebuildableAt: null,
      rebuildableDropped: ['node_modules'],
    })
  })

  it('takes back the branch of a create that was undone, and leaves a branch that was there before', () => {
    const ours = fold(
      ...started.slice(0, 3),
      { type: 'create-undone', runId, report: [] },
      { type: 'run-cancelled', runId },
    )
    expect(ours.runs[runId]).toMatchObject({ phase: 'cancelled', branch: null, worktree: null })
    const theirs = fold(
      { type: 'run-queued', run: { ...run, branchIsOurs: false } },
      {
        type: 'intended',
        runId,
        intent: { kind: 'worktree', path: '/w', branch: 'main', commit: 'c', branchIsOurs: false },
      },
      { type: 'create-undone', runId, report: [] },
    )
    expect(theirs.runs[runId]?.branch).toBe('main')
  })

  it('ignores events of runs and repositories it does not know', () => {
    const state = fold(
      { type: 'run-cancelled', runId: 'nobody' },
      { type: 'repository-trusted', repositoryId: 'nothing', trusted: true },
    )
    expect(state).toEqual({ ...emptyState, seq: 2 })
  })

  it('ends open stages with the run', () => {
    const state = fold(
      { type: 'run-queued', run },
      {
        type: 'stage-changed',
        runId,
        record: { stage: 'install', status: 'running', startedAt: 1, endedAt: null, text: 'npm ci' },
      },
      { type: 'run-cancelled', runId },
    )
    expect(state.runs[runId]?.stages).toMatchObject([{ stage: 'install', status: 'cancelled' }])
  })
})

describe('attentionOf', () => {
  const running = { ...run, phase: 'running' as const, attempts: [attempt] }
  const activity = (state: 'working' | 'waiting' | 'idle' | 'unknown', provenAt: number) => ({
    ...emptyLive,
    activity: {
      state,
      source: 'osc7501' as const,
      since: 10,
      provenAt,
      ...(state === 'waiting' ? { kind: 'permission' as const } : {}),
    },
  })
  it.each([
    ['waiting', running, activity('waiting', 10), 'permission', 1],
    ['working, proven', running, activity('working', 100_000), 'working', 3],
    ['working, long unproven', running, activity('working', 100_000 - stalledAfterMs - 1), 'stalled', 2],
    ['idle', running, activity('idle', 10), 'finished', 2],
    ['unknown is neither stalled nor working', running, activity('unknown', 0), 'running', 3],
    ['a shell', { ...running, agent: 'shell' as const }, emptyLive, 'shell', 3],
    [
      'exit 0 but judged failed',
      {
        ...run,
        phase: 'exited' as const,
        exit: { code: 0, signal: null },
        outcome: { result: 'failed' as const, reason: '' },
      },
      undefined,
      'failed',
      2,
    ],
    [
      'a denied tool',
      {
        ...run,
        phase: 'exited' as const,
        exit: { code: 0, signal: null },
        outcome: { result: 'denied' as const, reason: '' },
      },
      undefined,
      'failed',
      2,
    ],
    [
      'a limit',
      {
        ...run,
        phase: 'exited' as const,
        exit: { code: 1, signal: null },
        outcome: { result: 'limit' as const, reason: '' },
      },
      undefined,
      'limit',
      1,
    ],
    [
      'reviewed',
      { ...run, phase: 'exited' as const, exit: { code: 0, signal: null }, reviewed: true },
      undefined,
      'reviewed',
      4,
    ],
    [
      'a missing worktree',
      { ...run, phase: 'exited' as const, worktreePresence: 'missing' as const },
      undefined,
      'unavailable',
      2,
    ],
    [
      'an unanswered set-up',
      { ...run, phase: 'queued' as const, waitsFor: [{ approvalId: 'k', since: 1 }] },
      undefined,
      'permission',
      1,
    ],
  ])('%s', (_, given, live, look, rank) => {
    expect(attentionOf(given, live, 100_000)).toMatchObject({ look, rank })
  })
})

describe('runView', () => {
  it('has exactly the fields that machines are promised', () => {
    const state = fold(...started)
    const view = runView(state, state.runs[runId]!, undefined, 0)
    expect(Object.keys(view)).toEqual(
      'id title agent repository branch base worktree inPlace head notes phase activity attention exit attempt sessions createdAt sizeBytes dirty ahead'.split(
        ' ',
      ),
    )
    expect(view).toMatchObject({ phase: 'running', activity: 'unknown', dirty: null, attempt: 1 })
  })
})

describe('ids', () => {
  it.each(['fix-login', 'ENG-123', 'a.b_c', '1'])('takes %s', (id) => expect(RunId.parse(id)).toBe(id))
  it.each(['', '-x', '.x', 'a..b', 'a.lock', 'a.', 'a/b', 'a b', 'a\n', 'ä', 'x'.repeat(49)])('refuses %j', (id) => {
    expect(RunId.safeParse(id).success).toBe(false)
  })
  it.each([
    ['Fix the “login” page, please!', 'fix-the-login-page-please'],
    ['Überprüfe Größe', 'uberprufe-gro-e'],
    ['🙂', ''],
    ['x'.repeat(100), 'x'.repeat(40)],
    ['$(rm -rf /) ; echo', 'rm-rf-echo'],
  ])('makes a slug of %j', (text, slug) => expect(slugOf(text)).toBe(slug))
})
