// A real host, started as it ships (dist/app, on the pinned Node) over a data directory and a HOME of its own, with a client that
// follows its state. Kills are real kills. Everything it started is ended by close().
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Client, connect } from '../../app/contract/client.ts'
import type { CommandInput, CommandName, CommandOutput } from '../../app/contract/commands/index.ts'
import { createReplica } from '../../app/contract/replica.ts'
import { hostSocketPaths } from '../../app/host/address.ts'
import { CoppiceFailure, type FailureCode } from '../../app/model/failure.ts'
import { isSettled, type Live, type Phase, type Run } from '../../app/model/run.ts'
import type { State } from '../../app/model/state.ts'
import { connectSocket } from '../../app/socket/connect.ts'
import { hermeticEnvironment } from './test-repo.ts'

const root = resolve(import.meta.dirname, '../..')
export const hostProgram = join(root, 'dist/app/host.mjs')
export const cliProgram = join(root, 'dist/app/cli.mjs')
/** The scripted agent: `commandFor('step', …)` gives the command line that runs it. */
export const fakeAgent = join(root, 'test/harness/fake-agent.mjs')

export interface TestHost {
  readonly home: string
  readonly dataDirectory: string
  readonly environment: Record<string, string>
  readonly client: Client
  state(): State
  live(): Readonly<Record<string, Live>>
  run(runId: string): Run
  call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N>>
  /** The failure's code, or "ok". */
  refusal<N extends CommandName>(name: N, input: CommandInput<N>): Promise<FailureCode | 'ok'>
  /** Waits until `test` holds for the state; fails with what was there instead. */
  until<T>(what: string, test: () => T | false | null | undefined, timeoutMs?: number): Promise<T>
  untilPhase(runId: string, phase: Phase | 'settled', timeoutMs?: number): Promise<Run>
  /** Creates one run of a command and gives its id. `setup: 'run'` and `install: true` agree to what the base holds. */
  start(repositoryId: string, commandLine: string, more?: Partial<CommandInput<'run.create'>>): Promise<string>
  hostPid(): number
  /** The keeper's process; waits for one that is just being started. */
  keeperPid(): Promise<number>
  /** SIGKILLs the host. */
  kill(): Promise<void>
  /** Resolves when the host's process is gone. */
  died(): Promise<unknown>
  /** Starts a host on the same data directory and SIGKILLs it so many milliseconds later: in the middle of its recovery. */
  killWhileStarting(afterMs: number): Promise<void>
  /** Starts a host again on the same data directory and connects. */
  restart(): Promise<void>
  log(): string
  cli(args: readonly string[], input?: string): { code: number; stdout: string; stderr: string }
  close(): Promise<void>
}

/** Starts a host. `environment` adds to a hermetic one. */
export async function startHost(
  options: { readonly environment?: Record<string, string>; readonly settings?: object } = {},
): Promise<TestHost> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-host-')))
  const dataDirectory = join(home, 'data')
  mkdirSync(join(home, 'run'), { mode: 0o700 })
  writeFileSync(
    join(home, '.gitconfig'),
    '[user]\n\tname = Ada Author\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n',
  )
  const environment = {
    ...hermeticEnvironment(home),
    SHELL: '/bin/bash',
    XDG_RUNTIME_DIR: join(home, 'run'),
    COPPICE_HOME: dataDirectory,
    ...options.environment,
  }

  let child: ChildProcess
  let client: Client
  const replica = createReplica()
  const state = () => replica.facts.state

  const launch = () => {
    child = spawn(process.execPath, [hostProgram, '--data', dataDirectory], {
      env: environment,
      stdio: 'ignore',
      detached: true,
    })
  }
  const died = () =>
    new Promise((resolveGone) => {
      if (child.exitCode !== null || child.signalCode !== null) resolveGone(null)
      else child.once('exit', resolveGone)
    })

  async function boot(): Promise<void> {
    launch()
    const deadline = Date.now() + 20_000
    for (;;) {
      const channel = await firstOf(hostSocketPaths(dataDirectory))
      const welcomed = channel && (await connect(channel, { via: 'cli', version: 'test' }).catch(notYet))
      if (welcomed) {
        client = welcomed
        break
      }
      if (Date.now() > deadline) throw new Error(`the host did not start:\n${log()}`)
      await sleep(30)
    }
    await new Promise<void>((ready) => replica.follow(client, ready))
  }

  const log = () => {
    const path = join(dataDirectory, 'logs', 'host.log')
    return existsSync(path) ? readFileSync(path, 'utf8') : '(no log)'
  }

  const host: TestHost = {
    home,
    dataDirectory,
    environment,
    get client() {
      return client
    },
    state,
    live: () => replica.facts.live,
    run(runId) {
      const run = state().runs[runId]
      if (!run) throw new Error(`no run ${runId}`)
      return run
    },
    call: (name, input) => client.call(name, input),
    async refusal(name, input) {
      try {
        await client.call(name, input)
        return 'ok'
      } catch (error) {
        if (error instanceof CoppiceFailure) return error.failure.code
        throw error
      }
    },
    until(what, test, timeoutMs = 20_000) {
      return new Promise((resolveUntil, reject) => {
        const check = () => {
          const value = test()
          if (value) {
            done()
            resolveUntil(value as never)
          }
        }
        const timer = setTimeout(() => {
          done()
          const runs = Object.values(state().runs).map(
            (run) => `${run.id}: ${run.phase} ${JSON.stringify(run.failure)}`,
          )
          reject(
            new Error(`waited for ${what}; there is\n${runs.join('\n')}\n${log().split('\n').slice(-15).join('\n')}`),
          )
        }, timeoutMs)
        const poll = setInterval(check, 100)
        const done = () => {
          clearTimeout(timer)
          clearInterval(poll)
          forget()
        }
        const forget = replica.onChange(check)
        check()
      })
    },
    untilPhase(runId, phase, timeoutMs) {
      return host.until(
        `${runId} to be ${phase}`,
        () => {
          const run = state().runs[runId]
          if (!run) return false
          if (phase === 'settled' ? isSettled(run.phase) : run.phase === phase) return run
          return false
        },
        timeoutMs,
      )
    },
    async start(repositoryId, commandLine, more = {}) {
      const { base, fromBranch } = more
      const agrees = more.setup === 'run' || more.install === true
      const { asked } = agrees
        ? await client.call('approval.preview', { repositoryId, base, fromBranch })
        : { asked: [] }
      const shown = (kind: 'setup' | 'install') => asked.find(({ request }) => request.kind === kind)?.hash
      const { runIds } = await client.call('run.create', {
        repositoryId,
        agent: 'command',
        commandLine,
        setup: 'skip',
        install: false,
        ...(more.setup === 'run' ? { setupHash: shown('setup') } : {}),
        ...(more.install ? { installHash: shown('install') } : {}),
        ...more,
      })
      return runIds[0] ?? ''
    },
    hostPid: () => child.pid ?? 0,
    async keeperPid() {
      // Never 0: a signal to that goes to the test's own process group. After one keeper was lost it takes a moment to the next.
      for (const until = Date.now() + 20_000; Date.now() < until; await sleep(50)) {
        const { keeperPid } = await client.call('host.status', {})
        if (keeperPid) return keeperPid
      }
      throw new Error(`the host has no keeper:\n${log()}`)
    },
    async kill() {
      const gone = died()
      if (child.exitCode === null && child.signalCode === null) process.kill(child.pid ?? 0, 'SIGKILL')
      await gone
    },
    died,
    async killWhileStarting(afterMs) {
      launch()
      await sleep(afterMs)
      await host.kill()
    },
    restart: boot,
    log,
    cli(args, input) {
      try {
        const stdout = execFileSync(process.execPath, [cliProgram, ...args], {
          env: environment,
          encoding: 'utf8',
          timeout: 60_000,
          input: input ?? '',
          stdio: ['pipe', 'pipe', 'pipe'],
        })
        return { code: 0, stdout, stderr: '' }
      } catch (error) {
        const failed = error as { status: number | null; stdout: string; stderr: string }
        return { code: failed.status ?? -1, stdout: failed.stdout, stderr: failed.stderr }
      }
    },
    async close() {
      client.close()
      for (const pid of marked(dataDirectory, home)) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It ended by itself meanwhile.
        }
      }
      await sleep(50)
      rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
  await boot()
  if (options.settings) await host.call('settings.change', { change: options.settings })
  return host
}

/** Every process that this test's host started, however far it went: they all have its HOME in their environment. */
export function marked(dataDirectory: string, home: string): number[] {
  const found = execFileSync(
    'sh',
    [
      '-c',
      'grep -lzE -- "$1" /proc/[0-9]*/environ 2>/dev/null || true',
      'sh',
      `^(HOME=${home}|COPPICE_HOME=${dataDirectory})$`,
    ],
    { encoding: 'utf8' },
  )
  return found
    .split('\n')
    .map((path) => Number(path.split('/')[2]))
    .filter((pid) => pid > 1 && pid !== process.pid)
}

/**
 * The socket of a host that was just killed can answer once more: a child that it was about to start holds a copy of it until its
 * program is loaded. What was connected there is lost at once, and the new host has its own socket soon.
 */
function notYet(error: unknown): null {
  if (error instanceof CoppiceFailure && error.failure.code === 'connection-lost') return null
  throw error
}

async function firstOf(paths: readonly string[]) {
  for (const path of paths) {
    const channel = await connectSocket(path).catch(() => null)
    if (channel) return channel
  }
  return null
}

export const sleep = (ms: number) => new Promise((resolveSleep) => setTimeout(resolveSleep, ms))

/** Living processes by their command line, words joined by spaces. Not pgrep: a bare machine has none. */
export function pidsOf(commandLine: RegExp): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => commandLine.test(commandLineOf(pid)) && isRunning(pid))
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return ''
  }
}

/** True while a process is there and no zombie. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
