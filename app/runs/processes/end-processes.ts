// Ends every process of a run, wherever it has gone: the sessions that the keeper holds for it, their descendants, what was seen
// in its tree before, and whatever carries the run's mark. The keeper and the host themselves are never taken.
import { isSideSessionId } from '../../model/side-session.ts'
import { runMark } from '../../process/environment.ts'
import { descendants, type ProcessIdentity, stopTree } from '../../process/tree.ts'
import type { Context } from '../context.ts'
import { rootsOf } from './own-processes.ts'

/** The processes that the keeper's sessions of a run were started as, also those of its set-up and install. */
export async function sessionRoots(context: Context, runId: string): Promise<ProcessIdentity[]> {
  return rootsOf(await (await context.keeper()).list(), runId)
}

/**
 * The same without the run's side sessions: what outlived a lost attempt must go before the next one, a shell that a person has opened
 * since need not.
 */
export async function endLeftOvers(context: Context, runId: string): Promise<readonly ProcessIdentity[]> {
  const keeper = await context.keeper()
  const held = await keeper.list()
  const roots = rootsOf(
    held.filter(({ sessionId }) => isSideSessionId(runId, sessionId)),
    runId,
  )
  const beside = roots.length === 0 ? [] : await descendants({ roots, mark: '' })
  const spared = new Set(beside.map(({ pid }) => pid))
  const { survivors } = await stopTree({
    roots: rootsOf(held, runId).filter(({ pid }) => !spared.has(pid)),
    mark: runMark(context.dataDirectory, runId),
    sample: context.seenProcesses.of(runId).filter(({ pid }) => !spared.has(pid)),
    spare: [keeper.pid, process.pid, ...spared],
  })
  return survivors
}

/** Ends them and gives who survived; empty means proven dead. Throws where the process table cannot be read. */
export async function endProcesses(context: Context, runId: string): Promise<readonly ProcessIdentity[]> {
  const keeper = await context.keeper()
  const { survivors } = await stopTree({
    roots: await sessionRoots(context, runId),
    mark: runMark(context.dataDirectory, runId),
    sample: context.seenProcesses.of(runId),
    spare: [keeper.pid, process.pid],
  })
  return survivors
}
