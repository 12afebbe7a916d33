// A host's life: the data directory, the lock, the socket, the journal, the room, and the end. It promises that at most one host
// lives on a data directory, that a client that connects during the start is admitted after recovery or told why it failed, that
// the host can be found as long as it lives, and that it ends by itself when nobody needs it. It knows the room only through an
// interface, so that tests can pass another one.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Channel } from '../contract/channel.ts'
import type { Notice } from '../contract/wire.ts'
import { type Failure, fail, failureOf } from '../model/failure.ts'
import { connectSocket } from '../socket/connect.ts'
import { type Listener, listenOnSocket } from '../socket/listen.ts'
import { openDataDirectory } from '../store/data-dir.ts'
import { openDatabase } from '../store/database.ts'
import { type Journal, openJournal } from '../store/journal.ts'
import { acquireLock, type Lock, readOwner, writeOwner } from '../store/lock.ts'
import { makeRoom } from '../store/reserve.ts'
import { openPort, type Port } from './http/port.ts'
import { type Log, openLog } from './log.ts'
import { createOwnCommands } from './own-commands.ts'
import type { CreateHost, HostRoom } from './room.ts'
import { createService, type Service, turnAway } from './serve.ts'

export interface LifeOptions {
  readonly dataDirectory: string
  /** Seconds without a live run and without a client until the host ends itself; null: as the settings say. */
  readonly idleExitSeconds: number | null
  readonly dev: boolean
  readonly version: string
  /** The operating-system user's name, for the journal. */
  readonly user: string
  /** The built client, for browsers. */
  readonly clientRoot: string
  readonly createHost: CreateHost
  /** Makes the directory that the socket stands in and gives the socket's path. */
  socketAt(dataDirectory: string): string
  /** Told whenever it has begun to listen at `path`, so that others find it. May throw (a full disk): it is logged. */
  listening?(dataDirectory: string, path: string): void
  /** How often it is looked whether the socket is still there. Default 10,000. */
  readonly recheckMs?: number
  /** One line for whoever started this process. */
  say(line: string): void
}

export interface Life {
  /** Resolves with the process's exit code once everything is closed. */
  readonly ended: Promise<number>
  /** Null until the data directory is open. */
  readonly log: Log | null
  end(reason: string): void
}

// A second host waits this long for a first one that is just ending, unless that one answers.
const lockWaitMs = 5000
// A host that could not start stays so long to say why to those who connect, and so long after it was heard.
const explainMs = 5000
const explainedMs = 500
const closeMs = 10_000
const maxWaitingChannels = 256

/** Starts to live. Throws nothing: what fails is said, logged, told to those who connect, and ends in an exit code. */
export function startLife(options: LifeOptions): Life {
  let askToEnd: (reason: string) => void = () => {}
  const asked = new Promise<string>((resolve) => {
    askToEnd = resolve
  })
  const life = { log: null as Log | null, end: (reason: string) => askToEnd(reason) }
  const ended = run(options, asked, askToEnd, (log) => {
    life.log = log
  }).catch((error: unknown) => {
    const failure = failureOf(error)
    life.log?.error('the host ended by a failure', error)
    options.say(`The host cannot start: ${String(failure.detail?.message ?? failure.code)}`)
    return 1
  })
  return {
    ended,
    get log() {
      return life.log
    },
    end: life.end,
  }
}

async function run(
  options: LifeOptions,
  asked: Promise<string>,
  end: (reason: string) => void,
  onLog: (log: Log) => void,
): Promise<number> {
  const directory = openDataDirectory(options.dataDirectory)
  const log = openLog(join(directory.logs, 'host.log'))
  onLog(log)
  const socketPath = options.socketAt(directory.path)
  const lock = await lockOrOwner(directory.lock, socketPath)
  if (!lock) {
    const owner = readOwner(directory.owner)
    options.say(
      `Another host${owner ? ` (process ${owner.pid}, version ${owner.version})` : ''} holds ${directory.path}`,
    )
    return 0
  }
  // On a full disk not even the journal could be opened for writing, and nothing could be removed.
  makeRoom(directory.path)
  const startedAt = Date.now()
  const door = openDoor()
  let socket: Socket | null = null
  let opened: Opened | null = null
  try {
    writeOwner(directory.owner, { pid: process.pid, version: options.version, startedAt })
    socket = await keepSocket(options, directory.path, door.arrive, log)
    log.info(`host ${options.version} started, process ${process.pid}`)
    try {
      opened = await open(options, directory, log, startedAt, end)
    } catch (error) {
      log.error('the host could not start', error)
      await door.explain(failureOf(error))
      throw error
    }
    door.open((channel) => opened?.service.serve(channel))
    options.say(`Listening at ${socket.path()}`)
    const stopIdle = endWhenIdle(options, opened, end)
    const reason = await asked
    log.info(`ending: ${reason}`)
    stopIdle()
    return 0
  } finally {
    await close(socket, opened, log)
    lock.release()
    log.info('ended')
  }
}

/** The lock; or null where another host answers, or holds it for longer than one that is ending would. */
async function lockOrOwner(lockPath: string, socketPath: string): Promise<Lock | null> {
  const until = Date.now() + lockWaitMs
  for (;;) {
    const lock = acquireLock(lockPath)
    if (lock) return lock
    const channel = await connectSocket(socketPath).catch(() => null)
    channel?.close()
    if (channel || Date.now() > until) return null
    await delay(50)
  }
}

interface Socket {
  path(): string
  close(): Promise<void>
}

/**
 * Listens, and again whenever the socket's file is gone: log-out removes $XDG_RUNTIME_DIR and cleaners sweep /tmp, and a host
 * that holds the lock and cannot be found would keep every next one out for as long as an agent runs.
 */
async function keepSocket(
  options: LifeOptions,
  dataDirectory: string,
  onChannel: (channel: Channel) => void,
  log: Log,
): Promise<Socket> {
  let path = ''
  let listener = await listen()
  let busy = false
  const timer = setInterval(() => {
    if (busy || listener.present()) return
    busy = true
    log.warn(`the socket ${path} is gone: it is made anew`)
    void listener.close()
    listen()
      .then((next) => {
        listener = next
      })
      .catch((error: unknown) => log.error('cannot listen', error))
      .finally(() => {
        busy = false
      })
  }, options.recheckMs ?? 10_000)
  timer.unref()

  async function listen(): Promise<Listener> {
    path = options.socketAt(dataDirectory)
    const next = await listenOnSocket(path, onChannel)
    try {
      options.listening?.(dataDirectory, path)
    } catch (error) {
      // Those who look where this process looked will still find it.
      log.error('cannot write where the socket is', error)
    }
    return next
  }
  return {
    path: () => path,
    close() {
      clearInterval(timer)
      return listener.close()
    },
  }
}

interface Opened {
  readonly journal: Journal
  readonly room: HostRoom
  readonly service: Service
  closePort(): Promise<void>
}

async function open(
  options: LifeOptions,
  dataDir: ReturnType<typeof openDataDirectory>,
  log: Log,
  startedAt: number,
  end: (reason: string) => void,
): Promise<Opened> {
  const { version, user, dev } = options
  const database = openDatabase(dataDir.database, { aside: dataDir.aside })
  let room: HostRoom | null = null
  try {
    const journal = openJournal(database, { onListenerError: (error) => log.error('a journal listener failed', error) })
    for (const { seq, type, why } of journal.skipped) log.warn(`record ${seq} (${type}) was passed over: ${why}`)
    let service: Service | null = null
    const early: Notice[] = []
    const notify = (notice: Notice) => (service ? service.notify(notice) : void early.push(notice))
    room = await options.createHost({ dataDir, journal, log, dev, version, user, notify })

    let port: Promise<Port> | null = null
    let address: string | null = null
    const own = createOwnCommands({
      version,
      dataDirectory: dataDir.path,
      startedAt,
      room,
      service: { focus: (path) => service?.focus(path) ?? 0 },
      address: () => address,
      // One port for the host's life: a second call gets another token for it, and is refused where it asked for another number.
      async openPort(wanted) {
        port ??= openPort({
          port: wanted,
          root: options.clientRoot,
          onChannel: (channel) => service?.serve(channel, { via: 'browser' }),
          onRefused: (why) => log.warn(`the port refused a request: ${why}`),
        })
        const current = await port.catch((error: unknown) => {
          port = null
          throw error
        })
        address = current.address
        if (wanted !== 0 && new URL(address).port !== String(wanted)) {
          const suggestion = 'Leave out the port, or end the host first with "coppice host stop --agents keep"'
          throw fail('in-use', {
            what: 'The port for browsers',
            address,
            suggestion,
            message: `it is open at ${address} already`,
          })
        }
        return { address, url: current.newUrl() }
      },
      // The reply leaves first.
      end: (reason) => void setTimeout(() => end(reason), 50),
    })
    const handlers = { ...room.handlers, ...own }
    const { live, onLive, attach } = room
    service = createService({
      journal,
      handlers,
      live,
      onLive,
      attach,
      version,
      home: dataDir.path,
      user,
      startedAt,
      log,
    })
    for (const notice of early) service.notify(notice)
    return {
      journal,
      room,
      service,
      closePort: async () => (await port?.catch(() => null))?.close(),
    }
  } catch (error) {
    await room?.close().catch(() => {})
    database.close()
    throw error
  }
}

/** Those who connect before the room is open wait here, or are told why it will not. */
function openDoor() {
  const waiting = new Set<Channel>()
  let serve: ((channel: Channel) => void) | null = null
  let told = 0
  return {
    arrive(channel: Channel) {
      if (serve) return serve(channel)
      if (waiting.size >= maxWaitingChannels) return channel.close('too many are waiting')
      waiting.add(channel)
      channel.onClose(() => waiting.delete(channel))
    },
    open(next: (channel: Channel) => void) {
      serve = next
      for (const channel of waiting) next(channel)
      waiting.clear()
    },
    async explain(failure: Failure) {
      serve = (channel) => {
        told++
        turnAway(channel, failure)
      }
      for (const channel of waiting) serve(channel)
      const until = Date.now() + explainMs
      while (told === 0 && Date.now() < until) await delay(50)
      await delay(explainedMs)
    },
  }
}

function endWhenIdle(
  options: LifeOptions,
  { room, service, journal }: Opened,
  end: (reason: string) => void,
): () => void {
  let busyAt = Date.now()
  const seconds = () => options.idleExitSeconds ?? journal.state.settings.idleExitSeconds
  service.onClients(() => {
    busyAt = Date.now()
  })
  const timer = setInterval(
    () => {
      if (service.clients().length > 0 || room.activity().liveRuns > 0) busyAt = Date.now()
      else if (Date.now() - busyAt >= seconds() * 1000) end(`idle for ${seconds()} s`)
    },
    Math.min(5000, Math.max(50, seconds() * 250)),
  )
  return () => clearInterval(timer)
}

async function close(socket: Socket | null, opened: Opened | null, log: Log): Promise<void> {
  const listening = socket?.close()
  opened?.service.close('the host is ending')
  await opened?.closePort().catch((error: unknown) => log.error('closing the port', error))
  // A room that hangs must not keep the lock for ever; what it did not finish is in the journal as an intent.
  const room = opened?.room.close().catch((error: unknown) => log.error('closing the room', error))
  await Promise.race([room, delay(closeMs, undefined, { ref: false })])
  await Promise.race([listening, delay(1500, undefined, { ref: false })])
  opened?.journal.close()
}
