// One execution of a run's agent: started in its worktree, watched through its session, and judged when it ends. Also what a
// restarted host does with a session that the keeper still holds.
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import type { Adapter, LaunchPlan } from '../../agents/adapter.ts'
import { adapterOf } from '../../agents/adapters.ts'
import { findAgent } from '../../agents/detect.ts'
import { readAdminDir } from '../../git/worktree/checkout.ts'
import type { KeeperSession } from '../../keeper/client.ts'
import { fail, failureOf } from '../../model/failure.ts'
import type { Repository } from '../../model/repository.ts'
import type { AgentName, AgentOptions, Attempt, Mode, Run } from '../../model/run.ts'
import { isSettled } from '../../model/run.ts'
import type { Exit } from '../../model/session.ts'
import { sidesOf } from '../../model/side-session.ts'
import { agentEnvironment } from '../../process/environment.ts'
import { openSession, type Session } from '../../session/session.ts'
import { type Caller, type Context, record, repositoryOf, runOf } from '../context.ts'
import { endProcesses } from '../processes/end-processes.ts'
import { promptHead, promptPath, readFirstPrompt, runDirectory, writePrompt } from '../prompt-file.ts'
import { firstSize, recordedSessions, sessionDirectory } from '../terminal.ts'
import { endAttempt, releaseSession } from './end-attempt.ts'

export interface AttemptRequest {
  /** "first": the run's own prompt, already on disk. Otherwise a follow-up, or none. */
  readonly prompt: 'first' | { readonly text: string } | null
  /** The agent's own conversation to go on with; null starts a new one. */
  readonly conversation: string | null
  /** An abort before the agent's program is started starts none; after that it is a stop, which is the caller's. */
  readonly signal?: AbortSignal
}

/**
 * Starts the next attempt of a run whose worktree is there. Throws `agent-not-found`, `start-failed`, `keeper-unreachable` or a limit
 * of the machine; then no process is left and no attempt is recorded as running.
 */
export async function startAttempt(
  context: Context,
  caller: Caller,
  runId: string,
  request: AttemptRequest,
): Promise<void> {
  const run = runOf(context, runId)
  const number = run.attempts.length + 1
  const adapter = adapterOf(run.agent)
  const text =
    request.prompt === 'first' ? await readFirstPrompt(context.dataDirectory, run) : (request.prompt?.text ?? null)
  if (text !== null && request.prompt !== 'first') await writePrompt(context.dataDirectory, runId, number, text)
  const promptFile =
    text === null ? null : promptPath(context.dataDirectory, runId, request.prompt === 'first' ? 1 : number)
  const { plan, environment } = await planLaunch(context, run, adapter, {
    number,
    text,
    promptFile,
    conversation: request.conversation,
  })

  const sessionId = `${runId}.${number}`
  const attempt: Attempt = {
    number,
    sessionId,
    startedAt: context.now(),
    endedAt: null,
    pid: null,
    commandLine: plan.shown,
    prompt: text === null ? null : promptHead(text),
    exit: null,
    outcome: null,
  }
  const keeper = await context.keeper()
  request.signal?.throwIfAborted()
  record(context, caller, { type: 'attempt-starting', runId, attempt })
  let pid: number
  try {
    const child = await keeper.spawn({
      sessionId,
      kind: plan.kind,
      file: plan.file,
      args: [...plan.args],
      cwd: run.worktree!,
      env: environment,
      ...firstSize,
      ...(plan.stdin === 'none' ? {} : { stdin: 'pipe' as const, input: plan.stdin.text }),
    })
    pid = child.pid
  } catch (error) {
    const { code, detail, retryable } = failureOf(error)
    // The machine's limits and a keeper that is gone are said as such: the command may be right.
    if (code !== 'internal' && code !== 'start-failed') throw fail(code, detail, { stage: 'start', retryable })
    throw fail(
      'start-failed',
      { agent: adapter.label, command: plan.shown, message: String(detail?.message ?? code) },
      { stage: 'start' },
    )
  }
  try {
    record(context, caller, { type: 'attempt-started', runId, number, pid })
    if (plan.agentSession)
      record(context, caller, { type: 'agent-session-found', runId, agentSession: plan.agentSession })
    await watch(context, runId, sessionId, plan.kind)
  } catch (error) {
    // An agent that nobody records and watches must not work on (a disk that is full): ended, as if it had not started.
    releaseSession(context, runId)
    await endProcesses(context, runId)
    throw error
  }
}

/** What the next attempt, or what is opened beside it, will be started with: program, arguments, environment. */
export async function planLaunch(
  context: Context,
  run: Run,
  adapter: Adapter,
  own: { number: number; text: string | null; promptFile: string | null; conversation: string | null },
): Promise<{ plan: LaunchPlan; environment: Record<string, string> }> {
  const login = await context.environment()
  const repository = run.repositoryId === null ? null : repositoryOf(context, run.repositoryId)
  const worktree = run.worktree
  if (!worktree) throw fail('worktree-missing', { path: '(none)' })
  const file = await findAgent(adapter, login)
  if (file === null)
    throw fail('agent-not-found', { agent: adapter.label, install: adapter.install }, { stage: 'start' })
  const environment = agentEnvironment(login, {
    runId: run.id,
    dataDir: context.dataDirectory,
    attempt: own.number,
    worktree,
    repository: repository?.path ?? '',
    branch: run.branch ?? '',
    ...(own.promptFile ? { promptFile: own.promptFile } : {}),
  })
  const plan = adapter.launch({
    file,
    mode: run.mode,
    prompt: own.text === null || own.promptFile === null ? null : { text: own.text, file: own.promptFile },
    options: run.options,
    resume: own.conversation,
    newSessionId: randomUUID(),
    worktree,
    repositoryPath: repository?.path ?? worktree,
    commonDir: repository?.commonDir ?? null,
    adminDir: repository && adminDirOf(run, repository, worktree),
    commandLine: run.commandLine,
    shell: environment.SHELL || '/bin/sh',
    startUpFiles: (await context.shellProblem()) === null,
    environment,
  })
  return { plan, environment: { ...environment, ...plan.environment } }
}

/** Where git keeps what is the worktree's own. A folder that the person named may be a main checkout, or lie inside one. */
function adminDirOf(run: Run, repository: Repository, worktree: string): string {
  if (!run.inPlace) return readAdminDir(worktree).adminDir
  try {
    return readAdminDir(worktree).adminDir
  } catch {
    return repository.commonDir
  }
}

/** The command line that a request would be started with, for a person to read before it is. Throws `bad-input` for what it cannot take. */
export async function previewLaunch(
  context: Context,
  input: {
    agent: AgentName
    mode?: Mode | undefined
    options?: AgentOptions | undefined
    prompt?: string | undefined
    commandLine?: string | undefined
  },
): Promise<string> {
  const adapter = adapterOf(input.agent)
  const login = await context.environment()
  const shell = login.SHELL || '/bin/sh'
  const plan = adapter.launch({
    file: (await findAgent(adapter, login)) ?? adapter.binaries[0] ?? shell,
    mode: input.mode ?? 'interactive',
    prompt: input.prompt ? { text: input.prompt, file: '…/prompt.txt' } : null,
    options: input.options ?? {},
    resume: null,
    newSessionId: '00000000-0000-4000-8000-000000000000',
    worktree: '/worktree',
    repositoryPath: '/repository',
    commonDir: '/repository/.git',
    adminDir: '/repository/.git/worktrees/run',
    commandLine: input.commandLine ?? '…',
    shell,
    environment: login,
  })
  return plan.shown
}

/** Opens the session of a running attempt and follows it to its end. Used at start and when a host comes back. */
export async function watch(
  context: Context,
  runId: string,
  sessionId: string,
  kind: 'pty' | 'pipe',
  held?: KeeperSession,
): Promise<Session> {
  const run = runOf(context, runId)
  const adapter = adapterOf(run.agent)
  const transcript = kind === 'pipe' ? adapter.transcript?.() : undefined
  const session: Session = openSession({
    keeper: await context.keeper(),
    sessionId,
    kind,
    cols: held?.cols ?? firstSize.cols,
    rows: held?.rows ?? firstSize.rows,
    dark: context.terminals.dark,
    stateDir: sessionDirectory(context, runId, sessionId),
    ...(adapter.readTitle ? { readTitle: adapter.readTitle } : {}),
    ...(transcript ? { transcript } : {}),
    onFacts(facts) {
      context.live.change(runId, {
        activity: facts.activity,
        title: facts.title,
        lastOutputAt: facts.lastOutputAt,
        lastLine: facts.lastLine,
        bell: facts.bell,
        screen: { cols: facts.cols, rows: facts.rows },
      })
    },
    onAgentSession(agentSession) {
      if (runOf(context, runId).agentSession !== agentSession)
        record(context, context.host, { type: 'agent-session-found', runId, agentSession })
    },
    onLost(error) {
      context.log(`session ${sessionId} lost: ${error.message}`)
      void lost(context, runId, sessionId).catch((problem: unknown) =>
        context.log(`lost ${sessionId}: ${String(problem)}`),
      )
    },
    onExit(exit) {
      void settleInTheEnd(context, runId, session, exit)
    },
  })
  context.sessions.set(runId, session)
  await context.terminals.sessionChanged(runId)
  return session
}

/** An end that could not be recorded (a full disk) is recorded later: a run must not seem to go on. */
async function settleInTheEnd(context: Context, runId: string, session: Session, exit: Exit): Promise<void> {
  for (;;) {
    try {
      return await settleAttempt(context, runId, session, exit)
    } catch (error) {
      context.log(`end of ${session.sessionId}: ${String(error)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs).unref())
    if (context.sessions.get(runId) !== session) return
  }
}

/** Milliseconds between two tries to record an end. */
const retryMs = 2_000

/** Records how the running attempt ended, once. A stop that was asked for is a stop, whatever the exit says. */
export async function settleAttempt(
  context: Context,
  runId: string,
  session: Session | null,
  exit: Exit,
): Promise<void> {
  const run = runOf(context, runId)
  const attempt = run.attempts.at(-1)
  if (!attempt || attempt.endedAt !== null || isSettled(run.phase)) return
  // A stop closes the row itself, after it has proven that everything is dead (runs/attempt/stop).
  if (run.phase === 'stopping' && context.busy.has(runId)) return
  const stopped = run.phase === 'stopping'
  await endAttempt(context, context.host, run, {
    phase: stopped ? 'stopped' : 'exited',
    exit,
    stopRequested: stopped,
    session,
  })
  context.observer.soon(runId)
  context.pump()
}

/** A session that nobody saw the end of. Where the keeper is gone, host/host recovers them all; where it lives, this one is closed. */
async function lost(context: Context, runId: string, sessionId: string): Promise<void> {
  const held = (await (await context.keeper()).list()).some((session) => session.sessionId === sessionId)
  const run = runOf(context, runId)
  const attempt = run.attempts.at(-1)
  if (held || attempt?.sessionId !== sessionId || attempt.endedAt !== null || isSettled(run.phase)) return
  const end = { phase: 'interrupted', exit: null, stopRequested: false, session: null } as const
  await endAttempt(context, context.host, run, end)
}

/** Drops what the keeper and the data directory hold of a run: sessions, screens, prompts. Only when it is purged. */
export async function forgetSessions(context: Context, run: Run): Promise<void> {
  const keeper = await context.keeper()
  const ofStages = await recordedSessions(context, run.id)
  for (const sessionId of new Set([
    ...[...run.attempts, ...sidesOf(run)].map(({ sessionId }) => sessionId),
    ...ofStages,
  ]))
    await keeper.forget(sessionId)
  await rm(runDirectory(context.dataDirectory, run.id), { recursive: true, force: true })
}
