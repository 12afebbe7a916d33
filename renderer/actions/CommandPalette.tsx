// Finds runs, repositories and every action that is possible now by a few letters.
import { Command } from 'cmdk'
import { useRef } from 'react'
import { phaseWord } from '../../app/contract/sentences.ts'
import { attentionOf } from '../../app/model/attention.ts'
import { isKept } from '../../app/model/run.ts'
import { useReplica } from '../client/replica.ts'
import { ordered } from '../client/selectors.ts'
import { Icon } from '../parts/Icon.tsx'
import { Modal } from '../parts/Modal.tsx'
import { line, looks } from '../parts/words.ts'
import { focusRun, showFilter, useUi } from '../window/ui.ts'
import { actions, labelOf, momentOf, perform } from './actions.ts'
import { keyCap } from './keymap.ts'
import './command-palette.css'

/** Actions that make no sense as a command: the palette itself, and the keys that move by one. */
const hidden = new Set(['palette', 'next', 'previous', 'above', 'below', 'back', 'scroll-up', 'scroll-down'])

export function CommandPalette({ onClose }: { onClose: () => void }) {
  const field = useRef<HTMLInputElement>(null)
  const { state, live } = useReplica.getState()
  const moment = momentOf()
  const runs = ordered(
    Object.values(state.runs).filter((run) => isKept(run.phase)),
    useUi.getState().order,
  )
  const choose = (act: () => void) => () => {
    onClose()
    act()
  }
  return (
    <Modal title="Commands and runs" className="palette-dialog" initialFocus={field} head="hidden" onClose={onClose}>
      <Command label="Commands and runs" loop>
        <div className="palette-field">
          <Icon name="search" size={14} />
          <Command.Input ref={field} placeholder="Search runs and commands" />
        </div>
        <Command.List>
          <Command.Empty>Nothing matches.</Command.Empty>
          {moment.run && (
            <Command.Group heading={line(moment.run.title, 80)}>
              {actions
                .filter((action) => action.group === 'This run' && !hidden.has(action.id) && action.when(moment))
                .map((action) => (
                  <Command.Item
                    key={action.id}
                    value={`${labelOf(action, moment)} ${action.id}`}
                    onSelect={choose(() => perform(action.id, moment.run!.id))}
                  >
                    {action.icon ? <Icon name={action.icon} size={14} /> : <span className="icon" data-size="14" />}
                    <span className="grow">{labelOf(action, moment)}</span>
                    {action.keys[0] && <kbd>{keyCap(action.keys[0])}</kbd>}
                  </Command.Item>
                ))}
            </Command.Group>
          )}
          <Command.Group heading="Runs">
            {runs.map((run) => {
              const { look } = attentionOf(run, live[run.id], Date.now())
              return (
                <Command.Item
                  key={run.id}
                  value={`${line(run.title, 200)} ${run.id} ${run.branch ?? ''}`}
                  data-state={looks[look].state}
                  onSelect={choose(() => reveal(run.id))}
                >
                  <Icon name={looks[look].icon} size={14} />
                  <span className="grow cut">{line(run.title, 120)}</span>
                  <span className="faint small">{phaseWord(look)}</span>
                </Command.Item>
              )
            })}
          </Command.Group>
          <Command.Group heading="Commands">
            {actions
              .filter((action) => action.group !== 'This run' && !hidden.has(action.id) && action.when(moment))
              .map((action) => (
                <Command.Item
                  key={action.id}
                  value={`${labelOf(action, moment)} ${action.id}`}
                  onSelect={choose(() => perform(action.id))}
                >
                  {action.icon ? <Icon name={action.icon} size={14} /> : <span className="icon" data-size="14" />}
                  <span className="grow">{labelOf(action, moment)}</span>
                  {action.keys[0] && <kbd>{keyCap(action.keys[0])}</kbd>}
                </Command.Item>
              ))}
          </Command.Group>
          <Command.Group heading="Repositories">
            {Object.values(state.repositories).map((repository) => (
              <Command.Item
                key={repository.id}
                value={`${repository.name} ${repository.path} ${repository.id}`}
                onSelect={choose(() => showFilter(`repository:${repository.id}`))}
              >
                <Icon name="repo" size={14} />
                <span className="grow cut">{line(repository.name, 80)}</span>
                <span className="faint small mono cut">{line(repository.path, 200)}</span>
              </Command.Item>
            ))}
          </Command.Group>
        </Command.List>
      </Command>
    </Modal>
  )
}

function reveal(id: string) {
  useUi.setState({ filter: 'all', query: null })
  focusRun(id, { maximise: true })
}
