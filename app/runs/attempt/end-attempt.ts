// The end of an attempt. It is judged, recorded and released only here, whoever noticed it: its own exit, a stop, a lost session,
// or a restarted host that found no session. Nothing is proven here; the caller knows that the attempt has ended.
import { adapterOf } from '../../agents/adapters.ts'
import type { Run } from '../../model/run.ts'
import type { Exit } from '../../model/session.ts'
import type { Session } from '../../session/session.ts'
import { type Caller, type Context, record } from '../context.ts'

export interface AttemptEnd {
  readonly phase: 'exited' | 'stopped' | 'interrupted'
  /** Null where nobody saw it. */
  readonly exit: Exit | null
  /** Whether a stop was asked for, whatever the exit says. */
  readonly stopRequested: boolean
  /** The session that ended, for its last words; null where it left none. */
  readonly session: Session | null
}

/** Records how the run's last attempt ended, lets its session go, and shows its viewers what was recorded of it. */
export async function endAttempt(context: Context, caller: Caller, run: Run, end: AttemptEnd): Promise<void> {
  const { phase, exit, stopRequested, session } = end
  const outcome = adapterOf(run.agent).judge({
    exit,
    stopRequested,
    ...(session?.ending() ?? { lastEvents: null, stderrTail: '' }),
  })
  const number = run.attempts.at(-1)?.number ?? 0
  record(context, caller, { type: 'attempt-ended', runId: run.id, number, phase, exit, outcome })
  releaseSession(context, run.id)
  await context.terminals.sessionChanged(run.id)
}

/** Lets go of a session's memory once it has ended: its screen is on disk, and a viewer gets it from there. */
export function releaseSession(context: Context, runId: string): void {
  const session = context.sessions.get(runId)
  context.sessions.delete(runId)
  session?.close()
  context.live.change(runId, { activity: null, bell: false, queuePosition: null, queueReason: null, progress: null })
}
