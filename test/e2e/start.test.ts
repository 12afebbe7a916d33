// `npm start` as a newcomer meets it: the checks, the one line that says which client opened and why, what is handed on, Ctrl-C;
// and the real window with its real sandbox, which needs an ordinary user.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
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
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { displayProblem, installedElectron, sandboxProblem } from '../../scripts/electron-runtime.mjs'
import { poll, root } from '../harness/app-driver.ts'
import { hermeticEnvironment, makeRepo } from '../harness/test-repo.ts'

const starter = join(root, 'scripts/start.mjs')
const cliProgram = join(root, 'dist/app/cli.mjs')

let home: string
let environment: Record<string, string>
const cleanups: (() => unknown)[] = []

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-start-')))
  mkdirSync(join(home, 'run'), { mode: 0o700 })
  mkdirSync(join(home, 'bin'))
  environment = {
    ...hermeticEnvironment(home),
    SHELL: '/bin/bash',
    XDG_RUNTIME_DIR: join(home, 'run'),
    COPPICE_HOME: join(home, 'data'),
  }
  // The person's own PATH, with what a test puts before it.
  environment.PATH = `${join(home, 'bin')}:${environment.PATH}`
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  const status = cliOr<{ keeperPid: number | null }>('host', 'status')
  cliOr('host', 'stop', '--agents', 'stop')
  if (status?.keeperPid) {
    try {
      process.kill(status.keeperPid, 'SIGTERM')
    } catch {
      // It has gone.
    }
  }
  rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
})

function cliOr<T>(...words: string[]): T | null {
  const { stdout } = spawnSync(process.execPath, [cliProgram, ...words, '--json'], {
    env: environment,
    encoding: 'utf8',
  })
  try {
    const answer = JSON.parse(stdout)
    return 'error' in answer ? null : answer
  } catch {
    return null
  }
}

interface Started {
  readonly child: ChildProcess
  out(): string
  errors(): string
  lines(count: number): Promise<string[]>
  ended(): Promise<number | null>
}

function start(
  words: readonly string[],
  options: { readonly env?: Record<string, string>; readonly node?: readonly string[] } = {},
): Started {
  const child = spawn(process.execPath, [...(options.node ?? []), starter, ...words], {
    env: { ...environment, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return watch(child)
}

function watch(child: ChildProcess): Started {
  let out = ''
  let errors = ''
  child.stdout?.on('data', (text) => {
    out += text
  })
  child.stderr?.on('data', (text) => {
    errors += text
  })
  const gone = new Promise<number | null>((done) => child.once('close', done))
  cleanups.push(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await gone
  })
  return {
    child,
    out: () => out,
    errors: () => errors,
    ended: () => gone,
    async lines(count) {
      return await poll(
        `${count} line(s)`,
        async () => {
          const lines = out.split('\n').slice(0, -1)
          if (lines.length >= count) return lines
          if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}:\n${out}\n${errors}`)
          return undefined
        },
        60_000,
      )
    },
  }
}

const addressIn = (line: string) => /http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]+/.exec(line)?.[0]

describe('without a display', () => {
  it('says one line: the address, why, and how to get the window; Ctrl-C says what goes on', async () => {
    const started = start([])
    const [line] = await started.lines(1)
    expect(line).toMatch(
      /^Coppice is at http:\S+ \(good for one browser\), because there is no display here — for the window: start it in a desktop session\.$/,
    )
    const address = new URL(addressIn(line!)!)
    const page = await fetch(address.origin)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('<title>Coppice</title>')

    started.child.kill('SIGINT')
    expect(await started.ended()).toBe(0)
    expect(started.out().trim().split('\n')).toHaveLength(1)
    expect(started.errors()).toMatch(/No agent was running/)
    expect(cliOr<{ runs: number }>('host', 'status')?.runs).toBe(0)
  })

  it('opens the repository that is named, from where the person stands', async () => {
    const repo = makeRepo({ name: 'named' })
    cleanups.push(() => repo.close())
    const started = start(['named'], { env: { INIT_CWD: repo.root } })
    await started.lines(1)
    const run = cliOr<{ repository: string }>('run', '--repo', repo.path, '--command', 'sleep 100', '--wait', 'running')
    expect(run?.repository).toBe(repo.path)
    const journal = execFileSync(process.execPath, [cliProgram, 'journal', '--json'], {
      env: environment,
      encoding: 'utf8',
    })
    expect(journal.match(/repository-added/g)).toHaveLength(1)

    started.child.kill('SIGINT')
    expect(await started.ended()).toBe(0)
    expect(started.errors()).toMatch(/One agent keeps running/)
    expect(cliOr<{ phase: string }[]>('list')?.map((one) => one.phase)).toEqual(['running'])
  })

  it('starts the demo', async () => {
    const started = start(['--demo'])
    await started.lines(1)
    const runs = await poll('the demo', async () => {
      const list = cliOr<{ agent: string }[]>('list')
      return list && list.length >= 4 ? list : undefined
    })
    expect(runs.every((run) => run.agent === 'demo')).toBe(true)
  })

  it('serves again, at the same port, when the host was killed', async () => {
    const started = start([])
    const [first] = await started.lines(1)
    const { pid } = cliOr<{ pid: number }>('host', 'status')!
    process.kill(pid, 'SIGKILL')
    const [, second] = await started.lines(2)
    expect(second).toMatch(/^The host was lost and is back: open http/)
    expect(new URL(addressIn(second!)!).origin).toBe(new URL(addressIn(first!)!).origin)
    expect(addressIn(second!)).not.toBe(addressIn(first!))
  })
})

describe('with a display', () => {
  const opener = (code: string) => {
    writeFileSync(join(home, 'bin/xdg-open'), `#!/bin/sh\n${code}\n`)
    chmodSync(join(home, 'bin/xdg-open'), 0o755)
  }
  const display = { DISPLAY: ':4242' }

  it('opens the default browser when asked to', async () => {
    opener(`echo "$1" > '${home}/opened'`)
    const [line] = await start(['--browser'], { env: display }).lines(1)
    expect(line).toMatch(
      /^Coppice opened in your browser, because you asked for it: http\S+ — for the window: leave out --browser\.$/,
    )
    expect(readFileSync(join(home, 'opened'), 'utf8').trim()).toBe(addressIn(line!))
  })

  it('prints the address when no browser takes it', async () => {
    opener('exit 3')
    const [line] = await start(['--browser'], { env: display }).lines(1)
    expect(line).toMatch(/^Coppice is at http/)
  })

  it.runIf(sandboxProblem()?.why.includes('root'))(
    'says that Electron does not run as root, and never switches the sandbox off',
    async () => {
      opener('exit 0')
      const [line] = await start([], { env: display }).lines(1)
      expect(line).toMatch(
        /because Electron does not run as root: http\S+ — for the window: start it as an ordinary user\.$/,
      )
    },
  )
})

describe('npm run dev', () => {
  it('serves the client from its sources over throw-away data, to its own page only, and takes the data away', async () => {
    const child = spawn(process.execPath, [join(root, 'scripts/dev.mjs')], {
      env: { ...environment, TMPDIR: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const started = watch(child)
    const said = await poll(
      'the address',
      async () => {
        if (child.exitCode !== null) throw new Error(started.errors())
        return /development: (\S+)\nIts data is in (\S+) /.exec(started.errors()) ?? undefined
      },
      60_000,
    )
    const [, address, data] = said as unknown as [string, string, string]
    expect(existsSync(join(data, 'journal.db'))).toBe(true)
    expect(await (await fetch(address)).text()).toContain('/@vite/client')
    expect((await fetch(`${address}/session`)).status).toBe(204)
    const stranger = await fetch(`${address}/session`, { headers: { origin: 'http://example.com' } })
    expect(stranger.status).not.toBe(204)
    // The page's own socket gets through to the host, though the page itself has neither cookie nor key.
    const knock = (origin: string) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(`${address.replace('http', 'ws')}/socket`, ['coppice'], { origin })
        socket.on('open', () => {
          resolve(socket.protocol)
          socket.close()
        })
        socket.on('error', () => resolve('refused'))
      })
    expect(await knock(address)).toBe('coppice')
    expect(await knock('http://example.com')).toBe('refused')
    child.kill('SIGINT')
    expect(await started.ended()).toBe(0)
    expect(existsSync(data)).toBe(false)
  })
})

describe('what it refuses, having started nothing', () => {
  const refused = async (started: Started, code: number, words: RegExp) => {
    expect(await started.ended()).toBe(code)
    expect(started.errors()).toMatch(words)
    expect(started.out()).toBe('')
    expect(existsSync(environment.COPPICE_HOME!)).toBe(false)
  }

  it('a path that is no folder', () => refused(start(['/nonexistent/path']), 1, /is not a folder/))
  it('an unknown option', () => refused(start(['--frobnicate']), 2, /Unknown option --frobnicate/))
  it('two paths', () => refused(start(['/tmp', '/var']), 2, /One PATH/))

  it('an old git', async () => {
    writeFileSync(join(home, 'bin/git'), '#!/bin/sh\necho git version 2.30.2\n')
    chmodSync(join(home, 'bin/git'), 0o755)
    await refused(start([]), 1, /git 2\.38 or newer; this is 2\.30\.2/)
  })

  it('no git', async () => {
    environment.PATH = join(home, 'bin')
    await refused(start([]), 1, /no git was found/)
  })

  it('an old Node', async () => {
    const pretend = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'18.20.4'})`
    await refused(start([], { node: ['--import', pretend] }), 1, /Node 20\.19 or newer; this is 18\.20\.4/)
  })

  it('help is no refusal', async () => {
    const started = start(['--help'])
    expect(await started.ended()).toBe(0)
    expect(started.errors()).toContain('npm start -- --demo')
  })
})

const windowProblem = whyNoWindow()
if (windowProblem) console.warn(`\n!!! SKIPPED: npm start with its window and its sandbox: ${windowProblem}\n`)

describe.skipIf(windowProblem !== null)('the window, started by an ordinary user', () => {
  const nobody = 65_534

  it('opens with its sandbox on, says so in one line, and brings itself to the front for a second start', async () => {
    const { electron, as } = ordinaryUser()
    const env = { ...environment, ELECTRON_OVERRIDE_DIST_PATH: electron, DISPLAY: process.env.DISPLAY ?? '', ...as.env }
    // Its host belongs to that user, and so does its socket.
    const asUser = (...words: string[]) =>
      spawnSync(as.command[0]!, [...as.command.slice(1), process.execPath, cliProgram, ...words, '--json'], {
        env,
        encoding: 'utf8',
      })
    cleanups.push(() => {
      const { keeperPid } = JSON.parse(asUser('host', 'status').stdout)
      asUser('host', 'stop', '--agents', 'stop')
      if (keeperPid) process.kill(keeperPid, 'SIGTERM')
    })
    const run = (...words: string[]) =>
      watch(
        spawn(as.command[0]!, [...as.command.slice(1), process.execPath, starter, ...words], {
          env,
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      )
    const started = run()
    const [line] = await started.lines(1)
    expect(line, started.errors()).toMatch(/^Coppice opened its window \(Electron [\d.]+\)\.$/)

    const commands = processesOf(join(home, 'data')).map(({ command }) => command)
    expect(commands.filter((command) => command.includes('--type=renderer')).length).toBeGreaterThan(0)
    expect(commands.join('\n')).not.toContain('no-sandbox')
    for (const { pid, command } of processesOf(join(home, 'data'))) {
      if (!command.includes('--type=renderer')) continue
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      // 2: a seccomp filter; and a root of its own that is not ours.
      expect(status).toMatch(/^Seccomp:\s*2$/m)
      expect(status).toMatch(new RegExp(`^Uid:\\s*${as.uid ?? '\\d+'}\\b`, 'm'))
    }

    const repo = makeRepo({ name: 'handed over' })
    cleanups.push(() => repo.close())
    if (as.uid !== undefined) execFileSync('chown', ['-R', `${as.uid}:${as.uid}`, repo.root])
    const second = run(repo.path)
    expect(await second.ended()).toBe(0)
    expect(second.out()).toBe('Coppice is open already: its window was brought to the front.\n')
    await poll('the repository that was handed over', async () =>
      asUser('journal', '--search', 'repository-added').stdout.includes(repo.path) ? true : undefined,
    )

    started.child.kill('SIGINT')
    expect(await started.ended()).toBe(0)
    expect(started.out().trim().split('\n')).toHaveLength(1)
  })

  /** Root becomes nobody, with an Electron that nobody may read; anybody else is ordinary as they are. */
  function ordinaryUser(): { electron: string; as: { command: string[]; env: Record<string, string>; uid?: number } } {
    const { folder } = installedElectron()!
    if (process.getuid?.() !== 0) {
      return { electron: folder, as: { command: ['env'], env: { XAUTHORITY: process.env.XAUTHORITY ?? '' } } }
    }
    const electron = join(home, 'electron')
    execFileSync('cp', ['-al', folder, electron])
    chmodSync(home, 0o755)
    const own = join(home, 'nobody')
    mkdirSync(own)
    for (const path of [own, join(home, 'run')]) chownSync(path, nobody, nobody)
    environment.COPPICE_HOME = join(own, 'data')
    const authority = join(own, '.Xauthority')
    const given = process.env.XAUTHORITY
    writeFileSync(authority, given && existsSync(given) ? readFileSync(given) : '')
    chownSync(authority, nobody, nobody)
    return {
      electron,
      as: {
        command: ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'],
        env: { HOME: own, XDG_CONFIG_HOME: own, COPPICE_HOME: join(own, 'data'), XAUTHORITY: authority },
        uid: nobody,
      },
    }
  }
})

function processesOf(text: string): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
        return command.includes(text.replace(/data$/, '')) ? [{ pid: Number(name), command }] : []
      } catch {
        return []
      }
    })
}

/** Why the real window cannot be tried here as a person would start it, or null. */
function whyNoWindow(): string | null {
  const electron = installedElectron()
  if (!electron) return 'there is no Electron'
  const display = displayProblem()
  if (display) return display.why
  const sandbox = sandboxProblem({ uid: 1000, executable: electron.executable })
  if (sandbox) return sandbox.why
  if (process.getuid?.() !== 0) return null
  const can = spawnSync('setpriv', [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    'test',
    '-r',
    join(root, 'package.json'),
  ])
  if (can.error) return 'there is no setpriv to become an ordinary user with'
  if (can.status !== 0) return `an ordinary user cannot read ${dirname(root)}`
  return null
}
