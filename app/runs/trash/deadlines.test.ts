import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { announceMs, openDeadlines } from './deadlines.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A machine with three clocks and a data directory. `start` is a host that starts on it. */
function machine() {
  const folder = mkdtempSync(join(tmpdir(), 'coppice-deadlines-'))
  folders.push(folder)
  const path = join(folder, 'deadlines.json')
  const clock = { wall: 1_800_000_000_000, mono: 5_000, boot: 5_000 }
  const jumps: number[] = []
  const start = () =>
    openDeadlines({
      path,
      wall: () => clock.wall,
      mono: () => clock.mono,
      boot: () => clock.boot,
      onJump: (byMs) => void jumps.push(byMs),
    })
  /** Lets a host run for so long, with a look each minute. */
  const run = (host: ReturnType<typeof start>, ms: number, look: () => void = () => {}) => {
    for (let passed = 0; passed < ms; passed += minute) {
      for (const name of ['wall', 'mono', 'boot'] as const) clock[name] += minute
      host.tick()
      look()
    }
  }
  return { path, clock, jumps, start, run }
}

describe('deadlines', () => {
  it('lets go on time what comes due while the host has watched for an hour', () => {
    const { clock, start, run } = machine()
    const host = start()
    const at = clock.wall + 2 * hour
    run(host, 2 * hour - minute)
    expect(host.isDue('a', at)).toBe(false)
    run(host, minute)
    expect(host.isDue('a', at)).toBe(true)
  })

  it('deletes nothing in the first hour after a time without a host', () => {
    const { clock, start, run } = machine()
    const at = clock.wall + day
    clock.wall += 14 * day
    const host = start()
    expect(host.waitsFor('a', at)).toBe(announceMs)
    const seen: boolean[] = []
    run(host, hour, () => seen.push(host.isDue('a', at)))
    expect(seen.every((due) => !due)).toBe(true)
    run(host, minute)
    expect(host.isDue('a', at)).toBe(true)
  })

  it.each([-400, 10, 3_000])('a clock that is %s days off at the start decides nothing', (days) => {
    const { clock, start, run } = machine()
    const at = clock.wall + 7 * day
    clock.wall += days * day
    const wrong = start()
    const seen: boolean[] = []
    run(wrong, hour - minute, () => seen.push(wrong.isDue('a', at)))
    expect(seen).not.toContain(true)
    clock.wall -= days * day
    const right = start()
    right.tick()
    expect(right.isDue('a', at)).toBe(false)
    // What waited under the wrong clock begins its hour anew when it is really due.
    clock.wall = at
    expect(start().waitsFor('a', at)).toBe(announceMs)
  })

  it.each([-400, 10, 3_000])('a jump of %s days while the host runs is said, and the hour begins', (days) => {
    const { clock, jumps, start, run } = machine()
    const host = start()
    const at = clock.wall + 7 * day
    run(host, 3 * hour, () => host.isDue('a', at))
    clock.wall += days * day
    host.tick()
    expect(jumps).toEqual([days * day])
    const seen: boolean[] = []
    run(host, hour - minute, () => seen.push(host.isDue('a', at)))
    expect(seen).not.toContain(true)
    clock.wall -= days * day
    host.tick()
    expect(jumps).toEqual([days * day, -days * day])
    expect(host.isDue('a', at)).toBe(false)
  })

  it('a machine that slept has no clock that jumped, and deletes nothing as it wakes', () => {
    const { clock, jumps, start, run } = machine()
    const host = start()
    const at = clock.wall + 10 * hour
    run(host, 2 * hour, () => host.isDue('a', at))
    clock.wall += 3 * day
    clock.boot += 3 * day
    host.tick()
    expect(host.isDue('a', at)).toBe(false)
    expect(jumps).toEqual([])
  })

  it('adds the hour up over hosts that end after a few minutes', () => {
    const { clock, start, run } = machine()
    const at = clock.wall - day
    let left: number | null = null
    for (let starts = 0; starts < 7; starts++) {
      const host = start()
      host.isDue('a', at)
      run(host, 10 * minute, () => void host.isDue('a', at))
      left = host.waitsFor('a', at)
      clock.wall += day
    }
    expect(left).toBe(0)
    const host = start()
    expect(host.isDue('a', at)).toBe(true)
    host.forgetAllBut(new Set())
    expect(host.waitsFor('a', at)).toBe(announceMs)
  })

  it.each(['', '{', '{"ranMs":-1,"dueSince":{}}', '{"ranMs":1e9}', 'null'])(
    'a damaged file (%j) makes it wait',
    (text) => {
      const { path, clock, start, run } = machine()
      writeFileSync(path, text)
      const host = start()
      expect(host.isDue('a', clock.wall - day)).toBe(false)
      run(host, minute)
      expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ ranMs: minute, dueSince: { a: 0 } })
    },
  )

  it('writes nothing while nothing is due', () => {
    const { path, clock, start, run } = machine()
    const host = start()
    run(host, hour, () => void host.isDue('a', clock.wall + day))
    expect(() => readFileSync(path)).toThrow('ENOENT')
  })
})
