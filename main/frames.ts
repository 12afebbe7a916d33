// Frames on the host's socket: four bytes of length, big-endian, then the frame (app/contract/wire says what is in it). Pure.
import { maxFrameBytes } from '../app/contract/wire.ts'

/** A frame with its length before it, ready for the socket. */
export function withLength(frame: Uint8Array): Uint8Array {
  const packed = new Uint8Array(frame.length + 4)
  new DataView(packed.buffer).setUint32(0, frame.length)
  packed.set(frame, 4)
  return packed
}

/**
 * Gives a function that takes the socket's chunks, cut anywhere, and calls `onFrame` with each whole frame: a copy of its own,
 * exactly as long as it is (a Buffer's pool must not travel with it into the page). It says false, and wants no more, once a
 * frame is announced that is empty or larger than `maxFrameBytes`.
 */
export function frameReader(onFrame: (frame: Uint8Array) => void): (chunk: Uint8Array) => boolean {
  const header = new Uint8Array(4)
  let headerBytes = 0
  let frame: Uint8Array | null = null
  let frameBytes = 0
  let broken = false

  return (chunk) => {
    let at = 0
    while (!broken && at < chunk.length) {
      if (frame === null) {
        header[headerBytes++] = chunk[at++]!
        if (headerBytes < 4) continue
        headerBytes = 0
        const length = new DataView(header.buffer).getUint32(0)
        if (length === 0 || length > maxFrameBytes) {
          broken = true
          break
        }
        frame = new Uint8Array(length)
        frameBytes = 0
      } else {
        const part = chunk.subarray(at, at + frame.length - frameBytes)
        frame.set(part, frameBytes)
        frameBytes += part.length
        at += part.length
        if (frameBytes < frame.length) continue
        const whole = frame
        frame = null
        onFrame(whole)
      }
    }
    return !broken
  }
}
