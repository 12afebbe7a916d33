// What a keeper lives through, and what is left when it does not: killed hosts, slow readers, strangers, full disks, and its
// own death.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect as connectSocket, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import {
  connectKeeper,
  KeeperError,
  prepareSocketDirectory,
  readSpoolFromDisk,
  socketPath,
} from '../../app/keeper/client.ts'
import { openConnection } from '../../app/keeper/client-connection.ts'
import { encodeControl } from '../../app/keeper/frames.ts'
import { identify, isAlive, listProcesses } from '../../app/process/tree.ts'
import { collect, connect, dataDirectory, env, keeperScript, printed, specOf, startNode } from './harness.ts'

const started: ChildProcess[] = []
const sockets: Socket[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  for (const socket of sockets.splice(0)) socket.destroy()
})

function startKeeper(dataDir: string, ...args: string[]): ChildProcess {
  const child = startNode(keeperScript, ['--data', dataDir, ...args])
  started.push(child)
  return child
}

/** Resolves when this keeper answers, and no other: a client that came before it was up would start one of its own. */
async function untilAnswers(child: ChildProcess, dataDir: string): Promise<void> {
  const answers = () => connectKeeper({ dataDir, clientVersion: 'test' }).then((keeper) => keeper.pid, String)
  await expect.poll(answers, { timeout: 20_000 }).toBe(child.pid)
}

/** A keeper whose process was started with limits that a shell sets; resolves when it, and no other, answers. */
async function startLimited(limits: string, dataDir: string): Promise<void> {
  const command = `${limits}; exec "$0" --disable-warning=ExperimentalWarning "$1" --data "$2"`
  const child = spawn('/bin/sh', ['-c', command, process.execPath, keeperScript, dataDir], { stdio: 'ignore' })
  started.push(child)
  await untilAnswers(child, dataDir)
}

async function knock(dataDir: string, ...frames: Buffer[]): Promise<Socket> {
  const socket = connectSocket(socketPath(dataDir, 'keeper'))
  sockets.push(socket)
  socket.on('error', () => {})
  await once(socket, 'connect')
  for (const frame of frames) socket.write(frame)
  return socket
}
const hello = encodeControl({ hello: 'coppice-keeper', protocol: { min: 1, max: 1 }, version: 'raw' })
const numbers = (to: number, ending: string) => Array.from({ length: to }, (_, n) => `${n + 1}${ending}`).join('')

it.each(['pty', 'pipe'] as const)(
  'a killed host reads on from its byte, without a gap, while the %s works on',
  async (kind) => {
    const dataDir = dataDirectory()
    const command = 'i=1; while [ $i -le 60000 ]; do seq $i $((i+599)); i=$((i+600)); sleep 0.01; done'
    const client = join(import.meta.dirname, 'client-process.ts')
    const victim = startNode(client, [dataDir, keeperScript, 'work', kind, command])
    started.push(victim)
    let reached = 0
    let text = ''
    victim.stdout!.on('data', (chunk: Buffer) => {
      text += chunk
      reached = Number(text.trim().split('\n').at(-1))
    })
    await expect.poll(() => reached, { timeout: 20_000 }).toBeGreaterThan(20_000)
    victim.kill('SIGKILL')
    await once(victim, 'exit')

    const keeper = await connect(dataDir)
    const [held] = await keeper.list()
    expect(held).toMatchObject({ sessionId: 'work', exit: null })
    expect(isAlive({ pid: held!.pid, startTime: held!.startTime! })).toBe(true)
    const rest = await collect(keeper, 'work', 'out', reached)
    expect(rest).toMatchObject({ inOrder: true, dropped: [], exit: { code: 0, signal: null } })
    const expected = numbers(60_000, kind === 'pty' ? '\r\n' : '\n')
    expect(rest.bytes.equals(Buffer.from(expected).subarray(reached))).toBe(true)
    // And whoever comes last can still have all of it.
    expect((await collect(keeper, 'work')).bytes.toString()).toBe(expected)
  },
)

it('a reader that has stopped reading stalls nobody, and then gets everything that is kept or is told what was dropped', async () => {
  const dataDir = dataDirectory()
  const keeper = await connect(dataDir)
  const spec = specOf('pipe', 'head -c 60000000 /dev/zero', { spoolBytes: 4 * 1024 * 1024 })
  await keeper.spawn(specOf('pty', 'echo up; exec cat', { sessionId: 'other' }))
  const slow = await openConnection(socketPath(dataDir, 'keeper'), 'slow')
  await keeper.spawn(spec)
  const stuck = await knock(
    dataDir,
    hello,
    encodeControl({ id: 1, do: 'read', sub: 1, sessionId: spec.sessionId, stream: 'out', from: 0 }),
  )
  stuck.pause()
  let got = 0
  let lost = 0
  const reading = slow.read(
    spec.sessionId,
    { stream: 'out', from: 0 },
    {
      onData(bytes, at) {
        expect(at).toBe(got + lost)
        got += bytes.length
        if (got === bytes.length) reading.pause()
      },
      onDropped: (from, to) => {
        expect(from).toBe(got + lost)
        lost += to - from
      },
      onEnd: () => ended(),
    },
  )
  let ended = (): void => {}
  const end = new Promise<void>((done) => {
    ended = done
  })
  const fast = await collect(keeper, spec.sessionId)
  expect(fast.bytes.length + fast.dropped.reduce((sum, [from, to]) => sum + to - from, 0)).toBe(60_000_000)
  await keeper.write('other', Buffer.from('still here\n'))
  await printed(keeper, 'other', 'still here')
  reading.resume()
  await end
  expect(got + lost).toBe(60_000_000)
  expect(lost).toBeGreaterThan(0)
  // What waits for the stuck one is its socket's buffers, not the session.
  const resident = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${keeper.pid}/status`, 'utf8'))![1])
  expect(resident).toBeLessThan(250_000)
  stuck.resume()
  let raw = 0
  stuck.on('data', (chunk) => {
    raw += chunk.length
  })
  await expect.poll(() => raw, { timeout: 20_000 }).toBeGreaterThan(3_000_000)
  slow.close()
})

it('ten started at once leave one, ten clients at once find one, and a held directory is said to be held', async () => {
  const dataDir = dataDirectory()
  const ten = Array.from({ length: 10 }, () => startKeeper(dataDir))
  await expect.poll(() => ten.filter(({ exitCode }) => exitCode === 3).length, { timeout: 30_000 }).toBe(9)
  const keeper = await connect(dataDir)
  expect(ten.filter(({ exitCode }) => exitCode === null).map(({ pid }) => pid)).toEqual([keeper.pid])

  const fresh = dataDirectory()
  const clients = await Promise.all(Array.from({ length: 10 }, () => connect(fresh)))
  expect(new Set(clients.map(({ pid }) => pid)).size).toBe(1)
  await expect
    .poll(
      async () => {
        const all = await listProcesses()
        return all.filter(({ pid }) => commandLine(pid).includes(fresh)).map(({ pid }) => pid)
      },
      { timeout: 20_000 },
    )
    .toEqual([clients[0]!.pid])
})

it('strangers are refused: garbage, oversize, silence of the greeting, another protocol', async () => {
  const dataDir = dataDirectory()
  const keeper = await connect(dataDir)
  const refused = async (...frames: Buffer[]) => {
    const socket = await knock(dataDir, ...frames)
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    await once(socket, 'close')
    return Buffer.concat(chunks).toString('latin1')
  }
  expect(await refused(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toBe('')
  expect(await refused(Buffer.from([0xff, 0xff, 0xff, 0xff, 1]))).toBe('')
  expect(await refused(encodeControl({ id: 1, do: 'list' }))).toContain('This keeper speaks protocol 1 to 1')
  expect(await refused(encodeControl({ hello: 'coppice-keeper', protocol: { min: 2, max: 9 } }))).toContain(
    '"protocol"',
  )
  expect(await refused(hello, Buffer.from([0, 0, 0, 9, 77]))).toContain('hello')
  expect(await refused(hello, encodeControl({ do: 'list' }))).toContain('hello')
  expect(await refused(hello, Buffer.from([0x7f, 0xff, 0xff, 0xff, 3]))).toContain('hello')
  // A newer client is spoken to in the newest version that both know.
  const newer = await knock(
    dataDir,
    encodeControl({ hello: 'coppice-keeper', protocol: { min: 1, max: 7 }, version: '9' }),
  )
  expect(String((await once(newer, 'data'))[0])).toContain('"protocol":1')
  newer.write(encodeControl({ id: 5, do: '__proto__' }))
  expect(String((await once(newer, 'data'))[0])).toContain('bad-input')
  newer.write(encodeControl({ id: 6, do: 'something-new' }))
  expect(String((await once(newer, 'data'))[0])).toContain('Unknown command')
  expect(await keeper.list()).toEqual([])
})

it('a killed keeper is told at once, hangs nobody, and leaves its output on disk', async () => {
  const dataDir = dataDirectory()
  const keeper = await connect(dataDir)
  const spec = specOf('pty', 'seq 1 100000; echo end; exec sleep 300')
  const { pid, startTime } = await keeper.spawn(spec)
  await printed(keeper, spec.sessionId, 'end')
  // What the spool waits for company, and a busy machine's share.
  const expected = `${numbers(100_000, '\r\n')}end\r\n`
  await expect
    .poll(async () => (await readSpoolFromDisk(dataDir, spec.sessionId, 'out', { maxBytes: 1 })).end)
    .toBe(expected.length)
  const closed = new Promise<void>((done) => keeper.onClosed(done))
  const reading = collect(keeper, spec.sessionId)
  process.kill(keeper.pid, 'SIGKILL')
  await closed
  await expect(reading).rejects.toMatchObject({ code: 'closed' })
  await expect(keeper.list()).rejects.toMatchObject({ code: 'closed' })
  await expect(keeper.write(spec.sessionId, Buffer.from('x'))).rejects.toBeInstanceOf(KeeperError)
  keeper.write(spec.sessionId, Buffer.from('unheard'))
  const late = new Promise<void>((done) => keeper.onClosed(done))
  await late
  // Its terminal is gone: the agent is hung up, and never adopted by anyone.
  await expect.poll(() => isAlive({ pid, startTime: startTime! })).toBe(false)

  const all = await readSpoolFromDisk(dataDir, spec.sessionId, 'out', { from: 0, maxBytes: 10_000_000 })
  expect(all.bytes.toString()).toBe(expected)
  const tail = await readSpoolFromDisk(dataDir, spec.sessionId, 'out', { maxBytes: 5 })
  expect({ ...tail, bytes: tail.bytes.toString() }).toMatchObject({ at: expected.length - 5, bytes: 'end\r\n' })
  const none = await readSpoolFromDisk(dataDir, 'never-was', 'out', { maxBytes: 5 })
  expect(none).toMatchObject({ at: 0, firstByte: 0, end: 0 })
  await expect(readSpoolFromDisk(dataDir, '../x', 'out', { maxBytes: 5 })).rejects.toMatchObject({ code: 'bad-input' })

  const next = await connect(dataDir)
  expect(next.pid).not.toBe(keeper.pid)
  expect(await next.list()).toEqual([])
  await expect(next.spawn(spec)).rejects.toMatchObject({ code: 'exists' })
})

it('ends itself when it holds nothing and nobody is there, not before; the next keeper still knows the exits', async () => {
  const dataDir = dataDirectory()
  const first = await connect(dataDir, 0.3)
  const identity = identify(first.pid)!
  const spec = specOf('pipe', 'sleep 1.2; echo out; echo err >&2; exit 7')
  await first.spawn(spec)
  first.close()
  await sleep(700)
  expect(isAlive(identity)).toBe(true)
  await expect.poll(() => isAlive(identity), { timeout: 10_000 }).toBe(false)
  await expect(connectKeeper({ dataDir, clientVersion: 'test' })).rejects.toMatchObject({ code: 'unreachable' })

  const second = await connect(dataDir, 0.3)
  expect(await second.list()).toMatchObject([
    { sessionId: spec.sessionId, exit: { code: 7, signal: null }, bytes: { out: 4, err: 4 } },
  ])
  expect(await collect(second, spec.sessionId, 'err')).toMatchObject({ bytes: Buffer.from('err\n'), exit: { code: 7 } })
  await second.forget(spec.sessionId)
  const other = identify(second.pid)!
  await sleep(700)
  // A client that is connected keeps it.
  expect(isAlive(other)).toBe(true)
  second.close()
  await expect.poll(() => isAlive(other), { timeout: 10_000 }).toBe(false)
})

it('outlives HUP, INT and its starter, and ends on TERM with everything on disk', async () => {
  const dataDir = dataDirectory()
  const keeper = await connect(dataDir)
  const spec = specOf('pty', 'seq 1 20000; echo end; exec sleep 300')
  await keeper.spawn(spec)
  await printed(keeper, spec.sessionId, 'end')
  for (const signal of ['SIGHUP', 'SIGINT'] as const) process.kill(keeper.pid, signal)
  expect(await keeper.list()).toHaveLength(1)
  expect(readFileSync(`/proc/${keeper.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[3]).toBe(String(keeper.pid))
  process.kill(keeper.pid, 'SIGTERM')
  await new Promise<void>((done) => keeper.onClosed(done))
  const { bytes } = await readSpoolFromDisk(dataDir, spec.sessionId, 'out', { from: 0, maxBytes: 1_000_000 })
  expect(bytes.toString()).toBe(`${numbers(20_000, '\r\n')}end\r\n`)
})

it('makes its socket anew when a cleaner has swept it away', async () => {
  const dataDir = dataDirectory()
  const child = startKeeper(dataDir, '--recheck', '0.1')
  await untilAnswers(child, dataDir)
  const keeper = await connect(dataDir)
  await keeper.spawn(specOf('pty', 'exec sleep 300', { sessionId: 'held' }))
  rmSync(dirname(socketPath(dataDir, 'keeper')), { recursive: true })
  await untilAnswers(child, dataDir)
  expect(await keeper.list()).toHaveLength(1)
})

it('is found by a process that would have looked elsewhere', async () => {
  const dataDir = dataDirectory()
  const runtime = dataDirectory()
  const before = process.env.XDG_RUNTIME_DIR
  try {
    process.env.XDG_RUNTIME_DIR = runtime
    expect(socketPath(dataDir, 'keeper').startsWith(runtime)).toBe(true)
    const child = startKeeper(dataDir)
    await expect.poll(() => readdirSync(runtime).length, { timeout: 10_000 }).toBe(1)
    delete process.env.XDG_RUNTIME_DIR
    expect((await connect(dataDir)).pid).toBe(child.pid)
  } finally {
    if (before === undefined) delete process.env.XDG_RUNTIME_DIR
    else process.env.XDG_RUNTIME_DIR = before
  }
})

it('refuses a socket directory that is a link or somebody else’s', () => {
  const place = dataDirectory()
  mkdirSync(join(place, 'real'))
  symlinkSync(join(place, 'real'), join(place, 'link'))
  expect(() => prepareSocketDirectory(join(place, 'link', 'k.sock'))).toThrow(/not a directory of this user/)
  writeFileSync(join(place, 'file'), '')
  expect(() => prepareSocketDirectory(join(place, 'file', 'k.sock'))).toThrow(/not a directory/)
  prepareSocketDirectory(join(place, 'real', 'k.sock'))
  expect(statSync(join(place, 'real')).mode & 0o777).toBe(0o700)
  if (process.getuid?.() !== 0) return
  mkdirSync(join(place, 'theirs'))
  execFileSync('chown', ['65534', join(place, 'theirs')])
  expect(() => prepareSocketDirectory(join(place, 'theirs', 'k.sock'))).toThrow(/not a directory of this user/)
})

it('says why a keeper cannot be started', async () => {
  const dataDir = dataDirectory()
  const broken = join(dataDir, 'broken.mjs')
  writeFileSync(broken, 'throw new Error("no such terminal library")\n')
  const start = (node: string, script: string) =>
    connectKeeper({ dataDir, clientVersion: 'test', startWith: { node, script, env } })
  await expect(start(process.execPath, broken)).rejects.toMatchObject({
    code: 'start-failed',
    message: expect.stringContaining('no such terminal library'),
  })
  await expect(start('/no/such/node', broken)).rejects.toMatchObject({
    code: 'start-failed',
    message: expect.stringContaining('ENOENT'),
  })
})

it('goes on when the disk takes nothing more: files too large (EFBIG)', async () => {
  const dataDir = dataDirectory()
  // 128 blocks of 512 bytes: every segment stops at 64 KiB.
  await startLimited('ulimit -f 128', dataDir)
  await flood(dataDir, 'EFBIG')
})

it('goes on when the disk is full (ENOSPC)', async (context) => {
  const dataDir = dataDirectory()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'tmpfs', dataDir], { stdio: 'ignore' })
  } catch {
    console.warn('SKIPPED: a tmpfs cannot be mounted here, so a full disk was not tried')
    context.skip()
  }
  try {
    await startLimited('true', dataDir)
    await flood(dataDir, 'ENOSPC')
    const keeper = await connect(dataDir)
    await keeper.stop({ force: true })
    await new Promise<void>((done) => keeper.onClosed(done))
  } finally {
    execFileSync('umount', ['-l', dataDir])
  }
})

it('refuses a new session when descriptors run out, and the old ones live', async () => {
  const dataDir = dataDirectory()
  await startLimited('ulimit -n 64', dataDir)
  const keeper = await connect(dataDir)
  const held: string[] = []
  let refusal: unknown
  for (let n = 0; n < 40 && !refusal; n++) {
    const spec = specOf(n % 2 ? 'pty' : 'pipe', 'cat', { stdin: 'pipe' })
    await keeper.spawn(spec).then(
      () => held.push(spec.sessionId),
      (error) => {
        refusal = error
      },
    )
  }
  expect(refusal).toMatchObject({ code: 'spawn-failed', errno: 'EMFILE' })
  // A host that comes back now still gets in.
  expect((await connectKeeper({ dataDir, clientVersion: 'test' })).pid).toBe(keeper.pid)
  expect(held.length).toBeGreaterThan(3)
  for (const sessionId of held) {
    await keeper.write(sessionId, Buffer.from('hello\n'))
    await printed(keeper, sessionId, 'hello')
  }
  expect((await keeper.list()).filter(({ exit }) => exit === null)).toHaveLength(held.length)
})

async function flood(dataDir: string, problem: string): Promise<void> {
  const keeper = await connect(dataDir)
  const spec = specOf('pipe', 'seq 1 2000000; read go; echo after', { stdin: 'pipe' })
  await keeper.spawn(spec)
  const reading = collect(keeper, spec.sessionId)
  await expect
    .poll(async () => (await keeper.list())[0], { timeout: 20_000 })
    .toMatchObject({ bytes: { out: 14_888_896 }, spoolProblem: problem, exit: null })
  await keeper.write(spec.sessionId, Buffer.from('go\n'))
  const { bytes, dropped, exit, inOrder } = await reading
  expect({ exit, inOrder }).toEqual({ exit: { code: 0, signal: null }, inOrder: true })
  const lost = dropped.reduce((sum, [from, to]) => sum + to - from, 0)
  expect(bytes.length + lost).toBe(14_888_896 + 6)
  expect(bytes.subarray(-14).toString()).toBe('2000000\nafter\n')
  // A second session starts on the full disk and is whole.
  const small = specOf('pty', 'echo small')
  await keeper.spawn(small)
  expect((await collect(keeper, small.sessionId)).bytes.toString()).toBe('small\r\n')
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
