// The host itself: what it is, ending it, its port for browsers, its windows, its settings.
import { z } from 'zod'
import { SettingsChange } from '../../model/settings.ts'
import { done, nothing, path, type Verb } from './verb.ts'

export const HostStatus = z.object({
  pid: z.number(),
  keeperPid: z.number().nullable(),
  version: z.string(),
  /** Live runs: those with a session, or on their way to one. */
  runs: z.number(),
  protocol: z.number(),
  dataDirectory: z.string(),
  startedAt: z.number(),
  /** http://127.0.0.1:PORT where a browser may connect, null where no port is open. */
  address: z.string().nullable(),
})
export type HostStatus = z.infer<typeof HostStatus>

export const Finding = z.object({
  subject: z.string(),
  result: z.enum(['ok', 'warning', 'problem', 'unknown']),
  text: z.string(),
  next: z.string().nullable(),
})
export type Finding = z.infer<typeof Finding>

export const status = { reads: true, input: nothing, output: HostStatus } satisfies Verb

export const stop = {
  unsaved: true,
  input: z.object({ agents: z.enum(['keep', 'stop', 'refuse']) }),
  output: done,
} satisfies Verb

export const doctor = { reads: true, input: nothing, output: z.object({ findings: z.array(Finding) }) } satisfies Verb

/** Opens the loopback port for browsers; the address carries a token in its fragment that is good once. */
export const serve = {
  unsaved: true,
  input: z.object({ port: z.number().int().min(0).max(65_535).default(0) }),
  output: z.object({ address: z.string(), url: z.string() }),
} satisfies Verb

export const focus = {
  unsaved: true,
  input: z.object({ path: path.optional() }),
  output: z.object({ windows: z.number() }),
} satisfies Verb

export const changeSettings = { input: z.object({ change: SettingsChange }), output: done } satisfies Verb
