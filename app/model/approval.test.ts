import { describe, expect, it } from 'vitest'
import type { Approval } from './approval.ts'
import { Event } from './event.ts'
import { Repository } from './repository.ts'
import type { Run } from './run.ts'
import { emptyState, reduce, type State } from './state.ts'

const repository = Repository.parse({
  id: 'shop',
  name: 'shop',
  path: '/src/shop',
  commonDir: '/src/shop/.git',
  addedAt: 1,
  trusted: false,
  // As an older version wrote it: nothing of installs.
  approvedSetups: ['old'],
  presence: 'present',
  demo: false,
})
const run = {
  id: 'fix',
  repositoryId: 'shop',
  phase: 'preparing',
  setup: 'run',
  install: true,
  stages: [{ stage: 'worktree', status: 'done', startedAt: 1, endedAt: 2, text: '' }],
  worktreePresence: 'none',
  trash: null,
  intent: null,
} as unknown as Run
const approval = (change: Partial<Approval> = {}): Approval => ({
  id: 'k1',
  runId: 'fix',
  repositoryId: 'shop',
  request: { kind: 'setup', command: 'make seed', source: '.coppice.json' },
  hash: 'abc',
  state: 'pending',
  requestedAt: 5,
  decidedBy: null,
  decidedAt: null,
  ...change,
})
const asked = (one: Approval): Event => ({ type: 'approval-requested', runId: one.runId, approval: one })
const decided = (decision: 'allowed' | 'denied', approvalId = 'k1'): Event => ({
  type: 'approval-decided',
  runId: 'fix',
  approvalId,
  hash: 'abc',
  decision,
  by: { user: 'ada', via: 'window' },
})
const fold = (...events: Event[]): State =>
  [{ type: 'repository-added', repository } as Event, { type: 'run-queued', run } as Event, ...events].reduce(
    (state, event, index) => reduce(state, index + 1, 100 + index, event),
    emptyState,
  )

describe('an approval', () => {
  it('puts the run that asks back into the queue, until it is allowed for its content', () => {
    const waiting = fold(asked(approval()))
    expect(waiting.runs.fix).toMatchObject({
      phase: 'queued',
      stages: [],
      waitsFor: [{ approvalId: 'k1', since: 102 }],
    })
    const state = fold(asked(approval()), decided('allowed'))
    expect(state.runs.fix).toMatchObject({ phase: 'queued', setup: 'run', waitsFor: [] })
    expect(state.approvals.k1).toMatchObject({
      state: 'allowed',
      decidedBy: { user: 'ada', via: 'window' },
      decidedAt: 103,
    })
    expect(state.repositories.shop).toMatchObject({ approvedSetups: ['old', 'abc'], approvedInstalls: [] })
  })

  it.each([
    ['setup', { kind: 'setup', command: 'make', source: 'f' }, { setup: 'skip', install: true }],
    ['install', { kind: 'install', command: 'npm ci', source: 'f', runs: [] }, { setup: 'run', install: false }],
  ] as const)('of %s that is denied leaves just that out', (_, request, left) => {
    const state = fold(asked(approval({ request: structuredClone(request) as Approval['request'] })), decided('denied'))
    expect(state.runs.fix).toMatchObject({ ...left, waitsFor: [] })
    expect(state.repositories.shop).toMatchObject({ approvedSetups: ['old'], approvedInstalls: [] })
  })

  it('of an install is kept apart from those of set-ups', () => {
    const request = { kind: 'install' as const, command: 'npm ci', source: 'package-lock.json', runs: [] }
    const state = fold(asked(approval({ request })), decided('allowed'))
    expect(state.repositories.shop).toMatchObject({ approvedSetups: ['old'], approvedInstalls: ['abc'] })
  })

  it('waits for all of its questions, and takes the first answer to each', () => {
    const both = [asked(approval()), asked(approval({ id: 'k2' }))]
    expect(fold(...both, decided('allowed')).runs.fix?.waitsFor).toEqual([{ approvalId: 'k2', since: 103 }])
    const twice = fold(...both, decided('denied'), decided('allowed'))
    expect(twice.approvals.k1?.state).toBe('denied')
    expect(twice.repositories.shop?.approvedSetups).toEqual(['old'])
  })

  it('is forgotten with its run, and an answer to one that is not known changes nothing', () => {
    const purged = fold(asked(approval()), {
      type: 'purge-ended',
      runId: 'fix',
      freedBytes: 0,
      report: [],
      failure: null,
    })
    expect(purged.approvals).toEqual({})
    expect(fold(decided('allowed'))).toMatchObject({
      approvals: {},
      repositories: { shop: { approvedSetups: ['old'] } },
    })
    const expired = fold(asked(approval()), { type: 'approval-expired', runId: 'fix', approvalId: 'k1', why: 'gone' })
    expect(expired.approvals.k1).toMatchObject({ state: 'expired', decidedBy: null })
    expect(expired.runs.fix?.waitsFor).toEqual([])
  })

  it('folds what an older version wrote when an approval was a failure', () => {
    const old = Event.parse({
      type: 'run-failed',
      runId: 'fix',
      failure: { code: 'needs-approval', stage: 'setup', retryable: false, detail: { command: 'make', hash: 'h' } },
    })
    const approved = Event.parse({ type: 'setup-approved', repositoryId: 'shop', hash: 'h', command: 'make' })
    const state = fold(old, approved)
    expect(state.runs.fix).toMatchObject({ phase: 'failed', failure: { code: 'needs-approval' } })
    expect(state.repositories.shop?.approvedSetups).toEqual(['old', 'h'])
  })
})
