// The trash gives space back honestly: everything is kept for an hour (a setting), then what can be rebuilt goes, then after the
// retention the rest. A low disk brings the first step forward. What holds commits that exist nowhere else never goes unasked.
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import pLimit from 'p-limit'
import type { TrashEntry } from '../../contract/commands/cleanup.ts'
import { deleteTree, directoryIdentity, mountsBelow } from '../../disk/delete-tree.ts'
import { measure } from '../../disk/measure.ts'
import { exists } from '../../disk/presence.ts'
import { commitsOnlyInKeep, dropKeepRefs } from '../../git/trash/keep.ts'
import { moveDirectory } from '../../git/trash/move.ts'
import type { ReportItem } from '../../model/event.ts'
import { fail, failureOf } from '../../model/failure.ts'
import type { Run, Trash } from '../../model/run.ts'
import { counted } from '../../model/text/units.ts'
import { forgetSessions } from '../attempt/attempt.ts'
import { alone, type Caller, type Context, placeOf, record, repositoryOf, runOf } from '../context.ts'
import { inspectPresent } from '../repositories.ts'
import { freeBytes } from '../space.ts'
import { announceMs } from './deadlines.ts'
import { dropGone, goneKeepIds } from './gone-refs.ts'
import { goingOf, isDiskThere, isHalfDeleted, readManifest } from './trash-place.ts'

const sweepMs = 60_000

/** How many entries are counted at once: each takes two or three git processes. */
const countAtOnce = pLimit(4)

/** Everything in the trash, newest first, and what it takes together (null: some size is unknown). */
export async function listTrash(context: Context): Promise<{ entries: TrashEntry[]; sizeBytes: number | null }> {
  const { runs, repositories } = context.journal.state
  const removed = Object.values(runs).flatMap((run) =>
    run.phase === 'removed' && run.trash && !run.inPlace ? [[run, run.trash] as const] : [],
  )
  const entries = await Promise.all(
    removed.map(async ([run, trash]) => ({
      runId: run.id,
      title: run.title,
      repository: repositories[run.repositoryId ?? '']?.path ?? null,
      branch: run.branch,
      removedAt: trash.removedAt,
      sizeBytes: await sizeLeft(trash),
      rebuildableAt: trash.rebuildableAt,
      purgeAt: trash.purgeAt,
      waitsMs: context.deadlines.waitsFor(run.id, trash.purgeAt),
      commitsOnlyHere: await countAtOnce(() => countOnlyHere(context, run, { deep: false })),
    })),
  )
  entries.sort((a, b) => b.removedAt - a.removedAt)
  const unknown = entries.some((entry) => entry.sizeBytes === null)
  return { entries, sizeBytes: unknown ? null : entries.reduce((sum, entry) => sum + (entry.sizeBytes ?? 0), 0) }
}

/** What an entry takes: what it took when it was removed, or what a deletion has left of it, in bytes. */
async function sizeLeft(trash: Trash): Promise<number | null> {
  return (await isHalfDeleted(trash.directory)) ? (await measure(goingOf(trash.directory))).sizeBytes : trash.sizeBytes
}

/** Keeps the retention of everything in the trash. One per host. */
export interface Retention {
  /** A round now, and one every minute. */
  start(): void
  /** One round, by the clock of the context. */
  sweep(): Promise<void>
  close(): void
}

/** The retention of a context's trash; it does nothing before it is started or asked. */
export function createRetention(context: Context): Retention {
  const rests = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  const round = () => void sweepTrash(context, rests).catch((error: unknown) => context.log(`trash: ${String(error)}`))
  return {
    start() {
      timer = setInterval(round, sweepMs).unref()
      round()
    },
    sweep: () => sweepTrash(context, rests),
    close: () => clearInterval(timer),
  }
}

/** A purge that failed is tried again by itself only after so long: each try is two records of the journal. */
const restMs = 3_600_000

/**
 * One round of retention. What may go by its age is decided by the context's deadlines, never by the wall clock alone. `rests`: the
 * runs whose purge failed, each with the time before which it is not tried again.
 */
async function sweepTrash(context: Context, rests: Map<string, number>): Promise<void> {
  const { deadlines } = context
  deadlines.tick()
  announceDue(context)
  for (const run of Object.values(context.journal.state.runs)) {
    if (run.phase !== 'removed' || !run.trash || run.intent) continue
    const now = context.now()
    const due = deadlines.isDue(run.id, run.trash.purgeAt) && now >= (rests.get(run.id) ?? 0)
    if (due && (await countOnlyHere(context, run, { deep: true })) === 0) {
      await purge(context, context.host, run.id).catch((error: unknown) => {
        rests.set(run.id, now + restMs)
        context.log(`purge ${run.id}: ${String(error)}`)
      })
    } else if (
      run.trash.rebuildableAt !== null &&
      (deadlines.isDue(`${run.id} rebuildable`, run.trash.rebuildableAt) || (await isLow(context, run.trash)))
    ) {
      await trim(context, run.id).catch((error: unknown) => context.log(`trim ${run.id}: ${String(error)}`))
    }
  }
}

/** Says once, in every client, what came due while nobody watched, and for how long it can still be kept. */
function announceDue(context: Context): void {
  const { deadlines, journal } = context
  const trashed = Object.values(journal.state.runs).filter((run) => run.phase === 'removed' && run.trash)
  deadlines.forgetAllBut(new Set(trashed.flatMap((run) => [run.id, `${run.id} rebuildable`])))
  // What holds commits of its own never goes unasked, so there is nothing to announce.
  const waiting = trashed.filter(
    ({ id, trash }) => trash!.commitsOnlyHere === 0 && deadlines.waitsFor(id, trash!.purgeAt) === announceMs,
  )
  if (waiting.length === 0) return
  const entries = waiting.length === 1 ? '1 removed run is' : `${waiting.length} removed runs are`
  context.notify({
    level: 'warning',
    text: `${entries} due to be deleted from the trash. Nothing is deleted until Coppice has been running for an hour.`,
    next: 'Open the trash to keep or restore them',
  })
}

/**
 * Starts an entry's retention again, from now. Throws `not-found`, or `wrong-phase` where the run is not in the trash.
 */
export async function keepRun(
  context: Context,
  caller: Caller,
  { runId }: { readonly runId: string },
): Promise<{ purgeAt: number }> {
  return alone(context, runId, async () => {
    const run = runOf(context, runId)
    if (run.phase !== 'removed' || !run.trash) throw fail('wrong-phase', { phase: run.phase, wanted: 'removed' })
    const { keepTrashDays } = context.journal.state.settings
    const purgeAt = Math.max(run.trash.purgeAt, context.now() + keepTrashDays * 86_400_000)
    record(context, caller, { type: 'trash-kept', runId, purgeAt })
    return { purgeAt }
  })
}

/** By the file system that the entry lies on: a full one elsewhere gains nothing from it. */
async function isLow(context: Context, { directory }: Trash): Promise<boolean> {
  const free = await freeBytes(directory)
  return free !== null && free < context.journal.state.settings.lowDiskBytes
}

/** What a person agrees to when an entry with commits of its own is freed: bound to the count. */
const purgeConsent = (run: Run, count: number | null): string =>
  createHash('sha256')
    .update(JSON.stringify(['purge', run.id, run.trash?.directory, count]))
    .digest('hex')
    .slice(0, 32)

/** Delete now. Where commits exist nowhere else, or that is unknown, it needs the consent that `consent-needed` carries. */
export async function purgeRun(
  context: Context,
  caller: Caller,
  input: { runId: string; consent?: string | undefined },
): Promise<{ freedBytes: number | null }> {
  const run = runOf(context, input.runId)
  if (run.phase !== 'removed' || !run.trash) throw fail('wrong-phase', { phase: run.phase, wanted: 'removed' })
  const count = await countOnlyHere(context, run, { deep: true })
  const wanted = purgeConsent(run, count)
  if (count === 0) return purge(context, caller, input.runId)
  const names = [
    count === null
      ? 'Whether commits exist only here is unknown'
      : `${counted(count, 'commit that exists', 'commits that exist')} nowhere else`,
  ]
  if (input.consent !== wanted)
    throw fail(input.consent === undefined ? 'consent-needed' : 'consent-stale', { consent: wanted, names })
  return purge(context, caller, input.runId, names)
}

/**
 * Counted again now: a branch that held the commits when the run was removed may have been deleted since. Null: unknown. `deep`
 * also looks for repositories in what an install made, which takes seconds: before anything goes, not for a list.
 */
async function countOnlyHere(context: Context, run: Run, { deep }: { readonly deep: boolean }): Promise<number | null> {
  if (!run.trash || run.inPlace) return 0
  const { directory } = run.trash
  // Its refs went first: nothing is left to be counted.
  if (await isHalfDeleted(directory)) return 0
  try {
    const repository = repositoryOf(context, run.repositoryId)
    const [git, place] = [await context.git(repository), placeOf(repository)]
    const keepIds = await goneKeepIds(context, git, place, run)
    if (directory === '') return await commitsOnlyInKeep(git, place, ...keepIds)
    const { nestedCommits, rebuildable } = await readManifest(directory)
    if (nestedCommits === null) return null
    // The inspection does not look into what an install made: a repository that somebody vendored there is nobody's guess.
    if (deep) for (const name of rebuildable) if (await holdsRepository(join(directory, 'tree', name))) return null
    return nestedCommits + (await commitsOnlyInKeep(git, place, ...keepIds, basename(directory)))
  } catch {
    return null
  }
}

async function purge(
  context: Context,
  caller: Caller,
  runId: string,
  agreed?: string[],
): Promise<{ freedBytes: number | null }> {
  return alone(context, runId, async () => {
    const run = runOf(context, runId)
    if (run.phase !== 'removed' || !run.trash) throw fail('wrong-phase', { phase: run.phase, wanted: 'removed' })
    record(context, caller, { type: 'intended', runId, intent: { kind: 'purge', ...(agreed ? { agreed } : {}) } })
    try {
      const { freedBytes, report } = await freeEntry(context, run)
      await forgetSessions(context, run)
      record(context, caller, { type: 'purge-ended', runId, freedBytes, report, failure: null })
      return { freedBytes }
    } catch (error) {
      const failure = failureOf(error)
      const freedBytes = typeof failure.detail?.bytes === 'number' ? failure.detail.bytes : null
      record(context, caller, { type: 'purge-ended', runId, freedBytes, report: [], failure })
      throw error
    }
  })
}

/**
 * Deletes an entry's files and keep refs. Idempotent: what is gone already is no error. The entry is renamed first, so that what
 * a crash leaves half-deleted is never brought back as if it were whole.
 */
export async function freeEntry(context: Context, run: Run): Promise<{ freedBytes: number; report: ReportItem[] }> {
  if (run.inPlace) return { freedBytes: 0, report: [] }
  const directory = run.trash?.directory ?? ''
  const going = goingOf(directory)
  // An entry that is gone was deleted by hand; on a disk that is away it is not.
  if (directory !== '' && !(await isDiskThere(directory))) {
    const message = `there is nothing where ${directory} was: the disk with the trash may not be mounted`
    throw fail('trash-missing', { path: directory, message }, { retryable: true })
  }
  if (directory !== '' && (await exists(directory))) {
    const mounts = await mountsBelow(directory)
    if (mounts.length > 0)
      throw fail('in-use', { what: directory, names: mounts.slice(0, 5), message: 'something is mounted inside' })
    moveDirectory(directory, going, directoryIdentity(directory), 'out')
    try {
      await dropRefs(context, run)
    } catch (error) {
      // Nothing of it is deleted yet: it stays in the trash, and can still be brought back.
      moveDirectory(going, directory, directoryIdentity(going), 'out')
      throw error
    }
  } else await dropRefs(context, run)
  if (directory === '') return { freedBytes: 0, report: [] }
  if (!(await exists(going)))
    return { freedBytes: 0, report: [{ what: directory, result: 'freed', reason: 'it was already gone' }] }
  const freedBytes = await deleteTree(going, directoryIdentity(going))
  return { freedBytes, report: [{ what: directory, result: 'freed' }] }
}

/** From then on gc may take what only the entry held. A repository that is not there has none to drop. */
async function dropRefs(context: Context, run: Run): Promise<void> {
  const repository = repositoryOf(context, run.repositoryId)
  try {
    await inspectPresent(context, repository)
  } catch (error) {
    if (failureOf(error).code === 'repository-unavailable') return
    throw error
  }
  const [git, place] = [await context.git(repository), placeOf(repository)]
  await dropGone(context, git, place, run)
  if (run.trash?.directory) await dropKeepRefs(git, place, basename(run.trash.directory))
}

/** Drops what an install or a build makes again: directories of known names that git ignored when the run was removed. */
async function trim(context: Context, runId: string): Promise<void> {
  await alone(context, runId, async () => {
    const run = runOf(context, runId)
    if (run.phase !== 'removed' || !run.trash?.directory || run.trash.rebuildableAt === null) return
    const { directory } = run.trash
    const manifest = await readManifest(directory)
    const dropped: string[] = []
    let freedBytes = 0
    for (const name of manifest.rebuildable) {
      const path = join(directory, 'tree', name)
      try {
        // One that is gone was dropped by a sweep that a crash cut off: it is named all the same.
        if (await exists(path)) {
          if (await holdsRepository(path)) continue
          freedBytes += await deleteTree(path, directoryIdentity(path), { within: directory })
        }
        dropped.push(name)
      } catch (error) {
        context.log(`trim ${runId}: ${name} was left: ${String(error)}`)
      }
    }
    record(context, context.host, { type: 'trash-trimmed', runId, dropped, freedBytes })
  })
}

/** Whether a clone, a worktree or a bare repository lies in a tree: then no install makes it again. Links are not followed. */
async function holdsRepository(path: string): Promise<boolean> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw error
  })
  const names = new Set(entries.map((entry) => entry.name))
  if (names.has('.git') || (names.has('HEAD') && names.has('objects') && names.has('refs'))) return true
  for (const entry of entries) {
    if (entry.isDirectory() && (await holdsRepository(join(path, entry.name)))) return true
  }
  return false
}
