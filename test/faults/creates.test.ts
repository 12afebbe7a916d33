import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, ownCheckout, type TestRepo } from '../harness/test-repo.ts'
import { report, size } from './report.ts'

// Scenario 21: fifty creates at once: of different issues all, of the same issue one, of the same branch one. In the full form over
// and over, with a host that is killed in the middle of every other round: what was accepted is then finished or undone, never both.
const atOnce = 50

let host: TestHost
let repo: TestRepo
let repositoryId: string
beforeEach(async () => {
  repo = makeRepo({ files: { 'README.md': 'x\n' } })
  host = await startHost({ settings: { maxRunning: 200, maxRunningPerRepository: 200, lowDiskBytes: 0 } })
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

const create = (more: object) =>
  host.refusal('run.create', {
    repositoryId,
    agent: 'command',
    commandLine: 'true',
    setup: 'skip',
    install: false,
    ...more,
  })
const all = (make: (n: number) => object) => Promise.all(Array.from({ length: atOnce }, (_, n) => create(make(n))))
const lines = (text: string) => text.split('\n').filter(Boolean)

/** What a second worktree, branch or folder of the same run would be: counted. */
function doubles(): number {
  const runs = Object.values(host.state().runs).filter((run) => run.worktree !== null)
  const twice = (values: readonly (string | null)[]) => values.length - new Set(values).size
  const listed = lines(repo.git('worktree', 'list', '--porcelain')).filter((line) => line.startsWith('worktree '))
  const folder = join(host.dataDirectory, 'worktrees', repositoryId)
  const folders = existsSync(folder) ? readdirSync(folder) : []
  const branches = lines(repo.git('for-each-ref', '--format=%(refname:short)', 'refs/heads')).filter(
    (b) => b !== 'main',
  )
  expect(listed).toHaveLength(runs.length + 1)
  expect(folders).toHaveLength(runs.length)
  expect(branches.sort()).toEqual(runs.map((run) => run.branch).sort())
  return twice(runs.map((run) => run.worktree)) + twice(runs.map((run) => run.branch))
}

async function allSettled(): Promise<void> {
  await host.until(
    'all to settle',
    () => Object.values(host.state().runs).every((run) => run.settledAt !== null),
    120_000,
  )
}

describe('fifty creates at once', () => {
  it('of different ids, the same id, the same branch', async () => {
    const rounds = size(1, 4)
    const checkout = fingerprint(repo.path, ownCheckout)
    let made = 0
    let found = 0
    for (let round = 0; round < rounds; round++) {
      const different = await all((n) => ({ id: `many-${round}-${n}` }))
      expect(different.filter((code) => code === 'ok')).toHaveLength(atOnce)
      const sameId = await all(() => ({ id: `same-${round}` }))
      expect(sameId.filter((code) => code === 'ok')).toHaveLength(1)
      expect(new Set(sameId)).toEqual(new Set(['ok', 'id-taken']))
      const sameBranch = await all((n) => ({ branch: `agent/mine-${round}`, id: `branch-${round}-${n}` }))
      expect(sameBranch.filter((code) => code === 'ok')).toHaveLength(1)
      expect(new Set(sameBranch)).toEqual(new Set(['ok', 'branch-exists']))
      await allSettled()
      const phases = Object.values(host.state().runs).map((run) => run.phase)
      expect(new Set(phases)).toEqual(new Set(['exited']))
      made += atOnce + 2
      found += doubles()
    }
    expect(Object.keys(host.state().runs)).toHaveLength(made)
    expect(repo.git('fsck', '--full', '--no-dangling')).toBe('')
    expect(fingerprint(repo.path, ownCheckout)).toEqual(checkout)
    report(
      21,
      `${atOnce} at once × ${rounds}: ${atOnce} of ${atOnce} of different ids, 1 of ${atOnce} of the same id, 1 of ${atOnce} of the same branch: ${found} doubles`,
    )
    expect(found).toBe(0)
  }, 600_000)

  it('with a host killed in the middle: each is finished, or undone and can be resumed', async () => {
    const rounds = size(1, 4)
    let cutOff = 0
    let resumed = 0
    for (let round = 0; round < rounds; round++) {
      const before = Object.keys(host.state().runs).length
      const asked = all((n) => ({ id: `many-${round}-${n}` })).catch(() => {})
      await host.until(
        'some to be made',
        () =>
          Object.values(host.state().runs).filter((run) => run.worktree !== null).length > before + 10 * (round + 1),
        60_000,
      )
      await host.kill()
      await asked
      await host.restart()
      await allSettled()
      expect(doubles()).toBe(0)
      for (const run of Object.values(host.state().runs).filter(({ phase }) => phase === 'interrupted')) {
        cutOff++
        await host.call('run.resume', { runId: run.id })
        resumed++
      }
      await host.until(
        'all to finish',
        () => Object.values(host.state().runs).every((run) => run.phase === 'exited'),
        120_000,
      )
      expect(doubles()).toBe(0)
    }
    expect(repo.git('fsck', '--full', '--no-dangling')).toBe('')
    report(
      21,
      `${rounds} hosts killed among ${atOnce} creates: ${Object.keys(host.state().runs).length} accepted, ${cutOff} cut off and undone, ${resumed} resumed and finished, 0 doubles`,
    )
    expect(cutOff).toBeGreaterThan(0)
  }, 600_000)
})
