import { describe, expect, it } from 'vitest'
import { layoutOf } from './layout.ts'

const room = { width: 1232, height: 820, window: 1440 }
const wide = { width: 1960, height: 1200, window: 2200 }

describe('how many tiles stand where', () => {
  it('shows one run beside its details', () =>
    expect(layoutOf(1, 'auto', room)).toMatchObject({ kind: 'one', type: { size: 13 } }))
  it.each([
    [2, 2],
    [4, 2],
    [5, 3],
    [9, 3],
  ])('shows %i runs in %i columns', (runs, columns) =>
    expect(layoutOf(runs, 'auto', room)).toMatchObject({ kind: 'grid', columns }),
  )
  it('shows 16 in four columns where there is room, else in three', () => {
    expect(layoutOf(16, 'auto', wide)).toMatchObject({ columns: 4, compact: true, type: { size: 11 } })
    expect(layoutOf(16, 'auto', room)).toMatchObject({ columns: 3, compact: true, type: { size: 10 } })
  })
  it('shows more than 16 as a list', () => expect(layoutOf(17, 'auto', room)).toMatchObject({ kind: 'list' }))
  it('fills the height with the rows there are', () => expect(layoutOf(2, 'auto', room).row).toBe(804))
  it('never draws a row below 248 px: it scrolls', () =>
    expect(layoutOf(9, '9', { ...room, height: 500 }).row).toBe(248))
  it('never draws a tile below 340 px', () => expect(layoutOf(9, 'auto', { ...room, width: 704 }).columns).toBe(2))
  it('keeps to two columns in a narrow window', () =>
    expect(layoutOf(9, 'auto', { width: 1100, height: 700, window: 1148 }).columns).toBe(2))
  it('does what the person chose', () => {
    expect(layoutOf(9, '4', room)).toMatchObject({ kind: 'grid', columns: 2, type: { size: 13 } })
    expect(layoutOf(3, 'list', room)).toMatchObject({ kind: 'list' })
    expect(layoutOf(3, '1', room)).toMatchObject({ kind: 'grid', columns: 1 })
  })
  it('draws larger type from 2000 px on', () => expect(layoutOf(9, 'auto', wide).type).toEqual({ size: 13, line: 18 }))
})
