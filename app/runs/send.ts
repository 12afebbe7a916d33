// Text that a person sends to a run without typing it: pasted as the program asked for pastes, sanitised, with Enter after it.
import { fail } from '../model/failure.ts'
import { type Context, runOf } from './context.ts'

/** Pastes text into the run's session. `not-running` where it has none that takes input. */
export async function sendText(
  context: Context,
  input: { runId: string; text: string; enter: boolean },
): Promise<Record<string, never>> {
  const run = runOf(context, input.runId)
  const session = context.sessions.get(run.id)
  if (!session || run.phase !== 'running') throw fail('not-running', { phase: run.phase })
  if (run.mode === 'headless' && run.agent !== 'command') {
    throw fail('not-running', {
      phase: run.phase,
      message: 'a headless run takes no input; resume it with a follow-up prompt when it has ended',
    })
  }
  session.paste(input.text, input.enter)
  return {}
}
