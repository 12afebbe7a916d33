// Every action of one run as a menu, because the foot has no room for all of them. The entries come from the table of actions.
import { Menu } from '@base-ui/react/menu'
import { actions, labelOf, momentOf, perform } from '../actions/actions.ts'
import { keyCap } from '../actions/keymap.ts'
import { Icon } from '../parts/Icon.tsx'

export function TileMenu({ runId }: { runId: string }) {
  return (
    <Menu.Root modal={false}>
      <Menu.Trigger className="btn icon-only" aria-label="More" title="More">
        <Icon name="more" size={14} />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className="menu-place" side="top" align="end" sideOffset={6}>
          <Menu.Popup className="menu">
            <Entries runId={runId} />
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}

function Entries({ runId }: { runId: string }) {
  const moment = momentOf(runId)
  return actions
    .filter((action) => action.group === 'This run' && action.when(moment))
    .map((action) => (
      <Menu.Item key={action.id} className="menu-item" onClick={() => perform(action.id, runId)}>
        {action.icon ? <Icon name={action.icon} size={14} /> : <span className="icon" data-size="14" />}
        <span className="grow">{labelOf(action, moment)}</span>
        {action.keys[0] && <kbd>{keyCap(action.keys[0])}</kbd>}
      </Menu.Item>
    ))
}
