import { describe, expect, it } from 'vitest'
import { emptyLive, type Run, startsAnew } from '../model/run.ts'
import { deliveryText } from './delivery-words.ts'

const run = (state: Run['delivery']['state'], remote?: string) =>
  ({ delivery: { state, ...(remote ? { remote } : {}) } }) as unknown as Run
const counts = (ahead: number | null, unpushed: number | null) => ({
  ...emptyLive,
  ahead: { value: ahead, observedAt: 1 },
  unpushed: { value: unpushed, observedAt: 1 },
})

describe('delivery in words', () => {
  it.each([
    ['local', counts(2, 2), 'not pushed'],
    ['local', counts(2, 0), 'on a remote branch already'],
    ['local', counts(0, 0), 'nothing to push'],
    ['local', counts(null, null), 'not pushed'],
    ['local', undefined, 'not pushed'],
    ['pushed', counts(2, 0), 'pushed to origin'],
    ['pushed', counts(3, 1), 'pushed to origin, 1 newer commit not pushed'],
    ['pushed', undefined, 'pushed to origin'],
    ['pull-request', counts(3, 2), 'pull request open, 2 newer commits not pushed'],
    ['merged', counts(3, 0), 'merged'],
    ['closed', counts(3, null), 'pull request closed'],
  ] as const)('%s', (state, live, text) => {
    expect(deliveryText(run(state, 'origin'), live)).toBe(text)
  })

  it('shows the name of a hostile remote as one plain line', () => {
    expect(deliveryText(run('pushed', 'o\u001b[31m\nx'), undefined)).not.toMatch(/[\u0000-\u001f]/)
  })
})

describe('startsAnew', () => {
  const settled = (change: Partial<Run>) =>
    startsAnew({ phase: 'failed', attempts: [], worktreePresence: 'none', ...change } as unknown as Run)
  it('is true where there is no attempt or no worktree to go on from', () => {
    expect(settled({})).toBe(true)
    expect(settled({ worktreePresence: 'present' })).toBe(true)
    const attempts = [{}] as unknown as Run['attempts']
    expect(settled({ attempts })).toBe(true)
    expect(settled({ attempts, worktreePresence: 'present' })).toBe(false)
    expect(settled({ attempts, worktreePresence: 'missing' })).toBe(false)
    expect(settled({ phase: 'running' })).toBe(false)
  })
})
