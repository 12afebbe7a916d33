import { describe, expect, it } from 'vitest'
import type { AgentName } from '../model/run.ts'
import type { Exit, Outcome } from '../model/session.ts'
import type { AgentReader } from './adapter.ts'
import { adapterOf } from './adapters.ts'

// Events as the real programs printed them, cut to the fields that count; the keys stand in the order of the original.
const claude = {
  init: { type: 'system', subtype: 'init', session_id: 's1', model: 'opus', permissionMode: 'default' },
  ok: {
    duration_api_ms: 140,
    session_id: 's1',
    total_cost_usd: 0.01,
    permission_denials: [],
    terminal_reason: 'completed',
    is_error: false,
    num_turns: 2,
    subtype: 'success',
    type: 'result',
    result: 'Committed.',
  },
}
const result = (change: object) => ({ ...claude.ok, ...change })

interface Case {
  readonly agent: AgentName
  readonly events: readonly unknown[]
  readonly exit: Exit | null
  readonly outcome: Partial<Outcome>
  readonly stopRequested?: boolean
  readonly stderr?: string
}
const code = (value: number): Exit => ({ code: value, signal: null })
const killed = (signal: string): Exit => ({ code: null, signal })

const cases: Record<string, Case> = {
  'a plain success': {
    agent: 'claude',
    events: [claude.init, claude.ok],
    exit: code(0),
    outcome: { result: 'succeeded', reason: 'Finished', costUsd: 0.01, turns: 2 },
  },
  'a denied tool, though everything else says success': {
    agent: 'claude',
    events: [claude.init, result({ permission_denials: [{ tool_name: 'Write', tool_use_id: 't', tool_input: {} }] })],
    exit: code(0),
    outcome: { result: 'denied', reason: 'Was not allowed to use Write', denials: ['Write'] },
  },
  'a denial that only the system event tells': {
    agent: 'claude',
    events: [claude.init, { type: 'system', subtype: 'permission_denied', tool_name: 'Bash' }, claude.ok],
    exit: code(0),
    outcome: { result: 'denied', denials: ['Bash'] },
  },
  'the turn limit': {
    agent: 'claude',
    events: [
      claude.init,
      result({
        is_error: true,
        subtype: 'error_max_turns',
        terminal_reason: 'max_turns',
        errors: ['Reached maximum number of turns (3)'],
        result: undefined,
      }),
    ],
    exit: code(1),
    outcome: { result: 'limit', reason: 'Reached maximum number of turns (3)' },
  },
  'an API error that calls itself success': {
    agent: 'claude',
    events: [
      claude.init,
      result({ is_error: true, api_error_status: 400, terminal_reason: 'api_error', result: 'API Error: 400' }),
    ],
    exit: code(1),
    outcome: { result: 'failed', reason: 'API Error: 400' },
  },
  'a spent account': {
    agent: 'claude',
    events: [claude.init, result({ is_error: true, api_error_status: 429, result: 'API Error: 429' })],
    exit: code(1),
    outcome: { result: 'limit' },
  },
  'an interrupt that exits with 0': {
    agent: 'claude',
    events: [
      claude.init,
      result({
        is_error: true,
        subtype: 'error_during_execution',
        terminal_reason: 'aborted_tools',
        result: undefined,
      }),
    ],
    exit: code(0),
    outcome: { result: 'interrupted', reason: 'Interrupted' },
  },
  'the last of two results, whose cost is already the sum': {
    agent: 'claude',
    events: [claude.init, claude.ok, claude.init, result({ total_cost_usd: 0.025, result_index: 1 })],
    exit: code(0),
    outcome: { result: 'succeeded', costUsd: 0.025 },
  },
  'a result that a later turn overtook before it was killed': {
    agent: 'claude',
    events: [claude.init, claude.ok, claude.init],
    exit: killed('SIGKILL'),
    outcome: { result: 'interrupted', reason: 'Ended by SIGKILL before it gave a result' },
  },
  'an exit code that means a signal': {
    agent: 'claude',
    events: [claude.init],
    exit: code(143),
    outcome: { result: 'interrupted', reason: 'Ended by SIGTERM before it gave a result' },
  },
  'a stop that was asked for, whatever it said': {
    agent: 'claude',
    events: [claude.init, claude.ok],
    exit: code(0),
    stopRequested: true,
    outcome: { result: 'interrupted', reason: 'Stopped' },
  },
  'nothing but stderr': {
    agent: 'claude',
    events: [],
    exit: code(1),
    stderr: 'warning\n\x1b[31merror: unknown option --x\x1b[0m\n\n',
    outcome: { result: 'failed', reason: 'error: unknown option --x' },
  },
  'an end without a result': {
    agent: 'claude',
    events: [claude.init],
    exit: code(0),
    outcome: { result: 'unknown', reason: 'It ended without a result' },
  },
  'a success that the exit contradicts': {
    agent: 'claude',
    events: [claude.init, claude.ok],
    exit: code(1),
    outcome: { result: 'unknown', reason: 'It reported success, then exited with code 1' },
  },
  'an exit that nobody saw': {
    agent: 'claude',
    events: [claude.init, claude.ok],
    exit: null,
    outcome: { result: 'unknown' },
  },

  'Codex done': {
    agent: 'codex',
    events: [
      { type: 'thread.started', thread_id: 't1' },
      { type: 'turn.started' },
      { type: 'turn.completed', usage: { input_tokens: 5, output_tokens: 1 } },
    ],
    exit: code(0),
    outcome: { result: 'succeeded', turns: 1 },
  },
  'Codex whose every command failed': {
    agent: 'codex',
    events: [
      { type: 'turn.started' },
      ...['a', 'b'].map((id) => ({
        type: 'item.completed',
        item: {
          ...{ id, type: 'command_execution', command: 'ls', exit_code: 1, status: 'failed' },
          aggregated_output: 'bwrap: execvp codex-linux-sandbox: No such file or directory\n',
        },
      })),
      { type: 'turn.completed', usage: { input_tokens: 5, output_tokens: 1 } },
    ],
    exit: code(0),
    outcome: { result: 'succeeded', reason: 'Finished, but every command failed (2 of 2)', turns: 1 },
  },
  'Codex one of whose commands failed': {
    agent: 'codex',
    events: [
      { type: 'turn.started' },
      { type: 'item.completed', item: { id: 'a', type: 'command_execution', exit_code: 1, status: 'failed' } },
      { type: 'item.completed', item: { id: 'b', type: 'command_execution', exit_code: 0, status: 'completed' } },
      { type: 'turn.completed', usage: { input_tokens: 5, output_tokens: 1 } },
    ],
    exit: code(0),
    outcome: { result: 'succeeded', reason: 'Finished', turns: 1 },
  },
  'Codex failed with the API’s own JSON inside': {
    agent: 'codex',
    events: [
      { type: 'turn.started' },
      { type: 'turn.failed', error: { message: '{"error":{"message":"stub bad request"}}' } },
    ],
    exit: code(1),
    outcome: { result: 'failed', reason: 'stub bad request' },
  },
  'Codex at its limit': {
    agent: 'codex',
    events: [{ type: 'turn.failed', error: { message: 'exceeded retry limit, last status: 429 Too Many Requests' } }],
    exit: code(1),
    outcome: { result: 'limit' },
  },
  'Codex killed while it said that it reconnects': {
    agent: 'codex',
    events: [{ type: 'turn.started' }, { type: 'error', message: 'Reconnecting... 1/5' }],
    exit: killed('SIGTERM'),
    outcome: { result: 'interrupted' },
  },
  'Codex that does not know the session': {
    agent: 'codex',
    events: [],
    exit: code(1),
    stderr: 'Error: no rollout found for thread id x\n',
    outcome: { result: 'failed', reason: 'Error: no rollout found for thread id x' },
  },

  'Gemini with an exit code that is an HTTP status': {
    agent: 'gemini',
    events: [],
    exit: code(144),
    outcome: { result: 'failed', reason: 'The API answered 400' },
  },
  'Gemini at its turn limit': { agent: 'gemini', events: [], exit: code(53), outcome: { result: 'limit' } },
  'Gemini ended without a word, with 0': {
    agent: 'gemini',
    events: [{ type: 'init', session_id: 'g' }],
    exit: code(0),
    outcome: { result: 'unknown' },
  },
  'Gemini whose policy denied a tool': {
    agent: 'gemini',
    events: [
      { type: 'tool_use', tool_name: 'run_shell_command', tool_id: 'a', parameters: { command: 'ls' } },
      { type: 'tool_result', tool_id: 'a', status: 'error', error: { type: 'policy_violation', message: 'no' } },
      { type: 'result', status: 'success', stats: { total_tokens: 3 } },
    ],
    exit: code(0),
    outcome: { result: 'denied', denials: ['run_shell_command'] },
  },
  'Gemini failed': {
    agent: 'gemini',
    events: [{ type: 'result', status: 'error', error: { type: 'unknown', message: '[API Error: bad]' } }],
    exit: code(145),
    outcome: { result: 'failed', reason: '[API Error: bad]' },
  },

  'OpenCode done': {
    agent: 'opencode',
    events: [
      { type: 'step_finish', sessionID: 'ses_1', part: { reason: 'tool-calls', cost: 0.25 } },
      { type: 'step_finish', sessionID: 'ses_1', part: { reason: 'stop', cost: 0.5 } },
    ],
    exit: code(0),
    outcome: { result: 'succeeded', costUsd: 0.75, turns: 2 },
  },
  'OpenCode that rejected its own tool and left with 0': {
    agent: 'opencode',
    events: [
      {
        type: 'tool_use',
        sessionID: 'ses_1',
        part: {
          tool: 'bash',
          state: { status: 'error', input: {}, error: 'The user rejected permission to use this specific tool call.' },
        },
      },
      { type: 'step_finish', sessionID: 'ses_1', part: { reason: 'tool-calls' } },
    ],
    exit: code(0),
    outcome: { result: 'denied', denials: ['bash'] },
  },
  'OpenCode refused by the API': {
    agent: 'opencode',
    events: [
      { type: 'error', sessionID: 'ses_1', error: { name: 'APIError', data: { message: 'no key', statusCode: 401 } } },
    ],
    exit: code(1),
    outcome: { result: 'failed', reason: 'no key' },
  },
}

function read(agent: AgentName, events: readonly unknown[]): AgentReader {
  const reader = adapterOf(agent).transcript!()
  for (const event of events) reader.read(event)
  return reader
}

describe('an ending is judged by', () => {
  it.each(Object.entries(cases))(
    '%s',
    (_name, { agent, events, exit, outcome, stopRequested = false, stderr = '' }) => {
      const lastEvents = read(agent, events).summary()
      expect(adapterOf(agent).judge({ exit, stopRequested, lastEvents, stderrTail: stderr })).toMatchObject(outcome)
    },
  )

  it.each([
    ['claude', code(0), 'unknown'],
    ['claude', code(1), 'failed'],
    ['codex', killed('SIGHUP'), 'interrupted'],
    ['gemini', null, 'unknown'],
    ['shell', code(130), 'unknown'],
    ['command', code(0), 'succeeded'],
    ['command', code(7), 'failed'],
    ['demo', code(0), 'succeeded'],
    ['demo', code(1), 'failed'],
  ] as const)('the exit alone in a terminal: %s, %j', (agent, exit, expected) => {
    const ending = { exit, stopRequested: false, lastEvents: null, stderrTail: '' }
    expect(adapterOf(agent).judge(ending).result).toBe(expected)
    expect(adapterOf(agent).judge({ ...ending, stopRequested: true }).result).toBe('interrupted')
  })
})

describe('a reader', () => {
  it('comes to the same summary when it is fed again from the start', () => {
    const events = cases['the last of two results, whose cost is already the sum']!.events
    expect(read('claude', events).summary()).toEqual(read('claude', [...events]).summary())
  })

  it.each(['claude', 'codex', 'gemini', 'opencode', 'cursor'] as const)('of %s takes anything', (agent) => {
    const reader = adapterOf(agent).transcript!()
    const odd = [
      null,
      1,
      true,
      '',
      'plain text',
      [],
      {},
      { type: 5 },
      { type: 'result' },
      { type: 'assistant', message: 'x' },
    ]
    const kinds = [
      'system',
      'user',
      'item.completed',
      'turn.failed',
      'tool_use',
      'tool_result',
      'tool_call',
      'error',
      '__proto__',
    ]
    for (const event of [...odd, ...kinds.map((type) => ({ type, sessionID: 's', item: null, part: 3, tool_call: 7 }))])
      expect(Array.isArray(reader.read(event).lines)).toBe(true)
    expect(reader.read('plain text').lines).toEqual([expect.objectContaining({ text: 'plain text' })])
  })

  it('bounds what it keeps of one event', () => {
    const event = { type: 'assistant', message: { content: [{ type: 'text', text: 'x'.repeat(1_000_000) }] } }
    expect(adapterOf('claude').transcript!().read(event).lines[0]!.text.length).toBeLessThan(20_000)
  })

  it('puts the pieces of what Gemini says together', () => {
    const reader = adapterOf('gemini').transcript!()
    const said = (content: string) => reader.read({ type: 'message', role: 'assistant', content, delta: true }).lines
    expect([...said('Hel'), ...said('lo')]).toEqual([])
    expect(reader.read({ type: 'tool_use', tool_name: 'ls', tool_id: 'x', parameters: { path: '/' } }).lines).toEqual([
      { role: 'agent', text: 'Hello' },
      { role: 'tool', text: 'ls', detail: '/' },
    ])
  })

  it('reads Cursor’s nested tool calls', () => {
    const reader = adapterOf('cursor').transcript!()
    const call = (subtype: string, inner: object) =>
      reader.read({ type: 'tool_call', subtype, session_id: 'c', tool_call: { shellToolCall: inner } })
    expect(call('started', { args: { command: 'ls' } })).toMatchObject({
      lines: [{ role: 'tool', text: 'shell', detail: 'ls' }],
      sessionId: 'c',
    })
    expect(call('completed', { result: { rejected: { reason: 'no' } } }).lines[0]).toMatchObject({
      text: 'shell was not allowed',
    })
  })
})

describe('titles', () => {
  it.each([
    ['claude', '◐ Fix the bug', 'working'],
    ['claude', '✳ Fix the bug', null],
    ['codex', '⠹ tree', 'working'],
    ['codex', 'tree', null],
    ['gemini', '◇  Ready (tree)   ', 'idle'],
    ['gemini', '✦  Working… (tree)', 'working'],
    ['gemini', '✋  Action Required (tree)', 'waiting'],
    ['gemini', '', null],
  ] as const)('of %s: %s', (agent, title, state) => {
    expect(adapterOf(agent).readTitle?.(title)?.state ?? null).toBe(state)
  })
})

describe('versions', () => {
  it.each([
    ['claude', '2.1.330 (Claude Code)\n', '2.1.330'],
    ['codex', 'codex-cli 0.169.0\n', '0.169.0'],
    ['gemini', 'Warning: x\n0.61.0\n', '0.61.0'],
    ['opencode', '1.18.33\n', '1.18.33'],
    ['claude', 'nothing of the kind', null],
  ] as const)('of %s in %j', (agent, stdout, version) => expect(adapterOf(agent).version?.(stdout)).toBe(version))
})
