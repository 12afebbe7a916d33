// Which key does what at the moment. Keys go either to the grid or to one terminal. From a terminal Coppice takes only Ctrl+Shift
// (Cmd+Shift on macOS) with the same key; everything else goes to the program. Fields and dialogs keep their own keys.

import { keepKeys } from '../terminal/terminal-attach.ts'
import { viewOf } from '../terminal/terminals.ts'
import { useUi } from '../window/ui.ts'
import { type Action, actions, momentOf } from './actions.ts'

const isMac = typeof navigator !== 'undefined' && /Mac/.test(navigator.platform)

interface Pressed {
  readonly key: string
  readonly code?: string
  readonly ctrlKey: boolean
  readonly shiftKey: boolean
  readonly altKey: boolean
  readonly metaKey: boolean
}

const codes: Readonly<Record<string, string>> = { Period: '.', Comma: ',', Slash: '/' }

/** The key as the table writes it: "n", "Shift+J", "Mod+k"; null for a combination that no entry uses. */
export function keyName(event: Pressed, mac = isMac): string | null {
  if (event.altKey) return null
  const mod = mac ? event.metaKey : event.ctrlKey
  const other = mac ? event.ctrlKey : event.metaKey
  if (other) return null
  if (mod) return event.shiftKey ? null : `Mod+${event.key.toLowerCase()}`
  // A shifted sign ("?") is itself; a shifted letter or a named key is said with its Shift.
  const letter = /^\p{L}$/u.test(event.key)
  if (event.shiftKey && (letter || event.key.length > 1)) return `Shift+${letter ? event.key.toUpperCase() : event.key}`
  return event.key
}

/** The plain key of a Ctrl+Shift chord: "g", ".", "Delete"; null where it is none. */
export function chordKey(event: Pressed, mac = isMac): string | null {
  const mod = mac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey
  if (!mod || !event.shiftKey || event.altKey) return null
  // The place on the keyboard, because Shift changes the sign: "." is ">" or ":" then.
  const fromCode = event.code?.match(/^Key([A-Z])$/)?.[1]?.toLowerCase() ?? codes[event.code ?? '']
  const letter = /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() : null
  return letter ?? fromCode ?? event.key
}

const chordOf = (action: Action): string | undefined => action.keys[0]?.replace('Mod+', '')

/** The action of a chord, possible or not; null where the chord is not Coppice's. */
export function chordAction(event: Pressed, mac = isMac): Action | null {
  const key = chordKey(event, mac)
  return key === null ? null : (actions.find((action) => action.chord && chordOf(action) === key) ?? null)
}

type Place = 'grid' | 'terminal' | 'field'

function placeOf(target: EventTarget | null): Place {
  if (!(target instanceof Element)) return 'grid'
  if (target.closest('.xterm')) return 'terminal'
  if (
    target.closest(
      // A box that is ticked takes Space alone, which is the browser's own.
      'input:not([type="checkbox"]), textarea, select, [contenteditable], [role="menu"], [role="listbox"], [role="dialog"], [role="alertdialog"]',
    )
  ) {
    return 'field'
  }
  return 'grid'
}

/** The action that a key sets off now, or null where the key is somebody else's. */
export function actionFor(event: Pressed, place: Place): Action | null {
  const moment = momentOf()
  const possible = (action: Action) => action.when(moment)
  if (moment.ui.dialog !== null) return null
  const chord = chordKey(event)
  if (chord !== null)
    return actions.find((action) => action.chord && chordOf(action) === chord && possible(action)) ?? null
  if (place === 'terminal') return null
  const name = keyName(event)
  if (name === null || (place === 'field' && name !== 'Mod+k')) return null
  return actions.find((action) => action.keys.includes(name) && possible(action)) ?? null
}

/** Listens for keys for as long as the page lives. */
export function startKeymap(): void {
  keepKeys((event) => chordAction(event) !== null)
  window.addEventListener(
    'keydown',
    (event) => {
      if (event.isComposing || event.defaultPrevented) return
      const place = placeOf(event.target)
      // Enter and Space on a button press that button.
      const onButton =
        event.target instanceof Element &&
        event.target.closest('button, a, summary, [role="button"], input[type="checkbox"]')
      if (onButton && (event.key === 'Enter' || event.key === ' ')) return
      const found = actionFor(event, place)
      if (!found) return
      event.preventDefault()
      event.stopPropagation()
      found.run(momentOf())
    },
    { capture: true },
  )
  // A selection in a tile is copied although the tile's terminal does not have the keys.
  document.addEventListener('copy', (event) => {
    const { focused, typing } = useUi.getState()
    if (typing !== null || !event.clipboardData || document.getSelection()?.toString()) return
    const text = viewOf(focused)?.selection()
    if (!text) return
    event.clipboardData.setData('text/plain', text)
    event.preventDefault()
  })
}

const names: Readonly<Record<string, string>> = {
  ' ': 'Space',
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  Escape: 'Esc',
  Delete: 'Del',
  PageUp: 'PgUp',
  PageDown: 'PgDn',
}

/** A key as a cap shows it: "N", "Ctrl K", "Shift J". */
export function keyCap(key: string): string {
  const mod = isMac ? '⌘' : 'Ctrl'
  return key
    .replace('Mod+', `${mod} `)
    .replace('Shift+', 'Shift ')
    .replace(/^ $|[^ ]+$/, (last) => names[last] ?? (last.length === 1 ? last.toUpperCase() : last))
}

/** The chord of an action as a cap shows it, or null where it has none. */
export function chordCap(action: Action): string | null {
  const key = chordOf(action)
  return action.chord && key ? `${isMac ? '⌘ Shift' : 'Ctrl Shift'} ${keyCap(key)}` : null
}
