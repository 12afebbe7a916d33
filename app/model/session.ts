// What a live session is doing, as far as anyone can prove: a state, how it is known, and how old that knowledge is. Derived from
// evidence in the host and never stored; "unknown" is an answer.
import { z } from 'zod'

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
