import { describe, expect, it } from 'vitest'
import { isKept, Phase } from '../../app/model/run.ts'
import { countsOf, matchesQuery, needing, ordered, visibleIds } from '../../renderer/client/selectors.ts'
import { scene } from '../harness/fixture-scene.ts'

const { state, live } = scene({ runs: 9 })
const now = Date.now()
const phases = Phase.options.filter(isKept)
const all = { filter: 'all', query: null, ghosts: [], order: [] } as const
const without = (id: string, change: object) => ({
  ...state,
  runs: { ...state.runs, [id]: { ...state.runs[id]!, ...change } },
})

describe('lists of runs', () => {
  it('puts those that wait first, the oldest of them first', () => {
    expect(
      needing(state, live, now)
        .map(({ id }) => id)
        .slice(0, 2),
    ).toEqual(['rotate-signing-keys', 'invoice-page-breaks'])
    expect(needing(state, live, now).map(({ attention }) => attention.rank)).toEqual([1, 1, 2, 2, 2])
  })

  it('counts by what must be done', () => {
    expect(countsOf(state, live, now)).toMatchObject({
      active: 9,
      needs: 5,
      working: 3,
      queued: 1,
      done: 0,
      all: 9,
      sessions: 5,
      trash: 0,
    })
  })

  it.each(phases)(
    'counts a run that is %s once: Active is Needs you, Working and Queued, the rest is Done',
    (phase) => {
      for (const reviewed of [false, true]) {
        for (const id of ['retry-failed-webhooks', 'dev-server', 'rotate-signing-keys']) {
          const counts = countsOf(without(id, { phase, reviewed }), live, now)
          expect(counts.active, id).toBe(counts.needs + counts.working + counts.queued)
          expect(counts.active + counts.done, id).toBe(counts.all)
        }
      }
    },
  )

  it('puts what was stopped or cancelled under Done, and never a run that asks or works', () => {
    for (const phase of ['stopped', 'cancelled'])
      expect(countsOf(without('dev-server', { phase }), live, now)).toMatchObject({ done: 1, active: 8 })
    const asking = without('rotate-signing-keys', { reviewed: true })
    expect(countsOf(asking, live, now)).toMatchObject({ done: 0, needs: 5 })
    expect(needing(asking, live, now)[0]?.id).toBe('rotate-signing-keys')
    expect(countsOf(without('dev-server', { reviewed: true }), live, now)).toMatchObject({ done: 0, working: 3 })
  })

  it('leaves a run that was stopped where it is while the person is at it', () => {
    const stopped = without('dev-server', { phase: 'stopped' })
    const active = { ...all, filter: 'active' } as const
    expect(visibleIds(stopped, live, active, now)).not.toContain('dev-server')
    expect(visibleIds(stopped, live, { ...active, focused: 'dev-server' }, now)).toContain('dev-server')
    expect(visibleIds(stopped, live, { ...active, focused: 'retry-failed-webhooks' }, now)).not.toContain('dev-server')
  })

  it('never counts an unknown size as nothing', () => {
    const unknown = {
      ...live,
      'dev-server': { ...live['dev-server']!, sizeBytes: { value: null, observedAt: now, why: 'du failed' } },
    }
    expect(countsOf(state, unknown, now).unmeasured).toBe(countsOf(state, live, now).unmeasured + 1)
  })

  it('moves what was reviewed from Active to Done', () => {
    const reviewed = without('retry-failed-webhooks', { reviewed: true })
    expect(visibleIds(reviewed, live, { ...all, filter: 'active' }, now)).not.toContain('retry-failed-webhooks')
    expect(visibleIds(reviewed, live, { ...all, filter: 'done' }, now)).toEqual(['retry-failed-webhooks'])
  })

  it('keeps the place of a removed run only while its Undo is offered', () => {
    const removed = without('dev-server', { phase: 'removed' })
    expect(visibleIds(removed, live, all, now)).not.toContain('dev-server')
    const kept = visibleIds(removed, live, { ...all, ghosts: ['dev-server'] }, now)
    expect(kept.indexOf('dev-server')).toBe(visibleIds(state, live, all, now).indexOf('dev-server'))
  })

  it('keeps the order of the person, whatever a run does', () => {
    const order = ['node-24', 'dev-server']
    const first = visibleIds(state, live, { ...all, order }, now)
    expect(first.slice(0, 2)).toEqual(order)
    const changed = without('node-24', { phase: 'running', settledAt: null })
    expect(visibleIds(changed, live, { ...all, order }, now)).toEqual(first)
    expect(ordered(Object.values(state.runs), []).map((run) => run.id)[0]).toBe('paginate-transactions')
  })

  it('filters by every word, anywhere', () => {
    const run = state.runs['rotate-signing-keys']!
    expect(matchesQuery('keys webhook', run)).toBe(true)
    expect(matchesQuery('48 hours', run)).toBe(true)
    expect(matchesQuery('keys nowhere', run)).toBe(false)
  })
})

describe('Unpushed', () => {
  const pushed = { delivery: { state: 'pushed', remote: 'origin' }, worktreePresence: 'present' } as const
  const seen = (id: string, unpushed: number | null) => ({
    ...live,
    [id]: { ...live[id]!, unpushed: { value: unpushed, observedAt: now } },
  })
  const shown = (change: object, unpushed: number | null) =>
    visibleIds(
      without('retry-failed-webhooks', change),
      seen('retry-failed-webhooks', unpushed),
      { ...all, filter: 'unpushed', focused: null },
      now,
    ).includes('retry-failed-webhooks')

  it('lists a run with commits that no remote branch has, pushed before or not', () => {
    expect(shown(pushed, 1)).toBe(true)
    expect(shown(pushed, 0)).toBe(false)
    expect(shown(pushed, null)).toBe(false)
    expect(shown({ ...pushed, delivery: { state: 'local' } }, 2)).toBe(true)
    expect(shown({ ...pushed, delivery: { state: 'local' } }, 0)).toBe(false)
    expect(shown({ ...pushed, delivery: { state: 'local' } }, null)).toBe(true)
  })
})
