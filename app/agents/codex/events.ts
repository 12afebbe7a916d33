// `codex exec --json`, as 0.169.0 prints it. A top-level `error` is a retry notice and not the end; `turn.completed` and
// `turn.failed` are the end. It reports tokens but no cost. A command that its sandbox refuses may leave no event at all.

import { counted } from '../../model/text/units.ts'
import type { EventSummary } from '../../model/transcript.ts'
import type { AgentReader } from '../adapter.ts'
import { brief, field, list, number, text } from '../json.ts'
import { type EventReading, line, readerOf } from '../reading.ts'

const working = { state: 'working' } as const

/** A reader for one attempt. */
export function codexReader(): AgentReader {
  const started = new Set<string>()
  let turns = 0
  const commands: Commands = { ended: 0, failed: 0 }
  return readerOf((event) => {
    switch (text(event, 'type')) {
      case 'thread.started':
        return { lines: [line('note', 'Started')], activity: working, sessionId: text(event, 'thread_id') }
      case 'turn.started':
        return { activity: working, verdict: null }
      case 'item.started':
      case 'item.updated':
      case 'item.completed':
        return readItem(text(event, 'type') === 'item.completed', field(event, 'item'), started, commands)
      case 'turn.completed':
        turns += 1
        return readCompleted(event, turns, commands)
      case 'turn.failed': {
        const verdict = failureOf(errorText(field(event, 'error')))
        const lines = [line('verdict', verdict.reason)]
        return { lines, activity: { state: 'idle' }, verdict, error: verdict.reason }
      }
      case 'error': {
        const message = errorText(event)
        return { lines: [line('note', message)], activity: { ...working, message }, error: message }
      }
      default:
        return null
    }
  })
}

/** How many of the attempt's commands have ended, and with a failure. */
interface Commands {
  ended: number
  failed: number
}

function readItem(done: boolean, item: unknown, started: Set<string>, commands: Commands): EventReading {
  const id = text(item, 'id') ?? ''
  const said = text(item, 'text') ?? ''
  const kind = text(item, 'type') ?? 'something'
  if (kind === 'agent_message') return { lines: done && said ? [line('agent', said)] : [], activity: working }
  if (kind === 'reasoning') return { lines: done && said ? [line('note', 'Thinking', said)] : [], activity: working }
  if (kind === 'error') return { lines: done ? [line('error', errorText(item))] : [], activity: working }
  if (kind === 'todo_list') {
    const todo = list(item, 'items').map(
      (one) => `${field(one, 'completed') === true ? '[x]' : '[ ]'} ${text(one, 'text') ?? ''}`,
    )
    return { lines: done ? [line('note', 'Plan', todo.join('\n'))] : [], activity: working }
  }
  const tool = toolOf(kind, item)
  const lines = started.has(id) ? [] : [line('tool', tool.name, tool.input)]
  started.add(id)
  if (!done) return { lines, activity: working }
  started.delete(id)
  const exit = number(item, 'exit_code')
  const failed = text(item, 'status') === 'failed' || (exit !== undefined && exit !== 0)
  if (kind === 'command_execution') {
    commands.ended += 1
    if (failed) commands.failed += 1
  }
  const ended = failed ? `${tool.name} failed${exit ? ` (exit ${exit})` : ''}` : tool.name
  return { lines: [...lines, line('result', ended, tool.output)], activity: working }
}

function toolOf(
  kind: string,
  item: unknown,
): { readonly name: string; readonly input: string; readonly output: string } {
  switch (kind) {
    case 'command_execution':
      return { name: 'Shell', input: text(item, 'command') ?? '', output: text(item, 'aggregated_output') ?? '' }
    case 'file_change': {
      const changes = list(item, 'changes').map(
        (change) => `${text(change, 'kind') ?? '?'} ${text(change, 'path') ?? '?'}`,
      )
      return { name: 'Edit', input: changes.join('\n'), output: text(item, 'status') ?? '' }
    }
    case 'mcp_tool_call':
      return {
        name: `${text(item, 'server') ?? 'mcp'}.${text(item, 'tool') ?? 'tool'}`,
        input: brief(field(item, 'arguments')),
        output: brief(field(item, 'result') ?? field(item, 'error')),
      }
    case 'web_search':
      return { name: 'Web search', input: text(item, 'query') ?? '', output: '' }
    default: {
      const { id: _id, type: _type, ...rest } = item as Record<string, unknown>
      return { name: kind.replaceAll('_', ' '), input: brief(rest, 2000), output: '' }
    }
  }
}

function readCompleted(event: unknown, turns: number, commands: Commands): EventReading {
  const input = number(event, 'usage', 'input_tokens')
  const output = number(event, 'usage', 'output_tokens')
  // A turn ends well also where nothing that it tried could run, as with a sandbox that cannot start (0.169.0 with bubblewrap).
  const reason = commands.ended > 0 && commands.failed === commands.ended ? allFailed(commands.ended) : 'Finished'
  const tokens = input === undefined || output === undefined ? '' : counted(input + output, 'token')
  return {
    lines: [line('verdict', reason, tokens)],
    activity: { state: 'idle' },
    verdict: { result: 'succeeded', reason },
    turns,
  }
}

const allFailed = (many: number): string =>
  many === 1 ? 'Finished, but its only command failed' : `Finished, but every command failed (${many} of ${many})`

function failureOf(reason: string): NonNullable<EventSummary['verdict']> {
  // "exceeded retry limit, last status: 429 Too Many Requests" was seen; the plan's own limit speaks of a usage limit.
  const limited = /\b429 Too Many Requests\b|\busage limit\b/i.test(reason)
  return { result: limited ? 'limit' : 'failed', reason }
}

/** The message of an error; where that is the API's own JSON (an HTTP 400), the message inside. */
function errorText(error: unknown): string {
  const message = text(error, 'message') ?? 'an error with no message'
  if (!message.startsWith('{')) return brief(message, 500)
  try {
    const inner: unknown = JSON.parse(message)
    return brief(text(inner, 'error', 'message') ?? text(inner, 'message') ?? message, 500)
  } catch {
    return brief(message, 500)
  }
}
