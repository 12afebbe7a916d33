// Runs: create, start, stop, resume, type into, read.
import { z } from 'zod'
import { RepositoryId, RunId } from '../../model/ids.ts'
import { AgentName, AgentOptions, Mode, maxPromptBytes } from '../../model/run.ts'
import { done, onRun, path, ref, sideNumber, type Verb } from './verb.ts'

export const CreateInput = z.object({
  /** Needed unless the run works in place. */
  repositoryId: RepositoryId.optional(),
  /** A folder to work in as it is, with no worktree and no branch of its own. */
  inPlace: path.optional(),
  agent: AgentName,
  commandLine: z.string().min(1).max(32_768).optional(),
  mode: Mode.default('interactive'),
  options: AgentOptions.default({}),
  /** Capped in bytes by the host too (`prompt-too-long`). */
  prompt: z
    .string()
    .max(maxPromptBytes * 16)
    .optional(),
  title: z.string().max(200).optional(),
  id: z.string().max(200).optional(),
  base: ref.optional(),
  fromBranch: ref.optional(),
  branch: ref.optional(),
  copies: z.number().int().min(1).max(50).default(1),
  setup: z.enum(['run', 'skip', 'ask']).default('ask'),
  /** With "run": the hash of the set-up that was shown. The run asks where it meets another one. */
  setupHash: z.string().max(128).optional(),
  install: z.boolean().default(true),
  /** The hash of the install that was shown and agreed to. The run asks where it meets another one. */
  installHash: z.string().max(128).optional(),
})
export type CreateInput = z.infer<typeof CreateInput>

export const create = { input: CreateInput, output: z.object({ runIds: z.array(RunId) }) } satisfies Verb

export const cancel = { input: onRun, output: done } satisfies Verb

/** Takes a queued run out of turn, above the cap. */
export const startNow = { input: onRun, output: done } satisfies Verb

export const stop = { input: onRun, output: done } satisfies Verb

export const resume = {
  input: onRun.extend({
    prompt: z
      .string()
      .max(maxPromptBytes * 16)
      .optional(),
  }),
  output: done,
} satisfies Verb

export const send = {
  input: onRun.extend({
    text: z.string().max(maxPromptBytes),
    enter: z.boolean().default(true),
    side: sideNumber.optional(),
  }),
  output: done,
} satisfies Verb

export const rename = { input: onRun.extend({ title: z.string().min(1).max(200) }), output: done } satisfies Verb

/** A page of what the run printed: `raw` bytes (base64), or the text of it without control sequences. */
export const logs = {
  reads: true,
  input: onRun.extend({
    raw: z.boolean().default(false),
    attempt: z.number().int().min(1).optional(),
    /** Of a side session instead. */
    side: sideNumber.optional(),
    from: z.number().int().min(0).default(0),
  }),
  output: z.object({ data: z.string(), next: z.number(), firstByte: z.number(), ended: z.boolean() }),
} satisfies Verb

export const measure = { input: onRun, output: done } satisfies Verb
