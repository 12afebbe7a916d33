import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDecoder, encodeControl, encodeData, encodeInput, type Frame, FrameError } from './frames.ts'

/** Decodes bytes that arrive in pieces of the given sizes, taken in turn. */
function decodeInPieces(bytes: Buffer, sizes: readonly number[]): Frame[] {
  const frames: Frame[] = []
  const decoder = createDecoder((frame) => frames.push(frame))
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!
    decoder.push(bytes.subarray(at, at + size))
    at += size
  }
  return frames
}

describe('frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    const frame = fc.oneof(
      fc.dictionary(fc.string(), fc.jsonValue()).map((message) => ({
        bytes: encodeControl(message),
        expected: { type: 1, message: JSON.parse(JSON.stringify(message)) },
      })),
      fc
        .tuple(fc.nat(0xffffffff), fc.nat(Number.MAX_SAFE_INTEGER), fc.uint8Array({ maxLength: 300 }))
        .map(([sub, at, bytes]) => ({
          bytes: encodeData(sub, at, bytes),
          expected: { type: 2, sub, at, bytes: Buffer.from(bytes) },
        })),
      fc
        .tuple(fc.nat(0xffffffff), fc.string({ maxLength: 60 }), fc.uint8Array({ maxLength: 300 }))
        .map(([id, sessionId, bytes]) => ({
          bytes: encodeInput(id, sessionId, bytes),
          expected: { type: 3, id, sessionId, bytes: Buffer.from(bytes) },
        })),
    )
    const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), sizes, (frames, pieces) => {
        const stream = Buffer.concat(frames.map(({ bytes }) => bytes))
        expect(decodeInPieces(stream, pieces)).toEqual(frames.map(({ expected }) => expected))
      }),
    )
  })

  it('are refused from the head alone when they claim too much, and when they are of no known type', () => {
    const push = (bytes: number[]) => () => createDecoder(() => {}).push(Buffer.from(bytes))
    for (const type of [1, 2, 3]) expect(push([0xff, 0xff, 0xff, 0xff, type])).toThrow(FrameError)
    expect(push([0, 0, 0, 1, 9])).toThrow(/unknown/)
    expect(push([0, 0, 0, 0, 1])).toThrow(/beyond the cap/)
    expect(push([0, 0, 0, 3, 1, 0x5b, 0x5d])).toThrow(/not a JSON object/)
    expect(push([0, 0, 0, 3, 1, 0x7b, 0x7b])).toThrow(/not JSON/)
    expect(push([0, 0, 0, 2, 2, 0])).toThrow(/cut short/)
    expect(push([0, 0, 0, 6, 3, 0, 0, 0, 0, 9])).toThrow(/cut short/)
    expect(push([0, 0, 0, 2, 3, 0])).toThrow(/cut short/)
  })

  it('never come out of garbage as anything but a frame or a FrameError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          createDecoder(() => {}).push(Buffer.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError)
        }
      }),
    )
  })

  it('are not made larger than a decoder takes', () => {
    expect(() => encodeControl({ big: 'x'.repeat(5_000_000) })).toThrow(FrameError)
    expect(() => encodeData(1, 0, new Uint8Array(2_000_000))).toThrow(FrameError)
    expect(() => encodeInput(1, 'x'.repeat(300), new Uint8Array(1))).toThrow(FrameError)
  })
})
