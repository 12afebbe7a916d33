// What an agent's adapter reads from one event of a headless agent, or from its terminal's title, in terms that all agents share:
// lines for a person to read, and evidence of what the agent is doing. Pure types, made by agents/*, shown by session/transcript
// and folded by session/activity. The texts are the agent's own and hostile: whoever shows them strips their control characters.
import type { Activity, ActivityState } from './session.ts'

export type TranscriptRole = 'agent' | 'user' | 'tool' | 'result' | 'note' | 'error' | 'verdict'

/** One entry of a readable transcript. */
export interface TranscriptLine {
  readonly role: TranscriptRole
  /** What was said, or a tool's name. May hold several lines. */
  readonly text: string
  /** A tool's input or a result's beginning, made short by whoever shows it. */
  readonly detail?: string
}

/** What an agent says about itself. The time and the source are added by whoever received it. */
export interface AgentEvidence {
  readonly state: ActivityState
  /** What a waiting agent waits for. */
  readonly kind?: Activity['kind']
  /** The agent's own words. */
  readonly message?: string
}

/** What one event of a headless agent means. An event that says nothing to a person has no lines. */
export interface TranscriptReading {
  readonly lines: readonly TranscriptLine[]
  readonly activity?: AgentEvidence
  /** The agent's own session id, where the event holds it: what its resume needs. */
  readonly sessionId?: string
}

/** What a headless agent's events said, folded into the few facts that a verdict needs. */
export interface EventSummary {
  /** How many events were understood. */
  readonly events: number
  readonly sessionId: string | null
  /** What the last final event said, in the agent's words; null where none came. */
  readonly verdict: {
    readonly result: 'succeeded' | 'failed' | 'limit' | 'interrupted'
    readonly reason: string
  } | null
  /** Tools that were asked for and not given. */
  readonly denials: readonly string[]
  /** As the agent reported it; null where it does not say. */
  readonly costUsd: number | null
  readonly turns: number | null
  /** The last error on the way, which need not have been the end. */
  readonly lastError: string | null
}

/** Reads a headless agent's events in order; may remember earlier ones, so one is made for each attempt. */
export interface TranscriptReader {
  /** `line` is one parsed JSON value of the agent's standard output, of any shape. Never throws. */
  read(line: unknown): TranscriptReading
  /** What an ending is judged by. A reader that is fed again from the first event comes to the same. */
  summary?(): EventSummary
}

/** Reads a terminal's title; null where it proves nothing. */
export type TitleReader = (title: string) => AgentEvidence | null
