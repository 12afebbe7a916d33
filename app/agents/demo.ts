// The demo: a scripted agent that comes with Coppice, and the content of its scratch repository. It shows the whole life of a run
// without an agent installed. What it does is real (files, commits, terminal, exit codes); only the thinking is not.
import { join } from 'node:path'
import { agentWords } from '../model/agent.ts'
import type { Adapter, LaunchPlan, LaunchRequest } from './adapter.ts'
import { show } from './command-line.ts'
import { refuseUnknown } from './hand-over.ts'
import { judgeTerminal } from './judging.ts'

export type DemoScriptName = 'edit' | 'ask' | 'flood' | 'fail'

export interface DemoScript {
  readonly name: DemoScriptName
  readonly title: string
  /** Given to a run as its prompt; a prompt that is none of these starts `edit`. */
  readonly prompt: string
}

/** The four runs of a demo, in the order in which they are started. */
export const demoScripts: readonly DemoScript[] = [
  {
    name: 'edit',
    title: 'Greet people by name',
    prompt: 'Greet people by name: add a function for it, use it, and commit each step.',
  },
  {
    name: 'ask',
    title: 'Choose a date format',
    prompt: 'Add the date to the greeting. Ask me which format to use.',
  },
  {
    name: 'flood',
    title: 'Print every log line',
    prompt: 'Replay the whole log at full speed, to show that a flood of output slows nothing down.',
  },
  {
    name: 'fail',
    title: 'Run the checks',
    prompt: 'Run the checks, which fail on purpose, and stop with their error.',
  },
]

const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`

/** The files of the scratch repository's first commit, by path. Whoever makes the repository writes and commits them with git. */
export const demoFiles: Readonly<Record<string, string>> = {
  'README.md': lines(
    '# Greeter',
    '',
    'A small program to try Coppice on. Every run works in a worktree of its own, so this checkout stays as it is.',
    '',
    '    node src/main.js',
  ),
  'src/main.js': lines("import { greeting } from './greeting.js'", '', 'console.log(greeting())'),
  'src/greeting.js': lines('export function greeting() {', "  return 'Hello!'", '}'),
  'test/greeting.test.js': lines(
    "import assert from 'node:assert'",
    "import test from 'node:test'",
    "import { greeting } from '../src/greeting.js'",
    '',
    "test('says hello', () => assert.match(greeting(), /^Hello/))",
  ),
  'package.json': lines(
    '{',
    '  "name": "greeter",',
    '  "version": "1.0.0",',
    '  "private": true,',
    '  "type": "module",',
    '  "scripts": { "test": "node --test" }',
    '}',
  ),
  '.gitignore': lines('node_modules/'),
}

export const demo: Adapter = {
  name: 'demo',
  ...agentWords.demo,
  binaries: [],
  modes: ['interactive'],
  options: [],
  permissionModes: [],
  install: '',
  launch,
  judge: (ending) => judgeTerminal(ending, { result: 'succeeded', reason: 'Finished its script' }),
}

/** The script that a prompt stands for. */
export function demoScriptOf(prompt: string | undefined): DemoScriptName {
  return demoScripts.find((script) => script.prompt === prompt)?.name ?? 'edit'
}

/** Where the agent's script lies: two levels up from this file, and from the bundle that holds it, alike. */
const agentFile = join(import.meta.dirname, '..', '..', 'resources', 'demo-agent.mjs')

function launch(request: LaunchRequest): LaunchPlan {
  refuseUnknown(demo, request, [])
  const session = request.resume ?? request.newSessionId
  // The id carries the script, so that a resumed attempt goes on with the same one.
  const [, resumed] = /^(edit|ask|flood|fail)-/.exec(request.resume ?? '') ?? []
  const script = resumed ?? demoScriptOf(request.prompt?.text)
  const args = [agentFile, script, ...(request.resume === null ? [] : ['--resumed'])]
  const file = process.execPath
  return {
    kind: 'pty',
    file,
    args,
    environment: {},
    stdin: 'none',
    agentSession: resumed ? session : `${script}-${session}`,
    shown: show({ file: 'demo-agent', args: args.slice(1) }),
  }
}
