// The current facts of the worktrees: changed files, commits ahead, the checked-out branch, the size. Takes less than 5 % of a core
// with fifty of them. A stat of three files decides whether git must be asked at all. git runs at most twice at a time, and not
// again before 20 times as long as it took; a size not before 50 times as long.
import pLimit from 'p-limit'
import { measure } from '../disk/measure.ts'
import { presenceOf } from '../disk/presence.ts'
import { lineCounts } from '../git/line-counts.ts'
import { aheadBehind, unpushedSince } from '../git/refs/refs.ts'
import { quickSignature, readStatus } from '../git/status.ts'
import { isKept, isLive, type Live, type Run } from '../model/run.ts'
import { listProcesses } from '../process/tree.ts'
import { type Context, record, repositoryOf } from './context.ts'
import { lookAt, rootsOf } from './processes/own-processes.ts'

const tickMs = 2_000
const idleStatusMs = 60_000
const idleSizeMs = 10 * 60_000
const gitAtOnce = pLimit(2)

interface Watched {
  signature: string
  statusDue: number
  sizeDue: number
  busy: boolean
}

/** Remembers when each worktree was looked at. One per host. */
export interface Observer {
  /** Looks at every kept worktree from now on, each in its turn. */
  start(): void
  /** Asks for a fresh look at a run's worktree: after a create, an exit, a push. */
  soon(runId: string): void
  close(): void
}

/** The observer over a context's runs; it looks at nothing before it is started or asked. */
export function createObserver(context: () => Context): Observer {
  const table = new Map<string, Watched>()
  const timers: NodeJS.Timeout[] = []
  const count = () =>
    void countProcesses(context()).catch((error: unknown) => context().log(`processes: ${String(error)}`))
  return {
    start() {
      timers.push(setInterval(() => tick(context(), table), tickMs).unref(), setInterval(count, processesMs).unref())
      count()
    },
    soon(runId) {
      table.delete(runId)
      tick(context(), table, runId)
    },
    close() {
      for (const timer of timers.splice(0)) clearInterval(timer)
    },
  }
}

/**
 * Every so often one look at the process table serves all runs: how many processes a run has is shown on its tile, those of a
 * settled run too, and each one that was seen in its tree is known again when the run is stopped.
 */
const processesMs = 5_000

async function countProcesses(context: Context): Promise<void> {
  const kept = Object.values(context.journal.state.runs).filter(
    (run) => isKept(run.phase) && (run.attempts.length > 0 || run.sides !== undefined),
  )
  if (kept.length === 0) return
  // Without an open session there are no roots, and a keeper that has ended is not started for the question.
  const held = context.sessions.size + context.sides.size > 0 ? await (await context.keeper()).list() : []
  const all = await listProcesses({ marks: true })
  for (const run of kept) {
    const value = (await lookAt(context, run.id, rootsOf(held, run.id), all)).length
    // The time alone is no news: a count that stays is not sent again.
    if (context.live.get(run.id)?.processes?.value !== value)
      context.live.change(run.id, { processes: { value, observedAt: context.now() } })
  }
}

function tick(context: Context, table: Map<string, Watched>, only?: string): void {
  const now = context.now()
  for (const run of Object.values(context.journal.state.runs)) {
    if (only !== undefined && run.id !== only) continue
    if (!run.worktree || !isKept(run.phase) || run.phase === 'removing' || run.worktreePresence === 'none') {
      table.delete(run.id)
      continue
    }
    const seen = table.get(run.id) ?? { signature: '', statusDue: 0, sizeDue: 0, busy: false }
    table.set(run.id, seen)
    if (seen.busy) continue
    const signature = quickSignature(run.worktree) ?? 'missing'
    const changed = signature !== seen.signature
    const live = isLive(run.phase)
    // A working agent changes files that no signature shows, so a live run is looked at again when its time has come.
    if (changed ? now >= seen.statusDue - idleStatusMs : now >= seen.statusDue) {
      seen.busy = true
      seen.signature = signature
      void look(context, run)
        .catch((error: unknown) => context.log(`observe ${run.id}: ${String(error)}`))
        .then(() => {
          const took = context.now() - now
          seen.statusDue = context.now() + Math.max(live ? 4_000 : idleStatusMs, took * 20)
          seen.busy = false
        })
    }
    if (now >= seen.sizeDue) {
      seen.sizeDue = Number.POSITIVE_INFINITY
      const started = context.now()
      void weigh(context, run).then(() => {
        const took = context.now() - started
        seen.sizeDue = context.now() + Math.max(live ? 30_000 : idleSizeMs, took * 50)
      })
    }
  }
}

/** Asks git about one worktree now and puts what it says, or why it could not say, into the live facts. */
export async function look(context: Context, run: Run): Promise<void> {
  const worktree = run.worktree
  if (!worktree) return
  const present = (await presenceOf(worktree)) !== 'missing'
  notePresence(context, run, present)
  if (!present || run.repositoryId === null) return
  await gitAtOnce(async () => {
    const git = await context.git(repositoryOf(context, run.repositoryId))
    const [status, distance, unpushed, lines] = await Promise.all([
      settled(readStatus(git, worktree)),
      settled(
        run.baseCommit
          ? aheadBehind(git, worktree, run.baseCommit)
          : Promise.reject(new Error('its base is not known')),
      ),
      settled(
        run.baseCommit
          ? unpushedSince(git, worktree, run.baseCommit)
          : Promise.reject(new Error('its base is not known')),
      ),
      settled(
        run.baseCommit ? lineCounts(git, worktree, run.baseCommit) : Promise.reject(new Error('its base is not known')),
      ),
    ])
    const observedAt = context.now()
    const fact = <T, V>(from: Settled<T>, read: (value: T) => V) =>
      from.ok ? { value: read(from.value), observedAt } : { value: null, observedAt, why: from.why }
    const change: Partial<Live> = {
      dirty: fact(status, (value) => value.staged + value.unstaged + value.untracked + value.conflicted),
      headBranch: fact(status, (value) => value.branch ?? ''),
      ahead: fact(distance, (value) => value.ahead),
      behind: fact(distance, (value) => value.behind),
      unpushed: fact(unpushed, (value) => value),
      added: fact(lines, (value) => value.added),
      deleted: fact(lines, (value) => value.deleted),
    }
    context.live.change(run.id, change)
  })
}

/** Measures one worktree now. */
export async function weigh(context: Context, run: Run): Promise<void> {
  // The disk of a folder that the person named is not ours to count.
  if (!run.worktree || run.inPlace) return
  const answer = await measure(run.worktree)
  const observedAt = context.now()
  const why = answer.why ?? (answer.unreadable > 0 ? `${answer.unreadable} entries could not be read` : undefined)
  context.live.change(run.id, {
    sizeBytes: { value: answer.sizeBytes, observedAt, ...(why ? { why } : {}) },
    reclaimableBytes: { value: answer.reclaimableBytes, observedAt, ...(why ? { why } : {}) },
  })
}

function notePresence(context: Context, run: Run, present: boolean): void {
  const now = context.journal.state.runs[run.id]
  if (!now?.worktree || !isKept(now.phase) || now.phase === 'removing') return
  const wanted = present ? 'present' : 'missing'
  if ((now.worktreePresence === 'present' || now.worktreePresence === 'missing') && now.worktreePresence !== wanted) {
    record(context, context.host, {
      type: 'worktree-presence',
      runId: run.id,
      presence: wanted,
      worktree: now.worktree,
    })
  }
}

type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string }

async function settled<T>(promise: Promise<T>): Promise<Settled<T>> {
  return promise.then(
    (value) => ({ ok: true as const, value }),
    (error: unknown) => ({ ok: false as const, why: error instanceof Error ? error.message : String(error) }),
  )
}
