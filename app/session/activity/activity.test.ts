import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  activityAt,
  type Evidence,
  foldActivity,
  inputAnswers,
  newActivity,
  nextChange,
  outputProvesMs,
  statusEvidence,
} from './activity.ts'
import { parseMemory } from './memory.ts'

const start = 1_000_000
const given = (...history: Evidence[]) => history.reduce(foldActivity, newActivity(start))
const working = { state: 'working' } as const
const idle = { state: 'idle' } as const
const asks = { state: 'waiting', kind: 'permission', message: 'Write?' } as const
const at = (seconds: number) => start + seconds * 1000
const input = (seconds: number, answers = true): Evidence => ({ kind: 'input', at: at(seconds), answers })
const output = (seconds: number): Evidence => ({ kind: 'output', at: at(seconds) })
const state = (history: Evidence[], seconds: number) => activityAt(given(...history), at(seconds))

describe('activity', () => {
  it('is unknown where nothing proves anything', () => {
    expect(state([], 60)).toEqual({ state: 'unknown', source: 'none', since: start, provenAt: start })
  })

  it('is working by its output for 5 s, then unknown', () => {
    const history = [output(10), output(12), output(13)]
    expect(state(history, 14)).toEqual({ state: 'working', source: 'output', since: at(10), provenAt: at(13) })
    expect(state(history, 18)).toMatchObject({ state: 'working' })
    expect(state(history, 18.1)).toEqual({ state: 'unknown', source: 'output', since: at(18), provenAt: at(13) })
    expect(nextChange(given(...history), at(14))).toBe(at(18) + 1)
  })

  it('takes output right after a key for its echo', () => {
    expect(state([input(10), output(10.1)], 11).state).toBe('unknown')
    expect(state([input(10), output(11.1)], 12).state).toBe('working')
  })

  it('believes what the agent says, and that its output proves it still does', () => {
    const history: Evidence[] = [{ kind: 'osc7501', at: at(1), says: working }, output(40)]
    expect(state(history, 60)).toEqual({ state: 'working', source: 'osc7501', since: at(1), provenAt: at(40) })
    expect(state([...history, { kind: 'osc7501', at: at(70), says: idle }, output(71)], 72)).toMatchObject({
      state: 'idle',
      since: at(70),
    })
  })

  it('keeps since while the same is said again', () => {
    const history: Evidence[] = [1, 2, 3].map((seconds) => ({ kind: 'title', at: at(seconds), says: working }))
    expect(state(history, 4)).toMatchObject({ since: at(1), provenAt: at(3) })
  })

  it('lets the strongest source speak', () => {
    const history: Evidence[] = [
      { kind: 'hook', at: at(1), says: asks },
      { kind: 'title', at: at(20), says: working },
      { kind: 'bell', at: at(21) },
      output(30),
    ]
    expect(state(history, 31)).toEqual({ ...asks, source: 'hook', since: at(1), provenAt: at(1) })
  })

  it('lets a weaker source overrule an idle one, or one that has long shown nothing', () => {
    expect(
      state(
        [
          { kind: 'osc7501', at: at(1), says: idle },
          { kind: 'title', at: at(2), says: working },
        ],
        3,
      ).source,
    ).toBe('osc7501')
    expect(
      state(
        [
          { kind: 'osc7501', at: at(1), says: idle },
          { kind: 'title', at: at(9), says: working },
        ],
        10,
      ).source,
    ).toBe('title')
    expect(
      state(
        [
          { kind: 'osc7501', at: at(1), says: working },
          { kind: 'title', at: at(99), says: asks },
        ],
        100,
      ).source,
    ).toBe('title')
  })

  it('is cleared by an answer, Esc as well, and not by moving about', () => {
    const waiting: Evidence = { kind: 'osc7501', at: at(1), says: asks }
    expect(state([waiting, input(5, false)], 6)).toMatchObject({
      state: 'waiting',
      kind: 'permission',
      message: 'Write?',
    })
    expect(state([output(0.5), waiting, input(5)], 5.1)).toMatchObject({
      state: 'unknown',
      source: 'input',
      since: at(5),
    })
    expect(state([waiting, input(5), { kind: 'osc7501', at: at(6), says: working }], 7).state).toBe('working')
    expect(state([{ kind: 'osc7501', at: at(1), says: idle }, input(5)], 6).state).toBe('idle')
  })

  it('reads a bell as someone being wanted, until input or more output', () => {
    const bell: Evidence = { kind: 'bell', at: at(10), message: 'Claude needs you' }
    expect(state([bell], 60)).toEqual({
      state: 'waiting',
      message: 'Claude needs you',
      source: 'bell',
      since: at(10),
      provenAt: at(10),
    })
    expect(state([bell, input(11)], 12).state).toBe('unknown')
    expect(state([bell, output(10.5)], 11).state).toBe('waiting')
    expect(state([bell, output(14)], 15).state).toBe('working')
    expect(state([input(10), { ...bell, at: at(10.2) }], 12).state).toBe('unknown')
  })

  it('takes back what a source took back', () => {
    expect(
      state(
        [
          { kind: 'osc7501', at: at(1), says: working },
          { kind: 'osc7501', at: at(2), says: null },
        ],
        3,
      ).state,
    ).toBe('unknown')
    expect(
      state(
        [
          { kind: 'title', at: at(1), says: working },
          { kind: 'title', at: at(2), says: { state: 'unknown' } },
        ],
        3,
      ).state,
    ).toBe('unknown')
  })

  it('is idle when the process is gone, whatever was said', () => {
    const history: Evidence[] = [
      { kind: 'hook', at: at(1), says: asks },
      { kind: 'process', at: at(9), alive: false },
    ]
    expect(state(history, 10)).toEqual({ state: 'idle', source: 'process', since: at(9), provenAt: at(9) })
  })

  it('maps the program status protocol', () => {
    expect(statusEvidence({ state: 'blocked', kind: 'question', message: 'm' })).toEqual({
      state: 'waiting',
      kind: 'question',
      message: 'm',
    })
    expect(statusEvidence({ state: 'done' })).toEqual({ state: 'idle' })
    expect(statusEvidence({ state: 'error', message: 'e' })).toEqual({ state: 'idle', message: 'e' })
    expect(statusEvidence({ state: 'clear' })).toBeNull()
  })
})

describe('inputAnswers', () => {
  const answers = (text: string) => inputAnswers(new TextEncoder().encode(text))
  it.each(['\r', '\u001b', '1', 'y', 'hello', '\u0003', '\u001b[27u', '\u001b[200~x\u001b[201~'])('%j does', (text) => {
    expect(answers(text)).toBe(true)
  })
  it.each([
    '\u001b[A',
    '\u001bOB',
    '\u001b[1;5C',
    '\t',
    '\u001b[Z',
    '\u001b[I',
    '\u001b[O',
    '\u001b[<35;10;4M',
    '\u001b[<0;1;1m',
    '\u001b[M !!',
    '\u001b[5~',
    '\u001b[?997;1n',
  ])('%j does not', (text) => expect(answers(text)).toBe(false))
})

describe('activity, any history', () => {
  const says = fc.constantFrom(working, idle, asks, null)
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('hook' as const, 'event' as const, 'osc7501' as const, 'title' as const), says }),
    fc.record({ kind: fc.constant('bell' as const) }),
    fc.record({ kind: fc.constant('output' as const) }),
    fc.record({ kind: fc.constant('input' as const), answers: fc.boolean() }),
  )
  const history = fc.array(fc.tuple(step, fc.integer({ min: 0, max: 20_000 })), { maxLength: 30 }).map((steps) => {
    let now = start
    return steps.map(([what, gap]) => {
      now += gap
      return { ...what, at: now } as Evidence
    })
  })
  const later = fc.integer({ min: 0, max: 200_000 })
  const end = (events: readonly Evidence[], ms: number) => (events.at(-1)?.at ?? start) + ms

  it('claims nothing of the future, and survives being stored (seed 4101)', () => {
    fc.assert(
      fc.property(history, later, (events, ms) => {
        const memory = given(...events)
        const now = end(events, ms)
        const activity = activityAt(memory, now)
        expect(activity.since).toBeLessThanOrEqual(now)
        expect(activity.provenAt).toBeLessThanOrEqual(now)
        expect(activityAt(parseMemory(JSON.parse(JSON.stringify(memory)))!, now)).toEqual(activity)
      }),
      { seed: 4101, numRuns: 1500 },
    )
  })

  it('says working only where an agent said so, or for 5 s after output that is no echo (seed 4102)', () => {
    fc.assert(
      fc.property(history, later, (events, ms) => {
        const now = end(events, ms)
        const activity = activityAt(given(...events), now)
        if (activity.state !== 'working') return
        if (activity.source !== 'output') {
          const last = events.findLast((event) => event.kind === activity.source)
          expect(last).toMatchObject({ says: { state: 'working' } })
        } else expect(now - activity.provenAt).toBeLessThanOrEqual(outputProvesMs)
      }),
      { seed: 4102, numRuns: 1500 },
    )
  })

  it('never waits after an answer until someone asks again (seed 4103)', () => {
    fc.assert(
      fc.property(history, later, (events, ms) => {
        const answered = [...events, { kind: 'input', at: end(events, 1), answers: true } as const]
        expect(activityAt(given(...answered), end(answered, ms)).state).not.toBe('waiting')
      }),
      { seed: 4103, numRuns: 1000 },
    )
  })

  it('lets nothing weaker hide a waiting agent (seed 4104)', () => {
    const weaker = fc.array(
      fc.tuple(
        fc.oneof(
          fc.record({ kind: fc.constantFrom('title' as const), says }),
          fc.record({ kind: fc.constantFrom('bell' as const, 'output' as const) }),
        ),
        fc.integer({ min: 0, max: 9000 }),
      ),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(weaker, later, (steps, ms) => {
        let now = start
        const events = steps.map(([what, gap]) => {
          now += gap
          return { ...what, at: now } as Evidence
        })
        const memory = given({ kind: 'osc7501', at: start, says: asks }, ...events)
        expect(activityAt(memory, now + ms)).toMatchObject({ state: 'waiting', kind: 'permission', source: 'osc7501' })
      }),
      { seed: 4104, numRuns: 500 },
    )
  })
})
