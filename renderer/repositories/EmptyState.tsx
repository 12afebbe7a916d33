// The first screen: add a repository or try the demo, and see which agents are installed.
import { useEffect, useState } from 'react'
import type { DetectedAgent } from '../../app/contract/commands/agent.ts'
import { startDemo } from '../actions/verbs.ts'
import { call } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { line } from '../parts/words.ts'
import { openDialog, showFilter } from '../window/ui.ts'
import { AddRepository } from './AddRepository.tsx'
import './empty-state.css'

export function EmptyState() {
  const [busy, setBusy] = useState(false)
  return (
    <main className="first">
      <div className="sheet">
        <div className="hero">
          <Icon name="mark" size={40} />
          <div>
            <h1>Add a repository to begin</h1>
            <p className="lead">
              Each agent works on its own branch in its own worktree. Your checkout stays as it is.
            </p>
          </div>
        </div>
        <div className="cards">
          <section className="card2">
            <h2>Your repository</h2>
            <AddRepository
              onAdded={(repositoryId) => {
                showFilter('active')
                openDialog({ kind: 'new-run', repositoryId })
              }}
            />
          </section>
          <section className="card2">
            <h2>Or try the demo</h2>
            <p>
              A scratch repository and four scripted agents: one commits, one asks, one floods its terminal, one fails.
              It needs no network and no agent.
            </p>
            <Miniature />
            <span className="grow" />
            <button
              type="button"
              className="btn tall"
              disabled={busy}
              onClick={() => {
                setBusy(true)
                void startDemo().finally(() => setBusy(false))
              }}
            >
              <Icon name="demo" size={14} />
              {busy ? 'Starting' : 'Try the demo'}
            </button>
          </section>
        </div>
        <Found />
      </div>
    </main>
  )
}

function Miniature() {
  return (
    <div className="mini" aria-hidden="true">
      <div className="big" data-state="working">
        <div className="h">
          <Icon name="working" size={12} />
          Edits and commits
        </div>
        <pre>{'Read  greet.js\nEdit  greet.js\n  + hello(name)\nRun   node --test\n  3 passed\nCommit 5be1c02'}</pre>
      </div>
      <div className="wait" data-state="question">
        <div className="h">
          <Icon name="question" size={12} />
          Asks
        </div>
        <pre>{'Which language?\n1 English  2 Welsh'}</pre>
      </div>
      <div data-state="failed">
        <div className="h">
          <Icon name="failed" size={12} />
          Fails
        </div>
        <pre>{'exit 1\nbuild: missing file'}</pre>
      </div>
    </div>
  )
}

function Found() {
  const [agents, setAgents] = useState<readonly DetectedAgent[] | null>(null)
  useEffect(() => {
    call('agent.list', {}).then(
      (found) => setAgents(found.agents),
      () => setAgents([]),
    )
  }, [])
  const named = agents?.filter((agent) => !['shell', 'command', 'demo'].includes(agent.name)) ?? []
  return (
    <div className="found">
      <span className="strong">Agents</span>
      {agents === null ? (
        <span>Looking for agents</span>
      ) : (
        named.map((agent) =>
          agent.found && !agent.problem ? (
            <span key={agent.name} className="ok" title={agent.found}>
              <Icon name="check" size={14} />
              {agent.label} {agent.version ?? ''}
            </span>
          ) : (
            <span key={agent.name} className="no" title={agent.install ?? undefined}>
              <Icon name={agent.found ? 'warn' : 'minus'} size={14} />
              {agent.label}
              {agent.found && agent.problem ? `, ${line(agent.problem, 60)}` : ' not installed'}
            </span>
          ),
        )
      )}
      <span className="grow" />
      <span>No account, no telemetry, works offline</span>
    </div>
  )
}
