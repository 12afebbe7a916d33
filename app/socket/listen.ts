// The host's end of the unix socket (a named pipe on Windows) that its clients connect to. It promises a socket file that only its
// owner may open, from the first moment on. It replaces the file of a dead host, and does not touch anything else in its place.
import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Channel } from '../contract/channel.ts'
import { fail } from '../model/failure.ts'
import { socketChannel } from './socket-channel.ts'

export interface Listener {
  /** False once the socket's file has been taken away or replaced: nobody new can come in then. Always true for a named pipe. */
  present(): boolean
  /** Takes no more connections; those that are open stay. */
  close(): Promise<void>
}

const isPipe = (path: string): boolean => path.startsWith('\\\\')

/**
 * Listens with mode 0600. A file of a dead host is replaced: call this only while holding the host's lock, and with the socket's
 * directory already 0700. Rejects with Node's error, or a CoppiceFailure where something that is no socket stands at the path.
 */
export async function listenOnSocket(path: string, onChannel: (channel: Channel) => void): Promise<Listener> {
  if (!isPipe(path)) removeStale(path)
  const server = createServer((socket) => onChannel(socketChannel(socket, { end: 'host' })))
  // The file is made by bind() with this mask: there is no moment at which others could connect. (The mask is the process's;
  // bind happens before listen() returns.)
  const mask = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, resolve)
      process.umask(mask)
    })
  } finally {
    process.umask(mask)
  }
  if (!isPipe(path)) chmodSync(path, 0o600)
  const inode = inodeOf(path)
  server.on('error', () => {
    // EMFILE on accept: Node goes on listening, and the client that was not let in tries again.
  })
  return {
    present: () => isPipe(path) || inodeOf(path) === inode,
    close: () =>
      new Promise((resolve) => {
        // Node removes the file of a socket that it closes.
        server.close(() => resolve())
        // close() waits for the connections to end; the caller closes those by their channels.
      }),
  }
}

/** Null where nothing is there, or it cannot be looked at. */
function inodeOf(path: string): bigint | null {
  try {
    return lstatSync(path, { bigint: true }).ino
  } catch {
    return null
  }
}

function removeStale(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return
  if (!found.isSocket()) throw fail('bad-input', { path, message: `${path} is in the way: it is not a socket` })
  rmSync(path)
}
