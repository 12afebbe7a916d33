// What a live session is doing, as far as anyone can prove: a state, how it is known, and how old that knowledge is. Derived from
// evidence in the host and never stored; "unknown" is an answer.
import { z } from 'zod'
import type { Run, SideSession } from './run.ts'

export const ActivityState = z.enum(['working', 'waiting', 'idle', 'unknown'])
export type ActivityState = z.infer<typeof ActivityState>

/** Where a statement about a session comes from, strongest first. */
export const ActivitySource = z.enum([
  'hook',
  'event',
  'osc7501',
  'title',
  'bell',
  'input',
  'output',
  'process',
  'none',
])
export type ActivitySource = z.infer<typeof ActivitySource>

export const Activity = z.object({
  state: ActivityState,
  /** What a waiting agent waits for. */
  kind: z.enum(['permission', 'question', 'plan', 'limit']).optional(),
  /** The agent's own words, capped at 500 characters and stripped of control characters. */
  message: z.string().optional(),
  source: ActivitySource,
  /** Since when it is in this state, and when that was last proven: milliseconds since 1970. */
  since: z.number(),
  provenAt: z.number(),
})
export type Activity = z.infer<typeof Activity>

export const Exit = z.object({ code: z.number().nullable(), signal: z.string().nullable() })
export type Exit = z.infer<typeof Exit>

/** How an attempt ended, judged by the agent's last events and its exit together (never by the exit code alone). */
export const Outcome = z.object({
  result: z.enum(['succeeded', 'failed', 'denied', 'limit', 'interrupted', 'unknown']),
  /** One line for a person: "Reached maximum number of turns (3)". */
  reason: z.string(),
  costUsd: z.number().optional(),
  turns: z.number().optional(),
  /** Tools the agent asked for and did not get. */
  denials: z.array(z.string()).optional(),
})
export type Outcome = z.infer<typeof Outcome>

// Which of a run's side sessions count for what.

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
