// Who stands in a worktree: the run's own processes, which a removal ends first, and everybody else's (a shell, an editor), which it
// does not. Coppice's own gits look at worktrees all the time and are neither.
import { gitMark, runMark } from '../../process/environment.ts'
import {
  descendants,
  listProcesses,
  type ProcessEntry,
  type ProcessInside,
  processesInside,
  startedSince,
} from '../../process/tree.ts'
import { type Context, runOf } from '../context.ts'
import { sessionRoots } from './end-processes.ts'

export interface Insiders {
  readonly own: readonly ProcessInside[]
  readonly others: readonly ProcessInside[]
  /** Processes of this user that could not be looked into and are no older than the run: they may stand there too. */
  readonly unreadable: readonly ProcessInside[]
}

/** Looks now. Throws where the process table or the keeper's list cannot be read. */
export async function whoIsInside(context: Context, runId: string, worktree: string): Promise<Insiders> {
  const { inside, unreadable: hidden } = await processesInside(worktree)
  // What was there before the run is a keyring, a browser's sandbox or the like, and not the run's.
  const younger = startedSince(hidden, runOf(context, runId).createdAt)
  if (inside.length === 0 && younger.length === 0) return { own: [], others: [], unreadable: [] }
  const all = await listProcesses({ marks: true })
  const tree = { roots: await sessionRoots(context, runId), mark: runMark(context.dataDirectory, runId) }
  const own = new Set((await descendants(tree, all)).map(({ pid }) => pid))
  const gits = gitMark(context.dataDirectory, '')
  const byPid = new Map(all.map((entry) => [entry.pid, entry]))
  // One between its fork and its exec does not carry its mark yet: then its parent is the host, or a git that does.
  const isOurGit = (entry: ProcessEntry): boolean =>
    entry.ppid === process.pid || [entry, byPid.get(entry.ppid)].some((one) => one?.mark?.startsWith(gits))
  // A process that was just ending could not be read either; by now it is gone.
  const unreadable = younger.filter(({ pid, startTime }) => byPid.get(pid)?.startTime === startTime)
  const still = inside.filter(({ pid, startTime }) => {
    const entry = byPid.get(pid)
    // One that has ended since is nobody.
    return entry !== undefined && entry.startTime === startTime && !isOurGit(entry)
  })
  return {
    own: still.filter(({ pid }) => own.has(pid)),
    others: still.filter(({ pid }) => !own.has(pid)),
    unreadable,
  }
}
