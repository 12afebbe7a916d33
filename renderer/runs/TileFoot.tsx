// A tile's foot: agent, branch, changes, size, time. On hover or focus it shows the actions instead.
import type { Live, Run } from '../../app/model/run.ts'
import { ageText, shortAge } from '../../app/model/text/units.ts'
import { ActionButton } from '../actions/ActionButton.tsx'
import { Icon } from '../parts/Icon.tsx'
import { Ticking } from '../parts/Ticking.tsx'
import { agentLabel, agentMark, branchParts, elapsed, line, sizeText } from '../parts/words.ts'
import { TileMenu } from './TileMenu.tsx'
import './tile-foot.css'

export function TileFoot({ run, live }: { run: Run; live: Live | undefined }) {
  const size = sizeText(live)
  const [prefix, name] = branchParts(run.branch ?? '')
  const stoppable = run.phase === 'running'
  const cancellable = run.phase === 'queued' || run.phase === 'preparing' || run.phase === 'starting'
  const removable = stoppable || !cancellable
  return (
    <footer className="tile-foot">
      <span className="agent" title={run.commandLine ? line(run.commandLine, 400) : agentLabel(run.agent)}>
        <i>{agentMark(run.agent)}</i>
        <span className="name">
          {agentLabel(run.agent)}
          {run.mode === 'headless' ? ', headless' : ''}
        </span>
      </span>
      {run.branch && (
        <span className="branch" title={line(run.branch)}>
          <Icon name="branch" size={12} />
          <span>
            <span className="pre">{line(prefix)}</span>
            {line(name)}
          </span>
        </span>
      )}
      <span className="facts">
        <Changes live={live} />
        {size ? (
          <span className="hide-narrow" title={size.title}>
            {size.text}
          </span>
        ) : (
          run.worktree === null && <span className="hide-narrow">no worktree yet</span>
        )}
        {elapsed(run, Date.now()) !== null && (
          <span>
            <Ticking>{(now) => shortAge(elapsed(run, now) ?? 0)}</Ticking>
          </span>
        )}
      </span>
      <span className="actions">
        {run.branch && run.worktreePresence === 'present' && <ActionButton id="publish" runId={run.id} cap />}
        <ActionButton id="maximise" runId={run.id} bare />
        {stoppable && <ActionButton id="stop" runId={run.id} bare />}
        {cancellable && <ActionButton id="cancel" runId={run.id} bare />}
        {removable && <ActionButton id="remove" runId={run.id} bare />}
        <TileMenu runId={run.id} />
      </span>
    </footer>
  )
}

/** Lines added and deleted; what could not be counted is said to be unknown. */
export function Changes({ live }: { live: Live | undefined }) {
  const { added, deleted } = live ?? {}
  if (!added || !deleted) return null
  if (added.value === null || deleted.value === null) {
    return <span title={added.why ?? deleted.why ?? 'The changes could not be counted'}>± unknown</span>
  }
  if (added.value === 0 && deleted.value === 0) return null
  return (
    <span title={`${added.value} lines added, ${deleted.value} deleted, since the base`}>
      <span className="add">+{added.value}</span> <span className="del">−{deleted.value}</span>
    </span>
  )
}

export const elapsedText = (run: Run, now: number): string => ageText(elapsed(run, now))
