// What an empty list shows: why it is empty, and the next step.
import { counted } from '../../app/model/text/units.ts'
import { perform } from '../actions/actions.ts'
import { useCounts } from '../client/hooks.ts'
import { Icon } from '../parts/Icon.tsx'
import { Key } from '../parts/Key.tsx'
import { showFilter, useUi } from '../window/ui.ts'

export function NothingHere() {
  const filter = useUi((ui) => ui.filter)
  const query = useUi((ui) => ui.query)
  const { done, active } = useCounts()
  const text = query
    ? 'No runs match the filter.'
    : filter === 'active'
      ? `Nothing is running.${done > 0 ? ` ${counted(done, 'run is', 'runs are')} under Done.` : ''}`
      : filter === 'done'
        ? 'Nothing is done yet. Runs appear here once they are marked as reviewed or merged.'
        : filter === 'needs'
          ? 'Nothing needs you.'
          : filter === 'unpushed'
            ? 'No run has unpushed commits.'
            : 'No runs here.'
  return (
    <div className="nothing">
      <p className="big">{text}</p>
      <div className="row">
        {query ? (
          <button type="button" className="btn tall" onClick={() => useUi.setState({ query: null })}>
            Clear the filter
          </button>
        ) : (
          <button type="button" className="btn tall" onClick={() => perform('new-run')}>
            <Icon name="plus" size={14} />
            New run <Key id="new-run" />
          </button>
        )}
        {!query && filter !== 'active' && active > 0 && (
          <button type="button" className="btn tall quiet" onClick={() => showFilter('active')}>
            Show active runs
          </button>
        )}
      </div>
    </div>
  )
}
