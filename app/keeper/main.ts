// The keeper: holds terminals and pipes and drains them to disk, so that the host may crash or be upgraded under running
// agents. It promises to be the only one of its data directory, to live while anything it holds lives, to end by itself when
// it holds nothing and nobody is connected, and to outlive whoever started it. It knows no git, no database, no runs.
//
//   node keeper.mjs --data DIR [--version V] [--idle SECONDS] [--recheck SECONDS]      exit 3: another keeper holds DIR
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { closeInheritedOnExec } from './close-on-exec.ts'
import { commands, type State, writeInput } from './commands.ts'
import { type Connection, serveConnection } from './connection.ts'
import { KeeperError } from './keeper-error.ts'
import { takeLock } from './lock.ts'
import { restoreSessions, type Session } from './session.ts'
import { announceSocket, prepareSocketDirectory, socketPath } from './socket-path.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    version: { type: 'string', default: '0' },
    idle: { type: 'string', default: '60' },
    recheck: { type: 'string', default: '10' },
  },
})
if (!values.data) throw new Error('Usage: keeper --data DIR')
const dataDir = resolve(values.data)

// There may be nobody to read this; started by a host, stderr is a log file.
const log = (line: string): void =>
  void process.stderr.write(`${new Date().toISOString()} keeper ${process.pid}: ${line}\n`)
process.stderr.on('error', () => {})

// A window that closes, a terminal that hangs up or a ^C is no reason to end agents. A handler, not "ignore", which the
// children would inherit.
for (const signal of ['SIGHUP', 'SIGINT'] as const) process.on(signal, () => {})
process.once('SIGTERM', () => end('SIGTERM'))
// Whatever goes wrong with one session or client, the others' terminals are still held here.
process.on('uncaughtException', (error) => log(`uncaught: ${error.stack ?? error}`))
process.on('unhandledRejection', (error) => log(`unhandled: ${error instanceof Error ? error.stack : error}`))
// It must not keep a worktree or a mount busy.
process.chdir('/')
closeInheritedOnExec()

mkdirSync(join(dataDir, 'keeper'), { recursive: true, mode: 0o700 })
const lock = takeLock(join(dataDir, 'keeper.lock')) ?? process.exit(3)

const connections = new Set<Connection>()
const sessions = new Map<string, Session>()
let server: Server | null = null
let inode: bigint | null = null
let idleTimer: NodeJS.Timeout | null = null
let ending = false

const state: State = {
  dataDir,
  sessions,
  onChange(session) {
    for (const connection of connections) connection.wake(session)
    if (session.exit) watchIdleness()
  },
  end: (why) => void setImmediate(end, why),
}
for (const session of await restoreSessions(dataDir)) sessions.set(session.sessionId, session)
await listen()
watchIdleness()
setInterval(() => void recheck(), Number(values.recheck) * 1000).unref()
log(`started, version ${values.version}`)

function listen(): Promise<void> {
  const path = socketPath(dataDir, 'keeper')
  prepareSocketDirectory(path)
  return bind(path)
}

async function bind(path: string): Promise<void> {
  const { promise, resolve: done, reject } = Promise.withResolvers<void>()
  // The lock is ours, so whatever socket stands there is a dead keeper's.
  rmSync(path, { force: true })
  server = createServer((socket) => {
    serveConnection(socket, {
      version: values.version,
      log,
      onReady(connection) {
        connections.add(connection)
        watchIdleness()
      },
      onRequest(connection, request) {
        const name = typeof request.do === 'string' ? request.do : ''
        const command = Object.hasOwn(commands, name) ? commands[name] : undefined
        if (!command) throw new KeeperError('bad-input', `Unknown command ${name.slice(0, 100)}`)
        return command(state, request, connection)
      },
      onInput: (sessionId, bytes) => writeInput(state, sessionId, bytes),
      onClose(connection) {
        connections.delete(connection)
        watchIdleness()
      },
    })
  })
  server.on('error', (error) => {
    log(`server: ${error.message}`)
    reject(error)
  })
  // The socket is made 0600 by the umask of this moment, which no child is started in.
  const umask = process.umask(0o177)
  try {
    server.listen({ path, backlog: 128 }, done)
  } finally {
    process.umask(umask)
  }
  await promise
  if (process.platform !== 'win32') {
    chmodSync(path, 0o600)
    inode = lstatSync(path, { bigint: true }).ino
  }
  try {
    announceSocket(dataDir, 'keeper', path)
  } catch (error) {
    // A full disk: those who look where this process looked will still find it.
    log(`cannot write the socket's address: ${(error as Error).message}`)
  }
}

/** Log-out removes $XDG_RUNTIME_DIR, and cleaners sweep /tmp: a keeper whose socket is gone could not be found again. */
async function recheck(): Promise<void> {
  if (ending || process.platform === 'win32' || inode === null) return
  const path = socketPath(dataDir, 'keeper')
  try {
    if (lstatSync(path, { bigint: true }).ino === inode) return
  } catch {
    // Gone: made anew below.
  }
  log(`the socket ${path} is gone; making it anew`)
  server?.close()
  await listen().catch((error: Error) => log(`cannot listen: ${error.message}`))
}

function watchIdleness(): void {
  const needed = connections.size > 0 || [...sessions.values()].some((session) => !session.exit)
  if (needed && idleTimer) {
    clearTimeout(idleTimer)
    idleTimer = null
  } else if (!needed) idleTimer ??= setTimeout(end, Number(values.idle) * 1000, 'nothing to hold and nobody connected')
}

async function end(why: string): Promise<void> {
  if (ending) return
  ending = true
  log(`ending: ${why}`)
  // No new client from here on; one that came too late sees the connection close before a hello and starts another keeper.
  server?.close()
  // A disk that hangs must not keep the keeper, and its lock, for ever.
  const patience = new Promise((resolve) => setTimeout(resolve, 3000))
  const exits = [...sessions.values()].map(async (session) => {
    while (why !== 'SIGTERM' && !session.exit) await new Promise((resolve) => setTimeout(resolve, 20))
    await session.settled()
  })
  await Promise.race([Promise.allSettled(exits), patience])
  for (const connection of connections) connection.close()
  lock.release()
  process.exit(0)
}
