// Has a run reached the phase that a script waits for? Pure: it takes one run's facts and returns an answer; the link passes it
// each event.
import { sentenceOf } from '../contract/sentences.ts'
import { isAsking, isSettled, Phase, type Run } from '../model/run.ts'
import { plainText } from '../model/text/text.ts'
import { CliError } from './errors.ts'

export const waitTargets = [...Phase.options, 'settled'] as const
export type WaitTarget = (typeof waitTargets)[number]

/** Where a run stood before a command: a resume starts from a settled run, which must not count as settled again. */
export interface Baseline {
  readonly attempts: number
  readonly settledAt: number | null
}

export const baselineOf = (run: Run): Baseline => ({ attempts: run.attempts.length, settledAt: run.settledAt })

/**
 * `reached` where the run is there or has passed through it, `cannot` where it has settled (or waits for a person's approval)
 * without, and undefined while it is on its way.
 */
export function progressOf(run: Run, target: WaitTarget, since?: Baseline): 'reached' | 'cannot' | undefined {
  if (since && isSettled(run.phase) && run.attempts.length === since.attempts && run.settledAt === since.settledAt) {
    return undefined
  }
  if (run.phase === target) return 'reached'
  const settled = isSettled(run.phase)
  if (target === 'settled' && settled) return 'reached'
  if (hasPassed(run, target, since?.attempts ?? 0)) return 'reached'
  if (settled || run.phase === 'removed' || run.phase === 'purged') return 'cannot'
  if (isAsking(run)) return 'cannot'
  return undefined
}

/** What is said of a run that settled otherwise: names the phase it has, and why. */
export function waitError(run: Run, target: WaitTarget): CliError {
  const wanted = target === 'settled' ? 'settled' : `"${target}"`
  const exit = run.exit ? (run.exit.signal ?? `exit code ${run.exit.code ?? 'unknown'}`) : null
  const head = `Run ${run.id} is "${run.phase}"${exit ? ` (${exit})` : ''}, not ${wanted}`
  if (isAsking(run)) {
    const id = run.waitsFor?.[0]?.approvalId ?? 'ID'
    return new CliError({
      code: 'needs-approval',
      message: `${head}. It is waiting for you to allow or deny something.`,
      next: `Read what it asks for with "coppice approvals", then run "coppice allow ${id}" or "coppice deny ${id}"`,
    })
  }
  if (run.failure) {
    const { message, next } = sentenceOf(run.failure)
    return new CliError({ code: run.failure.code, message: `${head}. ${message}`, next })
  }
  const reason = run.outcome ? plainText(run.outcome.reason, 300) : ''
  return new CliError({
    code: 'wrong-phase',
    message: `${head}${reason ? `: ${reason}` : ''}.`,
    next: `Run "coppice logs ${run.id}" to see what it printed`,
  })
}

// The way that every run goes; a settled one is past them all, as far as its own facts prove it.
const order: readonly Phase[] = ['queued', 'preparing', 'starting', 'running', 'stopping']

function hasPassed(run: Run, target: WaitTarget, attemptsBefore: number): boolean {
  const wanted = order.indexOf(target as Phase)
  if (wanted < 0) return false
  const now = order.indexOf(run.phase)
  if (now >= 0) return now > wanted
  const attempt = run.attempts.length > attemptsBefore ? run.attempts.at(-1) : undefined
  switch (target) {
    case 'queued':
      return true
    case 'preparing':
      return run.stages.length > 0 || attempt !== undefined
    case 'starting':
      return attempt !== undefined
    case 'running':
      return attempt !== undefined && attempt.pid !== null
    case 'stopping':
      return run.phase === 'stopped'
    default:
      return false
  }
}
