// The host's headless mirror of one terminal. It consumes a program's output, answers its queries (nothing else does, and it does
// not during a replay), notices titles, bells, notifications and program status, and can write its whole state as bytes for a view
// that attaches. It survives hostile output: counts, payloads, titles, links and clusters are bounded, and exceptions inside the
// emulator are caught. It knows no session, no keeper and no client.
import type { ITerminalInitOnlyOptions, ITerminalOptions, Terminal } from '@xterm/headless'
import { oneLine, plainText } from '../../model/text/text.ts'
import { type ProgramStatus, parseNotification, parseProgramStatus } from '../activity/signals.ts'
import { newLinks } from './links.ts'
import {
  darkColours,
  foreignModes,
  lightColours,
  newModes,
  parseColour,
  popKitty,
  pushKitty,
  resetModes,
  setKitty,
} from './modes.ts'
import {
  csiReplies,
  paletteReply,
  type ReplyState,
  refusedCapability,
  specialReply,
  statusProtocolReply,
  statusString,
} from './replies.ts'
import { serialise } from './serialise.ts'
import { takeDcs, takeOsc } from './strings.ts'
import { maxJoined, measureGraphemes } from './widths.ts'
import { type Core, openCore } from './xterm-core.ts'

export interface ScreenListener {
  /** Bytes for the program's input. Fires while `write` runs, and only while `answering`. */
  onReply?(bytes: string): void
  /** At most 256 characters, no control characters; '' when the program took its title back. */
  onTitle?(title: string): void
  onBell?(): void
  onProgramStatus?(status: ProgramStatus): void
  /** Text of OSC 9, 777 and 99, at most 500 characters. */
  onNotification?(text: string): void
}

export interface Screen {
  readonly cols: number
  readonly rows: number
  /** False while old output is replayed: no query is answered then. */
  answering: boolean
  /** True where the program asked for pastes between markers (mode 2004). */
  readonly bracketedPaste: boolean
  /** False in the middle of a sequence. */
  readonly atGround: boolean
  /** How often the emulator threw; the rest of that piece of output was lost. */
  readonly faults: number
  /** Consumes the bytes before it returns; `done` is called then. */
  write(bytes: Uint8Array | string, done?: () => void): void
  /** Its views paint dark or light from now on. A program that asked to be told (mode 2031) is told. */
  setDark(dark: boolean): void
  /** Gives up a sequence that is half read, as after a gap in the output. */
  abortSequence(): void
  resize(cols: number, rows: number): void
  /** Bytes that rebuild this screen on an empty terminal of the same size. */
  serialise(options?: { readonly scrollback?: number }): string
  /** The last line that is not empty, at most 200 characters; null where the screen is empty. */
  lastLine(): string | null
  /** Scrollback and screen as text, wrapped lines joined. */
  plainText(): string
  close(): void
}

export interface ScreenOptions extends ScreenListener {
  readonly cols: number
  readonly rows: number
  /** Lines kept above the screen: 1,500 (10 MB would hold 5,000 × 120; the rest of the output is in the spool on disk). */
  readonly scrollback?: number
  /** How its views paint; default: dark. */
  readonly dark?: boolean
}

export const defaultScrollback = 1500
/** Characters of a title that are kept: xterm.js itself has no limit below its 10 MB of payload. */
const maxTitle = 256
/** Counts above this many times the screen's width or height are no honest ones and are swallowed. */
const oversize = 10

export function createScreen(options: ScreenOptions): Screen {
  const { terminal, core } = openCore(terminalOptions(options))
  measureGraphemes(terminal)
  const modes = newModes()
  const links = newLinks()
  const state: ReplyState = { core, modes, colours: options.dark === false ? lightColours : darkColours }
  let answering = true
  let faults = 0

  const reply = (text: string | null): true => {
    if (text !== null && answering) options.onReply?.(text)
    return true
  }

  boundCounts(terminal, core)
  answerQueries()
  trackModes()
  readSignals()

  return {
    setDark(dark) {
      if (state.colours.dark === dark) return
      state.colours = dark ? darkColours : lightColours
      if (modes.foreign.has(2031)) reply(`\x1b[?997;${dark ? 1 : 2}n`)
    },
    get cols() {
      return core.cols
    },
    get rows() {
      return core.rows
    },
    get answering() {
      return answering
    },
    set answering(value) {
      answering = value
    },
    get bracketedPaste() {
      return core.coreService.decPrivateModes.bracketedPasteMode
    },
    get atGround() {
      return core._inputHandler._parser.currentState === 0
    },
    get faults() {
      return faults
    },
    write(bytes, done) {
      try {
        core._inputHandler.parse(bytes)
      } catch {
        // A bug of the emulator that this output found; its parser may stand anywhere, the cells are whole.
        faults++
        core._inputHandler._parser.reset()
      }
      done?.()
    },
    // CAN ends any sequence without an effect.
    abortSequence: () => void core._inputHandler.parse('\x18'),
    resize: (cols, rows) => terminal.resize(cols, rows),
    serialise: ({ scrollback = options.scrollback ?? defaultScrollback } = {}) =>
      serialise({ core, modes, links: links.byNumber, scrollback }),
    lastLine: () => lastLine(terminal),
    plainText: () => wholeText(terminal),
    close: () => terminal.dispose(),
  }

  function answerQueries(): void {
    for (const { prefix, intermediates, final, answer } of csiReplies) {
      terminal.parser.registerCsiHandler(
        { ...(prefix ? { prefix } : {}), ...(intermediates ? { intermediates } : {}), final },
        (params) => reply(answer(params.map(single), state)),
      )
    }
    takeDcs(core, { intermediates: '$', final: 'q' }, (data) => reply(statusString(data, state)))
    takeDcs(core, { intermediates: '+', final: 'q' }, () => reply(refusedCapability))
    takeOsc(core, 4, (data, whole) => {
      const parts = whole ? data.split(';') : []
      for (let at = 0; at + 1 < parts.length; at += 2) setPalette(parts[at] ?? '', parts[at + 1] ?? '')
    })
    const special = ['foreground', 'background', 'cursor'] as const
    special.forEach((name, offset) => {
      takeOsc(core, 10 + offset, (data, whole) => {
        if (!whole) return
        // "10;a;b" sets or asks for 10 and 11, and so on.
        data.split(';', special.length - offset).forEach((spec, further) => {
          const which = special[offset + further]
          const colour = parseColour(spec)
          if (which && spec === '?') reply(specialReply(which, state))
          else if (which && colour) modes.colours.set(which, colour)
        })
      })
      takeOsc(core, 110 + offset, () => void modes.colours.delete(name))
    })
    takeOsc(core, 104, (data) => {
      const indexes = data.split(';').filter(Boolean).map(Number)
      const all = [...modes.colours.keys()].filter((key) => typeof key === 'number')
      for (const index of indexes.length ? indexes : all) modes.colours.delete(index)
    })
  }

  function setPalette(index: string, spec: string): void {
    if (!/^\d{1,3}$/.test(index) || Number(index) > 255) return
    const colour = parseColour(spec)
    if (spec === '?') reply(paletteReply(Number(index), state))
    else if (colour) modes.colours.set(Number(index), colour)
  }

  function trackModes(): void {
    const stack = () => (core.buffers.active === core.buffers.alt ? modes.kitty.alternate : modes.kitty.normal)
    const csi = (id: { prefix?: string; final: string }, take: (params: number[]) => boolean) =>
      terminal.parser.registerCsiHandler(id, (params) => take(params.map(single)))
    csi({ prefix: '>', final: 'u' }, ([flags = 0]) => {
      pushKitty(stack(), flags)
      return true
    })
    csi({ prefix: '<', final: 'u' }, ([count = 1]) => {
      popKitty(stack(), count)
      return true
    })
    csi({ prefix: '=', final: 'u' }, ([flags = 0, mode = 1]) => {
      setKitty(stack(), flags, mode)
      return true
    })
    csi({ prefix: '>', final: 'm' }, ([resource = 0, value = 0]) => {
      if (resource === 4) modes.modifyOtherKeys = value === 1 || value === 2 ? value : 0
      return true
    })
    csi({ prefix: '>', final: 'n' }, ([resource = 0]) => {
      if (resource === 4) modes.modifyOtherKeys = 0
      return true
    })
    csi({ prefix: '?', final: 'h' }, (params) => {
      for (const mode of params) if (foreignModes.includes(mode)) modes.foreign.add(mode)
      return false
    })
    csi({ prefix: '?', final: 'l' }, (params) => {
      for (const mode of params) modes.foreign.delete(mode)
      return false
    })
    terminal.parser.registerEscHandler({ final: 'c' }, () => {
      resetModes(modes)
      // xterm.js 6.0.0 keeps the cursor hidden over a reset (CoreService.reset leaves it out); no terminal does.
      core.coreService.isCursorHidden = false
      return false
    })
    takeOsc(core, 8, (data, whole) => links.take(whole ? data : '', core._inputHandler._curAttrData))
  }

  function readSignals(): void {
    const title = (data: string) => {
      modes.title = oneLine(data, maxTitle)
      options.onTitle?.(modes.title)
    }
    takeOsc(core, 0, title)
    takeOsc(core, 2, title)
    // The icon's name is shown nowhere.
    takeOsc(core, 1, () => {})
    // The clipboard is a client's to write, where it allows that; nobody may read it.
    takeOsc(core, 52, () => {})
    takeOsc(core, 7501, (data, whole) => {
      if (data === '?') return void reply(statusProtocolReply)
      const status = whole ? parseProgramStatus(data) : null
      if (status) options.onProgramStatus?.(status)
    })
    for (const id of [9, 99, 777]) {
      takeOsc(core, id, (data) => {
        const text = parseNotification(id, data)
        if (text) options.onNotification?.(text)
      })
    }
    terminal.onBell(() => options.onBell?.())
  }
}

function terminalOptions({
  cols,
  rows,
  scrollback = defaultScrollback,
}: ScreenOptions): ITerminalOptions & ITerminalInitOnlyOptions {
  return {
    cols,
    rows,
    scrollback,
    logLevel: 'off',
    // Without it xterm swallows CSI 18 t before a handler sees it.
    windowOptions: { getWinSizeChars: true },
  }
}

/** The first of a parameter and its sub-parameters. */
const single = (param: number | number[]): number => (typeof param === 'number' ? param : (param[0] ?? 0))

/**
 * Bounds what a sequence can cost. `ESC[2147483647b` held xterm.js 6.0.0 for 111 s, and so do line and tab
 * counts, which it walks one by one. A count of a few screens means "all of it" and is clamped to that.
 */
function boundCounts(terminal: Terminal, core: Core): void {
  const handler = core._inputHandler
  const lines = {
    L: (params: { length: number; params: number[] }) => handler.insertLines(params),
    M: (params: { length: number; params: number[] }) => handler.deleteLines(params),
    S: (params: { length: number; params: number[] }) => handler.scrollUp(params),
    T: (params: { length: number; params: number[] }) => handler.scrollDown(params),
  }
  for (const [final, run] of Object.entries(lines)) {
    terminal.parser.registerCsiHandler({ final }, (params) => {
      const count = single(params[0] ?? 0)
      if (count <= core.rows) return false
      return count > core.rows * oversize ? true : run({ length: 1, params: [core.rows] })
    })
  }
  for (const final of ['I', 'Z']) {
    terminal.parser.registerCsiHandler({ final }, (params) => single(params[0] ?? 0) > core.cols * oversize)
  }
  for (const final of ['@', 'P', 'X', 'a', 'e', 'E', 'F']) {
    terminal.parser.registerCsiHandler({ final }, (params) => single(params[0] ?? 0) > countLimit(core))
  }
  for (const id of [
    { intermediates: ' ', final: '@' },
    { intermediates: ' ', final: 'A' },
    { intermediates: "'", final: '}' },
    { intermediates: "'", final: '~' },
  ]) {
    terminal.parser.registerCsiHandler(id, (params) => single(params[0] ?? 0) > countLimit(core))
  }
  terminal.parser.registerCsiHandler({ final: 'b' }, (params) => {
    if (single(params[0] ?? 0) > core.cols * oversize) return true
    const buffer = core.buffers.active
    // The whole cluster before the cursor is repeated, so its length counts as well.
    const line = buffer.lines.get(buffer.ybase + buffer.y)
    return (line?.getString(Math.max(buffer.x - 1, 0)).length ?? 0) > maxJoined * 2
  })
  for (const prefix of [undefined, '?']) {
    // Erasing up to a cursor in the last column of the last line throws in xterm.js 6.0.0: eraseInDisplay touches the line below.
    terminal.parser.registerCsiHandler({ ...(prefix ? { prefix } : {}), final: 'J' }, (params) => {
      const buffer = core.buffers.active
      if (single(params[0] ?? 0) !== 1 || buffer.x + 1 < core.cols || buffer.lines.get(buffer.y + 1)) return false
      const x = buffer.x
      buffer.x = core.cols - 2
      handler.eraseInDisplay({ length: 1, params: [1] }, prefix === '?')
      buffer.x = core.cols - 1
      handler.eraseInLine({ length: 1, params: [0] }, prefix === '?')
      buffer.x = x
      return true
    })
  }
}

/** Cursor moves of 999 are how programs find the edge, so the limit for characters is never below that. */
const countLimit = (core: Core): number => Math.max(core.cols * oversize, 9999)

function lastLine(terminal: Terminal): string | null {
  const buffer = terminal.buffer.active
  for (let y = buffer.baseY + terminal.rows - 1; y >= buffer.baseY; y--) {
    // Columns that a program has set apart are one space here.
    const text = plainText((buffer.getLine(y)?.translateToString(true) ?? '').replace(/\s+/g, ' '), 200)
    if (text) return text
  }
  return null
}

function wholeText(terminal: Terminal): string {
  const buffer = terminal.buffer.active
  const lines: string[] = []
  for (let y = 0; y < buffer.length; y++) {
    const line = buffer.getLine(y)
    const next = buffer.getLine(y + 1)
    // A line that goes on in the next keeps its spaces; the others end at their last character.
    const whole = line?.translateToString(!next?.isWrapped) ?? ''
    const text = next?.isWrapped ? whole : whole.trimEnd()
    if (line?.isWrapped && lines.length > 0) lines[lines.length - 1] += text
    else lines.push(text)
  }
  while (lines.length > 0 && lines.at(-1) === '') lines.pop()
  return lines.join('\n')
}
