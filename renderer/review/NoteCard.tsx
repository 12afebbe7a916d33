// What stands between the lines of a diff: a comment with what became of it, or the form for a new one. Text is kept as a draft
// while it is written; Esc closes the form and keeps the draft.
import { useEffect, useRef, useState } from 'react'
import { maxCommentText } from '../../app/model/comment.ts'
import { draftOf, keepDraft } from '../parts/drafts.ts'
import type { Note } from './items.ts'
import { addComment, dropComment, editComment, useReview, write } from './review-store.ts'
import { lineRange, standingText } from './review-words.ts'

export function NoteCard({ note }: { note: Note }) {
  return (
    <div className="note-place">{note.kind === 'writing' ? <NewNote key={note.key} /> : <SavedNote {...note} />}</div>
  )
}

function NewNote() {
  const writing = useReview((review) => review.writing)
  const runId = useReview((review) => review.runId)
  const draft = writing ? `comment.${runId}.${writing.path}:${writing.side}:${writing.start}-${writing.end}` : ''
  if (!writing) return null
  return (
    <NoteForm
      title={lineRange(writing.start, writing.end)}
      draft={draft}
      verb="Add comment"
      onCancel={() => write(null)}
      onSave={(text) => addComment(writing, text)}
    />
  )
}

function SavedNote({ comment, standing }: Extract<Note, { kind: 'comment' }>) {
  const [editing, setEditing] = useState(false)
  if (editing)
    return (
      <NoteForm
        title={lineRange(comment.start, comment.end)}
        first={comment.text}
        verb="Save"
        onCancel={() => setEditing(false)}
        onSave={async (text) => {
          const saved = await editComment(comment.id, text)
          if (saved) setEditing(false)
          return saved
        }}
      />
    )
  return (
    <article
      className="note-card"
      data-sent={comment.sentAt !== null}
      aria-label={`Comment on ${lineRange(comment.start, comment.end)}`}
    >
      <header>
        <b>{lineRange(comment.start, comment.end)}</b>
        <span className="muted">{standingText(comment, standing)}</span>
        <span className="grow" />
        {comment.sentAt === null && (
          <button type="button" className="link" onClick={() => setEditing(true)}>
            Edit
          </button>
        )}
        <button type="button" className="link" onClick={() => void dropComment(comment.id)}>
          {comment.sentAt === null ? 'Drop' : 'Resolve'}
        </button>
      </header>
      <p>{comment.text}</p>
    </article>
  )
}

interface FormProps {
  readonly title: string
  readonly first?: string
  /** Under which name an unfinished text is kept. */
  readonly draft?: string
  readonly verb: string
  onCancel(): void
  onSave(text: string): Promise<boolean>
}

function NoteForm({ title, first = '', draft, verb, onCancel, onSave }: FormProps) {
  const [text, setText] = useState(() => {
    const kept = draft ? draftOf(draft) : null
    return typeof kept === 'string' ? kept : first
  })
  const [busy, setBusy] = useState(false)
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => field.current?.focus({ preventScroll: true }), [])
  const change = (value: string) => {
    setText(value)
    if (draft) keepDraft(draft, value.trim() === '' ? null : value)
  }
  const save = async () => {
    if (text.trim() === '' || busy) return
    setBusy(true)
    if (await onSave(text)) {
      if (draft) keepDraft(draft, null)
    } else setBusy(false)
  }
  return (
    <form
      className="note-card"
      onSubmit={(event) => {
        event.preventDefault()
        void save()
      }}
    >
      <header>
        <b>{title}</b>
        <span className="muted">for the agent</span>
      </header>
      <textarea
        ref={field}
        className="input"
        rows={3}
        maxLength={maxCommentText}
        value={text}
        aria-label={`Comment on ${title.toLowerCase()}`}
        placeholder="What should the agent change here?"
        onChange={(event) => change(event.target.value)}
        onKeyDown={(event) => {
          // The page's keys are not for a field, and Esc must not leave the page.
          event.stopPropagation()
          if (event.key === 'Escape') onCancel()
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.preventDefault()
            void save()
          }
        }}
      />
      <footer>
        <button type="submit" className="btn small primary" disabled={busy || text.trim() === ''}>
          {verb} <kbd>Ctrl Enter</kbd>
        </button>
        <button type="button" className="btn small quiet" onClick={onCancel}>
          Cancel <kbd>Esc</kbd>
        </button>
      </footer>
    </form>
  )
}
