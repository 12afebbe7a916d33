// How a client connects to a host's socket. The command line, the window's process and the tests use it.
import { connect } from 'node:net'
import type { Channel } from '../contract/channel.ts'
import { fail, systemFailureCode } from '../model/failure.ts'
import { socketChannel } from './socket-channel.ts'

/**
 * Connects to a host's socket. Rejects with a CoppiceFailure: `host-unreachable` (retryable) where nobody listens,
 * `permission-denied`, `too-many-files`.
 */
export function connectSocket(path: string): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    const refuse = (error: Error) => {
      const code = systemFailureCode(error) ?? 'host-unreachable'
      reject(fail(code, { path, message: error.message }, { retryable: true }))
    }
    socket.once('error', refuse)
    socket.once('connect', () => {
      socket.removeListener('error', refuse)
      resolve(socketChannel(socket, { end: 'client' }))
    })
  })
}
