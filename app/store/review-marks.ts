// Which changes of each run a person has marked as reviewed, and which were there when they last looked: one small file in the run's
// folder, gone when the run is deleted permanently. Changes are known by hashes of their content. What cannot be read is put aside and
// counts as not reviewed, which is the safe side.
import { mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { readSmallFile, writeWhole } from '../disk/files.ts'

const Key = z.string().regex(/^[0-9a-f]{24}$/)
const File = z.object({
  format: z.literal(1),
  reviewed: z.array(Key),
  seen: z.array(Key),
  /** Milliseconds since 1970; null: never looked. */
  seenAt: z.number().nullable(),
})

export interface RunMarks {
  readonly reviewed: ReadonlySet<string>
  readonly seen: ReadonlySet<string>
  readonly seenAt: number | null
}

export interface ReviewMarks {
  of(runId: string): RunMarks
  /** Adds or takes away marks; durable before this returns. */
  mark(runId: string, keys: Iterable<string>, reviewed: boolean): void
  /** What is there now has been seen; what was seen before and is gone is forgotten. */
  see(runId: string, keys: Iterable<string>, at: number): void
}

/** Marks of one run: more than anybody reads. The oldest go first. */
const mostMarks = 200_000
/** A key takes 27 bytes in the file, and there are two lists. */
const mostBytes = 16 * 1024 * 1024
/** Runs whose marks stay in memory. */
const mostRuns = 32

/** The marks of all runs below `runs`, the folder of their folders. `log` is told of a file that could not be read. */
export function openReviewMarks(runs: string, log: (text: string) => void): ReviewMarks {
  const known = new Map<string, RunMarks>()
  const pathOf = (runId: string) => join(runs, runId, 'review.json')

  function of(runId: string): RunMarks {
    const found = known.get(runId) ?? read(pathOf(runId))
    known.delete(runId)
    known.set(runId, found)
    for (const oldest of known.keys()) {
      if (known.size <= mostRuns) break
      known.delete(oldest)
    }
    return found
  }

  function read(path: string): RunMarks {
    try {
      const bytes = readSmallFile(path, mostBytes)
      if (bytes === null) return { reviewed: new Set(), seen: new Set(), seenAt: null }
      const { reviewed, seen, seenAt } = File.parse(JSON.parse(bytes.toString('utf8')))
      return { reviewed: new Set(reviewed), seen: new Set(seen), seenAt }
    } catch (error) {
      log(`review marks not read, put aside as ${path}.damaged: ${String(error).slice(0, 300)}`)
      try {
        renameSync(path, `${path}.damaged`)
      } catch (failed) {
        log(`${path} could not be put aside: ${String(failed)}`)
      }
      return { reviewed: new Set(), seen: new Set(), seenAt: null }
    }
  }

  function write(runId: string, marks: RunMarks): void {
    const path = pathOf(runId)
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const { reviewed, seen, seenAt } = marks
    writeWhole(path, `${JSON.stringify({ format: 1, reviewed: [...reviewed], seen: [...seen], seenAt })}\n`, {
      mode: 0o600,
    })
    known.set(runId, marks)
  }

  return {
    of,
    mark(runId, keys, reviewed) {
      const before = of(runId)
      const next = new Set(before.reviewed)
      for (const key of keys) {
        if (reviewed) next.add(key)
        else next.delete(key)
      }
      write(runId, { ...before, reviewed: new Set([...next].slice(-mostMarks)) })
    },
    see(runId, keys, at) {
      write(runId, { ...of(runId), seen: new Set([...keys].slice(0, mostMarks)), seenAt: at })
    },
  }
}
