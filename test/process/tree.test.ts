// Real trees that try to get away: 50 rounds of each, and what is not theirs is left standing.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findOnPath } from '../../app/process/environment.ts'
import {
  descendants,
  identify,
  isAlive,
  listProcesses,
  processesInside,
  startedSince,
  stopTree,
} from '../../app/process/tree.ts'

const scratch = mkdtempSync(join(tmpdir(), 'coppice-tree-'))
const own = { PATH: process.env.PATH!, HOME: scratch, LC_ALL: 'C' }
const started: ChildProcess[] = []
let count = 0

function start(script: string, options: { mark?: string; shell?: string; cwd?: string } = {}) {
  const mark = options.mark ?? `test/${process.pid}-${count++}`
  const child = spawn(options.shell ?? '/bin/bash', ['-c', script], {
    cwd: options.cwd ?? scratch,
    env: { ...own, COPPICE_MARK: mark },
    detached: true,
    stdio: 'ignore',
  })
  started.push(child)
  return { mark, root: identify(child.pid!)!, child }
}

const hasPython = (await findOnPath('python3', process.env)) !== null
const marked = async (mark: string) => (await listProcesses({ marks: true })).filter((entry) => entry.mark === mark)
const appears = (file: string) => expect.poll(() => existsSync(join(scratch, file)), { timeout: 20_000 }).toBe(true)

beforeAll(() => expect(process.platform).toBe('linux'))
afterAll(() => {
  for (const child of started) {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {}
  }
  rmSync(scratch, { recursive: true, force: true })
})

describe('stopTree', () => {
  const trees = {
    'children of bash': 'sleep 300 & sleep 300 & sleep 300 | sleep 300 & touch FILE; wait',
    'an ignorer of TERM, HUP and INT': 'trap "" TERM HUP INT; sleep 300 & touch FILE; while :; do sleep 1; done',
    'a session of its own': 'setsid sleep 300 & touch FILE; wait',
    'a double fork whose parent is gone':
      '(setsid bash -c "(trap \\"\\" TERM; sleep 300; sleep 300) & touch FILE") & exit 0',
    'a double fork that cleared its environment': 'setsid env -i bash -c "sleep 300 & touch FILE; wait" & sleep 300',
    'a stopped one': 'bash -c "touch FILE; kill -STOP \\$\\$; sleep 300" & wait',
    'one that forks while it is told to end':
      'trap "for i in 1 2 3; do setsid bash -c \\"trap \\\\\\"\\\\\\" TERM; sleep 300\\" & done; exit" TERM; touch FILE; while :; do sleep 0.05; done',
    'python that ignores TERM and forks': `exec python3 -c "
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open('FILE', 'w').close()
        time.sleep(300)
    os._exit(0)
time.sleep(300)"`,
  }

  it.each(Object.entries(trees))('%s: none of 50 survives', { timeout: 120_000 }, async (name, script) => {
    if (name.startsWith('python') && !hasPython) {
      console.warn('SKIPPED: there is no python3 on PATH, so python trees were not tried')
      return
    }
    const id = Object.keys(trees).indexOf(name)
    let survivors = 0
    let ended = 0
    // Ten at a time: each is one tree beside nine others that must be told apart.
    for (let round = 0; round < 5; round++) {
      const runs = Array.from({ length: 10 }, (_, n) => {
        const file = `ready-${id}-${round}-${n}`
        return { file, ...start(script.replaceAll('FILE', file)) }
      })
      await Promise.all(runs.map(({ file }) => appears(file)))
      await Promise.all(
        runs.map(async ({ root, mark }) => {
          // Sampled as the host does while a run lives; the cleared environment is found by it once its parent is gone.
          const sample = await descendants({ roots: [root], mark })
          const result = await stopTree({ roots: [root], mark, sample, graceMs: 150 })
          survivors += result.survivors.length + (await marked(mark)).length + sample.filter(isAlive).length
          ended += result.ended.length
        }),
      )
    }
    expect(survivors).toBe(0)
    expect(ended).toBeGreaterThanOrEqual(50)
  })

  it('stops a fork bomb', { timeout: 60_000 }, async () => {
    // Bounded by itself (six generations), so that a failure of this test does not take the machine down.
    const bomb = `export FN='f() { [ $1 -gt 6 ] && exec sleep 300; (setsid bash -c "$FN; f $(($1+1))" &) ; bash -c "$FN; f $(($1+1))" & wait; }'; eval "$FN"; f 0`
    const { root, mark } = start(bomb)
    await expect.poll(async () => (await marked(mark)).length, { timeout: 20_000 }).toBeGreaterThan(15)
    const result = await stopTree({ roots: [root], mark, graceMs: 0, killMs: 10_000 })
    expect(result.survivors).toEqual([])
    expect(await marked(mark)).toEqual([])
  })

  it('lets a tree that obeys TERM finish by itself', async () => {
    const { root, mark } = start(
      'trap "sleep 0.3; touch obeyed; exit" TERM; touch ready-obey; while :; do sleep 0.05; done',
    )
    await appears('ready-obey')
    expect((await stopTree({ roots: [root], mark, graceMs: 5000 })).survivors).toEqual([])
    expect(existsSync(join(scratch, 'obeyed'))).toBe(true)
  })

  it('leaves alone: another mark, a mark that only begins alike, the spared, a pid with another start time', async () => {
    const target = start('sleep 300 & touch ready-t; wait', { mark: 'aa/run-1' })
    const longer = start('sleep 300 & touch ready-l; wait', { mark: 'aa/run-10' })
    const other = start('sleep 300 & touch ready-o; wait', { mark: 'bb/run-1' })
    const spared = start('touch ready-s; exec sleep 300', { mark: 'aa/run-1' })
    await Promise.all(['t', 'l', 'o', 's'].map((name) => appears(`ready-${name}`)))
    const stale = { pid: other.root.pid, startTime: other.root.startTime - 1 }
    const { ended, survivors } = await stopTree({
      roots: [target.root, stale],
      sample: [{ pid: longer.root.pid, startTime: longer.root.startTime + 1 }],
      mark: 'aa/run-1',
      spare: [spared.root.pid],
      graceMs: 500,
    })
    expect(survivors).toEqual([])
    expect(ended).toContainEqual(target.root)
    expect([longer.root, other.root, spared.root].map(isAlive)).toEqual([true, true, true])
    expect(isAlive({ pid: process.pid, startTime: identify(process.pid)!.startTime })).toBe(true)
    for (const { root } of [longer, other, spared]) process.kill(-root.pid, 'SIGKILL')
  })

  it('finds what outlived a killed parent by the mark alone, and twice is as good as once', async () => {
    const { root, mark } = start('setsid sleep 300 & setsid sleep 300 & touch ready-orphans; wait')
    await appears('ready-orphans')
    process.kill(root.pid, 'SIGKILL')
    await expect.poll(() => isAlive(root)).toBe(false)
    expect((await stopTree({ roots: [], mark })).ended).toHaveLength(2)
    expect(await stopTree({ roots: [root], mark })).toEqual({ ended: [], survivors: [] })
  })
})

it('sees who stands inside a directory, by its real path', async () => {
  const inside = join(scratch, 'inside')
  mkdirSync(join(inside, 'deep (er)'), { recursive: true })
  mkdirSync(`${inside}-not`)
  const deep = start('exec sleep 300', { cwd: join(inside, 'deep (er)') })
  const beside = start('exec sleep 300', { cwd: `${inside}-not` })
  await expect.poll(() => readFileSync(`/proc/${beside.root.pid}/comm`, 'utf8')).toBe('sleep\n')
  await expect.poll(() => readFileSync(`/proc/${deep.root.pid}/comm`, 'utf8')).toBe('sleep\n')
  const found = await processesInside(inside)
  expect(found.inside).toEqual([{ ...deep.root, name: 'sleep' }])
  // What the kernel hides (pid 1 of a container may be such a one) is the same everywhere, and never counted as inside.
  expect((await processesInside(`${inside}-not`)).unreadable).toEqual(found.unreadable)
  await expect(processesInside(join(scratch, 'gone'))).rejects.toMatchObject({ code: 'ENOENT' })
  for (const { root } of [deep, beside]) process.kill(root.pid, 'SIGKILL')
})

it('counts a zombie as dead', async () => {
  const { root, child } = start('exit 0')
  await new Promise((resolve) => child.once('exit', resolve))
  expect(isAlive(root)).toBe(false)
  const parent = start('sleep 0.1 & exec sleep 300')
  const children = async () => (await listProcesses()).filter((entry) => entry.ppid === parent.root.pid)
  await expect.poll(async () => (await children()).map((entry) => entry.state)).toEqual(['Z'])
  expect((await children()).map(isAlive)).toEqual([false])
  process.kill(parent.root.pid, 'SIGKILL')
})

it('takes nothing for dead that it cannot look at: with too many files open it throws', () => {
  const tree = JSON.stringify(join(import.meta.dirname, '../../app/process/tree.ts'))
  // `exec` keeps the limit: a process that may open 64 files, and then has.
  const script = `
    import { closeSync, openSync } from 'node:fs'
    import { descendants, identify, isAlive, stopTree } from ${tree}
    const said = async (work) => { try { return JSON.stringify(await work()) } catch (error) { return error.code } }
    const self = identify(process.pid)
    const open = []
    try { for (;;) open.push(openSync('/dev/null')) } catch (error) { if (error.code !== 'EMFILE') throw error }
    const full = [
      await said(() => isAlive(self)),
      await said(() => identify(process.pid)),
      await said(() => descendants({ roots: [self], mark: 'x' })),
      await said(() => stopTree({ roots: [self], mark: 'x', graceMs: 0, killMs: 0 })),
    ]
    for (const file of open) closeSync(file)
    console.log([...full, await said(() => isAlive(self))].join(' '))`
  const limited = 'ulimit -n 64; exec "$0" --input-type=module --eval "$1"'
  const said = execFileSync('/bin/sh', ['-c', limited, process.execPath, script], {
    env: { ...own, NODE_NO_WARNINGS: '1' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  expect(said.trim()).toBe('EMFILE EMFILE EMFILE EMFILE true')
})

it('tells who was started since a moment', async () => {
  const own = identify(process.pid)!
  expect(startedSince([own], Date.now() + 60_000)).toEqual([])
  expect(startedSince([own], Date.now() - process.uptime() * 1000 - 5000)).toEqual([own])
})
