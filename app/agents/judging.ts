// How an ending is judged: by the agent's last report and its exit together, and by whether we ended it. Never by the exit code
// alone: Claude Code exits with 0 when it was interrupted or denied, Gemini with 144 for an HTTP 400. If things do not fit
// together, the result is "unknown", which is an answer.
import type { Exit, Outcome } from '../model/session.ts'
import { lastLineOf } from '../model/text/text.ts'
import type { EventSummary } from '../model/transcript.ts'
import type { Ending } from './adapter.ts'

/** Exit codes by which a program says that a signal ended it: 128 + HUP, INT, KILL, TERM. Not for every agent (see Gemini). */
export const signalCodes: Readonly<Record<number, string>> = {
  129: 'SIGHUP',
  130: 'SIGINT',
  137: 'SIGKILL',
  143: 'SIGTERM',
}

export interface HeadlessRules {
  /** What an exit code means for this agent where its events gave no verdict. */
  readonly codes?: Readonly<Record<number, { readonly result: Outcome['result']; readonly reason: string }>>
  /** False where 129, 130, 137 and 143 are something else. */
  readonly signalCodes?: boolean
}

/** The outcome of an agent that reports events. */
export function judgeHeadless(ending: Ending, rules: HeadlessRules = {}): Outcome {
  const events = ending.lastEvents ?? silent
  const facts = {
    ...(events.costUsd === null ? {} : { costUsd: events.costUsd }),
    ...(events.turns === null ? {} : { turns: events.turns }),
    ...(events.denials.length === 0 ? {} : { denials: [...events.denials] }),
  }
  return { ...verdictOf(ending, events, rules), ...facts }
}

/** The outcome of a terminal session, where the only word of its own is how it exited. `code0` says what a plain exit proves. */
export function judgeTerminal(ending: Ending, code0: Pick<Outcome, 'result' | 'reason'>): Outcome {
  if (ending.stopRequested) return stopped
  const { exit } = ending
  if (!exit) return unseen
  const signal = signalOf(exit, true)
  if (signal) return { result: 'interrupted', reason: `Ended by ${signal}` }
  if (exit.code === 0) return code0
  return { result: 'failed', reason: withReason(`Exited with code ${exit.code}`, lastLineOf(ending.stderrTail)) }
}

/** What closing a TUI proves about the work that was done in it: nothing. */
export const closedByHand: Pick<Outcome, 'result' | 'reason'> = {
  result: 'unknown',
  reason: 'The agent was closed; an interactive session reports no result',
}

const stopped: Outcome = { result: 'interrupted', reason: 'Stopped' }
const unseen: Outcome = { result: 'unknown', reason: 'How it ended is unknown' }

function verdictOf(
  ending: Ending,
  events: Pick<EventSummary, 'verdict' | 'denials' | 'lastError'>,
  rules: HeadlessRules,
): Outcome {
  if (ending.stopRequested) return stopped
  const { exit } = ending
  if (!exit) return unseen
  const { verdict } = events
  const signal = signalOf(exit, rules.signalCodes ?? true)
  if (!verdict) {
    if (signal) return { result: 'interrupted', reason: `Ended by ${signal} before it gave a result` }
    const known = exit.code === null ? undefined : rules.codes?.[exit.code]
    const said = events.lastError ?? lastLineOf(ending.stderrTail)
    if (known) return { result: known.result, reason: withReason(known.reason, said) }
    if (exit.code === 0 && events.denials.length > 0) return denied(events.denials)
    if (exit.code === 0) return { result: 'unknown', reason: 'It ended without a result' }
    return { result: 'failed', reason: said || `Exited with code ${exit.code} and gave no result` }
  }
  if (verdict.result !== 'succeeded') return verdict
  if (exit.signal) return { result: 'unknown', reason: `It reported success, then ${exit.signal} ended it` }
  if (exit.code !== 0) return { result: 'unknown', reason: `It reported success, then exited with code ${exit.code}` }
  if (events.denials.length > 0) return denied(events.denials)
  return verdict
}

function signalOf(exit: Exit, codesCount: boolean): string | null {
  if (exit.signal) return exit.signal
  return (codesCount && exit.code !== null && signalCodes[exit.code]) || null
}

const denied = (tools: readonly string[]): Outcome => ({
  result: 'denied',
  reason: `Was not allowed to use ${tools.join(', ')}`,
})

const withReason = (said: string, why: string): string => (why === '' ? said : `${said}: ${why}`)

const silent = { verdict: null, denials: [], lastError: null, costUsd: null, turns: null }
