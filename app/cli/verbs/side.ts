// `coppice shell`, and what the other verbs need for side sessions: which one a number means, and closing it.
import { fail } from '../../model/failure.ts'
import { AgentName, type SideSession } from '../../model/run.ts'
import { sideOf } from '../../model/side-session.ts'
import { plainText } from '../../model/text/text.ts'
import { type Cli, openWatching, runOf } from '../cli.ts'
import type { Link } from '../link.ts'
import { attach, refuseWithoutTerminal } from './attach.ts'

export interface ShellOptions {
  readonly command?: string
  readonly agent?: string
  readonly title?: string
}

/** Opens a session beside the run's agent and attaches to it; with --json it only opens it and says which it is. */
export async function shell(cli: Cli, id: string, options: ShellOptions): Promise<void> {
  if (!cli.output.json) refuseWithoutTerminal('Run it with --json to open the session without attaching to it')
  const link = await openWatching(cli)
  runOf(link, id)
  const { number } = await link.call('session.open', {
    runId: id,
    ...whatOf(options),
    ...(options.title === undefined ? {} : { title: options.title }),
  })
  const side = await link.until(() => sideOf(runOf(link, id), number), { timeoutMs: 10_000, what: 'The new session' })
  if (cli.output.json) return cli.output.result({ id, ...side }, () => [])
  await attach(cli, id, { session: number })
}

function whatOf({ command, agent }: ShellOptions) {
  if (command !== undefined) return { kind: 'command' as const, commandLine: command }
  if (agent === undefined) return { kind: 'shell' as const }
  const known = AgentName.safeParse(agent)
  if (known.success) return { kind: 'agent' as const, agent: known.data }
  throw fail('agent-not-found', {
    agent: `"${agent}"`,
    message: `Coppice knows ${AgentName.options.filter((name) => name !== 'demo').join(', ')}`,
    install: '',
  })
}

/** Ends one session beside the run's agent and puts it away. */
export async function closeSession(cli: Cli, id: string, number: number): Promise<void> {
  const link = await openWatching(cli)
  const side = sideFor(link, id, number)
  await link.call('session.close', { runId: id, number })
  cli.output.result({ id, number, sessionId: side.sessionId, closed: true }, () => [
    `Closed session ${number} of ${id} (${plainText(side.title, 100)}).`,
  ])
}

/** The run's side session of that number, or `not-found`. */
export function sideFor(link: Link, id: string, number: number): SideSession {
  const side = sideOf(runOf(link, id), number)
  if (!side) throw fail('not-found', { what: 'side session', id: String(number) })
  return side
}
