// Sends text to a run without typing it: sanitised, pasted in the way that the program asked for, with Enter after it.
import { fail } from '../../model/failure.ts'
import { sideOf } from '../../model/side-session.ts'
import { type Context, runOf } from '../context.ts'

/** Pastes text into the run's session. `not-running` where it has none that takes input, `too-large` where a line would be cut. */
export async function sendText(
  context: Context,
  input: { runId: string; text: string; enter: boolean; side?: number | undefined },
): Promise<Record<string, never>> {
  const run = runOf(context, input.runId)
  if (input.side !== undefined) {
    const side = sideOf(run, input.side)
    if (!side) throw fail('not-found', { what: 'side session', id: String(input.side) })
    const open = context.sides.get(side.sessionId)
    if (!open || side.endedAt !== null) throw fail('not-running', { id: side.sessionId, phase: 'ended' })
    await open.paste(input.text, input.enter)
    return {}
  }
  const session = context.sessions.get(run.id)
  if (!session || run.phase !== 'running') throw fail('not-running', { phase: run.phase })
  // Its input is closed, whatever it runs: what is sent would be lost in silence.
  if (run.mode === 'headless') {
    throw fail('not-running', { id: run.id, phase: run.phase, mode: run.mode })
  }
  await session.paste(input.text, input.enter)
  return {}
}
