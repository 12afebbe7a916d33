// The composition root. It builds the context that every verb of runs/ gets, recovers what a crash left, and gives the serving half
// its handlers, its live facts and its terminals. The only file that knows all rooms.
import { uptime } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stopMeasuring } from '../disk/measure.ts'
import { connectKeeper, type Keeper } from '../keeper/client.ts'
import { failureOf } from '../model/failure.ts'
import { isLive, type Run } from '../model/run.ts'
import { liveSides } from '../model/side-session.ts'
import { ageText, counted } from '../model/text/units.ts'
import { findOnPath, gitMark, loginEnvironment } from '../process/environment.ts'
import { stopRun } from '../runs/attempt/stop.ts'
import { type Context, cutOff } from '../runs/context.ts'
import { createLiveTable } from '../runs/live.ts'
import { createObserver } from '../runs/observe.ts'
import { createSeenProcesses } from '../runs/processes/own-processes.ts'
import { createPump } from '../runs/queue.ts'
import { createRecovery } from '../runs/recovery/recover.ts'
import { createComparisons } from '../runs/review/comparisons.ts'
import { createTerminals } from '../runs/terminal.ts'
import { openDeadlines } from '../runs/trash/deadlines.ts'
import { createRetention } from '../runs/trash/trash.ts'
import { openPromptHistory } from '../store/prompt-history.ts'
import { openReviewMarks } from '../store/review-marks.ts'
import { createHandlers } from './handlers.ts'
import { keeperFailure, withFailures } from './keeper-failure.ts'
import type { CreateHost } from './room.ts'

/** Builds the host over an open journal and puts right what a crash left before it answers anyone. */
export const createHost: CreateHost = async (options) => {
  const { journal, log } = options
  const dataDirectory = options.dataDir.path
  const live = createLiveTable()
  let keeper: Promise<Keeper> | null = null
  let keeperPid: number | null = null
  let closing = false

  const environment = async () => (await loginEnvironment()).environment
  const shellProblem = async () => (await loginEnvironment()).problem ?? null
  // Said once: without it agents may be looked for on the wrong PATH.
  void loginEnvironment().then(({ problem }) => problem && log.info(`login shell: ${problem}`))
  const context: Context = {
    dataDirectory,
    journal,
    live,
    host: { actor: { user: options.user, via: 'host' }, commandId: null, inputHash: null },
    keeper() {
      keeper ??= openKeeper().catch((error: unknown) => {
        keeper = null
        throw error
      })
      return keeper
    },
    async git(repository) {
      const login = await environment()
      const file = (await findOnPath('git', login)) ?? 'git'
      const marked = { ...login, COPPICE_MARK: gitMark(dataDirectory, process.pid) }
      return {
        file,
        environment: marked,
        trusted: repository?.trusted ?? false,
        scratchDirectory: dataDirectory,
        ...(gitTimeoutMs > 0 ? { timeoutMs: gitTimeoutMs } : {}),
      }
    },
    environment,
    shellProblem,
    sessions: new Map(),
    sides: new Map(),
    terminals: createTerminals(() => context),
    observer: createObserver(() => context),
    seenProcesses: createSeenProcesses(),
    creating: new Map(),
    busy: new Map(),
    endable: new Map(),
    pump: createPump(() => context),
    now: () => Date.now(),
    deadlines: openDeadlines({
      path: options.dataDir.deadlines,
      wall: () => Date.now(),
      mono: () => performance.now(),
      boot: () => uptime() * 1000,
      onJump(byMs) {
        const text = `The clock of this machine jumped ${byMs < 0 ? 'back' : 'ahead'} by ${ageText(Math.abs(byMs))}.`
        log.warn(text)
        options.notify({
          level: 'warning',
          text: `${text} Nothing is deleted because of its age for the next hour.`,
          next: null,
        })
      },
    }),
    prompts: openPromptHistory(options.dataDir.prompts),
    reviewMarks: openReviewMarks(options.dataDir.runs, (text) => log.warn(text)),
    comparisons: createComparisons(),
    notify: (notice) => options.notify(notice),
    log: (text) => log.info(text),
  }
  const recovery = createRecovery(context)
  const retention = createRetention(context)

  async function openKeeper(): Promise<Keeper> {
    const beside = import.meta.url.endsWith('.ts') ? '../keeper/main.ts' : './keeper.mjs'
    const opened = await connectKeeper({
      dataDir: dataDirectory,
      startWith: {
        node: process.execPath,
        script: fileURLToPath(new URL(beside, import.meta.url)),
        env: definedOf(process.env),
      },
      clientVersion: options.version,
    }).catch((error: unknown) => {
      throw keeperFailure(error, dataDirectory)
    })
    keeperPid = opened.pid
    opened.onClosed(() => {
      keeper = null
      keeperPid = null
      if (!closing) void keeperLost()
    })
    return withFailures(opened, dataDirectory)
  }

  /** The keeper and every session with it are gone: what they were doing is recorded, and a fresh keeper serves what comes. */
  async function keeperLost(): Promise<void> {
    log.warn('the keeper closed its connection')
    for (const [runId, session] of [...context.sessions]) {
      session.close()
      context.sessions.delete(runId)
      live.change(runId, { activity: null })
    }
    for (const session of context.sides.values()) session.close()
    context.sides.clear()
    const report = await recovery.recover()
    const lost = report.filter((item) => item.kind === 'interrupted').length
    if (lost > 0)
      options.notify({
        level: 'warning',
        text: `The process that holds the terminals ended. ${counted(lost, 'run was', 'runs were')} interrupted; their screens are kept.`,
        next: 'Resume them',
      })
  }

  const report = await recovery.recover()
  for (const item of report) log.info(`recovered: ${item.what}: ${item.result}${item.reason ? `, ${item.reason}` : ''}`)
  const owners = [context.observer, retention, recovery]
  for (const owner of owners) owner.start()

  return {
    handlers: createHandlers(context),
    live: () => live.all(),
    onLive: (listener) => live.onChange(listener),
    attach: (runId, viewer, sessionId) => context.terminals.attach(runId, viewer, sessionId),
    activity: () => ({
      liveRuns: Object.values(journal.state.runs).filter(isAtWork).length,
      keeperPid,
    }),
    async stopAll(caller) {
      const all = Object.values(journal.state.runs).filter(isAtWork)
      const results = await Promise.allSettled(all.map((run) => stopRun(context, caller, { runId: run.id })))
      for (const result of results) {
        if (result.status === 'rejected' && failureOf(result.reason).code !== 'not-running') throw result.reason
      }
      // A create is only asked to end; what it had made is being taken back.
      for (const until = performance.now() + undoneMs; context.creating.size > 0 && performance.now() < until; )
        await delay(50)
    },
    async close() {
      closing = true
      for (const owner of owners) owner.close()
      for (const controller of context.creating.values()) controller.abort()
      for (const runId of context.endable.keys()) cutOff(context, runId)
      // What is not done by then is in the journal as an intent, and the next host finishes it.
      await Promise.race([Promise.allSettled([...context.busy.values()]), delay(closingMs, undefined, { ref: false })])
      for (const session of [...context.sessions.values(), ...context.sides.values()]) session.close()
      const held = keeper ? await (keeper as Promise<Keeper>).catch(() => null) : null
      held?.close()
      await stopMeasuring()
    },
  }
}

// What a stop of everything waits for besides agents: a verb in the middle of its work, and creates that are being undone.
const closingMs = 3_000
const undoneMs = 5_000

/** Something of it goes on, or is about to: the host stays for it, and a stop of everything stops it too. */
const isAtWork = (run: Run): boolean => isLive(run.phase) || run.phase === 'queued' || liveSides(run).length > 0

// For a slow network disk, or a test that will not wait: milliseconds for each git command without a time of its own.
const gitTimeoutMs = Number(process.env.COPPICE_GIT_TIMEOUT_MS) || 0

function definedOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}
