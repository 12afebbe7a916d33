// Who stands in a worktree: the run's own processes, which a removal ends first, and everybody else's (a shell, an editor), which it
// does not. Coppice's own gits look at worktrees all the time and are neither.
import { gitMark, runMark } from '../process/environment.ts'
import { descendants, listProcesses, type ProcessInside, processesInside } from '../process/tree.ts'
import type { Context } from './context.ts'
import { sessionRoots } from './end-processes.ts'

export interface Insiders {
  readonly own: readonly ProcessInside[]
  readonly others: readonly ProcessInside[]
  /** Processes of this user that could not be looked into: they may stand there too. */
  readonly unreadable: number
}

/** Looks now. Throws where the process table or the keeper's list cannot be read. */
export async function whoIsInside(context: Context, runId: string, worktree: string): Promise<Insiders> {
  const { inside, unreadable } = await processesInside(worktree)
  if (inside.length === 0) return { own: [], others: [], unreadable }
  const all = await listProcesses({ marks: true })
  const tree = { roots: await sessionRoots(context, runId), mark: runMark(context.dataDirectory, runId) }
  const own = new Set((await descendants(tree, all)).map(({ pid }) => pid))
  const gits = gitMark(context.dataDirectory, '')
  // One that has ended since is nobody; a git between its fork and its exec does not carry its mark yet.
  const still = inside.filter(({ pid, startTime }) => {
    const entry = all.find((candidate) => candidate.pid === pid && candidate.startTime === startTime)
    return entry !== undefined && entry.ppid !== process.pid && !entry.mark?.startsWith(gits)
  })
  return {
    own: still.filter(({ pid }) => own.has(pid)),
    others: still.filter(({ pid }) => !own.has(pid)),
    unreadable,
  }
}
