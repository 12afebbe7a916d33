// Writes a mirror's whole state as bytes that rebuild it on an empty terminal of the same size: scrollback and both screens with
// every attribute, wraps and links, saved cursors, scroll regions, tab stops, charsets, and every mode, so that typing and clicking
// work as before. We wrote our own because the serialize addon 0.14.0 drops SGR mouse mode, the scroll region, cursor style and
// visibility, underline styles, OSC 8 and more: the text matches, but then input breaks. It reads the core and changes nothing.
import type { Link } from './links.ts'
import type { KittyStack, TrackedModes } from './modes.ts'
import {
  bgFlag,
  type Core,
  type CoreAttributes,
  type CoreBuffer,
  type CoreExtended,
  type CoreLine,
  charsetLetter,
  colourMode,
  fgFlag,
} from './xterm-core.ts'

export interface SerialiseInput {
  readonly core: Core
  readonly modes: TrackedModes
  readonly links: ReadonlyMap<number, Link>
  /** How many lines of scrollback to write at most. */
  readonly scrollback: number
}

/**
 * To be sent before a state: CAN ends a sequence that the view was dropped in, and the rest is what a reset of xterm.js 6.0.0
 * leaves as it was: a hidden cursor, newline mode, a blinking cursor, colours that the program set.
 */
export const freshStart = '\x18\x1b[?25h\x1b[20l\x1b[?12l\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\'

/** The state as a string. Costs about 15 µs a line; a parser in the middle of a sequence is not part of it (see session.ts). */
export function serialise(input: SerialiseInput): string {
  const { core } = input
  const { normal, alt, active } = core.buffers
  const pen = newPen(input.links)
  const out: string[] = []
  writeLines(out, pen, core, normal, Math.max(0, normal.ybase - input.scrollback))
  writeBufferState(out, pen, core, normal)
  writeKitty(out, input.modes.kitty.normal)
  if (active === alt) {
    // Not 1049: that would save the cursor again, and fill the screen with the background of the moment.
    out.push(pen.to(0, 0, null), '\x1b[?1047h\x1b[r\x1b[H\x1b[2J')
    writeLines(out, pen, core, alt, 0)
    writeBufferState(out, pen, core, alt)
    writeKitty(out, input.modes.kitty.alternate)
  }
  writeCharsets(out, core)
  writeModes(out, input)
  // Last, because a sequence after a character would keep the next one from joining it.
  writeCursor(out, pen, core, active)
  return out.join('')
}

interface Pen {
  /** The escape sequences that change from the attributes written last to these; '' where nothing changes. */
  to(fg: number, bg: number, extended: CoreExtended | null): string
  /** True where cells that are erased now get no background. */
  plain(): boolean
}

const noExtended = { underlineStyle: 0, underlineColor: 0, urlId: 0 }

function newPen(links: ReadonlyMap<number, Link>): Pen {
  let nowFg = 0
  let nowBg = 0
  let nowStyle = 0
  let nowColour = 0
  let nowLink = 0
  return {
    plain: () => (nowBg & (colourMode.mask | 0xffffff)) === 0,
    to(rawFg, bg, given) {
      const fg = meant(rawFg)
      const extended = bg & bgFlag.extended && given ? given : noExtended
      // A link shows a dashed underline of its own (xterm.js, its AttributeData), so the style beneath it cannot be read and is not kept.
      const style = fg & fgFlag.underline ? (extended.urlId === 0 ? extended.underlineStyle || 1 : 1) : 0
      const colour = meant(extended.underlineColor)
      const link = links.has(extended.urlId) ? extended.urlId : 0
      const nextBg = meant(bg & ~bgFlag.extended)
      if (fg === nowFg && nextBg === nowBg && style === nowStyle && colour === nowColour && link === nowLink) return ''
      let text = ''
      if (link !== nowLink) text += linkSequence(links.get(link))
      if ((nextBg ^ nowBg) & bgFlag.protected) text += nextBg & bgFlag.protected ? '\x1b[1"q' : '\x1b[0"q'
      if (fg !== nowFg || (nextBg ^ nowBg) & ~bgFlag.protected || style !== nowStyle || colour !== nowColour) {
        text += sgr(fg, nextBg, style, colour)
        // SGR 0 also clears DECSCA in xterm.js 6.0.0 (_processSGR0 sets bg to its default).
        if (nextBg & bgFlag.protected) text += '\x1b[1"q'
      }
      nowFg = fg
      nowBg = nextBg
      nowStyle = style
      nowColour = colour
      nowLink = link
      return text
    },
  }
}

/** Without the bits that a palette colour keeps of an RGB colour before it: they mean nothing. */
function meant(word: number): number {
  const mode = word & colourMode.mask
  return (mode === colourMode.rgb ? word : mode === 0 ? word & ~0xffffff : word & ~0xffff00) >>> 0
}

function linkSequence(link: Link | undefined): string {
  if (!link) return '\x1b]8;;\x1b\\'
  return `\x1b]8;${link.id === null ? '' : `id=${link.id}`};${link.uri}\x1b\\`
}

/** One SGR that sets all attributes from nothing: longer than a difference, and never wrong about what 22 or 24 also clear. */
function sgr(fg: number, bg: number, underline: number, underlineColour: number): string {
  let text = '\x1b[0'
  if (fg & fgFlag.bold) text += ';1'
  if (bg & bgFlag.dim) text += ';2'
  if (bg & bgFlag.italic) text += ';3'
  if (underline === 1) text += ';4'
  else if (underline > 1) text += `;4:${underline}`
  if (fg & fgFlag.blink) text += ';5'
  if (fg & fgFlag.inverse) text += ';7'
  if (fg & fgFlag.invisible) text += ';8'
  if (fg & fgFlag.strikethrough) text += ';9'
  if (bg & bgFlag.overline) text += ';53'
  text += colour(fg, 30) + colour(bg, 40)
  const mode = underlineColour & colourMode.mask
  if (mode === colourMode.rgb) text += `;58:2::${rgb(underlineColour, ':')}`
  else if (mode !== 0) text += `;58:5:${underlineColour & 0xff}`
  return `${text}m`
}

function colour(word: number, base: 30 | 40): string {
  const value = word & 0xff
  switch (word & colourMode.mask) {
    case colourMode.palette16:
      return `;${value >= 8 ? base + 60 + (value & 7) : base + value}`
    case colourMode.palette256:
      return `;${base + 8};5;${value}`
    case colourMode.rgb:
      return `;${base + 8};2;${rgb(word, ';')}`
    default:
      return ''
  }
}

const rgb = (word: number, by: string): string => [(word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff].join(by)

const colourBits = colourMode.mask | 0xffffff
/** Bits of a null cell that can be seen: all of it but the marks for extended attributes and protection. */
const visibleBits = ~(bgFlag.extended | bgFlag.protected)
/** More combined characters than this in one cell are cut: the mirror joins 32 at most (screen.ts), each of up to 2 units. */
const maxCellUnits = 96

function writeLines(out: string[], pen: Pen, core: Core, buffer: CoreBuffer, from: number): void {
  const last = buffer.ybase > 0 ? buffer.lines.length - 1 : lastUsedLine(buffer)
  for (let y = from; y <= last; y++) {
    const line = buffer.lines.get(y)
    if (!line) continue
    const tail = writeCells(out, pen, line)
    const next = y < last ? buffer.lines.get(y + 1) : undefined
    if (!next) continue
    if (!next.isWrapped) {
      // A line that scrolls in is filled with the background of the moment, and must not be.
      if (!pen.plain()) out.push(pen.to(0, 0, null))
      out.push('\r\n')
    } else if (tail > 0 || !wrapsByItself(next)) {
      out.push(pen.to(0, 0, null), forceWrap(core.cols, tail))
      eraseTail(out, pen, line, tail)
      // Down again to the new line, whose first cell still holds the filler.
      out.push('\r\x1b[B', pen.to(0, 0, null), '\x1b[X')
    }
  }
}

/** The last line that the screen needs: those below are empty, as those of an empty terminal are. */
function lastUsedLine(buffer: CoreBuffer): number {
  for (let y = buffer.lines.length - 1; y > 0; y--) {
    const line = buffer.lines.get(y)
    if (!line) continue
    if (line.isWrapped || usedCells(line) > 0) return y
  }
  return 0
}

const isBlank = (line: CoreLine, x: number): boolean =>
  line.hasContent(x) === 0 && line.getWidth(x) === 1 && line.getFg(x) === 0 && (line.getBg(x) & visibleBits) === 0

function usedCells(line: CoreLine): number {
  let end = line.length
  while (end > 0 && isBlank(line, end - 1)) end--
  return end
}

/** A wrap comes from printing past the edge: the next line must begin with a character, and with no background to be filled with. */
function wrapsByItself(next: CoreLine): boolean {
  return next.hasContent(0) !== 0 && (next.getBg(0) & colourBits) === 0 && next.getWidth(0) > 0
}

/** Fills the rest of the line and one cell of the next, which wraps; then goes back to the end of what belongs to the line. */
function forceWrap(cols: number, tail: number): string {
  return `${' '.repeat(tail)}${breakJoin} \x1b[A\x1b[${cols - tail + 1}G`
}

/** Sets the last `tail` cells of a line to what they were: nothing, perhaps with a background. The cursor stands on the first. */
function eraseTail(out: string[], pen: Pen, line: CoreLine, tail: number): void {
  for (let x = line.length - tail; x < line.length; ) {
    const end = nullRun(line, x)
    out.push(pen.to(0, line.getBg(x) & colourBits, null), `\x1b[${end - x}X`)
    if (end < line.length) out.push(`\x1b[${end - x}C`)
    x = end
  }
}

/**
 * A sequence that does nothing (ST) and ends a grapheme cluster: characters of neighbouring cells, which were written apart,
 * would join to one otherwise.
 */
const breakJoin = '\x1b\\'
const joinsNothing = (code: number): boolean =>
  code < 0x300 || (code >= 0x2500 && code < 0x2600) || (code >= 0x3041 && code < 0xa000)

/** Writes a line's cells. Gives how many null cells stand at its end, with the cursor on the first of them. */
function writeCells(out: string[], pen: Pen, line: CoreLine): number {
  const end = usedCells(line)
  let safe = true
  let x = 0
  let text = ''
  while (x < end) {
    const width = line.getWidth(x)
    const fg = line.getFg(x)
    const bg = line.getBg(x)
    if (line.hasContent(x) === 0) {
      // An empty cell that shows more than a background (inverse, underlined) is drawn as a space in that style.
      if ((fg | (bg & ~colourBits & visibleBits)) !== 0 && hasStyle(fg, bg)) {
        text += `${pen.to(fg >>> 0, bg, line._extendedAttrs[x] ?? null)} `
        safe = true
        x++
        continue
      }
      const runEnd = Math.min(nullRun(line, x), end)
      const run = runEnd - x
      if ((bg & colourBits) !== 0) text += `${pen.to(0, bg & colourBits, null)}\x1b[${run}X`
      if (runEnd >= end) break
      text += `\x1b[${run}C`
      safe = true
      x = runEnd
      continue
    }
    const chars = line.getString(x)
    const first = chars.codePointAt(0) ?? 0
    const change = pen.to(fg >>> 0, bg, bg & bgFlag.extended ? (line._extendedAttrs[x] ?? null) : null)
    const alone = first < 0x300 && chars.length === 1
    if (change !== '') text += change
    else if (!(safe && joinsNothing(first))) text += breakJoin
    text += chars.length > maxCellUnits ? chars.slice(0, maxCellUnits) : chars
    safe = alone || (chars.length === 1 && joinsNothing(first))
    x += Math.max(width, 1)
  }
  out.push(text)
  return line.length - Math.min(x, line.length)
}

/** Inverse, underline, strike-through and overline can be seen on an empty cell; the foreground's colour alone cannot. */
const hasStyle = (fg: number, bg: number): boolean =>
  (fg & (fgFlag.inverse | fgFlag.underline | fgFlag.strikethrough)) !== 0 || (bg & bgFlag.overline) !== 0

/** The end of the run of null cells with one background that begins at `x`. */
function nullRun(line: CoreLine, x: number): number {
  const bg = line.getBg(x) & colourBits
  let end = x + 1
  while (
    end < line.length &&
    line.hasContent(end) === 0 &&
    (line.getBg(end) & colourBits) === bg &&
    !hasStyle(line.getFg(end), line.getBg(end))
  )
    end++
  return end
}

/** Tab stops, the saved cursor and the scroll region of one screen. Leaves the cursor anywhere. */
function writeBufferState(out: string[], pen: Pen, core: Core, buffer: CoreBuffer): void {
  const stops = tabStops(core, buffer)
  if (stops) out.push('\x1b[3g', ...stops.map((x) => `\x1b[${x + 1}G\x1bH`))
  const saved = buffer.savedCurAttrData
  const savedY = Math.min(Math.max(buffer.savedY - buffer.ybase, 0), core.rows - 1)
  const savedBg = saved.bg & ~bgFlag.extended
  const letter = charsetLetter(buffer.savedCharset)
  if (buffer.savedX !== 0 || savedY !== 0 || saved.fg !== 0 || savedBg !== 0 || letter !== 'B') {
    out.push(
      `\x1b[${savedY + 1};${Math.min(buffer.savedX, core.cols - 1) + 1}H`,
      pen.to(saved.fg >>> 0, savedBg, null),
      letter === 'B' ? '\x1b7' : `\x1b(${letter}\x1b7\x1b(B`,
    )
  }
  if (buffer.scrollTop !== 0 || buffer.scrollBottom !== core.rows - 1)
    out.push(`\x1b[${buffer.scrollTop + 1};${buffer.scrollBottom + 1}r`)
}

/** Where the tab stops are, or null where they are where they always are: at every eighth column. */
function tabStops(core: Core, buffer: CoreBuffer): number[] | null {
  const stops: number[] = []
  let usual = true
  for (let x = 0; x < core.cols; x++) {
    const set = buffer.tabs[x] === true
    if (set) stops.push(x)
    if (set !== (x % 8 === 0)) usual = false
  }
  return usual ? null : stops
}

function writeCursor(out: string[], pen: Pen, core: Core, buffer: CoreBuffer): void {
  // Origin mode homes the cursor and makes what follows relative to the region, so it comes first.
  const origin = core.coreService.decPrivateModes.origin
  if (origin) out.push('\x1b[?6h')
  const y = origin ? Math.max(buffer.y - buffer.scrollTop, 0) : buffer.y
  const line = buffer.lines.get(buffer.ybase + buffer.y)
  // A wrap that is pending, and what the next character joins or REP repeats, come back only by printing the last one again.
  const pending = buffer.x >= core.cols
  const joinable = core._inputHandler._parser.precedingJoinState !== 0 && !core.coreService.modes.insertMode
  const end = Math.min(buffer.x, core.cols)
  const at = end - (end > 1 && line?.getWidth(end - 1) === 0 ? 2 : 1)
  if (line && at >= 0 && (pending || (joinable && line.hasContent(at) !== 0))) {
    out.push(
      `\x1b[${y + 1};${at + 1}H`,
      pen.to(line.getFg(at) >>> 0, line.getBg(at), line._extendedAttrs[at] ?? null),
      line.getString(at) || ' ',
    )
  } else {
    out.push(`\x1b[${y + 1};${buffer.x + 1}H`)
  }
  const attributes: CoreAttributes = core._inputHandler._curAttrData
  out.push(pen.to(attributes.fg >>> 0, attributes.bg, attributes.extended))
}

const designators = ['(', ')', '*', '+']

function writeCharsets(out: string[], core: Core): void {
  const { _charsets, glevel, charset } = core._charsetService
  designators.forEach((designator, slot) => {
    // Restoring a cursor sets the charset beside its slot in xterm.js 6.0.0; what is drawn with is what counts.
    const letter = charsetLetter(slot === glevel ? charset : _charsets[slot])
    if (letter !== 'B') out.push(`\x1b${designator}${letter}`)
  })
  if (glevel !== 0) out.push(['', '\x0e', '\x1bn', '\x1bo'][glevel] ?? '')
}

const mouseProtocols: Readonly<Record<string, string>> = { X10: '9', VT200: '1000', DRAG: '1002', ANY: '1003' }
const mouseEncodings: Readonly<Record<string, string>> = { SGR: '1006', SGR_PIXELS: '1016' }
const cursorStyles = { block: 1, underline: 3, bar: 5 } as const

function writeModes(out: string[], { core, modes }: SerialiseInput): void {
  const dec = core.coreService.decPrivateModes
  const on: string[] = []
  if (dec.applicationCursorKeys) on.push('1')
  if (core.options.cursorBlink) on.push('12')
  if (dec.reverseWraparound) on.push('45')
  if (dec.applicationKeypad) on.push('66')
  if (dec.sendFocus) on.push('1004')
  if (dec.bracketedPasteMode) on.push('2004')
  const protocol = mouseProtocols[core.coreMouseService.activeProtocol]
  const encoding = mouseEncodings[core.coreMouseService.activeEncoding]
  if (protocol) on.push(protocol)
  if (encoding) on.push(encoding)
  on.push(...[...modes.foreign].map(String))
  for (const mode of on) out.push(`\x1b[?${mode}h`)
  if (!dec.wraparound) out.push('\x1b[?7l')
  if (core.coreService.isCursorHidden) out.push('\x1b[?25l')
  if (core.coreService.modes.insertMode) out.push('\x1b[4h')
  if (core.options.convertEol) out.push('\x1b[20h')
  if (dec.cursorStyle) out.push(`\x1b[${cursorStyles[dec.cursorStyle] + (dec.cursorBlink ? 0 : 1)} q`)
  if (modes.modifyOtherKeys) out.push(`\x1b[>4;${modes.modifyOtherKeys}m`)
  for (const [key, value] of modes.colours)
    out.push(typeof key === 'number' ? `\x1b]4;${key};${value}\x1b\\` : `\x1b]${specialColour[key]};${value}\x1b\\`)
  if (modes.title) out.push(`\x1b]2;${modes.title}\x1b\\`)
}

/** The stack of the screen that is active when this is read: its first flags are set, each further entry is pushed. */
function writeKitty(out: string[], stack: KittyStack): void {
  const [first = 0, ...others] = [...stack.pushed, stack.flags]
  if (first !== 0) out.push(`\x1b[=${first};1u`)
  for (const flags of others) out.push(`\x1b[>${flags}u`)
}

const specialColour = { foreground: 10, background: 11, cursor: 12 } as const
