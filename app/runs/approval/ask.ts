// Asks a person about one exact content. A run that needs an answer returns to the queue and waits there. It holds no slot and no
// worktree, and a restarted host finds it as it was.
import { randomBytes } from 'node:crypto'
import type { Approval, Asked } from '../../model/approval.ts'
import type { Event } from '../../model/event.ts'
import { assertNever } from '../../model/failure.ts'
import type { Repository } from '../../model/repository.ts'
import type { Run } from '../../model/run.ts'
import { type Context, repositoryOf } from '../context.ts'

/** Thrown by a create that met content nobody has approved: not a failure, the run waits. */
export class NeedsApproval extends Error {
  readonly asked: readonly Asked[]
  constructor(asked: readonly Asked[]) {
    super(`needs approval: ${asked.map(({ request }) => request.kind).join(', ')}`)
    this.name = 'NeedsApproval'
    this.asked = asked
  }
}

/** True where this repository has approved exactly this content. An install of a trusted repository asks nothing. */
export function isApproved(repository: Repository, { request, hash }: Pick<Asked, 'request' | 'hash'>): boolean {
  switch (request.kind) {
    case 'setup':
      return repository.approvedSetups.includes(hash)
    case 'install':
      return repository.trusted || repository.approvedInstalls.includes(hash)
    default:
      return assertNever(request)
  }
}

/** One event for each question; appended together with what the run has to become first. */
export function requestEvents(
  context: Context,
  run: Pick<Run, 'id' | 'repositoryId'>,
  asked: readonly Asked[],
): Extract<Event, { type: 'approval-requested' }>[] {
  return asked.map(({ request, hash }) => {
    const approval: Approval = {
      id: freeId(context),
      runId: run.id,
      repositoryId: repositoryOf(context, run.repositoryId).id,
      request,
      hash,
      state: 'pending',
      requestedAt: context.now(),
      decidedBy: null,
      decidedAt: null,
    }
    return { type: 'approval-requested', runId: run.id, approval }
  })
}

/** Closes the questions of a run that will not go on. */
export function expiryEvents(run: Run, why: string): Event[] {
  return (run.waitsFor ?? []).map(({ approvalId }) => ({ type: 'approval-expired', runId: run.id, approvalId, why }))
}

// Short enough to be typed, and never one that was asked before.
function freeId(context: Context): string {
  for (;;) {
    const id = randomBytes(4).toString('hex')
    if (!Object.hasOwn(context.journal.state.approvals, id)) return id
  }
}
