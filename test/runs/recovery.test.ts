import { spawn } from 'node:child_process'
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
import { recoveryAfter } from '../harness/recovery.ts'
import { pidsOf, startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

// The orphans: what a crash, another tool or a person leaves, and what the next start makes of it. Ours is healed, what is foreign or
// alive is listed and untouched, and a second start changes nothing more. Here: an entry without its directory, a directory without
// its entry, what was moved, what is empty, locks, strangers. In cut-off.test.ts: half-created, half-removed, a branch without its
// worktree. In recovered-sessions.test.ts: sessions and processes.
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

/** Writes what a host would have, while none runs. */
function writeJournal(dataDirectory: string, event: Event): void {
  const database = openDatabase(join(dataDirectory, 'journal.db'), { aside: dataDirectory })
  openJournal(database).append(event, { actor: { user: 'test', via: 'cli' }, commandId: null, inputHash: null })
  database.close()
}

const afterDamage = (damage: () => unknown) => recoveryAfter(host, repo, damage)

describe('recovery', () => {
  it('entry without directory: missing, never forgotten; Resume makes it again', async () => {
    const { id, worktree } = await settled()
    const said = await afterDamage(() => rmSync(worktree, { recursive: true }))
    expect(said).toContain('its directory is gone')
    expect(said).toContain('1 thing listed and left alone; nothing was deleted.')
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
    expect(said).toContain('git had lost it')
    expect(said).toContain('Recovered: 1 worktree back in the list; nothing was deleted.')
    // The same for a person at the command line.
    expect(host.cli(['doctor']).stdout).toContain('Recovered: 1 worktree back in the list; nothing was deleted.')
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

  it('a worktree that git itself moved elsewhere: its run follows, by our lock', async () => {
    const { id, worktree } = await settled()
    const moved = join(repo.root, 'by hand')
    // The advice of git's own manual after a move by hand; and the same in one step.
    const said = await afterDamage(() => {
      renameSync(worktree, moved)
      git(moved, 'worktree', 'repair')
    })
    expect(said).toContain('it was moved')
    expect(host.run(id)).toMatchObject({ worktree: moved, worktreePresence: 'present' })
    // Removed from there it lies in our trash like any other, and comes back to where it was.
    const { consent } = await host.call('run.preview-removal', { runId: id })
    await host.call('run.remove', { runId: id, consent })
    expect(host.run(id).trash?.directory).toContain(join(host.dataDirectory, 'worktrees', '.trash'))
    await host.call('run.restore', { runId: id })
    expect(existsSync(moved)).toBe(true)
    expect(await afterDamage(() => git(repo.path, 'worktree', 'move', '-f', '-f', moved, worktree))).toContain(
      'it was moved',
    )
    expect(host.run(id)).toMatchObject({ worktree, worktreePresence: 'present' })
    expect(git(worktree, 'status', '--porcelain')).toContain('new.txt')
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
    expect(said).toContain('a lock of a process that is gone was cleared')
    git(worktree, 'add', '--all')
  })

  it('a young index.lock of ours, and what locks the rest of the repository, are listed and left alone', async () => {
    const { admin } = await settled()
    const foreign = join(repo.root, 'by-hand')
    git(repo.path, 'worktree', 'add', '-q', '-b', 'by-hand', foreign)
    const theirs = ['config.lock', 'index.lock', 'HEAD.lock', 'packed-refs.lock', 'refs/heads/main.lock'].map((name) =>
      join(repo.commonDir, name),
    )
    theirs.push(join(git(foreign, 'rev-parse', '--absolute-git-dir'), 'index.lock'))
    const said = await afterDamage(() => {
      const later = new Date(Date.now() + 60_000)
      writeFileSync(join(admin, 'index.lock'), '')
      utimesSync(join(admin, 'index.lock'), later, later)
      for (const path of theirs) writeFileSync(path, '')
      for (const path of theirs) old(path)
    })
    expect(said).toContain(`listed ${join(admin, 'index.lock')}: a lock of git was not touched`)
    for (const path of theirs) expect(said).toContain(`listed ${path}: a lock of git that is not ours`)
    for (const path of [join(admin, 'index.lock'), ...theirs]) expect(existsSync(path)).toBe(true)
  })

  it('an old index.lock where somebody works is listed and left alone', async () => {
    const { admin, worktree } = await settled()
    const shell = spawn('sleep', ['600'], { cwd: worktree, stdio: 'ignore' })
    try {
      const said = await afterDamage(() => {
        writeFileSync(join(admin, 'index.lock'), '')
        old(join(admin, 'index.lock'))
      })
      expect(said).toContain(`listed ${join(admin, 'index.lock')}: a lock of git was not touched`)
      expect(existsSync(join(admin, 'index.lock'))).toBe(true)
    } finally {
      shell.kill('SIGKILL')
    }
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
    expect(said).toContain('not touched')
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
    expect(said).toContain('not touched')
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
    const root = dirname(dirname(worktree))
    // A removed run's former path is nobody's: what is put there is no part of that run.
    const gone = await settled('gone')
    const { consent } = await host.call('run.preview-removal', { runId: gone.id })
    await host.call('run.remove', { runId: gone.id, consent })
    const put = [join(strange, 'file'), join(root, 'theirs', 'file'), join(gone.worktree, 'file')]
    const said = await afterDamage(() => {
      for (const path of put) {
        mkdirSync(dirname(path))
        writeFileSync(path, 'x')
      }
      git(repo.path, 'worktree', 'add', '-q', '-b', 'by-hand', foreign)
    })
    expect(said).toContain(`listed ${strange}: no run of ours names it`)
    expect(said).toContain(`listed ${gone.worktree}: no run of ours names it`)
    expect(said).toContain(`listed ${root}: no repository of ours names theirs in it`)
    for (const path of put) expect(readFileSync(path, 'utf8')).toBe('x')
    const recovery = async () =>
      (await host.call('host.doctor', {})).findings.find(({ subject }) => subject === 'recovery')
    expect(await recovery()).toMatchObject({ result: 'warning', text: expect.stringContaining(strange) })
    // What a person has put away meanwhile is no warning any more.
    rmSync(strange, { recursive: true })
    expect((await recovery())?.text).not.toContain(strange)
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
    expect(pidsOf(/^sleep 613/)).toEqual([])
  })
})
