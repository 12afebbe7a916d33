// Changes the title of a run. Its id, branch and folder stay the same.
import { useRef, useState } from 'react'
import { attempt } from '../actions/verbs.ts'
import { useRun } from '../client/hooks.ts'
import { Modal } from '../parts/Modal.tsx'

export function RenameDialog({ runId, onClose }: { runId: string; onClose: () => void }) {
  const run = useRun(runId)
  const [title, setTitle] = useState(run?.title ?? '')
  const field = useRef<HTMLInputElement>(null)
  const save = async () => {
    const next = title.trim()
    if (next === '' || next === run?.title) return onClose()
    if (await attempt('Not renamed', 'run.rename', { runId, title: next })) onClose()
  }
  return (
    <Modal title="Rename" className="narrow" initialFocus={field} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void save()
        }}
      >
        <div className="form">
          <label className="field">
            <span className="lab">Title</span>
            <input
              ref={field}
              className="input"
              value={title}
              maxLength={200}
              onChange={(event) => setTitle(event.target.value)}
              onFocus={(event) => event.target.select()}
            />
            <span className="hint">The id {run?.id}, the branch and the folder stay as they are.</span>
          </label>
        </div>
        <footer>
          <span className="grow" />
          <button type="button" className="btn tall quiet" onClick={onClose}>
            Cancel <kbd>Esc</kbd>
          </button>
          <button type="submit" className="btn tall primary" disabled={title.trim() === ''}>
            Rename
          </button>
        </footer>
      </form>
    </Modal>
  )
}
