import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

// Create and remove through the whole host, against git alone, in one run and in pairs. Prints ratios; asserts no time.
let host: TestHost
let repo: TestRepo
let repositoryId: string
const files = Object.fromEntries(
  Array.from({ length: 1_000 }, (_, n) => [`src/${n % 40}/file-${n}.ts`, `export const value${n} = ${n}\n`.repeat(20)]),
)

beforeAll(async () => {
  repo = makeRepo({ files })
  host = await startHost({ settings: { maxRunning: 200, maxRunningPerRepository: 200 } })
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
}, 120_000)
afterAll(async () => {
  await host?.close()
  repo?.close()
})

const timed = async (work: () => unknown): Promise<number> => {
  const started = performance.now()
  await work()
  return performance.now() - started
}
const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const say = (text: string) => process.stdout.write(`bench: ${text}\n`)

describe('a run against git alone (1,000 files)', () => {
  it('create and remove, seven pairs', async () => {
    const create = { ours: [] as number[], git: [] as number[] }
    const remove = { ours: [] as number[], git: [] as number[] }
    mkdirSync(join(repo.root, 'plain'), { recursive: true })
    for (let n = 0; n < 7; n++) {
      const path = join(repo.root, 'plain', `w${n}`)
      create.git.push(await timed(() => repo.git('worktree', 'add', '-q', '--no-track', '-b', `plain-${n}`, path)))
      create.ours.push(
        await timed(async () => {
          await host.start(repositoryId, 'true', { id: `pair-${n}` })
          await host.until('its agent', () => host.run(`pair-${n}`)?.attempts.length > 0)
        }),
      )
      await host.untilPhase(`pair-${n}`, 'exited')
      remove.git.push(await timed(() => repo.git('worktree', 'remove', '--force', path)))
      remove.ours.push(await timed(() => host.call('run.remove', { runId: `pair-${n}` })))
    }
    const line = (name: string, { ours, git }: { ours: number[]; git: number[] }) =>
      say(
        `${name}: ${median(ours).toFixed(0)} ms, git alone ${median(git).toFixed(0)} ms, ratio ${(median(ours) / median(git)).toFixed(2)}`,
      )
    line('create until the agent starts / git worktree add', create)
    line('remove into the trash, inspected / git worktree remove --force', remove)
  })

  it('fifty creates at once against one by one', async () => {
    const one = await timed(async () => {
      for (let n = 0; n < 10; n++) {
        await host.start(repositoryId, 'true', { id: `single-${n}` })
        await host.untilPhase(`single-${n}`, 'exited', 60_000)
      }
    })
    const all = await timed(async () => {
      const ids = await Promise.all(
        Array.from({ length: 50 }, (_, n) => host.start(repositoryId, 'true', { id: `many-${n}` })),
      )
      for (const id of ids) await host.untilPhase(id, 'exited', 120_000)
    })
    say(
      `50 at once: ${(all / 50).toFixed(0)} ms each, one by one ${(one / 10).toFixed(0)} ms each, ratio ${(all / 50 / (one / 10)).toFixed(2)}`,
    )
  })
})
