// The language between a keeper and its clients, version 1, frozen: a newer host must still reach the agents that an older
// keeper holds, so fields may be added and nothing may change its meaning. It knows bytes and shapes, no sockets.
//
//   frame   = u32 length (of what follows, big endian) · u8 type · payload
//   control = JSON object, both ways: hello, request, reply, notice
//   data    = u32 subscription · u64 offset of the first byte · bytes           keeper → client
//   input   = u32 request id · u8 length of session id · session id · bytes     client → keeper, answered by a reply
//
// The first frame each way is a hello. Replies come in the order in which requests are done; data and the notices of one
// subscription come in the order of their bytes.

export const PROTOCOL = { min: 1, max: 1 } as const

export const FrameType = { control: 1, data: 2, input: 3 } as const

/** Bytes of payload that each type may have. A control frame carries a command line and an environment. */
const caps: Record<number, number> = { 1: 4 * 1024 * 1024, 2: 1024 * 1024 + 12, 3: 1024 * 1024 + 512 }

/** Bytes of output or input that one frame carries at most when we make it: small enough to take turns. */
export const CHUNK = 64 * 1024

export interface Range {
  readonly min: number
  readonly max: number
}

/** The client's hello. The keeper answers with HelloReply, or with a Reply to id 0 that says why not, and hangs up. */
export interface Hello {
  readonly hello: 'coppice-keeper'
  readonly protocol: Range
  /** The client's version, for the log. */
  readonly version: string
}

export interface HelloReply {
  readonly hello: 'coppice-keeper'
  /** The version that both speak from here on. */
  readonly protocol: number
  readonly version: string
  readonly pid: number
}

export type SessionKind = 'pty' | 'pipe'
export type StreamName = 'out' | 'err'

export interface SessionExit {
  readonly code: number | null
  /** SIGTERM, SIGKILL …; a number in words ("SIG34") where this system has no name for it. */
  readonly signal: string | null
}

export interface SpawnSpec {
  /** 1–128 of [A-Za-z0-9._-], not starting with a dot: it names a directory. Never used twice in one data directory. */
  readonly sessionId: string
  readonly kind: SessionKind
  /** A path, or a name that is looked up on the PATH of `env`. */
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  /** The whole environment: nothing of the keeper's is added but PWD and, for a pty, TERM where they are missing. */
  readonly env: Readonly<Record<string, string>>
  /** Columns and rows; 80 × 24 for a pipe, where they mean nothing. */
  readonly cols?: number
  readonly rows?: number
  /** Pipe sessions only: whether there is an input to write to. Default `null` (/dev/null). */
  readonly stdin?: 'pipe' | 'null'
  /** Pipe sessions only: a text that is its whole input. In the spawn itself, so that no host can die between the two. */
  readonly input?: string
  /** Bytes of output kept per stream, and per segment file. Default 16 MiB and 1 MiB. */
  readonly spoolBytes?: number
  readonly segmentBytes?: number
}

/** Bytes of each stream; `err` is always 0 for a pty. */
export interface PerStream {
  readonly out: number
  readonly err: number
}

export interface KeeperSession {
  readonly sessionId: string
  readonly kind: SessionKind
  readonly pid: number
  /** As app/process/tree has it; null where the process was gone before it could be read, or not on Linux. */
  readonly startTime: number | null
  readonly cols: number
  readonly rows: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly endedAt: number | null
  readonly exit: SessionExit | null
  /** How many bytes were written since the start, and the first that can still be read. */
  readonly bytes: PerStream
  readonly firstByte: PerStream
  /** Why the output is not on disk (ENOSPC …); null where all is well. The session goes on either way. */
  readonly spoolProblem: string | null
}

export interface Reply {
  /** The request's id. */
  readonly re: number
  readonly value?: unknown
  readonly error?: { readonly code: string; readonly message: string; readonly errno?: string }
}

/** What a subscription is told besides its data. */
export interface Notice {
  readonly sub: number
  /** Bytes from `from` up to (not with) `to` are no longer there. */
  readonly dropped?: { readonly from: number; readonly to: number }
  /** The stream is over: everything was sent. */
  readonly end?: SessionExit
}

export type Frame =
  | { readonly type: typeof FrameType.control; readonly message: Record<string, unknown> }
  | { readonly type: typeof FrameType.data; readonly sub: number; readonly at: number; readonly bytes: Buffer }
  | { readonly type: typeof FrameType.input; readonly id: number; readonly sessionId: string; readonly bytes: Buffer }

/** A frame that breaks the rules above. The connection it came on cannot be trusted any further. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/** Throws FrameError where the message is larger than a control frame may be. */
export function encodeControl(message: object): Buffer {
  return encode(FrameType.control, Buffer.from(JSON.stringify(message)))
}

/** The bytes are copied: the caller may reuse them. */
export function encodeData(sub: number, at: number, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt32BE(sub, 0)
  head.writeBigUInt64BE(BigInt(at), 4)
  return encode(FrameType.data, head, bytes)
}

export function encodeInput(id: number, sessionId: string, bytes: Uint8Array): Buffer {
  const name = Buffer.from(sessionId)
  if (name.length > 255) throw new FrameError('The session id is too long')
  const head = Buffer.alloc(5)
  head.writeUInt32BE(id, 0)
  head.writeUInt8(name.length, 4)
  return encode(FrameType.input, head, name, bytes)
}

/**
 * Makes frames of a byte stream that arrives in any pieces. `push` throws FrameError on the first frame that is too large,
 * of an unknown type, cut short, or not a JSON object; the decoder is of no use after that.
 */
export function createDecoder(onFrame: (frame: Frame) => void): { push(chunk: Buffer): void } {
  let pieces: Buffer[] = []
  let have = 0
  // Bytes needed before anything can be decided: a head, then a whole frame.
  let need = 5
  return {
    push(chunk) {
      pieces.push(chunk)
      have += chunk.length
      if (have < need) return
      let bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
      for (;;) {
        need = 5
        if (bytes.length < need) break
        need = 4 + checkedLength(bytes)
        if (bytes.length < need) break
        onFrame(decode(bytes[4]!, bytes.subarray(5, need)))
        bytes = bytes.subarray(need)
      }
      pieces = bytes.length > 0 ? [bytes] : []
      have = bytes.length
    },
  }
}

/** Parses one payload; throws FrameError. */
function decode(type: number, payload: Buffer): Frame {
  switch (type) {
    case FrameType.control:
      return { type, message: parseObject(payload) }
    case FrameType.data:
      if (payload.length < 12) throw new FrameError('A data frame was cut short')
      return {
        type,
        sub: payload.readUInt32BE(0),
        at: Number(payload.readBigUInt64BE(4)),
        bytes: payload.subarray(12),
      }
    case FrameType.input: {
      const nameEnd = 5 + (payload[4] ?? Infinity)
      if (payload.length < nameEnd) throw new FrameError('An input frame was cut short')
      return {
        type,
        id: payload.readUInt32BE(0),
        sessionId: payload.toString('utf8', 5, nameEnd),
        bytes: payload.subarray(nameEnd),
      }
    }
    default:
      throw new FrameError(`Frames of type ${type} are unknown`)
  }
}

function checkedLength(bytes: Buffer): number {
  const length = bytes.readUInt32BE(0)
  const cap = caps[bytes[4]!]
  if (cap === undefined) throw new FrameError(`Frames of type ${bytes[4]} are unknown`)
  if (length < 1 || length - 1 > cap) throw new FrameError(`A frame of ${length} bytes is beyond the cap`)
  return length
}

function encode(type: number, ...parts: Uint8Array[]): Buffer {
  const payload = parts.reduce((sum, part) => sum + part.length, 0)
  if (payload > caps[type]!) throw new FrameError(`A message of ${payload} bytes is beyond the cap`)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(payload + 1, 0)
  head.writeUInt8(type, 4)
  return Buffer.concat([head, ...parts], 5 + payload)
}

function parseObject(payload: Buffer): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(payload.toString('utf8'))
  } catch {
    throw new FrameError('A control frame is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FrameError('A control frame is not a JSON object')
  return value as Record<string, unknown>
}
