// Taking a run's worktree away, so that it can be brought back whole: inspect → consent → stop → keep refs → rename the tree and
// git's admin directory into the trash → read git's list again → say what was really done. Nothing is deleted here; retention does
// that later (runs/trash). A rename frees nothing, and the report says so.
import { basename, dirname, join } from 'node:path'
import type { RemovalPreview } from '../../contract/commands/cleanup.ts'
import { measure, measureAll } from '../../disk/measure.ts'
import { exists, isDirectory } from '../../disk/presence.ts'
import { withRepositoryLock } from '../../git/lock.ts'
import { deleteBranch, isOnRemotes, readBranchLog } from '../../git/refs/branches.ts'
import { branchState } from '../../git/refs/refs.ts'
import { keepObjects } from '../../git/trash/keep.ts'
import { detachWorktree } from '../../git/trash/move.ts'
import { readAdminDir } from '../../git/worktree/checkout.ts'
import { readEntries, removeEntry } from '../../git/worktree/entries.ts'
import { listWorktrees } from '../../git/worktree/worktree.ts'
import type { ReportItem } from '../../model/event.ts'
import { fail, failureOf } from '../../model/failure.ts'
import type { Repository } from '../../model/repository.ts'
import { isSettled, type Run, type Trash } from '../../model/run.ts'
import { liveSides } from '../../model/side-session.ts'
import { makeRoom } from '../../store/reserve.ts'
import { stopRun } from '../attempt/stop.ts'
import { alone, type Caller, type Context, cutOff, placeOf, record, repositoryOf, runOf } from '../context.ts'
import { endProcesses } from '../processes/end-processes.ts'
import { inspectPresent } from '../repositories.ts'
import { lockReason, worktreeRootOf } from '../worktree-root.ts'
import { finishRemoval } from './finish-removal.ts'
import { keepGone } from './gone-refs.ts'
import { consentTo, type InspectedRun, inspectRun, isEndedFirst } from './preview-removal.ts'
import { dropEmptyEntry, type Manifest, makeTrashEntry, trashEntryPath, writeManifest } from './trash-place.ts'

export interface RemovalRequest {
  readonly runId: string
  /** The `consent` of the preview that the person agreed to. */
  readonly consent?: string | undefined
  /** Goes on although something is unknown; needs the consent to exactly what the preview says. */
  readonly force: boolean
}

export interface Removed {
  readonly report: ReportItem[]
  readonly freedNow: number
  readonly rebuildableBytes: number | null
  readonly rebuildableAt: number | null
  /** Null where nothing of it lies in the trash. */
  readonly purgeAt: number | null
  readonly commitsOnlyHere: number | null
}

/**
 * Removes a run into the trash. Refusals change nothing: `consent-needed` and `consent-stale` (detail: the facts), `state-unknown`,
 * `no-trash`, `not-ours`, `in-use`, `stop-failed`, `wrong-phase`.
 */
export async function removeRun(context: Context, caller: Caller, request: RemovalRequest): Promise<Removed> {
  const before = runOf(context, request.runId)
  if (!isSettled(before.phase) && before.phase !== 'running') {
    throw fail('wrong-phase', { phase: before.phase, wanted: 'running or settled' })
  }
  let inspected = await inspectRun(context, request)
  checkConsent(inspected.preview, request)
  if (before.phase === 'running' || liveSides(before).length > 0) {
    const ended = inspected.preview.facts.filter(isEndedFirst)
    await stopRun(context, caller, { runId: before.id })
    // The agent may have written its last words meanwhile: the counts that were agreed to are looked at again.
    inspected = await inspectRun(context, request)
    const { facts } = inspected.preview
    checkConsent(inspected.preview, request, consentTo(before.id, [...ended, ...facts]))
  }
  cutOff(context, request.runId)
  return alone(context, request.runId, () => takeAway(context, caller, request, inspected))
}

/** What has to be agreed to. */
const asking = (preview: RemovalPreview): string[] =>
  preview.facts.filter((fact) => fact.count === null || (fact.count > 0 && fact.onlyHere)).map((fact) => fact.text)

/** `agreed`: the consent that was asked for, where a stop has changed what it would be asked for now. */
function checkConsent(preview: RemovalPreview, request: RemovalRequest, agreed = preview.consent): void {
  const facts = asking(preview)
  const unknown = preview.facts.filter((fact) => fact.count === null)
  if (unknown.length > 0 && !request.force) {
    throw fail('state-unknown', {
      what: 'removed',
      names: unknown.map((fact) => fact.text),
      message: unknown.map((fact) => fact.why ?? '').join('; '),
    })
  }
  if (preview.safe && !preview.unknown) return
  if (request.consent === undefined) throw fail('consent-needed', { names: facts, consent: preview.consent })
  if (request.consent !== agreed) throw fail('consent-stale', { names: facts, consent: preview.consent })
}

async function takeAway(
  context: Context,
  caller: Caller,
  request: RemovalRequest,
  inspected: InspectedRun,
): Promise<Removed> {
  const { runId } = request
  const run = runOf(context, runId)
  if (!isSettled(run.phase)) throw fail('wrong-phase', { phase: run.phase, wanted: 'settled' })
  const there = !run.inPlace && run.worktree !== null && (await exists(run.worktree))
  if (there && !(await isDirectory(run.worktree!)))
    throw fail('state-unknown', {
      what: 'removed',
      path: run.worktree!,
      message: `${run.worktree} is a link or a file, not the worktree: it was not touched`,
    })
  // Its folder is gone with it: an unmounted disk looks like that, and what lies there is not lost.
  if (run.worktree && !run.inPlace && !there && !request.force && !(await exists(dirname(run.worktree))))
    throw fail('state-unknown', {
      what: 'removed',
      path: run.worktree,
      message: `${dirname(run.worktree)} is not there: the disk with the worktrees may not be mounted`,
    })
  const at = context.now()
  makeRoom(context.dataDirectory)
  const directory = there ? trashEntryPath(run, worktreeRootOf(context), at) : ''
  if (there) await makeTrashEntry(directory, run.worktree!)
  const agreed = asking(inspected.preview)
  const consented = agreed.length > 0 ? { agreed, forced: inspected.preview.unknown } : {}
  const intent = { kind: 'remove', directory, from: run.phase, ...consented } as const
  try {
    record(context, caller, { type: 'intended', runId, intent })
  } catch (error) {
    if (there) await dropEmptyEntry(directory)
    throw error
  }
  try {
    const { trash, report } = there
      ? await moveToTrash(context, run, directory, at, inspected)
      : await letGo(context, run, at)
    record(context, caller, { type: 'remove-ended', runId, trash, report, failure: null })
    context.live.drop(runId)
    context.pump()
    return removed(report, trash)
  } catch (error) {
    // What lies where decides: a tree that has reached the trash is removed, whatever failed after that.
    const cutOff = { caller, failure: failureOf(error) }
    const finished = await finishRemoval(context, run, { directory }, cutOff)
    const { trash } = runOf(context, runId)
    if (!finished.removed || !trash) throw error
    context.log(`remove ${runId}: finished after ${String(error)}`)
    context.live.drop(runId)
    context.pump()
    return removed(finished.report, trash)
  }
}

/** A move frees nothing; what lies in no directory needs no day to be freed. */
function removed(report: ReportItem[], trash: Trash): Removed {
  const { rebuildableBytes, rebuildableAt, commitsOnlyHere } = trash
  const empty = trash.directory === '' && commitsOnlyHere === 0
  return {
    report,
    freedNow: 0,
    rebuildableBytes,
    rebuildableAt,
    purgeAt: empty ? null : trash.purgeAt,
    commitsOnlyHere,
  }
}

async function moveToTrash(
  context: Context,
  run: Run,
  directory: string,
  at: number,
  inspected: InspectedRun,
): Promise<{ trash: Trash; report: ReportItem[] }> {
  const worktree = run.worktree!
  const repository = repositoryOf(context, run.repositoryId)
  await inspectPresent(context, repository)
  const git = await context.git(repository)
  // What a settled agent left running would write into the trash and keep its files open.
  const survivors = await endProcesses(context, run.id)
  if (survivors.length > 0)
    throw fail('in-use', { what: worktree, names: survivors.map((process) => String(process.pid)) })

  const { identity } = inspected
  if (identity === null)
    throw fail('state-unknown', {
      what: 'removed',
      path: worktree,
      message: `${worktree} came up only after the look at it`,
    })
  const admin = readAdminDir(worktree)
  const keepId = basename(directory)
  const lenient = inspected.preview.unknown
  const kept = await keepObjects(git, placeOf(repository), { worktree, keepId, branch: run.branch, lenient })
  // Unknown stays unknown: such an entry is never freed unasked.
  const nestedCommits = kept.complete ? inspected.nestedCommits : null
  const commitsOnlyHere = nestedCommits === null ? null : kept.commitsOnlyInKeep + nestedCommits
  const manifest: Manifest = {
    version: 1,
    runId: run.id,
    title: run.title,
    repositoryPath: repository.path,
    commonDir: repository.commonDir,
    worktree,
    adminId: admin.id,
    branch: run.branch,
    branchCommit: kept.branchCommit,
    head: kept.head,
    branchWasDeleted: false,
    branchLog: null,
    keepId,
    removedAt: at,
    tree: identity,
    commitsOnlyHere,
    nestedCommits,
    rebuildable: [...inspected.rebuildable],
  }
  writeManifest(directory, manifest)
  await withRepositoryLock(repository.commonDir, async () =>
    detachWorktree({ worktree, adminDir: admin.adminDir, trashDir: directory, expected: identity }),
  )
  const left = (await listWorktrees(git, repository.path)).find((entry) => entry.path === worktree)
  if (left) throw fail('git-failed', { message: `git still lists ${worktree} after the removal` })

  // All that lies there, git's directory of the worktree too: what comes back is what is counted.
  const size = await measure(directory)
  const rebuildableBytes = await measureAll(inspected.rebuildable.map((name) => join(directory, 'tree', name)))
  const report: ReportItem[] = [{ what: worktree, result: 'removed', reason: 'complete, in the trash' }]
  report.push(await retireBranch(context, run, repository, directory, manifest))
  const { keepRebuildableHours, keepTrashDays } = context.journal.state.settings
  const trash: Trash = {
    directory,
    removedAt: at,
    sizeBytes: size.sizeBytes,
    rebuildableBytes,
    rebuildableAt: rebuildableBytes === 0 ? null : at + keepRebuildableHours * 3_600_000,
    rebuildableDropped: [],
    purgeAt: at + keepTrashDays * 86_400_000,
    commitsOnlyHere,
  }
  report.push({
    what: `${size.sizeBytes ?? 'unknown'} bytes`,
    result: 'deferred',
    reason: 'moving it frees no space; see when it is deleted',
  })
  return { trash, report }
}

/** A branch of ours that holds nothing of its own goes (Undo makes it again); one with commits that no remote has stays. */
async function retireBranch(
  context: Context,
  run: Run,
  repository: Repository,
  directory: string,
  manifest: Manifest,
): Promise<ReportItem> {
  const branch = run.branch ?? ''
  if (!run.branchIsOurs || manifest.branchCommit === null)
    return { what: `branch ${branch}`, result: 'kept', reason: 'it was there before the run' }
  const git = await context.git(repository)
  const state = await branchState(git, repository.path, branch)
  if (state?.commit !== manifest.branchCommit || state.checkedOutAt)
    return { what: `branch ${branch}`, result: 'kept', reason: 'it changed or is checked out' }
  if (manifest.branchCommit !== run.baseCommit && !(await isOnRemotes(git, repository.path, manifest.branchCommit))) {
    return { what: `branch ${branch}`, result: 'kept', reason: 'it has commits that no remote has' }
  }
  let branchLog: string | null
  try {
    branchLog = readBranchLog(placeOf(repository), branch)?.toString('latin1') ?? null
  } catch (error) {
    return {
      what: `branch ${branch}`,
      result: 'kept',
      reason: `its reflog could not be kept: ${failureOf(error).code}`,
    }
  }
  writeManifest(directory, { ...manifest, branchWasDeleted: true, branchLog })
  const deleted = await deleteBranch(git, placeOf(repository), branch, manifest.branchCommit)
  return deleted
    ? { what: `branch ${branch}`, result: 'removed' }
    : { what: `branch ${branch}`, result: 'kept', reason: 'it moved meanwhile' }
}

/** A run without a directory: its entry in git goes if it is ours, its branch stays, its row leaves the grid. */
async function letGo(context: Context, run: Run, at: number): Promise<{ trash: Trash; report: ReportItem[] }> {
  const report: ReportItem[] = []
  let commitsOnlyHere: number | null = 0
  if (run.inPlace) {
    const survivors = await endProcesses(context, run.id)
    if (survivors.length > 0)
      throw fail('in-use', { what: run.worktree ?? run.id, names: survivors.map(({ pid }) => String(pid)) })
    report.push({
      what: run.worktree ?? '',
      result: 'kept',
      reason: 'the run worked in place; its folder was not touched',
    })
  } else if (run.worktree) {
    const repository = repositoryOf(context, run.repositoryId)
    const entry = readEntries(repository.commonDir).find((candidate) => candidate.path === run.worktree)
    if (entry) {
      if (entry.locked !== lockReason(context, run.id)) {
        throw fail('not-ours', { path: run.worktree, message: 'git lists it without our lock' })
      }
      // Its HEAD and reflog may hold commits that nothing else names: kept by refs before the entry goes.
      commitsOnlyHere = await keepGone(context, await context.git(repository), placeOf(repository), run, entry)
      await withRepositoryLock(repository.commonDir, async () =>
        removeEntry(repository.commonDir, entry.id, entry.path ?? ''),
      )
      report.push({ what: `git's entry for ${run.worktree}`, result: 'removed', reason: 'its directory was gone' })
    }
    if (run.branch) report.push({ what: `branch ${run.branch}`, result: 'kept' })
  }
  const trash: Trash = {
    directory: '',
    removedAt: at,
    sizeBytes: 0,
    rebuildableBytes: 0,
    rebuildableAt: null,
    rebuildableDropped: [],
    purgeAt: at + context.journal.state.settings.keepTrashDays * 86_400_000,
    commitsOnlyHere,
  }
  return { trash, report }
}
