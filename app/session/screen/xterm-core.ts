// Typed access to the inside of @xterm/headless 6.0.0, the pinned emulator. The serialiser and the mirror need what its public API
// does not offer: cells with their underline styles and links, saved cursors, scroll regions, the mouse encoding, and a parse that
// is synchronous and can be guarded. Only the shapes in use are named here, and `openCore` checks them when a terminal is made, so
// that a changed library fails at once and by name. Nothing else may use more than the public API.
import headless, { type ITerminalInitOnlyOptions, type ITerminalOptions, type Terminal } from '@xterm/headless'

/** Bits of a cell's `fg` and `bg` words (common/buffer/Constants.ts of xterm 6.0.0). */
export const colourMode = { mask: 0x3000000, palette16: 0x1000000, palette256: 0x2000000, rgb: 0x3000000 } as const
export const fgFlag = {
  inverse: 0x4000000,
  bold: 0x8000000,
  underline: 0x10000000,
  blink: 0x20000000,
  invisible: 0x40000000,
  strikethrough: 0x80000000,
} as const
export const bgFlag = {
  italic: 0x4000000,
  dim: 0x8000000,
  extended: 0x10000000,
  protected: 0x20000000,
  overline: 0x40000000,
} as const

export interface CoreExtended {
  underlineStyle: number
  underlineColor: number
  urlId: number
  clone(): CoreExtended
}

export interface CoreAttributes {
  fg: number
  bg: number
  extended: CoreExtended
  updateExtended(): void
}

export interface CoreLine {
  readonly length: number
  isWrapped: boolean
  getWidth(index: number): number
  getFg(index: number): number
  getBg(index: number): number
  getString(index: number): string
  hasContent(index: number): number
  readonly _extendedAttrs: Readonly<Record<number, CoreExtended | undefined>>
}

export type CoreCharset = Readonly<Record<string, string>> | undefined

export interface CoreBuffer {
  readonly lines: { readonly length: number; get(index: number): CoreLine | undefined }
  x: number
  y: number
  readonly ybase: number
  readonly scrollTop: number
  readonly scrollBottom: number
  readonly savedX: number
  readonly savedY: number
  readonly savedCurAttrData: CoreAttributes
  readonly savedCharset: CoreCharset
  readonly tabs: Readonly<Record<number, boolean | undefined>>
}

export interface CoreParams {
  readonly length: number
  readonly params: ArrayLike<number>
}

/** Takes a string sequence piece by piece, as code points in `data` from `start` up to `end`. */
export interface CoreOscHandler {
  start(): void
  put(data: Uint32Array, start: number, end: number): void
  end(success: boolean): boolean
}

export interface CoreDcsHandler {
  hook(params: CoreParams): void
  put(data: Uint32Array, start: number, end: number): void
  unhook(success: boolean): boolean
}

export interface CoreParser {
  /** 0 is the ground state: outside of any sequence. */
  readonly currentState: number
  /** Not 0 right after a character was printed: the next one may join it, and REP repeats it. */
  readonly precedingJoinState: number
  reset(): void
  clearOscHandler(id: number): void
  registerOscHandler(id: number, handler: CoreOscHandler): unknown
  clearDcsHandler(id: { readonly intermediates: string; readonly final: string }): void
  registerDcsHandler(id: { readonly intermediates: string; readonly final: string }, handler: CoreDcsHandler): unknown
}

export interface CoreInputHandler {
  readonly _curAttrData: CoreAttributes
  readonly _parser: CoreParser
  /** Consumes the bytes before it returns; only an asynchronous handler, of which there is none here, gives a promise. */
  parse(bytes: Uint8Array | string): unknown
  eraseInDisplay(params: CoreParams, respectProtect: boolean): boolean
  eraseInLine(params: CoreParams, respectProtect: boolean): boolean
  insertLines(params: CoreParams): boolean
  deleteLines(params: CoreParams): boolean
  scrollUp(params: CoreParams): boolean
  scrollDown(params: CoreParams): boolean
}

export interface Core {
  readonly cols: number
  readonly rows: number
  readonly buffers: { readonly active: CoreBuffer; readonly normal: CoreBuffer; readonly alt: CoreBuffer }
  readonly options: { readonly convertEol: boolean; readonly cursorBlink: boolean }
  readonly coreService: {
    isCursorHidden: boolean
    readonly modes: { readonly insertMode: boolean }
    readonly decPrivateModes: {
      readonly applicationCursorKeys: boolean
      readonly applicationKeypad: boolean
      readonly bracketedPasteMode: boolean
      readonly cursorBlink: boolean | undefined
      readonly cursorStyle: 'block' | 'underline' | 'bar' | undefined
      readonly origin: boolean
      readonly reverseWraparound: boolean
      readonly sendFocus: boolean
      readonly synchronizedOutput: boolean
      readonly wraparound: boolean
    }
  }
  readonly coreMouseService: { readonly activeProtocol: string; readonly activeEncoding: string }
  readonly _charsetService: {
    readonly charset: CoreCharset
    readonly glevel: number
    readonly _charsets: readonly CoreCharset[]
  }
  readonly _inputHandler: CoreInputHandler
}

/** Makes a headless terminal and opens its core. Throws where the library is not of the pinned shape. */
export function openCore(options: ITerminalOptions & ITerminalInitOnlyOptions): {
  readonly terminal: Terminal
  readonly core: Core
} {
  const terminal = new headless.Terminal({ ...options, allowProposedApi: true })
  const core = (terminal as unknown as { _core?: Core })._core
  const line = core?.buffers?.normal?.lines?.get(0)
  const handler = core?._inputHandler
  const whole =
    core &&
    handler &&
    typeof handler.parse === 'function' &&
    typeof handler.scrollUp === 'function' &&
    typeof handler._parser?.clearOscHandler === 'function' &&
    handler._parser.currentState === 0 &&
    handler._parser.precedingJoinState === 0 &&
    typeof handler._parser.clearDcsHandler === 'function' &&
    typeof handler._curAttrData?.extended?.urlId === 'number' &&
    typeof line?.getFg === 'function' &&
    typeof line._extendedAttrs === 'object' &&
    typeof core.coreMouseService?.activeEncoding === 'string' &&
    Array.isArray(core._charsetService?._charsets)
  if (!whole)
    throw new Error('@xterm/headless is not of the shape that app/session/xterm-core.ts was written for (6.0.0)')
  return { terminal, core }
}

/**
 * The final byte of the designation of each charset, by xterm's own table object. The tables are shared between terminals, so
 * one scratch terminal finds them all; US ASCII is `undefined` there and "B" here.
 */
let letters: ReadonlyMap<CoreCharset, string> | null = null
export function charsetLetter(charset: CoreCharset): string {
  if (!letters) {
    const found = new Map<CoreCharset, string>()
    const { terminal, core } = openCore({ cols: 2, rows: 2, scrollback: 0 })
    for (const letter of '0A45C6RQKYEZH7=') {
      core._inputHandler.parse(`\x1b(${letter}`)
      const table = core._charsetService._charsets[0]
      if (table && !found.has(table)) found.set(table, letter)
    }
    terminal.dispose()
    letters = found
  }
  return letters.get(charset) ?? 'B'
}
