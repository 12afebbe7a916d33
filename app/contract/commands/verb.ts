// What a verb is, and the small shapes that several verbs take or return. It knows no handler and no client.
import { z } from 'zod'
import { RunId } from '../../model/ids.ts'

export interface Verb {
  readonly input: z.ZodType
  readonly output: z.ZodType
  /**
   * It only reads: asking again reads again, its answer is never written down, and it ends when its client goes. Without this a
   * verb counts as one that changes something: it happens once however often it is asked, and goes on without its client.
   */
  readonly reads?: true
  /** It acts anew each time it is asked, and its answer is never written down: it carries a secret, or is true of one moment only. */
  readonly unsaved?: true
}

export const path = z
  .string()
  .min(1)
  .max(4096)
  .refine((value) => !value.includes('\0'), 'must not contain a NUL character')
export const ref = z.string().min(1).max(1024)
export const nothing = z.object({})
export const done = z.object({})
export const onRun = z.object({ runId: RunId })
/** A session beside a run's agent. */
export const sideNumber = z.number().int().min(1)
