// Which screen a run shows: that of its open session, or the recording of its last one, or an empty one. Viewers stay attached to
// the run while its sessions change (set-up, install, attempt 1, attempt 2 …).
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { adapterOf } from '../agents/adapters.ts'
import { terminalSize } from '../contract/wire.ts'
import { fail } from '../model/failure.ts'
import type { Run } from '../model/run.ts'
import { isSideSessionId, sidesOf } from '../model/side-session.ts'
import { openRecorded, type RecordedScreen, type Session, type Viewer, type ViewerHandle } from '../session/session.ts'
import { type Context, runOf } from './context.ts'
import { runDirectory } from './prompt-file.ts'

export interface TerminalHandle {
  input(bytes: Uint8Array): void
  resize(cols: number, rows: number): void
  ack(bytes: number): void
  detach(): void
}

/** A new session's screen: what a tile of the 3 × 3 grid shows whole at 11 px. Focus or maximise gives it the view's own size. */
export const firstSize = { cols: 80, rows: 24 } as const

interface Place {
  readonly viewer: Viewer
  handle: ViewerHandle | null
}

/** Viewers by run, and by side session. One table per host. */
export interface Terminals {
  /** The run's own terminal, or that of one of its side sessions. */
  attach(runId: string, viewer: Viewer, sessionId?: string): Promise<TerminalHandle>
  /** How the last client that said so paints terminals: what a new session's program is told. */
  readonly dark: boolean
  /** Tells the viewers of a run, or of a side session, that what they look at has changed: each gets the new screen. */
  sessionChanged(runId: string, sessionId?: string): Promise<void>
}

/** Where a session keeps its checkpoint and transcript. */
export const sessionDirectory = (context: Pick<Context, 'dataDirectory'>, runId: string, sessionId: string): string =>
  join(runDirectory(context.dataDirectory, runId), 'sessions', sessionId)

/** The table of viewers over a context's sessions. */
export function createTerminals(context: () => Context): Terminals {
  const places = new Map<string, Set<Place>>()
  let dark = true

  // No run id holds a colon.
  const keyOf = (runId: string, sessionId: string | undefined) =>
    sessionId === undefined ? runId : `${runId}:${sessionId}`

  const openOf = (runId: string, sessionId: string | undefined): Session | undefined =>
    sessionId === undefined ? context().sessions.get(runId) : context().sides.get(sessionId)

  async function show(
    runId: string,
    sessionId: string | undefined,
    place: Place,
    reason: 'attach' | 'session',
  ): Promise<void> {
    place.handle?.detach()
    place.handle = null
    const screen =
      sessionId === undefined ? await screenOf(context(), runId) : await sideScreenOf(context(), runId, sessionId)
    if (!places.get(keyOf(runId, sessionId))?.has(place)) return
    if (screen) place.handle = screen.attach(place.viewer, reason)
    else showNothing(place.viewer)
  }

  return {
    get dark() {
      return dark
    },
    async attach(runId, viewer, sessionId) {
      const run = runOf(context(), runId)
      if (sessionId !== undefined && !sidesOf(run).some((side) => side.sessionId === sessionId))
        throw fail('not-found', { what: 'side session', id: sessionId })
      if (viewer.dark !== undefined && viewer.dark !== dark) {
        dark = viewer.dark
        for (const session of [...context().sessions.values(), ...context().sides.values()]) session.setDark(dark)
      }
      const key = keyOf(runId, sessionId)
      const place: Place = { viewer, handle: null }
      const here = places.get(key) ?? new Set()
      places.set(key, here.add(place))
      await show(runId, sessionId, place, 'attach')
      return {
        input: (bytes) => openOf(runId, sessionId)?.write(bytes),
        resize(cols, rows) {
          const { minCols, minRows, maxCols, maxRows } = terminalSize
          openOf(runId, sessionId)?.resize(clamp(cols, minCols, maxCols), clamp(rows, minRows, maxRows))
        },
        ack: (bytes) => place.handle?.ack(bytes),
        detach() {
          here.delete(place)
          if (here.size === 0) places.delete(key)
          place.handle?.detach()
          place.handle = null
        },
      }
    },
    async sessionChanged(runId, sessionId) {
      for (const place of places.get(keyOf(runId, sessionId)) ?? []) await show(runId, sessionId, place, 'session')
    },
  }
}

/** The screen that a run shows now, or null where nothing was ever started. */
export async function screenOf(context: Context, runId: string): Promise<Session | RecordedScreen | null> {
  const open = context.sessions.get(runId)
  if (open) return open
  for (const sessionId of await recordedSessions(context, runId)) {
    if (isSideSessionId(runId, sessionId)) continue
    const recorded = await recordedScreen(context, runId, sessionId)
    if (recorded) return recorded
  }
  return null
}

/** The screen of a side session: as it is, or as it was left. */
async function sideScreenOf(
  context: Context,
  runId: string,
  sessionId: string,
): Promise<Session | RecordedScreen | null> {
  return context.sides.get(sessionId) ?? recordedScreen(context, runId, sessionId)
}

function recordedScreen(context: Context, runId: string, sessionId: string): Promise<RecordedScreen | null> {
  return openRecorded({
    dataDir: context.dataDirectory,
    sessionId,
    ...firstSize,
    stateDir: sessionDirectory(context, runId, sessionId),
    ...recordedKind(runOf(context, runId), sessionId),
  }).catch(() => null)
}

/** A headless attempt left events, which its agent's reader turns into a transcript; all else left a screen. */
function recordedKind(run: Run, sessionId: string) {
  const headless = run.mode === 'headless' && run.attempts.some((attempt) => attempt.sessionId === sessionId)
  const transcript = headless ? adapterOf(run.agent).transcript?.() : undefined
  return transcript ? { kind: 'pipe' as const, transcript } : {}
}

/** The run's sessions that left something on disk, side sessions among them, the newest first. */
export async function recordedSessions(context: Context, runId: string): Promise<string[]> {
  const folder = join(runDirectory(context.dataDirectory, runId), 'sessions')
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const dated = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })))
  return dated.sort((a, b) => b.at - a.at).map(({ name }) => name)
}

function showNothing(viewer: Viewer): void {
  viewer.start({ ...firstSize, reason: 'attach', live: false, dropped: 0, sessionId: '' })
  viewer.screenEnd()
  viewer.ended()
}

const clamp = (value: number, min: number, max: number) => Math.min(max, Math.max(min, Math.floor(value)))
