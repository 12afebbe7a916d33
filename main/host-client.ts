// The window's own few questions to the host (open a path, how many agents are running), asked with the contract's client over a
// separate connection. Each conversation is short: connect, ask, close.
import { randomUUID } from 'node:crypto'
import { type Client, connect } from '../app/contract/client.ts'
import { createReplica } from '../app/contract/replica.ts'
import { defaultSettings, type Settings } from '../app/model/settings.ts'
import { version } from '../package.json'
import type { HostProcess } from './host-process.ts'

/** Runs `talk` with a client of the host, which is started if none runs. Rejects with a CoppiceFailure or an Error for a person. */
export async function withHost<T>(host: HostProcess, talk: (client: Client) => Promise<T>): Promise<T> {
  const channel = await host.open()
  try {
    // The menu's commands are the window's in the journal, but this connection shows nothing.
    const client = await connect(channel, { via: 'window', shows: false, version })
    // The client mints ids with the web's global `crypto`, which a main process has only since Electron 23 (Node 18).
    const call: Client['call'] = (name, input, options) =>
      client.call(name, input, { commandId: randomUUID(), ...options })
    return await talk({ ...client, call })
  } finally {
    channel.close()
  }
}

/** The settings as they are now. */
export function readSettings(client: Client): Promise<Settings> {
  return new Promise((resolve, reject) => {
    client.onClose((reason) => reject(new Error(reason)))
    const replica = createReplica()
    replica.follow(client, () => resolve({ ...defaultSettings, ...replica.facts.state.settings }))
  })
}
