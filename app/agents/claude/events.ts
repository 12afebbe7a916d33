// Claude Code's stream-json, as 2.1.330 prints it. The order of an event's keys varies, one run can have several `result` events (a
// background task ends after the first), `init` repeats with every turn, and the cost is cumulative over the whole conversation,
// including resumed ones. So the last one counts, and nothing is added up.

import { counted } from '../../model/text/units.ts'
import type { EventSummary, TranscriptLine } from '../../model/transcript.ts'
import type { AgentReader } from '../adapter.ts'
import { brief, field, list, number, text } from '../json.ts'
import { dollars, type EventReading, inputOf, line, readerOf } from '../reading.ts'

const working = { state: 'working' } as const

/** A reader for one attempt. */
export function claudeReader(): AgentReader {
  const tools = new Map<string, string>()
  let said = ''
  return readerOf((event, known) => {
    switch (text(event, 'type')) {
      case 'system':
        return readSystem(event, known, (start) => {
          const first = said !== start
          said = start
          return first
        })
      case 'assistant':
        return readAssistant(event, tools)
      case 'user':
        return readUser(event, tools)
      case 'result':
        return readResult(event)
      case 'rate_limit_event':
        return readRateLimit(event)
      case 'stream_event':
      case 'control_request':
      case 'control_response':
        return { activity: working, sessionId: text(event, 'session_id') }
      default:
        return null
    }
  })
}

function readSystem(event: unknown, known: EventSummary, isNew: (start: string) => boolean): EventReading {
  const sessionId = text(event, 'session_id')
  switch (text(event, 'subtype')) {
    case 'init': {
      const facts = [text(event, 'model'), text(event, 'permissionMode')].filter((fact) => fact !== undefined)
      const start = facts.join(', ')
      // A verdict that a later turn overtakes is none: the run is at work again.
      const lines = isNew(start) ? [line('note', known.events === 0 ? 'Started' : 'Continues', start)] : []
      return { lines, activity: working, sessionId, verdict: null }
    }
    case 'api_retry': {
      const why = number(event, 'error_status') ?? text(event, 'error') ?? 'no answer'
      const message = `Retry ${number(event, 'attempt') ?? '?'} of ${number(event, 'max_retries') ?? '?'}: ${why}`
      return { lines: [line('note', message)], activity: { ...working, message }, sessionId }
    }
    case 'permission_denied': {
      const tool = text(event, 'tool_name')
      const why = text(event, 'decision_reason') ?? text(event, 'message') ?? ''
      return { lines: [line('note', `Not allowed: ${tool ?? 'a tool'}`, why)], denied: [tool], sessionId }
    }
    case 'hook_response': {
      const exit = number(event, 'exit_code')
      if (!exit) return { sessionId }
      return {
        lines: [line('note', `Hook ${text(event, 'hook_event') ?? ''} exited with ${exit}`, text(event, 'stderr'))],
        sessionId,
      }
    }
    default:
      return { activity: working, sessionId }
  }
}

function readAssistant(event: unknown, tools: Map<string, string>): EventReading {
  const sessionId = text(event, 'session_id')
  const lines: TranscriptLine[] = []
  const failed = text(event, 'error')
  const prefix = field(event, 'parent_tool_use_id') ? 'Subagent: ' : ''
  for (const block of list(event, 'message', 'content')) {
    const said = text(block, 'text')
    switch (text(block, 'type')) {
      case 'text':
        if (said) lines.push(line(failed ? 'error' : 'agent', prefix + said))
        break
      case 'thinking': {
        const thought = text(block, 'thinking')
        if (thought) lines.push(line('note', `${prefix}Thinking`, thought))
        break
      }
      case 'tool_use': {
        const name = text(block, 'name') ?? 'tool'
        const id = text(block, 'id')
        if (id) tools.set(id, name)
        lines.push(line('tool', prefix + name, inputOf(field(block, 'input'))))
        break
      }
    }
  }
  return { lines, activity: working, sessionId, error: failed ? (lines[0]?.text ?? failed) : undefined }
}

function readUser(event: unknown, tools: Map<string, string>): EventReading {
  const sessionId = text(event, 'session_id')
  const content = field(event, 'message', 'content')
  const lines: TranscriptLine[] = []
  for (const block of typeof content === 'string' ? [{ type: 'text', text: content }] : list(content)) {
    if (text(block, 'type') === 'tool_result') {
      const id = text(block, 'tool_use_id')
      const name = (id && tools.get(id)) ?? 'tool'
      if (id) tools.delete(id)
      const failed = field(block, 'is_error') === true
      lines.push(line('result', failed ? `${name} failed` : name, resultText(field(block, 'content'))))
    } else {
      const said = text(block, 'text')
      if (said) lines.push(line('user', said))
    }
  }
  return { lines, activity: working, sessionId }
}

function readResult(event: unknown): EventReading {
  const costUsd = number(event, 'total_cost_usd')
  const turns = number(event, 'num_turns')
  const denied = list(event, 'permission_denials').map((denial) => text(denial, 'tool_name'))
  const verdict = verdictOf(event)
  const facts = [turns === undefined ? '' : counted(turns, 'turn'), costUsd === undefined ? '' : dollars(costUsd)]
  const said = verdict.result === 'succeeded' ? 'Finished' : verdict.reason
  return {
    lines: [line('verdict', said, facts.filter((fact) => fact !== '').join(' · '))],
    activity: { state: 'idle' },
    sessionId: text(event, 'session_id'),
    verdict,
    denied,
    costUsd,
    turns,
    error: verdict.result === 'succeeded' ? undefined : verdict.reason,
  }
}

/** By is_error and the terminal reason; the subtype says "success" even for an HTTP 400. */
function verdictOf(event: unknown): NonNullable<EventSummary['verdict']> {
  const ended = text(event, 'terminal_reason') ?? ''
  const subtype = text(event, 'subtype') ?? ''
  const why = text(event, 'result') || text(event, 'errors', 0) || ended || subtype || 'an error with no reason given'
  if (field(event, 'is_error') !== true && !subtype.startsWith('error'))
    return { result: 'succeeded', reason: 'Finished' }
  if (ended.startsWith('aborted')) return { result: 'interrupted', reason: 'Interrupted' }
  const limited = /max_turns|max_budget|budget_exhausted/.test(`${ended} ${subtype}`)
  // 429 is the account's own limit, or the API's: either way it is not the work that failed.
  if (limited || number(event, 'api_error_status') === 429) return { result: 'limit', reason: brief(why, 500) }
  return { result: 'failed', reason: brief(why, 500) }
}

function readRateLimit(event: unknown): EventReading {
  const status = text(event, 'rate_limit_info', 'status')
  if (status === undefined || status === 'allowed') return {}
  const used = number(event, 'rate_limit_info', 'utilization')
  const share = used === undefined ? '' : `${Math.round(used * 100)} % used`
  return { lines: [line('note', `Usage limit: ${status.replaceAll('_', ' ')}`, share)] }
}

function resultText(content: unknown): string {
  if (typeof content === 'string') return content
  const parts = list(content).map((part) => text(part, 'text') ?? `[${text(part, 'type') ?? 'something'}]`)
  return parts.join('\n')
}
