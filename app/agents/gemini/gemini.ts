// Gemini CLI: interactive in a terminal, headless with stream-json. Its flags and quirks were observed on the real 0.61.0.
import { dirname } from 'node:path'
import { agentWords } from '../../model/agent.ts'
import type { AgentOptions } from '../../model/run.ts'
import type { Outcome } from '../../model/session.ts'
import type { AgentEvidence, TitleReader } from '../../model/transcript.ts'
import type { Adapter, LaunchPlan, LaunchRequest } from '../adapter.ts'
import { show } from '../command-line.ts'
import { geminiConversation } from '../conversations.ts'
import {
  extra,
  fits,
  headlessPrompt,
  interactivePrompt,
  maxArgumentBytes,
  readFrom,
  refuseUnknown,
} from '../hand-over.ts'
import { closedByHand, judgeHeadless, judgeTerminal } from '../judging.ts'
import { geminiReader } from './events.ts'

const known: readonly (keyof AgentOptions)[] = ['model', 'permissionMode', 'extraArguments']

/** Longer prompts go by file: its TUI takes a third of a second for each KiB of a first prompt (20 KiB took 7 s, 97 KiB over 30). */
const maxTypedBytes = 16 * 1024

export const gemini: Adapter = {
  name: 'gemini',
  ...agentWords.gemini,
  binaries: ['gemini'],
  modes: ['interactive', 'headless'],
  options: known,
  permissionModes: ['default', 'auto_edit', 'yolo', 'plan'],
  ownFlags: ['--output-format', '-o', '--session-id', '--resume', '-r', '--prompt', '-p', '--prompt-interactive', '-i'],
  install: 'npm install -g @google/gemini-cli, or see https://geminicli.com/docs',
  launch: (request) => (request.mode === 'headless' ? headless(request) : interactive(request)),
  readTitle: (title) => readTitle(title),
  findSession: ({ known, environment }) => existing(known, environment),
  transcript: geminiReader,
  judge: (ending) =>
    ending.lastEvents ? judgeHeadless(ending, { codes, signalCodes: false }) : judgeTerminal(ending, closedByHand),
  version: (stdout) => /^(\d+\.\d+\.\d+\S*)/m.exec(stdout)?.[1] ?? null,
}

/** Its exit code is an HTTP status mod 256, which looks like a signal and is none, or one of a few numbers of its own. */
const codes: Readonly<Record<number, { readonly result: Outcome['result']; readonly reason: string }>> = {
  41: { result: 'failed', reason: 'Not logged in' },
  42: { result: 'failed', reason: 'It refused its input' },
  53: { result: 'limit', reason: 'Reached the maximum number of turns' },
  130: { result: 'interrupted', reason: 'Interrupted' },
  144: { result: 'failed', reason: 'The API answered 400' },
  145: { result: 'failed', reason: 'The API answered 401' },
  147: { result: 'failed', reason: 'The API answered 403' },
  148: { result: 'failed', reason: 'The API answered 404' },
  173: { result: 'limit', reason: 'The API answered 429' },
  244: { result: 'failed', reason: 'The API answered 500' },
  247: { result: 'failed', reason: 'The API answered 503' },
}

function headless(request: LaunchRequest): LaunchPlan {
  refuseUnknown(gemini, request, known)
  const { text } = headlessPrompt(gemini.label, request)
  const { permissionMode } = request.options
  const flags = [
    ...['--output-format', 'stream-json', ...conversation(request), ...chosen(request)],
    // In a folder that it does not trust it takes any mode but the default one back in silence, and nobody is there to be
    // asked. Who chose a mode for this run has said what it may do.
    ...(permissionMode === undefined || permissionMode === 'default' ? [] : ['--skip-trust']),
  ]
  // It starts itself a second time otherwise, and the signals we send would reach the wrong one of the two.
  const environment = { GEMINI_CLI_NO_RELAUNCH: 'true' }
  if (fits(text, maxArgumentBytes)) return plan(request, 'pipe', flags, { before: '--prompt=', text }, environment)
  return plan(request, 'pipe', flags, null, environment, { text })
}

function interactive(request: LaunchRequest): LaunchPlan {
  refuseUnknown(gemini, request, known)
  const flags = [...conversation(request), ...chosen(request)]
  const prompt = interactivePrompt(request)
  if (!prompt) return plan(request, 'pty', flags, null)
  const before = '--prompt-interactive='
  if (fits(prompt.text, maxTypedBytes)) return plan(request, 'pty', flags, { before, text: prompt.text })
  // It reads no file outside its workspace, so the prompt's directory becomes a part of it.
  flags.push('--include-directories', dirname(prompt.file))
  return plan(request, 'pty', flags, { before, text: readFrom(prompt.file) })
}

/** A session that ended before its first prompt was kept has no conversation, and its --resume would fail. */
const existing = (id: string | null, environment: LaunchRequest['environment']): string | null =>
  id !== null && geminiConversation(environment, id) === 'none' ? null : id

function conversation(request: LaunchRequest): string[] {
  const resume = existing(request.resume, request.environment)
  return resume === null ? ['--session-id', request.newSessionId] : ['--resume', resume]
}

const chosen = ({ options }: LaunchRequest): string[] => [
  ...extra({ options }),
  ...(options.model === undefined ? [] : ['--model', options.model]),
  ...(options.permissionMode === undefined ? [] : ['--approval-mode', options.permissionMode]),
]

/** The prompt is glued to its flag by "=", so that one that begins with a dash is no flag. */
function plan(
  request: LaunchRequest,
  kind: LaunchPlan['kind'],
  flags: readonly string[],
  prompt: { readonly before: string; readonly text: string } | null,
  environment: Readonly<Record<string, string>> = {},
  stdin: LaunchPlan['stdin'] = 'none',
): LaunchPlan {
  const args = prompt ? [...flags, prompt.before + prompt.text] : [...flags]
  const { file, newSessionId } = request
  const at = prompt && { index: args.length - 1, ...prompt }
  return {
    kind,
    file,
    args,
    environment,
    stdin,
    agentSession: existing(request.resume, request.environment) ?? newSessionId,
    shown: show({ file, args, environment, stdin, prompt: at }),
  }
}

const titles: Readonly<Record<string, AgentEvidence>> = {
  '◇': { state: 'idle' },
  '✦': { state: 'working' },
  // "Action Required" stands for an approval as well as for a question: what it waits for is not known.
  '✋': { state: 'waiting' },
}

const readTitle: TitleReader = (title) => titles[Array.from(title.trimStart())[0] ?? ''] ?? null
