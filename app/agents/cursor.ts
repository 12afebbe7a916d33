// Cursor's CLI, interactive and headless. Written from its public documentation (cursor.com/docs/cli): it needs an account, so no
// test runs the real one. Its events are close to Claude Code's; anything else it prints is shown as it comes.
import { agentWords } from '../model/agent.ts'
import type { AgentOptions } from '../model/run.ts'
import type { Adapter, AgentReader, LaunchPlan, LaunchRequest } from './adapter.ts'
import { show } from './command-line.ts'
import { extra, fits, headlessPrompt, interactivePrompt, readFrom, refuseUnknown } from './hand-over.ts'
import { brief, field, list, text } from './json.ts'
import { closedByHand, judgeHeadless, judgeTerminal } from './judging.ts'
import { type EventReading, inputOf, line, readerOf } from './reading.ts'

const known: readonly (keyof AgentOptions)[] = ['model', 'permissionMode', 'extraArguments']

export const cursor: Adapter = {
  name: 'cursor',
  ...agentWords.cursor,
  // It also installs itself as `agent`, which is too common a name to start on sight.
  binaries: ['cursor-agent'],
  modes: ['interactive', 'headless'],
  options: known,
  /** `force` allows commands that its config does not forbid. */
  permissionModes: ['config', 'plan', 'ask', 'force'],
  ownFlags: ['--print', '-p', '--output-format', '--resume', '--continue'],
  install: 'see https://cursor.com/docs/cli/installation',
  launch,
  transcript: cursorReader,
  judge: (ending) => (ending.lastEvents ? judgeHeadless(ending) : judgeTerminal(ending, closedByHand)),
  version: (stdout) => /^(\d{4}\.\d\S*|\d+\.\d+\S*)/m.exec(stdout)?.[1] ?? null,
}

function launch(request: LaunchRequest): LaunchPlan {
  refuseUnknown(cursor, request, known)
  const { file, resume, mode } = request
  const isHeadless = mode === 'headless'
  const prompt = isHeadless ? headlessPrompt(cursor.label, request) : interactivePrompt(request)
  const flags = [
    ...(isHeadless ? ['--print', '--output-format', 'stream-json'] : []),
    ...chosen(request),
    ...(resume === null ? [] : ['--resume', resume]),
  ]
  const said = prompt && (fits(prompt.text) ? prompt.text : readFrom(prompt.file))
  const args = said === null ? flags : [...flags, '--', said]
  const at = said === null ? null : { index: args.length - 1, before: '', text: said }
  const shown = show({ file, args, prompt: at })
  return { kind: isHeadless ? 'pipe' : 'pty', file, args, environment: {}, stdin: 'none', agentSession: resume, shown }
}

function chosen({ options }: LaunchRequest): string[] {
  const mode = options.permissionMode
  return [
    ...extra({ options }),
    ...(options.model === undefined ? [] : ['--model', options.model]),
    ...(mode === 'force' ? ['--force'] : mode === 'plan' || mode === 'ask' ? ['--mode', mode] : []),
  ]
}

/** A reader for one attempt. */
export function cursorReader(): AgentReader {
  return readerOf((event): EventReading | null => {
    const sessionId = text(event, 'session_id')
    const activity = { state: 'working' } as const
    switch (text(event, 'type')) {
      case 'system':
        return { lines: [line('note', 'Started', text(event, 'model'))], activity, sessionId, verdict: null }
      case 'user':
      case 'assistant': {
        const said = list(event, 'message', 'content').map((part) => text(part, 'text') ?? '')
        const role = text(event, 'type') === 'user' ? 'user' : 'agent'
        return { lines: said.join('') === '' ? [] : [line(role, said.join(''))], activity, sessionId }
      }
      case 'tool_call':
        return { ...readTool(event), activity, sessionId }
      case 'result': {
        const failed = field(event, 'is_error') === true
        const reason = failed ? brief(text(event, 'result') || 'an error with no reason given', 500) : 'Finished'
        const verdict = { result: failed ? ('failed' as const) : ('succeeded' as const), reason }
        return { lines: [line('verdict', reason)], activity: { state: 'idle' }, sessionId, verdict }
      }
      default:
        return null
    }
  })
}

/** The call is nested under a name of its own: {"readToolCall": {"args": …, "result": …}}. */
function readTool(event: unknown): EventReading {
  const [key = 'tool', call] = Object.entries(field(event, 'tool_call') ?? {})[0] ?? []
  const name = key.replace(/ToolCall$/, '')
  if (text(event, 'subtype') !== 'completed') return { lines: [line('tool', name, inputOf(field(call, 'args')))] }
  const rejected = field(call, 'result', 'rejected') !== undefined
  const said = rejected ? `${name} was not allowed` : name
  return { lines: [line('result', said, brief(field(call, 'result')))], denied: rejected ? [name] : [] }
}
