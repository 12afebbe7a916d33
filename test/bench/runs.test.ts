import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { type CountedGit, countedGit } from './counted-git.ts'
import { sized } from './sizes.ts'

// Create and remove through the whole host, against git alone, in one run and in pairs. Prints ratios; asserts how many gits each
// takes, and no time.
const tracked = sized({ long: 1_000, short: 100 })
const pairs = sized({ long: 7, short: 2 })
const single = sized({ long: 10, short: 3 })
const atOnce = sized({ long: 50, short: 12 })

/** A create takes about 22 gits and a removal 30; each may meet a look at the run's state, which takes up to 8 of its own. */
const mostGits = { create: 40, remove: 46 }

let gits: CountedGit
let host: TestHost
let repo: TestRepo
let repositoryId: string
const files = Object.fromEntries(
  Array.from({ length: tracked }, (_, n) => [
    `src/${n % 40}/file-${n}.ts`,
    `export const value${n} = ${n}\n`.repeat(20),
  ]),
)

beforeAll(async () => {
  repo = makeRepo({ files })
  gits = await countedGit()
  host = await startHost({ environment: gits.environment, settings: { maxRunning: 200, maxRunningPerRepository: 200 } })
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
}, 120_000)
afterAll(async () => {
  await host?.close()
  repo?.close()
  gits?.close()
})

const timed = async (work: () => unknown): Promise<number> => {
  const started = performance.now()
  await work()
  return performance.now() - started
}
const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const say = (text: string) => process.stdout.write(`bench: ${text}\n`)

describe(`a run against git alone (${tracked} files)`, () => {
  it(`create and remove, ${pairs} pairs`, async () => {
    const create = { ours: [] as number[], git: [] as number[] }
    const remove = { ours: [] as number[], git: [] as number[] }
    const most = { create: 0, remove: 0 }
    mkdirSync(join(repo.root, 'plain'), { recursive: true })
    for (let n = 0; n < pairs; n++) {
      const path = join(repo.root, 'plain', `w${n}`)
      create.git.push(await timed(() => repo.git('worktree', 'add', '-q', '--no-track', '-b', `plain-${n}`, path)))
      create.ours.push(
        await timed(async () => {
          await host.start(repositoryId, 'true', { id: `pair-${n}` })
          await host.until('its agent', () => host.run(`pair-${n}`)?.attempts.length > 0)
        }),
      )
      await host.untilPhase(`pair-${n}`, 'exited')
      const forCreate = gits.take()
      expect(forCreate.filter((name) => name === 'worktree')).toHaveLength(1)
      expect(forCreate.length).toBeLessThanOrEqual(mostGits.create)
      remove.git.push(await timed(() => repo.git('worktree', 'remove', '--force', path)))
      remove.ours.push(await timed(() => host.call('run.remove', { runId: `pair-${n}` })))
      const forRemove = gits.take()
      expect(forRemove.filter((name) => name === 'worktree')).toHaveLength(1)
      expect(forRemove.length).toBeLessThanOrEqual(mostGits.remove)
      most.create = Math.max(most.create, forCreate.length)
      most.remove = Math.max(most.remove, forRemove.length)
    }
    const line = (name: string, { ours, git }: { ours: number[]; git: number[] }) =>
      say(
        `${name}: ${median(ours).toFixed(0)} ms, git alone ${median(git).toFixed(0)} ms, ratio ${(median(ours) / median(git)).toFixed(2)}`,
      )
    line('create until the agent starts / git worktree add', create)
    line('remove into the trash, inspected / git worktree remove --force', remove)
    say(`gits started: at most ${most.create} for a create and ${most.remove} for a removal`)
  })

  it(`${atOnce} creates at once against one by one`, async () => {
    const one = await timed(async () => {
      for (let n = 0; n < single; n++) {
        await host.start(repositoryId, 'true', { id: `single-${n}` })
        await host.untilPhase(`single-${n}`, 'exited', 60_000)
      }
    })
    const all = await timed(async () => {
      const ids = await Promise.all(
        Array.from({ length: atOnce }, (_, n) => host.start(repositoryId, 'true', { id: `many-${n}` })),
      )
      for (const id of ids) await host.untilPhase(id, 'exited', 120_000)
    })
    expect(gits.take().filter((name) => name === 'worktree')).toHaveLength(single + atOnce)
    expect(repo.git('branch', '--list', 'agent/*').split('\n')).toHaveLength(single + atOnce)
    say(
      `${atOnce} at once: ${(all / atOnce).toFixed(0)} ms each, one by one ${(one / single).toFixed(0)} ms each, ratio ${(all / atOnce / (one / single)).toFixed(2)}`,
    )
  })
})
