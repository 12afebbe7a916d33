// Deletes a removed run permanently, before its time. This cannot be undone, so it always asks, and names the commits that would be
// lost if the host found any.
import { useRef } from 'react'
import { sentenceOf } from '../../app/contract/sentences.ts'
import type { Failure } from '../../app/model/failure.ts'
import { bytesText, counted } from '../../app/model/text/units.ts'
import { purge } from '../actions/verbs.ts'
import { useRun } from '../client/hooks.ts'
import { Icon } from '../parts/Icon.tsx'
import { Modal } from '../parts/Modal.tsx'
import { line } from '../parts/words.ts'

interface Props {
  readonly runId: string
  readonly consent: string | null
  readonly failure: Failure | null
  onClose(): void
}

export function PurgeDialog({ runId, consent, failure, onClose }: Props) {
  const run = useRun(runId)
  const keep = useRef<HTMLButtonElement>(null)
  const trash = run?.trash
  const commits = trash?.commitsOnlyHere
  const title = `Delete “${line(run?.title ?? runId, 80)}” permanently?`
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
        {trash ? `${trash.sizeBytes === null ? 'An unknown amount' : bytesText(trash.sizeBytes)} is freed now.` : ''} It
        cannot be undone.
      </p>
      {failure ? (
        <p className="warned">{sentenceOf(failure).message}</p>
      ) : (
        commits !== 0 &&
        commits !== undefined && (
          <p className="warned">
            {commits === null
              ? 'It is not known whether its commits exist elsewhere.'
              : `${counted(commits, 'commit exists', 'commits exist')} nowhere else and would be lost.`}
          </p>
        )
      )}
      <footer>
        <span className="grow" />
        <button type="button" ref={keep} className="btn tall" onClick={onClose}>
          Keep it <kbd>Esc</kbd>
        </button>
        <button
          type="button"
          className="btn tall danger"
          onClick={() => {
            onClose()
            void purge(runId, consent ?? undefined)
          }}
        >
          <Icon name="remove" size={14} />
          Delete now
        </button>
      </footer>
    </Modal>
  )
}
