// The first flag of the kitty keyboard protocol, "disambiguate escape codes": what a program gets for Shift+Enter, Ctrl+I or Esc
// once it has asked for the flag. The host claims only this flag, so a program is never promised more than is delivered here.
import type { IDisposable, Terminal } from '@xterm/xterm'

const disambiguate = 1
/** How many flags a program may push; the host's mirror has the same limit. */
const depth = 16

export interface KittyFlags extends IDisposable {
  /** True where the screen that is shown asked for it. */
  on(): boolean
  /** As after a full reset. */
  reset(): void
}

/** Follows what a program asks for; each of the two screens has flags of its own. */
export function followKitty(terminal: Terminal): KittyFlags {
  const fresh = () => ({ flags: 0, pushed: [] as number[] })
  let stacks = { normal: fresh(), alternate: fresh() }
  const stack = () => stacks[terminal.buffer.active.type]
  const number = (value: number | number[] | undefined) => (typeof value === 'number' ? value : 0)
  const { parser } = terminal
  const reset = () => {
    stacks = { normal: fresh(), alternate: fresh() }
  }
  const handlers = [
    parser.registerCsiHandler({ prefix: '>', final: 'u' }, ([flags]) => {
      const at = stack()
      at.pushed.push(at.flags)
      if (at.pushed.length > depth) at.pushed.shift()
      at.flags = number(flags)
      return true
    }),
    parser.registerCsiHandler({ prefix: '<', final: 'u' }, ([count]) => {
      const at = stack()
      for (let left = Math.min(Math.max(number(count), 1), depth + 1); left > 0; left--) at.flags = at.pushed.pop() ?? 0
      return true
    }),
    parser.registerCsiHandler({ prefix: '=', final: 'u' }, ([flags, mode]) => {
      const at = stack()
      if (number(mode) === 2) at.flags |= number(flags)
      else if (number(mode) === 3) at.flags &= ~number(flags)
      else at.flags = number(flags)
      return true
    }),
    parser.registerEscHandler({ final: 'c' }, () => {
      reset()
      return false
    }),
  ]
  return {
    on: () => (stack().flags & disambiguate) !== 0,
    reset,
    dispose() {
      for (const handler of handlers) handler.dispose()
    },
  }
}

type Pressed = Pick<KeyboardEvent, 'key' | 'code' | 'shiftKey' | 'altKey' | 'ctrlKey' | 'metaKey'>

const named: Readonly<Record<string, number>> = { Enter: 13, Tab: 9, Backspace: 127, Escape: 27 }

/** What the key is sent as under the flag; null where it is sent as ever: text, and keys whose old form is clear already. */
export function kittyKey(event: Pressed): string | null {
  const { key, shiftKey, altKey, ctrlKey, metaKey } = event
  const modifiers = 1 + (shiftKey ? 1 : 0) + (altKey ? 2 : 0) + (ctrlKey ? 4 : 0) + (metaKey ? 8 : 0)
  const code = named[key]
  if (code !== undefined) {
    if (modifiers === 1) return key === 'Escape' ? '\u001b[27u' : null
    return `\u001b[${code};${modifiers}u`
  }
  if ((!ctrlKey && !altKey) || metaKey || [...key].length !== 1) return null
  // The key without its Shift: Option on a Mac and Shift change the sign, the place on the keyboard stays.
  const letter = event.code.match(/^Key([A-Z])$/)?.[1]?.toLowerCase()
  const sign = /^[a-z]$/i.test(key) ? key.toLowerCase() : (letter ?? key)
  return `\u001b[${sign.codePointAt(0)};${modifiers}u`
}
