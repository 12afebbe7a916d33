// Starts a run's next attempt, with an optional follow-up prompt. If the agent has a conversation of its own, it continues that.
import { useRef, useState } from 'react'
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
  const go = async () => {
    setBusy(true)
    if (await resume(runId, prompt.trim() || undefined)) {
      keepDraft(draft, null)
      onClose()
    } else setBusy(false)
  }
  return (
    <Modal title={`Resume “${line(run.title, 60)}”`} className="narrow" initialFocus={field} onClose={onClose}>
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
              Attempt {run.attempts.length + 1}.{' '}
              {run.agentSession
                ? `${agentLabel(run.agent)} continues its own session.`
                : 'The agent starts over in the same worktree.'}
              {run.worktreePresence === 'present' ? '' : ' The worktree is created again from its branch.'}
            </span>
          </label>
        </div>
        <footer>
          <span className="grow" />
          <button type="button" className="btn tall quiet" onClick={onClose}>
            Cancel <kbd>Esc</kbd>
          </button>
          <button type="submit" className="btn tall primary" disabled={busy}>
            Resume <kbd>Ctrl Enter</kbd>
          </button>
        </footer>
      </form>
    </Modal>
  )
}
