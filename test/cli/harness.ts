// The CLI as it ships (dist/app/cli.mjs on the pinned Node), over a data directory and a HOME of its own: it starts the host that
// it talks to. Everything that was started from here is ended by close().
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunView } from '../../app/model/view.ts'
import { cliProgram, fakeAgent, marked, sleep } from '../harness/test-host.ts'
import { hermeticEnvironment } from '../harness/test-repo.ts'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Told {
  readonly error: { readonly code: string; readonly message: string; readonly next: string }
}

export interface TestCli {
  readonly home: string
  readonly dataDirectory: string
  readonly environment: Record<string, string>
  /** Runs it to its end. */
  run(...words: string[]): Promise<Ended>
  /** The same with a text on stdin, other variables or another folder. */
  runWith(
    options: { readonly input?: string; readonly env?: Record<string, string>; readonly cwd?: string },
    ...words: string[]
  ): Promise<Ended>
  /** With --json: what it printed. Fails unless the exit code is 0. */
  json<T = RunView>(...words: string[]): Promise<T>
  /** With --json: the failure that it printed. Fails unless the exit code is `code`. */
  told(code: number, ...words: string[]): Promise<Told['error']>
  /** Starts it and leaves it running. */
  start(...words: string[]): {
    readonly child: ChildProcessWithoutNullStreams
    readonly ended: Promise<Ended>
    out(): string
  }
  close(): Promise<void>
}

/** A command line that runs the scripted agent. */
export const fake = (...steps: string[]): string =>
  ['exec', process.execPath, fakeAgent, ...steps]
    .map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
    .join(' ')
    .replace("'exec'", 'exec')

export function makeCli(): TestCli {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-cli-')))
  const dataDirectory = join(home, 'data')
  mkdirSync(join(home, 'run'), { mode: 0o700 })
  writeFileSync(join(home, '.gitconfig'), '[user]\n\tname = Ada Author\n\temail = ada@example.com\n')
  const environment = {
    ...hermeticEnvironment(home),
    SHELL: '/bin/bash',
    XDG_RUNTIME_DIR: join(home, 'run'),
    COPPICE_HOME: dataDirectory,
  }
  const running = new Set<ChildProcessWithoutNullStreams>()

  function start(options: { input?: string; env?: Record<string, string>; cwd?: string }, words: readonly string[]) {
    const child = spawn(process.execPath, [cliProgram, ...words], {
      cwd: options.cwd ?? home,
      env: { ...environment, ...options.env },
    })
    running.add(child)
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    // It may end without having read all that it was given.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
    const ended = new Promise<Ended>((resolve) =>
      child.on('close', (code, signal) => {
        running.delete(child)
        resolve({ code, signal, stdout, stderr })
      }),
    )
    return { child, ended, out: () => stdout }
  }

  const cli: TestCli = {
    home,
    dataDirectory,
    environment,
    run: (...words) => start({}, words).ended,
    runWith: (options, ...words) => start(options, words).ended,
    async json(...words) {
      const { code, stdout, stderr } = await cli.run(...words, '--json')
      if (code !== 0) throw new Error(`coppice ${words.join(' ')} ended with ${code}\n${stdout}${stderr}`)
      return JSON.parse(stdout) as never
    },
    async told(wanted, ...words) {
      const { code, stdout, stderr } = await cli.run(...words, '--json')
      if (code !== wanted)
        throw new Error(`coppice ${words.join(' ')} ended with ${code}, not ${wanted}\n${stdout}${stderr}`)
      return (JSON.parse(stdout) as Told).error
    },
    start: (...words) => start({}, words),
    async close() {
      for (const child of running) child.kill('SIGKILL')
      for (let round = 0; round < 3; round++) {
        for (const pid of marked(dataDirectory, home)) {
          try {
            process.kill(pid, 'SIGKILL')
          } catch {
            // It ended by itself meanwhile.
          }
        }
        await sleep(50)
      }
      rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
  return cli
}
