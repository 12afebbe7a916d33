// Lists what a removal would take away, before it does. The safe answer has the focus. If something could not be found out,
// removing is refused until the person confirms that in a second step.
import { useRef, useState } from 'react'
import type { RemovalFact, RemovalPreview } from '../../app/contract/commands/cleanup.ts'
import { bytesText, dateText } from '../../app/model/text/units.ts'
import { removeNow } from '../actions/verbs.ts'
import { useRun } from '../client/hooks.ts'
import { Icon, type IconName } from '../parts/Icon.tsx'
import { Modal } from '../parts/Modal.tsx'
import { line } from '../parts/words.ts'
import { openDialog } from '../window/ui.ts'
import './remove-dialog.css'

const icons: Readonly<Record<RemovalFact['kind'], IconName>> = {
  staged: 'file',
  unstaged: 'file',
  untracked: 'file',
  ignored: 'file',
  precious: 'lock',
  'hidden-edits': 'file',
  stashes: 'copy',
  commits: 'commit',
  'nested-repositories': 'repo',
  submodules: 'repo',
  operation: 'branch',
  locks: 'lock',
  processes: 'shell',
}

export function RemoveDialog({ preview, onClose }: { preview: RemovalPreview; onClose: () => void }) {
  const run = useRun(preview.runId)
  const keep = useRef<HTMLButtonElement>(null)
  const [forced, setForced] = useState(false)
  const facts = preview.facts.filter((fact) => fact.count === null || fact.count > 0)
  const unknown = facts.filter((fact) => fact.count === null)
  const onlyHere = facts.filter((fact) => fact.count !== null && fact.onlyHere)
  const calm = facts.filter((fact) => fact.count !== null && !fact.onlyHere)
  const title = run ? `Remove “${line(run.title, 80)}”?` : 'Remove this run?'
  const go = () => {
    onClose()
    void removeNow(preview, forced)
  }
  return (
    <Modal
      title={title}
      className="narrow ask-removal"
      role="alertdialog"
      initialFocus={keep}
      head="plain"
      onClose={onClose}
    >
      <p className="lead">
        {onlyHere.length > 0
          ? onlyHere.every(({ kind }) => kind === 'locks' || kind === 'processes')
            ? 'Something may still be using it:'
            : 'This exists only in its worktree:'
          : unknown.length > 0
            ? 'Some checks failed:'
            : 'Nothing exists only here.'}
      </p>
      <ul className="loss">
        {[...unknown, ...onlyHere, ...calm].map((fact) => (
          <Fact key={`${fact.kind} ${fact.text}`} fact={fact} />
        ))}
      </ul>
      <p className="muted">
        All of it{preview.sizeBytes === null ? '' : `, ${bytesText(preview.sizeBytes)},`} goes to the trash. Until{' '}
        {dateText(preview.purgeAt)} it can be restored byte for byte
        {preview.rebuildableAt !== null && preview.rebuildableBytes
          ? `, except for ${bytesText(preview.rebuildableBytes)} that can be rebuilt, which is deleted on ${dateText(preview.rebuildableAt)}`
          : ''}
        .
      </p>
      {unknown.length > 0 && (
        <label className="consent">
          <input type="checkbox" checked={forced} onChange={(event) => setForced(event.target.checked)} />
          <span>
            Remove it even though {unknown.length === 1 ? 'one check' : `${unknown.length} checks`} failed. I have
            checked the worktree myself.
          </span>
        </label>
      )}
      <footer>
        {run?.branch && facts.some((fact) => fact.kind === 'commits') && (
          <button
            type="button"
            className="btn tall quiet"
            onClick={() => openDialog({ kind: 'publish', runId: preview.runId })}
          >
            <Icon name="publish" size={14} />
            Push first
          </button>
        )}
        <span className="grow" />
        <button type="button" ref={keep} className="btn tall" onClick={onClose}>
          Keep it <kbd>Esc</kbd>
        </button>
        <button type="button" className="btn tall danger" disabled={unknown.length > 0 && !forced} onClick={go}>
          <Icon name="remove" size={14} />
          Remove
        </button>
      </footer>
    </Modal>
  )
}

function Fact({ fact }: { fact: RemovalFact }) {
  const unknown = fact.count === null
  const names = fact.names.slice(0, 4).map((name) => line(name, 80))
  const more = unknown ? 0 : (fact.count ?? 0) - names.length
  const list =
    names.length > 0 ? `${names.join(', ')}${more > 0 && fact.kind !== 'processes' ? `, and ${more} more` : ''}` : ''
  const why = fact.why ? line(fact.why, 300) : ''
  return (
    <li className={unknown ? 'unknown' : fact.onlyHere ? '' : 'calm'}>
      <Icon name={unknown ? 'stalled' : icons[fact.kind]} />
      <div>
        <span className="what">{line(fact.text, 200)}</span>
        {fact.bytes != null && <span className="faint"> {bytesText(fact.bytes)}</span>}
        {why && <span className="why">{why}</span>}
      </div>
      {list && (
        <span className="p mono" title={fact.names.join('\n')}>
          {list}
        </span>
      )}
    </li>
  )
}
