import { describe, expect, it } from 'vitest'
import type { Run } from '../model/run.ts'
import { whatMayStart } from './slots.ts'

const make = (id: string, phase: Run['phase'], repositoryId = 'a', createdAt = 0) =>
  ({ id, phase, repositoryId, createdAt }) as Run
const limits = { maxRunning: 3, maxRunningPerRepository: 2, lowDisk: false }

describe('whatMayStart', () => {
  it('starts the oldest first, up to both caps', () => {
    const runs = [
      make('r1', 'running'),
      make('q2', 'queued', 'a', 2),
      make('q1', 'queued', 'a', 1),
      make('q3', 'queued', 'b', 3),
      make('q4', 'queued', 'b', 4),
    ]
    const { start, waiting } = whatMayStart(runs, limits)
    expect(start).toEqual(['q1', 'q3'])
    expect(waiting.map(({ runId, position }) => [runId, position])).toEqual([
      ['q2', 1],
      ['q4', 2],
    ])
    expect(waiting[1]?.reason).toContain('3 of 3')
  })

  it('counts what is starting already', () => {
    const runs = [make('q1', 'queued'), make('q2', 'queued')]
    expect(whatMayStart(runs, { ...limits, maxRunning: 1 }, new Set(['q1'])).start).toEqual([])
  })

  it('lets nothing new begin on a full disk, and says so', () => {
    const { start, waiting } = whatMayStart([make('q1', 'queued')], { ...limits, lowDisk: true })
    expect(start).toEqual([])
    expect(waiting[0]?.reason).toContain('disk')
  })
})
