// Real programs: what a time-out kills, what a grandchild cannot delay, what an error is called.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { programsSpawned, runProgram, startDetached } from '../../app/process/run-program.ts'
import { identify, isAlive } from '../../app/process/tree.ts'

const scratch = mkdtempSync(join(tmpdir(), 'coppice-run-program-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
const env = { PATH: '/usr/bin:/bin', HOME: scratch, LC_ALL: 'C' }
const sh = (script: string, options: Partial<Parameters<typeof runProgram>[2]> = {}) =>
  runProgram('/bin/sh', ['-c', script], { env, timeoutMs: 20_000, ...options })
const pidIn = (file: string) => Number(readFileSync(join(scratch, file), 'utf8'))

it('keeps both streams apart, the exit code, and counts', async () => {
  const before = programsSpawned()
  const result = await sh('echo out; echo err >&2; exit 3')
  expect({ ...result, stdout: result.stdout.toString() }).toMatchObject({
    stdout: 'out\n',
    stderr: 'err\n',
    code: 3,
    signal: null,
    timedOut: false,
    aborted: false,
    truncated: false,
  })
  expect(programsSpawned()).toBe(before + 1)
})

it('gives input, and /dev/null without', async () => {
  const input = 'x'.repeat(3_000_000)
  expect((await sh('cat', { input })).stdout.toString()).toBe(input)
  expect((await sh('cat; readlink /proc/self/fd/0')).stdout.toString()).toBe('/dev/null\n')
  // A program that reads none of its input is judged by its exit.
  expect((await sh('exit 0', { input })).code).toBe(0)
})

it('passes arguments literally and nothing of this process in the environment', async () => {
  const words = ['$(id)', '; rm -rf /', 'a\'b"c', 'new\nline', '-x', 'ü']
  const result = await runProgram('/bin/sh', ['-c', 'printf "%s\\0" "$@"', 'sh', ...words], { env, timeoutMs: 9000 })
  expect(result.stdout.toString().split('\0').slice(0, -1)).toEqual(words)
  expect((await sh('env')).stdout.toString()).not.toContain('VITEST')
})

it('ends the whole group at the time-out, with a grandchild that ignores TERM and holds the pipe', async () => {
  const result = await sh('(trap "" TERM; echo $$ > leader; sh -c "echo \\$\\$ > grandchild; sleep 300") & wait', {
    cwd: scratch,
    timeoutMs: 700,
    graceMs: 200,
  })
  expect(result.timedOut).toBe(true)
  expect(result.code === null || result.code > 128).toBe(true)
  await expect.poll(() => identify(pidIn('grandchild')) === null || !isAlive(identify(pidIn('grandchild'))!)).toBe(true)
})

it('is not held up by a daemon that keeps its pipes, and leaves the daemon alone', async () => {
  const result = await sh('setsid sleep 300 & echo $! > daemon; echo done', { cwd: scratch, timeoutMs: 30_000 })
  expect(result.stdout.toString()).toBe('done\n')
  expect(result).toMatchObject({ code: 0, timedOut: false })
  const daemon = identify(pidIn('daemon'))!
  expect(isAlive(daemon)).toBe(true)
  process.kill(daemon.pid, 'SIGKILL')
})

it('stops on abort, also one given before the start', async () => {
  const abort = new AbortController()
  const running = sh('echo started; sleep 300', { signal: abort.signal, onStdout: () => abort.abort() })
  expect(await running).toMatchObject({ aborted: true, timedOut: false, signal: 'SIGTERM' })
  const before = programsSpawned()
  expect(await sh('echo never', { signal: abort.signal })).toMatchObject({ aborted: true, pid: 0 })
  expect(programsSpawned()).toBe(before)
})

it('loses nothing of what a program wrote last, however often', async () => {
  const lengths = await Promise.all(
    Array.from({ length: 40 }, async () => (await sh('head -c 300000 /dev/zero')).stdout.length),
  )
  expect(lengths.filter((length) => length !== 300_000)).toEqual([])
})

it('keeps the head of stdout and the tail of stderr, and says so', async () => {
  const result = await sh('seq 1 5000; seq 1 5000 >&2', { maxStdoutBytes: 10, maxStderrBytes: 10 })
  expect(result.stdout.toString()).toBe('1\n2\n3\n4\n5\n')
  expect(result.stderr).toBe('4999\n5000\n')
  expect(result.truncated).toBe(true)
  expect((await sh('printf 12345', { maxStdoutBytes: 5 })).truncated).toBe(false)
})

it('rejects with the error of the system where nothing could be started', async () => {
  const locked = join(scratch, 'locked')
  writeFileSync(locked, '#!/bin/sh\n')
  chmodSync(locked, 0o600)
  const run = (file: string, args: string[], cwd?: string) => runProgram(file, args, { env, cwd, timeoutMs: 9000 })
  await expect(run('coppice-no-such-program', [])).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(run(locked, [])).rejects.toMatchObject({ code: 'EACCES' })
  await expect(run('/bin/true', ['x'.repeat(200_000)])).rejects.toMatchObject({ code: 'E2BIG' })
  await expect(run('/bin/true', [], join(scratch, 'gone'))).rejects.toMatchObject({ code: 'ENOENT', syscall: 'chdir' })
  await expect(run('/bin/true', [], locked)).rejects.toMatchObject({ code: 'ENOTDIR', syscall: 'chdir' })
  await expect(run('/bin/true', ['nul\0'])).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
})

it('starts a detached program in a session of its own, with a log and without the mark of a run', async () => {
  const log = join(scratch, 'log')
  const script = 'echo "$COPPICE_MARK|$COPPICE_RUN|$KEPT"; echo oops >&2; readlink /proc/self/fd/0'
  const { pid } = await startDetached('/bin/sh', ['-c', `${script}; exec sleep 300`], {
    cwd: scratch,
    env: { ...env, COPPICE_MARK: 'a/b', COPPICE_RUN: 'b', KEPT: 'yes' },
    log,
  })
  await expect.poll(() => readFileSync(log, 'utf8')).toBe('||yes\noops\n/dev/null\n')
  expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(2, 4)).toEqual([`${pid}`, `${pid}`])
  process.kill(pid, 'SIGKILL')
  await expect(startDetached('/nope', [], { cwd: scratch, env })).rejects.toMatchObject({ code: 'ENOENT' })
})

it('leaves no descriptor behind where a program could not be started for want of them', () => {
  const module = JSON.stringify(join(import.meta.dirname, '../../app/process/run-program.ts'))
  const script = `
    import { readdirSync } from 'node:fs'
    import { runProgram } from ${module}
    const env = { PATH: '/usr/bin:/bin' }
    const many = (n) => Promise.allSettled(Array.from({ length: n }, (_, k) =>
      runProgram('/bin/cat', ['/dev/null'], { env, timeoutMs: 20000, ...(k % 2 ? { input: 'x' } : {}) })))
    // The first start makes what node keeps for all of them.
    await many(1)
    const before = readdirSync('/proc/self/fd').length
    const codes = []
    for (let round = 0; round < 8; round++) codes.push(...(await many(40)).map(({ reason }) => reason?.code ?? 'ran'))
    const count = (code) => codes.filter((one) => one === code).length
    console.log(JSON.stringify({ left: readdirSync('/proc/self/fd').length - before, other: codes.length - count('ran') - count('EMFILE'),
      some: count('ran') > 0 && count('EMFILE') > 0 }))`
  const limited = 'ulimit -n 64; exec "$0" --input-type=module --eval "$1"'
  const said = execFileSync('/bin/sh', ['-c', limited, process.execPath, script], {
    env: { ...env, NODE_NO_WARNINGS: '1' },
    encoding: 'utf8',
  })
  expect(JSON.parse(said)).toEqual({ left: 0, other: 0, some: true })
})
