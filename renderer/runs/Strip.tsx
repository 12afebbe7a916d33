// The strip: the runs that wait for the person, oldest first, then the others in words; the filter; the next waiting run; the
// number of tiles.
import { useEffect, useRef } from 'react'
import { phaseWord } from '../../app/contract/sentences.ts'
import type { Look } from '../../app/model/attention.ts'
import type { Settings } from '../../app/model/settings.ts'
import { counted, shortAge } from '../../app/model/text/units.ts'
import { perform } from '../actions/actions.ts'
import { attempt } from '../actions/verbs.ts'
import { useNeeding, useSettings } from '../client/hooks.ts'
import { Icon, type IconName } from '../parts/Icon.tsx'
import { Key } from '../parts/Key.tsx'
import { RunTitle } from '../parts/RunTitle.tsx'
import { Ticking } from '../parts/Ticking.tsx'
import { line, looks } from '../parts/words.ts'
import { focusRun, showFilter, useUi } from '../window/ui.ts'
import './strip.css'

/** Waiting runs named in the strip, by the width of the window; the others are counted. */
const mostNamedIn = (width: number): number => (width >= 1700 ? 4 : width >= 1300 ? 3 : 2)

const restWords: Partial<Record<Look, string>> = {
  finished: 'to review',
  stalled: 'stalled?',
  failed: 'failed',
  interrupted: 'interrupted',
  unavailable: 'unavailable',
}

export function Strip() {
  const needing = useNeeding()
  const mostNamed = mostNamedIn(window.innerWidth)
  const waiting = needing.filter(({ attention }) => attention.rank === 1)
  const rest = needing.filter(({ attention }) => attention.rank === 2)
  const kinds = [...new Set(rest.map(({ attention }) => attention.look))]
  return (
    <section className="strip" aria-label="Runs that need you">
      {waiting.length > 0 ? (
        <button type="button" className="count" onClick={() => showFilter('needs')} aria-live="polite">
          {counted(waiting.length, 'waits', 'wait')} for you
        </button>
      ) : (
        <span className="calm muted">{needing.length > 0 ? 'Nothing is waiting for you' : 'Nothing needs you'}</span>
      )}
      <div className="queue">
        {waiting.slice(0, mostNamed).map(({ id, title, attention }) => (
          <button
            type="button"
            key={id}
            className="qitem blocked"
            data-state={looks[attention.look].state}
            title={`${line(title)}: ${phaseWord(attention.look)}`}
            onClick={() => focusRun(id)}
          >
            <Icon name={looks[attention.look].icon} size={14} />
            <span className="t">
              <RunTitle title={title} max={60} />
            </span>
            <span className="a">
              <Ticking>{(now) => shortAge(now - attention.since)}</Ticking>
            </span>
          </button>
        ))}
        {waiting.length > mostNamed && (
          <button type="button" className="qitem rest more" onClick={() => showFilter('needs')}>
            <span className="t">and {waiting.length - mostNamed} more</span>
          </button>
        )}
        {kinds.map((look) => {
          const those = rest.filter(({ attention }) => attention.look === look)
          const word = restWords[look] ?? phaseWord(look).toLowerCase()
          return (
            <button
              type="button"
              key={look}
              className="qitem rest"
              data-state={looks[look].state}
              aria-label={`${those.length} ${word}`}
              title={`${those.length} ${word}: ${those.map(({ title }) => line(title, 60)).join(', ')}`}
              onClick={() => focusRun(those[0]?.id ?? null)}
            >
              <Icon name={looks[look].icon} size={14} />
              <span className="t">
                {those.length} <span className="word">{word}</span>
              </span>
            </button>
          )
        })}
      </div>
      <FilterField />
      {needing.length > 0 && (
        <button type="button" className="btn quiet wide" onClick={() => perform('next-waiting')}>
          Next <Key id="next-waiting" />
        </button>
      )}
      <Density />
    </section>
  )
}

function FilterField() {
  const query = useUi((ui) => ui.query)
  return query === null ? null : <OpenFilter query={query} />
}

function OpenFilter({ query }: { query: string }) {
  const field = useRef<HTMLInputElement>(null)
  // The field is opened by a key, and what is typed next is meant for it. Later it never takes the focus back by itself.
  useEffect(() => field.current?.focus(), [])
  return (
    <search className="filter">
      <Icon name="search" size={14} />
      <input
        ref={field}
        value={query}
        placeholder="Filter by title, branch or prompt"
        aria-label="Filter runs"
        spellCheck={false}
        onChange={(event) => useUi.setState({ query: event.target.value })}
        onKeyDown={(event) => {
          if (event.key === 'Escape') useUi.setState({ query: null })
          else if (event.key === 'Enter') event.currentTarget.blur()
          else return
          event.preventDefault()
          event.stopPropagation()
        }}
      />
    </search>
  )
}

const densities: readonly { value: Settings['density']; icon: IconName; label: string }[] = [
  { value: '1', icon: 'one', label: '1 run' },
  { value: '4', icon: 'four', label: '4 runs' },
  { value: '9', icon: 'nine', label: '9 runs' },
  { value: '16', icon: 'sixteen', label: '16 runs' },
  { value: 'list', icon: 'list', label: 'List' },
]

function Density() {
  const { density } = useSettings()
  return (
    <fieldset className="seg">
      <legend className="sr">Tiles on screen</legend>
      {densities.map(({ value, icon, label }) => (
        <button
          type="button"
          key={value}
          title={density === value ? `${label}; again for automatic` : label}
          aria-label={label}
          aria-pressed={density === value}
          onClick={() =>
            void attempt('Setting not saved', 'settings.change', {
              change: { density: density === value ? 'auto' : value },
            })
          }
        >
          <Icon name={icon} />
        </button>
      ))}
    </fieldset>
  )
}
