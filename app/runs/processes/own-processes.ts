// Which processes are a run's, remembered from look to look: a program that leaves its parents, its session and its environment
// all at once can afterwards be told by nothing, but it was seen in the run's tree before. What was seen is a pid with its start
// time, so that nobody else's process is ever taken for it.
import type { KeeperSession } from '../../keeper/client.ts'
import { runMark } from '../../process/environment.ts'
import { descendants, type ProcessEntry, type ProcessIdentity } from '../../process/tree.ts'
import type { Context } from '../context.ts'

/** What was seen of each run's processes and may live still. One memory per host. */
export interface SeenProcesses {
  of(runId: string): readonly ProcessIdentity[]
  /** Replaces what was known of the run; none forgets it. */
  note(runId: string, found: readonly ProcessIdentity[]): void
}

/** An empty memory. */
export function createSeenProcesses(): SeenProcesses {
  const table = new Map<string, readonly ProcessIdentity[]>()
  return {
    of: (runId) => table.get(runId) ?? [],
    note(runId, found) {
      if (found.length === 0) table.delete(runId)
      else
        table.set(
          runId,
          found.map(({ pid, startTime }) => ({ pid, startTime })),
        )
    },
  }
}

/** Whether a session is the run's: of an attempt, its set-up, its install or a side session. An id may hold dots: "a.b.1" is not a session of "a". */
export const isSessionOf = (runId: string, sessionId: string): boolean =>
  sessionId.startsWith(`${runId}.`) && /^(\d+|(setup|install|side)-[a-z0-9]+)$/.test(sessionId.slice(runId.length + 1))

/** The sessions of a run that live, of those that the keeper holds: the roots of its tree. */
export function rootsOf(held: readonly KeeperSession[], runId: string): ProcessIdentity[] {
  return held
    .filter((session) => session.exit === null && isSessionOf(runId, session.sessionId))
    .flatMap(({ pid, startTime }) => (startTime === null ? [] : [{ pid, startTime }]))
}

/** The run's living processes in a list of all; they are remembered, and those that are gone are forgotten. */
export async function lookAt(
  context: Context,
  runId: string,
  roots: readonly ProcessIdentity[],
  all: readonly ProcessEntry[],
): Promise<readonly ProcessIdentity[]> {
  const mark = runMark(context.dataDirectory, runId)
  const found = await descendants({ roots, mark, sample: context.seenProcesses.of(runId) }, all)
  context.seenProcesses.note(runId, found)
  return found
}
