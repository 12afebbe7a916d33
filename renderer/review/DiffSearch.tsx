// Search in the changed lines: Enter and Shift+Enter go to the next and the previous place, with a count.
import { useEffect, useMemo, useRef, useState } from 'react'
import { Icon } from '../parts/Icon.tsx'
import { findInDiff } from './find.ts'
import { fold, setFocus, setQuery, useReview } from './review-store.ts'

export function DiffSearch() {
  const query = useReview((review) => review.query)
  const built = useReview((review) => review.built)
  const [at, setAt] = useState(0)
  const field = useRef<HTMLInputElement>(null)
  const found = useMemo(() => findInDiff(built, query ?? ''), [built, query])
  const open = query !== null
  useEffect(() => {
    if (open) field.current?.focus()
  }, [open])
  if (!open) return null
  const go = (by: number) => {
    if (found.length === 0) return
    const next = (at + by + found.length) % found.length
    setAt(next)
    const place = found[next]!
    if (built.shown.get(place.itemId)?.folded) fold(place.itemId, false)
    setFocus(place.itemId)
  }
  return (
    <search className="diff-search">
      <Icon name="search" size={14} />
      <input
        ref={field}
        className="input"
        type="search"
        placeholder="Search the changes"
        aria-label="Search the changes"
        value={query}
        onChange={({ target }) => {
          setQuery(target.value)
          setAt(-1)
        }}
        onKeyDown={(event) => {
          event.stopPropagation()
          if (event.key === 'Escape') setQuery(null)
          if (event.key === 'Enter') go(event.shiftKey ? -1 : 1)
        }}
      />
      <span className="muted small nowrap" role="status">
        {query === '' ? '' : found.length === 0 ? 'Nothing found' : `${Math.max(1, at + 1)} of ${found.length}`}
      </span>
    </search>
  )
}
