// What xterm does not remember of a program's requests, so that a view that attaches later can be told: the kitty keyboard's flags
// (a stack for each screen), modifyOtherKeys, private modes that only a client acts on, and the colours it set. Plain data, changed
// by the mirror's parser hooks (screen.ts) and written by serialise.ts. It knows no terminal.

/** Private modes that xterm 6.0.0 ignores and a client may act on: alternate scroll, and reports of a changed colour scheme. */
export const foreignModes: readonly number[] = [1007, 2031]

/** How deep the kitty keyboard stack goes; the protocol asks for a limit against denial of service and leaves the figure open. */
const kittyDepth = 16
/** Of the kitty keyboard protocol's five flags, the one that views deliver: what is not delivered is not claimed either. */
const kittyMask = 0b1

export interface KittyStack {
  flags: number
  readonly pushed: number[]
}

export interface TrackedModes {
  readonly kitty: { readonly normal: KittyStack; readonly alternate: KittyStack }
  /** XTMODKEYS resource 4; 0 is off. */
  modifyOtherKeys: number
  readonly foreign: Set<number>
  /** Palette index, or "foreground", "background", "cursor" → "#rrggbb", where a program set it. */
  readonly colours: Map<number | 'foreground' | 'background' | 'cursor', string>
  title: string
}

export function newModes(): TrackedModes {
  return {
    kitty: { normal: { flags: 0, pushed: [] }, alternate: { flags: 0, pushed: [] } },
    modifyOtherKeys: 0,
    foreign: new Set(),
    colours: new Map(),
    title: '',
  }
}

/** What a full reset (RIS) forgets. */
export function resetModes(modes: TrackedModes): void {
  for (const stack of [modes.kitty.normal, modes.kitty.alternate]) {
    stack.flags = 0
    stack.pushed.length = 0
  }
  modes.modifyOtherKeys = 0
  modes.foreign.clear()
  modes.colours.clear()
}

/** CSI > flags u */
export function pushKitty(stack: KittyStack, flags: number): void {
  stack.pushed.push(stack.flags)
  if (stack.pushed.length > kittyDepth) stack.pushed.shift()
  stack.flags = flags & kittyMask
}

/** CSI < count u; more than there are empties the stack and clears the flags. */
export function popKitty(stack: KittyStack, count: number): void {
  for (let left = Math.min(Math.max(count, 1), kittyDepth + 1); left > 0; left--) stack.flags = stack.pushed.pop() ?? 0
}

/** CSI = flags ; mode u: 1 sets all, 2 adds, 3 takes away. */
export function setKitty(stack: KittyStack, flags: number, mode: number): void {
  const known = flags & kittyMask
  if (mode === 2) stack.flags |= known
  else if (mode === 3) stack.flags &= ~known
  else stack.flags = known
}

/** "rgb:rr/gg/bb" (1 to 4 digits each) or "#rgb", "#rrggbb" … as "#rrggbb"; null where it is neither. Names are not known. */
export function parseColour(spec: string): string | null {
  const slashed = /^rgb:([0-9a-f]{1,4})\/([0-9a-f]{1,4})\/([0-9a-f]{1,4})$/i.exec(spec)
  const parts = slashed ? slashed.slice(1, 4) : hashParts(spec)
  if (!parts) return null
  const scaled = parts.map((part) => {
    // rgb: scales each to its own digits (f = ff); # cuts off after them (#f00 = f00000), as X11 says.
    const value = slashed
      ? Number.parseInt(part, 16) / (16 ** part.length - 1)
      : Number.parseInt(part.padEnd(2, '0').slice(0, 2), 16) / 255
    return Math.round(value * 255)
      .toString(16)
      .padStart(2, '0')
  })
  return `#${scaled.join('')}`
}

function hashParts(spec: string): string[] | null {
  const digits = /^#([0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{9}|[0-9a-f]{12})$/i.exec(spec)?.[1]
  if (!digits) return null
  const each = digits.length / 3
  return [digits.slice(0, each), digits.slice(each, each * 2), digits.slice(each * 2)]
}

/** "#rrggbb" as the "rgb:rrrr/gggg/bbbb" of a colour report. */
export function reportColour(hex: string): string {
  const part = (at: number) => hex.slice(at, at + 2).repeat(2)
  return `rgb:${part(1)}/${part(3)}/${part(5)}`
}

/** What a program that asks for its colours is told where it set none itself. */
export interface Colours {
  readonly foreground: string
  readonly background: string
  readonly cursor: string
  /** The first sixteen of the palette; the rest is xterm's cube and greys. */
  readonly ansi: readonly string[]
  readonly dark: boolean
}

/** The design tokens of the dark theme. */
export const darkColours: Colours = {
  foreground: '#d3dad6',
  background: '#121614',
  cursor: '#d3dad6',
  ansi: [
    ...['#121614', '#ff8a80', '#7bcf95', '#e6c06a', '#82b1ff', '#d3a4ee', '#74c8cc', '#d3dad6'],
    ...['#8b968f', '#ff8a80', '#7bcf95', '#e6c06a', '#82b1ff', '#d3a4ee', '#74c8cc', '#f3f6f4'],
  ],
  dark: true,
}

/** And those of the light one. */
export const lightColours: Colours = {
  foreground: '#232c27',
  background: '#ffffff',
  cursor: '#232c27',
  ansi: [
    ...['#17201b', '#b92a23', '#17713a', '#825400', '#1a5bcb', '#7a3ca3', '#0a6a73', '#232c27'],
    ...['#626e68', '#b92a23', '#17713a', '#825400', '#1a5bcb', '#7a3ca3', '#0a6a73', '#0d1410'],
  ],
  dark: false,
}

/** One colour of the 256, "#rrggbb": the theme's sixteen, then xterm's 6×6×6 cube, then its 24 greys. */
export function paletteColour(colours: Colours, index: number): string {
  const themed = colours.ansi[index]
  if (themed) return themed
  const hex = (value: number) => value.toString(16).padStart(2, '0')
  if (index >= 232) return `#${hex(8 + (index - 232) * 10).repeat(3)}`
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40)
  const cube = index - 16
  return `#${hex(level(Math.floor(cube / 36)))}${hex(level(Math.floor(cube / 6) % 6))}${hex(level(cube % 6))}`
}
