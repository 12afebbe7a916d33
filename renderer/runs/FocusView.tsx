// One run alone: a bar with its actions, its terminal at the size of the window, and its details beside it.
import { ActionButton } from '../actions/ActionButton.tsx'
import { perform } from '../actions/actions.ts'
import { useRun } from '../client/hooks.ts'
import { useReplica } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { line } from '../parts/words.ts'
import { ConnectionBar } from '../window/ConnectionBar.tsx'
import { showFilter, useUi } from '../window/ui.ts'
import { DetailsPane } from './DetailsPane.tsx'
import { RunTile } from './RunTile.tsx'
import './focus-view.css'
import { RunTitle } from '../parts/RunTitle.tsx'

export function FocusView({ runId }: { runId: string }) {
  const run = useRun(runId)
  const details = useUi((ui) => ui.details)
  const repository = useReplica(({ state }) => (run ? state.repositories[run.repositoryId ?? ''] : undefined))
  if (!run) return null
  const stoppable = run.phase === 'running'
  const cancellable = run.phase === 'queued' || run.phase === 'preparing' || run.phase === 'starting'
  return (
    <main className="main">
      <ConnectionBar />
      <h1 className="sr">{line(run.title)}</h1>
      <div className="strip crumbbar">
        <button
          type="button"
          className="btn quiet icon-only"
          aria-label="Back to the grid"
          title="Back to the grid"
          onClick={() => perform('grid')}
        >
          <Icon name="all" />
        </button>
        <button type="button" className="crumb-link" onClick={() => showFilter(`repository:${run.repositoryId}`)}>
          {line(repository?.name ?? 'Repository', 60)}
        </button>
        <span className="faint">/</span>
        <span className="strong cut">
          <RunTitle title={run.title} />
        </span>
        <span className="grow" />
        {!stoppable && !cancellable && <ActionButton id="resume" runId={runId} cap />}
        {run.branch && run.worktreePresence === 'present' && <ActionButton id="publish" runId={runId} cap />}
        {stoppable && <ActionButton id="stop" runId={runId} className="btn quiet" cap />}
        {cancellable && <ActionButton id="cancel" runId={runId} className="btn quiet" cap />}
        {!cancellable && <ActionButton id="remove" runId={runId} className="btn quiet" cap />}
        <ActionButton id="details" runId={runId} className="btn quiet" bare />
      </div>
      <div className="focus" data-details={details}>
        <div className="stage">
          <RunTile id={runId} size={13} line={20} large />
        </div>
        {details && <DetailsPane runId={runId} />}
      </div>
    </main>
  )
}
