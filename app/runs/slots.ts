// Decides from facts which queued runs may start: a limit for the machine and one per repository, first come first served.
import { isAsking, isLive, type Run } from '../model/run.ts'

/** Which queued runs may start now, in order, and what the others wait for. Pure: a decision from facts. */
export function whatMayStart(
  runs: readonly Run[],
  limits: { readonly maxRunning: number; readonly maxRunningPerRepository: number; readonly lowDisk: boolean },
  starting: ReadonlySet<string> = new Set(),
): { start: string[]; waiting: { runId: string; position: number; reason: string }[] } {
  const perRepository = new Map<string, number>()
  let all = 0
  const take = (run: Run) => {
    all++
    if (run.repositoryId !== null) perRepository.set(run.repositoryId, (perRepository.get(run.repositoryId) ?? 0) + 1)
  }
  for (const run of runs) if (isLive(run.phase) || starting.has(run.id)) take(run)
  const queued = runs
    .filter((run) => run.phase === 'queued' && !isAsking(run) && !starting.has(run.id))
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
  const start: string[] = []
  const waiting: { runId: string; position: number; reason: string }[] = []
  for (const run of queued) {
    const here = run.repositoryId === null ? 0 : (perRepository.get(run.repositoryId) ?? 0)
    const reason = limits.lowDisk
      ? 'the disk is nearly full'
      : all >= limits.maxRunning
        ? `${all} of ${limits.maxRunning} agents run on this machine`
        : here >= limits.maxRunningPerRepository
          ? `${here} of ${limits.maxRunningPerRepository} agents run in this repository`
          : null
    if (reason === null) {
      start.push(run.id)
      take(run)
    } else {
      waiting.push({ runId: run.id, position: waiting.length + 1, reason })
    }
  }
  return { start, waiting }
}
