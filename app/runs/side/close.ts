// Closes a side session: it ends with everything it started, and its tab disappears. If it has already ended, only its tab
// disappears.
import { fail } from '../../model/failure.ts'
import { sideOf } from '../../model/side-session.ts'
import { stopTree } from '../../process/tree.ts'
import { alone, type Caller, type Context, record, runOf } from '../context.ts'
import { endSide, exitOf, hangUp } from './watch.ts'

/** `not-found` where the run has none of that number; `stop-failed` names survivors, and it stays open. */
export async function closeSide(
  context: Context,
  caller: Caller,
  input: { runId: string; number: number },
): Promise<Record<string, never>> {
  const { runId, number } = input
  return alone(context, runId, async () => {
    const side = sideOf(runOf(context, runId), number)
    if (!side) throw fail('not-found', { what: 'side session', id: String(number) })
    if (side.endedAt === null) {
      const keeper = await context.keeper()
      const held = (await keeper.list()).find(({ sessionId }) => sessionId === side.sessionId)
      if (held && held.exit === null && held.startTime !== null) {
        await hangUp(keeper, [side.sessionId])
        const roots = [{ pid: held.pid, startTime: held.startTime }]
        const { survivors } = await stopTree({ roots, mark: '', spare: [keeper.pid, process.pid] })
        if (survivors.length > 0) {
          const pids = survivors.map(({ pid }) => String(pid))
          throw fail('stop-failed', { count: pids.length, pids }, { retryable: true })
        }
      }
      await endSide(context, caller, runId, number, await exitOf(context, side.sessionId))
    }
    if (!sideOf(runOf(context, runId), number)?.closed)
      record(context, caller, { type: 'side-session-closed', runId, number })
    return {}
  })
}
