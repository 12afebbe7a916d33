import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

// What was asked before: kept by the host for the next run, found again, and forgotten on demand.
let host: TestHost
let repo: TestRepo
let repositoryId: string
beforeEach(async () => {
  host = await startHost()
  repo = makeRepo()
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

const start = (prompt: string, more: object = {}) =>
  host.call('run.create', { repositoryId, agent: 'command', commandLine: 'true', prompt, ...more })

describe('recent prompts', () => {
  it('outlive the host and a deleted run, and are forgotten when a person says so', async () => {
    const long = `Fix the test\n${'é'.repeat(2000)}`
    await start(long)
    await start('Fix the login', { id: 'second' })
    await host.kill()
    await host.restart()
    const { prompts, more } = await host.call('prompt.recent', { repositoryId })
    expect(prompts.map(({ head }) => head.slice(0, 13))).toEqual(['Fix the login', 'Fix the test\n'])
    expect(more).toBe(0)
    expect(prompts[1]).toMatchObject({ repositoryId, bytes: Buffer.byteLength(long) })
    expect(prompts[1]!.head).toHaveLength(400)
    expect(await host.call('prompt.read', { promptId: prompts[1]!.id })).toEqual({ text: long })
    expect(await host.call('prompt.recent', { search: 'fix', limit: 1 })).toMatchObject({
      prompts: [{ head: 'Fix the login' }],
      more: 1,
    })
    await host.call('prompt.forget', { promptId: prompts[0]!.id })
    await expect(host.call('prompt.read', { promptId: prompts[0]!.id })).rejects.toMatchObject({
      failure: { code: 'not-found' },
    })
    await host.call('prompt.forget', {})
    expect((await host.call('prompt.recent', {})).prompts).toEqual([])
    expect(host.run('second').prompt?.head).toBe('Fix the login')
  })

  it('cost no run where they cannot be kept, and a refused run leaves none', async () => {
    await expect(start('Never ran', { base: 'no-such-branch' })).rejects.toMatchObject({
      failure: { code: 'base-not-found' },
    })
    expect((await host.call('prompt.recent', {})).prompts).toEqual([])
    const file = join(host.dataDirectory, 'prompts.json')
    mkdirSync(file)
    writeFileSync(join(file, 'x'), '')
    const { runIds } = await start('Runs all the same')
    expect(host.run(runIds[0]!).title).toBe('Runs all the same')
    await expect(host.call('prompt.recent', {})).rejects.toMatchObject({ failure: { code: 'state-unknown' } })
    rmSync(file, { recursive: true })
    expect(existsSync(file)).toBe(false)
  })
})

describe('runs with one prompt', () => {
  it('differ in their titles: copies by their number, one that is started again by the next', async () => {
    const titles = async (more: object = {}) => (await start('Fix it', more)).runIds.map((id) => host.run(id).title)
    expect(await titles({ copies: 3 })).toEqual(['Fix it · 1 of 3', 'Fix it · 2 of 3', 'Fix it · 3 of 3'])
    expect(await titles()).toEqual(['Fix it'])
    expect(await titles()).toEqual(['Fix it · 2'])
    expect(await titles()).toEqual(['Fix it · 3'])
    // A title that a person chose is theirs.
    expect(await titles({ title: 'Fix it' })).toEqual(['Fix it'])
  })
})
