// Review of what a run did.
import { z } from 'zod'
import { done, onRun, type Verb } from './verb.ts'

export const markReviewed = { input: onRun.extend({ reviewed: z.boolean() }), output: done } satisfies Verb
