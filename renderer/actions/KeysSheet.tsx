// Every key, drawn from the table of actions.

import { Modal } from '../parts/Modal.tsx'
import { actions, labelOf, momentOf } from './actions.ts'
import { chordCap, keyCap } from './keymap.ts'
import './keys-sheet.css'

const groups = ['Go to', 'Runs', 'This run', 'Trash', 'Window'] as const

export function KeysSheet({ onClose }: { onClose: () => void }) {
  const moment = momentOf()
  return (
    <Modal title="All keys" className="keys" onClose={onClose}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long list is scrolled with the keyboard too. */}
      <section className="form" tabIndex={0} aria-label="Keys by what they are for">
        <p className="muted">
          Keys go either to the grid or to one terminal. In a terminal, Coppice sees only the chord with Ctrl Shift (Cmd
          Shift on macOS); every other key goes to the program.
        </p>
        <div className="key-columns">
          {groups.map((group) => (
            <section key={group}>
              <h3>{group}</h3>
              <dl>
                {actions
                  .filter((action) => action.group === group && action.keys.length > 0)
                  .map((action) => (
                    <div key={action.id}>
                      <dt>{labelOf(action, moment)}</dt>
                      <dd>
                        {action.keys.map((key) => (
                          <kbd key={key}>{keyCap(key)}</kbd>
                        ))}
                        {chordCap(action) && <kbd className="chord">{chordCap(action)}</kbd>}
                      </dd>
                    </div>
                  ))}
              </dl>
            </section>
          ))}
        </div>
      </section>
    </Modal>
  )
}
