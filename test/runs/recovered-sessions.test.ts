import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectKeeper } from '../../app/keeper/client.ts'
import { lastRecovery } from '../harness/recovery.ts'
import { pidsOf, startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

// Sessions and processes after a crash: those that the keeper holds and the journal does not know, those that the journal knows and
// no keeper holds, and what outlived both. Adopted, ended or shown, never guessed at.
let host: TestHost
let repo: TestRepo
let repositoryId: string
beforeEach(async () => {
  repo = makeRepo({ files: { 'README.md': '# Shop\n' } })
  host = await startHost()
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

describe('sessions', () => {
  it('shows what outlived a killed keeper, and Remove ends it first', async () => {
    const id = await host.start(repositoryId, 'nohup setsid sleep 611 >/dev/null 2>&1 & echo ready; sleep 612', {
      id: 'left',
    })
    await host.until('it to run', () => host.live()[id]?.lastLine === 'ready')
    process.kill(await host.keeperPid(), 'SIGKILL')
    await host.untilPhase(id, 'interrupted')
    expect(pidsOf(/^sleep 611/)).not.toEqual([])
    await host.until('the survivor to be shown', () => (host.live()[id]?.processes?.value ?? 0) > 0)
    const preview = await host.call('run.preview-removal', { runId: id })
    expect(preview.facts.find((fact) => fact.kind === 'processes')?.count).toBeGreaterThan(0)
    await host.call('run.remove', { runId: id, consent: preview.consent })
    expect(pidsOf(/^sleep 611/)).toEqual([])
  })

  it('names what outlived host and keeper, leaves it alone, and Resume ends it first', async () => {
    const line = 'nohup setsid sleep 613 >/dev/null 2>&1 & echo ready; sleep 614'
    const id = await host.start(repositoryId, line, { id: 'both' })
    await host.until('it to run', () => host.live()[id]?.lastLine === 'ready')
    const survivor = () => pidsOf(/^sleep 613/).join('\n')
    const first = survivor()
    const keeper = await host.keeperPid()
    await host.kill()
    process.kill(keeper, 'SIGKILL')
    await host.restart()
    expect(host.run(id)).toMatchObject({ phase: 'interrupted', during: 'running' })
    const said = await lastRecovery(host)
    expect(said).toContain('1 run interrupted')
    expect(said).toContain(`1 processes outlived its session (sleep ${first})`)
    expect(survivor()).toBe(first)
    await host.call('run.resume', { runId: id })
    await host.until('attempt 2', () => host.live()[id]?.lastLine === 'ready')
    expect(survivor()).not.toBe('')
    expect(survivor().split('\n')).not.toContain(first)
  })

  it('shows a session that the journal does not know, and forgets one that has ended', async () => {
    await host.untilPhase(await host.start(repositoryId, 'sleep 615', { id: 'known' }), 'running')
    const keeper = await connectKeeper({ dataDir: host.dataDirectory, clientVersion: 'test' })
    const spec = { kind: 'pty', file: '/bin/sh', cwd: '/', env: host.environment } as const
    try {
      await keeper.spawn({ ...spec, sessionId: 'stray', args: ['-c', 'sleep 616'] })
      await keeper.spawn({ ...spec, sessionId: 'ended', args: ['-c', 'true'] })
      // One that lives although its run's attempt has ended.
      await host.untilPhase(await host.start(repositoryId, 'true', { id: 'over' }), 'exited')
      await keeper.forget('over.1')
      await keeper.spawn({ ...spec, sessionId: 'over.1', args: ['-c', 'sleep 618'] })
      const ids = async () => (await keeper.list()).map(({ sessionId }) => sessionId).sort()
      await expect
        .poll(async () => (await keeper.list()).find(({ sessionId }) => sessionId === 'ended')?.exit)
        .toBeTruthy()
      await host.kill()
      await host.restart()
      const stray = (await keeper.list()).find(({ sessionId }) => sessionId === 'stray')
      expect(stray?.exit).toBe(null)
      expect(await lastRecovery(host)).toContain(`listed session stray (process ${stray?.pid}): the keeper holds it`)
      expect(await lastRecovery(host)).toMatch(
        /listed session over\.1 \(process \d+\): the keeper holds it although run over is exited/,
      )
      expect(await ids()).toEqual(['known.1', 'over.1', 'stray'])
      expect(host.run('over').phase).toBe('exited')
      expect(host.run('known').phase).toBe('running')
    } finally {
      keeper.close()
    }
  })

  it('attaches by itself once a keeper answers that did not when the host started', async () => {
    const id = await host.start(repositoryId, 'while :; do echo still here; sleep 0.2; done', { id: 'held' })
    await host.untilPhase(id, 'running')
    const keeper = await host.keeperPid()
    const { pid } = host.run(id).attempts[0] ?? {}
    await host.kill()
    process.kill(keeper, 'SIGSTOP')
    try {
      await host.restart()
      expect(host.run(id).phase).toBe('running')
      expect(await lastRecovery(host)).toContain('refused the keeper')
    } finally {
      process.kill(keeper, 'SIGCONT')
    }
    await host.until('its screen', () => host.live()[id]?.lastLine === 'still here', 60_000)
    expect(host.run(id).attempts).toMatchObject([{ pid, endedAt: null }])
    await host.call('run.stop', { runId: id })
  })

  it('a create that was cut off ends what its set-up had started, and names no session of it', async () => {
    repo.commit({ '.coppice.json': '{"setup": "sleep 617"}' })
    const id = await host.start(repositoryId, 'true', { id: 'half', base: 'main', setup: 'run' })
    await host.until('the set-up', () => host.run(id).stages.some(({ stage }) => stage === 'setup'))
    await host.until('it to sleep', () => pidsOf(/^sleep 617/).length > 0)
    await host.kill()
    await host.restart()
    const said = await lastRecovery(host)
    expect(said).toContain(
      'Recovered: 1 half-made run undone, 1 half-made worktree removed, 1 half-made branch removed',
    )
    expect(said).not.toContain('listed')
    expect(pidsOf(/^sleep 617/)).toEqual([])
    expect(repo.git('for-each-ref', '--format=%(refname:short)', 'refs/heads')).toBe('main')
  })
})
