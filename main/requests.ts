// Carries out what a start was asked to open: adds the repository or starts the demo at the host, then shows it first. A failure is
// reported in the contract's sentences.
import { dialog } from 'electron'
import type { Client } from '../app/contract/client.ts'
import { sentenceOf } from '../app/contract/sentences.ts'
import { CoppiceFailure } from '../app/model/failure.ts'
import type { Request } from './arguments.ts'

type WithHost = <T>(talk: (client: Client) => Promise<T>) => Promise<T>

/** A page that has just been opened needs a moment before it is a view of the host. */
const viewTimeoutMs = 10_000
const retryMs = 200

/** Does what is asked. Shows a dialog where that fails; never throws. */
export async function carryOut(request: Request, withHost: WithHost): Promise<void> {
  try {
    if (request.demo) await withHost((client) => client.call('demo.start', {}))
    const { path } = request
    if (path === null) return
    await withHost(async (client) => {
      await client.call('repository.add', { path })
      await focusViews(client, path)
    })
  } catch (error) {
    const { message, next } =
      error instanceof CoppiceFailure
        ? sentenceOf(error.failure)
        : { message: error instanceof Error ? error.message : String(error), next: '' }
    await dialog.showMessageBox({
      type: 'error',
      message: request.path === null ? 'The demo could not be started' : `${request.path} could not be opened`,
      detail: `${message} ${next}`.trim(),
    })
  }
}

async function focusViews(client: Client, path: string): Promise<void> {
  const until = Date.now() + viewTimeoutMs
  while ((await client.call('host.focus', { path })).windows === 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, retryMs))
  }
}
