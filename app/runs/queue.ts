// How many agents run at once: a limit for the machine and one per repository. The others are queued in the order they came, and
// each shows its place and the reason. A person can start one out of turn.

import { fail } from '../model/failure.ts'
import { isAsking } from '../model/run.ts'
import type { Context } from './context.ts'
import { runOf } from './context.ts'
import { prepareRun } from './create/prepare.ts'
import { whatMayStart } from './slots.ts'
import { refuseLowDisk, spaceLeft } from './space.ts'

/** Milliseconds until a run is tried again whose journal could not be written. */
const retryMs = 3_000

/** The function behind `context.pump`: starts what may start; calls while it works are folded into one more round. */
export function createPump(context: () => Context): () => void {
  const starting = new Set<string>()
  let scheduled = false
  const round = async () => {
    scheduled = false
    const now = context()
    const { runs, settings } = now.journal.state
    const all = Object.values(runs)
    if (!all.some((run) => run.phase === 'queued')) return
    const { low: lowDisk } = await spaceLeft(now)
    const { start, waiting } = whatMayStart(Object.values(now.journal.state.runs), { ...settings, lowDisk }, starting)
    for (const { runId, position, reason } of waiting)
      now.live.change(runId, { queuePosition: position, queueReason: reason })
    for (const runId of start) {
      starting.add(runId)
      now.live.change(runId, { queuePosition: null, queueReason: null })
      void prepareRun(now, runId)
        .catch(async (error: unknown) => {
          now.log(`prepare ${runId}: ${String(error)}`)
          // Not even its failure could be recorded (a full disk): tried again, but not as fast as it fails.
          await new Promise((resolve) => setTimeout(resolve, retryMs))
        })
        .finally(() => {
          starting.delete(runId)
          now.pump()
        })
    }
  }
  return () => {
    if (scheduled) return
    scheduled = true
    queueMicrotask(() => void round().catch((error: unknown) => context().log(`queue: ${String(error)}`)))
  }
}

/** Starts a queued run above the caps. `wrong-phase` where it is not queued any more, `low-disk` where too little space is left. */
export async function startNow(context: Context, input: { runId: string }): Promise<Record<string, never>> {
  const run = runOf(context, input.runId)
  if (run.phase !== 'queued') throw fail('wrong-phase', { phase: run.phase, wanted: 'queued' })
  if (isAsking(run)) throw fail('needs-approval', { id: run.id, approval: run.waitsFor?.[0]?.approvalId ?? '' })
  await refuseLowDisk(context)
  context.live.change(run.id, { queuePosition: null, queueReason: null })
  void prepareRun(context, run.id)
    .catch((error: unknown) => context.log(`prepare ${run.id}: ${String(error)}`))
    .finally(() => context.pump())
  return {}
}
