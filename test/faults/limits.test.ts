import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { CoppiceFailure, type Failure } from '../../app/model/failure.ts'
import { isRunning, sleep, startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, ownCheckout, type TestRepo } from '../harness/test-repo.ts'
import { report, size } from './report.ts'

// Scenarios 6 and 7: a real file system of 64 MB that is full or read-only, and a host that may open 64 files. What is new is
// refused and says why; what runs goes on; what is removed is removed; nothing is corrupt.
const mib = 1024 * 1024
const ticking = 'i=0; while :; do i=$((i+1)); echo "tick $i"; sleep 0.1; done'

let host: TestHost | null = null
let repo: TestRepo | null = null
let small: string | null = null
const tmp = process.env.TMPDIR
afterEach(async () => {
  if (small) mount('-o', 'remount,rw', small)
  await host?.close().catch(() => {})
  host = null
  repo?.close()
  repo = null
  if (tmp === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = tmp
  if (small) {
    execFileSync('umount', ['-l', small])
    rmSync(small, { recursive: true })
  }
  small = null
})

function mount(...args: string[]): void {
  execFileSync('mount', args, { stdio: 'pipe' })
}

const whyNoMounts = (() => {
  if (process.platform !== 'linux') return 'file systems are mounted on Linux only'
  const probe = mkdtempSync(join(tmpdir(), 'coppice-mount-'))
  try {
    mount('-t', 'tmpfs', '-o', 'size=64k', 'none', probe)
    execFileSync('umount', [probe])
    return null
  } catch (error) {
    return `nothing may be mounted here: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`
  } finally {
    rmSync(probe, { recursive: true })
  }
})()
if (whyNoMounts) report('6', `NOT RUN: ${whyNoMounts}`)

/** A 64 MB file system on which everything of this test lies: repository, HOME and data directory. */
function onSmallDisk(): string {
  small = mkdtempSync(join(tmpdir(), 'coppice-small-'))
  mount('-t', 'tmpfs', '-o', 'size=64m', 'none', small)
  process.env.TMPDIR = small
  return small
}

const freeOf = (path: string) => {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

/** Writes until `left` bytes are free, to the byte where that is 0. */
function fill(path: string, left: number): void {
  const file = join(path, 'ballast')
  mkdirSync(file, { recursive: true })
  for (let n = 0; freeOf(path) > left; n++) {
    try {
      writeFileSync(join(file, String(Date.now() + n)), Buffer.alloc(Math.max(1, Math.min(mib, freeOf(path) - left))))
    } catch {
      return
    }
  }
}

async function failureOf(work: Promise<unknown>): Promise<Failure | null> {
  try {
    await work
    return null
  } catch (error) {
    if (error instanceof CoppiceFailure) return error.failure
    throw error
  }
}

/** What a person reads must say what is the matter, and never that it is a bug. */
function expectSaid(failure: Failure | null, codes: readonly string[], words: RegExp): string {
  expect(failure, 'a refusal').not.toBeNull()
  expect(codes, JSON.stringify(failure)).toContain(failure?.code)
  const { message: text } = sentenceOf(failure as Failure)
  expect(text).toMatch(words)
  return text
}

async function lastTick(runId: string): Promise<number> {
  const { data } = await (host as TestHost).call('run.logs', { runId })
  return Number([...data.matchAll(/tick (\d+)/g)].at(-1)?.[1] ?? 0)
}

async function expectTicking(runId: string): Promise<void> {
  const before = await lastTick(runId)
  for (let n = 0; n < 100 && (await lastTick(runId)) <= before; n++) await sleep(100)
  expect(await lastTick(runId)).toBeGreaterThan(before)
}

describe.skipIf(whyNoMounts !== null)('a file system of 64 MB', () => {
  it('full: new runs are refused, the running go on, removal works, nothing is corrupt', async () => {
    const disk = onSmallDisk()
    repo = makeRepo({ files: { 'README.md': 'x\n', 'big.bin': new Uint8Array(mib).fill(7) } })
    host = await startHost({ settings: { lowDiskBytes: 0 } })
    const { repositoryId } = await host.call('repository.add', { path: repo.path })
    const rounds = size(1, 20)
    const old = await host.start(repositoryId, ticking, { id: 'old' })
    await host.untilPhase(old, 'running')
    const pid = host.run(old).attempts[0]?.pid ?? 0
    const checkout = fingerprint(repo.path, ownCheckout)
    let removed = 0
    for (let round = 0; round < rounds; round++) {
      const done = await host.start(repositoryId, 'echo new > new.txt', { id: `done-${round}` })
      const at = (await host.untilPhase(done, 'exited')).worktree ?? ''
      const before = fingerprint(at)
      fill(disk, 0)

      const refused = await failureOf(host.start(repositoryId, 'true', { id: `new-${round}` }))
      if (refused) expectSaid(refused, ['no-space'], /disk is full/)
      else {
        const run = await host.untilPhase(`new-${round}`, 'failed')
        expectSaid(run.failure, ['no-space'], /disk is full/)
        expect(run.worktree).toBe(null)
      }
      expect(isRunning(pid)).toBe(true)
      if (round % 5 === 0) {
        // A host that has to start on the full disk is of the same use.
        await host.kill()
        await host.restart()
      }
      const { consent } = await host.call('run.preview-removal', { runId: done })
      await host.call('run.remove', { runId: done, consent })
      expect(host.run(done).phase).toBe('removed')
      await host.call('run.restore', { runId: done })
      expect(fingerprint(at)).toEqual(before)
      const again = await host.call('run.preview-removal', { runId: done })
      await host.call('run.remove', { runId: done, consent: again.consent })
      await host.call('run.purge', { runId: done })
      removed++
      rmSync(join(disk, 'ballast'), { recursive: true })
      await expectTicking(old)
    }
    const fresh = await host.start(repositoryId, 'true', { id: 'fresh' })
    await host.untilPhase(fresh, 'exited')
    await host.call('run.stop', { runId: old })
    expect(repo.git('fsck', '--full', '--no-dangling')).toBe('')
    expect(repo.git('worktree', 'list').split('\n')).toHaveLength(3)
    expect(fingerprint(repo.path, ownCheckout)).toEqual(checkout)
    report(
      6,
      `a full 64 MB file system: ${removed} of ${rounds} removed, restored and freed, 0 corrupt, the agent went on`,
    )
  })

  it('nearly full: new runs wait with the reason, and start when there is space', async () => {
    const disk = onSmallDisk()
    repo = makeRepo({ files: { 'README.md': 'x\n' } })
    host = await startHost({ settings: { lowDiskBytes: 16 * mib } })
    const { repositoryId } = await host.call('repository.add', { path: repo.path })
    fill(disk, 12 * mib)
    const id = await host.start(repositoryId, 'true', { id: 'waits' })
    const reason = await host.until('the reason', () => host?.live()[id]?.queueReason)
    expect(reason).toMatch(/disk/)
    expectSaid(await failureOf(host.call('run.start-now', { runId: id })), ['low-disk'], /The disk is almost full/)
    expect(host.run(id).phase).toBe('queued')
    rmSync(join(disk, 'ballast'), { recursive: true })
    await host.untilPhase(id, 'exited')
    report(6, 'a nearly full one: new runs wait and say so, and start by themselves when there is space')
  })

  it('filling up meanwhile: no install begins, no worktree is made again, and removal works', async () => {
    const disk = onSmallDisk()
    repo = makeRepo({
      files: {
        'README.md': 'x\n',
        'package.json': '{}',
        'package-lock.json': '{}',
        '.coppice.json': '{"setup": "head -c 46M /dev/zero > big"}',
      },
    })
    host = await startHost({ settings: { lowDiskBytes: 16 * mib } })
    const { repositoryId } = await host.call('repository.add', { path: repo.path })
    const done = await host.start(repositoryId, 'true', { id: 'done' })
    const at = (await host.untilPhase(done, 'exited')).worktree ?? ''
    const other = await host.start(repositoryId, 'echo new > new.txt', { id: 'other' })
    await host.untilPhase(other, 'exited')
    const id = await host.start(repositoryId, 'true', { id: 'fills', setup: 'run', install: true })
    const run = await host.untilPhase(id, 'failed')
    expectSaid(run.failure, ['low-disk'], /The disk is almost full/)
    expect(run).toMatchObject({ worktree: null, failure: { stage: 'install' } })
    expect(run.stages.map(({ stage, status }) => `${stage} ${status}`)).toContain('setup done')

    rmSync(at, { recursive: true })
    fill(disk, 12 * mib)
    expectSaid(await failureOf(host.call('run.resume', { runId: done })), ['low-disk'], /The disk is almost full/)
    const { consent } = await host.call('run.preview-removal', { runId: other })
    await host.call('run.remove', { runId: other, consent })
    await host.call('run.restore', { runId: other })
    rmSync(join(disk, 'ballast'), { recursive: true })
    await host.call('run.resume', { runId: done })
    await host.until('attempt 2', () => host?.run(done).attempts.length === 2 && host.run(done).phase === 'exited')
    report(6, 'one that fills up meanwhile: no install begins, no worktree is made again, removal and restore work')
  })

  it('read-only: refused and said, the running go on, and it works again', async () => {
    const disk = onSmallDisk()
    repo = makeRepo({ files: { 'README.md': 'x\n' } })
    if (tmp === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = tmp
    // The repository and the worktrees lie on it; the journal does not.
    host = await startHost({ settings: { worktreeRoot: join(disk, 'worktrees'), lowDiskBytes: 0 } })
    const { repositoryId } = await host.call('repository.add', { path: repo.path })
    const old = await host.start(repositoryId, ticking, { id: 'old' })
    await host.untilPhase(old, 'running')
    const done = await host.start(repositoryId, 'true', { id: 'done' })
    await host.untilPhase(done, 'exited')
    await sleep(300)
    mount('-o', 'remount,ro', disk)
    const refused = await host.start(repositoryId, 'true', { id: 'new' }).then(
      async (id) => (await (host as TestHost).untilPhase(id, 'failed')).failure ?? null,
      (error: CoppiceFailure) => error.failure,
    )
    expectSaid(refused, ['read-only'], /read-only/)
    const { consent } = await host.call('run.preview-removal', { runId: done })
    const kept = await failureOf(host.call('run.remove', { runId: done, consent }))
    expectSaid(kept, ['read-only', 'no-trash'], /[Rr]ead-only|EROFS/)
    expect(host.run(done).phase).toBe('exited')
    await expectTicking(old)
    mount('-o', 'remount,rw', disk)
    await host.call('run.remove', { runId: done, consent })
    await host.call('run.resume', { runId: 'new' }).catch(() => host?.start(repositoryId, 'true', { id: 'new-2' }))
    await host.until(
      'the new one',
      () => host?.state().runs.new?.phase === 'exited' || host?.state().runs['new-2']?.phase === 'exited',
    )
    await host.call('run.stop', { runId: old })
    report(6, 'a read-only file system: refused and said; 0 lost; it works again afterwards')
  })
})

const whyNoLimit = (() => {
  try {
    execFileSync('prlimit', ['--version'], { stdio: 'ignore' })
    return process.platform === 'linux' ? null : 'limits are changed on Linux only'
  } catch {
    return 'prlimit is not installed'
  }
})()
if (whyNoLimit) report('7', `NOT RUN: ${whyNoLimit}`)

describe.skipIf(whyNoLimit !== null)('a host that may open 64 files', () => {
  it('refuses what is new, keeps what runs, and does not crash', async () => {
    repo = makeRepo({ files: { 'README.md': 'x\n' } })
    host = await startHost({ settings: { maxRunning: 200, maxRunningPerRepository: 200 } })
    const { repositoryId } = await host.call('repository.add', { path: repo.path })
    const old = await host.start(repositoryId, ticking, { id: 'old' })
    await host.untilPhase(old, 'running')
    const done = await host.start(repositoryId, 'echo new > new.txt', { id: 'done' })
    const at = (await host.untilPhase(done, 'exited')).worktree ?? ''
    const before = fingerprint(at)
    const pid = host.hostPid()
    const keeper = await host.keeperPid()
    for (const limited of [pid, keeper]) execFileSync('prlimit', ['--pid', String(limited), '--nofile=64:'])
    const wanted = size(40, 200)
    const outcomes: (Failure | null)[] = []
    // A client may have 128 calls under way.
    for (let first = 0; first < wanted; first += 100)
      outcomes.push(
        ...(await Promise.all(Array.from({ length: Math.min(100, wanted - first) }, (_, n) => tryOne(first + n)))),
      )
    async function tryOne(n: number): Promise<Failure | null> {
      const id = `new-${n}`
      const refused = await failureOf((host as TestHost).start(repositoryId, 'sleep 30', { id }))
      if (refused) return refused
      const run = await (host as TestHost).until(
        `${id} to start or fail`,
        () => {
          const now = host?.state().runs[id]
          return now && (now.phase === 'running' || now.phase === 'failed' || now.phase === 'exited') ? now : null
        },
        120_000,
      )
      return run.failure
    }
    const refusals = outcomes.filter((failure) => failure !== null)
    for (const failure of refusals) expectSaid(failure, ['too-many-files', 'start-failed'], /[Tt]oo many/)
    expect(host.hostPid()).toBe(pid)
    expect(isRunning(pid)).toBe(true)
    expect(isRunning(keeper)).toBe(true)
    await expectTicking(old)
    expect(refusals.length).toBeGreaterThan(0)
    // Nothing new, and still: what is there can be taken away, and brought back.
    const { consent } = await host.call('run.preview-removal', { runId: done })
    await host.call('run.remove', { runId: done, consent })
    await host.call('run.restore', { runId: done })
    expect(fingerprint(at)).toEqual(before)
    for (const limited of [pid, keeper]) execFileSync('prlimit', ['--pid', String(limited), '--nofile=1024:'])
    const fresh = await host.start(repositoryId, 'true', { id: 'fresh' })
    await host.untilPhase(fresh, 'exited')
    report(
      7,
      `ulimit -n 64: ${refusals.length} of ${wanted} new runs refused, ${wanted - refusals.length} started, the old one lives, removal works, 0 crashes`,
    )
    expect(readFileSync(join(host.dataDirectory, 'logs', 'host.log'), 'utf8')).not.toMatch(/ crash/)
  })
})
