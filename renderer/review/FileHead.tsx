// The head of a file in the diff: where it is, what happened to it, how much of it was reviewed, and what can be done with all of it.
import { Icon } from '../parts/Icon.tsx'
import { line } from '../parts/words.ts'
import type { Shown } from './items.ts'
import { PathName } from './PathName.tsx'
import { fold, mark, setFocus, useReview } from './review-store.ts'
import { fileTags, unshownText } from './review-words.ts'

type Props = Extract<Shown, { kind: 'file' }> & { readonly id: string }

export function FileHead({ id, file, folded, patch }: Props) {
  const focused = useReview(({ focus }) => focus === id)
  const whole = file.hunks > 0 && file.reviewed === file.hunks
  const part = file.reviewed > 0 && !whole
  const unshown = unshownText(file, patch)
  return (
    <div className={`diff-file${focused ? ' on' : ''}`} data-item={id} onPointerDown={() => setFocus(id)}>
      <button
        type="button"
        className="btn quiet icon-only small"
        aria-expanded={!folded}
        aria-label={folded ? `Show ${line(file.path, 200)}` : `Fold ${line(file.path, 200)}`}
        onClick={() => fold(id, !folded)}
      >
        <Icon name={folded ? 'right' : 'down'} size={14} />
      </button>
      <PathName path={file.path} from={file.oldPath} />
      {file.added !== null && file.added > 0 && <span className="add">+{file.added}</span>}
      {file.deleted !== null && file.deleted > 0 && <span className="del">−{file.deleted}</span>}
      {fileTags(file).map((tag) => (
        <span key={tag} className="diff-tag">
          {tag}
        </span>
      ))}
      {unshown && <span className="muted cut">{unshown}</span>}
      <span className="grow" />
      {file.hunks > 0 && (
        <>
          <span className="muted small nowrap">
            {file.reviewed} of {file.hunks} reviewed
          </span>
          <label className="diff-check">
            <input
              type="checkbox"
              checked={whole}
              ref={(box) => {
                if (box) box.indeterminate = part
              }}
              onChange={() => void mark(file, null, !whole)}
            />
            Reviewed
          </label>
        </>
      )}
    </div>
  )
}
