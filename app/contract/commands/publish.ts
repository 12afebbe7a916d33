// Publishing what a run did: push its branch, open its pull request.
import { z } from 'zod'
import { onRun, type Verb } from './verb.ts'

export const push = {
  input: onRun,
  output: z.object({ remote: z.string(), ref: z.string(), sha: z.string(), already: z.boolean() }),
} satisfies Verb

/** `opened`: gh made it. Otherwise `url` is the forge's compare page, filled in, for the person to open. */
export const pullRequest = { input: onRun, output: z.object({ url: z.string(), opened: z.boolean() }) } satisfies Verb
