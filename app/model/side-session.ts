// Which of a run's side sessions count for what, and what they are called. Pure.
import type { Run, SideSession } from './run.ts'

/** A run holds no more than this many live side sessions at once: beyond it, something opens them in a loop. */
export const maxLiveSides = 16

/** All of them, the closed ones too, in the order in which they were opened. */
export const sidesOf = (run: Run): readonly SideSession[] => run.sides ?? []

/** Those whose program has not ended, as far as anyone knows. */
export const liveSides = (run: Run): readonly SideSession[] => sidesOf(run).filter((side) => side.endedAt === null)

/** Those that have a tab: the live ones, and the ended ones until a person puts them away. A shell that was left with `exit` has none. */
export const shownSides = (run: Run): readonly SideSession[] =>
  sidesOf(run).filter(
    (side) => side.endedAt === null || (!side.closed && !(side.kind === 'shell' && side.exit?.code === 0)),
  )

/** The side session of that number, or undefined. */
export const sideOf = (run: Run, number: number): SideSession | undefined =>
  sidesOf(run).find((side) => side.number === number)

/** The id of a run's n-th side session: no attempt and no stage is ever called so. */
export const sideSessionId = (runId: string, number: number): string => `${runId}.side-${number}`

/** True for the id of one of this run's side sessions, whether or not the run knows it. */
export const isSideSessionId = (runId: string, sessionId: string): boolean =>
  sessionId.startsWith(`${runId}.side-`) && /^\d+$/.test(sessionId.slice(runId.length + '.side-'.length))
