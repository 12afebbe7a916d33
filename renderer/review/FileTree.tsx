// The changed files as a tree of folders, in the order of the page. Only the rows in view are drawn. A click shows the file.
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef } from 'react'
import type { ChangedFile } from '../../app/model/diff.ts'
import { Icon } from '../parts/Icon.tsx'
import { line } from '../parts/words.ts'
import { fileItem } from './items.ts'
import { useReview } from './review-store.ts'
import { fileTags } from './review-words.ts'

const rowHeight = 28

type Row = { readonly folder: string } | { readonly file: ChangedFile }

/** Folders with their files below them. Files come sorted by path from the host. */
export function treeRows(files: readonly ChangedFile[]): Row[] {
  const rows: Row[] = []
  let before: string | null = null
  for (const file of files) {
    const at = file.path.lastIndexOf('/')
    const folder = at < 0 ? '' : file.path.slice(0, at)
    if (folder !== before && (folder !== '' || before !== null)) rows.push({ folder: folder === '' ? '.' : folder })
    before = folder
    rows.push({ file })
  }
  return rows
}

export function FileTree({ onOpen }: { onOpen: (itemId: string) => void }) {
  const files = useReview(({ changes }) => changes?.files)
  const comments = useReview((review) => review.comments)
  const current = useReview(({ focus, built }) => (focus === null ? null : (built.shown.get(focus)?.file.id ?? null)))
  const rows = useMemo(() => treeRows(files ?? []), [files])
  const scroll = useRef<HTMLDivElement>(null)
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  })
  useEffect(() => {
    const at = rows.findIndex((row) => 'file' in row && row.file.id === current)
    if (at >= 0) list.scrollToIndex(at, { align: 'auto' })
  }, [current, rows, list])
  const counts = useMemo(() => {
    const byPath = new Map<string, number>()
    for (const { comment } of comments) byPath.set(comment.path, (byPath.get(comment.path) ?? 0) + 1)
    return byPath
  }, [comments])
  return (
    <nav className="file-tree" ref={scroll} aria-label="Changed files">
      <div style={{ height: list.getTotalSize(), position: 'relative' }}>
        {list.getVirtualItems().map(({ index, start }) => {
          const row = rows[index]!
          return (
            <div key={index} className="tree-row" style={{ transform: `translateY(${start}px)` }}>
              {'folder' in row ? (
                <span className="tree-folder cut" title={line(row.folder, 1000)}>
                  <Icon name="folder" size={14} /> {line(row.folder, 300)}
                </span>
              ) : (
                <FileRow
                  file={row.file}
                  current={row.file.id === current}
                  comments={counts.get(row.file.path) ?? 0}
                  onOpen={onOpen}
                />
              )}
            </div>
          )
        })}
      </div>
    </nav>
  )
}

function FileRow({
  file,
  current,
  comments,
  onOpen,
}: {
  readonly file: ChangedFile
  readonly current: boolean
  readonly comments: number
  onOpen(itemId: string): void
}) {
  const done = file.hunks > 0 && file.reviewed === file.hunks
  const name = file.path.slice(file.path.lastIndexOf('/') + 1)
  return (
    <button
      type="button"
      className="tree-file"
      data-done={done}
      aria-current={current}
      title={[line(file.path, 1000), ...fileTags(file)].join(', ')}
      onClick={() => onOpen(fileItem(file))}
    >
      <Icon name={done ? 'reviewed' : file.reviewed > 0 ? 'partly' : 'ring'} size={14} />
      <span className="cut grow">{line(name, 200)}</span>
      {comments > 0 && (
        <span className="tree-comments">
          <Icon name="comment" size={12} /> {comments}
        </span>
      )}
      {(file.status === 'added' || file.status === 'deleted') && (
        <span className="diff-tag">{file.status === 'added' ? 'new' : 'deleted'}</span>
      )}
      {file.added !== null && file.added > 0 && <span className="add small">+{file.added}</span>}
      {file.deleted !== null && file.deleted > 0 && <span className="del small">−{file.deleted}</span>}
    </button>
  )
}
