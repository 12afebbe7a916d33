import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AgentScratch, agentScratch, realAgents } from '../harness/real-agents.ts'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

// The real Claude Code and Codex from the registry, through the whole host: each commits in its own worktree, is stopped, resumed
// and pushed. Only the model behind them is a stub. Skipped loudly (by realAgents) where an install fails.
const found = await realAgents('claude', 'codex')
let repo: TestRepo
let host: TestHost
let scratch: AgentScratch
let repositoryId: string

beforeAll(async () => {
  repo = makeRepo({ remote: true, files: { 'README.md': '# Shop\n' } })
  host = await startHost()
  scratch = await agentScratch(host.home, [repo.path])
  // What a person's login shell would say: the agents on the PATH, and the stub's address instead of the model's.
  const directories = [found.claude, found.codex].flatMap((agent) => (agent ? [agent.directory] : []))
  const lines = Object.entries({ ...scratch.environment, PATH: [...directories, process.env.PATH].join(':') })
  const git = {
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
  }
  appendFileSync(
    join(host.home, '.bash_profile'),
    [...lines, ...Object.entries(git)].map(([name, value]) => `export ${name}='${value}'\n`).join(''),
  )
  await host.kill()
  await host.restart()
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
}, 120_000)
afterAll(async () => {
  await host?.close()
  await scratch?.close()
  repo?.close()
})

const subject = (branch: string) => repo.git('log', '-1', '--format=%s', branch)
const create = async (input: object) =>
  (await host.call('run.create', { repositoryId, setup: 'skip', ...input } as never)).runIds[0] ?? ''

describe.each(['claude', 'codex'] as const)('%s', (name) => {
  const test = found[name] ? it : it.skip

  test('headless: commits in its own worktree, is judged by its events, resumed with a follow-up, and pushed', async () => {
    const id = await create({
      agent: name,
      mode: 'headless',
      id: `${name}-headless`,
      prompt: '[[scenario:bash]] please commit something',
      options: name === 'claude' ? { allowedTools: ['Bash'], maxTurns: 10 } : { permissionMode: 'danger-full-access' },
    })
    const first = await host.untilPhase(id, 'settled', 120_000)
    expect(first).toMatchObject({ phase: 'exited', outcome: { result: 'succeeded' }, exit: { code: 0 } })
    expect(subject(`agent/${id}`)).toBe('stub commit')
    expect(first.agentSession).toBeTruthy()
    const { data } = await host.call('run.logs', { runId: id })
    expect(data.split('\n').filter((line) => line.startsWith('{')).length).toBeGreaterThan(2)
    await host.call('run.resume', { runId: id, prompt: '[[scenario:text]] thanks' })
    const second = await host.until(
      'attempt 2 to end',
      () => host.run(id).attempts.length === 2 && host.run(id).phase === 'exited' && host.run(id),
      120_000,
    )
    expect(second.agentSession).toBe(first.agentSession)
    expect(second.outcome?.result).toBe('succeeded')
    expect((await host.call('run.push', { runId: id })).ref).toBe(`refs/heads/agent/${id}`)
    expect(repo.gitIn(repo.remote!, 'log', '-1', '--format=%s', `agent/${id}`)).toBe('stub commit')
  }, 300_000)

  test('interactive: works in its terminal, tells what it does, is stopped whole and resumed', async () => {
    const id = await create({ agent: name, id: `${name}-terminal`, prompt: '[[scenario:text]] say hello' })
    await host.untilPhase(id, 'running', 60_000)
    await host.until('an answer on its screen', () => host.live()[id]?.activity?.state === 'idle', 120_000)
    const pid = host.run(id).attempts[0]?.pid ?? 0
    await host.call('run.stop', { runId: id })
    expect(host.run(id)).toMatchObject({ phase: 'stopped' })
    expect(() => process.kill(pid, 0)).toThrow()
    await host.call('run.resume', { runId: id })
    await host.untilPhase(id, 'running', 60_000)
    await host.call('run.stop', { runId: id })
    expect(host.run(id).attempts).toHaveLength(2)
  }, 300_000)
})
