// What a removal would take away, as one value that the window and the CLI show alike. The consent is a hash of the counts: a
// removal that was agreed to on other counts is asked again. What could not be found out is unknown, and unknown refuses.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { RemovalFact, RemovalPreview } from '../contract/commands.ts'
import { inspectForRemoval, type RemovalInspection } from '../git/inspect-removal.ts'
import { failureOf } from '../model/failure.ts'
import { isLive, type Run } from '../model/run.ts'
import { processesInside } from '../process/tree.ts'
import { type Context, repositoryOf, runOf } from './context.ts'
import { measure, measureAll } from './disk-usage.ts'
import { exists } from './presence.ts'
import { removalFacts } from './removal-facts.ts'

const hourMs = 3_600_000

/** Inspects now and says what would go. Never changes anything; each part that failed is an unknown fact, not an error. */
export async function previewRemoval(context: Context, input: { runId: string }): Promise<RemovalPreview> {
  return (await inspectRun(context, input)).preview
}

export interface InspectedRun {
  readonly preview: RemovalPreview
  /** Directories that an install or a build makes again, relative to the worktree: what the trash drops first. */
  readonly rebuildable: readonly string[]
  /** Commits in repositories inside the worktree that none of their remotes has. Null: unknown. */
  readonly nestedCommits: number | null
}

/** The preview, and what the trash has to know beside it. */
export async function inspectRun(context: Context, input: { runId: string }): Promise<InspectedRun> {
  const run = runOf(context, input.runId)
  const { keepRebuildableHours, keepTrashDays } = context.journal.state.settings
  // A directory that somebody deleted holds nothing; its commits are the branch's, which stays.
  const worktree = run.worktree !== null && (await exists(run.worktree)) ? run.worktree : null
  const [{ facts, rebuildable, nestedCommits }, size] = await Promise.all([
    factsOf(context, run, worktree),
    worktree === null ? null : measure(worktree),
  ])
  const rebuildableBytes = worktree === null ? 0 : await measureAll(rebuildable.map((name) => join(worktree, name)))
  const now = context.now()
  const preview: RemovalPreview = {
    runId: run.id,
    facts,
    consent: consentTo(run.id, facts),
    safe: facts.every((fact) => fact.count === 0 || (fact.count !== null && !fact.onlyHere)),
    unknown: facts.some((fact) => fact.count === null),
    sizeBytes: size?.sizeBytes ?? null,
    rebuildableBytes,
    rebuildableAt: rebuildableBytes ? now + keepRebuildableHours * hourMs : null,
    purgeAt: now + keepTrashDays * 24 * hourMs,
  }
  return { preview, rebuildable, nestedCommits }
}

async function factsOf(
  context: Context,
  run: Run,
  worktree: string | null,
): Promise<{ facts: RemovalFact[]; rebuildable: string[]; nestedCommits: number | null }> {
  const facts: RemovalFact[] = []
  const rebuildable: string[] = []
  let nestedCommits: number | null = worktree === null ? 0 : null
  if (worktree !== null) {
    try {
      const git = await context.git(repositoryOf(context, run.repositoryId))
      const inspected = await inspectForRemoval(git, worktree, {
        branch: run.branch ?? '',
        baseCommit: run.baseCommit,
      })
      facts.push(...removalFacts(inspected))
      nestedCommits = unpushedInside(inspected)
      if (inspected.ignored.known) rebuildable.push(...inspected.ignored.rebuildable.map(({ path }) => path))
    } catch (error) {
      const failure = failureOf(error)
      facts.push({
        kind: 'unstaged',
        count: null,
        text: 'Whether work is unsaved is unknown',
        names: [],
        onlyHere: true,
        why: String(failure.detail?.message ?? failure.code),
      })
    }
    facts.push(await processFact(run, worktree))
  }
  return { facts, rebuildable, nestedCommits }
}

function unpushedInside({ nested, submodules }: RemovalInspection): number | null {
  if (!nested.known || !submodules.known) return null
  const counts = [...nested.repositories, ...submodules.repositories].map(({ unpushed }) => unpushed)
  return counts.reduce((sum, count) => (sum === null || count === null ? null : sum + count), 0)
}

async function processFact(run: Run, worktree: string): Promise<RemovalFact> {
  const inside = await processesInside(worktree)
  const names = inside.inside.map((process) => `${process.name} (${process.pid})`)
  const text = isLive(run.phase) ? 'The agent is running; it is stopped first' : `${names.length} processes work inside`
  return {
    kind: 'processes',
    count: isLive(run.phase) ? Math.max(1, names.length) : names.length,
    text,
    names: names.slice(0, 10),
    onlyHere: false,
  }
}

/** A hash of the kinds, counts and names, those of processes aside: a stop changes them. */
export function consentTo(runId: string, facts: readonly RemovalFact[]): string {
  const counted = facts
    .filter((fact) => fact.kind !== 'processes')
    .map((fact) => [fact.kind, fact.count, [...fact.names].sort()])
  return createHash('sha256')
    .update(JSON.stringify([runId, counted]))
    .digest('hex')
    .slice(0, 32)
}
