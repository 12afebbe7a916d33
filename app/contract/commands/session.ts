// Side sessions: beside a run's agent, in its worktree and with its environment.
import { z } from 'zod'
import { SessionId } from '../../model/ids.ts'
import { AgentName, SideKind } from '../../model/run.ts'
import { done, onRun, sideNumber, type Verb } from './verb.ts'

/**
 * Opens one. `shell`: the person's own; `command`: a command line, run by it; `agent`: one more agent. The run must be running, or
 * settled with its worktree there.
 */
export const open = {
  input: onRun.extend({
    kind: SideKind,
    commandLine: z.string().min(1).max(32_768).optional(),
    agent: AgentName.optional(),
    title: z.string().min(1).max(200).optional(),
  }),
  output: z.object({ sessionId: SessionId, number: z.number() }),
} satisfies Verb

/** Ends one and everything that it started, and puts its tab away; one that has ended is only put away. */
export const close = { input: onRun.extend({ number: sideNumber }), output: done } satisfies Verb
