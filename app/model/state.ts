// The state is a fold of the journal. Only `reduce(state, seq, at, event)` changes it, in the host and in every client. Pure; an
// event of a type that this build does not know changes only the sequence number.
import type { Approval } from './approval.ts'
import type { Comment } from './comment.ts'
import { maxDiscards } from './diff.ts'
import type { Event, ReportItem } from './event.ts'
import { assertNever } from './failure.ts'
import type { Repository } from './repository.ts'
import type { Attempt, Intent, Run, SideSession } from './run.ts'
import { isSettled } from './run.ts'
import type { Settings } from './settings.ts'
import { defaultSettings } from './settings.ts'

export interface State {
  /** The sequence number of the last event folded in; 0 before the first. */
  readonly seq: number
  readonly repositories: Readonly<Record<string, Repository>>
  readonly runs: Readonly<Record<string, Run>>
  /** Those that wait for an answer, and the answered ones of every run that is not purged. */
  readonly approvals: Readonly<Record<string, Approval>>
  readonly settings: Settings
  /** What the last start or sweep put right, for a person to read once. */
  readonly recovery: Recovery | null
}

export interface Recovery {
  readonly seq: number
  readonly at: number
  readonly text: string
  readonly report: ReportItem[]
}

export const emptyState: State = {
  seq: 0,
  repositories: {},
  runs: {},
  approvals: {},
  settings: defaultSettings,
  recovery: null,
}

/** The state after one more event. `at` is the record's time in milliseconds; events of unknown runs or types are ignored. */
export function reduce(state: State, seq: number, at: number, event: Event): State {
  return { ...fold(state, seq, at, event), seq }
}

function fold(state: State, seq: number, at: number, event: Event): State {
  switch (event.type) {
    case 'repository-added':
      return withRepository(state, event.repository.id, () => event.repository)
    case 'repository-moved':
      return changeRepository(state, event.repositoryId, {
        path: event.path,
        commonDir: event.commonDir,
        presence: 'present',
      })
    case 'repository-presence':
      return changeRepository(state, event.repositoryId, { presence: event.presence })
    case 'repository-remotes':
      return changeRepository(state, event.repositoryId, {
        remotes: event.remotes,
        ...(event.settings ? { settings: event.settings } : {}),
      })
    case 'repository-trusted':
      return changeRepository(state, event.repositoryId, { trusted: event.trusted })
    case 'repository-forgotten': {
      const { [event.repositoryId]: _gone, ...repositories } = state.repositories
      return { ...state, repositories }
    }
    case 'setup-approved': {
      const known = state.repositories[event.repositoryId]
      if (!known || known.approvedSetups.includes(event.hash)) return state
      return changeRepository(state, event.repositoryId, { approvedSetups: [...known.approvedSetups, event.hash] })
    }
    case 'approval-requested':
    case 'approval-decided':
    case 'approval-expired':
      return foldApproval(state, at, event)
    case 'settings-changed':
      return { ...state, settings: event.settings }
    case 'run-queued':
      return { ...state, runs: { ...state.runs, [event.run.id]: event.run } }
    case 'recovered':
      return { ...state, recovery: { seq, at, text: event.text, report: event.report } }
    default: {
      // Looked up as its own: a hostile id could name what every object inherits.
      const run = 'runId' in event && Object.hasOwn(state.runs, event.runId) ? state.runs[event.runId] : undefined
      if (!run) return state
      const next = foldRun(run, at, event)
      if (next === run) return state
      const approvals = next.phase === 'purged' ? without(state.approvals, run.id) : state.approvals
      return { ...state, approvals, runs: { ...state.runs, [run.id]: next } }
    }
  }
}

type ApprovalEvent = Extract<Event, { type: `approval-${string}` }>

function foldApproval(state: State, at: number, event: ApprovalEvent): State {
  const asked = event.type === 'approval-requested'
  const id = asked ? event.approval.id : event.approvalId
  const before = asked ? event.approval : Object.hasOwn(state.approvals, id) ? state.approvals[id] : undefined
  if (!before || (!asked && before.state !== 'pending')) return state
  const approval: Approval = asked
    ? before
    : event.type === 'approval-decided'
      ? { ...before, state: event.decision, decidedBy: event.by, decidedAt: at }
      : { ...before, state: 'expired', decidedAt: at }
  const next = { ...state, approvals: { ...state.approvals, [id]: approval } }
  const allowed = approval.state === 'allowed' ? withApproved(next, approval) : next
  const run = approval.runId !== null && Object.hasOwn(state.runs, approval.runId) ? state.runs[approval.runId] : null
  return run ? { ...allowed, runs: { ...allowed.runs, [run.id]: foldAnswer(run, at, approval) } } : allowed
}

/** What an approval does to the run that waits for it: asked, it stands in the queue; denied, it goes on without. */
function foldAnswer(run: Run, at: number, { id, state, request }: Approval): Run {
  const others = (run.waitsFor ?? []).filter(({ approvalId }) => approvalId !== id)
  if (state === 'pending')
    return { ...run, phase: 'queued', intent: null, stages: [], waitsFor: [...others, { approvalId: id, since: at }] }
  const answered = { ...run, waitsFor: others }
  if (state !== 'denied') return answered
  switch (request.kind) {
    case 'setup':
      return { ...answered, setup: 'skip' }
    case 'install':
      return { ...answered, install: false }
    default:
      return assertNever(request)
  }
}

function withApproved(state: State, { repositoryId, request, hash }: Approval): State {
  const known = Object.hasOwn(state.repositories, repositoryId) ? state.repositories[repositoryId] : undefined
  const list = request.kind === 'setup' ? 'approvedSetups' : 'approvedInstalls'
  if (!known || known[list].includes(hash)) return state
  return changeRepository(state, repositoryId, { [list]: [...known[list], hash] })
}

function without(approvals: State['approvals'], runId: string): State['approvals'] {
  return Object.fromEntries(Object.entries(approvals).filter(([, approval]) => approval.runId !== runId))
}

function foldRun(run: Run, at: number, event: Exclude<Extract<Event, { runId: string }>, ApprovalEvent>): Run {
  switch (event.type) {
    case 'run-preparing':
      return { ...run, phase: 'preparing', failure: null, settledAt: null }
    case 'base-resolved':
      return {
        ...run,
        resolvedBase: event.resolvedBase,
        baseCommit: event.baseCommit,
        baseFetchedAt: event.baseFetchedAt,
      }
    case 'stage-changed': {
      const others = run.stages.filter((record) => record.stage !== event.record.stage)
      return { ...run, stages: [...others, event.record] }
    }
    case 'intended':
      return foldIntent(run, event.intent)
    case 'worktree-made':
      return { ...run, intent: null, worktreePresence: 'present' }
    case 'run-noted':
      return { ...run, notes: event.notes }
    case 'create-undone':
      return {
        ...run,
        intent: null,
        worktree: null,
        branch: run.branchIsOurs ? null : run.branch,
        worktreePresence: 'none',
      }
    case 'run-failed':
      return settle({ ...run, intent: null, failure: event.failure }, 'failed', at)
    case 'run-cancelled':
      return settle({ ...run, intent: null }, 'cancelled', at)
    case 'run-interrupted':
      return settle({ ...run, intent: null, during: event.during }, 'interrupted', at)
    case 'run-renamed':
      return { ...run, title: event.title }
    case 'run-reviewed':
      return { ...run, reviewed: event.reviewed }
    case 'hunks-reviewed':
      return { ...run, reviewChangedAt: at }
    case 'changes-discarded':
      return {
        ...run,
        reviewChangedAt: at,
        discards: [...(run.discards ?? []), event.discard].slice(-maxDiscards),
      }
    case 'discard-undone':
      return {
        ...run,
        reviewChangedAt: at,
        discards: (run.discards ?? []).filter(({ id }) => id !== event.discardId),
      }
    case 'comment-added':
      return { ...run, comments: [...(run.comments ?? []), event.comment] }
    case 'comment-edited':
      return changeComments(run, (comment) =>
        comment.id === event.commentId ? { ...comment, text: event.text } : comment,
      )
    case 'comment-dropped':
      return { ...run, comments: (run.comments ?? []).filter(({ id }) => id !== event.commentId) }
    case 'comments-sent':
      return changeComments(run, (comment) =>
        event.commentIds.includes(comment.id) ? { ...comment, sentAt: at } : comment,
      )
    case 'attempt-starting':
      return {
        ...run,
        phase: 'starting',
        during: null,
        failure: null,
        exit: null,
        outcome: null,
        settledAt: null,
        reviewed: false,
        intent: { kind: 'start', sessionId: event.attempt.sessionId },
        attempts: [...run.attempts.filter((attempt) => attempt.number !== event.attempt.number), event.attempt],
      }
    case 'attempt-started':
      return { ...changeAttempt(run, event.number, { pid: event.pid }), phase: 'running', intent: null }
    case 'agent-session-found':
      return { ...run, agentSession: event.agentSession }
    case 'attempt-ended': {
      const ended = changeAttempt(run, event.number, { endedAt: at, exit: event.exit, outcome: event.outcome })
      const during = event.phase === 'interrupted' ? run.phase : null
      return settle({ ...ended, intent: null, exit: event.exit, outcome: event.outcome, during }, event.phase, at)
    }
    case 'side-session-opening':
      return { ...run, sides: [...(run.sides ?? []).filter(({ number }) => number !== event.side.number), event.side] }
    case 'side-session-opened':
      return changeSide(run, event.number, { pid: event.pid })
    case 'side-session-ended':
      return changeSide(run, event.number, { endedAt: at, exit: event.exit })
    case 'side-session-closed':
      return changeSide(run, event.number, { closed: true })
    case 'run-stopping':
      return { ...run, phase: 'stopping', intent: { kind: 'stop' } }
    case 'commit-ended':
      return { ...run, intent: null }
    case 'push-ended':
      return { ...run, intent: null, delivery: event.delivery ?? run.delivery }
    case 'pull-request-opened':
      return { ...run, delivery: { ...run.delivery, state: 'pull-request', pullRequestUrl: event.url } }
    case 'remove-ended': {
      if (event.failure || !event.trash) {
        const from = run.intent?.kind === 'remove' ? run.intent.from : 'exited'
        return { ...run, intent: null, phase: isSettled(from) ? from : 'exited' }
      }
      return {
        ...run,
        intent: null,
        phase: 'removed',
        trash: event.trash,
        worktreePresence: run.inPlace ? run.worktreePresence : 'trashed',
      }
    }
    case 'restore-ended': {
      if (event.failure) return { ...run, intent: null }
      return {
        ...run,
        intent: null,
        phase: run.settledAs ?? 'exited',
        trash: null,
        worktree: event.worktree,
        branch: event.branch,
        worktreePresence: event.worktree ? 'present' : 'none',
      }
    }
    case 'trash-kept':
      return run.trash ? { ...run, trash: { ...run.trash, purgeAt: event.purgeAt } } : run
    case 'trash-trimmed':
      if (!run.trash) return run
      return {
        ...run,
        trash: {
          ...run.trash,
          rebuildableAt: null,
          rebuildableBytes: 0,
          rebuildableDropped: [...run.trash.rebuildableDropped, ...event.dropped],
          sizeBytes: run.trash.sizeBytes === null ? null : Math.max(0, run.trash.sizeBytes - event.freedBytes),
        },
      }
    case 'purge-ended':
      if (event.failure) return { ...run, intent: null }
      return { ...run, intent: null, phase: 'purged', trash: null, worktree: null, worktreePresence: 'none' }
    case 'worktree-presence':
      return { ...run, worktreePresence: event.presence, worktree: event.worktree }
    default:
      return run
  }
}

function foldIntent(run: Run, intent: Intent): Run {
  switch (intent.kind) {
    case 'worktree':
      return { ...run, intent, worktree: intent.path, branch: intent.branch, branchIsOurs: intent.branchIsOurs }
    case 'remove':
      return { ...run, intent, phase: 'removing' }
    default:
      return { ...run, intent }
  }
}

function settle(run: Run, phase: Run['phase'], at: number): Run {
  const stages = run.stages.map((record) =>
    record.status === 'running'
      ? { ...record, status: phase === 'cancelled' ? ('cancelled' as const) : ('failed' as const), endedAt: at }
      : record,
  )
  return { ...run, phase, stages, settledAt: at, settledAs: phase }
}

function changeComments(run: Run, change: (comment: Comment) => Comment): Run {
  return { ...run, comments: (run.comments ?? []).map(change) }
}

function changeAttempt(run: Run, number: number, change: Partial<Attempt>): Run {
  return {
    ...run,
    attempts: run.attempts.map((attempt) => (attempt.number === number ? { ...attempt, ...change } : attempt)),
  }
}

function changeSide(run: Run, number: number, change: Partial<SideSession>): Run {
  return { ...run, sides: (run.sides ?? []).map((side) => (side.number === number ? { ...side, ...change } : side)) }
}

function changeRepository(state: State, id: string, change: Partial<Repository>): State {
  const known = state.repositories[id]
  return known ? withRepository(state, id, () => ({ ...known, ...change })) : state
}

function withRepository(state: State, id: string, make: () => Repository): State {
  return { ...state, repositories: { ...state.repositories, [id]: make() } }
}
