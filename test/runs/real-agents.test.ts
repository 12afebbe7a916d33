import { appendFileSync, existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isSettled } from '../../app/model/run.ts'
import { gitMark } from '../../app/process/environment.ts'
import { listProcesses, processesInside } from '../../app/process/tree.ts'
import { type AgentScratch, agentScratch, realAgents, sandboxAllowed } from '../harness/real-agents.ts'
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

let created = 0
/** Creates a run with an id of its own, so that a test that is tried again does not meet the run of its first try. */
async function create({ id, ...input }: { id: string } & Record<string, unknown>): Promise<string> {
  const asked = { repositoryId, setup: 'skip', ...input, id: `${id}-${++created}` }
  return (await host.call('run.create', asked as never)).runIds[0] ?? ''
}

/** The commits that a run has made, the newest first. */
const commits = (id: string) => repo.git('log', '--format=%s', `main..agent/${id}`).split('\n').filter(Boolean)

/**
 * Who works in a run's worktree, but for the host's own git. By place, not by pid: in Codex's sandbox a tool knows itself by
 * another one.
 */
async function inside(id: string): Promise<string[]> {
  const found = (await processesInside(host.run(id).worktree ?? '')).inside
  const ours = gitMark(host.dataDirectory, '')
  const agents = (await listProcesses({ marks: true })).filter(({ mark }) => !mark?.startsWith(ours))
  return found
    .filter((one) => agents.some(({ pid, startTime }) => pid === one.pid && startTime === one.startTime))
    .map(({ name }) => name)
}

/** Waits until the agent runs the tool of the `sleepcmd` scenario. */
async function untilItSleeps(id: string): Promise<void> {
  const started = () => existsSync(join(host.run(id).worktree ?? '', 'sleeping.pid'))
  await host.until('its tool to run', () => host.run(id).worktree && started(), 120_000)
  expect(await inside(id)).toContain('sleep')
}

/** Whether the model was asked this in a conversation that began so. Codex also asks it for a title, in one of its own. */
const askedIn = (conversation: string, prompt: string) =>
  scratch.stub.requests.some((one) => one.prompt === prompt && JSON.stringify(one.body).includes(conversation))

async function pushed(id: string): Promise<void> {
  const { ref, sha } = await host.call('run.push', { runId: id })
  expect(ref).toBe(`refs/heads/agent/${id}`)
  expect(repo.gitIn(repo.remote!, 'rev-parse', `agent/${id}`)).toBe(sha)
  expect(repo.git('rev-parse', `agent/${id}`)).toBe(sha)
}

describe.each(['claude', 'codex'] as const)('%s', (name) => {
  const test = found[name] && (name !== 'codex' || sandboxAllowed()) ? it : it.skip
  // Claude Code has to be allowed its tool. Codex stays in its default sandbox, which lets it commit here and write nowhere else.
  const options = name === 'claude' ? { allowedTools: ['Bash'] } : {}
  // Its automatic mode asks the real API whether a command is safe, so Claude Code is told to ask the person instead.
  const forTerminal = name === 'claude' ? { ...options, permissionMode: 'manual' } : options

  test('headless: commits in its own worktree, is judged by its events, resumed with a follow-up, and pushed', async () => {
    const id = await create({
      ...{ agent: name, mode: 'headless', id: `${name}-headless`, options },
      prompt: '[[scenario:bash]] please commit something',
    })
    const first = await host.untilPhase(id, 'settled', 120_000)
    expect(first).toMatchObject({ phase: 'exited', outcome: { result: 'succeeded' }, exit: { code: 0 } })
    expect(commits(id)).toEqual(['stub commit'])
    expect(first.agentSession).toBeTruthy()
    const { data } = await host.call('run.logs', { runId: id })
    expect(data.split('\n').filter((line) => line.startsWith('{')).length).toBeGreaterThan(2)
    await host.call('run.resume', { runId: id, prompt: '[[scenario:text]] thanks' })
    const second = await ended(id, 2)
    expect(second.agentSession).toBe(first.agentSession)
    expect(second.outcome?.result).toBe('succeeded')
    expect(askedIn('please commit something', '[[scenario:text]] thanks')).toBe(true)
    await pushed(id)
    expect(repo.git('status', '--porcelain')).toBe('')
  }, 300_000)

  test('headless: is stopped with the tool that it runs, and goes on with the same conversation', async () => {
    const id = await create({
      ...{ agent: name, mode: 'headless', id: `${name}-stopped`, options },
      prompt: '[[scenario:sleepcmd]] take your time',
    })
    await untilItSleeps(id)
    await host.call('run.stop', { runId: id })
    const stopped = host.run(id)
    expect(stopped).toMatchObject({ phase: 'stopped', outcome: { result: 'interrupted', reason: 'Stopped' } })
    // The host's own git may stand there for a moment; what a stop has left behind would stay.
    await expect.poll(() => inside(id), { timeout: 10_000 }).toEqual([])
    expect(stopped.agentSession).toBeTruthy()
    await host.call('run.resume', { runId: id, prompt: '[[scenario:bash]] now commit' })
    const resumed = await ended(id, 2)
    expect(resumed).toMatchObject({ phase: 'exited', outcome: { result: 'succeeded' } })
    expect(resumed.agentSession).toBe(stopped.agentSession)
    expect(askedIn('take your time', '[[scenario:bash]] now commit')).toBe(true)
    expect(commits(id)).toEqual(['stub commit'])
    await pushed(id)
  }, 300_000)

  test('is given any prompt as it is: hostile bytes, and more than an argument can hold', async () => {
    const hostile = `-x "double" 'single' \`id\` $(id) $HOME \\n\nsecond\tünïcode 漢字 🎉 \u001b[201~\u001b]0;t\u0007 ;; ${name}`
    const long = `START ${'é漢🎉 "q" $x\n'.repeat(12_000)}END ${name}`
    for (const [index, prompt] of [hostile, long].entries()) {
      const id = await create({ agent: name, mode: 'headless', id: `${name}-prompt-${index}`, prompt })
      expect(await host.untilPhase(id, 'settled', 120_000)).toMatchObject({ outcome: { result: 'succeeded' } })
      expect(scratch.stub.requests.some((one) => one.prompt === prompt)).toBe(true)
    }
    // In a terminal it is sent to the file that holds a long one, which is its owner's alone.
    const id = await create({ agent: name, id: `${name}-long`, options: forTerminal, prompt: long })
    const file = join(host.dataDirectory, 'runs', id, 'prompts', '1.txt')
    await host.until(
      'the model to be asked',
      () => scratch.stub.requests.some((one) => one.offered.length > 0 && one.prompt.includes(file)),
      120_000,
    )
    expect(readFileSync(file, 'utf8')).toBe(long)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await host.call('run.stop', { runId: id })
  }, 300_000)

  test('interactive: commits in its own worktree, tells what it does, takes what is sent, is stopped, resumed, pushed', async () => {
    const id = await create({
      ...{ agent: name, id: `${name}-terminal`, options: forTerminal },
      prompt: '[[scenario:bash]] please commit something',
    })
    await host.until('its commit', () => host.run(id).phase === 'running' && commits(id).length === 1, 120_000)
    const idle = await host.until(
      'the turn to be over',
      () => host.live()[id]?.activity?.state === 'idle' && host.live()[id]?.activity,
      60_000,
    )
    expect(idle).toMatchObject({ source: 'osc7501' })
    await host.call('run.send', { runId: id, text: '[[scenario:sleepcmd]] take\nyour time', enter: true })
    await untilItSleeps(id)
    await host.until('it to say that it works', () => host.live()[id]?.activity?.state === 'working', 30_000)
    await host.call('run.stop', { runId: id })
    expect(host.run(id).phase).toBe('stopped')
    // The host's own git may stand there for a moment; what a stop has left behind would stay.
    await expect.poll(() => inside(id), { timeout: 10_000 }).toEqual([])
    await host.call('run.resume', { runId: id, prompt: '[[scenario:bash]] and once more' })
    await host.until('its second commit', () => commits(id).length === 2, 120_000)
    expect(askedIn('please commit something', '[[scenario:bash]] and once more')).toBe(true)
    await pushed(id)
    await host.call('run.stop', { runId: id })
    expect(host.run(id)).toMatchObject({ phase: 'stopped', attempts: [{ number: 1 }, { number: 2 }] })
    expect(repo.git('status', '--porcelain')).toBe('')
  }, 300_000)
})

const testClaude = found.claude ? it : it.skip
testClaude(
  'Claude Code in a terminal says that it waits for a permission, and takes the answer that is sent',
  async () => {
    const options = { permissionMode: 'manual' }
    const id = await create({ agent: 'claude', id: 'asks', options, prompt: '[[scenario:write]] write a file' })
    const waits = await host.until(
      'its question',
      () => host.live()[id]?.activity?.state === 'waiting' && host.live()[id]?.activity,
      120_000,
    )
    expect(waits).toMatchObject({ source: 'osc7501', kind: 'permission' })
    expect(waits.message).toContain('hello.txt')
    expect(waits.provenAt).toBeLessThanOrEqual(Date.now())
    const file = join(host.run(id).worktree ?? '', 'hello.txt')
    expect(existsSync(file)).toBe(false)
    await host.call('run.send', { runId: id, text: '', enter: true })
    await host.until('the file', () => existsSync(file), 60_000)
    await host.until('the turn to be over', () => host.live()[id]?.activity?.state === 'idle', 60_000)
    await host.call('run.stop', { runId: id })
  },
  300_000,
)

const ended = (id: string, attempts: number) =>
  host.until(
    `attempt ${attempts} to end`,
    () => host.run(id).attempts.length === attempts && isSettled(host.run(id).phase) && host.run(id),
    120_000,
  )
