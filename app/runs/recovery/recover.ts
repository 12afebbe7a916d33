// What a host does when it starts. It finishes or undoes every unfinished intent, depending on what git, the disk, the keeper and
// the process table say now. It attaches again to runs whose session the keeper still holds, and marks the others as interrupted.
// It repairs what is ours, lists what is not, and changes nothing if a scan failed. A second run changes nothing more.

import { existsSync } from 'node:fs'
import { pushedTip } from '../../git/refs/branches.ts'
import type { Keeper, KeeperSession } from '../../keeper/client.ts'
import { failureOf } from '../../model/failure.ts'
import { isLive, isSettled, type Run } from '../../model/run.ts'
import { liveSides } from '../../model/side-session.ts'
import { runMark } from '../../process/environment.ts'
import { descendants, isAlive } from '../../process/tree.ts'
import { keepReserve } from '../../store/reserve.ts'
import { watch } from '../attempt/attempt.ts'
import { endAttempt } from '../attempt/end-attempt.ts'
import { stopRun } from '../attempt/stop.ts'
import { alone, type Context, record, repositoryOf, runOf } from '../context.ts'
import { recordUndo } from '../create/prepare.ts'
import { clearCutOffLocks, quietGits } from '../processes/dead-gits.ts'
import { isSessionOf } from '../processes/own-processes.ts'
import { commitMade } from '../publish/commit.ts'
import { recoverSides } from '../side/watch.ts'
import { finishRemoval } from '../trash/finish-removal.ts'
import { bringBack } from '../trash/restore.ts'
import { freeEntry } from '../trash/trash.ts'
import { heal } from './heal.ts'
import { as, type Line, noteRecovery } from './recovery-report.ts'

/** Recovers a host, and sweeps up after it while it lives. One per host. */
export interface Recovery {
  /** Puts right what a crash left and says what was done, one line each. */
  recover(): Promise<readonly Line[]>
  /** Looks again every so often for what was left over. */
  start(): void
  close(): void
}

/** The recovery of a context's runs; it does nothing before it is asked. The sweep never works beside a recovery. */
export function createRecovery(context: Context): Recovery {
  let recovering = false
  let settling = false
  const timers: NodeJS.Timeout[] = []
  const failed = (error: unknown) => context.log(`sweep: ${String(error)}`)

  function compare(): void {
    if (!recovering) void heal(context).then((report) => noteRecovery(context, report), failed)
  }

  function settle(): void {
    keepReserve(context.dataDirectory)
    // Space that somebody else made free is announced by nobody.
    if (Object.values(context.journal.state.runs).some((run) => run.phase === 'queued')) context.pump()
    if (settling || recovering) return
    if (!Object.values(context.journal.state.runs).some((run) => isLeftOver(context, run))) return
    settling = true
    void settleLeftOvers(context)
      .catch(failed)
      .finally(() => {
        settling = false
      })
  }

  return {
    async recover() {
      recovering = true
      try {
        return await recoverAll(context)
      } finally {
        recovering = false
      }
    },
    start() {
      keepReserve(context.dataDirectory)
      timers.push(setInterval(compare, sweepMs).unref(), setInterval(settle, leftOverMs).unref())
    },
    close() {
      for (const timer of timers.splice(0)) clearInterval(timer)
    },
  }
}

async function recoverAll(context: Context): Promise<readonly Line[]> {
  const report: Line[] = []
  const step = async (what: string, work: () => Promise<readonly Line[]>) => {
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
    // One that was resumed meanwhile is not in the list that was asked for before; the sweep looks at what is left over.
    else if (
      keeper &&
      !context.sessions.has(run.id) &&
      !context.busy.has(run.id) &&
      (isLive(run.phase) || run.intent?.kind === 'start')
    )
      await step(run.id, () => recoverSession(context, run, held))
    if (keeper && liveSides(run).length > 0 && !context.busy.has(run.id))
      await step(run.id, () => recoverBeside(context, run, held))
    if (runOf(context, run.id).intent) await step(run.id, () => recoverIntent(context, runOf(context, run.id)))
    if (isHalfUndone(runOf(context, run.id))) await step(run.id, () => undo(context, run.id))
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

/**
 * How often is looked for what this host itself could not finish: a journal that could not be written, a disk that was full, a
 * keeper that did not answer.
 */
const leftOverMs = 5_000

const isLeftOver = (context: Context, run: Run): boolean =>
  !context.creating.has(run.id) &&
  !context.busy.has(run.id) &&
  (isTrashWork(run) ||
    isUnwatched(context, run) ||
    isUnwatchedBeside(context, run) ||
    // Of a repository that is away no create can be undone, and its being away is no news every few seconds.
    ((run.phase === 'preparing' || isHalfUndone(run)) &&
      (run.inPlace || existsSync(repositoryOf(context, run.repositoryId).commonDir))))

/** A run with a live attempt whose session nobody follows: it could not be reached when it was looked for. */
const isUnwatched = (context: Context, run: Run): boolean =>
  isLive(run.phase) && run.phase !== 'preparing' && !context.sessions.has(run.id)

/** The same of what is open beside its agent. */
const isUnwatchedBeside = (context: Context, run: Run): boolean =>
  liveSides(run).some(({ sessionId }) => !context.sides.has(sessionId))

/** A create that failed and could not be undone then. */
const isHalfUndone = (run: Run): boolean =>
  !run.inPlace && isSettled(run.phase) && run.worktreePresence === 'none' && run.worktree !== null

const isTrashWork = (run: Run): boolean => ['remove', 'restore', 'purge'].includes(run.intent?.kind ?? '')

async function settleLeftOvers(context: Context): Promise<void> {
  const report: Line[] = []
  let held: readonly KeeperSession[] | null = null
  for (const { id } of Object.values(context.journal.state.runs).filter((run) => isLeftOver(context, run))) {
    try {
      const unwatched = isUnwatched(context, runOf(context, id))
      const beside = isUnwatchedBeside(context, runOf(context, id))
      if (unwatched || beside) held ??= await (await context.keeper()).list()
      await alone(context, id, async () => {
        if (context.creating.has(id)) return
        if (!unwatched) report.push(...(await clearCutOffLocks(context, runOf(context, id))))
        if (runOf(context, id).phase === 'preparing') report.push(...(await recoverCreate(context, runOf(context, id))))
        if (isTrashWork(runOf(context, id))) report.push(...(await recoverIntent(context, runOf(context, id))))
        if (isHalfUndone(runOf(context, id))) report.push(...(await undo(context, id)))
        if (held && beside) report.push(...(await recoverBeside(context, runOf(context, id), held)))
        if (held && isUnwatched(context, runOf(context, id)))
          report.push(...(await recoverSession(context, runOf(context, id), held)))
      })
      if (unwatched && runOf(context, id).intent?.kind === 'stop')
        report.push(...(await recoverIntent(context, runOf(context, id))))
    } catch (error) {
      context.log(`sweep ${id}: ${String(error)}`)
    }
  }
  if (report.length > 0) noteRecovery(context, report, 'part')
}

/** Takes back what a create had made, and says each thing for what it is. */
async function undo(context: Context, runId: string): Promise<Line[]> {
  const report = await recordUndo(context, context.host, runId)
  return report.flatMap((item) => {
    if (item.what.startsWith('branch ')) return as('branch', [item])
    if (item.what.startsWith("git's entry ")) return as('entry', [item])
    return as(item.what.startsWith('the lock ') ? 'lock' : 'tree', [item])
  })
}

async function recoverCreate(context: Context, run: Run): Promise<Line[]> {
  const report = await undo(context, run.id)
  record(context, context.host, { type: 'run-interrupted', runId: run.id, during: 'preparing' })
  return [
    {
      what: `run ${run.id}`,
      result: 'repaired',
      kind: 'undone',
      reason: 'its creation was interrupted and was undone; Resume starts it again',
    },
    ...report,
  ]
}

async function recoverSession(context: Context, run: Run, held: readonly KeeperSession[]): Promise<Line[]> {
  const attempt = run.attempts.at(-1)
  const session = held.find((candidate) => candidate.sessionId === attempt?.sessionId)
  if (!attempt) {
    record(context, context.host, { type: 'run-interrupted', runId: run.id, during: run.phase })
    const reason = 'interrupted before its agent started'
    return [{ what: `run ${run.id}`, result: 'repaired', kind: 'interrupted', reason }]
  }
  if (!session) {
    const stopRequested = run.phase === 'stopping'
    await endAttempt(context, context.host, run, { phase: 'interrupted', exit: null, stopRequested, session: null })
    const gone: Line = {
      what: `run ${run.id}`,
      result: 'repaired',
      kind: 'interrupted',
      reason: 'interrupted: its session is gone; its screen is kept and Resume continues it',
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
    const reason = 'its agent ended while no host was running'
    return [{ what: `run ${run.id}`, result: 'repaired', kind: 'ended', reason }]
  }
  const reason = 'attached again; its agent kept running'
  return [{ what: `run ${run.id}`, result: 'restored', kind: 'attached', reason }]
}

async function recoverBeside(context: Context, run: Run, held: readonly KeeperSession[]): Promise<Line[]> {
  const { attached, ended } = await recoverSides(context, run.id, held)
  const sessions = (count: number) => (count === 1 ? '1 session' : `${count} sessions`)
  const line = (count: number, result: Line['result'], reason: string): Line[] =>
    count === 0 ? [] : [{ what: `${sessions(count)} beside run ${run.id}`, result, reason }]
  return [
    ...line(attached, 'restored', 'attached again; what runs there kept running'),
    ...line(ended, 'repaired', 'ended while no host was running; its output is kept'),
  ]
}

async function recoverIntent(context: Context, run: Run): Promise<Line[]> {
  const intent = run.intent
  if (!intent) return []
  switch (intent.kind) {
    case 'remove':
      return as('removal', (await finishRemoval(context, run, intent)).report)
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
      return as('restored', report.slice(0, 1)).concat(report.slice(1))
    }
    case 'purge': {
      const { freedBytes, report } = await freeEntry(context, run)
      record(context, context.host, { type: 'purge-ended', runId: run.id, freedBytes, report, failure: null })
      return as('purge', report)
    }
    case 'push':
      return recoverPush(context, run, intent)
    case 'commit': {
      const sha = await commitMade(context, run.id, intent.head)
      record(context, context.host, { type: 'commit-ended', runId: run.id, sha, failure: null })
      return [
        {
          what: `commit of ${run.id}`,
          result: sha ? 'repaired' : 'listed',
          kind: 'commit',
          reason: sha ? 'it had been made' : 'it was not made; commit again',
        },
      ]
    }
    case 'stop':
      await stopRun(context, context.host, { runId: run.id })
      return as('stopped', [
        { what: `run ${run.id}`, result: 'repaired', reason: 'a stop was in progress and was finished' },
      ])
    default:
      return []
  }
}

/** A push that was cut off: what our copy of the remote says decides; pushing again is safe, so nothing is pushed unasked. */
async function recoverPush(
  context: Context,
  run: Run,
  intent: { remote: string; ref: string; sha: string },
): Promise<Line[]> {
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
      kind: 'push',
      reason: arrived ? 'it had arrived' : 'it may not have arrived; push again',
    },
  ]
}

/**
 * Sessions that have no live attempt: the keeper lets go of ended ones of stages, and what one printed stays to be read until its run
 * is purged. One that is alive is only shown.
 */
async function forgetStrays(context: Context, keeper: Keeper): Promise<Line[]> {
  const report: Line[] = []
  const runs = Object.values(context.journal.state.runs)
  // Listed again: a stop or an undo may have ended some since.
  for (const { sessionId, exit, pid, startTime } of await keeper.list()) {
    // One that is open beside an agent is watched, or will be: its end is recorded from what the keeper still has.
    if (runs.some((run) => liveSides(run).some((side) => side.sessionId === sessionId))) continue
    const owner = runs.find((run) => run.attempts.some((attempt) => attempt.sessionId === sessionId))
    const stageOf = runs.find((run) => isSessionOf(run.id, sessionId))
    if (exit) {
      // What a run that is not known at all has printed may be all that is left of it (a damaged journal): it stays on the disk too.
      if (!owner) await keeper.forget(sessionId, { keepSpool: stageOf?.phase !== 'purged' })
      continue
    }
    const attempt = owner?.attempts.find((one) => one.sessionId === sessionId)
    if (attempt ? attempt.endedAt === null : stageOf !== undefined && context.creating.has(stageOf.id)) continue
    if (startTime !== null && !isAlive({ pid, startTime })) continue
    report.push({
      what: `session ${sessionId} (process ${pid})`,
      result: 'listed',
      reason: owner
        ? `the keeper holds it although run ${owner.id} is ${owner.phase}; it was not touched, and Resume or Remove ends it first`
        : 'the keeper holds it and no run of ours names it; it was not touched',
    })
  }
  return report
}
