import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

// A start-up file that ends the shell would keep a command from ever running, and its exit of 0 would look like a success.
let host: TestHost
let repo: TestRepo
let repositoryId: string
beforeEach(async () => {
  repo = makeRepo()
  host = await startHost()
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

it.each([
  ['ends the shell', 'exit 0', /ended with 0 in its start-up files \(.*\.bash_profile\)/],
  ['turns the shell into another program', 'exec true', /ended with 0 in its start-up files/],
])('a command runs although a start-up file %s, and the run says so', async (_, text, said) => {
  await host.start(repositoryId, 'exit 3', { id: 'before' })
  const before = await host.untilPhase('before', 'exited')
  expect(before.exit).toMatchObject({ code: 3 })
  expect(before.notes ?? []).toEqual([])
  writeFileSync(join(host.home, '.bash_profile'), `${text}\n`)
  await host.start(repositoryId, 'exit 3', { id: 'after' })
  const run = await host.untilPhase('after', 'exited')
  expect(run).toMatchObject({ exit: { code: 3 }, outcome: { result: 'failed' } })
  expect(run.notes).toEqual([expect.stringMatching(said)])
})
