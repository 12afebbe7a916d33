// A button for one action of the table: its words, its icon, and its key if the key works at the moment.

import { Icon } from '../parts/Icon.tsx'
import { Key } from '../parts/Key.tsx'
import { action, labelOf, momentOf, perform } from './actions.ts'

interface Props {
  readonly id: string
  /** The run it acts on; default: the one that has the focus. */
  readonly runId?: string
  readonly className?: string
  /** Shows the icon alone; the label stays its name and its tooltip. */
  readonly bare?: boolean
  /** Draws the key cap. */
  readonly cap?: boolean
  readonly label?: string
}

export function ActionButton({ id, runId, className = 'btn', bare, cap, label }: Props) {
  const found = action(id)
  const text = label ?? labelOf(found, momentOf(runId))
  return (
    <button
      type="button"
      className={`${className}${bare ? ' icon-only' : ''}`}
      aria-label={bare ? text : undefined}
      title={bare ? text : undefined}
      onClick={(event) => {
        event.stopPropagation()
        perform(id, runId)
      }}
    >
      {found.icon && <Icon name={found.icon} size={14} />}
      {!bare && text}
      {cap && <Key id={id} />}
    </button>
  )
}
