// A key cap, drawn only if the key works at the moment: plain while the grid has the keys, as a chord while a terminal has them.
import { action } from '../actions/actions.ts'
import { chordCap, keyCap } from '../actions/keymap.ts'
import { useUi } from '../window/ui.ts'

export function Key({ id }: { id: string }) {
  const typing = useUi((ui) => ui.typing !== null)
  const found = action(id)
  const cap = typing ? chordCap(found) : found.keys[0] ? keyCap(found.keys[0]) : null
  return cap === null ? null : <kbd>{cap}</kbd>
}
