// One world of a random history: a real host, a real repository with a remote, and the small model that says what must be there.
// After every step `check` compares all that can be seen with what the model and the invariants of docs/architecture.md demand.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import type { JournalRecord } from '../../app/model/event.ts'
import { isLive, type Run } from '../../app/model/run.ts'
import { verifyChain } from '../../app/store/chain.ts'
import { isRunning, startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, ownCheckout, type TestRepo } from '../harness/test-repo.ts'

export interface ModelRun {
  readonly id: string
  phase: 'running' | 'settled' | 'removed' | 'purged'
  /** Whether its directory is there (or was, when it was removed). */
  directory: boolean
  /** What a restore must bring back, as it was right before the removal; null where the directory was gone. */
  before: Seen | null
  /** Every commit that was ever made in its worktree. */
  readonly commits: Set<string>
}

/** What a person sees of a worktree: every byte but git's pointer, and what git says of it. */
export interface Seen {
  readonly files: Record<string, string>
  readonly status: string
  readonly head: string
  readonly branch: string
}

export interface Model {
  readonly runs: ModelRun[]
  /** The steps that were taken, in words. */
  readonly trace: string[]
}

export interface World {
  readonly host: TestHost
  readonly repo: TestRepo
  readonly repositoryId: string
  readonly root: string
  see(worktree: string): Seen
  worktreeOf(run: ModelRun): string
  git(directory: string, ...args: string[]): string
  /** The person changed their own checkout: from now on this is what it must be. */
  personChanged(): void
  check(model: Model): Promise<void>
  records(): Promise<JournalRecord[]>
  close(): Promise<void>
}

export async function makeWorld(): Promise<World> {
  const repo = makeRepo({
    remote: true,
    files: {
      'README.md': '# Shop\n',
      'package.json': '{}\n',
      'src/a.txt': 'a\n',
      '.gitignore': '.env\nnode_modules/\n*.log\n',
    },
  })
  const host = await startHost({ settings: { maxRunning: 50, maxRunningPerRepository: 50, lowDiskBytes: 0 } })
  const { repositoryId } = await host.call('repository.add', { path: repo.path })
  const root = join(host.dataDirectory, 'worktrees')
  const own = () => fingerprint(repo.path, ownCheckout)
  let checkout = own()

  const git = (directory: string, ...args: string[]) => repo.gitIn(directory, ...args)
  const world: World = {
    host,
    repo,
    repositoryId,
    root,
    git,
    see: (worktree) => ({
      // The pointer's text changes where the entry gets another name; git's own answer below says that it is right.
      files: fingerprint(worktree, { without: /^\.git$/ }),
      status: git(worktree, '--no-optional-locks', 'status', '--porcelain=v2', '--untracked-files=all', '--ignored'),
      head: git(worktree, 'rev-parse', 'HEAD'),
      branch: git(worktree, 'rev-parse', '--abbrev-ref', 'HEAD'),
    }),
    worktreeOf: (run) => host.run(run.id).worktree ?? '',
    personChanged() {
      checkout = own()
    },
    async records() {
      const found: JournalRecord[] = []
      for (let before: number | undefined; ; ) {
        const page = await host.call('journal.read', { limit: 1000, ...(before === undefined ? {} : { before }) })
        found.push(...page.records)
        before = page.records.at(-1)?.seq
        if (!page.more || before === undefined) return found.sort((a, b) => a.seq - b.seq)
      }
    },
    async check(model) {
      for (const run of model.runs) checkRun(world, run)
      checkList(world, model)
      checkRoot(world, model)
      checkCommits(world, model)
      expect(own(), "the person's checkout").toEqual(checkout)
      expect(repo.git('fsck', '--full', '--no-dangling'), 'fsck').toBe('')
      expect(verifyChain(await world.records()), 'the journal').toMatchObject({ ok: true })
    },
    async close() {
      await host.close()
      repo.close()
    },
  }
  return world
}

const expectedPhases: Record<ModelRun['phase'], readonly Run['phase'][]> = {
  running: ['running'],
  settled: ['exited', 'stopped', 'failed', 'cancelled', 'interrupted'],
  removed: ['removed'],
  purged: ['purged'],
}

function checkRun(world: World, model: ModelRun): void {
  const run = world.host.run(model.id)
  expect(expectedPhases[model.phase], `${run.id} is ${run.phase}, not ${model.phase}`).toContain(run.phase)
  expect(run.intent, `${run.id} has no open intent`).toBe(null)
  const open = run.attempts.filter((attempt) => attempt.endedAt === null)
  expect(open.length, `${run.id}: live attempts`).toBe(isLive(run.phase) ? 1 : 0)
  const alive = run.attempts.filter((attempt) => attempt.pid !== null && isRunning(attempt.pid))
  expect(alive.length, `${run.id}: living processes`).toBe(model.phase === 'running' ? 1 : 0)
  if (model.phase === 'running' || model.phase === 'settled') {
    expect(run.trash, run.id).toBe(null)
    if (run.worktree) expect(existsSync(run.worktree), `${run.worktree} is there`).toBe(model.directory)
    else expect(model.directory).toBe(false)
    return
  }
  if (run.worktree) expect(existsSync(run.worktree), `${run.worktree} is gone`).toBe(false)
  if (model.phase === 'purged') {
    expect(run.trash).toBe(null)
    return
  }
  expect(run.trash).not.toBe(null)
  expect(run.trash?.directory !== '', 'it has a trash entry where it had a directory').toBe(model.directory)
}

function checkList(world: World, model: Model): void {
  const listed = world
    .git(world.repo.path, 'worktree', 'list', '--porcelain', '-z')
    .split('\0')
    .filter((line) => line.startsWith('worktree '))
    .map((line) => line.slice('worktree '.length))
  const kept = model.runs.filter((run) => run.phase === 'running' || run.phase === 'settled')
  const there = kept.filter((run) => run.directory).map((run) => world.worktreeOf(run))
  // A directory that was deleted by hand leaves git's entry, under our lock, until its run goes on or is removed.
  const missing = kept.filter((run) => !run.directory).map((run) => world.worktreeOf(run))
  expect(listed.filter((path) => !missing.includes(path)).sort()).toEqual([world.repo.path, ...there].sort())
}

/** Every byte under our root belongs to a run that is listed or to an entry of the trash. */
function checkRoot(world: World, model: Model): void {
  const folder = join(world.root, world.repositoryId)
  const trash = join(world.root, '.trash')
  const names = (path: string) => (existsSync(path) ? readdirSync(path) : [])
  expect(names(world.root).filter((name) => name !== '.trash' && name !== world.repositoryId)).toEqual([])
  const kept = model.runs.filter((run) => (run.phase === 'running' || run.phase === 'settled') && run.directory)
  expect(
    names(folder)
      .map((name) => join(folder, name))
      .sort(),
  ).toEqual(kept.map((run) => world.worktreeOf(run)).sort())
  const removed = model.runs.filter((run) => run.phase === 'removed' && run.directory)
  const entries = removed.map((run) => world.host.run(run.id).trash?.directory ?? '')
  expect(
    names(trash)
      .map((name) => join(trash, name))
      .sort(),
  ).toEqual(entries.sort())
  for (const entry of entries) {
    expect(dirname(entry)).toBe(trash)
    expect(readdirSync(entry).sort()).toEqual(['admin', 'manifest.json', 'tree'])
  }
}

/** Every commit is reachable from a ref or a reflog of a worktree that is there, until its run is purged. */
function checkCommits(world: World, model: Model): void {
  const reachable = new Set(world.git(world.repo.path, 'rev-list', '--all', '--reflog').split('\n'))
  for (const run of model.runs) {
    if (run.phase === 'purged') continue
    const lost = [...run.commits].filter((commit) => !reachable.has(commit))
    expect(lost, `commits of ${run.id} that nothing leads to`).toEqual([])
  }
}

/** What must not change when a host starts again over the same data: the state without what was said of the start itself. */
export function lasting(host: TestHost): unknown {
  const { runs, repositories, settings } = host.state()
  return { runs, repositories, settings }
}

export const removeDirectory = (path: string): void => rmSync(path, { recursive: true, force: true })
