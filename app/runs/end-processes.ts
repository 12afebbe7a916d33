// Ends every process of a run, wherever it has gone: the sessions that the keeper holds for it, their descendants, and whatever
// carries the run's mark. The keeper and the host themselves are never taken.
import { runMark } from '../process/environment.ts'
import { type ProcessIdentity, stopTree } from '../process/tree.ts'
import type { Context } from './context.ts'

/** Ends them and gives who survived; empty means proven dead. Throws where the process table cannot be read. */
export async function endProcesses(context: Context, runId: string): Promise<readonly ProcessIdentity[]> {
  const keeper = await context.keeper()
  const roots = (await keeper.list())
    .filter(
      (session) => session.sessionId.startsWith(`${runId}.`) && session.exit === null && session.startTime !== null,
    )
    .filter((session) => /^(\d+|(setup|install)-[a-z0-9]+)$/.test(session.sessionId.slice(runId.length + 1)))
    .map((session) => ({ pid: session.pid, startTime: session.startTime ?? 0 }))
  const { survivors } = await stopTree({
    roots,
    mark: runMark(context.dataDirectory, runId),
    spare: [keeper.pid, process.pid],
  })
  return survivors
}
