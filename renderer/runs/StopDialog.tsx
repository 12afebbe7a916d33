// Asks before a working agent is stopped. What it has done so far stays in the worktree.
import { useRef } from 'react'
import { liveSides } from '../../app/model/side-session.ts'
import { stop } from '../actions/verbs.ts'
import { useLive, useRun } from '../client/hooks.ts'
import { Icon } from '../parts/Icon.tsx'
import { Modal } from '../parts/Modal.tsx'
import { agentLabel, line } from '../parts/words.ts'

export function StopDialog({ runId, onClose }: { runId: string; onClose: () => void }) {
  const run = useRun(runId)
  const live = useLive(runId)
  const keep = useRef<HTMLButtonElement>(null)
  if (!run) return null
  const beside = liveSides(run)
  const working = live?.activity?.state === 'working'
  return (
    <Modal
      title={`Stop “${line(run.title, 80)}”?`}
      className="narrow ask-removal"
      role="alertdialog"
      initialFocus={keep}
      head="plain"
      onClose={onClose}
    >
      <p className="lead">
        {working
          ? `${agentLabel(run.agent)} is working.`
          : `Coppice cannot tell whether ${agentLabel(run.agent)} is working.`}{' '}
        Its changes stay in the {run.inPlace ? 'folder' : 'worktree'}, and you can resume the run later.
        {beside.length > 0 &&
          ` Sessions beside it close too: ${beside.map((side) => line(side.title, 60)).join(', ')}.`}
      </p>
      <footer>
        <span className="grow" />
        <button type="button" ref={keep} className="btn tall" onClick={onClose}>
          Keep running <kbd>Esc</kbd>
        </button>
        <button
          type="button"
          className="btn tall danger"
          onClick={() => {
            stop(runId)
            onClose()
          }}
        >
          <Icon name="stop" size={14} />
          Stop
        </button>
      </footer>
    </Modal>
  )
}
