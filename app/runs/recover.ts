// What a host does when it starts: every unfinished intent is finished or undone by what git, the disk, the keeper and the process
// table say now. Runs whose session the keeper still holds are attached again, the others are interrupted. What is ours is healed,
// what is not is listed, and a scan that failed changes nothing. Run twice, it changes nothing more.
import { existsSync } from 'node:fs'
import { adapterOf } from '../agents/adapters.ts'
import { pushedTip } from '../git/branches.ts'
import type { Keeper, KeeperSession } from '../keeper/client.ts'
import type { ReportItem } from '../model/event.ts'
import { failureOf } from '../model/failure.ts'
import { isLive, isSettled, type Run } from '../model/run.ts'
import { runMark } from '../process/environment.ts'
import { descendants } from '../process/tree.ts'
import { keepReserve } from '../store/reserve.ts'
import { watch } from './attempt.ts'
import { alone, type Context, record, repositoryOf, runOf } from './context.ts'
import { clearCutOffLocks, quietGits } from './dead-gits.ts'
import { finishRemoval } from './finish-removal.ts'
import { heal } from './heal.ts'
import { recordUndo } from './prepare.ts'
import { bringBack } from './restore.ts'
import { stopRun } from './stop.ts'
import { freeEntry } from './trash.ts'

/** Puts right what a crash left and says what was done, one line each. */
export async function recover(context: Context): Promise<readonly ReportItem[]> {
  const report: ReportItem[] = []
  const step = async (what: string, work: () => Promise<readonly ReportItem[]>) => {
    try {
      report.push(...(await work()))
    } catch (error) {
      // A check that failed means unknown: nothing is changed, and the next start or sweep looks again.
      const failure = failureOf(error)
      report.push({ what, result: 'refused', reason: String(failure.detail?.message ?? failure.code) })
      context.log(`recover ${what}: ${error instanceof Error ? error.stack : String(error)}`)
    }
  }
  let keeper: Keeper | null = null
  let held: KeeperSession[] = []
  await step('the keeper', async () => {
    keeper = await context.keeper()
    held = await keeper.list()
    return []
  })
  await step('git', () => quietGits(context))
  for (const run of Object.values(context.journal.state.runs)) {
    // A keeper that was lost is recovered while this host works: what it is at itself is no left-over.
    if (context.creating.has(run.id) || (isTrashWork(run) && context.busy.has(run.id))) continue
    if (run.phase === 'preparing' || run.intent) await step(run.id, () => clearCutOffLocks(context, run))
    if (run.phase === 'preparing') await step(run.id, () => recoverCreate(context, run))
    else if (keeper && (isLive(run.phase) || run.intent?.kind === 'start'))
      await step(run.id, () => recoverSession(context, run, held))
    if (runOf(context, run.id).intent) await step(run.id, () => recoverIntent(context, runOf(context, run.id)))
    if (isHalfUndone(runOf(context, run.id))) await step(run.id, () => recordUndo(context, context.host, run.id))
  }
  // Listed again: what the steps above have ended is no stray that lives.
  if (keeper) await step('sessions', () => forgetStrays(context, keeper as unknown as Keeper))
  report.push(...(await heal(context)))
  noteRecovery(context, report)
  context.pump()
  return report
}

/** How often the lists are compared again while a host lives. */
const sweepMs = 5 * 60_000

/** Starts the periodic sweep; gives the function that ends it. */
export function sweep(context: Context): () => void {
  const timer = setInterval(() => {
    void heal(context).then(
      (report) => noteRecovery(context, report),
      (error: unknown) => context.log(`sweep: ${String(error)}`),
    )
  }, sweepMs)
  timer.unref()
  let settling = false
  keepReserve(context.dataDirectory)
  const often = setInterval(() => {
    keepReserve(context.dataDirectory)
    // Space that somebody else made free is announced by nobody.
    if (Object.values(context.journal.state.runs).some((run) => run.phase === 'queued')) context.pump()
    if (settling || !Object.values(context.journal.state.runs).some((run) => isLeftOver(context, run))) return
    settling = true
    void settleLeftOvers(context)
      .catch((error: unknown) => context.log(`sweep: ${String(error)}`))
      .finally(() => {
        settling = false
      })
  }, leftOverMs)
  often.unref()
  return () => {
    clearInterval(timer)
    clearInterval(often)
  }
}

/** How often is looked for what this host itself could not finish (a journal that could not be written, a disk that was full). */
const leftOverMs = 5_000

const isLeftOver = (context: Context, run: Run): boolean =>
  !context.creating.has(run.id) &&
  !context.busy.has(run.id) &&
  (isTrashWork(run) ||
    // Of a repository that is away no create can be undone, and its being away is no news every few seconds.
    ((run.phase === 'preparing' || isHalfUndone(run)) && existsSync(repositoryOf(context, run.repositoryId).commonDir)))

/** A create that failed and could not be undone then. */
const isHalfUndone = (run: Run): boolean =>
  isSettled(run.phase) && run.worktreePresence === 'none' && run.worktree !== null

const isTrashWork = (run: Run): boolean => ['remove', 'restore', 'purge'].includes(run.intent?.kind ?? '')

async function settleLeftOvers(context: Context): Promise<void> {
  const report: ReportItem[] = []
  for (const { id } of Object.values(context.journal.state.runs).filter((run) => isLeftOver(context, run))) {
    try {
      await alone(context, id, async () => {
        if (context.creating.has(id)) return
        await clearCutOffLocks(context, runOf(context, id))
        if (runOf(context, id).phase === 'preparing') report.push(...(await recoverCreate(context, runOf(context, id))))
        if (isTrashWork(runOf(context, id))) report.push(...(await recoverIntent(context, runOf(context, id))))
        if (isHalfUndone(runOf(context, id))) report.push(...(await recordUndo(context, context.host, id)))
      })
    } catch (error) {
      context.log(`sweep ${id}: ${String(error)}`)
    }
  }
  if (report.length > 0) noteRecovery(context, report)
}

/** Records a report that says something new: what was only listed before, and is again, is no news. */
function noteRecovery(context: Context, report: readonly ReportItem[]): void {
  const key = (item: ReportItem) => JSON.stringify([item.result, item.what, item.reason])
  const known = new Set(context.journal.state.recovery?.report.map(key))
  const isNews = (item: ReportItem) => !(item.result === 'listed' || item.result === 'refused') || !known.has(key(item))
  if (report.some(isNews))
    record(context, context.host, { type: 'recovered', report: [...report], text: summary(report) })
}

async function recoverCreate(context: Context, run: Run): Promise<ReportItem[]> {
  const report = await recordUndo(context, context.host, run.id)
  record(context, context.host, { type: 'run-interrupted', runId: run.id, during: 'preparing' })
  return [
    {
      what: `run ${run.id}`,
      result: 'repaired',
      reason: 'its creation was interrupted and is undone; Resume starts it again',
    },
    ...report,
  ]
}

async function recoverSession(context: Context, run: Run, held: readonly KeeperSession[]): Promise<ReportItem[]> {
  const attempt = run.attempts.at(-1)
  const session = held.find((candidate) => candidate.sessionId === attempt?.sessionId)
  if (!attempt) {
    record(context, context.host, { type: 'run-interrupted', runId: run.id, during: run.phase })
    return [{ what: `run ${run.id}`, result: 'repaired', reason: 'interrupted before its agent started' }]
  }
  if (!session) {
    const outcome = adapterOf(run.agent).judge({
      exit: null,
      stopRequested: run.phase === 'stopping',
      lastEvents: null,
      stderrTail: '',
    })
    record(context, context.host, {
      type: 'attempt-ended',
      runId: run.id,
      number: attempt.number,
      phase: 'interrupted',
      exit: null,
      outcome,
    })
    const gone: ReportItem = {
      what: `run ${run.id}`,
      result: 'repaired',
      reason: 'interrupted: its session is gone; its screen is kept and Resume goes on',
    }
    // Never guessed at, never killed on doubt: shown, and ended by the verb that a person chooses.
    const left = await descendants({ roots: [], mark: runMark(context.dataDirectory, run.id) })
    if (left.length === 0) return [gone]
    const names = left.map((process) => `${process.name} ${process.pid}`).join(', ')
    const reason = `${left.length} processes outlived its session (${names}); Resume or Remove ends them first`
    return [gone, { what: `run ${run.id}`, result: 'listed', reason }]
  }
  if (run.phase === 'starting')
    record(context, context.host, { type: 'attempt-started', runId: run.id, number: attempt.number, pid: session.pid })
  await watch(context, run.id, session.sessionId, session.kind, session)
  // Its end, where that came meanwhile, is recorded when its output has been read to the end, as ever.
  if (session.exit) {
    return [{ what: `run ${run.id}`, result: 'repaired', reason: 'its agent ended while no host was there' }]
  }
  return [{ what: `run ${run.id}`, result: 'restored', reason: 'attached again; its agent went on' }]
}

async function recoverIntent(context: Context, run: Run): Promise<ReportItem[]> {
  const intent = run.intent
  if (!intent) return []
  switch (intent.kind) {
    case 'remove':
      return (await finishRemoval(context, run, intent)).report
    case 'restore': {
      const { report, branch } = await bringBack(context, run.id, intent.path, intent.branch)
      record(context, context.host, {
        type: 'restore-ended',
        runId: run.id,
        worktree: intent.path,
        branch,
        report,
        failure: null,
      })
      return report
    }
    case 'purge': {
      const { freedBytes, report } = await freeEntry(context, run)
      record(context, context.host, { type: 'purge-ended', runId: run.id, freedBytes, report, failure: null })
      return report
    }
    case 'push':
      return recoverPush(context, run, intent)
    case 'stop':
      await stopRun(context, context.host, { runId: run.id })
      return [{ what: `run ${run.id}`, result: 'repaired', reason: 'a stop was under way and is finished' }]
    default:
      return []
  }
}

/** A push that was cut off: what our copy of the remote says decides; pushing again is safe, so nothing is pushed unasked. */
async function recoverPush(
  context: Context,
  run: Run,
  intent: { remote: string; ref: string; sha: string },
): Promise<ReportItem[]> {
  const git = await context.git(repositoryOf(context, run.repositoryId))
  const tip = await pushedTip(git, repositoryOf(context, run.repositoryId).path, intent.remote, intent.ref)
  const arrived = tip === intent.sha
  record(context, context.host, {
    type: 'push-ended',
    runId: run.id,
    delivery: arrived
      ? {
          ...run.delivery,
          state: run.delivery.state === 'local' ? 'pushed' : run.delivery.state,
          remote: intent.remote,
          ref: intent.ref,
          sha: intent.sha,
          pushedAt: context.now(),
        }
      : null,
    failure: arrived
      ? null
      : { code: 'push-timeout', retryable: true, detail: { message: 'the host ended during the push; push again' } },
  })
  return [
    {
      what: `push of ${run.id}`,
      result: arrived ? 'repaired' : 'listed',
      reason: arrived ? 'it had arrived' : 'it may not have arrived; push again',
    },
  ]
}

/**
 * Sessions that have no live attempt: the keeper lets go of ended ones of stages, and what one printed stays to be read until its run
 * is purged. One that is alive is only shown.
 */
async function forgetStrays(context: Context, keeper: Keeper): Promise<ReportItem[]> {
  const report: ReportItem[] = []
  const runs = Object.values(context.journal.state.runs)
  // Listed again: a stop or an undo may have ended some since.
  for (const session of await keeper.list()) {
    const owner = runs.find((run) => run.attempts.some((attempt) => attempt.sessionId === session.sessionId))
    const stageOf = runs.find((run) => session.sessionId.startsWith(`${run.id}.`))
    if (session.exit) {
      // What a run that is not known at all has printed may be all that is left of it (a damaged journal): it stays on the disk too.
      if (!owner) await keeper.forget(session.sessionId, { keepSpool: stageOf?.phase !== 'purged' })
      continue
    }
    if (owner ? isLive(owner.phase) : stageOf !== undefined && context.creating.has(stageOf.id)) continue
    report.push({
      what: `session ${session.sessionId} (process ${session.pid})`,
      result: 'listed',
      reason: owner
        ? `the keeper holds it although run ${owner.id} is ${owner.phase}; it was left alone, and Resume or Remove ends it first`
        : 'the keeper holds it and no run of ours names it; it was left alone',
    })
  }
  return report
}

function summary(report: readonly ReportItem[]): string {
  const count = (result: ReportItem['result']) => report.filter((item) => item.result === result).length
  const parts = [
    [count('restored'), 'attached or brought back'],
    [count('repaired'), 'put right'],
    [count('removed'), 'half-made things removed'],
    [count('listed'), 'listed and left alone'],
    [count('refused'), 'not decided'],
  ] as const
  const said = parts.filter(([n]) => n > 0).map(([n, words]) => `${n} ${words}`)
  return `Recovered: ${said.join(', ')}${count('removed') === 0 ? '; nothing was deleted' : ''}.`
}
