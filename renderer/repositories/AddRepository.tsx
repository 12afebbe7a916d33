// The ways to add a repository: choose a folder, drop it, type its path, or take a recent one. The first screen and the dialog use
// it.
import { useEffect, useRef, useState } from 'react'
import { addRepository } from '../actions/verbs.ts'
import { bridge } from '../client/bridge.ts'
import { useSettings } from '../client/hooks.ts'
import { useReplica } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { line, tidyPath } from '../parts/words.ts'
import { DirectoryPicker } from './DirectoryPicker.tsx'
import './add-repository.css'

export function AddRepository({ onAdded }: { onAdded: (repositoryId: string) => void }) {
  const { recentPaths } = useSettings()
  const known = useReplica(({ state }) => state.repositories)
  const home = useReplica(({ welcome }) => welcome?.home)
  const [path, setPath] = useState('')
  const [picking, setPicking] = useState(false)
  const [busy, setBusy] = useState(false)
  const [over, setOver] = useState(false)
  const choose = useRef<HTMLButtonElement>(null)
  useEffect(() => choose.current?.focus(), [])

  async function add(chosen: string) {
    if (chosen.trim() === '') return
    setBusy(true)
    const id = await addRepository(chosen.trim(), { agree: true })
    setBusy(false)
    if (id) onAdded(id)
  }

  function pick() {
    if (!bridge) return setPicking((open) => !open)
    const answered = (event: MessageEvent) => {
      const answer = event.data as { type?: unknown; path?: unknown } | null
      if (event.source !== window || answer?.type !== 'coppice-directory') return
      window.removeEventListener('message', answered)
      if (typeof answer.path === 'string') void add(answer.path)
    }
    window.addEventListener('message', answered)
    bridge.chooseDirectory()
  }

  const paths = new Set(Object.values(known).map((repository) => repository.path))
  const recent = recentPaths.filter((one) => !paths.has(one)).slice(0, 6)
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the window takes a dropped folder anywhere; this only shows where. */}
      <div
        className={`drop${over ? ' over' : ''}`}
        onDragEnter={() => setOver(true)}
        onDragLeave={() => setOver(false)}
        onDrop={() => setOver(false)}
      >
        <span>{bridge ? 'Drop a folder here' : 'A clone on the machine where Coppice runs'}</span>
        <button
          type="button"
          ref={choose}
          className="btn tall primary"
          disabled={busy}
          aria-expanded={bridge ? undefined : picking}
          onClick={pick}
        >
          <Icon name="folder" size={14} />
          Choose a folder
        </button>
      </div>
      {picking && <DirectoryPicker onPick={(chosen) => void add(chosen)} />}
      <form
        className="pathrow"
        onSubmit={(event) => {
          event.preventDefault()
          void add(path)
        }}
      >
        <div className="input">
          <Icon name="search" size={14} />
          <input
            value={path}
            aria-label="Path of a repository"
            placeholder="or type a path"
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => setPath(event.target.value)}
          />
        </div>
        <button type="submit" className="btn tall" disabled={busy || path.trim() === ''}>
          Add
        </button>
      </form>
      {recent.length > 0 && (
        <div className="recent">
          <h3>Recent</h3>
          <ul>
            {recent.map((one) => (
              <li key={one}>
                <Icon name="repo" />
                <b>{line(one.split('/').filter(Boolean).at(-1) ?? one, 60)}</b>
                <span className="p cut" title={one}>
                  {line(tidyPath(one, home), 200)}
                </span>
                <button
                  type="button"
                  className="btn small"
                  disabled={busy}
                  aria-label={`Add ${line(one, 200)}`}
                  onClick={() => void add(one)}
                >
                  Add
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  )
}
