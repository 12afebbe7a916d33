import { describe, expect, it } from 'vitest'
import { Event } from './event.ts'
import { Failure, fail, failureCodes, failureOf } from './failure.ts'
import { readDetail } from './failure-detail.ts'

describe('a failure that came over the wire or out of the journal', () => {
  const read = (raw: unknown) => Failure.parse(JSON.parse(JSON.stringify(raw)))

  it.each(failureCodes)('%s is read as it was made', (code) => {
    const made = fail(code, { message: 'why', path: '/src' }, { retryable: true, stage: 'setup' }).failure
    expect(read(made)).toEqual(made)
    expect(read(read(made))).toEqual(made)
  })

  it('loses what is of the wrong type, and nothing else', () => {
    const raw = {
      path: 7,
      names: ['a', 1],
      count: 'three',
      message: 'why',
      seconds: 30,
      undone: 'yes',
      exit: 'SIGKILL',
    }
    expect(read({ code: 'in-use', retryable: false, detail: raw })).toEqual({
      code: 'in-use',
      retryable: false,
      detail: { message: 'why', seconds: 30, exit: 'SIGKILL' },
    })
  })

  it('keeps the plain facts that only a newer build knows', () => {
    const detail = { message: 'why', colour: 'red', tints: ['dark'], nested: { deep: true } }
    expect(read({ code: 'in-use', retryable: false, detail }).detail).toEqual({
      message: 'why',
      colour: 'red',
      tints: ['dark'],
    })
  })

  it.each([null, 'text', 7, [], [1]])('with the detail %j is read without it', (detail) =>
    expect(read({ code: 'timeout', retryable: true, detail })).toEqual({
      code: 'timeout',
      retryable: true,
      detail: {},
    }),
  )

  it('of a newer build is read as unknown, with its name', () => {
    expect(read({ code: 'lunar-phase', retryable: false, stage: 'orbit', detail: { message: 'full moon' } })).toEqual({
      code: 'unknown',
      retryable: false,
      detail: { code: 'lunar-phase', message: 'full moon' },
    })
  })

  it('never makes the event that carries it unreadable', () => {
    const failure = { code: 'lunar-phase', retryable: false, detail: { path: { is: 'no text' } } }
    expect(Event.parse({ type: 'run-failed', runId: 'fix', failure })).toMatchObject({
      failure: { code: 'unknown', detail: { code: 'lunar-phase' } },
    })
  })

  it('has no key by inheritance', () => {
    const detail = readDetail(JSON.parse('{"__proto__": {"field": "evil"}, "constructor": "x"}'))
    expect(detail.field).toBeUndefined()
    expect(Object.keys(detail)).toEqual(['constructor'])
  })
})

describe('fail', () => {
  it('takes for each code only what its detail may hold', () => {
    // @ts-expect-error a text where a number belongs
    expect(fail('in-use', { count: 'three' }).failure.code).toBe('in-use')
    // @ts-expect-error a fact of another code
    expect(fail('not-found', { freeBytes: 7 }).failure.code).toBe('not-found')
    // @ts-expect-error no such code
    expect(fail('no-such-code').failure.retryable).toBe(false)
    expect(fail('no-space', { freeBytes: 7 }, { stage: 'copy' }).failure).toEqual({
      code: 'no-space',
      stage: 'copy',
      retryable: false,
      detail: { freeBytes: 7 },
    })
  })

  it('has a message for the log', () => {
    expect(fail('in-use', { message: 'the port is taken' }).message).toBe('in-use: the port is taken')
    expect(failureOf(fail('cancelled'))).toEqual({ code: 'cancelled', retryable: false })
    expect(failureOf(new TypeError('x is not a function'))).toMatchObject({ code: 'internal' })
  })
})
