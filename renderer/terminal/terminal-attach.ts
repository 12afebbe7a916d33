// One view of one run's terminal, from its first byte to its release: an xterm.js terminal, the attachment that feeds it, and the
// box that it fits into. It promises to draw bytes in order across new screens, to acknowledge what it has drawn, to send only what
// the person does, and to change the program's size only if it was told to. It knows no React.
import { SearchAddon } from '@xterm/addon-search'
import { SerializeAddon } from '@xterm/addon-serialize'
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { Terminal } from '@xterm/xterm'
import type { Attachment, Client } from '../../app/contract/client.ts'
import type { Failure } from '../../app/model/failure.ts'
import { pasteBytes } from '../../app/model/text/paste.ts'
import { isDark, onTheme, terminalTheme } from '../settings/theme.ts'
import { followKitty, kittyKey } from './kitty-keys.ts'
import { guard, isReply } from './terminal-guards.ts'
import { firstRow, fitting, shiftLeft, type Type, typeFor } from './terminal-size.ts'
import { drawWithWebgl } from './terminal-webgl.ts'

export type ViewState =
  /** The saved screen, or nothing yet. */
  | { readonly kind: 'waiting'; readonly saved: boolean }
  | { readonly kind: 'shown'; readonly live: boolean; readonly dropped: number }
  | { readonly kind: 'failed'; readonly failure: Failure }

export interface ViewOptions {
  readonly runId: string
  /** A session beside the run's agent; without it the run's own terminal. */
  readonly sessionId?: string | undefined
  /** The box that the terminal is drawn in; it is emptied and filled here. */
  readonly box: HTMLElement
  readonly type: Type
  /** True for the view that sets the program's size. */
  readonly sizes: boolean
  onState(state: ViewState): void
  /** The terminal was given the keys, or has lost them. */
  onKeys(has: boolean): void
  onLink(text: string): void
  onHover(link: string | null): void
  /** A paste that a program which reads lines may not take whole: the host sends it, or says why not. */
  onLongPaste(text: string): void
}

/** Which match is shown, from 1 for the oldest, and how many there are; `at` is null where there are too many to count on. */
export interface Found {
  readonly at: number | null
  readonly of: number
}

export interface TerminalView {
  readonly runId: string
  focus(): void
  /** Bytes of screens that have come since it was opened. */
  received(): number
  /** Joins a connection; the view before it stays on the screen until the new one's screen has come. */
  attach(client: Client): void
  /** The line is gone: keeps the last screen. */
  detach(): void
  setType(type: Type): void
  setSizes(sizes: boolean): void
  /** Goes to the newest match while it is typed, then to the older or the newer one. */
  find(text: string, to: 'newest' | 'older' | 'newer'): Found
  clearFind(): void
  /** True where a program runs in it and takes input. */
  isLive(): boolean
  selectAll(): void
  /** Clears this view's screen and scrollback; what the host keeps stays. */
  clear(): void
  selection(): string
  paste(text: string): void
  scroll(pages: number): void
  close(): void
}

/** Scrollback kept by a view, in lines; the host has the rest on disk. */
const scrollback = 2000
/** A view that sets the size waits this long after the last change of its box, in milliseconds. */
const resizeAfterMs = 120
/** A terminal whose session has ended keeps the keys this long for the one that may follow, in milliseconds. */
const keysBackAfterMs = 400
/** The shortest line that a terminal may hold is twice as long (macOS). Characters. */
const longPaste = 500
/** Also the scrollbar's, in terminal/terminal.css. Pixels. */
const rulerWidth = 8
/** Last screens of closed views: shown, dimmed, until the host's has come. */
const saved = new Map<string, { readonly text: string; readonly cols: number; readonly rows: number }>()
const mostSaved = 200

const encoder = new TextEncoder()
const isMac = typeof navigator !== 'undefined' && /Mac/.test(navigator.platform)

/** Keys that the page keeps for itself while a terminal has the keys; set by keymap. */
let isOurs: (event: KeyboardEvent) => boolean = () => false
export const keepKeys = (test: (event: KeyboardEvent) => boolean): void => {
  isOurs = test
}

/** Opens a view in its box. It shows the saved screen, if any, until `attach`. */
export function openView(options: ViewOptions): TerminalView {
  const { runId, sessionId, box } = options
  const savedAs = sessionId ?? runId
  const clip = document.createElement('div')
  clip.className = 'term-clip'
  const mount = document.createElement('div')
  mount.className = 'term-mount'
  clip.append(mount)
  box.replaceChildren(clip)

  let wanted = options.type
  let sizes = options.sizes
  let type = wanted
  let live = false
  let hasKeys = false
  let attachment: Attachment | null = null
  let asked = { cols: 0, rows: 0 }
  let closed = false
  let received = 0

  const before = saved.get(savedAs)
  const terminal = new Terminal({
    allowProposedApi: true,
    cols: before?.cols ?? 80,
    rows: before?.rows ?? 24,
    scrollback,
    fontFamily: '"JetBrains Mono", monospace',
    fontSize: type.size,
    lineHeight: lineHeightOption(type),
    theme: terminalTheme(),
    minimumContrastRatio: 4.5,
    cursorInactiveStyle: 'outline',
    cursorBlink: false,
    macOptionIsMeta: true,
    disableStdin: true,
    // A click with Alt would otherwise send arrow keys that nobody typed.
    altClickMovesCursor: false,
    linkHandler: {
      activate: (event, text) => followLink(event, text),
      hover: (_event, text) => options.onHover(text),
      leave: () => options.onHover(null),
      allowNonHttpProtocols: true, // judged, and refused with a reason, by whoever opens it
    },
  })
  const search = new SearchAddon()
  const serialize = new SerializeAddon()
  terminal.loadAddon(search)
  terminal.loadAddon(serialize)
  terminal.loadAddon(new UnicodeGraphemesAddon())
  terminal.loadAddon(
    new WebLinksAddon((event, uri) => followLink(event, uri), {
      hover: (_event, text) => options.onHover(text),
      leave: () => options.onHover(null),
    }),
  )
  let found: Found = { at: null, of: 0 }
  search.onDidChangeResults(({ resultIndex, resultCount }) => {
    found = { at: resultIndex < 0 ? null : resultIndex + 1, of: resultCount }
  })
  const kitty = followKitty(terminal)
  const guards = guard(terminal, (text) => {
    if (hasKeys) void navigator.clipboard?.writeText(text).catch(() => {})
  })
  terminal.open(mount)
  const releaseWebgl = drawWithWebgl(terminal)
  // Tab moves between tiles; a terminal is entered by Enter or a click, so that Tab is never caught in one.
  if (terminal.textarea) terminal.textarea.tabIndex = -1

  function followLink(event: MouseEvent, text: string) {
    if (isMac ? event.metaKey : event.ctrlKey) options.onLink(text)
  }

  // ---------------------------------------------------------------- output, in order
  // xterm's reset and resize act at once while written bytes wait, so that they are only done between writes.
  type Step = { readonly bytes: Uint8Array | string; readonly done?: () => void } | { readonly act: () => void }
  const steps: Step[] = []
  let writing = 0

  function then(step: Step) {
    steps.push(step)
    pump()
  }

  function pump() {
    while (!closed) {
      const step = steps[0]
      if (!step) return
      if ('act' in step) {
        if (writing > 0) return
        steps.shift()
        step.act()
        continue
      }
      steps.shift()
      writing++
      terminal.write(step.bytes, () => {
        writing--
        step.done?.()
        if (!closed && writing === 0) pump()
      })
    }
  }

  function showSize(cols: number, rows: number) {
    if (cols !== terminal.cols || rows !== terminal.rows) terminal.resize(cols, rows)
    place()
  }

  let joined: Client | null = null
  function attach(client: Client) {
    attachment?.detach()
    joined = client
    const mine: Attachment = client.attach(
      runId,
      {
        onScreenStart(screen) {
          live = screen.live
          then({
            act() {
              terminal.reset()
              kitty.reset()
              terminal.options.disableStdin = !live
              showSize(screen.cols, screen.rows)
              options.onState({ kind: 'shown', live, dropped: screen.dropped })
            },
          })
          asked = { cols: screen.cols, rows: screen.rows }
          if (sizes) askForSize()
        },
        onScreen(bytes) {
          received += bytes.length
          then({ bytes })
        },
        onScreenEnd: () => then({ act: place }),
        onOutput: (bytes) => then({ bytes, done: () => mine.ack(bytes.length) }),
        onResized(cols, rows) {
          asked = { cols, rows }
          then({ act: () => showSize(cols, rows) })
        },
        onEnded() {
          live = false
          then({
            act() {
              terminal.options.disableStdin = true
              options.onState({ kind: 'shown', live: false, dropped: 0 })
              place()
              // Another session may follow at once (set-up, then the agent); only one that stays away gives the keys back.
              setTimeout(() => !live && hasKeys && giveKeysBack(), keysBackAfterMs)
            },
          })
        },
        onFailed: (failure) => options.onState({ kind: 'failed', failure }),
      },
      { dark: isDark(), sessionId },
    )
    attachment = mine
  }

  // ---------------------------------------------------------------- input
  const send = (bytes: Uint8Array) => {
    if (live && bytes.length > 0) attachment?.input(bytes)
  }
  terminal.onData((text) => {
    // Reports of focus come at the moment it changes; everything else is sent only by a terminal that has the keys.
    const focusReport = text === '\u001b[I' || text === '\u001b[O'
    if (focusReport || (hasKeys && !isReply(text))) send(encoder.encode(text))
  })
  terminal.onBinary((text) => {
    if (hasKeys) send(Uint8Array.from(text, (character) => character.charCodeAt(0)))
  })

  const giveKeysBack = () => box.closest<HTMLElement>('[data-run-id]')?.focus()

  function paste(text: string) {
    if (live && text.length > longPaste) options.onLongPaste(text)
    else send(pasteBytes(text, { bracketed: terminal.modes.bracketedPasteMode }))
    terminal.scrollToBottom()
  }
  const listeners = new AbortController()
  const on = <K extends keyof HTMLElementEventMap>(
    target: HTMLElement,
    name: K,
    listener: (event: HTMLElementEventMap[K]) => void,
  ) => target.addEventListener(name, listener, { capture: true, signal: listeners.signal })
  // Before xterm's own listener on the text area, which would send the text as it is.
  on(box, 'paste', (event) => {
    event.preventDefault()
    event.stopPropagation()
    paste(event.clipboardData?.getData('text/plain') ?? '')
  })
  // Alt alone would open the window's menu, which then takes the next key.
  for (const name of ['keydown', 'keyup'] as const)
    on(box, name, (event) => {
      if (hasKeys && event.key === 'Alt') event.preventDefault()
    })
  // A program that takes the mouse gets the right button too; with Shift the menu is ours.
  on(box, 'contextmenu', (event) => {
    if (!hasKeys || terminal.modes.mouseTrackingMode === 'none' || event.shiftKey) return
    event.preventDefault()
    event.stopPropagation()
  })
  on(box, 'mousedown', (event) => {
    // The right button opens the menu, and does not give the keys.
    if (event.button === 2 && !hasKeys) return event.stopPropagation()
    // The click that gives the keys is not also a click in the program.
    if (hasKeys || terminal.modes.mouseTrackingMode === 'none') return
    event.stopPropagation()
    event.preventDefault()
    if (live) terminal.focus()
  })
  terminal.attachCustomWheelEventHandler(
    () => hasKeys || (terminal.buffer.active.type === 'normal' && terminal.modes.mouseTrackingMode === 'none'),
  )
  terminal.attachCustomKeyEventHandler((event) => {
    if (isOurs(event)) return false
    if (event.type !== 'keydown') return true
    const copies =
      (event.ctrlKey && event.shiftKey && event.key.toLowerCase() === 'c') ||
      (event.ctrlKey && event.key === 'Insert') ||
      (isMac && event.metaKey && event.key === 'c')
    if (copies && terminal.hasSelection()) {
      event.preventDefault()
      void navigator.clipboard?.writeText(terminal.getSelection()).catch(() => {})
      return false
    }
    // The browser turns these into a paste event.
    if (
      (event.ctrlKey && event.shiftKey && event.key.toLowerCase() === 'v') ||
      (event.shiftKey && event.key === 'Insert')
    )
      return false
    const written = kitty.on() && !event.isComposing && !event.getModifierState('AltGraph') ? kittyKey(event) : null
    if (written === null || !hasKeys) return true
    event.preventDefault()
    send(encoder.encode(written))
    terminal.scrollToBottom()
    return false
  })
  const area = terminal.textarea
  if (area) {
    on(area, 'focus', () => {
      if (!live) {
        // A finished program takes no keys: they stay with the grid.
        return giveKeysBack()
      }
      hasKeys = true
      options.onKeys(true)
      scheduleSize()
    })
    on(area, 'blur', () => {
      if (!hasKeys) return
      hasKeys = false
      options.onKeys(false)
      schedulePlace()
    })
  }

  // ---------------------------------------------------------------- size and place
  let sizeTimer: ReturnType<typeof setTimeout> | null = null
  let placing = 0

  function scheduleSize() {
    if (!sizes) return
    if (sizeTimer) clearTimeout(sizeTimer)
    sizeTimer = setTimeout(askForSize, resizeAfterMs)
  }

  function askForSize() {
    if (closed || !sizes || !live || box.clientWidth < 40 || box.clientHeight < 40) return
    const { cols, rows } = fitting(wanted, box.clientWidth, box.clientHeight)
    if (cols === asked.cols && rows === asked.rows) return
    asked = { cols, rows }
    attachment?.resize(cols, rows)
  }

  function schedulePlace() {
    if (placing || closed) return
    placing = requestAnimationFrame(() => {
      placing = 0
      place()
    })
  }

  // Read when a size has changed and not while output is drawn: reading between two terminals' changes lays the whole page out
  // anew each time, which cost nine flooding terminals most of their frames.
  let room = { width: 0, height: 0 }
  let cell = { width: 6, height: wanted.line }
  function measure() {
    room = { width: box.clientWidth, height: box.clientHeight }
    const { offsetWidth = 0, offsetHeight = 0 } = mount.querySelector<HTMLElement>('.xterm-screen') ?? {}
    cell = { width: offsetWidth / terminal.cols || 6, height: offsetHeight / terminal.rows || type.line }
  }

  function place() {
    if (closed || room.width === 0) return
    const next = sizes ? fitting(wanted, room.width, room.height).type : typeFor(wanted, terminal.cols, room.width)
    if (next.size !== type.size || next.line !== type.line) {
      type = next
      terminal.options.fontSize = type.size
      terminal.options.lineHeight = lineHeightOption(type)
      measure()
    }
    const visible = Math.max(1, Math.floor(room.height / cell.height + 0.01))
    const { active } = terminal.buffer
    const scrolledBack = active.viewportY < active.baseY
    const cropped = visible < terminal.rows
    let lastWritten = terminal.rows - 1
    if (!scrolledBack && cropped) {
      while (lastWritten > 0 && isBlank(active.baseY + lastWritten)) lastWritten--
    }
    const top = firstRow({
      rows: terminal.rows,
      visible,
      lastWritten,
      cursor: scrolledBack ? lastWritten : active.cursorY,
    })
    const shown = { cols: terminal.cols, cellWidth: cell.width, width: room.width, cursor: active.cursorX }
    const left = hasKeys ? shiftLeft(shown) : 0
    style(clip, 'height', cropped ? `${visible * cell.height}px` : '100%')
    style(mount, 'transform', top || left ? `translate(${-left}px, ${-top * cell.height}px)` : '')
    style(mount, 'width', `${Math.max(room.width, terminal.cols * cell.width)}px`)
    style(mount, 'height', `${terminal.rows * cell.height}px`)
  }

  const isBlank = (row: number) => (terminal.buffer.active.getLine(row)?.translateToString(true) ?? '') === ''

  terminal.onCursorMove(schedulePlace)
  terminal.onLineFeed(schedulePlace)
  terminal.onScroll(schedulePlace)
  terminal.onWriteParsed(schedulePlace)
  const observer = new ResizeObserver((entries) => {
    measure()
    place()
    if (entries.some(({ target }) => target === box)) scheduleSize()
  })
  observer.observe(box)
  const screen = mount.querySelector('.xterm-screen')
  if (screen) observer.observe(screen)
  const offTheme = onTheme(() => {
    terminal.options.theme = terminalTheme()
    // The host tells the programs, by what a view says of itself when it joins.
    if (joined) attach(joined)
  })

  if (before) terminal.write(before.text)
  options.onState({ kind: 'waiting', saved: before !== undefined })
  measure()
  place()

  return {
    runId,
    attach,
    paste,
    focus: () => terminal.focus(),
    received: () => received,
    detach() {
      attachment = null
      joined = null
      live = false
      terminal.options.disableStdin = true
    },
    setType(next) {
      wanted = next
      place()
      scheduleSize()
    },
    setSizes(next) {
      sizes = next
      place()
      scheduleSize()
    },
    isLive: () => live,
    selectAll: () => terminal.selectAll(),
    clear: () => terminal.clear(),
    find(text, to) {
      found = { at: null, of: 0 }
      if (text === '' || to === 'newest') terminal.clearSelection()
      if (text === '') {
        search.clearDecorations()
        return found
      }
      // Marks on the scrollbar are drawn by a ruler that lays the page out anew after each frame (xterm.js 6.0.0): a terminal
      // has one from its first search on, since with it on every tile nine floods spent a fifth of their time there.
      if (!terminal.options.overviewRuler?.width) terminal.options.overviewRuler = { width: rulerWidth }
      const decorations = {
        matchBackground: '#5a4a12',
        matchOverviewRuler: '#8e9993',
        activeMatchBackground: '#8a6a00',
        activeMatchColorOverviewRuler: '#f5b83d',
      }
      // Without a selection to start from, the search back begins at the end: with the newest.
      if (to === 'newer') search.findNext(text, { decorations })
      else search.findPrevious(text, { decorations })
      return found
    },
    clearFind() {
      search.clearDecorations()
      terminal.clearSelection()
    },
    selection: () => terminal.getSelection(),
    scroll: (pages) => terminal.scrollPages(pages),
    close() {
      if (closed) return
      attachment?.detach()
      attachment = null
      if (steps.length === 0 && writing === 0)
        save(savedAs, serialize.serialize({ scrollback: 0 }), terminal.cols, terminal.rows)
      closed = true
      if (sizeTimer) clearTimeout(sizeTimer)
      cancelAnimationFrame(placing)
      listeners.abort()
      observer.disconnect()
      offTheme()
      guards.dispose()
      kitty.dispose()
      releaseWebgl()
      if (hasKeys) options.onKeys(false)
      terminal.dispose()
      box.replaceChildren()
    },
  }
}

function save(savedAs: string, text: string, cols: number, rows: number) {
  saved.delete(savedAs)
  saved.set(savedAs, { text, cols, rows })
  const oldest = saved.keys().next().value
  if (saved.size > mostSaved && oldest !== undefined) saved.delete(oldest)
}

function style(element: HTMLElement, name: 'height' | 'width' | 'transform', value: string) {
  if (element.style[name] !== value) element.style[name] = value
}

const heights = new Map<number, number>()

/** xterm multiplies the font's own height, rounded up to whole device pixels, by this; below 1 it refuses. */
function lineHeightOption({ size, line }: Type): number {
  const ratio = window.devicePixelRatio || 1
  let own = heights.get(size)
  if (own === undefined) {
    const context = document.createElement('canvas').getContext('2d')
    if (!context) return 1
    context.font = `${size}px "JetBrains Mono", monospace`
    const { fontBoundingBoxAscent, fontBoundingBoxDescent } = context.measureText('W')
    own = fontBoundingBoxAscent + fontBoundingBoxDescent
    heights.set(size, own)
  }
  return Math.max(1, (line * ratio + 0.01) / Math.ceil(own * ratio))
}
