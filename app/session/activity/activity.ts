// What a session is doing, folded from evidence: what its agent says about itself (hooks, events, OSC 7501, its title), a bell,
// output and its age, what the person typed, the process. Pure: no clock, no terminal. The strongest evidence that is still valid
// decides. What nothing proves is "unknown", and output older than 5 s never counts as working.
import type { Activity, ActivitySource } from '../../model/session.ts'
import type { AgentEvidence } from '../../model/transcript.ts'
import type { ProgramStatus } from './signals.ts'

/** Sources that state something, strongest first (the order of ActivitySource). */
const speakers = ['hook', 'event', 'osc7501', 'title'] as const
type Speaker = (typeof speakers)[number]

/** Times are milliseconds since 1970. `says: null` takes back what that source said. */
export type Evidence =
  | { readonly kind: Speaker; readonly at: number; readonly says: AgentEvidence | null }
  | { readonly kind: 'bell'; readonly at: number; readonly message?: string }
  | { readonly kind: 'output'; readonly at: number }
  /** `answers`: it may answer what an agent waits for; moving the selection or the mouse does not. */
  | { readonly kind: 'input'; readonly at: number; readonly answers: boolean }
  | { readonly kind: 'process'; readonly at: number; readonly alive: boolean }

interface Statement extends AgentEvidence {
  readonly since: number
  readonly at: number
}

/** Plain data, kept with the screen's checkpoint. */
export interface ActivityMemory {
  readonly startedAt: number
  readonly said: Partial<Readonly<Record<Speaker, Statement>>>
  readonly bell: { readonly at: number; readonly message?: string } | null
  readonly inputAt: number
  /** Output that was no mere echo of input, and when the burst it belongs to began. */
  readonly workAt: number
  readonly burstAt: number
  readonly endedAt: number | null
}

/** Output proves work for this long. */
export const outputProvesMs = 5_000
/** Output this soon after input is taken for its echo: a key drawn, a menu moved. Longer than a slow terminal program takes. */
const echoMs = 1_000
/** A program that prints on for this long after its bell was not waiting for anyone. */
const bellHoldsMs = 3_000
/** A weaker source that says something newer by more than this is right about an agent that was idle: another program runs there. */
const overruledMs = 3_000
/** An agent that said "working" and has shown nothing for this long may be gone: a weaker, newer word is believed (attention.ts calls it stalled). */
const quietMs = 90_000

export function newActivity(startedAt: number): ActivityMemory {
  return { startedAt, said: {}, bell: null, inputAt: 0, workAt: 0, burstAt: 0, endedAt: null }
}

/** The memory after one more piece of evidence. Evidence comes in the order in which it happened. */
export function foldActivity(memory: ActivityMemory, evidence: Evidence): ActivityMemory {
  const { at } = evidence
  switch (evidence.kind) {
    case 'bell':
      // A shell rings at a wrong key: that is echo as well.
      if (isEcho(memory, at)) return memory
      return { ...memory, bell: { at, ...(evidence.message ? { message: evidence.message } : {}) } }
    case 'output': {
      const bell = memory.bell && at - memory.bell.at > bellHoldsMs ? null : memory.bell
      if (isEcho(memory, at)) return bell === memory.bell ? memory : { ...memory, bell }
      const burstAt = at - memory.workAt > outputProvesMs ? at : memory.burstAt
      return { ...memory, bell, workAt: at, burstAt }
    }
    case 'input':
      if (!evidence.answers) return { ...memory, inputAt: at }
      return answered({ ...memory, inputAt: at })
    case 'process':
      return { ...memory, endedAt: evidence.alive ? null : at }
    default:
      return { ...memory, said: heard(memory.said, evidence.kind, evidence.says, at) }
  }
}

const isEcho = (memory: ActivityMemory, at: number): boolean => at - memory.inputAt < echoMs

/** Nobody waits any more. What was printed before it waited proves nothing about what it does now. */
function answered(memory: ActivityMemory): ActivityMemory {
  const all = Object.entries(memory.said)
  const left = all.filter(([, statement]) => statement?.state !== 'waiting')
  if (left.length === all.length && !memory.bell) return memory
  return { ...memory, bell: null, said: Object.fromEntries(left), workAt: 0, burstAt: 0 }
}

function heard(
  said: ActivityMemory['said'],
  speaker: Speaker,
  says: AgentEvidence | null,
  at: number,
): ActivityMemory['said'] {
  const { [speaker]: before, ...others } = said
  if (!says || says.state === 'unknown') return others
  const same = before?.state === says.state && before.kind === says.kind
  const message = says.message ?? (same ? before.message : undefined)
  const statement: Statement = {
    state: says.state,
    ...(says.kind ? { kind: says.kind } : {}),
    ...(message ? { message } : {}),
    since: same ? before.since : at,
    at,
  }
  return { ...others, [speaker]: statement }
}

/** What is known at the moment `now`. */
export function activityAt(memory: ActivityMemory, now: number): Activity {
  if (memory.endedAt !== null)
    return { state: 'idle', source: 'process', since: memory.endedAt, provenAt: memory.endedAt }
  const speaker = speaking(memory, now)
  const statement = speaker && memory.said[speaker]
  if (speaker && statement) return stated(memory, speaker, statement)
  if (memory.bell) {
    const { at, message } = memory.bell
    return { state: 'waiting', ...(message ? { message } : {}), source: 'bell', since: at, provenAt: at }
  }
  if (memory.workAt > 0 && now - memory.workAt <= outputProvesMs)
    return { state: 'working', source: 'output', since: memory.burstAt, provenAt: memory.workAt }
  return nothingProven(memory)
}

function stated(memory: ActivityMemory, source: Speaker, statement: Statement): Activity {
  const { state, kind, message, since, at } = statement
  return {
    state,
    ...(kind ? { kind } : {}),
    ...(message ? { message } : {}),
    source,
    since,
    // That it prints proves that an agent which said it works still does.
    provenAt: state === 'working' ? Math.max(at, memory.workAt) : at,
  }
}

/** The strongest source that has spoken, unless a weaker one knows better by now. A waiting agent is never overruled. */
function speaking(memory: ActivityMemory, now: number): Speaker | null {
  const heardFrom = speakers.filter((speaker) => memory.said[speaker])
  const [strongest] = heardFrom
  const word = strongest && memory.said[strongest]
  if (!strongest || !word) return null
  const quiet = word.state === 'working' && now - Math.max(word.at, memory.workAt) > quietMs
  if (word.state !== 'idle' && !quiet) return strongest
  const newer = heardFrom.find((speaker) => {
    const other = memory.said[speaker]
    return other !== undefined && other.state !== 'idle' && other.at - word.at > overruledMs
  })
  return newer ?? strongest
}

function nothingProven(memory: ActivityMemory): Activity {
  const last = Math.max(memory.workAt, memory.inputAt, memory.startedAt)
  const source: ActivitySource =
    memory.workAt === 0 && memory.inputAt === 0 ? 'none' : memory.inputAt > memory.workAt ? 'input' : 'output'
  const since = source === 'output' ? memory.workAt + outputProvesMs : last
  return { state: 'unknown', source, since, provenAt: last }
}

/** When `activityAt` will say something else without new evidence, in milliseconds since 1970; null where it will not. */
export function nextChange(memory: ActivityMemory, now: number): number | null {
  const { state, source, provenAt } = activityAt(memory, now)
  if (state !== 'working') return null
  return provenAt + (source === 'output' ? outputProvesMs : quietMs) + 1
}

/** A program's status as evidence. "done" and "error" both end the agent's turn: it is the person's. */
export function statusEvidence(status: ProgramStatus): AgentEvidence | null {
  const message = status.message ? { message: status.message } : {}
  switch (status.state) {
    case 'working':
      return { state: 'working', ...message }
    case 'blocked':
      return { state: 'waiting', ...(status.kind ? { kind: status.kind } : {}), ...message }
    case 'clear':
      return null
    default:
      return { state: 'idle', ...message }
  }
}

// Focus reports, mouse reports, arrows, Home and End, page keys, TAB both ways, and a report of the colour scheme.
const moves =
  /\u001b\[<[\d;]*[Mm]|\u001b\[M[\s\S]{3}|\u001b\[(?:[\d;:]*[ABCDFHIOZ]|[156]~|[156];\d+~|\?997;\dn)|\u001bO[ABCDFH]|\t/g

/** Whether these bytes of input may answer what an agent waits for: Enter, Esc, a digit or letter do. */
export function inputAnswers(bytes: Uint8Array): boolean {
  // A paste answers, whatever is in it; only short inputs can be a lone key or report.
  if (bytes.length > 4096) return true
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1').replace(moves, '') !== ''
}
