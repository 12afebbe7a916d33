import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeFrame, encodeData, encodeMessage, frameReader, lengthPrefix, maxFrameBytes } from './frames.ts'

const seed = 20261123
const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))
const onStream = (frame: Uint8Array): Uint8Array => join(lengthPrefix(frame.length), frame)

describe('frames on a stream', () => {
  it(`come out as they went in, wherever the chunks are cut (seed ${seed})`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1, maxLength: 40 }),
        (frames, cuts) => {
          const stream = join(...frames.map(onStream))
          const got: Uint8Array[] = []
          const read = frameReader((frame) => got.push(frame))
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const size = cuts[turn % cuts.length]!
            expect(read(stream.subarray(at, at + size))).toBe(null)
            at += size
          }
          expect(got.map((frame) => [...frame])).toEqual(frames.map((frame) => [...frame]))
          // Each stands in memory of its own: what is posted to the page is the frame and nothing beside it.
          for (const frame of got) expect(frame.buffer.byteLength).toBe(frame.length)
        },
      ),
      { seed, numRuns: 200 },
    )
  })

  it.each([
    ['an empty frame', 0, 'empty'],
    ['one larger than any may be', 0xffff_ffff, 'too-large'],
    ['one that is a byte over the cap', maxFrameBytes + 1, 'too-large'],
  ])('stop at %s, before anything is set aside for it, and never go on', (_name, length, fault) => {
    const got: number[] = []
    const read = frameReader((frame) => got.push(frame.length))
    expect(read(join(onStream(Uint8Array.of(1, 2)), lengthPrefix(length), onStream(Uint8Array.of(3))))).toBe(fault)
    expect(read(onStream(Uint8Array.of(4)))).toBe(fault)
    expect(got).toEqual([2])
  })

  it('may be as large as the cap', () => {
    const got: number[] = []
    const read = frameReader((frame) => got.push(frame.length))
    expect(read(lengthPrefix(maxFrameBytes))).toBe(null)
    expect(read(new Uint8Array(maxFrameBytes))).toBe(null)
    expect(got).toEqual([maxFrameBytes])
  })

  it(`never make the reader throw, whatever arrives (seed ${seed})`, () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
        const read = frameReader((frame) => void decodeFrame(frame))
        for (const chunk of chunks) read(chunk)
      }),
      { seed, numRuns: 300 },
    )
  })
})

describe('a frame', () => {
  it('carries a message, whatever its characters', () => {
    const message = { type: 'detach', attachId: 7 } as const
    expect(decodeFrame(encodeMessage(message))).toEqual({ kind: 'message', message })
    const notice = { type: 'notice', level: 'info', text: 'naïve ☃ \u0000 "\\', next: null } as const
    expect(decodeFrame(encodeMessage(notice))).toEqual({ kind: 'message', message: notice })
  })

  it.each(['output', 'input', 'screen'] as const)('carries bytes of a terminal: %s', (kind) => {
    const bytes = Uint8Array.of(0, 255, 27, 91)
    expect(decodeFrame(encodeData(kind, 0xffff_ffff, bytes))).toEqual({ kind, attachId: 0xffff_ffff, bytes })
  })

  it.each([
    ['nothing', []],
    ['an unknown type', [4, 1, 2, 3, 4, 5]],
    ['a message that is no JSON', [0, 123]],
    ['a message that is empty', [0]],
    ['a message of bytes that are no text', [0, 0xc3, 0x28]],
    ['bytes without the whole id of a terminal', [1, 0, 0, 0]],
  ])('is none where it holds %s', (_name, bytes) => {
    expect(decodeFrame(Uint8Array.from(bytes))).toBe(null)
  })

  it('is none where it is larger than the cap', () => {
    const frame = new Uint8Array(maxFrameBytes + 1)
    frame[0] = 1
    expect(decodeFrame(frame)).toBe(null)
    expect(decodeFrame(frame.subarray(0, maxFrameBytes))).toMatchObject({ kind: 'output', attachId: 0 })
  })
})
