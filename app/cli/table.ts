// Tables and widths for a terminal: aligned columns that fit the given width, whatever characters the cells contain. Pure. It knows
// no runs; its callers pass text that is already plain.

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** The narrowest it may become where the table is too wide; absent: it keeps its width. */
  readonly shrinkTo?: number
  /** Left out, highest first, where shrinking is not enough; absent: it is always shown. */
  readonly drop?: number
}

/** The table's lines, header first; none where there are no rows. `width` is in terminal cells; Infinity cuts nothing. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: { readonly width: number; readonly header?: (line: string) => string },
): string[] {
  if (rows.length === 0) return []
  let shown = columns.map((column, index) => ({ column, index, width: widest(column, index, rows) }))
  const total = () => shown.reduce((sum, { width }) => sum + width, 0) + gap.length * (shown.length - 1)
  for (const { column } of shown.toSorted((a, b) => (b.column.drop ?? 0) - (a.column.drop ?? 0))) {
    const least =
      total() - shown.reduce((sum, each) => sum + Math.max(0, each.width - (each.column.shrinkTo ?? each.width)), 0)
    if (least <= options.width || column.drop === undefined) break
    shown = shown.filter((each) => each.column !== column)
  }
  for (;;) {
    const over = total() - options.width
    const [widestNow] = shown
      .filter((each) => each.width > (each.column.shrinkTo ?? each.width))
      .toSorted((a, b) => b.width - a.width)
    if (over <= 0 || !widestNow) break
    widestNow.width -= 1
  }
  const line = (cells: readonly string[]) =>
    shown
      .map(({ column, width }, at) => {
        const cell = cut(cells[at] ?? '', width)
        const space = ' '.repeat(Math.max(0, width - displayWidth(cell)))
        return column.align === 'right' ? space + cell : cell + space
      })
      .join(gap)
      .trimEnd()
  const header = line(shown.map(({ column }) => column.title))
  return [options.header?.(header) ?? header, ...rows.map((row) => line(shown.map(({ index }) => row[index] ?? '')))]
}

/** "name   value" lines, the names padded to one width; values that are null are left out. */
export function pairs(entries: readonly (readonly [name: string, value: string | null])[]): string[] {
  const kept = entries.filter((entry): entry is [string, string] => entry[1] !== null)
  const width = Math.max(0, ...kept.map(([name]) => name.length))
  return kept.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
}

/** The text in at most `width` cells; what was cut ends in "…". */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let kept = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    const next = displayWidth(segment)
    if (used + next > width - 1) break
    kept += segment
    used += next
  }
  return `${kept}…`
}

/** How many cells a terminal draws the text in: two for wide characters and emoji, none for combining ones. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) {
    width += /^[\p{Mark}\p{Cf}\p{Cc}]+$/u.test(segment) ? 0 : wide.test(segment) ? 2 : 1
  }
  return width
}

const gap = '  '
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
// Emoji, and the blocks of Unicode's East Asian Width property that are W or F as a whole.
const wide =
  /\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u

function widest(column: Column, index: number, rows: readonly (readonly string[])[]): number {
  return rows.reduce((most, row) => Math.max(most, displayWidth(row[index] ?? '')), displayWidth(column.title))
}
