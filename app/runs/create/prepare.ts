// Turns a queued run into a worktree with an agent in it: inspect → fetch → worktree → copy → set-up → install → start. Each stage
// shows its progress and can be cancelled. A failure or a cancel at any stage undoes what was done and leaves the repository as it
// was, except for fetched objects and remote refs.
import { availableParallelism } from 'node:os'
import pLimit from 'p-limit'
import { exists } from '../../disk/presence.ts'
import { fullRevision } from '../../git/refs/names.ts'
import { refAge, resolveCommit, trackedFiles, uniqueBranch } from '../../git/refs/refs.ts'
import { fetchRef } from '../../git/remote/fetch.ts'
import { undoWorktreeAdd } from '../../git/worktree/undo-add.ts'
import { addWorktree } from '../../git/worktree/worktree.ts'
import type { Asked } from '../../model/approval.ts'
import type { ReportItem } from '../../model/event.ts'
import { CoppiceFailure, type Failure, fail, failureOf, type Stage } from '../../model/failure.ts'
import type { Repository } from '../../model/repository.ts'
import { isAsking, type Run, type StageRecord } from '../../model/run.ts'
import { counted } from '../../model/text/units.ts'
import { isApproved, NeedsApproval, requestEvents } from '../approval/ask.ts'
import { startAttempt } from '../attempt/attempt.ts'
import { stopRun } from '../attempt/stop.ts'
import { type Caller, type Context, placeOf, record, recordAll, repositoryOf, runOf } from '../context.ts'
import { checkFolder } from '../in-place.ts'
import { reservedBranches } from '../names.ts'
import { endProcesses } from '../processes/end-processes.ts'
import { fetchTimeoutMs, inspectPresent, remoteBranchOf } from '../repositories.ts'
import { refuseLowDisk } from '../space.ts'
import { lockReason, newWorktreePath } from '../worktree-root.ts'
import { worktreeSource } from './content-source.ts'
import { detectInstallIn, installsAtOnce, missingManager } from './dependencies.ts'
import { copyIncludedFiles, findIncludedFiles } from './included-files.ts'
import { installAsked } from './install-content.ts'
import { refuseUntrustedFilters, takeNotes } from './notes.ts'
import { readSetup, setupAsked } from './setup-command.ts'
import { runStageCommand } from './stage-command.ts'

const installs = pLimit(installsAtOnce)
const copies = pLimit(availableParallelism())

/** Builds the run's worktree and starts its first attempt. Never throws for an expected failure: it is recorded on the run. */
export async function prepareRun(context: Context, runId: string): Promise<void> {
  if (context.creating.has(runId) || runOf(context, runId).phase !== 'queued') return
  if (isAsking(runOf(context, runId))) return
  const abort = new AbortController()
  const caller = context.host
  record(context, caller, { type: 'run-preparing', runId })
  context.creating.set(runId, abort)
  let started = false
  const stages = stageKeeper(context, caller, runId, abort.signal)
  try {
    // What an earlier undo could not take away (a disk that failed) stands where this one wants to build.
    if (runOf(context, runId).worktree !== null) await recordUndo(context, caller, runId)
    if (runOf(context, runId).inPlace)
      await stages.run('inspect', 'Checking the folder', () => checkFolder(context, runOf(context, runId)))
    else await build(context, caller, runId, stages, abort.signal)
    const run = runOf(context, runId)
    await stages.run('start', 'Starting the agent', async () => {
      const prompt = run.prompt ? 'first' : null
      await startAttempt(context, caller, runId, { prompt, conversation: null, signal: abort.signal })
      started = true
    })
    context.observer.soon(runId)
  } catch (error) {
    // The agent works: that its stage could not be written down is no reason to take its worktree away.
    if (started) context.log(`prepare ${runId}: ${String(error)}`)
    else await giveUp(context, caller, runId, { error, stage: stages.current(), cancelled: abort.signal.aborted })
  } finally {
    context.creating.delete(runId)
    context.live.change(runId, { progress: null })
  }
  // A cancel that came while the agent was being started: it works by now, so it is stopped, and what it may have done is kept.
  if (started && abort.signal.aborted) await stopRun(context, caller, { runId })
}

/** What is left of a create that could not be undone is nobody's worktree: by this the next sweep knows that it has to go. */
function noteHalfUndone(context: Context, caller: Caller, runId: string): void {
  const { worktree, worktreePresence } = runOf(context, runId)
  if (worktree === null || worktreePresence === 'none') return
  try {
    record(context, caller, { type: 'worktree-presence', runId, presence: 'none', worktree })
  } catch (error) {
    context.log(`prepare ${runId}: ${String(error)}`)
  }
}

/** The failure as it happened, or `repository-unavailable` where the repository went away under it: the rest only follows from that. */
async function whyFailed(context: Context, runId: string, error: unknown): Promise<Failure> {
  const { inPlace, repositoryId } = runOf(context, runId)
  if (inPlace) return failureOf(error)
  const repository = repositoryOf(context, repositoryId)
  if (await exists(repository.commonDir).catch(() => true)) return failureOf(error)
  return inspectPresent(context, repository).then(
    () => failureOf(error),
    (gone: unknown) => failureOf(gone),
  )
}

/** Takes back what was made of a run, and records that it failed, was cancelled, or waits for an answer. */
async function giveUp(
  context: Context,
  caller: Caller,
  runId: string,
  why: { readonly error: unknown; readonly stage: Stage | null; readonly cancelled: boolean },
): Promise<void> {
  const { error, stage, cancelled } = why
  const failure = cancelled ? failureOf(error) : await whyFailed(context, runId, error)
  // Where it cannot be undone now, the run keeps its worktree's path, and the next sweep or attempt undoes it.
  const undone = await recordUndo(context, caller, runId).then(
    () => true,
    (problem: unknown) => {
      context.log(`prepare ${runId}: could not be undone yet: ${String(problem)}`)
      noteHalfUndone(context, caller, runId)
      return false
    },
  )
  if (cancelled) record(context, caller, { type: 'run-cancelled', runId })
  else if (error instanceof NeedsApproval)
    return recordAll(context, caller, requestEvents(context, runOf(context, runId), error.asked))
  else {
    const known = { ...failure, stage: failure.stage ?? stage ?? 'inspect', detail: { ...failure.detail, undone } }
    record(context, caller, { type: 'run-failed', runId, failure: known })
  }
  if (!(error instanceof CoppiceFailure) && !cancelled)
    context.log(`prepare ${runId}: ${error instanceof Error ? error.stack : String(error)}`)
}

async function build(
  context: Context,
  caller: Caller,
  runId: string,
  stages: StageKeeper,
  signal: AbortSignal,
): Promise<void> {
  const run = runOf(context, runId)
  const repository = repositoryOf(context, run.repositoryId)
  const git = await context.git(repository)
  const found = await stages.run('inspect', 'Reading the repository', () => inspectPresent(context, repository))

  const base = run.fromBranch
    ? `refs/heads/${run.fromBranch.replace(/^refs\/heads\//, '')}`
    : await fullRevision(git, repository.path, run.baseRef ?? found.defaultBase?.ref ?? 'HEAD')
  const remote = run.fromBranch ? null : remoteBranchOf(base, found.remotes)
  let reached = false
  if (remote) {
    await stages.run('fetch', `Fetching ${remote.branch} from ${remote.remote}`, async (progress) => {
      const result = await fetchRef(git, repository.path, {
        ...remote,
        timeoutMs: fetchTimeoutMs,
        signal,
        onProgress: (text: string) => progress(text),
      })
      signal.throwIfAborted()
      reached = result.fetched
      return result.fetched
        ? `Fetched ${remote.branch} from ${remote.remote}`
        : `Not fetched: ${result.reason ?? 'unknown'}; using the base that is already here`
    })
  }
  await makeWorktree(context, caller, run, repository, base, stages, signal)
  await furnish(context, runId, repository, stages, signal)
  await takeNotes(context, caller, runId, repository, { found, reached })
}

async function makeWorktree(
  context: Context,
  caller: Caller,
  run: Run,
  repository: Repository,
  base: string,
  stages: StageKeeper,
  signal: AbortSignal,
): Promise<void> {
  const git = await context.git(repository)
  const commit = await resolveCommit(git, repository.path, base)
  const age = await refAge(git, repository.path, base)
  record(context, caller, {
    type: 'base-resolved',
    runId: run.id,
    resolvedBase: base,
    baseCommit: commit,
    baseFetchedAt: age.fetchedAt,
  })
  await stages.run('worktree', `Worktree from ${shortRef(base)} at ${commit.slice(0, 7)}`, async () => {
    const path = await newWorktreePath(context, repository, run.id)
    const others = new Set(reservedBranches(context, repository.id))
    const wanted = run.wantedBranch ?? run.id
    others.delete(wanted)
    const branch = run.fromBranch ? wanted : await uniqueBranch(git, repository.path, wanted, others)
    // Free when the run was accepted, and taken while it waited in the queue.
    if (run.branchTyped && branch !== wanted) throw fail('branch-exists', { branch: wanted, suggestion: branch })
    record(context, caller, {
      type: 'intended',
      runId: run.id,
      intent: { kind: 'worktree', path, branch, commit, branchIsOurs: !run.fromBranch },
    })
    await addWorktree(git, placeOf(repository), {
      path,
      branch,
      commit,
      newBranch: !run.fromBranch,
      lockReason: lockReason(context, run.id),
      signal,
    })
    await refuseUntrustedFilters(git, repository, path)
    record(context, caller, { type: 'worktree-made', runId: run.id })
  })
}

async function furnish(
  context: Context,
  runId: string,
  repository: Repository,
  stages: StageKeeper,
  signal: AbortSignal,
): Promise<void> {
  const run = runOf(context, runId)
  const worktree = run.worktree
  if (!worktree) throw new Error(`run ${runId} has no worktree to furnish`)
  const git = await context.git(repository)

  const included = await findIncludedFiles(repository.path, await trackedFiles(git, repository.path))
  if (included.files.length > 0) {
    await stages.run('copy', `Copying ${included.files.length} files`, async () => {
      const copied = await copies(() => copyIncludedFiles(repository.path, worktree, included.files, signal))
      const left =
        included.leftOut.length > 0 ? `, ${included.leftOut.length} left out (links and unreadable files)` : ''
      return `${counted(copied.length, 'file')} copied, from .worktreeinclude${left}`
    })
  }

  // Read once: what is compared with the approved hashes is what runs.
  const setup = run.setup === 'skip' ? null : readSetup(worktree)
  const { trusted } = repositoryOf(context, repository.id)
  const paths =
    run.install && !trusted ? new Set([...(await trackedFiles(git, worktree)), ...included.files]) : new Set<string>()
  const installContent = async () => {
    const install = run.install ? await detectInstallIn(worktree) : null
    return install && { install, asked: trusted ? [] : [await installAsked(worktreeSource(worktree, paths), install)] }
  }
  const before = await installContent()
  needApproval(context, repository.id, [...(setup ? [setupAsked(setup)] : []), ...(before?.asked ?? [])])
  if (setup) {
    await stages.run('setup', setup.command, async () => {
      // Most set-ups install what the project needs.
      await refuseLowDisk(context, 'setup')
      await runStageCommand(context, run, 'setup', setup.command, signal)
    })
  }

  // A set-up may have written other files than those that were agreed to.
  const now = setup ? await installContent() : before
  needApproval(context, repository.id, now?.asked ?? [])
  const install = now?.install
  if (install) {
    await stages.run('install', install.command.join(' '), async (progress) => {
      if (installs.activeCount >= installsAtOnce) progress('Waiting for another install to finish')
      const missing = await missingManager(install, await context.environment())
      if (missing)
        throw fail('install-failed', { command: install.command.join(' '), ...missing }, { stage: 'install' })
      await installs(async () => {
        // Looked at when its turn has come: the install before it may have taken the space.
        await refuseLowDisk(context, 'install')
        await runStageCommand(context, run, 'install', install.command, signal)
      })
    })
  }
  signal.throwIfAborted()
}

/** Ends the create, with a question to a person, where any of the content is not approved for this repository. */
function needApproval(context: Context, repositoryId: string, contents: readonly Pick<Asked, 'request' | 'hash'>[]) {
  const repository = repositoryOf(context, repositoryId)
  const asked = contents.filter((content) => !isApproved(repository, content))
  if (asked.length > 0) throw new NeedsApproval(asked.map((content) => ({ ...content, approved: false })))
}

/** Undoes a create and records that. Throws where it could not be: then nothing is recorded. */
export async function recordUndo(context: Context, caller: Caller, runId: string): Promise<ReportItem[]> {
  // In a folder that the person named nothing was made.
  if (runOf(context, runId).inPlace) return []
  const report = await undoCreate(context, runId)
  record(context, caller, { type: 'create-undone', runId, report })
  return report
}

/** Takes back what a create made, by what is there now: worktree, entry and (unless it has moved on) branch. Safe to repeat. */
async function undoCreate(context: Context, runId: string): Promise<ReportItem[]> {
  const run = runOf(context, runId)
  if (!run.worktree || !run.branch || !run.baseCommit) return []
  // A set-up, an install or an agent that had just started: whoever works in it must be dead before it goes.
  const started = run.attempts.length > 0 || run.stages.some(({ stage }) => stage === 'setup' || stage === 'install')
  const survivors = started ? await endProcesses(context, runId) : []
  if (survivors.length > 0)
    throw fail('in-use', { what: run.worktree, names: survivors.map((process) => String(process.pid)) })
  const repository = repositoryOf(context, run.repositoryId)
  const undone = await undoWorktreeAdd(await context.git(repository), placeOf(repository), {
    path: run.worktree,
    branch: run.branch,
    commit: run.baseCommit,
    newBranch: run.branchIsOurs,
    lockReason: lockReason(context, run.id),
    since: run.stages.find(({ stage }) => stage === 'inspect')?.startedAt ?? run.createdAt,
  })
  const names = {
    directory: run.worktree,
    entry: `git's entry for ${run.worktree}`,
    branch: `branch ${run.branch}`,
    lock: `the lock of ${run.worktree}`,
  }
  return [
    ...undone.removed.map((what) => ({ what: names[what], result: 'removed' as const })),
    ...undone.kept.map(({ what, why }) => ({ what: names[what], result: 'kept' as const, reason: why })),
  ]
}

interface StageKeeper {
  /** Runs one stage. What `work` gives as a string replaces the stage's text; `progress` shows a line while it runs. */
  run<T>(stage: Stage, text: string, work: (progress: (text: string) => void) => Promise<T>): Promise<T>
  current(): Stage | null
}

function stageKeeper(context: Context, caller: Caller, runId: string, signal: AbortSignal): StageKeeper {
  let current: Stage | null = null
  const put = (stageRecord: StageRecord) =>
    record(context, caller, { type: 'stage-changed', runId, record: stageRecord })
  return {
    current: () => current,
    async run(stage, text, work) {
      signal.throwIfAborted()
      current = stage
      const startedAt = context.now()
      put({ stage, status: 'running', startedAt, endedAt: null, text })
      context.live.change(runId, { progress: { stage, text } })
      try {
        const result = await work((line) => context.live.change(runId, { progress: { stage, text: line } }))
        const said = typeof result === 'string' ? result : text
        put({ stage, status: 'done', startedAt, endedAt: context.now(), text: said })
        return result
      } catch (error) {
        put({ stage, status: signal.aborted ? 'cancelled' : 'failed', startedAt, endedAt: context.now(), text })
        throw error
      }
    },
  }
}

const shortRef = (ref: string): string => ref.replace(/^refs\/(heads|remotes|tags)\//, '')
