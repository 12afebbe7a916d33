import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { CoppiceFailure } from '../model/failure.ts'
import { AgentName, AgentOptions } from '../model/run.ts'
import type { LaunchRequest } from './adapter.ts'
import { adapterOf, adapters } from './adapters.ts'
import { demoFiles, demoScriptOf, demoScripts } from './demo.ts'
import { byteLength, maxArgumentBytes } from './hand-over.ts'

const id = '11111111-2222-4333-8444-555555555555'
const session = '99999999-8888-4777-8666-555555555555'

function request(change: Partial<LaunchRequest> = {}): LaunchRequest {
  return {
    file: '/usr/bin/agent',
    mode: 'headless',
    prompt: null,
    options: {},
    resume: null,
    newSessionId: id,
    worktree: '/work/tree',
    repositoryPath: '/work/repo',
    commonDir: '/work/repo/.git',
    adminDir: '/work/repo/.git/worktrees/tree',
    commandLine: null,
    shell: '/bin/bash',
    environment: {},
    ...change,
  }
}

const prompt = (text: string) => ({ text, file: '/data/runs/x/prompt/prompt.md' })
const launch = (name: AgentName, change: Partial<LaunchRequest>) => adapterOf(name).launch(request(change))
const refusal = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    if (error instanceof CoppiceFailure) return error.failure
    throw error
  }
  throw new Error('It was not refused')
}
const roots = [
  ...['--add-dir', '/work/repo/.git/worktrees/tree', '--add-dir', '/work/repo/.git/objects'],
  ...['--add-dir', '/work/repo/.git/refs', '--add-dir', '/work/repo/.git/logs'],
]

describe('launch plans', () => {
  it('start Claude Code headless with every option, the prompt behind "--"', () => {
    const plan = launch('claude', {
      prompt: prompt('-x'),
      options: {
        model: 'opus',
        permissionMode: 'acceptEdits',
        allowedTools: ['Bash(git *)', 'Write'],
        maxTurns: 3,
        maxBudgetUsd: 0.5,
      },
    })
    expect(plan).toEqual({
      kind: 'pipe',
      file: '/usr/bin/agent',
      args: [
        ...['-p', '--output-format', 'stream-json', '--verbose', '--session-id', id, '--model', 'opus'],
        ...['--permission-mode', 'acceptEdits', '--allowedTools', 'Bash(git *)', 'Write', '--max-turns', '3'],
        ...['--max-budget-usd', '0.5', '--', '-x'],
      ],
      environment: {},
      stdin: 'none',
      agentSession: id,
      shown: `agent -p --output-format stream-json --verbose --session-id ${id} --model opus --permission-mode acceptEdits --allowedTools 'Bash(git *)' Write --max-turns 3 --max-budget-usd 0.5 -- -x`,
    })
  })

  it.each([
    ['claude', ['--session-id', id, '--add-dir', '../my libs', '--', 'do it']],
    ['codex', ['--no-daemon', '--add-dir', '../my libs', ...roots, '--', 'do it']],
    ['gemini', ['--session-id', id, '--add-dir', '../my libs', '--prompt-interactive=do it']],
    ['opencode', ['--add-dir', '../my libs', '--prompt=do it']],
    ['cursor', ['--add-dir', '../my libs', '--', 'do it']],
  ] as const)('put extra arguments of %s among the flags, before the prompt', (name, args) => {
    const options = { extraArguments: ['--add-dir', '../my libs'] }
    expect(launch(name, { mode: 'interactive', prompt: prompt('do it'), options }).args).toEqual(args)
    const headless = launch(name, { prompt: prompt('do it'), options })
    expect(headless.args.slice(headless.args.indexOf('--add-dir'))[1]).toBe('../my libs')
    expect(headless.shown).toContain("--add-dir '../my libs'")
  })

  it.each([
    ['claude', ['--resume', 'x'], 'Coppice sets --resume of Claude Code itself'],
    ['claude', ['--debug', '--output-format=text'], 'Coppice sets --output-format of Claude Code itself'],
    ['codex', ['-s', 'read-only'], 'Coppice sets -s of Codex itself'],
    ['gemini', ['hello'], 'Extra arguments begin with a flag, and "hello" is none'],
    ['opencode', ['--x', '--'], '"--" cannot be an extra argument: what follows it is the prompt'],
    ['cursor', ['--x\0'], 'An extra argument cannot contain a NUL character'],
    ['shell', ['--x'], 'Shell takes the option extraArguments not at all'],
  ] as const)('refuse of %s the extra arguments %j', (name, extraArguments, message) => {
    const failure = refusal(() =>
      launch(name, { mode: 'interactive', options: { extraArguments: [...extraArguments] } }),
    )
    expect(failure).toMatchObject({ code: 'bad-input', detail: { message, option: 'extraArguments' } })
  })

  it('leave the permission mode of Claude Code to its settings unless one was chosen', () => {
    const plan = launch('claude', { mode: 'interactive', prompt: prompt('do it') })
    expect(plan).toMatchObject({ kind: 'pty', args: ['--session-id', id, '--', 'do it'], agentSession: id })
    expect(launch('claude', { mode: 'interactive' }).args).toEqual(['--session-id', id])
    expect(launch('claude', { mode: 'interactive', resume: session }).args).toEqual(['--resume', session])
  })

  it('never let Claude Code take a one-word prompt for a subcommand', () => {
    expect(launch('claude', { mode: 'interactive', prompt: prompt('update') }).args.at(-1)).toBe('update ')
  })

  it('start Codex headless in its sandbox with the roots that a commit needs', () => {
    const plan = launch('codex', { prompt: prompt('resume') })
    expect(plan.args).toEqual([
      ...['exec', '--json', '-c', 'analytics.enabled=false', '--sandbox', 'workspace-write', ...roots, '--', 'resume'],
    ])
    expect(plan).toMatchObject({ kind: 'pipe', stdin: 'none', agentSession: null })
    const resumed = launch('codex', { prompt: prompt('-'), resume: session, options: { permissionMode: 'read-only' } })
    expect(resumed.args.slice(4, 6)).toEqual(['--sandbox', 'read-only'])
    expect(resumed.args.slice(-3)).toEqual(['resume', session, '-'])
    expect(resumed).toMatchObject({ stdin: { text: '-' }, agentSession: session })
  })

  it('give Codex in a terminal the same roots and leave its sandbox to its settings', () => {
    expect(launch('codex', { mode: 'interactive', prompt: prompt('--help') }).args).toEqual([
      '--no-daemon',
      ...roots,
      '--',
      '--help',
    ])
    expect(launch('codex', { mode: 'interactive', resume: session }).args).toEqual([
      '--no-daemon',
      ...roots,
      ...['resume', session],
    ])
  })

  it('glue the prompt of Gemini to its flag', () => {
    const plan = launch('gemini', { prompt: prompt('--yolo'), options: { permissionMode: 'yolo', model: 'flash' } })
    expect(plan.args).toEqual([
      ...['--output-format', 'stream-json', '--session-id', id, '--model', 'flash', '--approval-mode', 'yolo'],
      ...['--skip-trust', '--prompt=--yolo'],
    ])
    expect(plan.environment).toEqual({ GEMINI_CLI_NO_RELAUNCH: 'true' })
    expect(plan.shown.startsWith('GEMINI_CLI_NO_RELAUNCH=true agent ')).toBe(true)
    expect(launch('gemini', { prompt: prompt('x') }).args).not.toContain('--skip-trust')
    expect(launch('gemini', { mode: 'interactive', prompt: prompt('x') }).args.at(-1)).toBe('--prompt-interactive=x')
  })

  it('give OpenCode its headless prompt by stdin, where nothing is added to it', () => {
    const plan = launch('opencode', { prompt: prompt('say "hi" there'), resume: 'ses_1' })
    expect(plan.args).toEqual(['run', '--format', 'json', '--session', 'ses_1'])
    expect(plan.stdin).toEqual({ text: 'say "hi" there' })
    const terminal = launch('opencode', {
      mode: 'interactive',
      prompt: prompt('-x'),
      options: { permissionMode: 'auto' },
    })
    expect(terminal.args).toEqual(['--auto', '--prompt=-x'])
  })

  it('start Cursor by its documentation', () => {
    const plan = launch('cursor', { prompt: prompt('-x'), options: { permissionMode: 'force' }, resume: 'chat' })
    expect(plan.args).toEqual(['--print', '--output-format', 'stream-json', '--force', '--resume', 'chat', '--', '-x'])
  })

  it('run a command line as one string of the shell, the prompt only beside it', () => {
    const text = "'; rm -rf / #"
    const plan = launch('command', {
      mode: 'interactive',
      commandLine: 'my-agent "$COPPICE_PROMPT"',
      prompt: prompt(text),
    })
    expect(plan).toMatchObject({ kind: 'pty', file: '/bin/bash', args: ['-l', '-c', 'my-agent "$COPPICE_PROMPT"'] })
    expect(plan.environment).toEqual({ COPPICE_PROMPT: text, COPPICE_PROMPT_FILE: '/data/runs/x/prompt/prompt.md' })
    const long = launch('command', { commandLine: 'x', prompt: prompt('x'.repeat(maxArgumentBytes + 1)) })
    expect(long.environment).toEqual({ COPPICE_PROMPT_FILE: '/data/runs/x/prompt/prompt.md' })
    expect(refusal(() => launch('command', {})).code).toBe('bad-input')
  })

  it('know how each shell takes a line, and keep a leading dash from being an option', () => {
    const argsOf = (shell: string, commandLine = 'ls') => launch('command', { shell, commandLine }).args
    expect(argsOf('/usr/bin/fish')).toEqual(['-l', '-c', 'ls'])
    expect(argsOf('/bin/tcsh')).toEqual(['-c', 'ls'])
    expect(argsOf('/bin/sh', '-x')).toEqual(['-l', '-c', ' -x'])
  })

  it('leave out the start-up files of a shell that would end or hang in them', () => {
    const argsOf = (shell: string) => launch('command', { shell, commandLine: 'ls', startUpFiles: false }).args
    expect(argsOf('/bin/bash')).toEqual(['-c', 'ls'])
    expect(argsOf('/bin/zsh')).toEqual(['-f', '-c', 'ls'])
    expect(argsOf('/usr/bin/fish')).toEqual(['--no-config', '-c', 'ls'])
    expect(argsOf('/bin/tcsh')).toEqual(['-f', '-c', 'ls'])
  })

  it('open a shell with nothing typed into it', () => {
    expect(launch('shell', { mode: 'interactive', shell: '/bin/zsh' })).toMatchObject({
      kind: 'pty',
      file: '/bin/zsh',
      stdin: 'none',
    })
    expect(refusal(() => launch('shell', {}))).toMatchObject({ code: 'bad-input', detail: { mode: 'headless' } })
  })

  it('start the demo with the Node that runs the host, by the script its prompt names', () => {
    for (const script of demoScripts) {
      const plan = launch('demo', { mode: 'interactive', prompt: prompt(script.prompt) })
      expect(plan.file).toBe(process.execPath)
      expect(plan.args[1]).toBe(script.name)
      expect(
        launch('demo', { mode: 'interactive', resume: plan.agentSession, prompt: prompt('more') }).args.slice(1),
      ).toEqual([script.name, '--resumed'])
    }
    expect(demoScriptOf('anything else')).toBe('edit')
    expect(Object.keys(demoFiles)).toContain('README.md')
  })
})

const agents = (['claude', 'codex', 'gemini', 'opencode', 'cursor'] as const).map((name) => adapterOf(name))

describe.each(agents)('$label', (adapter) => {
  it('needs a prompt to work without a person, but may be resumed without a word', () => {
    expect(refusal(() => adapter.launch(request())).code).toBe('bad-input')
    expect(refusal(() => adapter.launch(request({ prompt: prompt(' \n') }))).code).toBe('bad-input')
    const plan = adapter.launch(request({ resume: session }))
    expect(JSON.stringify(plan)).toContain('Continue where you left off.')
    expect(plan.agentSession).toBe(session)
  })

  it('hands over a prompt of any length within what one argument may hold', () => {
    for (const mode of ['interactive', 'headless'] as const) {
      const long = prompt('é'.repeat(maxArgumentBytes))
      const plan = adapter.launch(request({ mode, prompt: long }))
      for (const arg of plan.args) expect(byteLength(arg)).toBeLessThan(128 * 1024)
      const given = plan.stdin === 'none' ? plan.args.join(' ') : plan.stdin.text
      expect(given.includes(long.file) || given.includes(long.text)).toBe(true)
    }
  })

  it('shows a long prompt by its head', () => {
    const plan = adapter.launch(request({ prompt: prompt(`first line\n${'x'.repeat(5000)}`) }))
    expect(plan.shown).toContain('first line\\n')
    expect(plan.shown.length).toBeLessThan(1000)
  })

  it.each([
    ['model', { model: '--yolo' }],
    ['permissionMode', { permissionMode: 'whatever' }],
  ] as const)('refuses a bad %s by name', (option, options) => {
    const failure = refusal(() => adapter.launch(request({ prompt: prompt('x'), options })))
    expect(failure).toMatchObject({ code: 'bad-input', detail: { option } })
  })

  it('refuses each option that it does not know, by name', () => {
    const values: Required<AgentOptions> = {
      ...{ model: 'm', permissionMode: adapter.permissionModes[0] ?? '', allowedTools: ['Bash'] },
      ...{ maxTurns: 1, maxBudgetUsd: 1, extraArguments: ['--more'] },
    }
    for (const option of AgentOptions.keyof().options) {
      const options = { [option]: values[option] }
      const start = () => adapter.launch(request({ prompt: prompt('x'), options }))
      if (adapter.options.includes(option)) expect(start).not.toThrow()
      else expect(refusal(start)).toMatchObject({ code: 'bad-input', detail: { option } })
    }
  })

  it('refuses a NUL, which no argument can hold', () => {
    expect(refusal(() => adapter.launch(request({ prompt: prompt('a\0b') }))).detail).toMatchObject({
      option: 'prompt',
    })
  })
})

describe('the adapters', () => {
  it('are one for each name, each with two letters of its own', () => {
    expect(adapters.map((adapter) => adapter.name).toSorted()).toEqual(AgentName.options.toSorted())
    expect(new Set(adapters.map((adapter) => adapter.mark)).size).toBe(adapters.length)
    for (const adapter of adapters) expect(adapter.mark).toMatch(/^[A-Z][a-z]$/)
  })

  it('refuse what works only in the other mode', () => {
    const options = { maxTurns: 3 }
    const failure = refusal(() => launch('claude', { mode: 'interactive', options }))
    expect(failure.detail?.message).toBe('Claude Code takes the option maxTurns only in headless mode')
  })

  it('never repeat a session id that they did not get', () => {
    const newSessionId = randomUUID()
    expect(launch('codex', { prompt: prompt('x'), newSessionId }).agentSession).toBeNull()
    expect(launch('claude', { prompt: prompt('x'), newSessionId }).agentSession).toBe(newSessionId)
  })
})
