// Any command line, run by the person's own shell as one string. The prompt is never inserted into it: it is in the file
// $COPPICE_PROMPT_FILE, and in $COPPICE_PROMPT if it is short enough for an environment variable. Its output is shown as it comes,
// without interpretation.
import { basename } from 'node:path'
import { agentWords } from '../model/agent.ts'
import type { Adapter, LaunchPlan, LaunchRequest } from './adapter.ts'
import { show } from './command-line.ts'
import { fits, refused, refuseUnknown } from './hand-over.ts'
import { judgeTerminal } from './judging.ts'

export const command: Adapter = {
  name: 'command',
  ...agentWords.command,
  binaries: [],
  modes: ['interactive', 'headless'],
  options: [],
  permissionModes: [],
  install: '',
  launch,
  // Its exit code is the only verdict that is known of any program.
  judge: (ending) => judgeTerminal(ending, { result: 'succeeded', reason: 'Exited with code 0' }),
}

/** What a run's prompt looks like to a program that is no agent of ours. */
export function promptVariables({ prompt }: Pick<LaunchRequest, 'prompt'>): Record<string, string> {
  if (!prompt) return {}
  return { COPPICE_PROMPT_FILE: prompt.file, ...(fits(prompt.text) ? { COPPICE_PROMPT: prompt.text } : {}) }
}

/**
 * The arguments that make a shell run one line as a login shell would; without -l for the shells that cannot combine the two.
 * Where its start-up files end or hang, the shell reads none of them: the command would never be reached.
 */
export function shellArguments(shell: string, commandLine: string, startUpFiles = true): string[] {
  // A line that begins with a dash would be an option of the shell's; a space before it changes nothing else.
  const one = /^[-+]/.test(commandLine) ? ` ${commandLine}` : commandLine
  const name = basename(shell).replace(/\.exe$/i, '')
  if (!startUpFiles) return [...(skipsFiles[name] ?? []), '-c', one]
  switch (name) {
    case 'bash':
    case 'zsh':
    case 'sh':
    case 'dash':
    case 'ash':
    case 'ksh':
    case 'mksh':
    case 'fish':
    case 'nu':
      return ['-l', '-c', one]
    case 'cmd':
      return ['/d', '/s', '/c', one]
    default:
      // tcsh takes -l only alone; of others we know nothing but that -c is common to all.
      return ['-c', one]
  }
}

/** What keeps a shell that is given a line from reading start-up files. The others read none without -l. */
const skipsFiles: Readonly<Record<string, readonly string[]>> = {
  zsh: ['-f'],
  fish: ['--no-config'],
  nu: ['--no-config-file'],
  csh: ['-f'],
  tcsh: ['-f'],
}

function launch(request: LaunchRequest): LaunchPlan {
  refuseUnknown(command, request, [])
  const { commandLine, mode } = request
  const file = request.shell
  if (commandLine === null || commandLine.trim() === '')
    throw refused('A command line is needed', { option: 'commandLine' })
  if (commandLine.includes('\0'))
    throw refused('A command line cannot contain a NUL character', { option: 'commandLine' })
  const args = shellArguments(file, commandLine, request.startUpFiles)
  return {
    kind: mode === 'headless' ? 'pipe' : 'pty',
    file,
    args,
    environment: promptVariables(request),
    stdin: 'none',
    agentSession: null,
    shown: show({ file, args }),
  }
}
