import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLineSplitter, maxLine } from './ndjson.ts'

const encoder = new TextEncoder()

function split(pieces: readonly Uint8Array[], from = 0) {
  const lines: [string, number][] = []
  const tooLong: [number, number][] = []
  const splitter = createLineSplitter(from, {
    onLine: (text, end) => lines.push([text, end]),
    onTooLong: (bytes, end) => tooLong.push([bytes, end]),
  })
  for (const piece of pieces) splitter.push(piece)
  splitter.end()
  return { lines, tooLong }
}

describe('createLineSplitter', () => {
  it('gives lines with the offset after them, empty ones and the last without a newline too', () => {
    expect(split([encoder.encode('one\r\n\ntw'), encoder.encode('o\nthree')], 100).lines).toEqual([
      ['one', 105],
      ['', 106],
      ['two', 110],
      ['three', 115],
    ])
  })

  it('does not mind where the pieces end (seed 4301)', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        fc.array(fc.nat(200), { maxLength: 12 }),
        (text, cuts) => {
          const bytes = encoder.encode(`é${text}\n漢\n`)
          const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
          const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i] ?? 0, end))
          expect(split(pieces)).toEqual(split([bytes]))
        },
      ),
      { seed: 4301, numRuns: 500 },
    )
  })

  it('passes over a line that is too long and goes on', () => {
    const long = new Uint8Array(maxLine + 1).fill(120)
    const half = long.subarray(0, maxLine / 2)
    const { lines, tooLong } = split([half, half, encoder.encode('xx\nnext\n')])
    expect(tooLong).toEqual([[maxLine + 2, maxLine + 3]])
    expect(lines).toEqual([['next', maxLine + 8]])
  })
})
