// A command that runs before the agent (set-up, install), in its own session, visible live in the tile. A cancel ends all of it. A
// failure carries its last lines, because a person needs them to fix it.

import { fail, failureOf } from '../../model/failure.ts'
import type { Run } from '../../model/run.ts'
import type { Exit } from '../../model/session.ts'
import { agentEnvironment } from '../../process/environment.ts'
import { openSession } from '../../session/session.ts'
import { type Context, repositoryOf } from '../context.ts'
import { endProcesses } from '../processes/end-processes.ts'
import { firstSize, sessionDirectory } from '../terminal.ts'

/** The longest a set-up or an install may take before it is ended: half an hour. */
const timeoutMs = 30 * 60_000
const shownLines = 12

/**
 * Runs `command` (a line for the person's shell, or an argv) in the run's worktree. Throws `setup-failed` or `install-failed`
 * with the exit and the last lines; on an abort everything it started is ended first.
 */
export async function runStageCommand(
  context: Context,
  run: Run,
  stage: 'setup' | 'install',
  command: string | readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const keeper = await context.keeper()
  const worktree = run.worktree
  if (!worktree) throw new Error(`run ${run.id} has no worktree`)
  const environment = agentEnvironment(await context.environment(), {
    runId: run.id,
    dataDir: context.dataDirectory,
    attempt: 0,
    worktree,
    repository: repositoryOf(context, run.repositoryId).path,
    branch: run.branch ?? '',
  })
  const shell = environment.SHELL || '/bin/sh'
  const [file, args] = typeof command === 'string' ? [shell, ['-c', command]] : ['/usr/bin/env', [...command]]
  // The keeper takes no session id twice: the millisecond at which it began makes it one of its own. Seven digits, because an id
  // may have 64 characters in all; they come round again after two years.
  const sessionId = `${run.id}.${stage}-${(Math.floor(context.now()) % 36 ** 7).toString(36)}`
  const spec = { sessionId, kind: 'pty' as const, file, args: args as string[], cwd: worktree, env: environment }
  await keeper.spawn({ ...spec, ...firstSize }).catch((error: unknown) => {
    const { code, detail } = failureOf(error)
    throw fail(`${stage}-failed`, { command: shown(command), message: String(detail?.message ?? code) }, { stage })
  })

  let ended: (exit: Exit) => void = () => {}
  const exit = new Promise<Exit>((resolve) => {
    ended = resolve
  })
  const session = openSession({
    keeper,
    sessionId,
    kind: 'pty',
    ...firstSize,
    dark: context.terminals.dark,
    stateDir: sessionDirectory(context, run.id, sessionId),
    onFacts: (facts) => context.live.change(run.id, { lastLine: facts.lastLine, lastOutputAt: facts.lastOutputAt }),
    onExit: (result) => ended(result),
    onLost: (error) => {
      context.log(`session ${sessionId} lost: ${error.message}`)
      ended({ code: null, signal: 'SIGHUP' })
    },
  })
  context.sessions.set(run.id, session)
  await context.terminals.sessionChanged(run.id)

  const timer = AbortSignal.timeout(timeoutMs)
  const stop = new Promise<'stop'>((resolve) => {
    for (const cause of [signal, timer]) cause.addEventListener('abort', () => resolve('stop'), { once: true })
    if (signal.aborted) resolve('stop')
  })
  try {
    const first = await Promise.race([exit, stop])
    if (first === 'stop') {
      await endProcesses(context, run.id)
      signal.throwIfAborted()
      throw fail(
        `${stage}-failed`,
        { command: shown(command), message: 'it did not finish within 30 minutes' },
        { stage },
      )
    }
    if (first.code !== 0) {
      const lines = session.text().trimEnd().split('\n').slice(-shownLines)
      const how = first.signal ? `ended by ${first.signal}` : `exit ${first.code}`
      throw fail(`${stage}-failed`, { command: shown(command), message: how, exit: first.code ?? -1, lines }, { stage })
    }
  } finally {
    session.close()
    if (context.sessions.get(run.id) === session) context.sessions.delete(run.id)
  }
}

const shown = (command: string | readonly string[]) => (typeof command === 'string' ? command : command.join(' '))
