// Faults at single system calls, by strace: in the host's own threads (attached by thread id, so that the count begins with the
// step under test), and in each git that it starts (a `git` before the real one on PATH runs the one that is meant under strace).
// A first run without faults is traced and gives the points: every call that changes what is on a disk.
import { type ChildProcess, execFileSync, fork, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { CommandInput, CommandName, CommandOutput } from '../../../app/contract/commands/index.ts'
import type { OwnCommand } from '../../../app/host/room.ts'
import { CoppiceFailure, type Failure } from '../../../app/model/failure.ts'
import type { Run } from '../../../app/model/run.ts'
import type { State } from '../../../app/model/state.ts'
import { marked, sleep } from '../../harness/test-host.ts'
import { hermeticEnvironment, type TestRepo } from '../../harness/test-repo.ts'

export type Order = { readonly id: number } & (
  | { readonly do: 'call'; readonly name: Exclude<CommandName, OwnCommand>; readonly input: unknown }
  | { readonly do: 'settle'; readonly runId: string; readonly timeoutMs: number }
  | { readonly do: 'runs' | 'recovery' | 'verify' | 'end' }
)
export type Answer =
  | { readonly ready: { readonly main: number; readonly pool: number } }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure }

/** One system call at which a fault can happen: the k-th of its name in a thread of the host, or in the n-th git of that command. */
export interface Point {
  readonly where: 'main' | 'pool' | { readonly git: number; readonly command: string }
  readonly call: string
  readonly nth: number
  /** The line of the trace, for a person who reads a failure. */
  readonly line: string
}

const making = ['open', 'openat', 'creat']
const changing = [
  ...['mkdir', 'mkdirat', 'rmdir', 'unlink', 'unlinkat', 'rename', 'renameat', 'renameat2', 'link', 'linkat'],
  ...['symlink', 'symlinkat', 'write', 'pwrite64', 'writev', 'pwritev', 'ftruncate', 'truncate', 'fallocate'],
  ...['chmod', 'fchmod', 'fchmodat', 'utimensat', 'copy_file_range', 'sendfile'],
]
/** What changes nothing on a disk, but may fail on one. */
const flushing = ['fsync', 'fdatasync']
const everything = [...making, ...changing, ...flushing]

/** Null where system calls can be faulted here, else why not. */
export function whyNoFaults(): string | null {
  if (process.platform !== 'linux') return 'system calls are faulted on Linux only'
  const tried = spawnSync('strace', ['-o', '/dev/null', '-e', 'inject=getcwd:error=EIO:when=1', 'true'], {
    encoding: 'utf8',
  })
  if (tried.error) return 'strace is not installed'
  return tried.status === 0 ? null : `strace may not trace here: ${tried.stderr.trim().split('\n').at(-1)}`
}

export type How = 'kill' | 'kill git' | 'ENOSPC' | 'EIO'

export interface Victim {
  readonly dataDirectory: string
  readonly environment: Record<string, string>
  /** True while the process lives. */
  alive(): boolean
  /** Starts it (with its recovery) where it does not live. */
  start(): Promise<void>
  call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N>>
  settled(runId: string, timeoutMs?: number): Promise<Run | null>
  runs(): Promise<State['runs']>
  verify(): Promise<{ ok: boolean }>
  /** Runs `step` under a trace and gives the points in it. */
  points(step: () => Promise<void>): Promise<Point[]>
  /**
   * Runs `step` with a fault at one point. `how`: "kill" takes the host (and the git whose call it was), "kill git" that git alone;
   * an error number is what the call says. Gives the call that was hit, or null where the step never came to the point.
   */
  fault(point: Point, how: How, step: () => Promise<void>): Promise<string | null>
  log(): string
  close(): Promise<void>
}

/** A host without sockets over a data directory beside the repository; not started yet. */
export function makeVictim(repo: TestRepo): Victim {
  const home = join(repo.root, 'home')
  const dataDirectory = join(repo.root, 'data')
  const plans = join(repo.root, 'faults')
  mkdirSync(join(plans, 'bin'), { recursive: true })
  writeFileSync(join(plans, 'bin', 'git'), wrapper(plans))
  chmodSync(join(plans, 'bin', 'git'), 0o755)
  // A login shell's PATH is what its start-up files say.
  writeFileSync(join(home, '.bash_profile'), `PATH='${join(plans, 'bin')}':"$PATH"\n`)
  writeFileSync(join(home, '.gitconfig'), '[user]\n\tname = Ada Author\n\temail = ada@example.com\n')
  mkdirSync(join(home, 'run'), { mode: 0o700 })
  const environment = {
    ...hermeticEnvironment(home),
    SHELL: '/bin/bash',
    XDG_RUNTIME_DIR: join(home, 'run'),
    COPPICE_HOME: dataDirectory,
    // One thread for all asynchronous calls: their order is then the same every time.
    UV_THREADPOOL_SIZE: '1',
  }

  let child: ChildProcess | null = null
  let threads = { main: 0, pool: 0 }
  let nextId = 1
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()

  async function start(): Promise<void> {
    if (child) return
    const started = fork(join(await bundled(), 'host-process.mjs'), [dataDirectory], {
      env: environment,
      execPath: process.execPath,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    child = started
    let words = ''
    started.stderr?.on('data', (chunk: Buffer) => {
      words += chunk.toString()
    })
    await new Promise<void>((resolve, reject) => {
      started.on('message', (answer: Answer) => {
        if ('ready' in answer) {
          threads = answer.ready
          writeFileSync(join(plans, 'host.pid'), String(threads.main))
          return resolve()
        }
        const asked = waiting.get(answer.id)
        waiting.delete(answer.id)
        if ('failure' in answer) asked?.reject(new CoppiceFailure(answer.failure))
        else asked?.resolve(answer.value)
      })
      started.once('exit', (code, signal) => {
        if (child === started) child = null
        const why = new Ended(`the host ended (${code ?? signal}) ${words.slice(-2000)}`)
        for (const { reject: refuse } of waiting.values()) refuse(why)
        waiting.clear()
        reject(why)
      })
    })
  }

  function ask<T>(order: Record<string, unknown>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!child) return reject(new Ended('there is no host'))
      const id = nextId++
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      child.send({ id, ...order })
    })
  }

  const clear = () => {
    for (const name of readdirSync(plans)) {
      if (name !== 'bin' && name !== 'host.pid') rmSync(join(plans, name), { recursive: true })
    }
  }

  /** Attaches strace to one thread of the host; gives what ends it and what it has written. */
  async function attach(thread: number, output: string, options: readonly string[]): Promise<() => Promise<string>> {
    const tracer = spawn('strace', ['-p', String(thread), '-y', '-o', output, ...options], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    const gone = new Promise<void>((resolve) => tracer.once('exit', () => resolve()))
    tracer.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    for (let n = 0; !said.includes('attached'); n++) {
      if (n > 2000 || tracer.exitCode !== null) throw new Error(`strace did not attach: ${said}`)
      await sleep(5)
    }
    return async () => {
      tracer.kill('SIGINT')
      await gone
      return existsSync(output) ? readFileSync(output, 'utf8') : ''
    }
  }

  return {
    dataDirectory,
    environment,
    alive: () => child !== null,
    start,
    call: (name, input) => ask({ do: 'call', name, input }),
    settled: (runId, timeoutMs = 30_000) => ask({ do: 'settle', runId, timeoutMs }),
    runs: () => ask({ do: 'runs' }),
    verify: () => ask({ do: 'verify' }),
    async points(step) {
      clear()
      const only = ['-e', `trace=${known(everything)}`]
      writeFileSync(join(plans, 'plan'), `trace 0 ${known(everything)} 0 -\n`)
      const main = await attach(threads.main, join(plans, 'main'), only)
      const pool = await attach(threads.pool, join(plans, 'pool'), only)
      try {
        await step()
      } finally {
        rmSync(join(plans, 'plan'))
        await Promise.all([main(), pool()])
      }
      const found = [...pointsIn('main', join(plans, 'main')), ...pointsIn('pool', join(plans, 'pool'))]
      const gits = readdirSync(plans).filter((name) => name.startsWith('git.'))
      for (const name of gits.sort((a, b) => Number(a.split('.')[1]) - Number(b.split('.')[1]))) {
        const [, n, ...command] = name.split('.')
        found.push(...pointsIn({ git: Number(n), command: command.join('.') }, join(plans, name)))
      }
      return found
    },
    async fault(point, how, step) {
      clear()
      const effect = how === 'kill' || how === 'kill git' ? 'signal=KILL' : `error=${how}`
      const inject = `inject=${point.call}:${effect}:when=${point.nth}`
      if (typeof point.where === 'object') {
        const scope = how === 'kill' ? 'all' : 'git'
        writeFileSync(join(plans, 'plan'), `fault ${point.where.git} ${inject} ${scope} ${point.where.command}\n`)
        try {
          await step().catch(unlessEnded)
        } finally {
          rmSync(join(plans, 'plan'), { force: true })
        }
        const trace = readdirSync(plans).find((name) => name.startsWith('hit.'))
        const text = trace ? readFileSync(join(plans, trace), 'utf8') : ''
        return hitIn(text)
      }
      const end = await attach(threads[point.where], join(plans, 'hit'), ['-e', `trace=${point.call}`, '-e', inject])
      let text = ''
      try {
        await step().catch(unlessEnded)
      } finally {
        text = await end()
      }
      return hitIn(text)
    },
    log: () => {
      const path = join(dataDirectory, 'logs', 'host.log')
      return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(-30).join('\n') : ''
    },
    async close() {
      child?.kill('SIGKILL')
      for (const pid of marked(dataDirectory, home)) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It ended by itself meanwhile.
        }
      }
      await sleep(30)
    },
  }
}

/** The call of a trace that had the fault, where it was one about a disk: a pipe or a socket is another matter. */
function hitIn(trace: string): string | null {
  const lines = trace.split('\n').filter((line) => /^[a-z0-9_]+\(/.test(line))
  const hit =
    lines.find((line) => line.includes('(INJECTED)')) ?? (/killed by SIGKILL/.test(trace) ? lines.at(-1) : null)
  return hit && isOnDisk(hit.slice(hit.indexOf('(') + 1)) ? hit : null
}

/** Pipes, sockets, event descriptors, terminals, /dev and /proc are no disk. */
function isOnDisk(rest: string): boolean {
  return (
    !/^\d+<(?!\/)/.test(rest) && !/^\d+<\/(dev|proc)\//.test(rest) && !/^(AT_FDCWD<[^>]*>, )?"\/dev\/null"/.test(rest)
  )
}

/**
 * The host, its keeper and its measuring thread, bundled once as they ship: starts in a third of the time, and stays the same while
 * sources are edited. The native module is found by a link.
 */
let bundle: Promise<string> | null = null
function bundled(): Promise<string> {
  bundle ??= (async () => {
    const directory = mkdtempSync(join(tmpdir(), 'coppice-faults-'))
    const root = join(import.meta.dirname, '../../..')
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
    await build({
      absWorkingDir: root,
      entryPoints: {
        'host-process': 'test/faults/driver/host-process.ts',
        keeper: 'app/keeper/main.ts',
        'size-worker': 'app/disk/size-worker.ts',
      },
      outdir: directory,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node26',
      external: ['node-pty'],
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
      logLevel: 'warning',
    })
    return directory
  })()
  return bundle
}

/** Deletes the bundle: after the last test of a file. */
export async function dropBundle(): Promise<void> {
  if (bundle) rmSync(await bundle, { recursive: true, force: true })
  bundle = null
}

/** The host was killed, as was asked for. */
export class Ended extends Error {}

function unlessEnded(error: unknown): void {
  if (!(error instanceof Ended)) throw error
}

/** Of the calls, those that this machine's strace knows: arm64 has no open, mkdir or rename. */
let names: Set<string> | null = null
function known(calls: readonly string[]): string {
  names ??= new Set(
    calls.filter((call) => spawnSync('strace', ['-o', '/dev/null', '-e', `trace=${call}`, 'true']).status === 0),
  )
  return calls.filter((call) => names?.has(call)).join(',')
}

/** The calls of a trace that change a disk, each with its number among those of its name. */
function pointsIn(where: Point['where'], path: string): Point[] {
  if (!existsSync(path)) return []
  const counts = new Map<string, number>()
  const found: Point[] = []
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const match = /^([a-z0-9_]+)\((.*)/.exec(line)
    if (!match?.[1]) continue
    const [, call, rest = ''] = match
    const nth = (counts.get(call) ?? 0) + 1
    counts.set(call, nth)
    if (making.includes(call) && !/O_CREAT|O_TRUNC/.test(rest)) continue
    if (!isOnDisk(rest)) continue
    found.push({ where, call, nth, line: line.slice(0, 200) })
  }
  return found
}

/** True for a call at which being killed leaves another state than at the one before. */
export const isChange = (point: Point): boolean => !flushing.includes(point.call)

/** "git 3 (worktree add) renameat #2: …" */
export function nameOf(point: Point): string {
  const where =
    typeof point.where === 'string' ? `host ${point.where}` : `git ${point.where.git} (${point.where.command})`
  return `${where} ${point.call} #${point.nth}: ${point.line}`
}

/** The git that runs the one meant under strace. Nested gits come through it as well, by GIT_EXEC_PATH. */
function wrapper(plans: string): string {
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
  return `#!/bin/sh
F='${plans}'
REAL='${real}'
{ read -r mode n what scope wanted < "$F/plan"; } 2>/dev/null || exec "$REAL" "$@"
GIT_EXEC_PATH="$F/bin"
export GIT_EXEC_PATH
command= skip=
for word in "$@"; do
  if [ -n "$skip" ]; then skip=; continue; fi
  case $word in
    -c | -C) skip=1 ;;
    -*) ;;
    *) command=$word; break ;;
  esac
done
echo >> "$F/seq.$command"
if [ "$mode" = trace ]; then
  mine=$(wc -l < "$F/seq.$command")
  exec strace -y -o "$F/git.$mine.$command" -e "trace=$what" "$REAL" "$@"
fi
[ "$command" = "$wanted" ] || exec "$REAL" "$@"
mine=$(wc -l < "$F/seq.$command")
[ "$mine" = "$n" ] || exec "$REAL" "$@"
call=\${what#inject=}
call=\${call%%:*}
if [ "$scope" = git ]; then exec strace -y -o "$F/hit.$mine" -e "trace=$call" -e "$what" "$REAL" "$@"; fi
strace -y -o "$F/hit.$mine" -e "trace=$call" -e "$what" "$REAL" "$@"
code=$?
if [ "$code" -gt 128 ]; then
  kill -9 "$(cat "$F/host.pid")"
  kill -9 0
fi
exit "$code"
`
}
