// Continues a run that has ended: starts its next attempt in the same worktree or, if it never had one, repeats its create with the
// same input.
import { adapterOf } from '../../agents/adapters.ts'
import { fail, failureOf } from '../../model/failure.ts'
import { isSettled, type Run, startsAnew } from '../../model/run.ts'
import { alone, type Caller, type Context, record, runOf } from '../context.ts'
import { checkFolder } from '../in-place.ts'
import { clearLocksOf } from '../processes/dead-locks.ts'
import { endLeftOvers } from '../processes/end-processes.ts'
import { promptHead, readFirstPrompt, writePrompt } from '../prompt-file.ts'
import { startAttempt } from './attempt.ts'
import { remakeWorktree } from './remake-worktree.ts'

/**
 * Starts attempt n+1 of a settled run, making its worktree again where it is gone. `wrong-phase` where the run is not settled,
 * `trash-missing` is never guessed: a removed run is restored first.
 */
export async function resumeRun(
  context: Context,
  caller: Caller,
  input: { runId: string; prompt?: string | undefined },
): Promise<Record<string, never>> {
  if (input.prompt !== undefined) promptHead(input.prompt)
  return alone(context, input.runId, async () => {
    const run = runOf(context, input.runId)
    if (!isSettled(run.phase)) throw fail('wrong-phase', { phase: run.phase, wanted: 'stopped or finished' })
    if (run.inPlace) await checkFolder(context, run)
    if (startsAnew(run)) {
      if (!input.prompt) return requeue(context, caller, run)
      return requeueWith(context, caller, run, input.prompt)
    }
    // What outlived a lost session would work beside the next attempt, in the same worktree.
    if (run.phase === 'interrupted') {
      const survivors = await endLeftOvers(context, run.id)
      if (survivors.length > 0)
        throw fail(
          'stop-failed',
          { count: survivors.length, pids: survivors.map(({ pid }) => String(pid)) },
          { retryable: true },
        )
    }
    await remakeWorktree(context, caller, run)
    await clearLocksOf(context, run, true)
    const conversation = await conversationOf(context, run)
    const prompt = input.prompt ? { text: input.prompt } : conversation !== null || !run.prompt ? null : 'first'
    try {
      await startAttempt(context, caller, run.id, { prompt, conversation })
    } catch (error) {
      // What was refused before an attempt began (an agent that is gone, say) leaves the run as it had ended.
      if (!isSettled(runOf(context, run.id).phase))
        record(context, caller, { type: 'run-failed', runId: run.id, failure: failureOf(error) })
      throw error
    }
    return {}
  })
}

/** The agent's conversation that a resume goes on with: as it was told, or (a terminal tells none) as the agent's own files say. */
async function conversationOf(context: Context, run: Run): Promise<string | null> {
  const adapter = adapterOf(run.agent)
  if (!adapter.findSession || !run.worktree) return run.agentSession
  const environment = await context.environment()
  return adapter.findSession({ worktree: run.worktree, environment, known: run.agentSession })
}

/** Puts a run whose create failed, was cancelled or undone back into the queue, as it was asked for. */
function requeue(context: Context, caller: Caller, run: Run, change: Partial<Run> = {}): Record<string, never> {
  record(context, caller, {
    type: 'run-queued',
    run: {
      ...run,
      ...change,
      phase: 'queued',
      failure: null,
      settledAt: null,
      stages: [],
      waitsFor: [],
      during: null,
      intent: null,
      createdAt: run.createdAt,
    },
  })
  context.pump()
  return {}
}

/** The same with a follow-up: an agent that has not started was told nothing yet, so it is told both at its start. */
async function requeueWith(context: Context, caller: Caller, run: Run, more: string): Promise<Record<string, never>> {
  // Where the first one is lost, which a start has said, the follow-up is all there is.
  const before = await readFirstPrompt(context.dataDirectory, run).catch(() => null)
  const both = before === null ? more : `${before}\n\n${more}`
  const prompt = promptHead(both)
  await writePrompt(context.dataDirectory, run.id, 1, both)
  try {
    return requeue(context, caller, run, { prompt })
  } catch (error) {
    if (before !== null) await writePrompt(context.dataDirectory, run.id, 1, before)
    throw error
  }
}
