// The menu of a terminal's right mouse button. A program that uses the mouse gets that button; Shift with the button opens this
// menu.
import { ContextMenu } from '@base-ui/react/context-menu'
import type { ReactElement } from 'react'
import { copyText } from '../actions/verbs.ts'
import { bridge } from '../client/bridge.ts'
import { Icon, type IconName } from '../parts/Icon.tsx'
import { say } from '../parts/toasts.ts'
import { useUi } from '../window/ui.ts'
import { viewOf } from './terminals.ts'

/** The box of the terminal is its trigger. */
export function TerminalMenu({ runId, children }: { runId: string; children: ReactElement }) {
  return (
    <ContextMenu.Root>
      <ContextMenu.Trigger render={children} />
      <ContextMenu.Portal>
        <ContextMenu.Positioner className="menu-place">
          <ContextMenu.Popup className="menu" finalFocus={false}>
            <Entries runId={runId} />
          </ContextMenu.Popup>
        </ContextMenu.Positioner>
      </ContextMenu.Portal>
    </ContextMenu.Root>
  )
}

interface Entry {
  readonly label: string
  readonly icon?: IconName
  readonly keys?: string
  readonly off?: boolean
  run(): void
}

function Entries({ runId }: { runId: string }) {
  const view = viewOf(runId)
  const selected = view?.selection() ?? ''
  const entries: readonly Entry[] = [
    {
      label: 'Copy',
      icon: 'copy',
      keys: 'Ctrl Shift C',
      off: selected === '',
      run: () => void copyText(selected, 'Selection'),
    },
    { label: 'Paste', keys: 'Ctrl Shift V', off: !view?.isLive(), run: () => void paste(runId) },
    { label: 'Select all', run: () => view?.selectAll() },
    { label: 'Search', icon: 'search', keys: 'F', run: () => useUi.setState({ searching: runId }) },
    { label: 'Clear', run: () => view?.clear() },
  ]
  return entries.map(({ label, icon, keys, off, run }) => (
    <ContextMenu.Item key={label} className="menu-item" disabled={off === true} onClick={run}>
      {icon ? <Icon name={icon} size={14} /> : <span className="icon" data-size="14" />}
      <span className="grow">{label}</span>
      {keys && <kbd>{keys}</kbd>}
    </ContextMenu.Item>
  ))
}

/** The window pastes for the page, which may not read the clipboard; a browser asks the person. */
async function paste(runId: string): Promise<void> {
  const view = viewOf(runId)
  view?.focus()
  if (bridge) return bridge.paste()
  try {
    view?.paste(await navigator.clipboard.readText())
  } catch {
    say({
      title: 'The browser does not allow pasting from a menu.',
      text: 'Press Ctrl+Shift+V instead.',
      level: 'warning',
    })
  }
}
