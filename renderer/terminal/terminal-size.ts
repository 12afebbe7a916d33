// How large a terminal is drawn, and which part of it a smaller tile shows. A program is never asked for fewer than 60 columns or
// 20 rows: first the type shrinks to 10 px, then the view is cropped to the bottom left and follows the cursor. Pure.
import { terminalSize } from '../../app/contract/wire.ts'

export interface Type {
  readonly size: number
  readonly line: number
}

/** Each type size with its line height, in pixels. Nothing is drawn smaller than the last one. */
const types: readonly Type[] = [
  { size: 12, line: 18 },
  { size: 11, line: 16 },
  { size: 10, line: 14 },
]
export const smallest: Type = { size: 10, line: 14 }

/** JetBrains Mono's advance is 600 of 1000 units. */
export const cellWidth = (type: Type): number => type.size * 0.6

/** The type for a terminal of `cols` columns in a box of `width` pixels: the largest, up to the wanted one, that fits; else the smallest. */
export function typeFor(wanted: Type, cols: number, width: number): Type {
  const fits = (type: Type) => cols * cellWidth(type) <= width + 0.5
  if (fits(wanted)) return wanted
  return types.find((type) => type.size < wanted.size && fits(type)) ?? smallest
}

/** What a program should be asked to draw in a box of `width` × `height` pixels, and with which type. */
export function fitting(wanted: Type, width: number, height: number): { cols: number; rows: number; type: Type } {
  const { minCols, minRows, maxCols, maxRows } = terminalSize
  const at = (type: Type) => ({
    cols: Math.floor(width / cellWidth(type)),
    rows: Math.floor(height / type.line),
  })
  const enough = (type: Type) => at(type).cols >= minCols && at(type).rows >= minRows
  const type = enough(wanted)
    ? wanted
    : (types.find((smaller) => smaller.size < wanted.size && enough(smaller)) ??
      (wanted.size > smallest.size ? smallest : wanted))
  const { cols, rows } = at(type)
  return {
    type,
    cols: Math.min(maxCols, Math.max(minCols, cols)),
    rows: Math.min(maxRows, Math.max(minRows, rows)),
  }
}

/**
 * How far a view is shifted to the left, in pixels, so that the cursor is seen: never further than to the last column, and not at
 * all where the whole line has room.
 */
export function shiftLeft(screen: { cols: number; cellWidth: number; width: number; cursor: number }): number {
  const { cols, cellWidth, width, cursor } = screen
  const furthest = Math.max(0, Math.ceil(cols * cellWidth - width))
  return Math.min(furthest, Math.max(0, Math.ceil((cursor + 2) * cellWidth - width)))
}

/**
 * The first row that a box of `visible` rows shows of a screen of `rows`: so that the last written row stands at the bottom, and
 * the cursor is seen wherever it is.
 */
export function firstRow(screen: { rows: number; visible: number; lastWritten: number; cursor: number }): number {
  const { rows, visible, lastWritten, cursor } = screen
  if (visible >= rows) return 0
  const bottom = Math.max(lastWritten, cursor)
  const top = Math.min(Math.max(0, bottom - visible + 1), rows - visible)
  return cursor < top ? cursor : top
}
