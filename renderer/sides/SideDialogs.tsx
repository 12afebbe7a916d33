// The two questions about side sessions: which command or agent to open, and whether to close one that is still running.
import { useEffect, useRef, useState } from 'react'
import type { DetectedAgent } from '../../app/contract/commands/agent.ts'
import { sideOf } from '../../app/model/side-session.ts'
import { attempt, closeSide, openSide } from '../actions/verbs.ts'
import { useRun } from '../client/hooks.ts'
import { Modal } from '../parts/Modal.tsx'
import { line } from '../parts/words.ts'

export function OpenSideDialog({
  runId,
  what,
  onClose,
}: {
  runId: string
  what: 'command' | 'agent'
  onClose: () => void
}) {
  const [text, setText] = useState('')
  const [agents, setAgents] = useState<readonly DetectedAgent[]>([])
  const field = useRef<HTMLInputElement & HTMLSelectElement>(null)
  useEffect(() => {
    if (what !== 'agent') return
    void attempt('Agents not listed', 'agent.list', {}).then((answer) => {
      const there = (answer?.agents ?? []).filter(
        ({ name, found }) => found !== null && name !== 'shell' && name !== 'command',
      )
      setAgents(there)
      setText((before) => before || (there[0]?.name ?? ''))
    })
  }, [what])
  const agent = agents.find(({ name }) => name === text)
  const ready = what === 'command' ? text.trim() !== '' : agent !== undefined
  const go = async () => {
    if (!ready) return
    const input = agent
      ? { kind: 'agent' as const, agent: agent.name }
      : { kind: 'command' as const, commandLine: text }
    if (await openSide(runId, input)) onClose()
  }
  return (
    <Modal
      title={what === 'command' ? 'Run a command beside the agent' : 'Another agent'}
      className="narrow"
      initialFocus={field}
      onClose={onClose}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void go()
        }}
      >
        <div className="form">
          <div className="field">
            <label className="lab" htmlFor="side-what">
              {what === 'command' ? 'Command line' : 'Agent'}
            </label>
            {what === 'command' ? (
              <input
                id="side-what"
                ref={field}
                className="input mono"
                value={text}
                placeholder="pnpm dev"
                spellCheck={false}
                autoComplete="off"
                onChange={(event) => setText(event.target.value)}
              />
            ) : (
              <select
                id="side-what"
                ref={field}
                className="input"
                value={text}
                onChange={(event) => setText(event.target.value)}
              >
                {agents.map(({ name, label }) => (
                  <option key={name} value={name}>
                    {label}
                  </option>
                ))}
              </select>
            )}
            <span className="hint">It works in the same folder as the run's agent and closes with the run.</span>
          </div>
        </div>
        <footer>
          <span className="grow" />
          <button type="button" className="btn tall quiet" onClick={onClose}>
            Cancel <kbd>Esc</kbd>
          </button>
          <button type="submit" className="btn tall primary" disabled={!ready}>
            Open
          </button>
        </footer>
      </form>
    </Modal>
  )
}

export function CloseSideDialog({ runId, number, onClose }: { runId: string; number: number; onClose: () => void }) {
  const run = useRun(runId)
  const keep = useRef<HTMLButtonElement>(null)
  const side = run && sideOf(run, number)
  if (!side) return null
  return (
    <Modal title={`Close “${line(side.title, 60)}”?`} className="narrow" initialFocus={keep} onClose={onClose}>
      <div className="form">
        <p>It is running. Closing ends it and everything it started; the run's agent keeps running.</p>
      </div>
      <footer>
        <span className="grow" />
        <button ref={keep} type="button" className="btn tall quiet" onClick={onClose}>
          Keep it <kbd>Esc</kbd>
        </button>
        <button
          type="button"
          className="btn tall danger"
          onClick={() => {
            onClose()
            void closeSide(runId, number)
          }}
        >
          Close it
        </button>
      </footer>
    </Modal>
  )
}
