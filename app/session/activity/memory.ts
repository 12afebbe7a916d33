// Reads an activity's memory from a checkpoint. If it is broken or from another version it is ignored, and nothing is claimed.
import { z } from 'zod'
import { Activity, ActivityState } from '../../model/session.ts'
import type { ActivityMemory } from './activity.ts'

const Statement = z.object({
  state: ActivityState,
  kind: Activity.shape.kind,
  message: z.string().optional(),
  since: z.number(),
  at: z.number(),
})

const Memory = z.object({
  startedAt: z.number(),
  said: z.object({
    hook: Statement.optional(),
    event: Statement.optional(),
    osc7501: Statement.optional(),
    title: Statement.optional(),
  }),
  bell: z.object({ at: z.number(), message: z.string().optional() }).nullable(),
  inputAt: z.number(),
  workAt: z.number(),
  burstAt: z.number(),
  endedAt: z.number().nullable(),
})

export function parseMemory(value: unknown): ActivityMemory | null {
  const parsed = Memory.safeParse(value)
  return parsed.success ? (parsed.data as ActivityMemory) : null
}
