// Opens a session beside a run's agent: a shell, a command or another agent, in the run's worktree and with its environment. It
// never counts as an attempt. It can be opened while the run is running and afterwards, as long as the worktree exists.
import { adapterOf } from '../../agents/adapters.ts'
import { findAgent, missingText } from '../../agents/detect.ts'
import { isDirectory } from '../../disk/presence.ts'
import { fail, failureOf } from '../../model/failure.ts'
import { type AgentName, isSettled, type Run, type SideKind, type SideSession } from '../../model/run.ts'
import { liveSides, maxLiveSides, sideSessionId, sidesOf } from '../../model/side-session.ts'
import { planLaunch } from '../attempt/attempt.ts'
import { alone, type Caller, type Context, record, runOf } from '../context.ts'
import { firstSize } from '../terminal.ts'
import { endSide, watchSide } from './watch.ts'

export interface OpenRequest {
  readonly runId: string
  readonly kind: SideKind
  readonly commandLine?: string | undefined
  readonly agent?: AgentName | undefined
  readonly title?: string | undefined
}

/**
 * Opens one and gives its id and number. Refusals change nothing: `wrong-phase`, `worktree-missing`, `bad-input`, `agent-not-found`,
 * `too-large`; `start-failed` or a limit of the machine leaves none behind.
 */
export async function openSide(
  context: Context,
  caller: Caller,
  request: OpenRequest,
): Promise<{ sessionId: string; number: number }> {
  const agent = agentOf(request)
  return alone(context, request.runId, async () => {
    const run = runOf(context, request.runId)
    await checkPlace(run)
    const live = liveSides(run).length
    if (live >= maxLiveSides) throw fail('too-large', { message: `${live} sessions are open beside this run already` })
    const adapter = adapterOf(agent)
    if ((await findAgent(adapter, await context.environment())) === null)
      throw fail('agent-not-found', { agent: adapter.label, message: missingText(adapter), install: adapter.install })
    const { plan, environment } = await planLaunch(
      context,
      { ...run, agent, commandLine: request.commandLine ?? null, mode: 'interactive', options: {} },
      adapter,
      { number: Math.max(1, run.attempts.length), text: null, promptFile: null, conversation: null },
    )
    const number = sidesOf(run).length + 1
    const sessionId = sideSessionId(run.id, number)
    const side: SideSession = {
      number,
      sessionId,
      kind: request.kind,
      agent,
      title: titleOf(request, adapter.label),
      commandLine: plan.shown,
      startedAt: context.now(),
      pid: null,
      endedAt: null,
      exit: null,
      closed: false,
    }
    const keeper = await context.keeper()
    record(context, caller, { type: 'side-session-opening', runId: run.id, side })
    try {
      const { pid } = await keeper.spawn({
        sessionId,
        kind: plan.kind,
        file: plan.file,
        args: [...plan.args],
        cwd: run.worktree!,
        env: environment,
        ...firstSize,
      })
      record(context, caller, { type: 'side-session-opened', runId: run.id, number, pid })
      await watchSide(context, run.id, sessionId)
    } catch (error) {
      // One that nobody records and watches must not go on.
      await keeper.signal(sessionId, 'SIGKILL').catch(() => {})
      await endSide(context, caller, run.id, number, null)
      record(context, caller, { type: 'side-session-closed', runId: run.id, number })
      const { code, detail, retryable } = failureOf(error)
      if (code !== 'internal' && code !== 'start-failed') throw fail(code, detail, { retryable })
      const message = String(detail?.message ?? code)
      throw fail('start-failed', { agent: adapter.label, command: plan.shown, message })
    }
    return { sessionId, number }
  })
}

function agentOf({ kind, agent, commandLine }: OpenRequest): AgentName {
  if (kind !== 'command' && commandLine !== undefined)
    throw fail('bad-input', { field: 'commandLine', message: 'only a command takes a command line' })
  if (kind !== 'agent' && agent !== undefined)
    throw fail('bad-input', { field: 'agent', message: 'a shell or a command is no agent' })
  switch (kind) {
    case 'shell':
      return 'shell'
    case 'command':
      if (!commandLine?.trim()) throw fail('bad-input', { field: 'commandLine', message: 'say which command to run' })
      return 'command'
    case 'agent':
      if (agent === undefined || agent === 'shell' || agent === 'command')
        throw fail('bad-input', { field: 'agent', message: 'say which agent to start' })
      return agent
  }
}

async function checkPlace(run: Run): Promise<void> {
  if (run.phase !== 'running' && !isSettled(run.phase))
    throw fail('wrong-phase', { id: run.id, phase: run.phase, wanted: 'running or settled' })
  if (!run.worktree || run.worktreePresence === 'none' || !(await isDirectory(run.worktree).catch(() => false)))
    throw fail('worktree-missing', { path: run.worktree ?? '(none)', ...(run.branch ? { branch: run.branch } : {}) })
}

function titleOf({ title, commandLine, kind }: OpenRequest, label: string): string {
  const wanted = title?.trim() || (kind === 'command' ? commandLine?.trim().split('\n')[0] : undefined) || label
  return wanted.length > 60 ? `${wanted.slice(0, 59)}…` : wanted
}
