import { spawn as childProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pty from 'node-pty'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { protocolVersion } from '../../app/contract/wire.ts'
import { hostSocketPaths } from '../../app/host/address.ts'
import { turnAway } from '../../app/host/serve.ts'
import { listenOnSocket } from '../../app/socket/listen.ts'
import { cliProgram, isRunning, sleep } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { fake, makeCli, type TestCli } from './harness.ts'

// The CLI and the host's life: started by whoever needs it, once; ended on purpose; talked to by this protocol only. And the
// terminal in a terminal.
let cli: TestCli
let repo: TestRepo
beforeAll(() => {
  repo = makeRepo()
})
afterAll(() => repo?.close())
beforeEach(() => {
  cli = makeCli()
})
afterEach(async () => cli?.close())

/** The CLI in a terminal of 100 × 30. */
const inTerminal = (...words: string[]) =>
  pty.spawn(process.execPath, [cliProgram, ...words], {
    ...{ cols: 100, rows: 30, name: 'xterm-256color', cwd: cli.home, env: cli.environment, encoding: null },
  })

interface Status {
  pid: number
  keeperPid: number | null
  version: string
  runs: number
}

describe('host', () => {
  it('is not started to be asked for its status or its end', async () => {
    expect(await cli.told(1, 'host', 'status')).toMatchObject({
      code: 'host-unreachable',
      next: expect.stringContaining('host start'),
    })
    expect(await cli.json('host', 'stop')).toEqual({ stopped: false, pid: null })
  })

  it('is one, however many ask for it at once', async () => {
    const started = await Promise.all(
      Array.from({ length: 6 }, () => cli.json<Status & { socket: string }>('host', 'start')),
    )
    expect(new Set(started.map(({ pid }) => pid)).size).toBe(1)
    expect(hostSocketPaths(cli.dataDirectory)).toContain(started[0]?.socket)
    const status = await cli.json<Status>('host', 'status')
    expect(Object.keys(status)).toEqual(['pid', 'keeperPid', 'version', 'runs'])
    expect(status).toMatchObject({ pid: started[0]?.pid, runs: 0 })
    expect(await cli.json('host', 'stop')).toEqual({ stopped: true, pid: status.pid })
    expect(isRunning(status.pid)).toBe(false)
  })

  it('does not leave agents unasked: refuses, keeps them or stops them', async () => {
    await cli.json('run', '--repo', repo.path, '--command', fake('forever'), '--id', 'kept', '--wait', 'running')
    const error = await cli.told(1, 'host', 'stop')
    expect(error.code).toBe('in-use')
    expect(error.next).toContain('--agents keep')
    const { pid } = await cli.json<Status>('host', 'status')
    expect(await cli.json('host', 'stop', '--agents', 'keep')).toEqual({ stopped: true, pid })
    expect(isRunning(pid)).toBe(false)
    expect((await cli.json('show', 'kept')).phase).toBe('running')
    const next = await cli.json<Status>('host', 'status')
    expect(next.runs).toBe(1)
    expect(await cli.json('host', 'stop', '--agents', 'stop')).toEqual({ stopped: true, pid: next.pid })
    expect((await cli.json('show', 'kept')).phase).toBe('stopped')
  })

  it('of another protocol version is told from one that is not there, and can be ended for the newer one', async () => {
    // The test's process shares the runtime directory with the CLI, so that both name the same socket.
    vi.stubEnv('XDG_RUNTIME_DIR', cli.environment.XDG_RUNTIME_DIR)
    mkdirSync(cli.dataDirectory, { mode: 0o700 })
    const [socket = ''] = hostSocketPaths(cli.dataDirectory)
    mkdirSync(dirname(socket), { recursive: true, mode: 0o700 })
    const older = childProcess(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'host', cli.dataDirectory], {
      env: cli.environment,
      stdio: 'ignore',
    })
    const failure = { code: 'protocol-mismatch', retryable: false } as const
    const detail = { host: protocolVersion - 1, client: protocolVersion, older: 'host', message: 'too old' }
    const listener = await listenOnSocket(socket, (channel) => turnAway(channel, { ...failure, detail }))
    try {
      const error = await cli.told(1, 'list')
      expect(error.code).toBe('protocol-mismatch')
      expect(error.message).toContain(`speaks ${protocolVersion}, the host speaks ${protocolVersion - 1}`)
      expect(error.next).toContain('coppice host stop --agents keep')
      // Without an owner that is a host of this directory, nothing is ended.
      writeFileSync(
        join(cli.dataDirectory, 'host.pid'),
        JSON.stringify({ pid: process.pid, version: '0', startedAt: 1 }),
      )
      expect((await cli.told(1, 'host', 'stop', '--agents', 'keep')).code).toBe('protocol-mismatch')
      writeFileSync(join(cli.dataDirectory, 'host.pid'), JSON.stringify({ pid: older.pid, version: '0', startedAt: 1 }))
      expect((await cli.told(1, 'host', 'stop')).code).toBe('protocol-mismatch')
      expect(await cli.json('host', 'stop', '--agents', 'keep')).toEqual({ stopped: true, pid: older.pid })
    } finally {
      older.kill('SIGKILL')
      await listener.close()
      vi.unstubAllEnvs()
    }
  })

  it('says where a damaged journal went and begins anew, and leaves a newer one as it is', async () => {
    await cli.json('run', '--repo', repo.path, '--command', 'echo old words', '--id', 'before', '--wait', 'exited')
    await cli.json('host', 'stop')
    const journal = join(cli.dataDirectory, 'journal.db')
    const whole = readFileSync(journal)
    writeFileSync(journal, 'not a database at all. '.repeat(1000))
    const damaged = await cli.told(1, 'list')
    expect(damaged.code).toBe('database-corrupt')
    const [kept = ''] = readdirSync(join(cli.dataDirectory, 'aside'))
    expect(damaged.message).toContain(`It was kept as ${join(cli.dataDirectory, 'aside', kept)}`)
    expect(readFileSync(join(cli.dataDirectory, 'aside', kept), 'utf8')).toMatch(/^not a database/)
    // The host that said so ends first, within a second.
    await expect.poll(async () => (await cli.run('list', '--json')).stdout, { timeout: 30_000 }).toBe('[]\n')
    // What the journal no longer knows is still there: the branch, the worktree, and what the run had printed.
    expect(repo.git('branch', '--list', 'agent/before')).toContain('agent/before')
    const screen = join(cli.dataDirectory, 'keeper', 'before.1')
    expect(
      readdirSync(screen)
        .filter((name) => name.endsWith('.seg'))
        .map((name) => readFileSync(join(screen, name), 'utf8')),
    ).toEqual(['old words\r\n'])
    const again = ['run', '--repo', repo.path, '--command', 'echo new words', '--wait', 'exited']
    expect(await cli.told(1, ...again, '--id', 'before')).toMatchObject({ code: 'id-taken', next: 'Use before-2' })
    expect(await cli.json(...again, '--id', 'before-2')).toMatchObject({ phase: 'exited', exit: { code: 0 } })
    await cli.json('host', 'stop')

    const newer = Buffer.from(whole)
    // user_version stands at byte 60 of the header, big-endian.
    newer.writeUInt32BE(99, 60)
    for (const suffix of ['-wal', '-shm']) rmSync(journal + suffix, { force: true })
    writeFileSync(journal, newer)
    const refused = await cli.told(1, 'list')
    expect(refused).toMatchObject({ code: 'database-newer', message: expect.stringContaining('its format is 99') })
    expect(readFileSync(journal).equals(newer)).toBe(true)
    expect(readdirSync(join(cli.dataDirectory, 'aside'))).toEqual([kept])
    writeFileSync(journal, whole)
    await expect.poll(async () => (await cli.run('list', '--json')).code, { timeout: 30_000 }).toBe(0)
    expect(await cli.json('show', 'before')).toMatchObject({ phase: 'exited' })
  })

  it('opens a port only when asked, for a browser with a token', async () => {
    const { address, url } = await cli.json<{ address: string; url: string }>('serve')
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+/)
    expect(url.startsWith(address)).toBe(true)
    expect(url).toMatch(/#.{16,}/)
    const again = await cli.json<{ address: string; url: string }>('serve', '--port', new URL(address).port)
    expect(again.address).toBe(address)
    expect(again.url).not.toBe(url)
    // There is one: a number that was asked for is not passed over in silence.
    const refused = await cli.told(1, 'serve', '--port', '1')
    expect(refused.code).toBe('in-use')
    expect(refused.message).toContain(address)
    expect(refused.next).toContain('Leave out the port')
  })
})

describe('doctor', () => {
  it('finds this machine fit, or says what is not', async () => {
    const { code, stdout } = await cli.run('doctor', '--json')
    const { findings } = JSON.parse(stdout) as { findings: { subject: string; result: string }[] }
    expect(findings[0]).toMatchObject({ subject: 'host', result: 'ok' })
    expect(findings.length).toBeGreaterThan(2)
    expect(code).toBe(findings.some(({ result }) => result === 'problem') ? 1 : 0)
  })

  it('looks at what it can where no host can start', async () => {
    const file = join(cli.home, 'a-file')
    writeFileSync(file, '')
    const { code, stdout } = await cli.runWith({ env: { COPPICE_HOME: file } }, 'doctor', '--json')
    const { findings } = JSON.parse(stdout) as { findings: { subject: string; result: string; next: string | null }[] }
    expect(code).toBe(1)
    expect(findings.find(({ subject }) => subject === 'host')).toMatchObject({
      result: 'problem',
      next: expect.any(String),
    })
    expect(findings.find(({ subject }) => subject === 'git')).toMatchObject({ result: 'ok' })
    expect(findings.find(({ subject }) => subject === 'data directory')).toMatchObject({ result: 'problem' })
    const plain = await cli.runWith({ env: { COPPICE_HOME: file } }, 'doctor')
    expect(plain.stdout).toMatch(/^problem {2}host /)
  })
})

describe('attach', () => {
  it('is the terminal: types, draws, sizes, answers nothing itself, and leaves the run alone', async () => {
    const steps = [
      'print first',
      'read',
      'raw \\e[c\\e]11;?\\e\\\\',
      'print asked',
      'read',
      'watch-size',
      'print last',
      'forever',
    ]
    await cli.json('run', '--repo', repo.path, '--command', fake(...steps), '--id', 'seen', '--wait', 'running')
    const terminal = inTerminal('attach', 'seen')
    let seen = ''
    terminal.onData((bytes) => {
      seen += bytes.toString('utf8')
    })
    const type = (text: string) => terminal._socket.write(text)
    const exited = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)))
    const shows = async (text: string) => {
      for (const deadline = Date.now() + 15_000; !seen.includes(text); await sleep(30)) {
        if (Date.now() > deadline) throw new Error(`waited for ${JSON.stringify(text)} in ${JSON.stringify(seen)}`)
      }
    }
    await shows('first')
    type('hello\r')
    await shows('read: hello')
    await shows('asked')
    // The questions that the program asked were the mirror's to answer.
    expect(seen).not.toContain('\u001b[c')
    expect(seen).not.toContain(']11;?')
    type('\u001d\u001dx\r')
    await shows('last')
    terminal.resize(120, 40)
    await shows('size: 120x40')
    type('\u001dd')
    expect(await exited).toBe(0)
    expect(seen).toContain('Left seen. The run keeps running.')
    expect(seen.slice(seen.lastIndexOf('\u001b[?1049l'))).toContain('\u001b[?2004;2031l')
    expect((await cli.json('show', 'seen')).phase).toBe('running')
    await cli.json('stop', 'seen')
  })

  it.each(['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGTERM'] as const)(
    'puts the terminal back when %s ends it',
    async (signal) => {
      const id = `by-${signal.toLowerCase()}`
      const modes = '\\e[?1049h\\e[?1003h\\e[?2004h\\e[>1u\\e[?25lDRAWN'
      await cli.json(
        'run',
        '--repo',
        repo.path,
        '--command',
        fake(`raw ${modes}`, 'forever'),
        '--id',
        id,
        '--wait',
        'running',
      )
      const terminal = inTerminal('attach', id)
      let seen = ''
      terminal.onData((bytes) => {
        seen += bytes.toString('utf8')
      })
      const exited = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)))
      for (const deadline = Date.now() + 15_000; !seen.includes('DRAWN'); await sleep(30)) {
        if (Date.now() > deadline) throw new Error(`waited for the screen in ${JSON.stringify(seen)}`)
      }
      process.kill(terminal.pid, signal)
      expect(await exited).toBe(0)
      const after = seen.slice(seen.lastIndexOf('DRAWN'))
      for (const off of ['\u001b[?1049l', '1003;', '\u001b[?2004;2031l', '\u001b[?7;25h', '\u001b[<99u'])
        expect(after).toContain(off)
      expect((await cli.json('show', id)).phase).toBe('running')
      await cli.json('stop', id)
    },
  )

  it('shows a table in colour and in the width of the terminal, unless NO_COLOR asks for none', async () => {
    const id = 'a-run-with-a-name-that-is-as-long-as-it-may-be-1'
    await cli.json('run', '--repo', repo.path, '--command', 'true', '--id', id, '--wait', 'settled')
    const table = (...words: string[]) =>
      new Promise<string>((resolve) => {
        const terminal = inTerminal(...words)
        let text = ''
        terminal.onData((bytes) => {
          text += bytes.toString('utf8')
        })
        terminal.onExit(() => resolve(text))
      })
    const coloured = await table('list')
    expect(coloured).toContain('\u001b[2m')
    cli.environment.NO_COLOR = '1'
    const plain = await table('list')
    expect(plain).not.toContain('\u001b')
    for (const line of plain.trimEnd().split('\r\n')) expect(line.length).toBeLessThanOrEqual(100)
    expect(plain).toContain('…')
    const piped = await cli.run('list')
    expect(piped.stdout).toContain(`agent/${id}`)
  })

  it("is a session beside a run's agent: opened and attached to by shell, listed by show, read, sent to and ended by its number", async () => {
    await cli.json('run', '--repo', repo.path, '--command', 'sleep 710', '--id', 'wide', '--wait', 'running')
    const opened = await cli.json<{ id: string; number: number; sessionId: string }>(
      ...[
        'shell',
        'wide',
        '--title',
        'Server',
        '--command',
        'echo up in $COPPICE_RUN; read line; echo "got $line"; sleep 711',
      ],
    )
    expect(opened).toMatchObject({ id: 'wide', number: 1, sessionId: 'wide.side-1' })
    const view = await cli.json('show', 'wide')
    expect(view.sessions).toMatchObject([
      { number: 1, kind: 'command', title: 'Server', exit: null, endedAt: null, pid: expect.any(Number) },
    ])
    expect(view.attempt).toBe(1)
    await cli.json('send', 'wide', 'a word', '--session', '1')
    const terminal = inTerminal('attach', 'wide', '--session', '1')
    let seen = ''
    terminal.onData((bytes) => {
      seen += bytes.toString('utf8')
    })
    const exited = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)))
    const shows = async (text: string) => {
      for (const deadline = Date.now() + 15_000; !seen.includes(text); await sleep(30)) {
        if (Date.now() > deadline) throw new Error(`waited for ${JSON.stringify(text)} in ${JSON.stringify(seen)}`)
      }
    }
    await shows('got a word')
    terminal._socket.write('\u001dd')
    expect(await exited).toBe(0)
    expect(seen).toContain('Left session 1 of wide. It keeps running.')
    expect((await cli.run('logs', 'wide', '--session', '1')).stdout).toContain('up in wide')
    expect((await cli.run('show', 'wide')).stdout).toContain('1 Server (running)')
    expect(await cli.json('stop', 'wide', '--session', '1')).toEqual({
      ...{ id: 'wide', number: 1, sessionId: 'wide.side-1', closed: true },
    })
    expect(await cli.json('show', 'wide')).toMatchObject({ phase: 'running', sessions: [] })
    // A shell attaches at once, and its end leaves it.
    const shell = inTerminal('shell', 'wide')
    let said = ''
    shell.onData((bytes) => {
      said += bytes.toString('utf8')
    })
    const left = new Promise<number>((resolve) => shell.onExit(({ exitCode }) => resolve(exitCode)))
    for (const deadline = Date.now() + 15_000; !said.includes('$ ') && Date.now() < deadline; ) await sleep(30)
    shell._socket.write('exit\r')
    expect(await left).toBe(0)
    expect(said).toContain('Left session 2 of wide. Its terminal has ended.')
    expect((await cli.told(1, 'stop', 'wide', '--session', '9')).code).toBe('not-found')
    await cli.json('stop', 'wide')
  })

  it('wants a terminal', async () => {
    expect((await cli.told(1, 'attach', 'x')).code).toBe('unsupported')
    const plain = await cli.run('shell', 'x')
    expect(plain.code).toBe(1)
    expect(plain.stderr).toContain('Run it with --json')
  })
})

it('works from any folder, with a data directory whose path is long', async () => {
  const deep = mkdtempSync(join(tmpdir(), 'coppice-deep-'))
  const home = join(deep, 'x'.repeat(120), 'data')
  try {
    const { code, stdout } = await cli.runWith(
      { env: { COPPICE_HOME: home }, cwd: repo.path },
      'run',
      '--repo',
      '.',
      '--command',
      'true',
      '--wait',
      'settled',
      '--json',
    )
    expect(code, stdout).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ repository: repo.path, phase: 'exited' })
    expect((await cli.runWith({ env: { COPPICE_HOME: home } }, 'host', 'stop')).code).toBe(0)
  } finally {
    rmSync(deep, { recursive: true, force: true })
  }
})
