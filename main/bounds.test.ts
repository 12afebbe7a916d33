import { describe, expect, it } from 'vitest'
import { minimumSize, placeWindow } from './bounds.ts'

const laptop = { x: 0, y: 25, width: 1512, height: 920 }
const second = { x: 1512, y: 0, width: 2560, height: 1440 }
const saved = (x: number, y: number, width = 1200, height = 800) => ({
  bounds: { x, y, width, height },
  maximised: false,
  fullScreen: false,
})

describe('placeWindow', () => {
  it('centres the first window and keeps it inside a small display', () => {
    expect(placeWindow(null, [laptop]).bounds).toEqual({ x: 36, y: 35, width: 1440, height: 900 })
    const small = { x: 0, y: 0, width: 1024, height: 600 }
    expect(placeWindow(undefined, [small]).bounds).toEqual(small)
  })

  it('keeps a place on any display', () => {
    expect(placeWindow(saved(1600, 30), [laptop, second]).bounds).toEqual({ x: 1600, y: 30, width: 1200, height: 800 })
  })

  it('comes back to the first display when the second is gone, with its size', () => {
    const placed = placeWindow(saved(1600, 30), [laptop])
    expect(placed.bounds).toMatchObject({ width: 1200, height: 800 })
    expect(placed.bounds.x).toBeGreaterThanOrEqual(laptop.x)
    expect(placed.bounds.x + placed.bounds.width).toBeLessThanOrEqual(laptop.x + laptop.width)
  })

  it('does not open where nobody can take hold of it', () => {
    expect(placeWindow(saved(-1150, 100), [laptop]).bounds.x).toBeGreaterThanOrEqual(0)
    expect(placeWindow(saved(100, -500), [laptop]).bounds.y).toBeGreaterThanOrEqual(laptop.y)
    expect(placeWindow(saved(100, 5000), [laptop]).bounds.y).toBeLessThan(laptop.height)
  })

  it('never opens smaller than it can be used, and remembers that it was maximised', () => {
    const placed = placeWindow({ ...saved(10, 30, 5, 5), maximised: true }, [laptop])
    expect(placed.bounds).toMatchObject(minimumSize)
    expect(placed.maximised).toBe(true)
  })

  it.each([{}, { bounds: { x: 'a' } }, { bounds: { x: Number.NaN, y: 0, width: 1, height: 1 } }, 'text', 7])(
    'takes %j for nothing saved',
    (broken) => expect(placeWindow(broken, [laptop])).toEqual(placeWindow(null, [laptop])),
  )

  it('opens without any display known', () => {
    expect(placeWindow(null, []).bounds.width).toBeGreaterThan(0)
  })
})
