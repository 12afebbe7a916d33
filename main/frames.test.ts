import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maxFrameBytes } from '../app/contract/wire.ts'
import { frameReader, withLength } from './frames.ts'

const seed = 20261123

describe('frames', () => {
  it(`come out as they went in, wherever the chunks are cut (seed ${seed})`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1, maxLength: 40 }),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.map(withLength))
          const got: Uint8Array[] = []
          const read = frameReader((frame) => got.push(frame))
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const size = cuts[turn % cuts.length]!
            expect(read(stream.subarray(at, at + size))).toBe(true)
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
    ['empty', [0, 0, 0, 0]],
    ['larger than the cap', [255, 255, 255, 255]],
    ['one byte over the cap', [...withLength(new Uint8Array(0)).subarray(0, 0), ...u32(maxFrameBytes + 1)]],
  ])('are refused when %s, before anything is set aside for them', (_name, bytes) => {
    const read = frameReader(() => expect.unreachable('no frame is whole'))
    expect(read(Uint8Array.from(bytes))).toBe(false)
    expect(read(withLength(new Uint8Array(3)))).toBe(false)
  })
})

function u32(value: number): number[] {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return [...bytes]
}
