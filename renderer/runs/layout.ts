// How many tiles are side by side and how large their type is, depending on the number of runs and the space. Pure.
import type { Settings } from '../../app/model/settings.ts'
import type { Type } from '../terminal/terminal-size.ts'

/** A tile below this is not drawn: the grid scrolls instead. Pixels. */
export const smallestTile = { width: 340, height: 248 } as const
export const gap = 8

export interface Layout {
  readonly kind: 'one' | 'grid' | 'list'
  readonly columns: number
  /** Height of a row in pixels, at least. */
  readonly row: number
  readonly type: Type
  /** True where tiles are so small that their foot shows only on hover or focus and their panel is one row. */
  readonly compact: boolean
}

/** The density that a number of runs asks for. */
function densityFor(runs: number): Exclude<Settings['density'], 'auto'> {
  if (runs <= 1) return '1'
  if (runs <= 4) return '4'
  if (runs <= 9) return '9'
  return runs <= 16 ? '16' : 'list'
}

/** The layout of `runs` tiles in a box of `width` × `height` pixels of a window `window` pixels wide. */
export function layoutOf(
  runs: number,
  density: Settings['density'],
  room: { readonly width: number; readonly height: number; readonly window: number },
): Layout {
  const chosen = density === 'auto' ? densityFor(runs) : density
  const wide = room.window >= 2000
  if (chosen === 'list') {
    return { kind: 'list', columns: 1, row: smallestTile.height, type: { size: 11, line: 16 }, compact: false }
  }
  if (chosen === '1' && runs <= 1) {
    return { kind: 'one', columns: 1, row: smallestTile.height, type: { size: 13, line: 20 }, compact: false }
  }
  const side = { 1: 1, 4: 2, 9: 3, 16: 4 }[chosen]
  // Below 1240 px the rail is narrow too: two columns keep a tile's head and panel readable.
  const most = room.window < 1240 ? 2 : 4
  const fits = Math.min(most, Math.max(1, Math.floor((room.width - gap) / (smallestTile.width + gap))))
  const columns = Math.min(side, fits, Math.max(1, runs))
  const rows = Math.min(side, Math.ceil(Math.max(1, runs) / columns))
  return {
    kind: 'grid',
    columns,
    row: Math.max(smallestTile.height, Math.floor((room.height - gap * (rows + 1)) / rows)),
    type: typeOf(chosen, wide),
    compact: chosen === '16',
  }
}

function typeOf(density: '1' | '4' | '9' | '16', wide: boolean): Type {
  if (density === '1' || density === '4') return { size: 13, line: 20 }
  if (density === '9') return wide ? { size: 13, line: 18 } : { size: 11, line: 16 }
  return wide ? { size: 11, line: 16 } : { size: 10, line: 14 }
}
