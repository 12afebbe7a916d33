import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectKeeper } from '../../app/keeper/client.ts'
import type { Event } from '../../app/model/event.ts'
import { openDatabase } from '../../app/store/database.ts'
import { openJournal } from '../../app/store/journal.ts'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'

// Every row of the table of orphans: what a crash, another tool or a person leaves, and what the next start makes of it. Ours is
// healed, what is foreign or alive is listed and untouched, and a second start changes nothing more.
let host: TestHost
let repo: TestRepo
let repositoryId: string
beforeEach(async () => {
  repo = makeRepo({ files: { 'README.md': '# Shop\n', 'kept.txt': 'x\n' } })
  host = await startHost()
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})
const git = (directory: string, ...args: string[]) => repo.gitIn(directory, ...args)
const old = (path: string) => utimesSync(path, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000))

async function settled(
  id = 'work',
  line = 'git commit -q --allow-empty -m work; echo edited >> kept.txt; echo new > new.txt',
) {
  await host.start(repositoryId, line, { id })
  const run = await host.untilPhase(id, 'exited')
  const worktree = run.worktree ?? ''
  return { id, worktree, admin: git(worktree, 'rev-parse', '--absolute-git-dir') }
}

/** Kills the host, lets `damage` happen, starts it again, and gives what the recovery said; a second start must say nothing new. */
async function afterDamage(damage: () => unknown): Promise<string> {
  await host.kill()
  await damage()
  await host.restart()
  const said = await lastRecovery()
  const { seq } = host.state()
  const place = [repo.commonDir, join(`${repo.path}-moved`, '.git')].find(existsSync) ?? ''
  const before = fingerprint(place, { without: /^objects/ })
  await host.kill()
  await host.restart()
  const again = (await host.call('journal.read', { limit: 50 })).records.filter((record) => record.seq > seq)
  expect(again.filter(({ event }) => event.type !== 'recovered').map(({ event }) => event.type)).toEqual([])
  expect(fingerprint(place, { without: /^objects/ })).toEqual(before)
  return said
}

/** Writes what a host would have, while none runs. */
function writeJournal(dataDirectory: string, event: Event): void {
  const database = openDatabase(join(dataDirectory, 'journal.db'), { aside: dataDirectory })
  openJournal(database).append(event, { actor: { user: 'test', via: 'cli' }, commandId: null, inputHash: null })
  database.close()
}

async function lastRecovery(): Promise<string> {
  const { records } = await host.call('journal.read', { limit: 200 })
  const found = records.find(({ event }) => event.type === 'recovered')?.event
  return found?.type === 'recovered'
    ? `${found.text}\n${found.report.map((item) => `${item.result} ${item.what}: ${item.reason ?? ''}`).join('\n')}`
    : ''
}

describe('recovery', () => {
  it('entry without directory: missing, never forgotten; Resume makes it again', async () => {
    const { id, worktree } = await settled()
    const said = await afterDamage(() => rmSync(worktree, { recursive: true }))
    expect(said).toContain('its directory is gone')
    expect(host.run(id)).toMatchObject({ phase: 'exited', worktreePresence: 'missing' })
    expect(git(repo.path, 'worktree', 'list')).toContain(worktree)
    await host.call('run.resume', { runId: id })
    await host.until('attempt 2', () => host.run(id).attempts.length === 2 && host.run(id).phase === 'exited')
    expect(host.run(id).worktreePresence).toBe('present')
  })

  it('directory without entry: back in the list with its edits', async () => {
    const { worktree, admin } = await settled()
    const status = git(worktree, 'status', '--porcelain')
    const said = await afterDamage(() => rmSync(admin, { recursive: true }))
    expect(said).toContain('git had forgotten it')
    expect(git(worktree, 'status', '--porcelain')).toBe(status)
    expect(git(repo.path, 'worktree', 'list')).toContain(worktree)
  })

  it('a worktree that was moved below our root: found and repaired', async () => {
    const { id, worktree } = await settled()
    const moved = join(dirname(worktree), 'elsewhere')
    const said = await afterDamage(() => renameSync(worktree, moved))
    expect(said).toContain('it was moved')
    expect(host.run(id)).toMatchObject({ worktree: moved, worktreePresence: 'present' })
    expect(git(moved, 'status', '--porcelain')).toContain('new.txt')
  })

  it('a repository that was moved: known again when it is added at its new place', async () => {
    const { id, worktree } = await settled()
    const moved = `${repo.path}-moved`
    await afterDamage(() => renameSync(repo.path, moved))
    expect(host.state().repositories[repositoryId]?.presence).toBe('unavailable')
    expect(host.run(id).phase).toBe('exited')
    expect((await host.call('repository.add', { path: moved })).repositoryId).toBe(repositoryId)
    expect(git(worktree, 'status', '--porcelain')).toContain('new.txt')
    renameSync(moved, repo.path)
  })

  it('an empty directory in its place: Resume makes the worktree again', async () => {
    const { id, worktree } = await settled()
    await afterDamage(() => {
      rmSync(worktree, { recursive: true })
      mkdirSync(worktree)
    })
    await host.call('run.resume', { runId: id })
    await host.until('attempt 2', () => host.run(id).attempts.length === 2 && host.run(id).phase === 'exited')
    expect(git(worktree, 'log', '-1', '--format=%s')).toBe('work')
  })

  it.each(['index.lock', 'HEAD.lock'])('a stale %s of a dead agent is cleared', async (name) => {
    const { admin, worktree } = await settled()
    const said = await afterDamage(() => {
      writeFileSync(join(admin, name), '')
      old(join(admin, name))
    })
    expect(said).toContain('a lock whose holder is dead was cleared')
    git(worktree, 'add', '--all')
  })

  it('a young index.lock, and the config.lock of the repository, are left alone', async () => {
    const { admin } = await settled()
    await afterDamage(() => {
      const later = new Date(Date.now() + 60_000)
      writeFileSync(join(admin, 'index.lock'), '')
      utimesSync(join(admin, 'index.lock'), later, later)
      writeFileSync(join(repo.commonDir, 'config.lock'), '')
      old(join(repo.commonDir, 'config.lock'))
    })
    expect(existsSync(join(admin, 'index.lock'))).toBe(true)
    expect(existsSync(join(repo.commonDir, 'config.lock'))).toBe(true)
  })

  it.each(['commondir', 'gitdir', 'HEAD'])(
    'an empty %s, which wedges the repository, is written again',
    async (name) => {
      const { admin, worktree } = await settled()
      const said = await afterDamage(() => {
        truncateSync(join(admin, name), 0)
        old(join(admin, name))
      })
      expect(said).toContain('a killed git had left it empty')
      expect(git(repo.path, 'worktree', 'list')).toContain(worktree)
      expect(git(worktree, 'status', '--porcelain')).toContain('new.txt')
    },
  )

  it('a fresh clone at a stale path is not ours: listed, never removed', async () => {
    const { id, worktree } = await settled()
    const said = await afterDamage(() => {
      rmSync(worktree, { recursive: true })
      git(repo.root, 'clone', '-q', repo.path, worktree)
      writeFileSync(join(worktree, 'theirs.txt'), 'x')
    })
    expect(said).toContain('left alone')
    const preview = await host.call('run.preview-removal', { runId: id })
    const code = await host.refusal('run.remove', { runId: id, consent: preview.consent, force: true })
    expect(['not-ours', 'state-unknown']).toContain(code)
    expect(readFileSync(join(worktree, 'theirs.txt'), 'utf8')).toBe('x')
  })

  it('two worktrees that name each other are listed, never removed', async () => {
    const one = await settled('one')
    const two = await settled('two')
    const pointers = [one, two].map(({ worktree }) => readFileSync(join(worktree, '.git'), 'utf8'))
    const said = await afterDamage(() => {
      writeFileSync(join(one.worktree, '.git'), pointers[1] ?? '')
      writeFileSync(join(two.worktree, '.git'), pointers[0] ?? '')
    })
    expect(said).toContain('left alone')
    for (const { id, worktree } of [one, two]) {
      const preview = await host.call('run.preview-removal', { runId: id })
      expect(preview.unknown).toBe(true)
      expect(await host.refusal('run.remove', { runId: id, consent: preview.consent, force: true })).not.toBe('ok')
      expect(existsSync(join(worktree, 'new.txt'))).toBe(true)
    }
  })

  it('a foreign directory, and a foreign worktree, are listed and untouched', async () => {
    const { worktree } = await settled()
    const strange = join(dirname(worktree), 'strange')
    const foreign = join(repo.root, 'by-hand')
    const said = await afterDamage(() => {
      mkdirSync(strange)
      writeFileSync(join(strange, 'file'), 'x')
      git(repo.path, 'worktree', 'add', '-q', '-b', 'by-hand', foreign)
    })
    expect(said).toContain(`listed ${strange}: no run of ours names it`)
    expect(readFileSync(join(strange, 'file'), 'utf8')).toBe('x')
    expect(git(foreign, 'rev-parse', '--abbrev-ref', 'HEAD')).toBe('by-hand')
  })

  describe('a push that was cut off', () => {
    let shop: TestRepo
    let shopId: string
    beforeEach(async () => {
      shop = makeRepo({ remote: true, name: 'shop' })
      shopId = (await host.call('repository.add', { path: shop.path })).repositoryId
    })
    afterEach(() => shop?.close())
    const work = async (id: string) => {
      await host.start(shopId, 'git commit -q --allow-empty -m work', { id })
      const { worktree } = await host.untilPhase(id, 'exited')
      return { id, worktree: worktree ?? '', sha: shop.gitIn(worktree ?? '', 'rev-parse', 'HEAD') }
    }

    it('in the middle: said to be in doubt, not pushed unasked, and safe to repeat', async () => {
      const { id, sha } = await work('cut')
      const begun = join(shop.root, 'begun')
      const hook = join(shop.remote ?? '', 'hooks/pre-receive')
      writeFileSync(hook, `#!/bin/sh\ntouch '${begun}'\nsleep 1\nexit 1\n`, { mode: 0o755 })
      host.call('run.push', { runId: id }).catch(() => {})
      await host.until('the push to reach the remote', () => existsSync(begun))
      expect(host.run(id).intent).toMatchObject({ kind: 'push', sha })
      const said = await afterDamage(() => rmSync(hook))
      expect(said).toContain(`listed push of ${id}: it may not have arrived; push again`)
      expect(host.run(id)).toMatchObject({ intent: null, delivery: { state: 'local' } })
      expect(await host.call('run.push', { runId: id })).toMatchObject({ sha, already: false })
      expect(shop.gitIn(shop.remote ?? '', 'rev-parse', `refs/heads/agent/${id}`)).toBe(sha)
    })

    it('after it had arrived: known as pushed', async () => {
      const { id, worktree, sha } = await work('arrived')
      const { dataDirectory } = host
      const ref = `refs/heads/agent/${id}`
      const said = await afterDamage(() => {
        writeJournal(dataDirectory, {
          type: 'intended',
          runId: id,
          intent: { kind: 'push', remote: 'origin', ref, sha },
        })
        shop.gitIn(worktree, 'push', '-q', 'origin', `${sha}:${ref}`)
      })
      expect(said).toContain(`repaired push of ${id}: it had arrived`)
      expect(host.run(id)).toMatchObject({ intent: null, delivery: { state: 'pushed', remote: 'origin', ref, sha } })
      expect(await host.call('run.push', { runId: id })).toMatchObject({ already: true })
    })
  })

  it('sessions that the keeper holds and no live run has are shown and left alone; ended ones of nobody are dropped', async () => {
    const id = await host.start(repositoryId, 'echo ready; sleep 613', { id: 'held' })
    await host.until('it to run', () => host.live()[id]?.lastLine === 'ready')
    const { dataDirectory, home } = host
    const keeper = await connectKeeper({ dataDir: dataDirectory, clientVersion: 'test' })
    const said = await afterDamage(async () => {
      // The journal says that its agent is gone, and the keeper still has it.
      writeJournal(dataDirectory, {
        type: 'attempt-ended',
        runId: id,
        number: 1,
        phase: 'interrupted',
        exit: null,
        outcome: null,
      })
      const env = { PATH: process.env.PATH ?? '', HOME: home }
      await keeper.spawn({ sessionId: 'nobodys.1', kind: 'pipe', file: 'sleep', args: ['614'], cwd: home, env })
      await keeper.spawn({ sessionId: 'nobodys.2', kind: 'pipe', file: 'true', args: [], cwd: home, env })
      const ended = async () => (await keeper.list()).find(({ sessionId }) => sessionId === 'nobodys.2')?.exit
      await expect.poll(ended).toBeTruthy()
    })
    expect(said).toMatch(/listed session held\.1 .*although run held is interrupted/)
    expect(said).toMatch(/listed session nobodys\.1 .*no run of ours names it/)
    const left = await keeper.list()
    expect(left.map(({ sessionId, exit }) => [sessionId, exit])).toEqual([
      ['held.1', null],
      ['nobodys.1', null],
    ])
    keeper.close()
    // The way out that was named.
    const { consent } = await host.call('run.preview-removal', { runId: id })
    await host.call('run.remove', { runId: id, consent })
    expect(() => execFileSync('pgrep', ['-f', '^sleep 613'])).toThrow()
  })

  it('shows what outlived a killed keeper, and Remove ends it first', async () => {
    const id = await host.start(repositoryId, 'nohup setsid sleep 611 >/dev/null 2>&1 & echo ready; sleep 612', {
      id: 'left',
    })
    await host.until('it to run', () => host.live()[id]?.lastLine === 'ready')
    process.kill(await host.keeperPid(), 'SIGKILL')
    await host.untilPhase(id, 'interrupted')
    expect(execFileSync('pgrep', ['-f', '^sleep 611'], { encoding: 'utf8' }).trim()).not.toBe('')
    await host.until('the survivor to be shown', () => (host.live()[id]?.processes?.value ?? 0) > 0)
    const preview = await host.call('run.preview-removal', { runId: id })
    expect(preview.facts.find((fact) => fact.kind === 'processes')?.count).toBeGreaterThan(0)
    await host.call('run.remove', { runId: id, consent: preview.consent })
    expect(() => execFileSync('pgrep', ['-f', '^sleep 611'])).toThrow()
  })
})
