// The window's own few questions to the host (open a path, how many agents run), asked with the contract's client over a
// connection of their own. Each conversation is short: connect, ask, close.
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { type Client, connect } from '../app/contract/client.ts'
import type { Channel } from '../app/contract/wire.ts'
import { defaultSettings, type Settings } from '../app/model/settings.ts'
import { version } from '../package.json'
import { frameReader, withLength } from './frames.ts'
import type { HostProcess } from './host-process.ts'

/** Runs `talk` with a client of the host, which is started if none runs. Rejects with a CoppiceFailure or an Error for a person. */
export async function withHost<T>(host: HostProcess, talk: (client: Client) => Promise<T>): Promise<T> {
  const socket = await host.open()
  try {
    // "cli", not "window": it shows nothing, so the host must not count it as one.
    const client = await connect(socketChannel(socket), { via: 'cli', version })
    // The client mints ids with the web's global `crypto`, which a main process has only since Electron 23 (Node 18).
    const call: Client['call'] = (name, input, options) =>
      client.call(name, input, { commandId: randomUUID(), ...options })
    return await talk({ ...client, call })
  } finally {
    socket.destroy()
  }
}

/** The settings as they are now. */
export function readSettings(client: Client): Promise<Settings> {
  return new Promise((resolve, reject) => {
    client.onClose((reason) => reject(new Error(reason)))
    client.subscribe({
      onSnapshot: (state) => resolve({ ...defaultSettings, ...state.settings }),
      onEvent() {},
      onLive() {},
    })
  })
}

function socketChannel(socket: Socket): Channel {
  let listener: (frame: Uint8Array) => void = () => {}
  const closeListeners: ((reason: string) => void)[] = []
  let closed = false
  const close = (reason: string) => {
    if (closed) return
    closed = true
    socket.destroy()
    for (const told of closeListeners) told(reason)
  }
  const read = frameReader((frame) => listener(frame))
  socket.on('data', (chunk: Buffer) => {
    if (!read(chunk)) close('The host sent a frame that is too large.')
  })
  socket.on('error', (error) => close(error.message))
  socket.on('close', () => close('The host closed the connection.'))
  return {
    send: (frame) => socket.write(withLength(frame)),
    onFrame(next) {
      listener = next
    },
    onClose: (told) => void closeListeners.push(told),
    onDrained: (told) => void socket.on('drain', told),
    get bufferedBytes() {
      return socket.writableLength
    },
    close: (reason = 'closed') => close(reason),
  }
}
