import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { createProgram, toolList, type Verbs } from './program.ts'

type Call = [verb: string, ...rest: unknown[]]

/** What the words end in: the verb with its arguments, or commander's complaint. */
async function parse(...words: string[]): Promise<Call | CommanderError> {
  let call: Call | undefined
  const verbs = new Proxy({} as Verbs, {
    get:
      (_, verb: string) =>
      async (...rest: unknown[]) => {
        call = [verb, ...rest]
      },
  })
  const program = createProgram(verbs, '1.2.3')
  const all = [program]
  for (const command of all) {
    command.configureOutput({ writeOut() {}, writeErr() {}, outputError() {} })
    all.push(...command.commands)
  }
  try {
    await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return error
    throw error
  }
  if (!call) throw new Error('no verb was called')
  return call
}

describe('the command line', () => {
  it('hands a run over with everything that was said', async () => {
    const words =
      'run --repo /src/shop --command x --prompt - --headless --base origin/main --branch b --id i --title T --copies 3 --setup skip --no-install --model m --permission-mode plan --allowed-tools Read,Edit --max-turns 5 --max-budget-usd 1.5 --wait settled --timeout 30 --json'
    expect(await parse(...words.split(' '))).toEqual([
      'run',
      {
        ...{ repo: '/src/shop', command: 'x', prompt: '-', headless: true, base: 'origin/main', branch: 'b', id: 'i' },
        ...{ title: 'T', copies: 3, setup: 'skip', install: false, model: 'm', permissionMode: 'plan' },
        ...{ allowedTools: ['Read', 'Edit'], maxTurns: 5, maxBudgetUsd: 1.5, wait: 'settled', timeout: 30 },
      },
    ])
  })

  it('agrees to nothing, presses Enter and follows nothing unless told', async () => {
    expect(await parse('run', '--repo', '.', '--agent', 'claude')).toEqual(['run', { repo: '.', agent: 'claude' }])
    expect(await parse('send', 'r', 'hi')).toEqual(['send', 'r', 'hi', { enter: true }])
    expect(await parse('send', 'r', '--no-enter', '--', '-x')).toEqual(['send', 'r', '-x', { enter: false }])
    expect(await parse('logs', 'r', '--raw')).toEqual(['logs', 'r', { raw: true }])
  })

  const verbs: [string, Call][] = [
    [
      'run --repo . --agent claude --agent-arg --add-dir --agent-arg=../x',
      ['run', { repo: '.', agent: 'claude', agentArg: ['--add-dir', '../x'] }],
    ],
    ['list --all', ['list', { all: true }]],
    ['list --json', ['list', {}]],
    ['settings', ['settingsGet', undefined]],
    ['settings --json', ['settingsGet', undefined]],
    ['settings get maxRunning', ['settingsGet', 'maxRunning']],
    ['settings set maxRunning 20 --json', ['settingsSet', 'maxRunning', '20']],
    ['--json list', ['list', {}]],
    ['show r', ['show', 'r']],
    ['attach r', ['attach', 'r', {}]],
    ['attach r --session 2', ['attach', 'r', { session: 2 }]],
    ['shell r', ['shell', 'r', {}]],
    ['shell r --agent codex --title More', ['shell', 'r', { agent: 'codex', title: 'More' }]],
    ['stop r --session 1', ['stop', 'r', { session: 1 }]],
    ['logs r -f', ['logs', 'r', { follow: true }]],
    ['stop r', ['stop', 'r', {}]],
    ['resume r --prompt more --wait running', ['resume', 'r', { prompt: 'more', wait: 'running' }]],
    ['approvals --all', ['approvals', { all: true }]],
    ['allow k', ['allow', 'k']],
    ['deny k', ['deny', 'k']],
    ['push r', ['push', 'r']],
    ['pr r', ['pr', 'r']],
    ['rm r --force --yes', ['rm', 'r', { force: true, yes: true }]],
    ['restore r', ['restore', 'r']],
    ['trash', ['trash']],
    ['keep r', ['keep', 'r']],
    ['purge r', ['purge', 'r', {}]],
    ['serve --port 0', ['serve', { port: 0 }]],
    ['serve --no-stay', ['serve', { stay: false }]],
    ['doctor', ['doctor']],
    ['journal --run r --search push --limit 5', ['journal', { run: 'r', search: 'push', limit: 5 }]],
    ['journal --export csv', ['journal', { export: 'csv' }]],
    ['journal --verify f', ['journal', { verify: 'f' }]],
    ['host status', ['hostStatus']],
    ['host start --json', ['hostStart']],
    ['host stop --agents keep', ['hostStop', { agents: 'keep' }]],
    ['demo', ['demo', {}]],
  ]
  it.each(verbs)('%s', async (words, call) => expect(await parse(...words.split(' '))).toEqual(call))

  it.each([
    'frobnicate',
    'run',
    'run --repo .',
    'run --repo . --agent claude --command x',
    'run --repo . --agent claude --base a --from b',
    'run --repo . --agent claude --from a --branch b',
    'run --agent claude',
    'run --repo . --in-place . --agent claude',
    'run --in-place . --agent claude --copies 2',
    'run --repo . --agent claude --copies 0',
    'run --repo . --agent claude --copies 51',
    'run --repo . --agent claude --copies 1e1',
    'run --repo . --agent claude --wait done',
    'run --repo . --agent claude --setup maybe',
    'run --repo . --agent claude --max-budget-usd -1',
    'run --repo . --agent claude --nonsense',
    'show',
    'show a b',
    'send a',
    'approve a run',
    'allow',
    'deny a b',
    'serve --port 70000',
    'serve --port x',
    'journal --export xml',
    'journal --verify f --run r',
    'host',
    'host frob',
    'host stop --agents kill',
  ])('refuses "%s"', async (words) => {
    const error = await parse(...words.split(' '))
    expect(error).toBeInstanceOf(CommanderError)
    expect((error as CommanderError).exitCode).not.toBe(0)
  })

  it('ends well for help and version', async () => {
    for (const words of [['--help'], ['run', '--help'], ['host', '--help'], ['--version']]) {
      expect(((await parse(...words)) as CommanderError).exitCode).toBe(0)
    }
  })
})

it("splits a list of tools, but not inside a tool's own rule", () => {
  expect(toolList('Read, Edit,Bash(git log:*, x),mcp__a')).toEqual(['Read', 'Edit', 'Bash(git log:*, x)', 'mcp__a'])
  expect(toolList('Write', ['Read'])).toEqual(['Read', 'Write'])
  expect(toolList(',,')).toEqual([])
})
