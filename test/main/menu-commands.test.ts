// What the menu does goes from the window's own process to the host: there it is the window's, and no view is counted for it.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { withHost } from '../../main/host-client.ts'
import { hostProcess } from '../../main/host-process.ts'
import { cliProgram, startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

let host: TestHost
let repo: TestRepo
beforeAll(async () => {
  repo = makeRepo()
  host = await startHost()
})
afterAll(async () => {
  await host?.close()
  repo?.close()
})

it('writes down the window as the one that acted, and finds no window to bring to the front', async () => {
  const shell = hostProcess({ node: process.execPath, cli: cliProgram, env: host.environment })
  const { windows } = await withHost(shell, async (client) => {
    await client.call('repository.add', { path: repo.path })
    return client.call('host.focus', { path: repo.path })
  })
  expect(windows).toBe(0)
  host.cli(['settings', 'set', 'maxRunning', '9'])
  const { records } = await host.call('journal.read', { limit: 50 })
  const by = (type: string) => records.filter(({ event }) => event.type === type).map(({ actor }) => actor.via)
  expect(by('repository-added')).toEqual(['window'])
  // Newest first; the one before remembers the path that the window opened.
  expect(by('settings-changed')).toEqual(['cli', 'window'])
})
