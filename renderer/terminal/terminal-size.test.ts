import { describe, expect, it } from 'vitest'
import { firstRow, fitting, shiftLeft, typeFor } from './terminal-size.ts'

const large = { size: 13, line: 20 }
const middle = { size: 11, line: 16 }

describe('type of a terminal that only shows', () => {
  it('is the wanted one where the columns fit', () => expect(typeFor(large, 80, 700)).toEqual(large))
  it('shrinks step by step', () => {
    expect(typeFor(large, 80, 600)).toEqual({ size: 12, line: 18 })
    expect(typeFor(large, 80, 540)).toEqual(middle)
    expect(typeFor(middle, 80, 500)).toEqual({ size: 10, line: 14 })
  })
  it('is never below 10 px', () => expect(typeFor(middle, 200, 300)).toEqual({ size: 10, line: 14 }))
})

describe('what a program is asked for', () => {
  it('fills a large box in the wanted type', () =>
    expect(fitting(large, 858, 640)).toEqual({ type: large, cols: 110, rows: 32 }))
  it('takes smaller type before it goes below 60 × 20', () =>
    expect(fitting(middle, 376, 300)).toMatchObject({ type: { size: 10 }, cols: 62, rows: 21 }))
  it('is never below 60 × 20', () => expect(fitting(middle, 100, 50)).toMatchObject({ cols: 60, rows: 20 }))
  it('is never above what the wire allows', () =>
    expect(fitting(middle, 9000, 9000)).toMatchObject({ cols: 500, rows: 300 }))
})

describe('the part that a small tile shows', () => {
  const screen = { rows: 24, visible: 10 }
  it('is all of it where it fits', () =>
    expect(firstRow({ ...screen, visible: 30, lastWritten: 5, cursor: 5 })).toBe(0))
  it('is the top while little is written', () => expect(firstRow({ ...screen, lastWritten: 3, cursor: 4 })).toBe(0))
  it('ends with the last row written', () => expect(firstRow({ ...screen, lastWritten: 20, cursor: 18 })).toBe(11))
  it('follows a cursor far above', () => expect(firstRow({ ...screen, lastWritten: 23, cursor: 2 })).toBe(2))
  it('never runs past the end', () => expect(firstRow({ ...screen, lastWritten: 23, cursor: 23 })).toBe(14))
})

describe('the shift to the left', () => {
  it('is none where the whole line has room, wherever the cursor is', () => {
    for (const cursor of [0, 60, 78, 79]) {
      expect(shiftLeft({ cols: 80, cellWidth: 6.6, width: 540, cursor })).toBe(0)
    }
  })

  it('goes as far as the cursor needs and never past the last column', () => {
    const narrow = { cols: 80, cellWidth: 6, width: 300 }
    expect(shiftLeft({ ...narrow, cursor: 10 })).toBe(0)
    expect(shiftLeft({ ...narrow, cursor: 60 })).toBe(72)
    expect(shiftLeft({ ...narrow, cursor: 79 })).toBe(180)
  })
})
