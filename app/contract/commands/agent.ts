// Kinds of agents: which ones this machine has, and the exact command line that a run would start.
import { z } from 'zod'
import { AgentName, AgentOptions, Mode } from '../../model/run.ts'
import { CreateInput } from './run.ts'
import type { Verb } from './verb.ts'

export const DetectedAgent = z.object({
  name: AgentName,
  /** "Claude Code". */
  label: z.string(),
  /** Two letters for the tile: "cl". */
  mark: z.string(),
  found: z.string().nullable(),
  version: z.string().nullable(),
  modes: z.array(Mode),
  options: z.array(AgentOptions.keyof()),
  permissionModes: z.array(z.string()),
  /** What is missing and how to get it; null where nothing is. */
  problem: z.string().nullable(),
  install: z.string().nullable(),
})
export type DetectedAgent = z.infer<typeof DetectedAgent>

export const list = {
  reads: true,
  input: z.object({ refresh: z.boolean().default(false) }),
  output: z.object({ agents: z.array(DetectedAgent) }),
} satisfies Verb

/** The exact command line that a run would be started with, shown before it is. */
export const preview = {
  reads: true,
  input: CreateInput.pick({ agent: true, commandLine: true, mode: true, options: true, prompt: true }).partial({
    mode: true,
    options: true,
  }),
  output: z.object({ commandLine: z.string(), problem: z.string().nullable() }),
} satisfies Verb
