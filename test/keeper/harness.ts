// A keeper of its own for each test: scratch data directory, real process, ended at the end whatever happened.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach } from 'vitest'
import {
  connectKeeper,
  type Keeper,
  type SessionExit,
  type SpawnSpec,
  type StreamName,
  socketPath,
} from '../../app/keeper/client.ts'
import { identify, isAlive } from '../../app/process/tree.ts'

export const keeperScript = resolve(import.meta.dirname, '../../app/keeper/main.ts')
export const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/nonexistent', LC_ALL: 'C' }

const keeperPids = new Set<number>()
const directories: string[] = []

export interface Collected {
  readonly bytes: Buffer
  readonly exit: SessionExit
  /** Ranges that were dropped. */
  readonly dropped: readonly (readonly [number, number])[]
  /** False where a byte arrived at another offset than the one due. */
  readonly inOrder: boolean
}

export function dataDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'coppice-keeper-'))
  directories.push(path)
  return path
}

/** Connects as the host does, starting the keeper where none runs. */
export async function connect(dataDir: string, idleSeconds = 30): Promise<Keeper> {
  const keeper = await connectKeeper({
    dataDir,
    clientVersion: 'test',
    startWith: { node: process.execPath, script: keeperScript, env, idleSeconds },
  })
  keeperPids.add(keeper.pid)
  return keeper
}

let count = 0

export const specOf = (kind: 'pty' | 'pipe', script: string, more: Partial<SpawnSpec> = {}): SpawnSpec => ({
  sessionId: `s${count++}`,
  kind,
  file: '/bin/sh',
  args: ['-c', script],
  cwd: '/tmp',
  env,
  ...more,
})

/** Reads a session to its end. */
export function collect(keeper: Keeper, sessionId: string, stream: StreamName = 'out', from = 0): Promise<Collected> {
  return new Promise((done, reject) => {
    const parts: Buffer[] = []
    const dropped: [number, number][] = []
    let due = from
    let inOrder = true
    keeper.read(
      sessionId,
      { stream, from },
      {
        onData(bytes, at) {
          inOrder &&= at === due
          due = at + bytes.length
          parts.push(bytes)
        },
        onDropped(fromByte, toByte) {
          inOrder &&= fromByte === due
          due = toByte
          dropped.push([fromByte, toByte])
        },
        onEnd: (exit) => done({ bytes: Buffer.concat(parts), exit, dropped, inOrder }),
        onError: reject,
      },
    )
  })
}

/** Waits until a session has printed something. */
export function printed(keeper: Keeper, sessionId: string, text: string, stream: StreamName = 'out'): Promise<void> {
  return new Promise((done, reject) => {
    let seen = ''
    const reading = keeper.read(
      sessionId,
      { stream, from: 0 },
      {
        onData(bytes) {
          seen += bytes.toString()
          if (!seen.includes(text)) return
          reading.close()
          done()
        },
        onDropped() {},
        onEnd: () => reject(new Error(`ended without ${text}: ${seen}`)),
        onError: reject,
      },
    )
  })
}

/** A process of its own that may be killed without touching this one. */
export function startNode(script: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

afterEach(async () => {
  for (const directory of directories) {
    try {
      const keeper = await connectKeeper({ dataDir: directory, clientVersion: 'test' })
      await keeper.stop({ force: true })
      await new Promise<void>((done) => keeper.onClosed(done))
    } catch {
      // Ended already, or it never ran.
    }
  }
  for (const pid of keeperPids) {
    const identity = identify(pid)
    if (identity && isAlive(identity) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('keeper')) {
      process.kill(pid, 'SIGKILL')
    }
  }
  keeperPids.clear()
  for (const directory of directories.splice(0)) {
    rmSync(dirname(socketPath(directory, 'keeper')), { recursive: true, force: true })
    rmSync(directory, { recursive: true, force: true })
  }
})
