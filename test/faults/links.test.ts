import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deleteTree } from '../../app/disk/delete-tree.ts'
import { identityOf } from '../../app/disk/files.ts'
import { detachWorktree } from '../../app/git/trash/move.ts'
import { CoppiceFailure } from '../../app/model/failure.ts'
import { announceMs } from '../../app/runs/trash/deadlines.ts'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, removeTree, type TestRepo } from '../harness/test-repo.ts'
import { full, patienceMs, reached, report, size } from './report.ts'

// Scenarios 15 to 18: what leads out of a worktree, what takes its place, a repository that is elsewhere, and what is not ours.
const put = (path: string, text = 'x') => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

describe('over a host', () => {
  let host: TestHost
  let repo: TestRepo
  let repositoryId: string
  let outside: string
  let sentinel: object
  beforeEach(async () => {
    repo = makeRepo({
      remote: true,
      files: { 'README.md': 'x\n', 'package.json': '{}', '.gitignore': 'node_modules/\n' },
    })
    outside = join(repo.root, 'outside')
    put(join(outside, 'precious.txt'), 'mine')
    put(join(outside, 'node_modules/deep/also.txt'), 'mine too')
    sentinel = fingerprint(outside)
    host = await startHost()
    repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
  })
  afterEach(async () => {
    await host?.close()
    repo?.close()
  })

  async function exited(id: string): Promise<string> {
    await host.start(repositoryId, 'true', { id })
    return (await host.untilPhase(id, 'exited')).worktree!
  }
  async function remove(id: string): Promise<string> {
    const { consent } = await host.call('run.preview-removal', { runId: id })
    await host.call('run.remove', { runId: id, consent })
    return host.run(id).trash!.directory
  }
  async function purge(id: string): Promise<void> {
    try {
      await host.call('run.purge', { runId: id })
    } catch (error) {
      if (!(error instanceof CoppiceFailure) || error.failure.code !== 'consent-needed') throw error
      await host.call('run.purge', { runId: id, consent: String(error.failure.detail?.consent) })
    }
  }

  it('symlinks that lead out are moved, restored and deleted as links', async () => {
    const worktree = await exited('links')
    symlinkSync(outside, join(worktree, 'out'))
    mkdirSync(join(worktree, 'node_modules'))
    symlinkSync(join(outside, 'node_modules'), join(worktree, 'node_modules/linked'))
    symlinkSync(join(outside, 'precious.txt'), join(worktree, 'file'))
    const before = fingerprint(worktree)
    await remove('links')
    await host.call('run.restore', { runId: 'links' })
    expect(fingerprint(worktree)).toEqual(before)
    // With no hour to keep them in, and announced for an hour of the host's running time, the next sweep drops node_modules.
    await host.call('settings.change', { change: { keepRebuildableHours: 0 } })
    const entry = await remove('links')
    await host.kill()
    const announced = { ranMs: announceMs, dueSince: { 'links rebuildable': 0 } }
    writeFileSync(join(host.dataDirectory, 'deadlines.json'), JSON.stringify(announced))
    await host.restart()
    await host.until('node_modules to be dropped', () => !existsSync(join(entry, 'tree/node_modules')))
    expect(fingerprint(outside)).toEqual(sentinel)
    await purge('links')
    expect(existsSync(entry)).toBe(false)
    expect(fingerprint(outside)).toEqual(sentinel)
    report(15, 'symlinks through remove, restore, trim and purge: 0 bytes outside changed')
  })

  it('a bind mount inside refuses removal and purge', async ({ skip }) => {
    const worktree = await exited('mounts')
    mkdirSync(join(worktree, 'mounted'))
    try {
      execFileSync('mount', ['--bind', outside, join(worktree, 'mounted')], { stdio: 'ignore' })
    } catch {
      report(15, 'NOT RUN: bind mounts may not be made here')
      return skip()
    }
    try {
      const { consent } = await host.call('run.preview-removal', { runId: 'mounts' })
      expect(await host.refusal('run.remove', { runId: 'mounts', consent })).toBe('no-trash')
      expect(host.run('mounts').phase).toBe('exited')
      expect(fingerprint(outside)).toEqual(sentinel)
    } finally {
      execFileSync('umount', [join(worktree, 'mounted')])
    }
    const entry = await remove('mounts')
    const inside = join(entry, 'tree/mounted')
    mkdirSync(inside, { recursive: true })
    execFileSync('mount', ['--bind', outside, inside])
    try {
      await expect(purge('mounts')).rejects.toMatchObject({ failure: { code: 'in-use' } })
      expect(host.run('mounts').phase).toBe('removed')
      expect(existsSync(join(entry, 'manifest.json'))).toBe(true)
      expect(fingerprint(outside)).toEqual(sentinel)
    } finally {
      execFileSync('umount', [inside])
    }
    await purge('mounts')
    expect(existsSync(entry)).toBe(false)
    expect(fingerprint(outside)).toEqual(sentinel)
    report(15, 'bind mounts in a worktree and in the trash: refused, 0 bytes changed')
  })

  it('another directory, a clone or a link at the place of a worktree is not taken for it', async () => {
    const worktree = await exited('swapped')
    const aside = `${worktree}-aside`
    const made: Record<string, () => void> = {
      'a link out': () => symlinkSync(outside, worktree),
      'a directory': () => put(join(worktree, 'precious.txt'), 'not yours'),
      'a clone': () => repo.git('clone', '-q', repo.path, worktree),
      'a link to the primary checkout': () => symlinkSync(repo.path, worktree),
    }
    renameSync(worktree, aside)
    const main = fingerprint(repo.path)
    for (const [what, make] of Object.entries(made)) {
      make()
      const there = fingerprint(worktree)
      for (const force of [false, true]) {
        const preview = await host.call('run.preview-removal', { runId: 'swapped' }).catch(() => null)
        const asked = { runId: 'swapped', force, ...(preview ? { consent: preview.consent } : {}) }
        const code = await host.refusal('run.remove', asked)
        expect(code, `${what}${force ? ', forced' : ''}`).not.toBe('ok')
      }
      expect(fingerprint(worktree), what).toEqual(there)
      expect(fingerprint(outside), what).toEqual(sentinel)
      expect(fingerprint(repo.path), what).toEqual(main)
      rmSync(worktree, { recursive: true, force: true })
    }
    renameSync(aside, worktree)
    await remove('swapped')
    report(16, `${Object.keys(made).length} kinds of strangers at a worktree's path, forced and not: all refused`)
  })

  it('a repository that is away keeps its rows, and works again when it is back', async () => {
    const worktree = await exited('one')
    put(join(worktree, 'notes.txt'))
    await exited('two')
    await remove('two')
    const away = `${repo.path} away`
    renameSync(repo.path, away)
    await host.kill()
    await host.restart()
    expect([host.run('one').phase, host.run('two').phase]).toEqual(['exited', 'removed'])
    expect(await host.refusal('run.remove', { runId: 'one' })).not.toBe('ok')
    expect(await host.refusal('run.restore', { runId: 'two' })).toBe('repository-unavailable')
    expect(existsSync(join(worktree, 'notes.txt'))).toBe(true)

    renameSync(away, repo.path)
    await host.kill()
    await host.restart()
    expect(repo.gitIn(worktree, 'status', '--porcelain')).toBe('?? notes.txt')
    await host.call('run.restore', { runId: 'two' })

    renameSync(repo.path, away)
    expect((await host.call('repository.add', { path: away })).repositoryId).toBe(repositoryId)
    for (const id of ['one', 'two'])
      expect(repo.gitIn(host.run(id).worktree!, 'rev-parse', '--git-common-dir')).toBe(join(away, '.git'))
    await remove('one')
    renameSync(away, repo.path)
    report(17, 'a repository moved away, back, and elsewhere: 2 rows kept and repaired, 0 lost')
  })

  it('what is not ours in our root is listed and left', async () => {
    await exited('ours')
    const folder = join(host.dataDirectory, 'worktrees', repositoryId)
    const foreign = join(folder, 'foreign')
    const clone = join(folder, 'clone')
    put(join(foreign, 'precious.txt'), 'mine')
    repo.git('clone', '-q', repo.path, clone)
    const theirs = join(folder, 'their worktree')
    repo.git('worktree', 'add', '-q', '-b', 'theirs', theirs)
    const before = [foreign, clone, theirs].map((path) => fingerprint(path))
    await purgeAll()
    await host.kill()
    await host.restart()
    await host.kill()
    await host.restart()
    expect([foreign, clone, theirs].map((path) => fingerprint(path))).toEqual(before)
    expect(repo.git('worktree', 'list')).toContain(theirs)
    const listed = host
      .state()
      .recovery?.report.filter((item) => item.result === 'listed')
      .map((item) => item.what)
    expect(listed).toEqual(expect.arrayContaining([foreign, clone]))
    report(18, 'a foreign directory, clone and worktree in our root: listed, 0 deletions')

    async function purgeAll() {
      await remove('ours')
      await purge('ours')
    }
  })
})

// One process renames in a loop while this one moves and deletes: whatever is taken is what was inspected, and nothing outside goes.
const swapper = `
const fs = require('node:fs')
const [where, outside] = process.argv.slice(1)
const pause = new Int32Array(new SharedArrayBuffer(4))
for (;;) {
  try { fs.renameSync(where, where + '.aside'); fs.symlinkSync(outside, where) } catch {}
  Atomics.wait(pause, 0, 0, Math.random())
  try { fs.unlinkSync(where) } catch {}
  try { fs.renameSync(where + '.aside', where) } catch {}
  Atomics.wait(pause, 0, 0, Math.random())
}`

describe('swapped in the middle', () => {
  let root: string
  let children: ChildProcess[] = []
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-swap-')))
  })
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL')
    children = []
    removeTree(root)
  })
  const swap = (where: string, outside: string) => {
    const child = spawn(process.execPath, ['-e', swapper, where, outside], { stdio: 'ignore' })
    children.push(child)
    return () => {
      child.kill('SIGKILL')
      children = children.filter((other) => other !== child)
    }
  }

  it(
    'a directory, or a folder in it, during a delete',
    async () => {
      for (const swapped of ['', 'sub']) await race(swapped)
    },
    patienceMs,
  )

  async function race(swapped: string) {
    const outside = join(root, 'outside')
    put(join(outside, 'precious.txt'), 'mine')
    put(join(outside, 'sub/also.txt'), 'mine too')
    const before = fingerprint(outside)
    const wanted = size(40, 5_000)
    const until = Date.now() + patienceMs / 3
    // A folder of its own for each: a swapper that was ended may have left its link in the way.
    const trash = join(root, `trash-${swapped}`)
    const tree = join(trash, 'tree')
    const end = swap(join(tree, swapped), outside)
    const met: Record<string, number> = {}
    let races = 0
    for (; races < wanted && Date.now() < until; races++) {
      try {
        for (let n = 0; n < 6; n++) put(join(trash, 'fresh', 'sub', `sub${n}`, 'file.txt'))
        renameSync(join(trash, 'fresh'), tree)
      } catch {
        // What the swapper has left in the way is taken by the next round.
      }
      try {
        const identity = identityOf(tree)
        if (identity) await deleteTree(tree, identity)
        met.deleted = (met.deleted ?? 0) + 1
      } catch (error) {
        const code =
          error instanceof CoppiceFailure ? error.failure.code : String((error as NodeJS.ErrnoException).code)
        met[code] = (met[code] ?? 0) + 1
      }
      if (!full || races % 100 === 0) expect(fingerprint(outside), `after ${races} races`).toEqual(before)
    }
    end()
    expect(fingerprint(outside)).toEqual(before)
    // A race that one side always wins is none.
    expect(met.deleted ?? 0, JSON.stringify(met)).toBeGreaterThan(0)
    expect(met.deleted ?? 0, JSON.stringify(met)).toBeLessThan(races)
    report(
      16,
      `${reached(races, wanted)} races of ${swapped === '' ? 'the root' : 'a folder'} with a delete (${JSON.stringify(met)}): 0 bytes outside changed`,
    )
  }

  it(
    'the root of a worktree, during its move',
    async () => {
      const repo = makeRepo({ files: { 'README.md': 'x\n' } })
      try {
        const outside = join(root, 'outside')
        put(join(outside, 'precious.txt'), 'mine')
        const before = fingerprint(outside)
        const wanted = size(40, 10_000)
        const until = Date.now() + patienceMs / 2 - 30_000
        const worktree = repo.worktree('swapped')
        const adminDir = repo.gitIn(worktree, 'rev-parse', '--absolute-git-dir')
        const expected = identityOf(worktree)!
        const end = swap(worktree, outside)
        let races = 0
        let taken = 0
        let wrong = 0
        for (; races < wanted && Date.now() < until; races++) {
          const trashDir = join(root, `entry-${races}`)
          try {
            detachWorktree({ worktree, adminDir, trashDir, expected })
          } catch {
            // Refused: looked at below.
          }
          const caught = (() => {
            try {
              return identityOf(join(trashDir, 'tree'))
            } catch {
              return 'a link' as const
            }
          })()
          if (caught === 'a link') wrong++
          else if (caught) {
            if (caught.inode === expected.inode) taken++
            else wrong++
            // Back for the next race, by hand.
            renameSync(join(trashDir, 'admin'), adminDir)
            for (;;) {
              try {
                if (existsSync(worktree)) rmSync(worktree)
                renameSync(join(trashDir, 'tree'), worktree)
                break
              } catch {
                // The swapper holds the place at this moment.
              }
            }
          }
        }
        end()
        expect(fingerprint(outside)).toEqual(before)
        expect(wrong).toBe(0)
        expect(taken).toBeGreaterThan(0)
        expect(taken, 'races that were refused').toBeLessThan(races)
        report(
          16,
          `${reached(races, wanted)} races with a move: ${taken} times the right directory, ${wrong} times another`,
        )
      } finally {
        repo.close()
      }
    },
    patienceMs,
  )
})
