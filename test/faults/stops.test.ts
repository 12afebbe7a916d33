import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isRunning, startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { report, size } from './report.ts'

// Everything that ends an agent while a push or a fetch hangs in an ssh that ignores TERM. Left alone, the push would be given up
// after half a minute and say so in another word: the word shows that it was cut off.
const rounds = size(1, 20)

let host: TestHost
let repo: TestRepo
let repositoryId: string
let pidFile: string
beforeEach(async () => {
  repo = makeRepo({ remote: true })
  host = await startHost({ settings: { lowDiskBytes: 0 } })
  pidFile = join(host.home, 'ssh-pid')
  const ssh = join(host.home, 'ssh')
  writeFileSync(ssh, `#!/bin/sh\ntrap '' TERM\necho $$ > '${pidFile}'\nwhile :; do sleep 1; done\n`, { mode: 0o755 })
  appendFileSync(join(host.home, '.gitconfig'), `[core]\n\tsshCommand = ${ssh}\n`)
  repo.git('remote', 'set-url', 'origin', 'ssh://forge.example.invalid/x.git')
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

async function whilePushHangs(id: string): Promise<{ readonly push: Promise<string> }> {
  rmSync(pidFile, { force: true })
  const line = 'echo x > x; git add x; git commit -qm x; echo done > done; exec sleep 777'
  await host.start(repositoryId, line, { id, base: 'refs/heads/main' })
  const { worktree } = await host.untilPhase(id, 'running')
  await host.until('the commit', () => existsSync(join(worktree ?? '', 'done')))
  const push = host.refusal('run.push', { runId: id }).catch((error: unknown) => String(error))
  await host.until('the push hangs', () => existsSync(pidFile))
  return { push }
}

const sshLives = () => isRunning(Number(readFileSync(pidFile, 'utf8')))

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

const seconds = (times: readonly number[]) => `${(Math.max(...times) / 1000).toFixed(1)} s at worst`

describe('a stop while something hangs', () => {
  it('cuts off a push, and so does a removal', async () => {
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      const stopped = await whilePushHangs(`stop${round}`)
      times.push(await timed(() => host.call('run.stop', { runId: `stop${round}` })))
      expect(await stopped.push).toBe('cancelled')
      expect(host.run(`stop${round}`).phase).toBe('stopped')
      expect(sshLives()).toBe(false)

      const removed = await whilePushHangs(`rm${round}`)
      const { consent } = await host.call('run.preview-removal', { runId: `rm${round}` })
      times.push(await timed(() => host.call('run.remove', { runId: `rm${round}`, consent })))
      expect(await removed.push).toBe('cancelled')
      expect(host.run(`rm${round}`).phase).toBe('removed')
      expect(sshLives()).toBe(false)
    }
    report('45', `stop and remove while a push hangs: ${times.length} of ${rounds * 2}, ${seconds(times)}`)
  })

  it.each(['keep', 'stop'] as const)('the end of the host (agents: %s) waits for no push', async (agents) => {
    await whilePushHangs('last')
    const pid = Number(host.run('last').attempts[0]?.pid)
    const took = await timed(async () => {
      await host.call('host.stop', { agents })
      await host.died()
    })
    expect(sshLives()).toBe(false)
    await host.restart()
    expect(host.run('last').phase).toBe(agents === 'keep' ? 'running' : 'stopped')
    expect(pid).toBeGreaterThan(0)
    report('45', `host stop (agents: ${agents}) while a push hangs: ${seconds([took])}`)
  })

  it('a run whose fetch hangs is cancelled, and the host ends', async () => {
    await host.start(repositoryId, 'sleep 777', { id: 'early', base: 'origin/main' })
    await host.until('the fetch hangs', () => existsSync(pidFile))
    const took = await timed(async () => {
      await host.call('host.stop', { agents: 'stop' })
      await host.died()
    })
    expect(sshLives()).toBe(false)
    await host.restart()
    expect(['cancelled', 'interrupted']).toContain(host.run('early').phase)
    report('45', `host stop while a fetch hangs: ${seconds([took])}`)
  })
})
