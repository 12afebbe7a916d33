// What the grid shows of a session: activity, title, last line. It is collected here so that a flood costs nothing: however much
// changes, the listener is called at most ten times a second, and once a second if only the age of the output changed.
import type { Activity } from '../../model/session.ts'
import { type ActivityMemory, activityAt, type Evidence, foldActivity, nextChange } from './activity.ts'

export interface SessionFacts {
  readonly activity: Activity
  /** '' where the program has none. */
  readonly title: string | null
  /** Milliseconds since 1970; null where nothing was printed while anyone looked. */
  readonly lastOutputAt: number | null
  readonly lastLine: string | null
  /** It rang, and nobody has typed since. */
  readonly bell: boolean
  readonly cols: number
  readonly rows: number
  /** False once its process is gone, or nobody holds it any more. */
  readonly live: boolean
}

/** What is read at the moment the facts are told. */
export type FactSource = () => Omit<SessionFacts, 'activity'>

export interface Facts {
  readonly memory: ActivityMemory
  take(evidence: Evidence): void
  /** Something that `FactSource` reads has changed. */
  changed(): void
  now(): SessionFacts
  /** Tells what has changed now. */
  flush(): void
  close(): void
}

const tellEveryMs = 100
const ageEveryMs = 1_000

export function createFacts(
  memory: ActivityMemory,
  source: FactSource,
  onFacts: (facts: SessionFacts) => void,
  clock: () => number,
): Facts {
  let timer: NodeJS.Timeout | null = null
  let ageTimer: NodeJS.Timeout | null = null
  let told = ''
  let toldAge = 0
  let closed = false

  const now = (): SessionFacts => ({ activity: activityAt(memory, clock()), ...source() })

  function tell(): void {
    if (timer) clearTimeout(timer)
    timer = null
    if (closed) return
    const facts = now()
    const { lastOutputAt, activity, ...rest } = facts
    const { provenAt: _provenAt, ...proven } = activity
    const text = JSON.stringify([rest, proven])
    const at = clock()
    if (text !== told || at - toldAge >= ageEveryMs) {
      told = text
      toldAge = at
      onFacts(facts)
    } else if (lastOutputAt !== null) later(ageEveryMs - (at - toldAge))
    lookAgain(at)
  }

  function later(ms: number): void {
    timer ??= setTimeout(tell, ms)
  }

  /** Activity changes by age alone: what output proved runs out. */
  function lookAgain(at: number): void {
    if (ageTimer) clearTimeout(ageTimer)
    const next = nextChange(memory, at)
    ageTimer = next === null ? null : setTimeout(tell, Math.max(next - at, tellEveryMs))
    ageTimer?.unref()
  }

  return {
    get memory() {
      return memory
    },
    take(evidence) {
      memory = foldActivity(memory, evidence)
      later(tellEveryMs)
    },
    changed: () => later(tellEveryMs),
    now,
    flush: tell,
    close() {
      closed = true
      if (timer) clearTimeout(timer)
      if (ageTimer) clearTimeout(ageTimer)
    },
  }
}
