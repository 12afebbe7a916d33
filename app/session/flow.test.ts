import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  acknowledged,
  allowance,
  type Flow,
  highWater,
  lowWater,
  maxPiece,
  maxQueued,
  mayRefresh,
  newFlow,
  offered,
  refreshed,
  sent,
} from './flow.ts'

/** Sends all that may be sent. */
function drain(flow: Flow): Flow {
  let next = flow
  while (allowance(next) > 0) next = sent(next, allowance(next))
  return next
}

describe('flow', () => {
  it('sends up to the high watermark and goes on below the low one', () => {
    const full = drain(offered(newFlow, 100_000))
    expect(full).toMatchObject({ held: true, inFlight: maxPiece, queued: 100_000 - maxPiece })
    const some = acknowledged(full, maxPiece - lowWater - 1)
    expect(allowance(some)).toBe(0)
    expect(allowance(acknowledged(some, 1))).toBe(maxPiece)
  })

  it('drops a view that lags, and takes it back with a fresh screen', () => {
    const stuck = offered(drain(offered(newFlow, maxQueued)), maxQueued)
    expect(stuck).toMatchObject({ lagging: true, queued: 0 })
    expect(mayRefresh(stuck)).toBe(false)
    expect(offered(stuck, 1000)).toBe(stuck)
    const caughtUp = acknowledged(stuck, highWater)
    expect(mayRefresh(caughtUp)).toBe(true)
    expect(allowance(drain(offered(refreshed(caughtUp), 10)))).toBe(0)
  })

  it('bounds what is on its way and what waits, whatever happens (seed 4201)', () => {
    const step = fc.oneof(
      fc.integer({ min: 1, max: 100_000 }).map((bytes) => (flow: Flow) => offered(flow, bytes)),
      fc.integer({ min: 0, max: 40_000 }).map((bytes) => (flow: Flow) => acknowledged(flow, bytes)),
      fc.constant((flow: Flow) => drain(flow)),
      fc.constant((flow: Flow) => (mayRefresh(flow) ? refreshed(flow) : flow)),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let flow = newFlow
        for (const next of steps) {
          flow = next(flow)
          expect(flow.queued).toBeGreaterThanOrEqual(0)
          expect(flow.queued).toBeLessThanOrEqual(maxQueued)
          expect(flow.inFlight).toBeGreaterThanOrEqual(0)
          expect(flow.inFlight).toBeLessThan(highWater + maxPiece)
        }
        // A view that acknowledges everything always gets going again.
        const idle = acknowledged(flow, flow.inFlight)
        expect(idle.held).toBe(false)
      }),
      { seed: 4201, numRuns: 1000 },
    )
  })
})
