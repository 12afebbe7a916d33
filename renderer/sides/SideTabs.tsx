// The tabs of a run: its agent first, then its side sessions, and a menu that opens more. The run says which sessions exist; this
// window decides which one is shown.
import { Menu } from '@base-ui/react/menu'
import type { Run, SideSession } from '../../app/model/run.ts'
import { shownSides } from '../../app/model/side-session.ts'
import { action, closeTab, labelOf, momentOf, perform } from '../actions/actions.ts'
import { keyCap } from '../actions/keymap.ts'
import { Icon } from '../parts/Icon.tsx'
import { agentLabel, line } from '../parts/words.ts'
import { showSide, useUi } from '../window/ui.ts'
import './side-tabs.css'

/** The session beside its agent that the run's tile shows; null for the agent itself. */
export function useShownSide(run: Run): SideSession | null {
  const number = useUi(({ sides }) => sides[run.id])
  return number === undefined ? null : (shownSides(run).find((side) => side.number === number) ?? null)
}

/** Nothing where only the agent is there, unless the run stands alone and more could be opened. */
export function SideTabs({ run, large }: { run: Run; large: boolean }) {
  const sides = shownSides(run)
  const shown = useShownSide(run)
  const opens = action('new-shell').when(momentOf(run.id))
  if (sides.length === 0 && !(large && opens)) return null
  return (
    <div className="side-tabs">
      <div className="side-list" role="tablist" aria-label={`Sessions of ${line(run.title, 60)}`}>
        <Tab chosen={shown === null} title={agentLabel(run.agent)} onChoose={() => showSide(run.id, null)} />
        {sides.map((side) => (
          <Tab
            key={side.number}
            chosen={shown?.number === side.number}
            title={side.title}
            hint={line(side.commandLine, 300)}
            end={endOf(side)}
            onChoose={() => showSide(run.id, side.number)}
          />
        ))}
      </div>
      {shown && (
        <button
          type="button"
          className="btn quiet icon-only"
          aria-label={`Close ${line(shown.title, 60)}`}
          title={`Close ${line(shown.title, 60)}`}
          onClick={() => closeTab(run.id, shown)}
        >
          <Icon name="x" size={12} />
        </button>
      )}
      {opens && <OpenMenu runId={run.id} />}
    </div>
  )
}

interface TabProps {
  readonly chosen: boolean
  readonly title: string
  readonly hint?: string
  readonly end?: string | null
  onChoose(): void
}

function Tab({ chosen, title, hint, end, onChoose }: TabProps) {
  return (
    <button
      type="button"
      role="tab"
      className="side-tab"
      aria-selected={chosen}
      data-ended={end ? true : undefined}
      title={hint ?? line(title, 60)}
      onClick={onChoose}
    >
      <span className="cut">{line(title, 60)}</span>
      {end && <small>{end}</small>}
    </button>
  )
}

function endOf({ endedAt, exit }: SideSession): string | null {
  if (endedAt === null) return null
  return exit ? (exit.signal ?? `exit ${exit.code}`) : 'ended'
}

function OpenMenu({ runId }: { runId: string }) {
  return (
    <Menu.Root modal={false}>
      <Menu.Trigger className="btn quiet icon-only" aria-label="Open a session" title="Open a session beside the agent">
        <Icon name="plus" size={14} />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className="menu-place" side="bottom" align="start" sideOffset={4}>
          <Menu.Popup className="menu">
            {['new-shell', 'new-command', 'new-agent'].map((id) => (
              <Menu.Item key={id} className="menu-item" onClick={() => perform(id, runId)}>
                <span className="grow">{labelOf(action(id), momentOf(runId))}</span>
                {action(id).keys[0] && <kbd>{keyCap(action(id).keys[0] ?? '')}</kbd>}
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}
