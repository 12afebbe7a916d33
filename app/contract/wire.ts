// What crosses a process boundary, and how it is packed. Every transport (unix socket, WebSocket, MessagePort) moves the same
// opaque frames: one byte of type, then JSON or terminal bytes. A socket puts the frame's length before it; the others keep
// frames apart by themselves. Pure: Uint8Array only, so that the browser packs and unpacks the same way.
import { z } from 'zod'
import { JournalRecord, ReportItem } from '../model/event.ts'
import { Failure } from '../model/failure.ts'
import { RunId } from '../model/ids.ts'
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

/** No frame is larger: a client that sends one is refused and closed. A prompt of 1 MiB fits whatever its characters. */
export const maxFrameBytes = 24 * 1024 * 1024

/** Terminals are never smaller (design/screens): smaller views scale or crop. And never larger: a hostile resize costs memory. */
export const terminalSize = { minCols: 60, minRows: 20, maxCols: 500, maxRows: 300 } as const

const attachId = z.number().int().min(0).max(0xffff_ffff)

export const ClientMessage = z.discriminatedUnion('type', [
  /** First, once. A browser adds the token that the host's address carried in its fragment. */
  z.object({
    type: z.literal('hello'),
    protocol: z.number().int(),
    version: z.string().max(50),
    via: z.enum(['window', 'browser', 'cli']),
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
  z.object({ type: z.literal('attach'), attachId, runId: RunId }),
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

/** Terminal bytes, beside the JSON messages. `screen` is a serialised screen to be drawn on an empty terminal. */
export type DataKind = 'output' | 'input' | 'screen'
const kinds: readonly ('message' | DataKind)[] = ['message', 'output', 'input', 'screen']

export type Frame =
  | { readonly kind: 'message'; readonly message: unknown }
  | { readonly kind: DataKind; readonly attachId: number; readonly bytes: Uint8Array }

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: false })

/** Packs a JSON message into one frame. */
export function encodeMessage(message: ClientMessage | HostMessage): Uint8Array {
  const text = encoder.encode(JSON.stringify(message))
  const frame = new Uint8Array(text.length + 1)
  frame[0] = 0
  frame.set(text, 1)
  return frame
}

/** Packs terminal bytes into one frame: type, attach id (4 bytes, big-endian), bytes. */
export function encodeData(kind: DataKind, attachId: number, bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(bytes.length + 5)
  frame[0] = kinds.indexOf(kind)
  new DataView(frame.buffer).setUint32(1, attachId)
  frame.set(bytes, 5)
  return frame
}

/** Unpacks one frame, or gives null where it is none: too short, an unknown type, or not JSON. Never throws. */
export function decodeFrame(frame: Uint8Array): Frame | null {
  const kind = kinds[frame[0] ?? 255]
  if (kind === undefined || frame.length > maxFrameBytes) return null
  if (kind === 'message') {
    try {
      return { kind, message: JSON.parse(decoder.decode(frame.subarray(1))) }
    } catch {
      return null
    }
  }
  if (frame.length < 5) return null
  const attachId = new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getUint32(1)
  return { kind, attachId, bytes: frame.subarray(5) }
}

/** An ordered, reliable stream of frames between two ends. `send` may say false: the other end is behind, wait for `drained`. */
export interface Channel {
  send(frame: Uint8Array): boolean
  onFrame(listener: (frame: Uint8Array) => void): void
  onClose(listener: (reason: string) => void): void
  onDrained(listener: () => void): void
  /** Bytes accepted by `send` that the other side's transport has not taken yet. */
  readonly bufferedBytes: number
  close(reason?: string): void
}

/** Two ends of an in-memory channel, for tests and for a client inside the host's own process. Delivery is asynchronous and in order. */
export function channelPair(): [Channel, Channel] {
  const ends = [makeEnd(), makeEnd()] as const
  ends[0].peer = ends[1]
  ends[1].peer = ends[0]
  return [ends[0].channel, ends[1].channel]
}

interface End {
  peer: End | null
  channel: Channel
  frame: ((frame: Uint8Array) => void) | null
  waiting: Uint8Array[]
  closed: ((reason: string) => void)[]
  open: boolean
}

function makeEnd(): End {
  const end: End = {
    peer: null,
    frame: null,
    waiting: [],
    closed: [],
    open: true,
    channel: {
      send(frame) {
        const copy = frame.slice()
        const to = end.peer
        if (end.open && to) queueMicrotask(() => (to.frame ? to.frame(copy) : to.waiting.push(copy)))
        return true
      },
      onFrame(listener) {
        end.frame = listener
        for (const frame of end.waiting.splice(0)) listener(frame)
      },
      onClose: (listener) => void end.closed.push(listener),
      onDrained() {},
      bufferedBytes: 0,
      close(reason = 'closed') {
        if (!end.open) return
        for (const side of [end, end.peer]) {
          if (!side?.open) continue
          side.open = false
          queueMicrotask(() => {
            for (const listener of side.closed) listener(reason)
          })
        }
      },
    },
  }
  return end
}
