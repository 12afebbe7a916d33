// The search field above a terminal: finds as one types, Enter goes on, Shift+Enter goes back, Escape closes it.
import { useEffect, useRef, useState } from 'react'
import { Icon } from '../parts/Icon.tsx'
import { useUi } from '../window/ui.ts'
import { giveKeys, viewOf } from './terminals.ts'
import './terminal-search.css'

export function TerminalSearch({ runId }: { runId: string }) {
  const [text, setText] = useState('')
  const [found, setFound] = useState(true)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    field.current?.focus()
    return () => viewOf(runId)?.clearFind()
  }, [runId])

  const find = (next: string, options: { back?: boolean; typing?: boolean }) =>
    setFound(viewOf(runId)?.find(next, options) ?? false)
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
        aria-invalid={!found}
        placeholder="Search this terminal"
        spellCheck={false}
        onChange={(event) => {
          setText(event.target.value)
          find(event.target.value, { typing: true })
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') find(text, { back: event.shiftKey })
          else if (event.key === 'Escape') close()
          else return
          event.preventDefault()
          event.stopPropagation()
        }}
      />
      {!found && text !== '' && (
        <span className="small muted nowrap" role="status">
          Nothing found
        </span>
      )}
      <button
        type="button"
        className="btn small quiet icon-only"
        aria-label="Previous match"
        onClick={() => find(text, { back: true })}
      >
        <Icon name="up" size={14} />
      </button>
      <button
        type="button"
        className="btn small quiet icon-only"
        aria-label="Next match"
        onClick={() => find(text, {})}
      >
        <Icon name="down" size={14} />
      </button>
      <button type="button" className="btn small quiet icon-only" aria-label="Close search" onClick={close}>
        <Icon name="x" size={14} />
      </button>
    </search>
  )
}
