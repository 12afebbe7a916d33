// The theme that the person or the system chose, set on <html>, and the same colours for the terminals, which cannot read custom
// properties themselves.
import type { ITheme } from '@xterm/xterm'
import type { Settings } from '../../app/model/settings.ts'

const listeners = new Set<() => void>()
const light = typeof matchMedia === 'undefined' ? null : matchMedia('(prefers-color-scheme: light)')
let wanted: Settings['theme'] = 'system'

function show() {
  const theme = wanted === 'system' ? (light?.matches ? 'light' : 'dark') : wanted
  if (document.documentElement.dataset.theme === theme) return
  document.documentElement.dataset.theme = theme
  for (const listener of listeners) listener()
}

light?.addEventListener('change', show)

export function applyTheme(theme: Settings['theme']): void {
  wanted = theme
  show()
}

/** True where the page is dark now. */
export const isDark = (): boolean => document.documentElement.dataset.theme !== 'light'

/** Told whenever the colours change. Gives the way to stop. */
export function onTheme(listener: () => void): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** The terminal's colours as the page's tokens say now. */
export function terminalTheme(): ITheme {
  const style = getComputedStyle(document.documentElement)
  const token = (name: string) => style.getPropertyValue(`--${name}`).trim()
  const colours = {
    red: token('term-red'),
    green: token('term-green'),
    yellow: token('term-yellow'),
    blue: token('term-blue'),
    magenta: token('term-magenta'),
    cyan: token('term-cyan'),
  }
  return {
    background: token('surface-1'),
    foreground: token('term-fg'),
    cursor: token('term-fg'),
    cursorAccent: token('surface-1'),
    selectionBackground: token('term-selection'),
    black: token('term-black'),
    brightBlack: token('term-dim'),
    white: token('term-fg'),
    brightWhite: token('term-white'),
    ...colours,
    brightRed: colours.red,
    brightGreen: colours.green,
    brightYellow: colours.yellow,
    brightBlue: colours.blue,
    brightMagenta: colours.magenta,
    brightCyan: colours.cyan,
    overviewRulerBorder: token('surface-1'),
    scrollbarSliderBackground: token('term-scroll'),
    scrollbarSliderHoverBackground: token('term-dim'),
    scrollbarSliderActiveBackground: token('term-dim'),
  }
}
