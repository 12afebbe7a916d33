// Every terminal query that the mirror answers, as one table. A test freezes it: a query that is not here gets no byte, and no
// answer contains a byte that the program chose, so printing a hostile file can never type a command. The mirror is the only one
// that answers, watched or not (contract rule 6). The value of a mode is read from the terminal's core.
import { type Colours, foreignModes, paletteColour, reportColour, type TrackedModes } from './modes.ts'
import { bgFlag, type Core } from './xterm-core.ts'

export interface ReplyState {
  readonly core: Core
  readonly modes: TrackedModes
  colours: Colours
}

export interface CsiReply {
  readonly prefix?: '?' | '>'
  readonly intermediates?: string
  readonly final: string
  /** The answer, or null where these parameters ask for something that is not answered. */
  answer(params: readonly number[], state: ReplyState): string | null
}

const first = (params: readonly number[]): number => params[0] ?? 0

export const csiReplies: readonly CsiReply[] = [
  // DA1: "VT100 with advanced video", as xterm.js says it.
  { final: 'c', answer: (params) => (first(params) === 0 ? '\x1b[?1;2c' : null) },
  // DA2: xterm, version 276, as xterm.js says it.
  { prefix: '>', final: 'c', answer: (params) => (first(params) === 0 ? '\x1b[>0;276;0c' : null) },
  { prefix: '>', final: 'q', answer: (params) => (first(params) === 0 ? '\x1bP>|xterm.js(6.0.0)\x1b\\' : null) },
  {
    final: 'n',
    answer: (params, state) =>
      first(params) === 5 ? '\x1b[0n' : first(params) === 6 ? `\x1b[${position(state.core)}R` : null,
  },
  {
    prefix: '?',
    final: 'n',
    answer(params, state) {
      if (first(params) === 6) return `\x1b[?${position(state.core)}R`
      // The colour scheme (contour's extension, which mode 2031 belongs to): 1 is dark, 2 light.
      if (first(params) === 996) return `\x1b[?997;${state.colours.dark ? 1 : 2}n`
      return null
    },
  },
  {
    prefix: '?',
    intermediates: '$',
    final: 'p',
    answer: (params, state) => `\x1b[?${first(params)};${privateMode(first(params), state)}$y`,
  },
  {
    intermediates: '$',
    final: 'p',
    answer: (params, state) => `\x1b[${first(params)};${ansiMode(first(params), state)}$y`,
  },
  {
    prefix: '?',
    final: 'u',
    answer: (params, { core, modes }) => (first(params) === 0 ? `\x1b[?${kittyFlags(core, modes)}u` : null),
  },
  {
    final: 't',
    answer: (params, { core }) => (first(params) === 18 ? `\x1b[8;${core.rows};${core.cols}t` : null),
  },
]

/** The cursor's row and column from 1; relative to the scroll region in origin mode (DEC STD 070). */
function position(core: Core): string {
  const buffer = core.buffers.active
  const y = core.coreService.decPrivateModes.origin ? Math.max(buffer.y - buffer.scrollTop, 0) : buffer.y
  // With a wrap pending the cursor is still on the last column.
  return `${y + 1};${Math.min(buffer.x, core.cols - 1) + 1}`
}

export function kittyFlags(core: Core, modes: TrackedModes): number {
  return (core.buffers.active === core.buffers.alt ? modes.kitty.alternate : modes.kitty.normal).flags
}

/** DECRPM: 0 unknown, 1 set, 2 reset, 3 always set, 4 never set. */
function privateMode(mode: number, { core, modes }: ReplyState): 0 | 1 | 2 | 3 | 4 {
  const dec = core.coreService.decPrivateModes
  const { activeProtocol, activeEncoding } = core.coreMouseService
  const states: Readonly<Record<number, boolean>> = {
    1: dec.applicationCursorKeys,
    6: dec.origin,
    7: dec.wraparound,
    9: activeProtocol === 'X10',
    12: core.options.cursorBlink,
    25: !core.coreService.isCursorHidden,
    45: dec.reverseWraparound,
    47: core.buffers.active === core.buffers.alt,
    66: dec.applicationKeypad,
    1000: activeProtocol === 'VT200',
    1002: activeProtocol === 'DRAG',
    1003: activeProtocol === 'ANY',
    1004: dec.sendFocus,
    1006: activeEncoding === 'SGR',
    1016: activeEncoding === 'SGR_PIXELS',
    1047: core.buffers.active === core.buffers.alt,
    1049: core.buffers.active === core.buffers.alt,
    2004: dec.bracketedPasteMode,
    2026: dec.synchronizedOutput,
  }
  const known = states[mode] ?? (foreignModes.includes(mode) ? modes.foreign.has(mode) : undefined)
  if (known !== undefined) return known ? 1 : 2
  if (mode === 8) return 3
  if (mode === 67 || mode === 1005 || mode === 1015) return 4
  if (mode === 1048) return 1
  return 0
}

function ansiMode(mode: number, { core }: ReplyState): 0 | 1 | 2 | 3 | 4 {
  if (mode === 4) return core.coreService.modes.insertMode ? 1 : 2
  if (mode === 20) return core.options.convertEol ? 1 : 2
  if (mode === 12) return 3
  return mode === 2 ? 4 : 0
}

/** DECRQSS: the settings that xterm.js reports; 0 refuses. */
export function statusString(request: string, { core }: ReplyState): string {
  const buffer = core.buffers.active
  switch (request) {
    case 'm':
      return '\x1bP1$r0m\x1b\\'
    case 'r':
      return `\x1bP1$r${buffer.scrollTop + 1};${buffer.scrollBottom + 1}r\x1b\\`
    case '"p':
      return '\x1bP1$r61;1"p\x1b\\'
    case '"q':
      return `\x1bP1$r${core._inputHandler._curAttrData.bg & bgFlag.protected ? 1 : 0}"q\x1b\\`
    case ' q':
      return `\x1bP1$r${cursorStyle(core)} q\x1b\\`
    default:
      return '\x1bP0$r\x1b\\'
  }
}

function cursorStyle(core: Core): number {
  const { cursorStyle: style, cursorBlink } = core.coreService.decPrivateModes
  const steady = { block: 2, underline: 4, bar: 6 }[style ?? 'block']
  return steady - ((cursorBlink ?? core.options.cursorBlink) ? 1 : 0)
}

/** XTGETTCAP: refused without the names that were asked for, which are the program's own bytes. */
export const refusedCapability = '\x1bP0+r\x1b\\'

/** OSC 7501, the program status protocol: "?" asks whether it is understood. */
export const statusProtocolReply = '\x1b]7501;?\x1b\\'

/** OSC 4: the report of one palette colour. `index` is checked by the caller: 0 to 255. */
export function paletteReply(index: number, { modes, colours }: ReplyState): string {
  return `\x1b]4;${index};${reportColour(modes.colours.get(index) ?? paletteColour(colours, index))}\x1b\\`
}

/** OSC 10, 11, 12. */
export function specialReply(which: 'foreground' | 'background' | 'cursor', { modes, colours }: ReplyState): string {
  const code = { foreground: 10, background: 11, cursor: 12 }[which]
  return `\x1b]${code};${reportColour(modes.colours.get(which) ?? colours[which])}\x1b\\`
}
