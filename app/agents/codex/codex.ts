// Codex: interactive in a terminal, headless with `codex exec --json`. Its flags and quirks were observed on the real 0.169.0.
import { join } from 'node:path'
import { agentWords } from '../../model/agent.ts'
import type { AgentOptions } from '../../model/run.ts'
import type { TitleReader } from '../../model/transcript.ts'
import type { Adapter, LaunchPlan, LaunchRequest } from '../adapter.ts'
import { show } from '../command-line.ts'
import { codexSessionIn } from '../conversations.ts'
import { extra, fits, headlessPrompt, interactivePrompt, readFrom, refuseUnknown } from '../hand-over.ts'
import { closedByHand, judgeHeadless, judgeTerminal } from '../judging.ts'
import { codexReader } from './events.ts'

const known: readonly (keyof AgentOptions)[] = ['model', 'permissionMode', 'extraArguments']

export const codex: Adapter = {
  name: 'codex',
  ...agentWords.codex,
  binaries: ['codex'],
  modes: ['interactive', 'headless'],
  options: known,
  /** Its sandbox modes; what it may do without asking follows from them. */
  permissionModes: ['read-only', 'workspace-write', 'danger-full-access'],
  ownFlags: ['--json', '--sandbox', '-s', '--no-daemon'],
  install: 'npm install -g @openai/codex, or see https://developers.openai.com/codex/cli',
  launch: (request) => (request.mode === 'headless' ? headless(request) : interactive(request)),
  readTitle: (title) => readTitle(title),
  findSession: ({ worktree, environment, known }) => known ?? codexSessionIn(environment, worktree),
  transcript: codexReader,
  judge: (ending) => (ending.lastEvents ? judgeHeadless(ending) : judgeTerminal(ending, closedByHand)),
  // "codex-cli 0.169.0".
  version: (stdout) => /(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1] ?? null,
}

function headless(request: LaunchRequest): LaunchPlan {
  refuseUnknown(codex, request, known)
  const { text } = headlessPrompt(codex.label, request)
  const flags = [
    // Without it an offline run hangs for 5 s when it is done.
    ...['exec', '--json', '-c', 'analytics.enabled=false'],
    // `exec` is read-only by default: an agent in a worktree of its own is there to write. More than that has to be chosen.
    ...['--sandbox', request.options.permissionMode ?? 'workspace-write'],
    ...model(request),
    ...extra(request),
    ...writableRoots(request),
    // The flags above are exec's, not resume's, so they stand before it.
    ...(request.resume === null ? [] : ['resume', request.resume]),
  ]
  // "-" itself means stdin, wherever it stands.
  if (fits(text) && text !== '-') return plan(request, 'pipe', [...flags, '--', text], text)
  return plan(request, 'pipe', [...flags, '-'], null, { text })
}

function interactive(request: LaunchRequest): LaunchPlan {
  refuseUnknown(codex, request, known)
  const { permissionMode } = request.options
  const flags = [
    // Its TUI (0.169.0) hands its work to a daemon that all of them share, outlives them, and copies 400 MB into $CODEX_HOME.
    // What such a daemon does belongs to no run: stopping one run would end the others' agents, or leave its own tools alive.
    '--no-daemon',
    ...(permissionMode === undefined ? [] : ['--sandbox', permissionMode]),
    ...model(request),
    ...extra(request),
    ...writableRoots(request),
    ...(request.resume === null ? [] : ['resume', request.resume]),
  ]
  const prompt = interactivePrompt(request)
  if (!prompt) return plan(request, 'pty', flags, null)
  const said = fits(prompt.text) ? prompt.text : readFrom(prompt.file)
  // Behind "--" no prompt is a flag or a subcommand.
  return plan(request, 'pty', [...flags, '--', said], said)
}

const model = ({ options }: LaunchRequest): string[] => (options.model === undefined ? [] : ['--model', options.model])

/**
 * What `git commit` writes outside a linked worktree. The workspace-write sandbox keeps a .git directory read-only even where
 * the directory around it is writable, so these four are named one by one ("index.lock: Read-only file system" without them).
 * --add-dir adds to the roots of the person's own config, where `-c sandbox_workspace_write.writable_roots` would replace them.
 */
function writableRoots({ commonDir, adminDir }: LaunchRequest): string[] {
  if (commonDir === null || adminDir === null) return []
  const roots = [adminDir, ...['objects', 'refs', 'logs'].map((name) => join(commonDir, name))]
  return roots.flatMap((root) => ['--add-dir', root])
}

function plan(
  request: LaunchRequest,
  kind: LaunchPlan['kind'],
  args: readonly string[],
  prompt: string | null,
  stdin: LaunchPlan['stdin'] = 'none',
): LaunchPlan {
  const { file, resume } = request
  const at = prompt === null ? null : { index: args.length - 1, before: '', text: prompt }
  // A new conversation's id comes with its first event.
  return {
    kind,
    file,
    args,
    environment: {},
    stdin,
    agentSession: resume,
    shown: show({ file, args, stdin, prompt: at }),
  }
}

/** A braille spinner before the name while it works; the bare name when idle and also when it waits for an approval. */
const readTitle: TitleReader = (title) => (/^[\u2800-\u28ff]/u.test(title) ? { state: 'working' } : null)
