// A queued run becomes a worktree with an agent in it: inspect → fetch → worktree → copy → set-up → install → start. Each stage
// is shown with its progress and can be cancelled; a failure or a cancel at any of them undoes what was done and leaves the
// repository as it was, fetched objects and remote refs aside.
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import pLimit from 'p-limit'
import { fetchRef, refAge, resolveCommit, trackedFiles, uniqueBranch } from '../git/refs.ts'
import { undoWorktreeAdd } from '../git/undo-add.ts'
import { addWorktree } from '../git/worktree.ts'
import type { ReportItem } from '../model/event.ts'
import { CoppiceFailure, fail, failureOf, type Stage } from '../model/failure.ts'
import type { Repository } from '../model/repository.ts'
import type { Run, StageRecord } from '../model/run.ts'
import { startAttempt } from './attempt.ts'
import { type Caller, type Context, placeOf, record, repositoryOf, runOf } from './context.ts'
import { detectInstallIn, installsAtOnce } from './dependencies.ts'
import { endProcesses } from './end-processes.ts'
import { copyIncludedFiles, findIncludedFiles } from './included-files.ts'
import { measureSoon } from './observe.ts'
import { fetchTimeoutMs, inspectPresent, remoteBranchOf, reservedBranches } from './repositories.ts'
import { parseSetup, setupFileName } from './setup-command.ts'
import { refuseLowDisk } from './space.ts'
import { runStageCommand } from './stage-command.ts'
import { lockReason, newWorktreePath } from './worktree-root.ts'

const installs = pLimit(installsAtOnce)
const copies = pLimit(availableParallelism())

/** Builds the run's worktree and starts its first attempt. Never throws for an expected failure: it is recorded on the run. */
export async function prepareRun(context: Context, runId: string): Promise<void> {
  if (context.creating.has(runId) || runOf(context, runId).phase !== 'queued') return
  const abort = new AbortController()
  const caller = context.host
  record(context, caller, { type: 'run-preparing', runId })
  context.creating.set(runId, abort)
  let started = false
  const stages = stageKeeper(context, caller, runId, abort.signal)
  try {
    // What an earlier undo could not take away (a disk that failed) stands where this one wants to build.
    if (runOf(context, runId).worktree !== null) await recordUndo(context, caller, runId)
    await build(context, caller, runId, stages, abort.signal)
    const run = runOf(context, runId)
    await stages.run('start', 'Starting the agent', async () => {
      await startAttempt(context, caller, runId, { prompt: run.prompt ? 'first' : null, conversation: null })
      started = true
    })
    measureSoon(context, runId)
  } catch (error) {
    if (started) {
      // The agent works: that its stage could not be written down is no reason to take its worktree away.
      context.log(`prepare ${runId}: ${String(error)}`)
      return
    }
    const cancelled = abort.signal.aborted
    const failure = failureOf(error)
    // Where it cannot be undone now, the run keeps its worktree's path, and the next sweep or attempt undoes it.
    await recordUndo(context, caller, runId).catch((problem: unknown) =>
      context.log(`prepare ${runId}: could not be undone yet: ${String(problem)}`),
    )
    if (cancelled) record(context, caller, { type: 'run-cancelled', runId })
    else
      record(context, caller, {
        type: 'run-failed',
        runId,
        failure: { ...failure, stage: failure.stage ?? stages.current() ?? 'inspect' },
      })
    if (!(error instanceof CoppiceFailure) && !cancelled)
      context.log(`prepare ${runId}: ${error instanceof Error ? error.stack : String(error)}`)
  } finally {
    context.creating.delete(runId)
    context.live.change(runId, { progress: null })
  }
}

/** Cancels a run that is queued or being prepared. The undo is recorded when it is done. `wrong-phase` once it runs. */
export async function cancelRun(
  context: Context,
  caller: Caller,
  input: { runId: string },
): Promise<Record<string, never>> {
  const run = runOf(context, input.runId)
  const creating = context.creating.get(run.id)
  if (creating) {
    creating.abort(fail('cancelled'))
    return {}
  }
  if (run.phase !== 'queued') throw fail('wrong-phase', { phase: run.phase, wanted: 'queued or preparing' })
  record(context, caller, { type: 'run-cancelled', runId: run.id })
  context.live.drop(run.id)
  context.pump()
  return {}
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
    : (run.baseRef ?? found.defaultBase?.ref ?? 'HEAD')
  const remote = run.fromBranch ? null : remoteBranchOf(base, found.remotes)
  if (remote) {
    await stages.run('fetch', `Fetching ${remote.branch} from ${remote.remote}`, async (progress) => {
      const result = await fetchRef(git, repository.path, {
        ...remote,
        timeoutMs: fetchTimeoutMs,
        signal,
        onProgress: (text: string) => progress(text),
      })
      signal.throwIfAborted()
      return result.fetched
        ? `Fetched ${remote.branch} from ${remote.remote}`
        : `Not fetched: ${result.reason ?? 'unknown'}; the base is what is here`
    })
  }
  await makeWorktree(context, caller, run, repository, base, stages, signal)
  await furnish(context, caller, runId, repository, stages, signal)
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
    // A name that was typed was checked when the run was accepted; one from the template takes the next free number.
    const branch = run.fromBranch ? wanted : await uniqueBranch(git, repository.path, wanted, others)
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
    record(context, caller, { type: 'worktree-made', runId: run.id })
  })
}

async function furnish(
  context: Context,
  caller: Caller,
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
      const left = included.leftOut.length > 0 ? `, ${included.leftOut.length} links left out` : ''
      return `${copied.length} ${copied.length === 1 ? 'file' : 'files'} copied by .worktreeinclude${left}`
    })
  }

  const setup = parseSetup(await readFile(join(worktree, setupFileName), 'utf8').catch(() => null))
  if (setup && run.setup !== 'skip') {
    const approved = repositoryOf(context, repository.id).approvedSetups.includes(setup.hash)
    if (!approved && run.setup !== 'run') {
      throw fail(
        'needs-approval',
        { command: setup.command, file: setup.source, hash: setup.hash, repository: repository.id },
        { stage: 'setup' },
      )
    }
    if (!approved)
      record(context, caller, {
        type: 'setup-approved',
        repositoryId: repository.id,
        hash: setup.hash,
        command: setup.command,
      })
    await stages.run('setup', setup.command, async () => {
      // Most set-ups install what the project needs.
      await refuseLowDisk(context, 'setup')
      await runStageCommand(context, run, 'setup', setup.command, signal)
    })
  }

  const install = run.install ? await detectInstallIn(worktree) : null
  if (install) {
    await stages.run('install', install.command.join(' '), async (progress) => {
      if (installs.activeCount >= installsAtOnce) progress('Waiting for another install to end')
      await installs(async () => {
        // Looked at when its turn has come: the install before it may have taken the space.
        await refuseLowDisk(context, 'install')
        await runStageCommand(context, run, 'install', install.command, signal)
      })
    })
  }
  signal.throwIfAborted()
}

/** Undoes a create and records that. Throws where it could not be: then nothing is recorded. */
export async function recordUndo(context: Context, caller: Caller, runId: string): Promise<ReportItem[]> {
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
