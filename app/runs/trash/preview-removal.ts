// What a removal would take away, as one value that the window and the CLI show alike. The consent is a hash of the counts: a
// removal that was agreed to on other counts is asked again. What could not be found out is unknown, and unknown refuses.
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { RemovalFact, RemovalPreview } from '../../contract/commands/cleanup.ts'
import { directoryIdentity } from '../../disk/delete-tree.ts'
import type { Identity } from '../../disk/files.ts'
import { measure, measureAll } from '../../disk/measure.ts'
import { exists, isDirectory } from '../../disk/presence.ts'
import { inspectForRemoval, inspectGoneWorktree, type RemovalInspection } from '../../git/inspect/removal.ts'
import { readEntries } from '../../git/worktree/entries.ts'
import { failureOf } from '../../model/failure.ts'
import { isLive, type Run } from '../../model/run.ts'
import { liveSides } from '../../model/side-session.ts'
import { counted } from '../../model/text/units.ts'
import { type Context, placeOf, repositoryOf, runOf } from '../context.ts'
import { whoIsInside } from '../processes/who-is-inside.ts'
import { lockReason } from '../worktree-root.ts'
import { removalFacts, unknownFact } from './removal-facts.ts'

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
  /** The very directory that was looked at; null where there is none. */
  readonly identity: Identity | null
}

/** The preview, and what the trash has to know beside it. */
export async function inspectRun(context: Context, input: { runId: string }): Promise<InspectedRun> {
  const run = runOf(context, input.runId)
  const { keepRebuildableHours, keepTrashDays } = context.journal.state.settings
  // A folder that the person named is not looked into: nothing of it would go.
  const worktree = !run.inPlace && run.worktree !== null && (await exists(run.worktree)) ? run.worktree : null
  const identity = worktree !== null && (await isDirectory(worktree)) ? directoryIdentity(worktree) : null
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
    sizeBytes: run.inPlace ? 0 : (size?.sizeBytes ?? null),
    rebuildableBytes,
    rebuildableAt: rebuildableBytes ? now + keepRebuildableHours * hourMs : null,
    purgeAt: now + keepTrashDays * 24 * hourMs,
  }
  return { preview, rebuildable, nestedCommits, identity }
}

async function factsOf(
  context: Context,
  run: Run,
  worktree: string | null,
): Promise<{ facts: RemovalFact[]; rebuildable: string[]; nestedCommits: number | null }> {
  const facts: RemovalFact[] = sideFacts(run)
  if (run.inPlace) return { facts: isLive(run.phase) ? [liveFact, ...facts] : facts, rebuildable: [], nestedCommits: 0 }
  if (worktree === null)
    return { facts: [...facts, ...(await goneFacts(context, run))], rebuildable: [], nestedCommits: 0 }
  const rebuildable: string[] = []
  let nestedCommits: number | null = null
  try {
    const git = await context.git(repositoryOf(context, run.repositoryId))
    const inspected = await inspectForRemoval(git, worktree, {
      branch: run.branch ?? '',
      baseCommit: run.baseCommit,
    })
    facts.push(...removalFacts(inspected, lockReason(context, run.id)))
    nestedCommits = unpushedInside(inspected)
    if (inspected.ignored.known) rebuildable.push(...inspected.ignored.rebuildable.map(({ path }) => path))
  } catch (error) {
    facts.push(unknownFact('unstaged', 'Whether there is unsaved work is unknown', reasonOf(error)))
  }
  try {
    facts.push(...(await processFacts(context, run, worktree)))
  } catch (error) {
    facts.push(unknownFact('processes', 'Whether processes are running inside is unknown', reasonOf(error)))
  }
  return { facts, rebuildable, nestedCommits }
}

/**
 * A directory that somebody deleted holds nothing, and the branch stays with its commits. What is left to lose is what git's entry
 * alone leads to. Where its folder is gone too, a disk may not be mounted: then nobody knows what it holds.
 */
async function goneFacts(context: Context, run: Run): Promise<RemovalFact[]> {
  if (run.worktree === null) return []
  if (!(await exists(dirname(run.worktree)))) {
    const why = `${dirname(run.worktree)} is not there: the disk with the worktrees may not be mounted`
    return [unknownFact('unstaged', 'Whether its files are still somewhere is unknown', why)]
  }
  try {
    const repository = repositoryOf(context, run.repositoryId)
    if (!(await exists(repository.commonDir)))
      return [
        unknownFact(
          'commits',
          'Whether its entry in git holds commits is unknown',
          `${repository.commonDir} is not there`,
        ),
      ]
    const entry = readEntries(repository.commonDir).find(({ path }) => path === run.worktree)
    if (!entry) return []
    const git = await context.git(repository)
    const { count, subjects } = await inspectGoneWorktree(git, placeOf(repository), entry.adminDir, run.branch)
    const text = `${counted(count, 'commit')} of the deleted worktree that no branch has`
    return [{ kind: 'commits', count, text, names: [...subjects], onlyHere: true }]
  } catch (error) {
    return [unknownFact('commits', 'Whether its entry in git holds commits is unknown', reasonOf(error))]
  }
}

function reasonOf(error: unknown): string {
  const { code, detail } = failureOf(error)
  return String(detail?.message ?? code)
}

function unpushedInside({ nested, submodules }: RemovalInspection): number | null {
  if (!nested.known || !submodules.known) return null
  const counts = [...nested.repositories, ...submodules.repositories].map(({ unpushed }) => unpushed)
  return counts.reduce((sum, count) => (sum === null || count === null ? null : sum + count), 0)
}

async function processFacts(context: Context, run: Run, worktree: string): Promise<RemovalFact[]> {
  const { own, others, unreadable } = await whoIsInside(context, run.id, worktree)
  const named = (those: typeof own) => those.slice(0, 10).map(({ name, pid }) => `${name} (${pid})`)
  const processes = (count: number) => counted(count, 'process', 'processes')
  return [
    isLive(run.phase)
      ? liveFact
      : {
          kind: 'processes',
          count: own.length,
          text: `${processes(own.length)} of this run still running; stopped first`,
          names: named(own),
          onlyHere: false,
        },
    {
      kind: 'processes',
      count: others.length,
      text: `${processes(others.length)} that ${others.length === 1 ? 'is' : 'are'} not the run's inside; not ended`,
      names: named(others),
      onlyHere: true,
      ...(others.length > 0 ? { why: 'anything they write afterwards goes to the trash' } : {}),
    },
    {
      kind: 'processes',
      count: unreadable.length,
      text: `${processes(unreadable.length)} of yours may be running inside; the system does not say where ${unreadable.length === 1 ? 'it works' : 'they work'}`,
      names: named(unreadable),
      onlyHere: false,
      ...(unreadable[0] ? { why: `find out with "sudo readlink /proc/${unreadable[0].pid}/cwd"` } : {}),
    },
  ]
}

/** What a live agent has not written down yet is nowhere else. Who works for it changes all the time, and is no part of the consent. */
export const liveFact: RemovalFact = {
  kind: 'processes',
  count: 1,
  text: 'The agent is running; it is stopped first',
  names: [],
  onlyHere: true,
}

/** What is open beside the agent, by name. Another agent is asked for like the first; a shell or a server only ends. */
function sideFacts(run: Run): RemovalFact[] {
  const live = liveSides(run)
  const fact = (sides: typeof live, noun: string, onlyHere: boolean): RemovalFact[] =>
    sides.length === 0
      ? []
      : [
          {
            kind: 'processes',
            count: sides.length,
            text: `${sides.length} ${noun}${sides.length === 1 ? ' is' : 's are'} open beside the agent; closed first`,
            names: sides.map(({ title, number }) => `${title} (session ${number})`),
            onlyHere,
            why: endedFirst,
          },
        ]
  const isAgent = ({ kind }: (typeof live)[number]) => kind === 'agent'
  return [
    ...fact(live.filter(isAgent), 'more agent', true),
    ...fact(
      live.filter((side) => !isAgent(side)),
      'session',
      false,
    ),
  ]
}

const endedFirst = 'a removal ends it and everything it started'

/** True for what a stop ends before anything is moved: it is agreed to, and gone when the run is looked at again. */
export const isEndedFirst = (fact: RemovalFact): boolean => fact === liveFact || fact.why === endedFirst

/** A hash of the kinds, counts and names, in any order; processes that a stop ends and nobody is asked about are left out. */
export function consentTo(runId: string, facts: readonly RemovalFact[]): string {
  const counted = facts
    .filter((fact) => fact.kind !== 'processes' || fact.onlyHere)
    .map((fact) => JSON.stringify([fact.kind, fact.count, [...fact.names].sort()]))
    .sort()
  return createHash('sha256')
    .update(JSON.stringify([runId, counted]))
    .digest('hex')
    .slice(0, 32)
}
