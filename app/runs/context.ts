// What every verb of this folder gets first: the journal, the keeper, the moment's facts, and access to git and the environment.
// host/host builds it once from owners, each of which keeps one thing for the host's life. A verb uses no globals.
import type { Notice } from '../contract/wire.ts'
import type { GitContext } from '../git/exec.ts'
import type { Keeper } from '../keeper/client.ts'
import type { Actor, Event, JournalRecord } from '../model/event.ts'
import { fail, failureOf } from '../model/failure.ts'
import type { Repository } from '../model/repository.ts'
import type { Run } from '../model/run.ts'
import type { Session } from '../session/session.ts'
import type { Journal } from '../store/journal.ts'
import type { PromptHistory } from '../store/prompt-history.ts'
import { keepReserve, releaseReserve } from '../store/reserve.ts'
import type { ReviewMarks } from '../store/review-marks.ts'
import type { LiveTable } from './live.ts'
import type { Observer } from './observe.ts'
import type { SeenProcesses } from './processes/own-processes.ts'
import type { Comparisons } from './review/comparisons.ts'
import type { Terminals } from './terminal.ts'
import type { Deadlines } from './trash/deadlines.ts'

/** Who asked, and by which command: goes into the journal with every event that the command causes. */
export interface Caller {
  readonly actor: Actor
  readonly commandId: string | null
  /** SHA-256 of the command's input. */
  readonly inputHash: string | null
}

export interface Context {
  readonly dataDirectory: string
  readonly journal: Journal
  readonly live: LiveTable
  /** The host itself, for what happens without anyone asking. */
  readonly host: Caller
  /** Connects to the keeper, starting it where none runs. */
  keeper(): Promise<Keeper>
  /** How git is run for a repository: hardened until it is trusted. */
  git(repository: Pick<Repository, 'trusted'> | null): Promise<GitContext>
  /** The environment of the person's login shell. */
  environment(): Promise<Record<string, string>>
  /** Why the login shell could not be asked for it: its start-up files end or hang. Null where it could. Hostile text. */
  shellProblem(): Promise<string | null>
  /** Open sessions by run id: the agent's, or that of the stage before it. */
  readonly sessions: Map<string, Session>
  /** Open side sessions by session id. */
  readonly sides: Map<string, Session>
  readonly terminals: Terminals
  readonly observer: Observer
  readonly seenProcesses: SeenProcesses
  /** Creates under way, by run id: aborting one undoes it. */
  readonly creating: Map<string, AbortController>
  /** Serialises what may not overlap on one run: stop, remove, restore, push. */
  readonly busy: Map<string, Promise<unknown>>
  /** The part of that work which a stop cuts off instead of waiting for it (a push, a pull request), by run id. */
  readonly endable: Map<string, Set<AbortController>>
  /** Starts what may start now; called whenever a slot may have become free. */
  pump(): void
  now(): number
  /** When something may be deleted because of its age. */
  readonly deadlines: Deadlines
  /** The prompts that were sent before. */
  readonly prompts: PromptHistory
  /** What a person has read of each run's changes. */
  readonly reviewMarks: ReviewMarks
  /** The latest comparisons of runs' changes. */
  readonly comparisons: Comparisons
  /** Says something in every client. */
  notify(notice: Notice): void
  log(text: string): void
}

/** Events that begin something new: a full disk refuses them. All others end, undo or free something, and have the reserve. */
const beginning: ReadonlySet<Event['type']> = new Set([
  'run-queued',
  'run-preparing',
  'attempt-starting',
  'repository-added',
])

/** Appends an event: durable before this returns. */
export function record(context: Context, caller: Caller, event: Event): JournalRecord {
  return withReserve(context, [event], () => context.journal.append(event, caller))
}

/** The same for several, all or none of them. */
export function recordAll(context: Context, caller: Caller, events: readonly Event[]): void {
  if (events.length > 0) withReserve(context, events, () => context.journal.appendAll(events, caller))
}

function withReserve<T>(context: Context, events: readonly Event[], append: () => T): T {
  const begins = events.some(({ type }) => beginning.has(type))
  // Before anything new begins, what its end will need on a full disk is set aside again.
  if (begins) keepReserve(context.dataDirectory)
  try {
    return append()
  } catch (error) {
    const full = failureOf(error).code === 'no-space' && !begins
    if (!full || !releaseReserve(context.dataDirectory)) throw error
    return append()
  }
}

/** The run, or `not-found`. */
export function runOf(context: Context, runId: string): Run {
  const run = Object.hasOwn(context.journal.state.runs, runId) ? context.journal.state.runs[runId] : undefined
  if (!run) throw fail('not-found', { what: 'run', id: runId })
  return run
}

/** The repository, or `not-found`; `unsupported` for a run that works in a folder without one. */
export function repositoryOf(context: Context, repositoryId: string | null): Repository {
  if (repositoryId === null)
    throw fail('unsupported', { message: 'the run works in a folder that is not a git repository' })
  const { repositories } = context.journal.state
  const repository = Object.hasOwn(repositories, repositoryId) ? repositories[repositoryId] : undefined
  if (!repository) throw fail('not-found', { what: 'repository', id: repositoryId })
  return repository
}

/** Where git's shared metadata of a repository is, as the git room takes it. */
export const placeOf = (repository: Repository) => ({ topLevel: repository.path, commonDir: repository.commonDir })

/**
 * Runs `effect` with the run to itself: two verbs on one run never overlap, the second waits for the first. A verb checks the
 * phase inside, not before.
 */
export async function alone<T>(context: Context, runId: string, effect: () => Promise<T>): Promise<T> {
  const before = context.busy.get(runId) ?? Promise.resolve()
  const mine = before.then(effect, effect)
  const settled = mine.catch(() => {})
  context.busy.set(runId, settled)
  try {
    return await mine
  } finally {
    if (context.busy.get(runId) === settled) context.busy.delete(runId)
  }
}

/**
 * The same for work that talks to the network or only repairs: a stop, a removal and the host's end cut it off. `effect` is given a
 * context of its own whose gits end then; it throws `cancelled`.
 */
export async function aloneUntilStopped<T>(
  context: Context,
  runId: string,
  effect: (own: Context, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const { signal } = controller
  const all = context.endable.get(runId) ?? new Set()
  context.endable.set(runId, all.add(controller))
  const own: Context = {
    ...context,
    git: async (repository) => ({ ...(await context.git(repository)), signal }),
  }
  try {
    return await alone(context, runId, async () => {
      if (signal.aborted) throw fail('cancelled', { reason: 'stopped', message: 'the run was stopped' })
      return effect(own, signal)
    })
  } finally {
    all.delete(controller)
    if (all.size === 0) context.endable.delete(runId)
  }
}

/** Cuts off what a stop of the run does not wait for, whether it goes on or waits for its turn. */
export function cutOff(context: Context, runId: string): void {
  for (const controller of context.endable.get(runId) ?? []) controller.abort()
}
