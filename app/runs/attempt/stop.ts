// Stop ends the agent and everything it started: TERM, wait, KILL, to every process that descends from it, shares its session or
// carries the run's mark, side sessions too. The row closes only on proven death; what survived is named.
import { fail } from '../../model/failure.ts'
import { isSettled, type Run } from '../../model/run.ts'
import { liveSides } from '../../model/side-session.ts'
import { runMark } from '../../process/environment.ts'
import { descendants } from '../../process/tree.ts'
import { expiryEvents } from '../approval/ask.ts'
import { alone, type Caller, type Context, cutOff, record, recordAll, runOf } from '../context.ts'
import { endProcesses } from '../processes/end-processes.ts'
import { endSides, exitOf, hangUp } from '../side/watch.ts'
import { endAttempt } from './end-attempt.ts'

/** Stops a run. One that is queued or being prepared is cancelled. `stop-failed` names survivors, and the run stays "stopping". */
export async function stopRun(
  context: Context,
  caller: Caller,
  input: { runId: string },
): Promise<Record<string, never>> {
  const { phase } = runOf(context, input.runId)
  if (phase === 'queued' || context.creating.has(input.runId)) return cancelRun(context, caller, input)
  cutOff(context, input.runId)
  return alone(context, input.runId, async () => {
    const run = runOf(context, input.runId)
    if (isSettled(run.phase)) {
      // What is open beside an agent that has ended, and what has outlived it, is all that is left to stop.
      if (liveSides(run).length > 0 || (await hasSurvivors(context, run.id))) {
        await endAll(context, caller, run)
        context.observer.soon(run.id)
      }
      return {}
    }
    if (run.phase !== 'running' && run.phase !== 'stopping') throw fail('not-running', { phase: run.phase })
    record(context, caller, { type: 'run-stopping', runId: run.id })
    const attempt = run.attempts.at(-1)
    await endAll(context, caller, run)
    const exit = await exitOf(context, attempt?.sessionId ?? '')
    const session = context.sessions.get(run.id) ?? null
    await endAttempt(context, caller, run, { phase: 'stopped', exit, stopRequested: true, session })
    context.observer.soon(run.id)
    context.pump()
    return {}
  })
}

/** Cancels a run that is queued or being prepared. The undo is recorded when it is done. `wrong-phase` once it runs. */
export async function cancelRun(
  context: Context,
  caller: Caller,
  input: { runId: string },
): Promise<Record<string, never>> {
  const run = runOf(context, input.runId)
  const creating = context.creating.get(run.id)
  if (creating) {
    creating.abort(fail('cancelled'))
    return {}
  }
  if (run.phase !== 'queued') throw fail('wrong-phase', { phase: run.phase, wanted: 'queued or preparing' })
  recordAll(context, caller, [{ type: 'run-cancelled', runId: run.id }, ...expiryEvents(run, 'its run was cancelled')])
  context.live.drop(run.id)
  context.pump()
  return {}
}

/** Whether anything of a run lives without a session. No keeper is started for the question. */
async function hasSurvivors(context: Context, runId: string): Promise<boolean> {
  const mark = runMark(context.dataDirectory, runId)
  return (await descendants({ roots: [], mark, sample: context.seenProcesses.of(runId) })).length > 0
}

/** Ends every process of the run, what is open beside its agent too. Throws `stop-failed` where one survived. */
async function endAll(context: Context, caller: Caller, run: Run): Promise<void> {
  const beside = liveSides(run).map(({ sessionId }) => sessionId)
  if (beside.length > 0) await hangUp(await context.keeper(), beside)
  const survivors = await endProcesses(context, run.id)
  if (survivors.length > 0) {
    throw fail(
      'stop-failed',
      { count: survivors.length, pids: survivors.map((process) => String(process.pid)) },
      { retryable: true },
    )
  }
  await endSides(context, caller, run.id)
}
