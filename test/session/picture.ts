// Everything of a terminal that a person can see or a key can depend on, as plain values, for comparing a mirror with what was
// rebuilt from it. Empty cells and spaces of the same style look alike and compare alike.
import type { Terminal } from '@xterm/headless'
import type { Core, CoreBuffer, CoreLine } from '../../app/session/screen/xterm-core.ts'
import { bgFlag, charsetLetter, fgFlag } from '../../app/session/screen/xterm-core.ts'

export const coreOf = (terminal: Terminal): Core => (terminal as unknown as { _core: Core })._core

const colourBits = 0x3ffffff

/** A palette colour's word keeps bits of an RGB colour that was there before; they mean nothing. */
const colourOf = (word: number): number => {
  const mode = word & 0x3000000
  return mode === 0x3000000 ? word & colourBits : mode === 0 ? 0 : word & 0x30000ff
}
const clean = (word: number): number => ((word & ~colourBits) | colourOf(word)) >>> 0

function cellOf(line: CoreLine, x: number): string {
  const chars = line.getString(x) || ' '
  let fg = clean(line.getFg(x))
  let bg = clean(line.getBg(x) & ~bgFlag.extended)
  const extended = line.getBg(x) & bgFlag.extended ? line._extendedAttrs[x] : undefined
  const style = fg & fgFlag.underline ? (extended && !extended.urlId ? extended.underlineStyle || 1 : 1) : 0
  if (chars === ' ' && line.hasContent(x) === 0) {
    // A cell without content shows its background, and of its style only what draws without a glyph.
    const seen = fg & (fgFlag.inverse | fgFlag.underline | fgFlag.strikethrough) || bg & bgFlag.overline
    if (!seen) {
      fg = 0
      bg &= colourBits
    }
  }
  return [
    chars,
    line.getWidth(x),
    fg.toString(16),
    bg.toString(16),
    style,
    colourOf(extended?.underlineColor ?? 0),
  ].join('|')
}

export function linesOf(buffer: CoreBuffer): string[] {
  const lines: string[] = []
  for (let y = 0; y < buffer.lines.length; y++) {
    const line = buffer.lines.get(y)
    if (!line) continue
    const cells: string[] = []
    for (let x = 0; x < line.length; x++) cells.push(cellOf(line, x))
    const blank = ' |1|0|0|0|0'
    while (cells.at(-1) === blank) cells.pop()
    // The first line of the scrollback may go on from one that was let go.
    lines.push(`${line.isWrapped && y > 0 ? '↪' : ' '}${cells.join(' ')}`)
  }
  return lines
}

export function modesOf(core: Core): unknown {
  const { active, normal, alt } = core.buffers
  const buffers = active === alt ? [normal, alt] : [normal]
  return {
    alternate: active === alt,
    buffers: buffers.map((buffer) => ({
      scroll: [buffer.scrollTop, buffer.scrollBottom],
      saved: [
        Math.min(buffer.savedX, core.cols - 1),
        Math.min(Math.max(buffer.savedY - buffer.ybase, 0), core.rows - 1),
        clean(buffer.savedCurAttrData.fg),
        clean(buffer.savedCurAttrData.bg & ~bgFlag.extended),
        charsetLetter(buffer.savedCharset),
      ],
      tabs: Array.from({ length: core.cols }, (_, x) => (buffer.tabs[x] ? x : -1)).filter((x) => x >= 0),
    })),
    cursor: [active.x, active.y],
    hidden: core.coreService.isCursorHidden,
    insert: core.coreService.modes.insertMode,
    dec: { ...core.coreService.decPrivateModes, synchronizedOutput: false },
    mouse: [core.coreMouseService.activeProtocol, core.coreMouseService.activeEncoding],
    eol: core.options.convertEol,
    blink: core.options.cursorBlink,
    charsets: [0, 1, 2, 3].map((slot) =>
      charsetLetter(
        slot === core._charsetService.glevel ? core._charsetService.charset : core._charsetService._charsets[slot],
      ),
    ),
    level: core._charsetService.glevel,
    pen: [clean(core._inputHandler._curAttrData.fg), clean(core._inputHandler._curAttrData.bg & ~bgFlag.extended)],
  }
}
