// Sessions in a real keeper process: what goes in, what comes out, how they end, and what is refused.
import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readSpoolFromDisk, socketPath } from '../../app/keeper/client.ts'
import { identify } from '../../app/process/tree.ts'
import { collect, connect, dataDirectory, env, printed, specOf } from './harness.ts'

describe.each(['pty', 'pipe'] as const)('%s', (kind) => {
  it('loses nothing of 100 KB at the exit, 200 times', async () => {
    const keeper = await connect(dataDirectory())
    const lengths: number[] = []
    for (let round = 0; round < 20; round++) {
      const specs = Array.from({ length: 10 }, () =>
        specOf(kind, '', { file: '/usr/bin/head', args: ['-c', '100000', '/dev/zero'] }),
      )
      const all = await Promise.all(
        specs.map(async (spec) => {
          await keeper.spawn(spec)
          return collect(keeper, spec.sessionId)
        }),
      )
      lengths.push(...all.map(({ bytes }) => bytes.length))
      expect(all.every(({ exit, inOrder }) => exit.code === 0 && inOrder)).toBe(true)
    }
    expect(lengths.filter((length) => length !== 100_000)).toEqual([])
    expect(lengths).toHaveLength(200)
  })

  it('reports exit codes and signals, and the identity of its child', async () => {
    const keeper = await connect(dataDirectory())
    const ends = async (script: string) => {
      const spec = specOf(kind, script)
      const child = await keeper.spawn(spec)
      return { ...(await collect(keeper, spec.sessionId)).exit, child }
    }
    expect(await ends('exit 0')).toMatchObject({ code: 0, signal: null })
    expect(await ends('exit 42')).toMatchObject({ code: 42, signal: null })
    expect(await ends('kill -TERM $$')).toMatchObject({ code: null, signal: 'SIGTERM' })
    expect(await ends('kill -KILL $$')).toMatchObject({ code: null, signal: 'SIGKILL' })
    const spec = specOf(kind, 'echo up; exec sleep 300')
    const child = await keeper.spawn(spec)
    expect(identify(child.pid)).toEqual(child)
    await keeper.signal(spec.sessionId, 'SIGINT')
    expect((await collect(keeper, spec.sessionId)).exit).toEqual({ code: null, signal: 'SIGINT' })
  })

  it('takes input in order, also a lot of it', async () => {
    const keeper = await connect(dataDirectory())
    // A terminal echoes and holds 4096 bytes a line unless it is told otherwise.
    const raw = kind === 'pty' ? 'stty raw -echo; ' : ''
    const spec = specOf(kind, `${raw}echo ready; head -c 500000 | sha256sum; echo done`, { stdin: 'pipe' })
    await keeper.spawn(spec)
    await printed(keeper, spec.sessionId, 'ready')
    const bytes = Buffer.from(Array.from({ length: 500_000 }, (_, n) => (n * 7919) % 251))
    // Neither is awaited: they must arrive in the order in which they were made.
    for (let at = 0; at < bytes.length; at += 70_001) keeper.write(spec.sessionId, bytes.subarray(at, at + 70_001))
    keeper.endInput(spec.sessionId)
    const { createHash } = await import('node:crypto')
    const expected = createHash('sha256').update(bytes).digest('hex')
    expect((await collect(keeper, spec.sessionId)).bytes.toString()).toContain(`${expected}  -`)
  })

  it('waits for a background child that holds the output, but not for ever', { timeout: 30_000 }, async () => {
    const keeper = await connect(dataDirectory())
    const late = specOf(kind, 'trap "" HUP; (sleep 0.7; echo late) & echo early')
    const never = specOf(kind, 'trap "" HUP; (sleep 300) & echo early')
    await keeper.spawn(late)
    const { pid } = await keeper.spawn(never)
    expect((await collect(keeper, late.sessionId)).bytes.toString()).toMatch(/^early\r?\nlate\r?\n$/)
    expect(await collect(keeper, never.sessionId)).toMatchObject({ exit: { code: 0, signal: null } })
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {}
  })

  it('gives the child its environment and directory, and nothing of the keeper', async () => {
    const keeper = await connect(dataDirectory())
    const spec = specOf(kind, 'env; pwd; for fd in /proc/self/fd/*; do readlink $fd; done', {
      cwd: '/usr',
      env: { ...env, ONE: 'a b\nc' },
    })
    await keeper.spawn(spec)
    const text = (await collect(keeper, spec.sessionId)).bytes.toString().replaceAll('\r', '')
    expect(text).toContain('ONE=a b\nc\n')
    expect(text).toContain('\n/usr\n')
    expect(text).not.toMatch(/COPPICE|VITEST|NODE|keeper/)
  })

  it('refuses what cannot start, with the reason, and leaves nothing behind', async () => {
    const dataDir = dataDirectory()
    const keeper = await connect(dataDir)
    const locked = join(dataDir, 'locked')
    writeFileSync(locked, '#!/bin/sh\n')
    chmodSync(locked, 0o600)
    const refused = (more: object) => expect(keeper.spawn(specOf(kind, 'true', more))).rejects
    await refused({ file: 'coppice-no-such-program' }).toMatchObject({ code: 'spawn-failed', errno: 'ENOENT' })
    await refused({ file: '/no/such/file' }).toMatchObject({ code: 'spawn-failed', errno: 'ENOENT' })
    await refused({ file: locked }).toMatchObject({ code: 'spawn-failed', errno: 'EACCES' })
    await refused({ cwd: '/no/such/place' }).toMatchObject({ code: 'spawn-failed', errno: 'ENOENT' })
    await refused({ cwd: locked }).toMatchObject({ code: 'spawn-failed', errno: 'ENOTDIR' })
    await refused({ args: ['x'.repeat(140_000)] }).toMatchObject({ code: 'spawn-failed', errno: 'E2BIG' })
    await refused({ args: ['x'.repeat(5_000_000)] }).toMatchObject({ code: 'bad-input' })
    await refused({ args: ['a\0b'] }).toMatchObject({ code: 'spawn-failed', errno: 'EINVAL' })
    for (const sessionId of ['', '.', '..', '../x', 'a/b', '.hidden', 'x'.repeat(129), 'ü', 'a\n'])
      await refused({ sessionId }).toMatchObject({ code: 'bad-input' })
    for (const bad of [
      { kind: 'tty' },
      { cwd: 'relative' },
      { env: { A: 1 } },
      { args: 'x' },
      { cols: 0 },
      { rows: 1e9 },
    ])
      await refused(bad).toMatchObject({ code: 'bad-input' })
    expect(await keeper.list()).toEqual([])
    expect(readdirSync(join(dataDir, 'keeper'))).toEqual([])
  })

  it('never takes a session id twice', async () => {
    const keeper = await connect(dataDirectory())
    const spec = specOf(kind, 'exit 0')
    const both = await Promise.allSettled([keeper.spawn(spec), keeper.spawn(spec)])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await collect(keeper, spec.sessionId)
    await expect(keeper.spawn(spec)).rejects.toMatchObject({ code: 'exists' })
    await keeper.forget(spec.sessionId, { keepSpool: true })
    await expect(keeper.spawn(spec)).rejects.toMatchObject({ code: 'exists' })
    await keeper.forget(spec.sessionId)
    await keeper.spawn(spec)
  })
})

it('resizes a terminal, and says so when it is over', async () => {
  const keeper = await connect(dataDirectory())
  const spec = specOf('pty', 'trap "stty size" WINCH; stty size; while :; do sleep 0.05; done', { cols: 100, rows: 30 })
  await keeper.spawn(spec)
  await printed(keeper, spec.sessionId, '30 100')
  await keeper.resize(spec.sessionId, 132, 50)
  await printed(keeper, spec.sessionId, '50 132')
  expect(await keeper.list()).toMatchObject([{ cols: 132, rows: 50, exit: null }])
  await expect(keeper.resize(spec.sessionId, 0, 50)).rejects.toMatchObject({ code: 'bad-input' })
  await keeper.signal(spec.sessionId, 'SIGKILL')
  await collect(keeper, spec.sessionId)
  const { sessionId } = spec
  await expect(keeper.resize(sessionId, 80, 24)).rejects.toMatchObject({ code: 'not-running' })
  await expect(keeper.write(sessionId, Buffer.from('x'))).rejects.toMatchObject({ code: 'not-running' })
  await expect(keeper.signal(sessionId, 'SIGTERM')).rejects.toMatchObject({ code: 'not-running' })
  await expect(keeper.write('no-such', Buffer.from('x'))).rejects.toMatchObject({ code: 'not-found' })
  await expect(collect(keeper, 'no-such')).rejects.toMatchObject({ code: 'not-found' })
  await expect(collect(keeper, sessionId, 'err')).rejects.toMatchObject({ code: 'bad-input' })
  await expect(collect(keeper, sessionId, 'out', 1e9)).rejects.toMatchObject({ code: 'bad-input' })
})

it('keeps stderr out of stdout', async () => {
  const keeper = await connect(dataDirectory())
  const spec = specOf('pipe', 'for i in 1 2 3; do echo "{\\"n\\":$i}"; echo noise $i >&2; done')
  await keeper.spawn(spec)
  const [out, err] = await Promise.all([collect(keeper, spec.sessionId), collect(keeper, spec.sessionId, 'err')])
  expect(out.bytes.toString()).toBe('{"n":1}\n{"n":2}\n{"n":3}\n')
  expect(err.bytes.toString()).toBe('noise 1\nnoise 2\nnoise 3\n')
  expect((await keeper.list())[0]).toMatchObject({ bytes: { out: 24, err: 24 }, firstByte: { out: 0, err: 0 } })
})

it('refuses input that a child does not read before it fills the memory', async () => {
  const keeper = await connect(dataDirectory())
  const spec = specOf('pipe', 'exec sleep 300', { stdin: 'pipe' })
  await keeper.spawn(spec)
  await expect(keeper.write(spec.sessionId, Buffer.alloc(20 * 1024 * 1024))).rejects.toMatchObject({
    code: 'input-full',
  })
  // The others are served as before.
  expect(await keeper.list()).toHaveLength(1)
})

it('gives no child the terminal of another', async () => {
  const keeper = await connect(dataDirectory())
  const specs = [1, 2, 3].map(() => specOf('pty', 'echo up; exec sleep 300'))
  const pipe = specOf('pipe', 'echo up; exec sleep 300')
  const pids: number[] = []
  for (const spec of [...specs, pipe]) {
    pids.push((await keeper.spawn(spec)).pid)
    await printed(keeper, spec.sessionId, 'up')
  }
  const held = pids.map((pid) => readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`)))
  expect(held.flat().filter((target) => target.includes('ptmx'))).toEqual([])
  expect(held.map((targets) => targets.length)).toEqual([3, 3, 3, 3])
})

it('forgets an ended session and its output, refuses a live one, and keeps the output when told to', async () => {
  const dataDir = dataDirectory()
  const keeper = await connect(dataDir)
  const [live, one, two] = [specOf('pty', 'exec sleep 300'), specOf('pty', 'echo 1'), specOf('pty', 'echo 2')]
  for (const spec of [live, one, two]) await keeper.spawn(spec)
  for (const spec of [one, two]) await collect(keeper, spec.sessionId)
  await expect(keeper.forget(live.sessionId)).rejects.toMatchObject({ code: 'busy' })
  await expect(keeper.stop()).rejects.toMatchObject({ code: 'busy' })
  await keeper.forget(one.sessionId)
  await keeper.forget(two.sessionId, { keepSpool: true })
  expect((await keeper.list()).map(({ sessionId }) => sessionId)).toEqual([live.sessionId])
  expect(existsSync(join(dataDir, 'keeper', one.sessionId))).toBe(false)
  const page = await readSpoolFromDisk(dataDir, two.sessionId, 'out', { maxBytes: 100 })
  expect({ ...page, bytes: page.bytes.toString() }).toEqual({ at: 0, bytes: '2\r\n', firstByte: 0, end: 3 })
  await keeper.forget(two.sessionId)
  expect(existsSync(join(dataDir, 'keeper', two.sessionId))).toBe(false)
  await expect(keeper.forget('../..')).rejects.toMatchObject({ code: 'bad-input' })
})

it('keeps its files and its socket to this user', async () => {
  const dataDir = dataDirectory()
  const keeper = await connect(dataDir)
  const spec = specOf('pty', 'umask; echo x')
  await keeper.spawn(spec)
  const { bytes } = await collect(keeper, spec.sessionId)
  // The children's umask is the person's, not the keeper's.
  expect(bytes.toString()).toBe(`${process.umask().toString(8).padStart(4, '0')}\r\nx\r\n`)
  const path = socketPath(dataDir, 'keeper')
  const mode = (file: string) => (statSync(file).mode & 0o777).toString(8)
  expect([mode(path), mode(dirname(path)), mode(join(dataDir, 'keeper', spec.sessionId))]).toEqual([
    '600',
    '700',
    '700',
  ])
  await expect.poll(() => existsSync(join(dataDir, 'keeper', spec.sessionId, 'session.json'))).toBe(true)
  for (const name of readdirSync(join(dataDir, 'keeper', spec.sessionId)))
    expect(mode(join(dataDir, 'keeper', spec.sessionId, name))).toBe('600')
  expect(Buffer.byteLength(path)).toBeLessThanOrEqual(107)
  expect(readFileSync(join(dataDir, 'keeper.address'), 'utf8')).toBe(`${path}\n`)
})
