// The demo's agent in a real terminal and a real worktree: it edits, commits, asks, floods and fails as it promises.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pty from 'node-pty'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adapterOf } from '../../app/agents/adapters.ts'
import { type DemoScriptName, demoFiles, demoScripts } from '../../app/agents/demo.ts'
import { ownGit } from '../harness/own-git.ts'
import { request } from './run-plan.ts'

let root = ''
let environment: Record<string, string> = {}
const git = (cwd: string, ...args: string[]) => ownGit({ directory: cwd, args, environment })

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-demo-')))
  environment = {
    ...{ PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: root, TERM: 'xterm-256color', DEMO_AGENT_SPEED: '200' },
    ...{ GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
  }
  const repository = join(root, 'repo')
  for (const [path, content] of Object.entries(demoFiles)) {
    mkdirSync(dirname(join(repository, path)), { recursive: true })
    writeFileSync(join(repository, path), content)
  }
  git(repository, 'init', '--quiet', '--initial-branch=main')
  git(repository, 'add', '--all')
  git(repository, '-c', 'user.name=T', '-c', 'user.email=t@example.com', 'commit', '--quiet', '--message=First')
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

interface Played {
  readonly code: number
  readonly output: string
  readonly statuses: readonly string[]
  readonly commits: readonly string[]
  readonly worktree: string
  readonly agentSession: string
}

/** Plays a script to its end; `keys` are typed once the question is there. */
function demo(
  name: DemoScriptName,
  { keys = '', resume = null as string | null, worktree = '' } = {},
): Promise<Played> {
  const place = worktree || join(root, `tree-${name}-${resume ? 'again' : 'first'}`)
  if (!worktree) git(join(root, 'repo'), 'worktree', 'add', '--quiet', '-b', `demo/${name}`, place)
  const { prompt } = demoScripts.find((script) => script.name === name)!
  const plan = adapterOf('demo').launch(
    request({ mode: 'interactive', prompt: { text: prompt, file: '/nowhere' }, worktree: place, resume }),
  )
  return new Promise((resolve) => {
    let output = ''
    const terminal = pty.spawn(plan.file, [...plan.args], {
      ...{ cwd: place, name: 'xterm-256color', cols: 100, rows: 30, encoding: null },
      env: { ...environment, ...plan.environment },
    })
    let typed = false
    terminal.onData((bytes) => {
      const printed = bytes.toString('utf8')
      output += printed
      if (typed || !printed.includes('state=blocked')) return
      typed = true
      terminal._socket.write(keys)
    })
    terminal.onExit(({ exitCode }) =>
      resolve({
        code: exitCode,
        output,
        statuses: [...output.matchAll(/\x1b\]7501;([^\x1b]*)\x1b\\/g)].map((match) => match[1]!),
        commits: git(place, 'log', '--format=%s').split('\n'),
        worktree: place,
        agentSession: plan.agentSession!,
      }),
    )
  })
}

describe('the demo agent', () => {
  it('edits in steps and commits each; resumed it goes on', async () => {
    const first = await demo('edit')
    expect(first.code).toBe(0)
    expect(first.commits).toEqual(['Take the name from the command line', 'Greet people by name', 'First'])
    expect(first.output).toContain('Hello, Ada!')
    expect(first.output).toContain("\x1b[32m+   return 'Hello, ' + name + '!'")
    expect(first.statuses).toEqual(['state=working:app=coppice-demo', 'state=done:app=coppice-demo'])
    expect(git(first.worktree, 'status', '--porcelain')).toBe('')
    const again = await demo('edit', { resume: first.agentSession, worktree: first.worktree })
    expect(again.commits[0]).toBe('Say goodbye')
    expect(again.agentSession).toBe(first.agentSession)
  })

  it('asks, waits for a key that is an answer, and commits what was chosen', async () => {
    const played = await demo('ask', { keys: 'x9\r2' })
    const message = Buffer.from('Which date format should the greeting use?').toString('base64')
    expect(played.statuses).toEqual([
      'state=working:app=coppice-demo',
      `state=blocked:app=coppice-demo:kind=question:msg=${message}`,
      'state=working:app=coppice-demo',
      'state=done:app=coppice-demo',
    ])
    expect(played.code).toBe(0)
    expect(played.commits).toEqual(['Add the date to the greeting', 'First'])
    expect(git(played.worktree, 'show', 'HEAD:src/greeting.js')).toContain('toLocaleDateString')
    expect(execFileSync(process.execPath, ['src/main.js'], { cwd: played.worktree, encoding: 'utf8' })).toMatch(
      /^Hello, world! Today is \d+ \w+ \d{4}\.\n$/,
    )
  })

  it('ends by Ctrl-C while it asks', async () => {
    expect((await demo('ask', { keys: '\x03', worktree: join(root, 'tree-ask-first') })).code).toBe(130)
  })

  it('floods the terminal with as many lines as it says, then rests', async () => {
    const played = await demo('flood')
    expect(played.code).toBe(0)
    expect(played.output.match(/ took \d+ ms/g)?.length).toBe(200_000)
    expect(played.commits[0]).toBe('Note how much was printed')
  })

  it('fails with an error, and leaves its work where it was', async () => {
    const played = await demo('fail')
    expect(played.code).toBe(1)
    expect(played.statuses.at(-1)).toMatch(/^state=error:app=coppice-demo:msg=/)
    expect(existsSync(join(played.worktree, 'src/check.js'))).toBe(true)
    expect(played.commits).toEqual(['First'])
  })
})
