// Publishing what a run did: push its branch, open its pull request.
import { z } from 'zod'
import { onRun, type Verb } from './verb.ts'

/** Commits everything that is not ignored. `amend` replaces the last commit, which no remote may have. */
export const commit = {
  input: onRun.extend({ message: z.string().trim().min(1).max(20_000), amend: z.boolean().default(false) }),
  output: z.object({ sha: z.string(), files: z.number() }),
} satisfies Verb

export const push = {
  input: onRun,
  output: z.object({ remote: z.string(), ref: z.string(), sha: z.string(), already: z.boolean() }),
} satisfies Verb

/** `opened`: gh made it. Otherwise `url` is the forge's compare page, filled in, for the person to open. */
export const pullRequest = { input: onRun, output: z.object({ url: z.string(), opened: z.boolean() }) } satisfies Verb
