// The fold behind every adapter's transcript reader. It keeps the summary that an ending is judged by, and makes sure that whatever
// an agent prints costs no more than a line. The adapters only say what an event means.
import type {
  AgentEvidence,
  EventSummary,
  TranscriptLine,
  TranscriptReading,
  TranscriptRole,
} from '../model/transcript.ts'
import type { AgentReader } from './adapter.ts'
import { brief, cut, text as textIn } from './json.ts'

/** What one event means, as an adapter reads it: what to show, and what to remember for the verdict. */
export interface EventReading {
  readonly lines?: readonly TranscriptLine[]
  readonly activity?: AgentEvidence
  readonly sessionId?: string | undefined
  readonly verdict?: EventSummary['verdict']
  readonly denied?: readonly (string | undefined)[]
  /** Absolute, as the agent reports it so far. */
  readonly costUsd?: number | undefined
  readonly turns?: number | undefined
  readonly error?: string | undefined
}

/** More denials than this are not told apart: a summary stays small whatever the agent does. */
const maxDenials = 100

/** A reader around `read`, which is given each event and what is known so far; null means that it is not the agent's event. */
export function readerOf(read: (event: unknown, known: EventSummary) => EventReading | null): AgentReader {
  let known: EventSummary = nothingRead
  return {
    read(event): TranscriptReading {
      const reading = attempt(() => read(event, known))
      if (!reading) return unknownEvent(event)
      const { lines = [], activity, sessionId } = reading
      known = fold(known, reading)
      return { lines, ...(activity ? { activity } : {}), ...(sessionId ? { sessionId } : {}) }
    },
    summary: () => known,
  }
}

export const nothingRead: EventSummary = {
  events: 0,
  sessionId: null,
  verdict: null,
  denials: [],
  costUsd: null,
  turns: null,
  lastError: null,
}

/** One line of a transcript; the detail is left out where it is empty. */
export function line(role: TranscriptRole, text: string, detail = ''): TranscriptLine {
  return detail === '' ? { role, text: cut(text) } : { role, text: cut(text), detail: cut(detail) }
}

/** The one field of a tool's input that tells a person most, or all of it as JSON. */
export function inputOf(input: unknown): string {
  for (const name of ['command', 'file_path', 'path', 'filePath', 'pattern', 'query', 'url', 'prompt', 'description']) {
    const value = textIn(input, name)
    if (value) return value
  }
  return brief(input)
}

export const dollars = (amount: number): string => `$${amount.toFixed(amount < 1 ? 4 : 2)}`

function fold(known: EventSummary, reading: EventReading): EventSummary {
  const denied = (reading.denied ?? []).filter((tool): tool is string => tool !== undefined)
  return {
    events: known.events + 1,
    sessionId: reading.sessionId ?? known.sessionId,
    verdict: reading.verdict === undefined ? known.verdict : reading.verdict,
    denials: denied.length === 0 ? known.denials : [...new Set([...known.denials, ...denied])].slice(0, maxDenials),
    costUsd: reading.costUsd ?? known.costUsd,
    turns: reading.turns ?? known.turns,
    lastError: reading.error ?? known.lastError,
  }
}

/** A line that is no JSON, or JSON of another program (an agent's child may print to its stdout): shown as it is. */
function unknownEvent(event: unknown): TranscriptReading {
  const shown = brief(event, 2000)
  return { lines: shown === '' ? [] : [line('note', shown)] }
}

function attempt<T>(work: () => T | null): T | null {
  try {
    return work()
  } catch {
    // An event of a shape that nobody foresaw is shown as it came.
    return null
  }
}
