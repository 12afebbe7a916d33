// The answer to an approval. It is bound to the content that was shown: an answer to any other content is refused, and the question
// stays open.
import type { Approval } from '../../model/approval.ts'
import type { Event } from '../../model/event.ts'
import { fail } from '../../model/failure.ts'
import { type Caller, type Context, recordAll } from '../context.ts'

/**
 * Allows or denies a pending approval. `consent-stale` where `hash` is not the content that is asked about (the failure names what
 * is), `wrong-phase` where it has been answered or has expired. What is allowed is allowed for every run that waits for the same.
 */
export async function decideApproval(
  context: Context,
  caller: Caller,
  input: { approvalId: string; hash: string; decision: 'allow' | 'deny' },
): Promise<Record<string, never>> {
  const { approvals } = context.journal.state
  const approval = Object.hasOwn(approvals, input.approvalId) ? approvals[input.approvalId] : undefined
  if (!approval) throw fail('not-found', { what: 'approval', id: input.approvalId })
  const decision = input.decision === 'allow' ? 'allowed' : 'denied'
  if (approval.state !== 'pending') {
    if (approval.state === decision && approval.hash === input.hash) return {}
    throw fail('wrong-phase', { phase: approval.state, wanted: 'pending' })
  }
  if (approval.hash !== input.hash) throw fail('consent-stale', { names: [approval.request.command] })
  const answered =
    decision === 'allowed' ? Object.values(approvals).filter((other) => isSame(other, approval)) : [approval]
  const { user, via } = caller.actor
  const decided = answered.map(
    ({ id, runId, hash }): Event => ({
      type: 'approval-decided',
      runId,
      approvalId: id,
      hash,
      decision,
      by: { user, via },
    }),
  )
  recordAll(context, caller, decided)
  context.pump()
  return {}
}

/** The approvals of all kept runs, oldest first; only those that wait for an answer unless `all`. */
export async function listApprovals(context: Context, input: { all: boolean }): Promise<{ approvals: Approval[] }> {
  const approvals = Object.values(context.journal.state.approvals)
    .filter(({ state }) => input.all || state === 'pending')
    .sort((a, b) => a.requestedAt - b.requestedAt)
  return { approvals }
}

const isSame = (a: Approval, b: Approval): boolean =>
  a.state === 'pending' && a.repositoryId === b.repositoryId && a.request.kind === b.request.kind && a.hash === b.hash
