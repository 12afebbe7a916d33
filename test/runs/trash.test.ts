import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { stopMeasuring } from '../../app/disk/measure.ts'
import type { Keeper } from '../../app/keeper/client.ts'
import { CoppiceFailure, type Failure } from '../../app/model/failure.ts'
import type { Context } from '../../app/runs/context.ts'
import { createLiveTable } from '../../app/runs/live.ts'
import { createSeenProcesses } from '../../app/runs/processes/own-processes.ts'
import { openDeadlines } from '../../app/runs/trash/deadlines.ts'
import { createRetention } from '../../app/runs/trash/trash.ts'
import { openDatabase } from '../../app/store/database.ts'
import { openJournal } from '../../app/store/journal.ts'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'

// How the trash gives space back over time. The entries are made by a real host; then, while no host runs, the sweep is given the
// same journal and a clock of the test's own: no client can set a clock.
const hourMs = 3_600_000
const dayMs = 24 * hourMs

let host: TestHost
let repo: TestRepo
let repositoryId: string
beforeEach(async () => {
  repo = makeRepo({
    remote: true,
    files: {
      'package.json': '{}\n',
      'pkg/package.json': '{}\n',
      'tracked/package.json': '{}\n',
      'tracked/node_modules/kept.js': 'in git\n',
      '.gitignore': '/node_modules/\n/pkg/node_modules/\n/dist/\n.env\n',
    },
  })
  host = await startHost({ settings: { lowDiskBytes: 0 } })
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
  await stopMeasuring()
})

async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof CoppiceFailure)) throw new Error(`expected a failure, there was ${String(error)}`)
  return error.failure
}

/** The deadlines of a host that has watched without a pause for as long as there has been time. */
function watchedUntil(moment: number, path: string) {
  let clock = 0
  const deadlines = openDeadlines({ path, wall: () => clock, mono: () => clock, boot: () => clock, onJump: () => {} })
  clock = moment
  return deadlines
}

/** One round of retention at a moment, over the journal of a host that does not run meanwhile. */
async function sweepAt(moment: number, settings: object = {}, rounds = 1): Promise<void> {
  if (Object.keys(settings).length > 0) await host.call('settings.change', { change: settings })
  await host.kill()
  const database = openDatabase(join(host.dataDirectory, 'journal.db'), { aside: join(host.dataDirectory, 'aside') })
  const journal = openJournal(database)
  const none = () => {
    throw new Error('a sweep needs nothing of this')
  }
  const context: Context = {
    dataDirectory: host.dataDirectory,
    journal,
    live: createLiveTable(),
    host: { actor: { user: 'test', via: 'host' }, commandId: null, inputHash: null },
    keeper: async () => ({ forget: async () => {} }) as unknown as Keeper,
    git: async () => ({ file: 'git', environment: host.environment, trusted: false, scratchDirectory: host.home }),
    environment: async () => host.environment,
    shellProblem: async () => null,
    sessions: new Map(),
    sides: new Map(),
    terminals: new Proxy({} as Context['terminals'], { get: none }),
    observer: new Proxy({} as Context['observer'], { get: none }),
    seenProcesses: createSeenProcesses(),
    creating: new Map(),
    busy: new Map(),
    endable: new Map(),
    pump: none,
    now: () => moment,
    deadlines: watchedUntil(moment, join(host.dataDirectory, 'deadlines-of-the-test.json')),
    prompts: new Proxy({} as Context['prompts'], { get: none }),
    reviewMarks: new Proxy({} as Context['reviewMarks'], { get: none }),
    comparisons: new Proxy({} as Context['comparisons'], { get: none }),
    notify: () => {},
    log: () => {},
  }
  const retention = createRetention(context)
  for (let round = 0; round < rounds; round++) await retention.sweep()
  journal.close()
  await host.restart()
}

async function removed(prepare: (worktree: string) => void, id = 'work'): Promise<{ removedAt: number; tree: string }> {
  await host.start(repositoryId, 'true', { id })
  const { worktree } = await host.untilPhase(id, 'exited')
  prepare(worktree!)
  const { consent } = await host.call('run.preview-removal', { runId: id })
  await host.call('run.remove', { runId: id, consent })
  const { trash } = await host.until(`${id} in the trash`, () => host.run(id).phase === 'removed' && host.run(id))
  return { removedAt: trash!.removedAt, tree: join(trash!.directory, 'tree') }
}

const put = (path: string, text = 'x') => {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
}

describe('the trash in time', () => {
  it('keeps all for an hour, then drops what can be made again, then after its days all of it', async () => {
    const { removedAt, tree } = await removed((at) => {
      put(join(at, 'node_modules/a/index.js'))
      put(join(at, 'pkg/node_modules/b/index.js'))
      put(join(at, 'dist/app.js'))
      put(join(at, '.env'), 'SECRET=1')
      put(join(at, 'notes.txt'))
    })
    const whole = fingerprint(tree)
    await sweepAt(removedAt + hourMs - 1)
    expect(fingerprint(tree), 'within the hour').toEqual(whole)

    await sweepAt(removedAt + hourMs)
    const rest = /^(node_modules|pkg\/node_modules|dist)$/
    expect(fingerprint(tree), 'after the hour').toEqual(fingerprint(tree, { without: rest }))
    for (const name of ['node_modules', 'pkg/node_modules', 'dist'])
      expect(existsSync(join(tree, name)), name).toBe(false)
    for (const name of ['.env', 'notes.txt', 'tracked/node_modules/kept.js'])
      expect(existsSync(join(tree, name)), name).toBe(true)
    expect(host.run('work').trash).toMatchObject({ rebuildableAt: null, rebuildableBytes: 0 })

    const { report } = await host.call('run.restore', { runId: 'work' })
    const gone = report.filter((item) => item.result === 'removed').map((item) => item.what)
    expect(gone.sort()).toEqual(['dist', 'node_modules', 'pkg/node_modules'])

    const { consent } = await host.call('run.preview-removal', { runId: 'work' })
    await host.call('run.remove', { runId: 'work', consent })
    const again = host.run('work').trash!
    await sweepAt(again.removedAt + 7 * dayMs - 1)
    expect(host.run('work').phase).toBe('removed')
    await sweepAt(again.removedAt + 7 * dayMs)
    expect(host.run('work').phase).toBe('purged')
    expect(existsSync(again.directory)).toBe(false)
    expect(repo.git('for-each-ref', 'refs/coppice')).toBe('')
  })

  it('a low disk brings the first step forward, and only that', async () => {
    const { removedAt, tree } = await removed((at) => {
      put(join(at, 'node_modules/a/index.js'))
      put(join(at, 'notes.txt'))
    })
    await sweepAt(removedAt + 1000, { lowDiskBytes: 2 ** 52 })
    expect(existsSync(join(tree, 'node_modules'))).toBe(false)
    expect(existsSync(join(tree, 'notes.txt'))).toBe(true)
    expect(host.run('work').phase).toBe('removed')
  })

  it('a disk is low for the entries that lie on it, whatever the data directory has', async ({ skip }) => {
    const memory = '/dev/shm'
    if (!existsSync(memory) || statSync(memory).dev === statSync(host.dataDirectory).dev) return skip()
    const [there, here] = [memory, host.dataDirectory]
      .map((path) => statfsSync(path))
      .map((facts) => facts.bavail * facts.bsize)
    const root = realpathSync(mkdtempSync(join(memory, 'coppice-trash-')))
    try {
      const near = await removed((at) => put(join(at, 'node_modules/a/index.js')), 'near')
      await host.call('settings.change', { change: { worktreeRoot: root } })
      const far = await removed((at) => put(join(at, 'node_modules/a/index.js')), 'far')
      const lowDiskBytes = Math.round((there! + here!) / 2)
      await sweepAt(far.removedAt + 1000, { lowDiskBytes })
      expect(existsSync(join(far.tree, 'node_modules'))).toBe(there! > lowDiskBytes)
      expect(existsSync(join(near.tree, 'node_modules'))).toBe(here! > lowDiskBytes)
    } finally {
      await host.close()
      rmSync(root, { recursive: true, force: true })
    }
  })

  it('never drops a repository that somebody keeps in node_modules, and asks before its days end it', async () => {
    const { removedAt, tree } = await removed((at) => {
      put(join(at, 'node_modules/a/index.js'))
      put(join(at, 'dist/app.js'))
      repo.gitIn(at, 'init', '-q', 'node_modules/vendored')
      put(join(at, 'node_modules/vendored/work.txt'))
      repo.gitIn(join(at, 'node_modules/vendored'), 'add', '.')
      repo.gitIn(join(at, 'node_modules/vendored'), 'commit', '-qm', 'only here')
    })
    await sweepAt(removedAt + hourMs)
    expect(existsSync(join(tree, 'dist'))).toBe(false)
    expect(repo.gitIn(join(tree, 'node_modules/vendored'), 'log', '--format=%s')).toBe('only here')
    await sweepAt(removedAt + 30 * dayMs)
    expect(host.run('work').phase).toBe('removed')
    expect(await host.refusal('run.purge', { runId: 'work' })).toBe('consent-needed')
  })

  it('never purges commits that exist nowhere else, of the run or of a repository inside it', async () => {
    const own = await removed((at) => {
      repo.gitIn(at, 'checkout', '-q', '--detach')
      repo.gitIn(at, 'commit', '-q', '--allow-empty', '-m', 'detached work')
    }, 'own')
    await removed((at) => {
      repo.gitIn(at, 'init', '-q', 'inner')
      repo.gitIn(join(at, 'inner'), 'commit', '-q', '--allow-empty', '-m', 'inner work')
    }, 'inner')
    await removed((at) => put(join(at, 'notes.txt')), 'plain')
    await sweepAt(own.removedAt + 365 * dayMs)
    expect([host.run('own').phase, host.run('inner').phase, host.run('plain').phase]).toEqual([
      'removed',
      'removed',
      'purged',
    ])
    for (const id of ['own', 'inner']) {
      expect(host.run(id).trash?.commitsOnlyHere, id).toBe(1)
      expect(await host.refusal('run.purge', { runId: id }), id).toBe('consent-needed')
    }
  })

  it('tries a purge that fails once, and not with every round', async () => {
    const { removedAt, tree } = await removed((at) => put(join(at, 'notes.txt')))
    repo.git('pack-refs', '--all')
    const lock = join(repo.path, '.git', 'packed-refs.lock')
    writeFileSync(lock, '')
    await sweepAt(removedAt + 30 * dayMs, {}, 3)
    const failed = async () =>
      (await host.call('journal.read', { runId: 'work', search: 'purge-ended', limit: 50 })).records.length
    expect(await failed()).toBe(1)
    expect(existsSync(join(tree, 'notes.txt'))).toBe(true)
    rmSync(lock)
    await sweepAt(removedAt + 31 * dayMs)
    expect(host.run('work').phase).toBe('purged')
  })

  it('follows no link that was put in the way since', async () => {
    const outside = join(repo.root, 'outside')
    put(join(outside, 'node_modules/precious.txt'), 'mine')
    const before = fingerprint(outside)
    const { removedAt, tree } = await removed((at) => {
      put(join(at, 'pkg/node_modules/b/index.js'))
      put(join(at, 'node_modules/a/index.js'))
      symlinkSync(outside, join(at, 'node_modules/link'))
    })
    renameSync(join(tree, 'pkg'), join(tree, 'pkg-before'))
    symlinkSync(outside, join(tree, 'pkg'))
    await sweepAt(removedAt + hourMs)
    expect(existsSync(join(tree, 'node_modules'))).toBe(false)
    expect(fingerprint(outside)).toEqual(before)
  })
})

describe('a file that may not be deleted', () => {
  it('is named; the rest is freed and counted; what is left can be deleted later, and is not restored', async ({
    skip,
  }) => {
    await host.start(repositoryId, 'mkdir -p aa zz/deep; echo keep > aa/one; echo x > zz/deep/f', { id: 'stuck' })
    const run = await host.untilPhase('stuck', 'exited')
    const stuck = join(run.worktree!, 'zz/deep/f')
    try {
      execFileSync('chattr', ['+i', stuck], { stdio: 'ignore' })
    } catch {
      console.log('NOT RUN: files may not be made immutable here')
      return skip()
    }
    const { consent } = await host.call('run.preview-removal', { runId: 'stuck' })
    await host.call('run.remove', { runId: 'stuck', consent })
    const { directory } = host.run('stuck').trash!
    const whole = (await host.call('trash.list', {})).entries[0]!.sizeBytes!
    const left = join(`${directory}.going`, 'tree/zz/deep/f')
    try {
      const failure = await failureOf(host.call('run.purge', { runId: 'stuck' }))
      expect(failure).toMatchObject({
        code: 'partly-deleted',
        detail: { count: 1, names: ['tree/zz/deep/f'], bytes: expect.any(Number) },
      })
      expect(sentenceOf(failure).message).toMatch(
        /^1 file could not be deleted: tree\/zz\/deep\/f.* was freed; what is left stays/,
      )
      expect(existsSync(left)).toBe(true)
      expect(existsSync(join(`${directory}.going`, 'tree/aa'))).toBe(false)
      expect(host.run('stuck').phase).toBe('removed')
      const [entry] = (await host.call('trash.list', {})).entries
      expect(entry!.sizeBytes).toBeGreaterThan(0)
      expect(entry!.sizeBytes).toBeLessThan(whole)
      const restore = await failureOf(host.call('run.restore', { runId: 'stuck' }))
      expect(restore.code).toBe('partly-deleted')
      expect(sentenceOf(restore).message).toContain(`What is left is in ${directory}.going`)
      const [record] = (await host.call('journal.read', { runId: 'stuck', search: 'purge-ended', limit: 5 })).records
      expect(record!.event).toMatchObject({ freedBytes: failure.detail!.bytes })
    } finally {
      execFileSync('chattr', ['-i', left])
    }
    await host.call('run.purge', { runId: 'stuck' })
    expect(host.run('stuck').phase).toBe('purged')
    expect(existsSync(`${directory}.going`)).toBe(false)
  })
})
