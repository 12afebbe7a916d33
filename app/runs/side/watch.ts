// Follows a side session to its end, also after a restart of the host. Its end is recorded once, whoever notices it first: its own
// exit, a person who closes it, a stop of the run, or a recovery that no longer finds it.
import { adapterOf } from '../../agents/adapters.ts'
import type { Keeper, KeeperSession } from '../../keeper/client.ts'
import type { Exit } from '../../model/session.ts'
import { liveSides, sideOf, sidesOf } from '../../model/side-session.ts'
import { openSession } from '../../session/session.ts'
import { type Caller, type Context, record, runOf } from '../context.ts'
import { firstSize, sessionDirectory } from '../terminal.ts'

/** Milliseconds between two tries to record an end. */
const retryMs = 2_000
/** How long the keeper may take to report an exit after the last process has died. */
const exitReportMs = 3_000

/** Opens the session that the keeper holds for a side session of the run, and follows it. */
export async function watchSide(
  context: Context,
  runId: string,
  sessionId: string,
  held?: KeeperSession,
): Promise<void> {
  const side = sidesOf(runOf(context, runId)).find((one) => one.sessionId === sessionId)
  if (!side) throw new Error(`run ${runId} has no side session ${sessionId}`)
  const { readTitle } = adapterOf(side.agent)
  const session = openSession({
    keeper: await context.keeper(),
    sessionId,
    kind: 'pty',
    cols: held?.cols ?? firstSize.cols,
    rows: held?.rows ?? firstSize.rows,
    dark: context.terminals.dark,
    stateDir: sessionDirectory(context, runId, sessionId),
    ...(readTitle ? { readTitle } : {}),
    onExit(exit) {
      void endInTheEnd(context, runId, side.number, exit)
    },
    onLost(error) {
      context.log(`session ${sessionId} lost: ${error.message}`)
      void lost(context, runId, side.number, sessionId).catch((problem: unknown) =>
        context.log(`lost ${sessionId}: ${String(problem)}`),
      )
    },
  })
  context.sides.set(sessionId, session)
  await context.terminals.sessionChanged(runId, sessionId)
}

/** Records the end of a side session, where that was not done, and lets go of its memory: its screen is on disk. */
export async function endSide(
  context: Context,
  caller: Caller,
  runId: string,
  number: number,
  exit: Exit | null,
): Promise<void> {
  const side = sideOf(runOf(context, runId), number)
  if (!side || side.endedAt !== null) return
  record(context, caller, { type: 'side-session-ended', runId, number, exit })
  context.sides.get(side.sessionId)?.close()
  context.sides.delete(side.sessionId)
  await context.terminals.sessionChanged(runId, side.sessionId)
}

/** Tells the run's side sessions that their terminals close, as a terminal's window does: an idle shell does not end by TERM. */
export async function hangUp(keeper: Keeper, sessionIds: readonly string[]): Promise<void> {
  await Promise.all(sessionIds.map((id) => keeper.signal(id, 'SIGHUP').catch(() => {})))
}

/** After every process of the run was proven dead: records the ends of its side sessions. */
export async function endSides(context: Context, caller: Caller, runId: string): Promise<void> {
  for (const { number, sessionId } of liveSides(runOf(context, runId)))
    await endSide(context, caller, runId, number, await exitOf(context, sessionId))
}

/** The exit that the keeper reports of a session whose processes are dead, or null where it does not know. */
export async function exitOf(context: Context, sessionId: string): Promise<Exit | null> {
  const keeper = await context.keeper()
  for (const started = context.now(); context.now() - started < exitReportMs; ) {
    const held = (await keeper.list()).find((session) => session.sessionId === sessionId)
    if (!held) return null
    if (held.exit) return held.exit
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return null
}

/** What became of a run's side sessions while no host looked: attached again, or their end recorded. */
export async function recoverSides(
  context: Context,
  runId: string,
  held: readonly KeeperSession[],
): Promise<{ readonly attached: number; readonly ended: number }> {
  let [attached, ended] = [0, 0]
  for (const { number, sessionId, pid } of liveSides(runOf(context, runId))) {
    if (context.sides.has(sessionId)) continue
    const session = held.find((one) => one.sessionId === sessionId)
    if (!session) {
      await endSide(context, context.host, runId, number, null)
      ended++
      continue
    }
    if (pid === null) record(context, context.host, { type: 'side-session-opened', runId, number, pid: session.pid })
    // Its end, where that came meanwhile, is recorded when its output has been read to the end.
    await watchSide(context, runId, sessionId, session)
    if (session.exit) ended++
    else attached++
  }
  return { attached, ended }
}

/** An end that could not be recorded (a full disk) is recorded later. */
async function endInTheEnd(context: Context, runId: string, number: number, exit: Exit): Promise<void> {
  for (;;) {
    try {
      return await endSide(context, context.host, runId, number, exit)
    } catch (error) {
      context.log(`end of side session ${number} of ${runId}: ${String(error)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs).unref())
  }
}

/** One that nobody saw the end of. Where the keeper is gone, recovery records them all; where it lives, this one is closed. */
async function lost(context: Context, runId: string, number: number, sessionId: string): Promise<void> {
  const held = (await (await context.keeper()).list()).some((session) => session.sessionId === sessionId)
  if (!held) await endSide(context, context.host, runId, number, null)
}
