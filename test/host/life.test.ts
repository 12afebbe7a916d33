// Real host processes (with a room that holds nothing): one per data directory, whatever is done to them.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import { type Client, connect, newCommandId } from '../../app/contract/client.ts'
import { CoppiceFailure, type Failure } from '../../app/model/failure.ts'
import { connectSocket } from '../../app/socket/connect.ts'
import { latestVersion } from '../../app/store/schema.ts'
import { scratch } from '../store/sample.ts'
import { until } from './fake-room.ts'

const { make } = scratch()
const program = join(import.meta.dirname, 'fixtures/fake-host.ts')
const started: ChildProcess[] = []
afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
  }
})

interface Started {
  readonly child: ChildProcess
  readonly output: () => string
  readonly exit: Promise<number | null>
}

function start(data: string, ...args: string[]): Started {
  const child = spawn(process.execPath, [program, data, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  started.push(child)
  let output = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk
    })
  }
  const exit = once(child, 'close').then(([code]) => code as number | null)
  return { child, output: () => output, exit }
}

const listening = (host: Started) => until(() => host.output().includes('Listening'), 20_000)

async function enter(data: string, via: 'cli' | 'window' = 'cli'): Promise<Client> {
  return connect(await connectSocket(join(data, 's')), { via, version: '0.1.0' })
}

async function refusalOf(data: string): Promise<Failure> {
  // The socket may not be there yet.
  for (let tries = 0; ; tries++) {
    try {
      await enter(data)
      throw new Error('it was welcomed')
    } catch (error) {
      const failure = error instanceof CoppiceFailure ? error.failure : null
      if (!failure) throw error
      if (failure.code !== 'host-unreachable' || tries > 400) return failure
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
}

const dataIn = () => join(make(), 'data')

describe('hosts on one data directory', () => {
  it('are one, of ten that start at once; the others say who it is and end well', async () => {
    const data = dataIn()
    const hosts = Array.from({ length: 10 }, () => start(data))
    await until(() => hosts.filter((host) => host.output().includes('Listening')).length === 1, 40_000)
    const owner = hosts.find((host) => host.output().includes('Listening'))!
    const losers = hosts.filter((host) => host !== owner)
    expect(await Promise.all(losers.map((host) => host.exit))).toEqual(Array(9).fill(0))
    for (const loser of losers) expect(loser.output()).toMatch(/^Another host .*holds/)
    const client = await enter(data)
    expect(client.welcome.pid).toBe(owner.child.pid)
    client.close()
    expect(owner.child.exitCode).toBeNull()
  }, 90_000)

  it('follow one another after SIGKILL, with all that was written, and the same answers', async () => {
    const data = dataIn()
    const commandId = newCommandId()
    const input = { repositoryId: 'shop', agent: 'shell' } as const
    for (let round = 0; round < 3; round++) {
      const host = start(data)
      await listening(host)
      const client = await enter(data)
      expect(await client.call('run.create', input, { commandId })).toEqual({ runIds: ['run-1'] })
      await client.call('run.create', { ...input, id: `round-${round}` })
      const ended = new Promise((resolve) => client.onClose(resolve))
      host.child.kill('SIGKILL')
      await ended
      await host.exit
      expect(existsSync(join(data, 's'))).toBe(true)
    }
    const last = start(data)
    await listening(last)
    const client = await enter(data)
    const runs = await new Promise<string[]>((resolve) =>
      client.subscribe({ onSnapshot: (state) => resolve(Object.keys(state.runs)), onEvent() {}, onLive() {} }),
    )
    expect(runs.sort()).toEqual(['round-0', 'round-1', 'round-2', 'run-1'])
    client.close()
  }, 60_000)

  it('take over from one that is just ending', async () => {
    const data = dataIn()
    const first = start(data)
    await listening(first)
    first.child.kill('SIGTERM')
    const second = start(data)
    await listening(second)
    expect(await first.exit).toBe(0)
    const client = await enter(data)
    expect(client.welcome.pid).toBe(second.child.pid)
    client.close()
  }, 60_000)
})

describe('a host whose socket was swept away', () => {
  it('makes it anew, keeps its clients, and is still the only one', async () => {
    const data = dataIn()
    const host = start(data, '', '1')
    await listening(host)
    const before = await enter(data)
    for (let round = 0; round < 2; round++) {
      rmSync(join(data, 's'))
      const client = await until(() => statSync(join(data, 's'), { throwIfNoEntry: false })?.isSocket()).then(() =>
        enter(data),
      )
      expect(client.welcome.pid).toBe(host.child.pid)
      client.close()
    }
    expect(statSync(join(data, 's')).mode & 0o777).toBe(0o600)
    expect(await before.call('host.status', {})).toMatchObject({ pid: host.child.pid })
    const second = start(data)
    expect(await second.exit).toBe(0)
    expect(second.output()).toMatch(/^Another host .*holds/)
    expect(readFileSync(join(data, 'logs/host.log'), 'utf8').match(/is gone: it is made anew/g)).toHaveLength(2)
  }, 60_000)
})

describe('a start', () => {
  it('lets those in who came early, once the room is ready, and hands them what was to be said', async () => {
    const data = dataIn()
    const host = start(data, '', '0', 'slow')
    await until(() => existsSync(join(data, 's')), 20_000)
    expect(host.output()).toBe('')
    const cli = await enter(data)
    const client = await enter(data, 'window')
    const notices: string[] = []
    for (const one of [cli, client]) {
      one.onNotice(({ text }) => notices.push(text))
      one.subscribe({ onSnapshot() {}, onEvent() {}, onLive() {} })
    }
    await until(() => notices.length > 0)
    expect(notices).toEqual(['recovered nothing'])
    for (const one of [cli, client]) one.close()
  }, 60_000)

  it('on a damaged database tells clients where it went, ends, and the next one begins anew', async () => {
    const data = dataIn()
    const before = start(data)
    await listening(before)
    before.child.kill('SIGTERM')
    await before.exit
    writeFileSync(join(data, 'journal.db'), 'not a database at all. '.repeat(1000))

    const host = start(data)
    const failure = await refusalOf(data)
    expect(failure.code).toBe('database-corrupt')
    expect(String(failure.detail?.movedTo)).toContain(join(data, 'aside'))
    expect(await host.exit).toBe(1)
    expect(host.output()).toContain('is damaged. It was kept as')
    expect(readFileSync(String(failure.detail?.movedTo), 'utf8')).toContain('not a database')

    const next = start(data)
    await listening(next)
    expect(readdirSync(join(data, 'aside'))).toHaveLength(1)
  }, 60_000)

  it('on a newer database says so and leaves it alone', async () => {
    const data = dataIn()
    const before = start(data)
    await listening(before)
    before.child.kill('SIGTERM')
    await before.exit
    const sql = new DatabaseSync(join(data, 'journal.db'))
    sql.exec(`PRAGMA user_version = ${latestVersion + 3}`)
    sql.close()
    const bytes = readFileSync(join(data, 'journal.db'))
    const host = start(data)
    expect(await refusalOf(data)).toMatchObject({ code: 'database-newer', detail: { found: latestVersion + 3 } })
    expect(await host.exit).toBe(1)
    expect(readFileSync(join(data, 'journal.db')).equals(bytes)).toBe(true)
    expect(readdirSync(join(data, 'aside'))).toEqual([])
  }, 60_000)

  it('whose room fails tells why, in its log too', async () => {
    const data = dataIn()
    const host = start(data, '', '0', 'fail')
    expect((await refusalOf(data)).code).toBe('git-missing')
    expect(await host.exit).toBe(1)
    expect(readFileSync(join(data, 'logs/host.log'), 'utf8')).toContain('git-missing')
    await listening(start(data))
  }, 60_000)

  it('in a directory that cannot be used says why', async () => {
    const file = join(make(), 'file')
    writeFileSync(file, '')
    const host = start(file)
    expect(await host.exit).toBe(1)
    expect(host.output()).toContain('cannot be the data directory')
  }, 60_000)
})

describe('the end', () => {
  it('comes by itself with no client and no live run, and not before', async () => {
    const data = dataIn()
    const host = start(data, '1')
    await listening(host)
    const client = await enter(data)
    await new Promise((resolve) => setTimeout(resolve, 1600))
    expect(host.child.exitCode).toBeNull()
    client.close()
    expect(await host.exit).toBe(0)
    expect(existsSync(join(data, 's'))).toBe(false)
    expect(readFileSync(join(data, 'logs/host.log'), 'utf8')).toContain('idle for 1 s')

    const busy = start(data, '0.3', '1')
    await listening(busy)
    await new Promise((resolve) => setTimeout(resolve, 1200))
    expect(busy.child.exitCode).toBeNull()
  }, 60_000)

  it('by host.stop is answered first, and refused or done as asked', async () => {
    const data = dataIn()
    const host = start(data, '', '2')
    await listening(host)
    const client = await enter(data, 'window')
    const other = await enter(data)
    const status = await client.call('host.status', {})
    expect(status).toMatchObject({
      pid: host.child.pid,
      keeperPid: null,
      version: '0.1.0',
      runs: 2,
      protocol: 1,
      dataDirectory: data,
      address: null,
    })
    expect(await other.call('host.focus', { path: '/repo' })).toEqual({ windows: 1 })
    await expect(client.call('host.stop', { agents: 'refuse' })).rejects.toMatchObject({ failure: { code: 'in-use' } })
    const reasons: string[] = []
    other.onClose((reason) => reasons.push(reason))
    expect(await client.call('host.stop', { agents: 'stop' })).toEqual({})
    expect(await host.exit).toBe(0)
    await until(() => reasons.length === 1)
  }, 60_000)

  it('by host.stop with keep leaves live runs alone', async () => {
    const data = dataIn()
    const host = start(data, '', '2')
    await listening(host)
    const client = await enter(data)
    expect(await client.call('host.stop', { agents: 'keep' })).toEqual({})
    expect(await host.exit).toBe(0)
  }, 60_000)

  it('by SIGTERM closes the port, too, which was not open before it was asked for', async () => {
    const data = dataIn()
    const host = start(data)
    await listening(host)
    const client = await enter(data)
    const listens = () =>
      ['tcp', 'tcp6'].flatMap((kind) =>
        readFileSync(`/proc/${host.child.pid}/net/${kind}`, 'utf8')
          .split('\n')
          .filter((line) => / 0A /.test(line))
          .map((line) => line.trim().split(/\s+/)[9]),
      )
    const sockets = () =>
      readdirSync(`/proc/${host.child.pid}/fd`).flatMap((fd) => {
        try {
          const { ino } = statSync(`/proc/${host.child.pid}/fd/${fd}`)
          return [String(ino)]
        } catch {
          return []
        }
      })
    const open = () => listens().filter((inode) => sockets().includes(inode!)).length
    expect(open()).toBe(0)
    const first = await client.call('host.serve', {})
    expect(open()).toBe(1)
    await expect(client.call('host.serve', { port: 1 })).rejects.toMatchObject({ failure: { code: 'in-use' } })
    const second = await client.call('host.serve', {})
    expect(second.address).toBe(first.address)
    expect(second.url).not.toBe(first.url)
    expect(open()).toBe(1)
    expect((await client.call('host.status', {})).address).toBe(first.address)
    expect((await fetch(`${first.address}/session`)).status).toBe(401)
    const token = first.url.split('#token=')[1]!
    host.child.kill('SIGTERM')
    expect(await host.exit).toBe(0)
    await expect(fetch(`${first.address}/session`)).rejects.toThrow()
    for (const name of readdirSync(data).filter((entry) => /journal|host/.test(entry))) {
      expect(readFileSync(join(data, name)).includes(token), name).toBe(false)
    }
    expect(readFileSync(join(data, 'logs/host.log'), 'utf8')).not.toContain(token)
  }, 60_000)
})
