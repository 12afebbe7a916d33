// The messages that a client and a host send each other, and the version of their protocol. frames.ts packs a message, channel.ts
// carries it. Each end parses what arrives with these schemas and believes nothing else.
import { z } from 'zod'
import { Approval } from '../model/approval.ts'
import { JournalRecord, ReportItem } from '../model/event.ts'
import { Failure } from '../model/failure.ts'
import { RunId, SessionId } from '../model/ids.ts'
import { Repository } from '../model/repository.ts'
import { Live, Run } from '../model/run.ts'
import { Settings } from '../model/settings.ts'

/** Raised by one when an older client could misread a newer host. Both sides say theirs in the first message. */
export const protocolVersion = 1

/**
 * A browser's session is a cookie and a key. The cookie alone would not do: cookies know no ports, so a browser sends ours to
 * whatever else is served on this address, an agent's own server for one. The key stays with the page's origin, port and all; it
 * goes in this header, or (a WebSocket takes no headers) as the protocol that is named after ours.
 */
export const browserSession = { keyHeader: 'x-coppice-key', protocol: 'coppice' } as const

/** Terminals are never smaller, since agents draw badly below this: smaller views scale or crop. And never larger: a hostile resize costs memory. */
export const terminalSize = { minCols: 60, minRows: 20, maxCols: 500, maxRows: 300 } as const

const attachId = z.number().int().min(0).max(0xffff_ffff)

export const ClientMessage = z.discriminatedUnion('type', [
  /** First, once. A browser adds the token that the host's address carried in its fragment. */
  z.object({
    type: z.literal('hello'),
    protocol: z.number().int(),
    version: z.string().max(50),
    via: z.enum(['window', 'browser', 'cli']),
    /** False: it shows nothing, so it is not counted as a view. The window's own process, which acts for its menu, is such a one. */
    shows: z.boolean().optional(),
  }),
  z.object({
    type: z.literal('call'),
    callId: z.number().int(),
    commandId: z.string().min(8).max(64),
    name: z.string().max(64),
    input: z.unknown(),
  }),
  /** The missed events from `fromSeq` on, or a snapshot where they are too many or it is absent. Live facts follow. */
  z.object({ type: z.literal('subscribe'), fromSeq: z.number().int().min(0).optional() }),
  /**
   * Without `sessionId`: the run's own terminal, whichever session is under it. With one: that side session's. `dark` says how this
   * client paints terminals, which a program that asks for the colours is told.
   */
  z.object({
    type: z.literal('attach'),
    attachId,
    runId: RunId,
    sessionId: SessionId.optional(),
    dark: z.boolean().optional(),
  }),
  z.object({ type: z.literal('detach'), attachId }),
  /** Sent by the view that has the focus, debounced; clamped to `terminalSize`. */
  z.object({ type: z.literal('resize'), attachId, cols: z.number().int(), rows: z.number().int() }),
  /** How many bytes of terminal output the client has drawn since its last ack: opens the window for more. */
  z.object({ type: z.literal('ack'), attachId, bytes: z.number().int().min(0) }),
])
export type ClientMessage = z.infer<typeof ClientMessage>

export const Snapshot = z.object({
  seq: z.number(),
  repositories: z.record(z.string(), Repository),
  runs: z.record(z.string(), Run),
  /** Absent from an older host. */
  approvals: z.record(z.string(), Approval).default({}),
  settings: Settings,
  recovery: z
    .object({ seq: z.number(), at: z.number(), text: z.string(), report: z.array(ReportItem) })
    .nullable()
    .default(null),
})

export const HostMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('welcome'),
    protocol: z.number(),
    version: z.string(),
    pid: z.number(),
    home: z.string(),
    startedAt: z.number(),
  }),
  z.object({ type: z.literal('refused'), failure: Failure }),
  z.object({
    type: z.literal('reply'),
    callId: z.number(),
    value: z.unknown().optional(),
    failure: Failure.optional(),
  }),
  z.object({ type: z.literal('snapshot'), state: Snapshot, live: z.record(z.string(), Live) }),
  z.object({ type: z.literal('event'), record: JournalRecord }),
  /** Replaces what was known of the run's moment; null when the run has none. */
  z.object({ type: z.literal('live'), runId: RunId, live: Live.nullable() }),
  /** A screen of this size follows as one or more `screen` frames, then output. Sent at attach, and again after a lag. */
  z.object({
    type: z.literal('screen'),
    attachId,
    sessionId: z.string(),
    cols: z.number(),
    rows: z.number(),
    reason: z.enum(['attach', 'lag', 'session']),
    live: z.boolean(),
    dropped: z.number(),
  }),
  z.object({ type: z.literal('screen-end'), attachId }),
  z.object({ type: z.literal('resized'), attachId, cols: z.number(), rows: z.number() }),
  z.object({ type: z.literal('session-ended'), attachId }),
  z.object({ type: z.literal('attach-failed'), attachId, failure: Failure }),
  /** Something the person should read now, which no tile shows. */
  z.object({
    type: z.literal('notice'),
    level: z.enum(['info', 'warning', 'error']),
    text: z.string(),
    next: z.string().nullable(),
  }),
  /** A second start asks the first one's windows to come forward, with what it was given on its command line. */
  z.object({ type: z.literal('focus'), path: z.string().nullable() }),
])
export type HostMessage = z.infer<typeof HostMessage>
/** Something the person should read now, which no tile shows. */
export type Notice = Omit<Extract<HostMessage, { type: 'notice' }>, 'type'>
