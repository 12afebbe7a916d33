// The framing of everything that a client and a host say to each other. A frame is one byte of type, then JSON or terminal bytes.
// On a byte stream (a unix socket) the frame's length comes first, four bytes, big-endian. What arrives is hostile: a wrong length
// is refused before memory is reserved for it, and what is not a frame becomes null, never an exception. Pure: Uint8Array only, so
// that Node and a browser pack and unpack the same way.
import type { ClientMessage, HostMessage } from './wire.ts'

/** No frame is larger: a client that sends one is refused and closed. A prompt of 1 MiB fits whatever its characters. */
export const maxFrameBytes = 24 * 1024 * 1024

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

/** The four bytes that go before a frame of this length on a byte stream. */
export function lengthPrefix(length: number): Uint8Array {
  const prefix = new Uint8Array(prefixBytes)
  new DataView(prefix.buffer).setUint32(0, length)
  return prefix
}

/** Why a stream can be read no further. A frame has at least its type, so an empty one is none. */
export type FramingFault = 'empty' | 'too-large'

const prefixBytes = 4

/**
 * Gives a function that takes a stream's chunks, cut anywhere, and calls `onFrame` with each whole frame: a copy of its own,
 * exactly as long as it is, so that it can be handed on to another process. It says null as long as all is well, and a fault from
 * the first wrong length on; what comes after that is not looked at.
 */
export function frameReader(onFrame: (frame: Uint8Array) => void): (chunk: Uint8Array) => FramingFault | null {
  const prefix = new Uint8Array(prefixBytes)
  let prefixRead = 0
  let frame: Uint8Array | null = null
  let frameRead = 0
  let fault: FramingFault | null = null

  return (chunk) => {
    let at = 0
    while (fault === null && at < chunk.length) {
      if (frame === null) {
        prefix[prefixRead++] = chunk[at++]!
        if (prefixRead < prefixBytes) continue
        prefixRead = 0
        const length = new DataView(prefix.buffer).getUint32(0)
        if (length === 0) fault = 'empty'
        else if (length > maxFrameBytes) fault = 'too-large'
        else {
          frame = new Uint8Array(length)
          frameRead = 0
        }
        continue
      }
      const part = chunk.subarray(at, at + frame.length - frameRead)
      frame.set(part, frameRead)
      frameRead += part.length
      at += part.length
      if (frameRead < frame.length) continue
      const whole = frame
      frame = null
      onFrame(whole)
    }
    return fault
  }
}
