// The folders of the machine that the host runs on, one level at a time, for a client without a file dialog. Repositories are
// marked.
import { useEffect, useState } from 'react'
import type { CommandOutput } from '../../app/contract/commands/index.ts'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { failureOf } from '../../app/model/failure.ts'
import { call } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { line } from '../parts/words.ts'
import './directory-picker.css'

export function DirectoryPicker({ onPick }: { onPick: (path: string) => void }) {
  const [path, setPath] = useState<string | null>(null)
  const [listing, setListing] = useState<CommandOutput<'directory.list'> | null>(null)
  const [problem, setProblem] = useState<string | null>(null)

  useEffect(() => {
    let current = true
    call('directory.list', path === null ? {} : { path }).then(
      (found) => {
        if (!current) return
        setListing(found)
        setProblem(null)
      },
      (error: unknown) => current && setProblem(sentenceOf(failureOf(error)).message),
    )
    return () => {
      current = false
    }
  }, [path])

  return (
    <div className="picker">
      <div className="picker-path">
        <button
          type="button"
          className="btn small icon-only"
          aria-label="Folder above"
          disabled={!listing?.parent}
          onClick={() => listing?.parent && setPath(listing.parent)}
        >
          <Icon name="up" size={14} />
        </button>
        <span className="mono cut grow" title={listing?.path}>
          {line(listing?.path ?? 'Looking', 300)}
        </span>
        <button type="button" className="btn small" disabled={!listing} onClick={() => listing && onPick(listing.path)}>
          Add this folder
        </button>
      </div>
      {problem && (
        <p className="hint bad" role="alert">
          {problem}
        </p>
      )}
      <ul className="picker-list">
        {listing?.entries.map((entry) => (
          <li key={entry.path}>
            <button type="button" className="picker-entry" onClick={() => setPath(entry.path)}>
              <Icon name={entry.repository ? 'repo' : 'folder'} size={14} />
              <span className="cut grow">{line(entry.name, 200)}</span>
            </button>
            {entry.repository && (
              <button
                type="button"
                className="btn small"
                aria-label={`Add ${line(entry.name, 100)}`}
                onClick={() => onPick(entry.path)}
              >
                Add
              </button>
            )}
          </li>
        ))}
        {listing?.entries.length === 0 && <li className="muted empty">No folders here.</li>}
      </ul>
    </div>
  )
}
