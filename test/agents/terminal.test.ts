// The real CLIs in a real terminal, started from our interactive launch plans: whether the whole prompt reaches the model,
// whatever its length and whatever it looks like, and what their titles prove. Only the model's API is a stub.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pty from 'node-pty'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LaunchRequest } from '../../app/agents/adapter.ts'
import { adapterOf } from '../../app/agents/adapters.ts'
import type { AgentEvidence } from '../../app/model/transcript.ts'
import type { StubRequest } from '../harness/model-stub.mjs'
import { ownGit } from '../harness/own-git.ts'
import { type AgentScratch, agentScratch, endGroup, type RealAgentName, realAgents } from '../harness/real-agents.ts'
import { request } from './run-plan.ts'

const installed = await realAgents('claude', 'codex', 'gemini')

let root = ''
let scratch: AgentScratch
let base: Record<string, string> = {}

beforeAll(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-terminal-')))
  const home = join(root, 'home')
  const repository = join(root, 'repo')
  mkdirSync(home)
  base = {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: home,
    TERM: 'xterm-256color',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada Author',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_COMMITTER_NAME: 'Ada Author',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
  }
  const git = (...args: string[]) => ownGit({ directory: repository, args, environment: base })
  mkdirSync(repository)
  git('init', '--quiet', '--initial-branch=main')
  git('commit', '--quiet', '--allow-empty', '--message=First')
  git('worktree', 'add', '--quiet', '-b', 'agent/terminal', join(root, 'tree'))
  scratch = await agentScratch(home, [repository])
})

afterAll(async () => {
  await scratch.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

interface Seen {
  readonly agentSession: string | null
  readonly requests: readonly StubRequest[]
  readonly evidence: readonly (AgentEvidence | null)[]
  readonly screen: string
}

/** Starts the plan in a terminal, waits until the model was asked as often as wanted (at most `ms`), and ends it. */
async function watch(
  name: RealAgentName,
  prompt: string,
  { scenario = 'text', asked = 1, change = {} as Partial<LaunchRequest>, ms = 40_000, quiet = false } = {},
): Promise<Seen> {
  const adapter = adapterOf(name)
  const directory = join(root, randomUUID())
  mkdirSync(directory, { mode: 0o700 })
  const file = join(directory, 'prompt.md')
  writeFileSync(file, prompt, { mode: 0o600 })
  const chosen = scratch.withScenario(scenario.replace('FILE', encodeURIComponent(file)))
  const plan = adapter.launch({
    ...request({ file: installed[name]!.file, mode: 'interactive', newSessionId: randomUUID() }),
    ...{ worktree: join(root, 'tree'), repositoryPath: join(root, 'repo'), commonDir: join(root, 'repo/.git') },
    adminDir: join(root, 'repo/.git/worktrees/tree'),
    environment: { ...base, ...chosen },
    prompt: { text: prompt, file },
    ...change,
  })
  expect(plan.kind).toBe('pty')
  const from = scratch.stub.requests.length
  const wanted = () => scratch.stub.requests.slice(from).filter((one) => one.offered.length > 0)
  const terminal = pty.spawn(plan.file, [...plan.args], {
    ...{ cols: 120, rows: 40, cwd: join(root, 'tree'), name: 'xterm-256color', encoding: null },
    env: { ...base, ...chosen, ...plan.environment },
  })
  let screen = ''
  let ended = false
  terminal.onData((bytes) => {
    const printed = bytes.toString('utf8')
    screen += printed
    for (const [question, answer] of answers) if (printed.includes(question)) terminal._socket.write(answer)
  })
  terminal.onExit(() => {
    ended = true
  })
  const until = Date.now() + ms
  const wait = async (isDone: () => boolean, limit = until) => {
    while (!isDone() && !ended && Date.now() < limit) await new Promise((resolve) => setTimeout(resolve, 50))
  }
  // Where nothing will be asked, the first title tells that it is up.
  await wait(() => (quiet ? screen.includes('\x1b]0;') : wanted().length >= asked))
  // The answer's last word: by then the prompt is kept, too.
  if (!quiet) await wait(() => /speaking|Read.{0,20}it/s.test(screen), Date.now() + 5000)
  process.kill(terminal.pid, 'SIGTERM')
  await wait(() => false, Date.now() + 3000)
  endGroup(terminal)
  await wait(() => false, Date.now() + 5000)
  const titles = [...screen.matchAll(/\x1b\][02];([^\x07\x1b]*)/g)].map((match) => match[1] ?? '')
  return {
    requests: wanted(),
    agentSession: plan.agentSession,
    evidence: titles.map((title) => adapter.readTitle?.(title) ?? null),
    screen,
  }
}

/** What a terminal is asked at the start, and what it answers. */
const answers: readonly (readonly [string, string])[] = [
  ['\x1b[c', '\x1b[?62;c'],
  ['\x1b[6n', '\x1b[1;1R'],
  ['\x1b[?u', '\x1b[?0u'],
  ['\x1b]10;?', '\x1b]10;rgb:ffff/ffff/ffff\x1b\\'],
  ['\x1b]11;?', '\x1b]11;rgb:0000/0000/0000\x1b\\'],
]

const hostile = `-x "double" 'single' \`id\` $(id) $HOME \\n\nsecond line\tünïcode 漢字 🎉 ;;`
const long = `START ${'a long prompt, é漢🎉 "q" $x\n'.repeat(6000)}END`

const holdsLong = (one: StubRequest | undefined) => JSON.stringify(one?.body ?? '').includes('a long prompt, é漢🎉')

describe.skipIf(!installed.claude)('Claude Code in a terminal', () => {
  it('is given a prompt that is the name of one of its subcommands, and does not run that', async () => {
    const seen = await watch('claude', 'update')
    expect(seen.requests[0]?.prompt.trim()).toBe('update')
    expect(seen.evidence).toContainEqual({ state: 'working' })
  })

  it('is given a prompt that looks like flags and shell, literally', async () => {
    expect((await watch('claude', hostile)).requests[0]?.prompt).toBe(hostile)
  })

  it('may read a long prompt from its file without asking', async () => {
    const seen = await watch('claude', long, {
      scenario: 'read,file=FILE',
      asked: 2,
      change: { options: { permissionMode: 'manual', allowedTools: ['Bash(git status)'] } },
    })
    expect(seen.requests[0]?.prompt).toMatch(/^Read your task from the file \S+\/prompt\.md /)
    expect(holdsLong(seen.requests[1])).toBe(true)
  })

  it('goes on with a conversation, and begins one that was closed before its first prompt', async () => {
    const closed = await watch('claude', '', { quiet: true })
    expect(closed.requests).toEqual([])
    const begun = await watch('claude', 'first words', { change: { resume: closed.agentSession } })
    expect(begun.requests[0]?.prompt).toBe('first words')
    expect(begun.agentSession).not.toBe(closed.agentSession)
    const known = (id: string | null) =>
      adapterOf('claude').findSession?.({ worktree: join(root, 'tree'), environment: base, known: id })
    expect([known(closed.agentSession), known(begun.agentSession)]).toEqual([null, begun.agentSession])
    const resumed = await watch('claude', 'more words', { change: { resume: begun.agentSession } })
    expect(resumed.requests[0]?.prompt).toBe('more words')
    expect(resumed.agentSession).toBe(begun.agentSession)
    expect(JSON.stringify(resumed.requests[0]?.body).includes('first words')).toBe(true)
  })
})

describe.skipIf(!installed.codex)('Codex in a terminal', () => {
  it('is given any prompt literally', async () => {
    const seen = await watch('codex', hostile)
    expect(seen.requests.map((one) => one.prompt)).toContain(hostile)
    expect(seen.evidence).toContainEqual({ state: 'working' })
    expect((await watch('codex', 'resume')).requests.map((one) => one.prompt)).toContain('resume')
  })

  it('goes on with the conversation of its worktree, and leaves no daemon behind', async () => {
    const environment = { ...base, ...scratch.environment }
    const find = (worktree: string) => adapterOf('codex').findSession?.({ worktree, environment, known: null }) ?? null
    await watch('codex', 'first words')
    const session = find(join(root, 'tree'))
    expect(session).toMatch(/^[0-9a-f-]{36}$/)
    expect(find(join(root, 'repo'))).toBeNull()
    const resumed = await watch('codex', 'more words', { change: { resume: session } })
    expect(resumed.requests.some((one) => JSON.stringify(one.body).includes('first words'))).toBe(true)
    expect(find(join(root, 'tree'))).toBe(session)
    // The daemon's own copy of Codex, which it makes before it starts.
    expect(existsSync(join(scratch.environment.CODEX_HOME!, 'packages'))).toBe(false)
  })

  it('reads a long prompt from its file', async () => {
    const seen = await watch('codex', `[[scenario:text]] ${long}`)
    expect(seen.requests[0]?.prompt).toMatch(/^Read your task from the file \S+\/prompt\.md /)
  })
})

describe.skipIf(!installed.gemini)('Gemini CLI in a terminal', () => {
  it('reads a long prompt from its file', async () => {
    const seen = await watch('gemini', long, { scenario: 'read,file=FILE', asked: 2 })
    expect(seen.requests[0]?.prompt).toContain('Read your task from the file ')
    expect(holdsLong(seen.requests.at(-1))).toBe(true)
    expect(seen.evidence).toContainEqual({ state: 'working' })
  }, 120_000)
})
