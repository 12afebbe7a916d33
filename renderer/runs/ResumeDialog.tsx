// Starts a run's next attempt, with an optional follow-up prompt. If the agent has a conversation of its own, it continues that.
import { useRef, useState } from 'react'
import { type Run, startsAnew } from '../../app/model/run.ts'
import { resume } from '../actions/verbs.ts'
import { useRun } from '../client/hooks.ts'
import { draftOf, keepDraft } from '../parts/drafts.ts'
import { Modal } from '../parts/Modal.tsx'
import { agentLabel, line } from '../parts/words.ts'

export function ResumeDialog({ runId, onClose }: { runId: string; onClose: () => void }) {
  const run = useRun(runId)
  const draft = `resume.${runId}`
  const [prompt, setPrompt] = useState(() => {
    const kept = draftOf(draft)
    return typeof kept === 'string' ? kept : ''
  })
  const write = (text: string) => {
    setPrompt(text)
    keepDraft(draft, text.trim() === '' ? null : text)
  }
  const [busy, setBusy] = useState(false)
  const field = useRef<HTMLTextAreaElement>(null)
  if (!run) return null
  const takesPrompt = run.agent !== 'shell'
  // What never started has no session, worktree or branch to go back to: all of it is made as it was asked for.
  const anew = startsAnew(run)
  const verb = anew ? 'Try again' : 'Resume'
  const go = async () => {
    setBusy(true)
    if (await resume(runId, prompt.trim() || undefined)) {
      keepDraft(draft, null)
      onClose()
    } else setBusy(false)
  }
  return (
    <Modal title={`${verb} “${line(run.title, 60)}”`} className="narrow" initialFocus={field} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void go()
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.preventDefault()
            void go()
          }
        }}
      >
        <div className="form">
          <label className="field">
            <span className="lab">
              Follow-up <span className="faint">may be empty</span>
            </span>
            <textarea
              ref={field}
              className="input prompt"
              rows={5}
              value={prompt}
              disabled={!takesPrompt}
              placeholder={takesPrompt ? `What should ${agentLabel(run.agent)} do next?` : 'A shell takes no prompt'}
              onChange={(event) => write(event.target.value)}
            />
            <span className="hint">
              {anew ? 'Its worktree and branch are created again, as you asked for them.' : attemptText(run)}
            </span>
          </label>
        </div>
        <footer>
          <span className="grow" />
          <button type="button" className="btn tall quiet" onClick={onClose}>
            Cancel <kbd>Esc</kbd>
          </button>
          <button type="submit" className="btn tall primary" disabled={busy}>
            {verb} <kbd>Ctrl Enter</kbd>
          </button>
        </footer>
      </form>
    </Modal>
  )
}

function attemptText(run: Run): string {
  return [
    `Attempt ${run.attempts.length + 1}.`,
    run.agentSession
      ? `${agentLabel(run.agent)} continues its own session.`
      : `The agent starts over in the same ${run.inPlace ? 'folder' : 'worktree'}.`,
    run.worktreePresence === 'present' ? '' : 'The worktree is created again from its branch.',
  ]
    .filter((part) => part !== '')
    .join(' ')
}
