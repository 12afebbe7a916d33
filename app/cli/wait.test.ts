import { describe, expect, it } from 'vitest'
import type { Phase, Run } from '../model/run.ts'
import { baselineOf, progressOf, type WaitTarget, waitError } from './wait.ts'

const attempt = (number: number, pid: number | null = 7): Run['attempts'][number] => ({
  ...{ number, sessionId: `r.${number}`, startedAt: 1, endedAt: null, pid, commandLine: 'x', prompt: null },
  ...{ exit: null, outcome: null },
})
const at = (phase: Phase, change: Partial<Run> = {}): Run =>
  ({
    ...{ id: 'r', phase, attempts: [], stages: [], failure: null, exit: null, outcome: null, settledAt: null },
    ...change,
  }) as unknown as Run

describe('progressOf', () => {
  const cases: [Phase, WaitTarget, Partial<Run>, 'reached' | 'cannot' | undefined][] = [
    ['queued', 'running', {}, undefined],
    ['preparing', 'running', {}, undefined],
    ['running', 'running', {}, 'reached'],
    ['running', 'settled', {}, undefined],
    ['running', 'preparing', {}, 'reached'],
    ['exited', 'settled', {}, 'reached'],
    ['failed', 'settled', {}, 'reached'],
    ['cancelled', 'settled', {}, 'reached'],
    ['exited', 'exited', {}, 'reached'],
    ['exited', 'stopped', {}, 'cannot'],
    // It was over before anyone looked: that it ran is in its attempt.
    ['exited', 'running', { attempts: [attempt(1)] }, 'reached'],
    ['failed', 'running', { attempts: [attempt(1, null)] }, 'cannot'],
    ['failed', 'starting', { attempts: [attempt(1, null)] }, 'reached'],
    ['failed', 'running', {}, 'cannot'],
    ['stopped', 'stopping', { attempts: [attempt(1)] }, 'reached'],
    ['queued', 'running', { waitsFor: [{ approvalId: 'k', since: 1 }] }, 'cannot'],
    ['removed', 'settled', {}, 'cannot'],
    ['removing', 'removed', {}, undefined],
  ]
  it.each(cases)('%s, waiting for %s', (phase, target, change, expected) => {
    expect(progressOf(at(phase, change), target)).toBe(expected)
  })

  it('does not take the end before a resume for the end after it', () => {
    const before = at('exited', { attempts: [attempt(1)], settledAt: 5 })
    const since = baselineOf(before)
    expect(progressOf(before, 'settled', since)).toBeUndefined()
    expect(progressOf(before, 'running', since)).toBeUndefined()
    expect(progressOf(at('starting', { attempts: [attempt(1), attempt(2)] }), 'settled', since)).toBeUndefined()
    expect(progressOf(at('exited', { attempts: [attempt(1), attempt(2)], settledAt: 9 }), 'settled', since)).toBe(
      'reached',
    )
    // The worktree could not be made again: no attempt, yet it has settled anew.
    expect(progressOf(at('failed', { attempts: [attempt(1)], settledAt: 9 }), 'running', since)).toBe('cannot')
  })
})

describe('waitError', () => {
  it('names the phase that the run has, and why', () => {
    const error = waitError(at('exited', { exit: { code: 3, signal: null } }), 'running')
    expect(error.ending.code).toBe('wrong-phase')
    expect(error.ending.message).toBe('Run r is "exited" (exit code 3), not "running".')
    expect(error.ending.next).toContain('coppice logs r')
  })
  it("passes on the run's own failure", () => {
    const failure = { code: 'base-not-found', retryable: false, detail: { base: 'nope' } } as const
    const { ending } = waitError(at('failed', { failure }), 'settled')
    expect(ending.code).toBe('base-not-found')
    expect(ending.message).toContain('"failed"')
    expect(ending.message).toContain('nope')
  })
})
