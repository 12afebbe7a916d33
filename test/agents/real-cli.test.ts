// The real Claude Code, Codex and Gemini CLI, started from our launch plans in a linked worktree that raw git made: what they
// commit, what our readers make of their events, and how their endings are judged. Only the model's API is a stub.
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Adapter, LaunchRequest } from '../../app/agents/adapter.ts'
import { adapterOf } from '../../app/agents/adapters.ts'
import { detectAgents } from '../../app/agents/detect.ts'
import type { AgentOptions } from '../../app/model/run.ts'
import { ownGit } from '../harness/own-git.ts'
import {
  type AgentScratch,
  agentScratch,
  type RealAgentName,
  realAgents,
  sandboxAllowed,
} from '../harness/real-agents.ts'
import { type Played, type PlayOptions, play, request } from './run-plan.ts'

const installed = await realAgents('claude', 'codex', 'gemini')

let root = ''
let scratch: AgentScratch
let base: Record<string, string> = {}
const repository = () => join(root, 'repo')

const git = (cwd: string, ...args: string[]) => ownGit({ directory: cwd, args, environment: base })

beforeAll(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-agents-')))
  const home = join(root, 'home')
  mkdirSync(home)
  base = {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: home,
    TERM: 'xterm-256color',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada Author',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_AUTHOR_DATE: '2026-01-02T03:04:05Z',
    GIT_COMMITTER_NAME: 'Ada Author',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
    GIT_COMMITTER_DATE: '2026-01-02T03:04:05Z',
  }
  mkdirSync(repository())
  git(repository(), 'init', '--quiet', '--initial-branch=main')
  writeFileSync(join(repository(), 'README.md'), '# Test\n')
  git(repository(), 'add', '--all')
  git(repository(), 'commit', '--quiet', '--message=First')
  scratch = await agentScratch(home, [repository()])
})

afterAll(async () => {
  await scratch.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

interface Bench {
  readonly worktree: string
  readonly base: LaunchRequest
  /** Plays a headless attempt with this prompt; `change` goes into the request, `more` into how it is played. */
  run(
    prompt: string | null,
    options?: AgentOptions,
    change?: Partial<LaunchRequest>,
    more?: Partial<PlayOptions>,
  ): Promise<Played>
  commits(): string[]
}

function bench(name: RealAgentName): Bench {
  const adapter: Adapter = adapterOf(name)
  const branch = `agent/${name}-${randomUUID().slice(0, 8)}`
  const worktree = join(root, 'worktrees', branch.replace('/', '-'))
  git(repository(), 'worktree', 'add', '--quiet', '--no-track', '-b', branch, worktree)
  const made = request({
    file: installed[name]!.file,
    worktree,
    repositoryPath: repository(),
    commonDir: join(repository(), '.git'),
    adminDir: git(worktree, 'rev-parse', '--absolute-git-dir'),
  })
  return {
    worktree,
    base: made,
    run(prompt, options = {}, change = {}, more = {}) {
      const file = join(root, `${randomUUID()}.prompt`)
      if (prompt !== null) writeFileSync(file, prompt, { mode: 0o600 })
      const asked = { text: prompt ?? '', file }
      const full = { ...made, newSessionId: randomUUID(), options, prompt: prompt === null ? null : asked, ...change }
      const environment = { ...base, ...scratch.environment, ...more.environment }
      return play(adapter, adapter.launch(full), { cwd: worktree, ...more, environment })
    },
    commits: () => git(worktree, 'log', '--format=%s').split('\n'),
  }
}

/** The prompts that reached the model since `from`, as the agent sent them. */
const prompts = (from: number) =>
  scratch.stub.requests
    .slice(from)
    .filter((one) => one.offered.length > 0)
    .map((one) => one.prompt)
const seen = () => scratch.stub.requests.length
const roles = (played: Played) => new Set(played.lines.map((line) => line.role))
const mainIsUntouched = () => {
  expect(git(repository(), 'status', '--porcelain')).toBe('')
  expect(git(repository(), 'log', '--format=%s')).toBe('First')
}

const hostile = `-x "double" 'single' \`id\` $(id) $HOME \\n\nsecond line\tünïcode 漢字 🎉 \u001b[31mred\u001b]0;title\u0007 ;;`
const long = `START ${'é漢🎉 "q" $x\n'.repeat(12_000)}END`

describe.skipIf(!installed.claude)('Claude Code, headless', () => {
  it('commits in its own worktree, is read, and is judged; resumed with a follow-up it keeps its session', async () => {
    const it = bench('claude')
    const first = await it.run('[[scenario:full]] do the work', { allowedTools: ['Bash(git *)', 'Write'] })
    expect(first.outcome).toMatchObject({ result: 'succeeded', turns: 4 })
    expect(first.outcome.costUsd).toBeGreaterThan(0)
    expect(it.commits()).toEqual(['Add hello', 'First'])
    expect(roles(first)).toEqual(new Set(['note', 'agent', 'tool', 'result', 'verdict']))
    expect(first.lines).toContainEqual({ role: 'agent', text: 'All done: wrote hello.txt and committed it.' })
    expect(first.lines.filter((line) => line.role === 'tool').map((line) => line.text)).toEqual([
      'Bash',
      'Write',
      'Bash',
    ])
    expect(first.readings.at(-1)?.activity).toEqual({ state: 'idle' })
    mainIsUntouched()

    const from = seen()
    const second = await it.run(
      '-n [[scenario:bash]] and once more',
      { allowedTools: ['Bash'] },
      { resume: first.sessionId },
    )
    expect(second.sessionId).toBe(first.sessionId)
    expect(second.outcome.result).toBe('succeeded')
    expect(prompts(from)[0]).toBe('-n [[scenario:bash]] and once more')
    expect(JSON.stringify(scratch.stub.requests[from]?.body)).toContain('[[scenario:full]] do the work')
    expect(second.outcome.costUsd, 'the cost is of the whole conversation').toBeGreaterThan(first.outcome.costUsd!)
    expect(it.commits()).toEqual(['stub commit', 'Add hello', 'First'])
  })

  it('takes its session id from us', async () => {
    const id = randomUUID()
    const played = await bench('claude').run('hello', {}, { newSessionId: id })
    expect(played.sessionId).toBe(id)
  })

  it('is stopped by its turn limit and by its budget', async () => {
    const it = bench('claude')
    const [turns, budget] = await Promise.all([
      it.run('[[scenario:loop]] go', { maxTurns: 2, allowedTools: ['Bash'] }),
      it.run('[[scenario:loop]] go', { maxBudgetUsd: 0.012, allowedTools: ['Bash'] }),
    ])
    expect(turns.exit).toEqual({ code: 1, signal: null })
    expect(turns.outcome).toMatchObject({ result: 'limit', reason: 'Reached maximum number of turns (2)' })
    expect(budget.outcome.result).toBe('limit')
    expect(budget.outcome.reason).toMatch(/budget/i)
  })

  it('fails by an API error, though its event says success', async () => {
    const it = bench('claude')
    const [bad, limited] = await Promise.all([it.run('[[scenario:e400]] x'), it.run('[[scenario:e429,k=claude]] x')])
    expect(bad.events.at(-1)).toMatchObject({ type: 'result', subtype: 'success', is_error: true })
    expect(bad.outcome).toMatchObject({ result: 'failed' })
    expect(bad.outcome.reason).toContain('400')
    expect(limited.outcome.result).toBe('limit')
    expect(limited.lines).toContainEqual(expect.objectContaining({ role: 'note', text: 'Retry 1 of 1: 429' }))
  })

  it('is told apart when a tool was denied, though it exits with 0', async () => {
    const it = bench('claude')
    const played = await it.run('[[scenario:write]] x', { permissionMode: 'manual' })
    expect(played.exit.code).toBe(0)
    expect(played.outcome).toMatchObject({ result: 'denied', denials: ['Write'] })
    expect(git(it.worktree, 'status', '--porcelain')).toBe('')
  })

  it('fails when the session to resume is unknown', async () => {
    const played = await bench('claude').run('hello', {}, { resume: randomUUID() })
    expect(played.outcome.result).toBe('failed')
    expect(played.outcome.reason).toMatch(/no conversation found/i)
  })

  it('gets any prompt literally: as one argument, and from stdin when it is long', async () => {
    const it = bench('claude')
    const from = seen()
    const given = [hostile, long, '--version', 'update']
    const played = await Promise.all(given.map((prompt) => it.run(prompt)))
    expect(played.map((one) => one.outcome.result)).toEqual(['succeeded', 'succeeded', 'succeeded', 'succeeded'])
    expect(prompts(from).toSorted()).toEqual(given.toSorted())
  })

  it('is interrupted by a signal, asked for or not, and not by its exit code 0', async () => {
    const it = bench('claude')
    const isTool = (event: unknown) => JSON.stringify(event).includes('"tool_use"')
    const options = { allowedTools: ['Bash'] }
    const stop = { when: isTool, signal: 'SIGTERM' as const, asked: true }
    const played = await it.run('[[scenario:sleepcmd]] x', options, {}, { stop })
    expect(played.outcome).toMatchObject({ result: 'interrupted', reason: 'Stopped' })
    const unasked = { when: (event: unknown) => event !== null, signal: 'SIGINT' as const, asked: false }
    const alone = await it.run('[[scenario:hang]] x', {}, {}, { stop: unasked })
    expect(alone.exit.code).toBe(0)
    expect(alone.outcome).toMatchObject({ result: 'interrupted' })
  })
})

describe.skipIf(!installed.codex)('Codex, headless', () => {
  it.skipIf(!sandboxAllowed())(
    'commits in its own worktree from inside its sandbox; resumed with a follow-up it keeps its session',
    async () => {
      const it = bench('codex')
      const first = await it.run('[[scenario:full]] do the work')
      expect(first.outcome).toMatchObject({ result: 'succeeded' })
      expect(it.commits()).toEqual(['Add hello', 'First'])
      expect(roles(first)).toEqual(new Set(['note', 'agent', 'tool', 'result', 'verdict']))
      expect(first.lines).toContainEqual({ role: 'agent', text: 'All done: wrote hello.txt and committed it.' })
      mainIsUntouched()

      const from = seen()
      const second = await it.run('-n [[scenario:bash]] and once more', {}, { resume: first.sessionId })
      expect(second.sessionId).toBe(first.sessionId)
      expect(second.outcome.result).toBe('succeeded')
      expect(prompts(from)[0]).toBe('-n [[scenario:bash]] and once more')
      expect(it.commits()).toEqual(['stub commit', 'Add hello', 'First'])
    },
  )

  it('could not commit without the roots that the plan gives it', async () => {
    const it = bench('codex')
    const adapter = adapterOf('codex')
    const plan = adapter.launch({ ...it.base, prompt: { text: '[[scenario:bash]] x', file: '' } })
    const bare = plan.args.filter((arg, index) => arg !== '--add-dir' && plan.args[index - 1] !== '--add-dir')
    const environment = { ...base, ...scratch.environment }
    await play(adapter, { ...plan, args: bare }, { cwd: it.worktree, environment })
    expect(it.commits()).toEqual(['First'])
  })

  it('writes nowhere but to its worktree and those roots', async () => {
    const it = bench('codex')
    const outside = join(root, 'outside')
    const main = join(repository(), 'main-checkout')
    await it.run(`[[scenario:touch,file=${outside}]] x`)
    await it.run(`[[scenario:touch,file=${main}]] x`)
    expect(() => realpathSync(outside)).toThrow('ENOENT')
    expect(() => realpathSync(main)).toThrow('ENOENT')
  })

  it('fails by an API error, a limit, and an unknown session', async () => {
    const it = bench('codex')
    const bad = await it.run('[[scenario:e400]] x')
    expect(bad.outcome).toEqual({ result: 'failed', reason: 'stub invalid_request_error' })
    const limited = await it.run('[[scenario:e429,k=codex]] x')
    expect(limited.outcome.result).toBe('limit')
    const lost = await it.run('hello', {}, { resume: randomUUID() })
    expect(lost.outcome.result).toBe('failed')
    expect(lost.outcome.reason).toMatch(/no rollout found/)
  })

  it('gets any prompt literally: as one argument, and from stdin when it is long', async () => {
    const it = bench('codex')
    const from = seen()
    for (const prompt of [hostile, long, '--version', 'resume', '-']) {
      const played = await it.run(prompt)
      expect(played.outcome, prompt.slice(0, 20)).toMatchObject({ result: 'succeeded' })
    }
    expect(prompts(from)).toEqual([hostile, long, '--version', 'resume', '-'])
  })

  it('is interrupted when it is ended before it gave a result', async () => {
    const it = bench('codex')
    const stop = {
      when: (event: unknown) => JSON.stringify(event).includes('turn.started'),
      signal: 'SIGTERM' as const,
      asked: false,
    }
    const played = await it.run('[[scenario:hang]] x', {}, {}, { stop })
    expect(played.outcome).toMatchObject({ result: 'interrupted' })
  })
})

describe.skipIf(!installed.gemini)('Gemini CLI, headless', () => {
  it('commits in its own worktree; resumed with a follow-up it keeps its session', async () => {
    const it = bench('gemini')
    const first = await it.run('[[scenario:full]] do the work', { permissionMode: 'yolo' })
    expect(first.outcome).toMatchObject({ result: 'succeeded' })
    expect(it.commits()).toEqual(['Add hello', 'First'])
    expect(first.lines).toContainEqual({ role: 'agent', text: 'All done: wrote hello.txt and committed it.' })
    const from = seen()
    const second = await it.run(`-n ${hostile}`, {}, { resume: first.sessionId })
    expect(second.sessionId).toBe(first.sessionId)
    expect(prompts(from)[0]?.endsWith(`-n ${hostile}`)).toBe(true)
  })

  it('fails with an exit code that only looks like a signal', async () => {
    const played = await bench('gemini').run('[[scenario:e400]] x')
    expect(played.exit.code).toBe(144)
    expect(played.outcome).toMatchObject({ result: 'failed' })
    expect(played.outcome.reason).toContain('400')
  })
})

describe('detection', () => {
  it('finds what is on the PATH with its version, and says how to get the rest', async () => {
    const directories = [installed.claude, installed.codex].flatMap((agent) => (agent ? [agent.directory] : []))
    // Codex is a script of Node's, so Node has to be on the PATH too.
    const PATH = [...directories, join(process.execPath, '..'), '/usr/bin', '/bin'].join(':')
    const found = await detectAgents({ ...base, ...scratch.environment, PATH })
    const byName = Object.fromEntries(found.map((agent) => [agent.name, agent]))
    if (installed.claude)
      expect(byName.claude).toMatchObject({ found: installed.claude.file, version: '2.1.330', problem: null })
    if (installed.codex)
      expect(byName.codex).toMatchObject({ found: installed.codex.file, version: '0.169.0', problem: null })
    expect(byName.opencode).toMatchObject({ found: null, version: null })
    expect(byName.opencode?.problem).toMatch(/"opencode" is not on the PATH. Install it: npm install -g opencode-ai/)
    expect(byName.shell).toMatchObject({ found: '/bin/bash', problem: null })
  })
})
