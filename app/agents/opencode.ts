// OpenCode: interactive in a terminal, headless with `opencode run --format json`. Its flags and quirks were observed on the real
// 1.18.33. It prints no final event; the reason of the last finished step comes closest to one.
import { agentWords } from '../model/agent.ts'
import type { AgentOptions } from '../model/run.ts'
import type { Adapter, AgentReader, LaunchPlan, LaunchRequest } from './adapter.ts'
import { show } from './command-line.ts'
import { extra, fits, headlessPrompt, interactivePrompt, readFrom, refuseUnknown } from './hand-over.ts'
import { brief, field, number, text } from './json.ts'
import { closedByHand, judgeHeadless, judgeTerminal } from './judging.ts'
import { type EventReading, inputOf, line, readerOf } from './reading.ts'

const known: readonly (keyof AgentOptions)[] = ['model', 'permissionMode', 'extraArguments']

export const opencode: Adapter = {
  name: 'opencode',
  ...agentWords.opencode,
  binaries: ['opencode'],
  modes: ['interactive', 'headless'],
  options: known,
  /** `auto` allows what its config does not forbid; otherwise its config decides. */
  permissionModes: ['config', 'auto'],
  ownFlags: ['--format', '--session', '-s', '--continue', '-c', '--prompt'],
  install: 'npm install -g opencode-ai, or see https://opencode.ai/docs',
  launch: (request) => (request.mode === 'headless' ? headless(request) : interactive(request)),
  transcript: opencodeReader,
  judge: (ending) => (ending.lastEvents ? judgeHeadless(ending) : judgeTerminal(ending, closedByHand)),
  version: (stdout) => /^(\d+\.\d+\.\d+\S*)/m.exec(stdout)?.[1] ?? null,
}

function headless(request: LaunchRequest): LaunchPlan {
  refuseUnknown(opencode, request, known)
  const args = ['run', '--format', 'json', ...chosen(request)]
  // Through stdin whatever its length: an argument with a space in it reaches the model in quotes and escaped.
  const stdin = { text: headlessPrompt(opencode.label, request).text }
  const { file, resume } = request
  return { kind: 'pipe', file, args, environment: {}, stdin, agentSession: resume, shown: show({ file, args, stdin }) }
}

function interactive(request: LaunchRequest): LaunchPlan {
  refuseUnknown(opencode, request, known)
  const { file, resume } = request
  const prompt = interactivePrompt(request)
  const flags = chosen(request)
  const before = '--prompt='
  const said = prompt && (fits(prompt.text) ? prompt.text : readFrom(prompt.file))
  const args = said === null ? flags : [...flags, before + said]
  const at = said === null ? null : { index: args.length - 1, before, text: said }
  const shown = show({ file, args, prompt: at })
  return { kind: 'pty', file, args, environment: {}, stdin: 'none', agentSession: resume, shown }
}

const chosen = ({ options, resume }: LaunchRequest): string[] => [
  ...extra({ options }),
  ...(options.model === undefined ? [] : ['--model', options.model]),
  ...(options.permissionMode === 'auto' ? ['--auto'] : []),
  ...(resume === null ? [] : ['--session', resume]),
]

/** A reader for one attempt. */
export function opencodeReader(): AgentReader {
  let cost: number | undefined
  let turns = 0
  let isFirst = true
  return readerOf((event): EventReading | null => {
    const sessionId = text(event, 'sessionID')
    if (sessionId === undefined) return null
    const started = isFirst ? [line('note', 'Started')] : []
    isFirst = false
    const activity = { state: 'working' } as const
    const part = field(event, 'part')
    switch (text(event, 'type')) {
      case 'step_start':
        return { lines: started, activity, sessionId, verdict: null }
      case 'text': {
        const said = text(part, 'text')
        return { lines: said ? [...started, line('agent', said)] : started, activity, sessionId }
      }
      case 'reasoning': {
        const thought = text(part, 'text')
        return { lines: thought ? [...started, line('note', 'Thinking', thought)] : started, activity, sessionId }
      }
      case 'tool_use':
        return { ...readTool(part), activity, sessionId }
      case 'step_finish': {
        turns += 1
        const spent = number(part, 'cost')
        if (spent !== undefined) cost = (cost ?? 0) + spent
        const stopped = text(part, 'reason') === 'stop'
        const verdict = stopped ? { result: 'succeeded' as const, reason: 'Finished' } : null
        const idle = stopped ? ({ state: 'idle' } as const) : activity
        return {
          lines: stopped ? [line('verdict', 'Finished')] : [],
          activity: idle,
          sessionId,
          verdict,
          costUsd: cost,
          turns,
        }
      }
      case 'error':
        return readError(field(event, 'error'), sessionId)
      default:
        return { lines: started, activity, sessionId }
    }
  })
}

/** A tool's call comes as one event, when it is over. */
function readTool(part: unknown): EventReading {
  const name = text(part, 'tool') ?? 'tool'
  const failed = text(part, 'state', 'status') === 'error'
  const why = text(part, 'state', 'error') ?? ''
  // The text of the tool's error is the only sign: without a person it rejects what its config says to ask for, and exits with 0.
  const rejected = failed && why.includes('rejected permission')
  return {
    lines: [
      line('tool', name, inputOf(field(part, 'state', 'input'))),
      line(
        'result',
        rejected ? `${name} was not allowed` : failed ? `${name} failed` : name,
        text(part, 'state', 'output') ?? why,
      ),
    ],
    denied: rejected ? [name] : [],
  }
}

function readError(error: unknown, sessionId: string): EventReading {
  const reason = brief(text(error, 'data', 'message') ?? text(error, 'message') ?? text(error, 'name') ?? error, 500)
  const result = number(error, 'data', 'statusCode') === 429 ? ('limit' as const) : ('failed' as const)
  return {
    lines: [line('verdict', reason)],
    activity: { state: 'idle' },
    sessionId,
    verdict: { result, reason },
    error: reason,
  }
}
