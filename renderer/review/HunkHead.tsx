// The head of one hunk: its lines, the function it is in, and what can be done with it alone.
import { Key } from '../parts/Key.tsx'
import { line } from '../parts/words.ts'
import type { Shown } from './items.ts'
import { fold, mark, setFocus, useReview } from './review-store.ts'

type Props = Extract<Shown, { kind: 'hunk' }> & { readonly id: string }

export function HunkHead({ id, file, hunk, folded }: Props) {
  const focused = useReview(({ focus }) => focus === id)
  const context = /^@@ .*? @@ ?(.*)$/.exec(hunk.header)?.[1] ?? ''
  const range = hunk.newLines === 0 ? `${hunk.oldStart}, deleted` : rangeText(hunk.newStart, hunk.newLines)
  return (
    <div className={`diff-hunk${focused ? ' on' : ''}`} data-item={id} onPointerDown={() => setFocus(id)}>
      <button
        type="button"
        className="diff-range"
        aria-expanded={!folded}
        title={folded ? 'Show these lines' : 'Fold these lines'}
        onClick={() => fold(id, !folded)}
      >
        {range}
      </button>
      <span className="diff-path mono cut">{line(file.path, 300)}</span>
      <span className="mono cut muted grow" title={context}>
        {line(context, 200)}
      </span>
      <label className="diff-check">
        <input type="checkbox" checked={hunk.reviewed} onChange={() => void mark(file, [hunk.id], !hunk.reviewed)} />
        Reviewed {focused && <Key id="review-mark" />}
      </label>
    </div>
  )
}

const rangeText = (start: number, count: number): string =>
  count === 1 ? `Line ${start}` : `Lines ${start}–${start + count - 1}`
