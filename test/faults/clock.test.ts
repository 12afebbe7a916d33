import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { report, size } from './report.ts'

// A real host under a clock that libfaketime moves: at its start and while it runs. Monotonic clocks stay as they are, as on a
// machine whose time server was wrong.
const library = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64']
  .map((folder) => join(folder, 'faketime', 'libfaketime.so.1'))
  .find((path) => existsSync(path))
const jumps = [-400, 10, 3_000]
const rounds = size(1, 10)

let host: TestHost
let repo: TestRepo
let clockFile: string
beforeEach(async () => {
  repo = makeRepo()
  clockFile = join(repo.root, 'clock')
  setClock(0)
  host = await startHost({
    environment: {
      ...(library ? { LD_PRELOAD: library } : {}),
      FAKETIME_TIMESTAMP_FILE: clockFile,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    settings: { lowDiskBytes: 0 },
  })
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

const setClock = (days: number) => writeFileSync(clockFile, `${days < 0 ? '' : '+'}${days}d\n`)

async function startAgain(): Promise<void> {
  await host.kill()
  await host.restart()
}

async function removed(id: string, repositoryId: string): Promise<string> {
  await host.start(repositoryId, 'mkdir node_modules; echo x > node_modules/x; echo precious > only-here.txt', { id })
  await host.untilPhase(id, 'exited')
  const { consent } = await host.call('run.preview-removal', { runId: id })
  await host.call('run.remove', { runId: id, consent })
  const { trash } = await host.until(`${id} in the trash`, () => host.run(id).phase === 'removed' && host.run(id))
  return join(trash!.directory, 'tree')
}

// Said loudly by its name where the library is missing; the continuous integration installs it.
describe.skipIf(!library)('a clock that jumps (needs libfaketime)', () => {
  it.each(jumps)('by %s days, while the host runs and at its next start: nothing is deleted by age', async (days) => {
    let kept = 0
    const { repositoryId } = await host.call('repository.add', { path: repo.path })
    for (let round = 0; round < rounds; round++) {
      const id = `r${round}`
      const tree = await removed(id, repositoryId)
      setClock(days)
      await startAgain()
      // The first sweep comes with the start; the list below is answered after it.
      const { entries } = await host.call('trash.list', {})
      expect(entries.map((entry) => entry.runId)).toContain(id)
      expect(entries.find((entry) => entry.runId === id)?.waitsMs).toBe(days > 7 ? 3_600_000 : null)
      setClock(-days)
      await startAgain()
      setClock(0)
      await startAgain()
      expect(readdirSync(tree).sort()).toContain('only-here.txt')
      expect(readdirSync(join(tree, 'node_modules'))).toEqual(['x'])
      await host.call('run.restore', { runId: id })
      expect(host.run(id).phase).toBe('exited')
      kept++
    }
    report('41', `clock ${days} d: ${kept} of ${rounds} entries kept through 3 starts, 0 deleted by age`)
  })

  it('an entry that is due can be kept, and its days start again', async () => {
    const { repositoryId } = await host.call('repository.add', { path: repo.path })
    await removed('late', repositoryId)
    setClock(10)
    await startAgain()
    const before = host.run('late').trash!.purgeAt
    const { purgeAt } = await host.call('run.keep', { runId: 'late' })
    expect(purgeAt).toBeGreaterThan(before + 9 * 86_400_000)
    const { entries } = await host.call('trash.list', {})
    expect(entries.find((entry) => entry.runId === 'late')).toMatchObject({ purgeAt, waitsMs: null })
    await host.call('run.restore', { runId: 'late' })
    expect(await host.refusal('run.keep', { runId: 'late' })).toBe('wrong-phase')
  })
})
