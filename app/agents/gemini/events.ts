// Gemini CLI's stream-json, as 0.61.0 prints it. Its text arrives in pieces (`delta`), which are joined here and shown when the
// next event of another kind comes. It reports tokens but no cost.

import { counted } from '../../model/text/units.ts'
import type { TranscriptLine } from '../../model/transcript.ts'
import type { AgentReader } from '../adapter.ts'
import { brief, field, number, text } from '../json.ts'
import { type EventReading, inputOf, line, readerOf } from '../reading.ts'

const working = { state: 'working' } as const
/** A flood of pieces is shown in parts of this many characters. */
const maxPending = 16_384

/** A reader for one attempt. */
export function geminiReader(): AgentReader {
  const tools = new Map<string, string>()
  let pending = ''
  const flush = (): TranscriptLine[] => {
    const said = pending
    pending = ''
    return said.trim() === '' ? [] : [line('agent', said)]
  }
  return readerOf((event): EventReading | null => {
    switch (text(event, 'type')) {
      case 'init':
        return {
          lines: [line('note', 'Started', text(event, 'model'))],
          activity: working,
          sessionId: text(event, 'session_id'),
          verdict: null,
        }
      case 'message': {
        const said = text(event, 'content') ?? ''
        if (text(event, 'role') === 'user') return { lines: [...flush(), line('user', said)], activity: working }
        pending += said
        const isPiece = field(event, 'delta') === true && pending.length < maxPending
        return { lines: isPiece ? [] : flush(), activity: working }
      }
      case 'tool_use': {
        const name = text(event, 'tool_name') ?? 'tool'
        const id = text(event, 'tool_id')
        if (id) tools.set(id, name)
        return { lines: [...flush(), line('tool', name, inputOf(field(event, 'parameters')))], activity: working }
      }
      case 'tool_result':
        return readToolResult(event, tools, flush())
      case 'error': {
        const message = text(event, 'message') ?? brief(event, 500)
        return { lines: [...flush(), line('error', message)], activity: working, error: message }
      }
      case 'result':
        return readResult(event, flush())
      default:
        return null
    }
  })
}

function readToolResult(event: unknown, tools: Map<string, string>, before: readonly TranscriptLine[]): EventReading {
  const id = text(event, 'tool_id')
  const name = (id && tools.get(id)) ?? 'tool'
  if (id) tools.delete(id)
  const failed = text(event, 'status') === 'error'
  const why = text(event, 'error', 'message')
  return {
    lines: [...before, line('result', failed ? `${name} failed` : name, text(event, 'output') ?? why)],
    activity: working,
    // Its policy engine's own word for a tool that it did not allow; other errors are the tool's.
    denied: text(event, 'error', 'type') === 'policy_violation' ? [name] : [],
  }
}

function readResult(event: unknown, before: readonly TranscriptLine[]): EventReading {
  const tokens = number(event, 'stats', 'total_tokens')
  const facts = tokens === undefined ? '' : counted(tokens, 'token')
  const activity = { state: 'idle' } as const
  if (text(event, 'status') === 'success') {
    const lines = [...before, line('verdict', 'Finished', facts)]
    return { lines, activity, verdict: { result: 'succeeded', reason: 'Finished' } }
  }
  const reason = brief(text(event, 'error', 'message') ?? 'an error with no message', 500)
  // FatalTurnLimitedError is the turn limit of its settings; a spent quota names itself so in the message.
  const limited = /TurnLimited/.test(text(event, 'error', 'type') ?? '') || /quota|rate_limit/i.test(reason)
  const verdict = { result: limited ? ('limit' as const) : ('failed' as const), reason }
  return { lines: [...before, line('verdict', reason, facts)], activity, verdict, error: reason }
}
