import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createViewers, type Viewer, type ViewerHandle, type Viewers } from '../../app/session/attach.ts'
import { maxQueued } from '../../app/session/flow.ts'
import { createScreen, type Screen } from '../../app/session/screen/screen.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const encoder = new TextEncoder()

/** A session without a keeper: a mirror and its views. */
function place() {
  const mirror = createScreen({ cols: 60, rows: 20, scrollback: 200 })
  let live = true
  const viewers: Viewers = createViewers({
    sessionId: 's',
    get cols() {
      return mirror.cols
    },
    get rows() {
      return mirror.rows
    },
    get live() {
      return live
    },
    dropped: 0,
    draw: (scrollback) => encoder.encode(mirror.serialise(scrollback === undefined ? {} : { scrollback })),
  })
  return {
    mirror,
    viewers,
    print(text: string) {
      const bytes = encoder.encode(text)
      mirror.write(bytes)
      viewers.output(bytes)
    },
    resize(cols: number, rows: number) {
      mirror.resize(cols, rows)
      viewers.resized(cols, rows)
    },
    end() {
      live = false
      viewers.ended()
    },
  }
}

function client() {
  let screen: Screen = createScreen({ cols: 60, rows: 20, scrollback: 200 })
  const log: string[] = []
  let unacked = 0
  let output = 0
  const viewer: Viewer = {
    start: ({ cols, rows, reason }) => {
      log.push(reason)
      screen = createScreen({ cols, rows, scrollback: 200 })
    },
    screen: (bytes) => screen.write(bytes),
    screenEnd() {},
    output(bytes) {
      unacked += bytes.length
      output += bytes.length
      screen.write(bytes)
    },
    resized: (cols, rows) => screen.resize(cols, rows),
    ended: () => void log.push('ended'),
  }
  let handle: ViewerHandle | null = null
  return {
    log,
    viewer,
    attach(viewers: Viewers) {
      handle = viewers.attach(viewer)
      return this
    },
    ack(most = Number.POSITIVE_INFINITY) {
      const bytes = Math.min(most, unacked)
      unacked -= bytes
      handle?.ack(bytes)
    },
    detach: () => handle?.detach(),
    get unacked() {
      return unacked
    },
    get output() {
      return output
    },
    text: () => screen.plainText(),
    picture: () => screen.serialise(),
  }
}

/** Draws and waits until nothing more comes. */
function settle(...clients: ReturnType<typeof client>[]): void {
  for (let round = 0; round < 200; round++) {
    for (const each of clients) each.ack()
    vi.advanceTimersByTime(100)
  }
}

describe('views', () => {
  it('send the first output at once and gather what follows', () => {
    const { viewers, print } = place()
    const view = client().attach(viewers)
    vi.advanceTimersByTime(1000)
    print('a')
    expect(view.output).toBe(1)
    print('b')
    print('c')
    expect(view.output).toBe(1)
    vi.advanceTimersByTime(8)
    expect(view.output).toBe(3)
  })

  it('hold what is not acknowledged, and give up a view that lags', () => {
    const { viewers, print, mirror } = place()
    const view = client().attach(viewers)
    for (let i = 0; i < maxQueued / 1000 + 100; i++) print(`${'x'.repeat(998)}\r\n`)
    vi.advanceTimersByTime(10_000)
    expect(view.unacked).toBeLessThanOrEqual(32 * 1024)
    expect(view.log).toEqual(['attach'])
    settle(view)
    // The bare screen at once, the scrollback when it was calm.
    expect(view.log).toEqual(['attach', 'lag', 'lag'])
    expect(view.picture()).toBe(mirror.serialise())
  })

  it('are not drawn anew more often than an eye follows while a flood lasts', () => {
    const { viewers, print } = place()
    const view = client().attach(viewers)
    for (let ms = 0; ms < 2000; ms += 10) {
      for (let i = 0; i < 20; i++) print(`${'flood '.repeat(3000)}\r\n`)
      view.ack()
      vi.advanceTimersByTime(10)
    }
    const drawn = view.log.filter((entry) => entry === 'lag').length
    expect(drawn).toBeGreaterThan(3)
    expect(drawn).toBeLessThanOrEqual(2000 / 60 + 1)
  })

  it('get all of an ended session, and the end only then', () => {
    const { viewers, print, end, mirror } = place()
    const slow = client().attach(viewers)
    const lagging = client().attach(viewers)
    for (let i = 0; i < 20; i++) print(`${'y'.repeat(998)}\r\n`)
    vi.advanceTimersByTime(100)
    slow.ack()
    for (let i = 0; i < 200; i++) print(`${'z'.repeat(998)}\r\n`)
    slow.ack()
    for (let i = 0; i < 150; i++) print(`${'z'.repeat(998)}\r\n`)
    end()
    viewers.close()
    expect([slow.log.at(-1), lagging.log.at(-1)]).toEqual(['attach', 'attach'])
    settle(slow, lagging)
    for (const view of [slow, lagging]) {
      expect(view.log.at(-1)).toBe('ended')
      expect(view.picture()).toBe(mirror.serialise())
    }
    const late = client().attach(viewers)
    expect(late.log).toEqual(['attach', 'ended'])
  })

  it('that are detached or let go of are told nothing more', () => {
    const { viewers, print } = place()
    const gone = client().attach(viewers)
    const closed = client().attach(viewers)
    gone.detach()
    viewers.close()
    print('more')
    settle(gone, closed)
    expect([gone.output, closed.output]).toEqual([0, 0])
  })

  it('come to the same screen as the mirror, whatever happens on the way (seed 4501)', () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(
          fc.constant('print' as const),
          fc.string({ maxLength: 30 }),
          fc.constantFrom(1, 1, 1, 400, 9000),
        ),
      },
      {
        weight: 4,
        arbitrary: fc.tuple(fc.constant('ack' as const), fc.constantFrom('', ''), fc.constantFrom(100, 5000, 1e9)),
      },
      {
        weight: 3,
        arbitrary: fc.tuple(fc.constant('wait' as const), fc.constantFrom('', ''), fc.constantFrom(1, 9, 70, 500)),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(fc.constant('resize' as const), fc.constantFrom('', ''), fc.constantFrom(60, 80, 101)),
      },
      { weight: 1, arbitrary: fc.tuple(fc.constant('redraw' as const), fc.constantFrom('', ''), fc.constant(0)) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, ends) => {
        const { viewers, print, resize, end, mirror } = place()
        const view = client().attach(viewers)
        for (const [what, text, amount] of steps) {
          if (what === 'print')
            print(`${`\x1b[3${amount % 8}m${text.replace(/[^\x20-\x7e]/g, '.')}\r\n`.repeat(amount)}`)
          else if (what === 'ack') view.ack(amount)
          else if (what === 'wait') vi.advanceTimersByTime(amount)
          else if (what === 'resize') resize(amount, 20 + (amount % 7))
          else viewers.redraw()
        }
        if (ends) end()
        settle(view)
        expect(view.text()).toBe(mirror.plainText())
        expect(view.picture()).toBe(mirror.serialise())
        expect(view.log.at(-1) === 'ended').toBe(ends)
      }),
      { seed: 4501, numRuns: 60 },
    )
  })
})
