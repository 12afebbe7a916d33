// What a create and a removal cost against plain git, in pairs within one run, as ratios: the machine's noise and its file system
// (creating files soon after deleting others is slow without a journal) then touch both alike. Prints its times; asserts that the
// work was done and how many processes it took.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { identityOf } from '../../app/disk/files.ts'
import { keepObjects } from '../../app/git/trash/keep.ts'
import { detachWorktree } from '../../app/git/trash/move.ts'
import { readAdminDir } from '../../app/git/worktree/checkout.ts'
import { addWorktree, listWorktrees } from '../../app/git/worktree/worktree.ts'
import { programsSpawned, runProgram } from '../../app/process/run-program.ts'
import { type Files, makeRepo, writeFiles } from '../harness/test-repo.ts'
import { sized } from './sizes.ts'

// The size of vite's repository, and a part of its node_modules.
const tracked = sized({ long: 2_800, short: 200 })
const installed = sized({ long: 4_000, short: 200 })
const pairs = sized({ long: 4, short: 1 })
const atOnce = sized({ long: 50, short: 10 })
const trackedAtOnce = sized({ long: 400, short: 40 })
/** What one `addWorktree` starts. */
const programsPerCreate = 4
/** What keeping all that a removal takes away starts; the renames start none. */
const programsPerRemoval = 5

const repo = makeRepo({ files: tree('src', tracked), remote: true })
const place = { topLevel: repo.path, commonDir: repo.commonDir }
const commit = repo.git('rev-parse', 'HEAD')
const node_modules = tree('node_modules', installed)
afterAll(() => repo.close())

function tree(top: string, count: number): Files {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `${top}/${index % 40}/${index % 7}/file-${index}.js`,
      `export const value = ${index}\n`.repeat(20),
    ]),
  )
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** git by itself, without what simple-git adds to it. */
async function raw(directory: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await runProgram('git', args, { cwd: directory, env: repo.environment, timeoutMs: 120_000 })
  if (code !== 0) throw new Error(stderr)
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

function report(name: string, theirs: number[], ours: number[]): void {
  const ratio = median(ours.map((value, index) => value / theirs[index]!))
  const [a, b] = [median(theirs), median(ours)].map((value) => value.toFixed(value < 20 ? 1 : 0))
  console.log(`${name}: git ${a} ms, Coppice ${b} ms, ratio ${ratio.toFixed(2)} (median of ${ours.length} pairs)`)
}

const options = (id: string, onRegistered?: () => void) => ({
  path: join(repo.root, 'runs', id),
  branch: `agent/${id}`,
  commit,
  newBranch: true,
  lockReason: `coppice run=${id}`,
  ...(onRegistered ? { onRegistered } : {}),
})

describe(`git, ${tracked} files, ${installed} untracked`, () => {
  it('create against `git worktree add`', async () => {
    mkdirSync(join(repo.root, 'raw'))
    const theirs: number[] = []
    const ours: number[] = []
    const registered: number[] = []
    let programs = 0
    for (let index = 0; index <= pairs; index++) {
      const path = join(repo.root, 'raw', `t${index}`)
      const a = await timed(() =>
        raw(repo.path, 'worktree', 'add', '--quiet', '--no-track', '-b', `t${index}`, path, commit),
      )
      const start = performance.now()
      const before = programsSpawned()
      const row: number[] = []
      const b = await timed(() =>
        addWorktree(
          repo.context,
          place,
          options(`c${index}`, () => row.push(performance.now() - start)),
        ),
      )
      programs = programsSpawned() - before
      // The first pair only warms the caches.
      if (index === 0) continue
      theirs.push(a)
      ours.push(b)
      registered.push(row[0]!)
    }
    report('create, whole', theirs, ours)
    report('create, until the row is there', theirs, registered)
    expect(programs).toBe(programsPerCreate)
    expect(repo.gitIn(options('c1').path, 'status', '--porcelain')).toBe('')
  })

  it('remove against `git worktree remove --force`', async () => {
    const theirs: number[] = []
    const ours: number[] = []
    const moved: number[] = []
    let programs = 0
    for (let index = 0; index <= pairs; index++) {
      const a = join(repo.root, 'raw', `t${index}`)
      const b = options(`c${index}`).path
      for (const path of [a, b]) writeFiles(path, node_modules)
      const plain = await timed(() => raw(repo.path, 'worktree', 'remove', '--force', a))
      const { adminDir } = readAdminDir(b)
      const before = programsSpawned()
      const keeping = await timed(() =>
        keepObjects(repo.context, place, { worktree: b, keepId: `c${index}`, branch: `agent/c${index}` }),
      )
      const moving = await timed(async () => {
        detachWorktree({
          worktree: b,
          adminDir,
          trashDir: join(repo.root, 'runs/.trash', `c${index}`),
          expected: identityOf(b)!,
        })
      })
      programs = programsSpawned() - before
      expect([existsSync(a), existsSync(b)]).toEqual([false, false])
      if (index === 0) continue
      theirs.push(plain)
      ours.push(keeping + moving)
      moved.push(moving)
    }
    report('remove, everything kept', theirs, ours)
    report('remove, the two renames alone', theirs, moved)
    expect(programs).toBe(programsPerRemoval)
    expect(await listWorktrees(repo.context, repo.path)).toHaveLength(1)
  })

  it(`${atOnce} creates at once against one by one`, async () => {
    const ids = Array.from({ length: atOnce }, (_, index) => `${index}`)
    const small = makeRepo({ files: tree('src', trackedAtOnce), remote: true })
    try {
      const head = small.git('rev-parse', 'HEAD')
      const make = (id: string) =>
        addWorktree(
          small.context,
          { topLevel: small.path, commonDir: small.commonDir },
          { path: join(small.root, 'runs', id), branch: `agent/${id}`, commit: head, newBranch: true, lockReason: id },
        )
      await make('warm')
      const apart = await timed(async () => {
        for (const id of ids) await make(`one-${id}`)
      })
      const before = programsSpawned()
      const together = await timed(() => Promise.all(ids.map((id) => make(`all-${id}`))))
      const programs = programsSpawned() - before
      console.log(
        `${atOnce} creates of ${trackedAtOnce} files: one by one ${apart.toFixed(0)} ms, at once ${together.toFixed(0)} ms, ratio ${(together / apart).toFixed(2)}`,
      )
      expect(await listWorktrees(small.context, small.path)).toHaveLength(2 * atOnce + 2)
      expect(programs).toBe(programsPerCreate * atOnce)
    } finally {
      small.close()
    }
  })
})
