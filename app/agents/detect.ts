// Which agents this machine has. They are looked for on the PATH of the person's login shell, and each binary is asked for its
// version once, until the file on disk changes. A missing one comes with how to install it. Asking starts only programs of the
// person's own, with a time-out.
import { realpathSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { AgentName, AgentOptions, Mode } from '../model/run.ts'
import { lastLineOf } from '../model/text/text.ts'
import { findOnPath } from '../process/environment.ts'
import { runProgram } from '../process/run-program.ts'
import type { Adapter } from './adapter.ts'
import { adapters } from './adapters.ts'

/** The contract's DetectedAgent, which this room does not import; the types are checked where the two meet. */
export interface FoundAgent {
  name: AgentName
  label: string
  mark: string
  found: string | null
  version: string | null
  modes: Mode[]
  options: (keyof AgentOptions)[]
  permissionModes: string[]
  problem: string | null
  install: string | null
}

/** A version that takes longer than this is unknown: a cold start of a 380 MB binary can take half a minute. Milliseconds. */
const versionTimeoutMs = 10_000

interface Version {
  readonly version: string | null
  readonly problem: string | null
}

const versions = new Map<string, Promise<Version>>()

/**
 * Every known agent, found or not, in the adapters' order. `environment` is the login shell's. The PATH is searched each time;
 * a version is asked for once for each path and modification time, and again with `refresh`. Never rejects.
 */
export async function detectAgents(
  environment: Readonly<Record<string, string>>,
  options: { readonly refresh?: boolean } = {},
): Promise<FoundAgent[]> {
  return Promise.all(adapters.map((adapter) => detect(adapter, environment, options.refresh ?? false)))
}

/** The program an agent is started with: an absolute path, or null where the machine has none. */
export async function findAgent(
  adapter: Adapter,
  environment: Readonly<Record<string, string>>,
): Promise<string | null> {
  if (adapter.name === 'demo') return process.execPath
  if (adapter.binaries.length === 0) return environment.SHELL || '/bin/sh'
  for (const name of adapter.binaries) {
    const path = await findOnPath(name, environment)
    if (path !== null) return path
  }
  return null
}

/** What is said of an agent that the machine does not have. */
export function missingText({ binaries, install }: Adapter): string {
  return `${binaries.map((binary) => `"${binary}"`).join(' or ')} is not on the PATH. Install it: ${install}`
}

async function detect(
  adapter: Adapter,
  environment: Readonly<Record<string, string>>,
  refresh: boolean,
): Promise<FoundAgent> {
  const { name, label, mark, modes, options, permissionModes, install } = adapter
  const found = await findAgent(adapter, environment)
  const known = {
    ...{ name, label, mark, found, install: install || null },
    ...{ modes: [...modes], options: [...options], permissionModes: [...permissionModes] },
  }
  if (found === null) return { ...known, version: null, problem: missingText(adapter) }
  if (!adapter.version) return { ...known, version: null, problem: null }
  return { ...known, ...(await versionOf(adapter, found, environment, refresh)) }
}

function versionOf(
  adapter: Adapter,
  path: string,
  environment: Readonly<Record<string, string>>,
  refresh: boolean,
): Promise<Version> {
  const key = identityOf(path)
  const known = versions.get(key)
  if (known && !refresh) return known
  const asked = ask(adapter, path, environment)
  versions.set(key, asked)
  return asked
}

async function ask(adapter: Adapter, path: string, environment: Readonly<Record<string, string>>): Promise<Version> {
  try {
    const { code, signal, stdout, stderr, timedOut } = await runProgram(path, ['--version'], {
      env: { ...environment },
      // Not the host's own directory, and not a repository whose settings it would read.
      cwd: tmpdir(),
      timeoutMs: versionTimeoutMs,
      maxStdoutBytes: 64 * 1024,
      maxStderrBytes: 64 * 1024,
    })
    // Slow is no fault: the agent may well be started, its version is only unknown.
    if (timedOut) return { version: null, problem: null }
    if (code === 0) return { version: adapter.version?.(stdout.toString('utf8')) ?? null, problem: null }
    const why = lastLineOf(stderr)
    return { version: null, problem: `${path} --version ended with ${signal ?? code}${why ? `: ${why}` : ''}` }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { version: null, problem: `${path} could not be started: ${message}` }
  }
}

/** A path and what lies there now: an update in place changes the time of the file behind the links. */
function identityOf(path: string): string {
  try {
    const real = realpathSync(path)
    const { mtimeMs, size, ino } = statSync(real)
    return `${real}\0${mtimeMs}\0${size}\0${ino}`
  } catch {
    return path
  }
}
