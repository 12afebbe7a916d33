// Claude Code: interactive in a terminal, headless with stream-json. Its flags and quirks were observed on the real 2.1.330.
import { agentWords } from '../../model/agent.ts'
import type { AgentOptions } from '../../model/run.ts'
import type { TitleReader } from '../../model/transcript.ts'
import type { Adapter, LaunchPlan, LaunchRequest } from '../adapter.ts'
import { show } from '../command-line.ts'
import { claudeConversation } from '../conversations.ts'
import { extra, fits, headlessPrompt, interactivePrompt, readFrom, refuseUnknown } from '../hand-over.ts'
import { closedByHand, judgeHeadless, judgeTerminal } from '../judging.ts'
import { claudeReader } from './events.ts'

const interactiveOptions: readonly (keyof AgentOptions)[] = [
  'model',
  'permissionMode',
  'allowedTools',
  'extraArguments',
]
// --max-turns and --max-budget-usd work with -p only.
const headlessOptions: readonly (keyof AgentOptions)[] = [...interactiveOptions, 'maxTurns', 'maxBudgetUsd']

export const claude: Adapter = {
  name: 'claude',
  ...agentWords.claude,
  binaries: ['claude'],
  modes: ['interactive', 'headless'],
  options: headlessOptions,
  permissionModes: ['manual', 'acceptEdits', 'auto', 'dontAsk', 'plan', 'bypassPermissions'],
  ownFlags: [
    ...['-p', '--print', '--output-format', '--input-format', '--session-id', '--resume', '-r', '--continue', '-c'],
    '--fork-session',
  ],
  install: 'npm install -g @anthropic-ai/claude-code (needs Node 22 or newer), or see https://code.claude.com/docs',
  launch: (request) => (request.mode === 'headless' ? headless(request) : interactive(request)),
  readTitle: (title) => readTitle(title),
  findSession: ({ known, environment }) => existing(known, environment),
  transcript: claudeReader,
  judge: (ending) => (ending.lastEvents ? judgeHeadless(ending) : judgeTerminal(ending, closedByHand)),
  // "2.1.330 (Claude Code)".
  version: (stdout) => /^(\d+\.\d+\.\d+\S*)/m.exec(stdout)?.[1] ?? null,
}

function headless(request: LaunchRequest): LaunchPlan {
  refuseUnknown(claude, request, headlessOptions)
  const { maxTurns, maxBudgetUsd } = request.options
  const { text } = headlessPrompt(claude.label, request)
  // stream-json without --verbose is refused (exit 1).
  const args = ['-p', '--output-format', 'stream-json', '--verbose', ...conversation(request), ...chosen(request)]
  if (maxTurns !== undefined) args.push('--max-turns', String(maxTurns))
  if (maxBudgetUsd !== undefined) args.push('--max-budget-usd', String(maxBudgetUsd))
  return fits(text) ? plan(request, 'pipe', args, text) : plan(request, 'pipe', args, null, { text })
}

function interactive(request: LaunchRequest): LaunchPlan {
  refuseUnknown(claude, request, interactiveOptions)
  const args = [...conversation(request), ...chosen(request)]
  const prompt = interactivePrompt(request)
  if (!prompt) return plan(request, 'pty', args, null)
  if (fits(prompt.text)) return plan(request, 'pty', args, notASubcommand(prompt.text))
  // It asks before it reads outside its directory; this rule allows that one file ("//" starts an absolute path).
  const allowed = [...(request.options.allowedTools ?? []), `Read(/${prompt.file})`]
  return plan(request, 'pty', [...conversation(request), ...chosen(request, allowed)], readFrom(prompt.file))
}

/**
 * A prompt of one word, changed by a space. `claude -- update` runs the subcommand: its parser looks for one behind the `--`
 * as well (seen with doctor, mcp and update in 2.1.330; with -p it does not).
 */
const notASubcommand = (prompt: string): string => (/\s/.test(prompt) ? prompt : `${prompt} `)

/** A session that ended before its first prompt was kept has no conversation, and its --resume would fail. */
const existing = (id: string | null, environment: LaunchRequest['environment']): string | null =>
  id !== null && claudeConversation(environment, id) === 'none' ? null : id

function conversation(request: LaunchRequest): string[] {
  const resume = existing(request.resume, request.environment)
  return resume === null ? ['--session-id', request.newSessionId] : ['--resume', resume]
}

function chosen({ options }: LaunchRequest, allowedTools: readonly string[] = options.allowedTools ?? []): string[] {
  return [
    ...extra({ options }),
    ...(options.model === undefined ? [] : ['--model', options.model]),
    ...(options.permissionMode === undefined ? [] : ['--permission-mode', options.permissionMode]),
    // The flag takes every word that follows it, up to the next flag or "--".
    ...(allowedTools.length === 0 ? [] : ['--allowedTools', ...allowedTools]),
  ]
}

function plan(
  request: LaunchRequest,
  kind: LaunchPlan['kind'],
  flags: readonly string[],
  prompt: string | null,
  stdin: LaunchPlan['stdin'] = 'none',
): LaunchPlan {
  const args = prompt === null ? [...flags] : [...flags, '--', prompt]
  const { file, newSessionId } = request
  return {
    kind,
    file,
    args,
    environment: {},
    stdin,
    agentSession: existing(request.resume, request.environment) ?? newSessionId,
    shown: show({
      file,
      args,
      stdin,
      prompt: prompt === null ? null : { index: args.length - 1, before: '', text: prompt },
    }),
  }
}

/** "◐ NAME" and "◑ NAME" in turn while it works; "✳ NAME" when idle and also when it waits for an answer, so that proves nothing. */
const readTitle: TitleReader = (title) => (/^[◐◑]/u.test(title) ? { state: 'working' } : null)
