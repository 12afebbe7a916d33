// What happens to the agents when the window closes: keep them running, stop them, or stay. It asks once, and remembers the answer
// if the person says so. If nobody can be asked, agents keep running: nothing is ever stopped in doubt.
import { dialog } from 'electron'
import type { Client } from '../app/contract/client.ts'
import { readSettings } from './host-client.ts'

export type QuitAnswer = 'keep' | 'stop' | 'cancel'

/** How long a host that does not answer may hold up the person's leaving. */
const hostTimeoutMs = 3_000

/** Stopping is TERM, wait, KILL and proof for every agent: it may take a while, and is worth it. */
const stopTimeoutMs = 60_000

type WithHost = <T>(talk: (client: Client) => Promise<T>) => Promise<T>

/** Asks what to do with the running agents, by the settings or by a dialog, and does it. `cancel` means: stay. */
export async function settleQuit(withHost: WithHost): Promise<QuitAnswer> {
  const known = await limited(
    hostTimeoutMs,
    withHost(async (client) => {
      const [status, settings] = await Promise.all([client.call('host.status', {}), readSettings(client)])
      return { runs: status.runs, onQuit: settings.onQuit }
    }),
  ).catch(() => null)
  // The host cannot be asked: it, and what it holds, is left as it is.
  if (known === null || known.runs === 0) return 'keep'

  const { answer, remember } =
    known.onQuit === 'ask' ? await ask(known.runs) : { answer: known.onQuit, remember: false }
  if (answer === 'cancel') return 'cancel'
  if (remember) {
    await limited(
      hostTimeoutMs,
      withHost((client) => client.call('settings.change', { change: { onQuit: answer } })),
    ).catch(() => {
      // Asked again next time.
    })
  }
  if (answer === 'keep') return 'keep'
  try {
    await limited(
      stopTimeoutMs,
      withHost((client) => client.call('host.stop', { agents: 'stop' })),
    )
    return 'stop'
  } catch (error) {
    return await askAfterFailure(error instanceof Error ? error.message : String(error))
  }
}

async function ask(runs: number): Promise<{ answer: QuitAnswer; remember: boolean }> {
  const { response, checkboxChecked } = await dialog.showMessageBox({
    type: 'question',
    message: runs === 1 ? 'One agent is still running.' : `${runs} agents are still running.`,
    detail: 'Agents do not need the window. They keep running, and Coppice shows them when you open it again.',
    buttons: [runs === 1 ? 'Keep it running' : `Keep ${runs} agents running`, 'Stop them', 'Cancel'],
    defaultId: 0,
    cancelId: 2,
    noLink: true,
    checkboxLabel: 'Don’t ask again',
  })
  return { answer: (['keep', 'stop', 'cancel'] as const)[response] ?? 'cancel', remember: checkboxChecked }
}

async function askAfterFailure(why: string): Promise<QuitAnswer> {
  const { response } = await dialog.showMessageBox({
    type: 'error',
    message: 'The agents could not be stopped.',
    detail: `${why}\n\nThe ones still running continue without the window.`,
    buttons: ['Stay', 'Quit and leave them running'],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  })
  return response === 1 ? 'keep' : 'cancel'
}

function limited<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No answer from the host within ${ms / 1000} s.`)), ms)
    promise.finally(() => clearTimeout(timer)).then(resolve, reject)
  })
}
