// The search field above a terminal. It finds the newest match while the person types. Enter goes to older matches, Shift+Enter to
// newer ones, Escape closes it.
import { useEffect, useRef, useState } from 'react'
import { Icon } from '../parts/Icon.tsx'
import { useUi } from '../window/ui.ts'
import type { Found } from './terminal-attach.ts'
import { giveKeys, viewOf } from './terminals.ts'
import './terminal-search.css'

export function TerminalSearch({ runId }: { runId: string }) {
  const [text, setText] = useState('')
  const [found, setFound] = useState<Found>({ at: null, of: 0 })
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    field.current?.focus()
    return () => viewOf(runId)?.clearFind()
  }, [runId])

  const find = (next: string, to: 'newest' | 'older' | 'newer') =>
    setFound(viewOf(runId)?.find(next, to) ?? { at: null, of: 0 })
  const close = () => {
    useUi.setState({ searching: null })
    giveKeys(runId)
  }

  return (
    <search className="term-search">
      <Icon name="search" size={14} />
      <input
        ref={field}
        value={text}
        aria-label="Search in this terminal"
        aria-invalid={text !== '' && found.of === 0}
        placeholder="Search this terminal"
        spellCheck={false}
        onChange={(event) => {
          setText(event.target.value)
          find(event.target.value, 'newest')
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') find(text, event.shiftKey ? 'newer' : 'older')
          else if (event.key === 'Escape') close()
          else return
          event.preventDefault()
          event.stopPropagation()
        }}
      />
      {text !== '' && (
        <span className="small muted nowrap" role="status">
          {foundText(found)}
        </span>
      )}
      <button
        type="button"
        className="btn small quiet icon-only"
        aria-label="Older match"
        onClick={() => find(text, 'older')}
      >
        <Icon name="up" size={14} />
      </button>
      <button
        type="button"
        className="btn small quiet icon-only"
        aria-label="Newer match"
        onClick={() => find(text, 'newer')}
      >
        <Icon name="down" size={14} />
      </button>
      <button type="button" className="btn small quiet icon-only" aria-label="Close search" onClick={close}>
        <Icon name="x" size={14} />
      </button>
    </search>
  )
}

function foundText({ at, of }: Found): string {
  if (of === 0) return 'Nothing found'
  return at === null ? `${of.toLocaleString('en')} or more` : `${at.toLocaleString('en')} of ${of.toLocaleString('en')}`
}
