// When something may be deleted for good because of its age. The wall clock alone never decides: it jumps, and it moves on while
// no host runs. What came due while nobody watched, or after a jump, first waits an hour of the host's own running time, so that
// a person can see it and keep it. The running time is added up over restarts, since an idle host ends after a few minutes.
import { z } from 'zod'
import { readSmallText, replaceFile } from '../../disk/files.ts'

/** How long a deletion is announced before it happens, in milliseconds of the host's own running time. */
export const announceMs = 3_600_000
/** Two clocks drift apart by less than this between two looks, unless one jumped or the machine slept. */
const jumpMs = 120_000

export interface DeadlineOptions {
  /** A small file below the data directory. Lost or damaged, it only makes everything wait longer. */
  readonly path: string
  /** Milliseconds since 1970. */
  wall(): number
  /** Milliseconds of a clock that never jumps and stands still while the machine sleeps. */
  mono(): number
  /** The same with sleep counted: a machine that slept is no clock that jumped. */
  boot(): number
  /** The wall clock moved by this much more (or less) than time went by. */
  onJump(byMs: number): void
}

export interface Deadlines {
  /** Whether what is due at `at` may be deleted now. Remembers since when it has been due. */
  isDue(id: string, at: number): boolean
  /** Milliseconds of running time until it may go; null where it is not due yet by the wall clock. */
  waitsFor(id: string, at: number): number | null
  /** Looks at both clocks, and writes the running time down. Call it once a round, before `isDue`. */
  tick(): void
  /** Forgets what is not in `ids`: it is gone, or was brought back. */
  forgetAllBut(ids: ReadonlySet<string>): void
}

const Saved = z.object({ ranMs: z.number().min(0), dueSince: z.record(z.string(), z.number()) })

/** Opens the deadlines of one host. Never throws: a file that cannot be read or written makes everything wait longer. */
export function openDeadlines(options: DeadlineOptions): Deadlines {
  const saved = read(options.path)
  let { ranMs } = saved
  const dueSince = new Map(Object.entries(saved.dueSince))
  let wall = options.wall()
  let mono = options.mono()
  let boot = options.boot()
  // Since when the host has watched without a pause and without a jump.
  let steady = { wall, mono }

  const save = () => write(options.path, { ranMs, dueSince: Object.fromEntries(dueSince) })
  const isSteady = (at: number) => mono - steady.mono >= announceMs && at > steady.wall
  const waits = (id: string, at: number): number | null => {
    if (wall < at) return null
    if (isSteady(at)) return 0
    const since = dueSince.get(id)
    return since === undefined ? announceMs : Math.max(0, announceMs - (ranMs - since))
  }

  return {
    tick() {
      const next = { wall: options.wall(), mono: options.mono(), boot: options.boot() }
      const passed = Math.max(0, next.mono - mono)
      const moved = next.wall - wall
      const jumped = moved - (next.boot - boot)
      ranMs += passed
      ;({ wall, mono, boot } = next)
      if (Math.abs(moved - passed) > jumpMs) steady = { wall, mono }
      if (Math.abs(jumped) > jumpMs) options.onJump(jumped)
      // While nothing is due, nothing has to be remembered.
      if (dueSince.size > 0) save()
    },
    isDue(id, at) {
      const left = waits(id, at)
      if (left === null ? dueSince.delete(id) : !dueSince.has(id) && dueSince.set(id, ranMs)) save()
      return left === 0
    },
    waitsFor: waits,
    forgetAllBut(ids) {
      const gone = [...dueSince.keys()].filter((id) => !ids.has(id))
      for (const id of gone) dueSince.delete(id)
      if (gone.length > 0) save()
    },
  }
}

function read(path: string): z.infer<typeof Saved> {
  try {
    return Saved.parse(JSON.parse(readSmallText(path) ?? ''))
  } catch {
    return { ranMs: 0, dueSince: {} }
  }
}

function write(path: string, value: z.infer<typeof Saved>): void {
  try {
    replaceFile(path, JSON.stringify(value))
  } catch {
    // A full or read-only disk: the next round writes it, and until then nothing goes earlier than it may.
  }
}
