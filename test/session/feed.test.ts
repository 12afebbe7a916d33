import { afterEach, describe, expect, it, vi } from 'vitest'
import type { ReadHandlers, SessionExit } from '../../app/keeper/client.ts'
import { createPacer, openFeed } from '../../app/session/feed.ts'

afterEach(() => vi.restoreAllMocks())

/**
 * A clock that goes only where the test says what took how long. With it, what a turn does is a matter of counts and not of
 * this machine: on a real clock a fast one parses each delivery before the next, and nothing ever waits.
 */
function ownClock() {
  let now = 1000
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  return {
    pass(ms: number) {
      now += ms
    },
  }
}

/** A keeper that holds `total` bytes (byte n is n % 251) and delivers them as fast as it may, a megabyte at a time. */
function keeperWith(total: number) {
  const pauses: number[] = []
  const keeper = {
    read(_id: string, { from }: { from: number }, handlers: ReadHandlers) {
      let at = from
      let open = true
      let closed = false
      const exit: SessionExit = { code: 0, signal: null }
      const deliver = () => {
        if (!open || closed) return
        if (at >= total) return handlers.onEnd(exit)
        for (let piece = 0; piece < 16 && open && at < total; piece++) {
          const bytes = Buffer.alloc(Math.min(64 * 1024, total - at))
          for (let i = 0; i < bytes.length; i++) bytes[i] = (at + i) % 251
          at += bytes.length
          handlers.onData(bytes, at - bytes.length)
        }
        setImmediate(deliver)
      }
      setImmediate(deliver)
      return {
        get at() {
          return at
        },
        pause() {
          open = false
          pauses.push(at)
        },
        resume() {
          open = true
          setImmediate(deliver)
        },
        close() {
          closed = true
        },
      }
    },
  }
  return { keeper, pauses }
}

describe('a feed', () => {
  it('keeps order and bounds what waits, by stopping to read and reading on', async () => {
    const total = 12_000_000
    const { keeper, pauses } = keeperWith(total)
    const clock = ownClock()
    let due = 0
    let right = true
    let mostWaiting = 0
    await new Promise<void>((resolve) => {
      const watched = {
        read(id: string, where: { from: number }, handlers: ReadHandlers) {
          return keeper.read(id, where, {
            ...handlers,
            onData(bytes, at) {
              handlers.onData(bytes, at)
              mostWaiting = Math.max(mostWaiting, at + bytes.length - due)
            },
          })
        },
      }
      openFeed({
        keeper: watched,
        sessionId: 's',
        stream: 'out',
        from: 0,
        onBytes(bytes, at) {
          right &&= at === due && bytes[0] === at % 251 && bytes.length <= 4096
          due = at + bytes.length
          // A turn of 8 ms parses 32 KiB, while the keeper has a megabyte for each.
          clock.pass(1)
        },
        onGap() {},
        onEnd: () => resolve(),
        onLost() {},
      })
    })
    expect([right, due]).toEqual([true, total])
    // From 4 MiB down to 1 MiB and up again, as often as 12 MB give cause to.
    expect(pauses.length).toBe(3)
    expect(mostWaiting).toBeGreaterThan(4 * 1024 * 1024)
    expect(mostWaiting).toBeLessThanOrEqual(4 * 1024 * 1024 + 64 * 1024)
  })

  it('gives others their turn, and stops when it is closed', async () => {
    const { keeper } = keeperWith(50_000_000)
    let pieces = 0
    const feed = openFeed({
      keeper,
      sessionId: 's',
      stream: 'out',
      from: 0,
      onBytes: () => {
        pieces++
        for (const until = performance.now() + 0.2; performance.now() < until; );
      },
      onGap() {},
      onEnd() {},
      onLost() {},
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    feed.close()
    const before = pieces
    expect(before).toBeGreaterThan(0)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(pieces).toBe(before)
  })
})

describe('a pacer', () => {
  it('makes pieces smaller while they take long, and larger again', () => {
    const clock = ownClock()
    const pacer = createPacer()
    const first = pacer.size
    pacer.time(() => clock.pass(40))
    expect(pacer.size).toBe(Math.floor(first / 20))
    for (let i = 0; i < 5; i++) pacer.time(() => clock.pass(30))
    expect(pacer.size).toBe(16)
    for (let i = 0; i < 7; i++) pacer.time(() => {})
    expect(pacer.size).toBe(first / 2)
    pacer.time(() => {})
    expect(pacer.size).toBe(first)
  })
})
