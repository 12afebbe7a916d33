// Finds the host of a data directory, and starts one if none is running. It promises one host however many ask at once (the loser
// of a race finds the winner), a host that does not die with the caller, and a clear reason with the log's path if no host starts.
// It knows no command.

import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Channel } from '../contract/channel.ts'
import { hostSocketPaths } from '../host/address.ts'
import { CoppiceFailure, type FailureCode, fail, failureOf } from '../model/failure.ts'
import { plainText } from '../model/text/text.ts'
import { startDetached } from '../process/run-program.ts'
import { connectSocket } from '../socket/connect.ts'
import { dataDirectoryAt, openDataDirectory } from '../store/data-dir.ts'

export interface ConnectHostOptions {
  readonly dataDir: string
  /** Start one where none runs. */
  readonly start: boolean
  /** How long a host may take to answer, in milliseconds. Default 15,000: a cold start on a busy machine takes two. */
  readonly timeoutMs?: number
}

/** A host that ended at once may have met one that was on its way out: another is started, this many at most. */
const maxStarts = 4
const restartAfterMs = 1_000

/**
 * A channel to the host of `dataDir`, not yet greeted. Throws `host-unreachable` (none runs and none was to be started, or it did
 * not come up in time: `log` names its log), or why the data directory or the host's program cannot be used.
 */
export async function connectHost(options: ConnectHostOptions): Promise<Channel> {
  return (await reachHost(options)).channel
}

export interface Reached {
  readonly channel: Channel
  /** The socket that the host listens at. */
  readonly socket: string
}

/** `connectHost`, and where it was found. */
export async function reachHost(options: ConnectHostOptions): Promise<Reached> {
  const { dataDir, start } = options
  const deadline = Date.now() + (options.timeoutMs ?? 15_000)
  let tried = await tryConnect(dataDir)
  if ('channel' in tried) return tried
  if (!start) throw fail('host-unreachable', { message: 'no host is running for this data directory', path: dataDir })
  const log = join(openDataDirectory(dataDir).logs, 'host.log')
  const from = sizeOf(log)
  let starts = 0
  let pid = 0
  let goneAt: number | null = 0
  for (;;) {
    if (goneAt !== null && (starts === 0 || Date.now() - goneAt > restartAfterMs)) {
      if (starts === maxStarts) throw unreachable(log, from, 'it ended each time it was started')
      pid = await startHost(dataDir, log)
      starts++
      goneAt = null
    }
    await new Promise((resolve) => setTimeout(resolve, 40))
    tried = await tryConnect(dataDir)
    if ('channel' in tried) return tried
    if (goneAt === null && !isAlive(pid)) goneAt = Date.now()
    if (Date.now() > deadline) throw unreachable(log, from, 'it did not answer in time', tried.why)
  }
}

/** The host's program: TypeScript in a checkout, the bundle beside the CLI's own otherwise. */
export function hostProgram(moduleUrl: string = import.meta.url): string {
  return fileURLToPath(new URL(moduleUrl.endsWith('.ts') ? '../host/main.ts' : './host.mjs', moduleUrl))
}

/** Where the host of a data directory writes its log. */
export const hostLog = (dataDir: string): string => join(dataDirectoryAt(dataDir).logs, 'host.log')

async function tryConnect(dataDir: string): Promise<Reached | { readonly why: string }> {
  let why = 'no socket'
  for (const socket of hostSocketPaths(dataDir)) {
    try {
      return { channel: await connectSocket(socket), socket }
    } catch (error) {
      const { code, detail } = failureOf(error)
      if (refusals.includes(code)) throw error
      why = String(detail?.message ?? code)
    }
  }
  return { why }
}

// What no waiting and no start puts right.
const refusals: readonly FailureCode[] = ['permission-denied', 'unauthorised', 'too-many-files']

async function startHost(dataDir: string, log: string): Promise<number> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  try {
    const { pid } = await startDetached(process.execPath, [hostProgram(), '--data', dataDir], {
      cwd: dataDir,
      env,
      log,
    })
    return pid
  } catch (error) {
    if (error instanceof CoppiceFailure) throw error
    throw fail('host-unreachable', { message: `it could not be started: ${(error as Error).message}`, log })
  }
}

function unreachable(log: string, from: number, why: string, last?: string): CoppiceFailure {
  const said = tailOf(log, from)
  return fail('host-unreachable', { message: [why, said || last].filter(Boolean).join('; '), log }, { retryable: true })
}

/** The last words that were added to the log, in one line. */
function tailOf(log: string, from: number): string {
  try {
    const lines = readFileSync(log).subarray(from).toString('utf8').trim().split('\n')
    return plainText(lines.slice(-2).join('\n'), 400)
  } catch {
    return ''
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
