// A link whose address can be mistaken for another: the whole of it is shown before it is opened.
import { useRef } from 'react'
import { Modal } from '../parts/Modal.tsx'
import { openUrl } from './open-link.ts'

export function LinkDialog({ url, why, onClose }: { url: string; why: string; onClose: () => void }) {
  const keep = useRef<HTMLButtonElement>(null)
  return (
    <Modal
      title="Open this link?"
      className="narrow ask-removal"
      role="alertdialog"
      initialFocus={keep}
      head="plain"
      onClose={onClose}
    >
      <p className="lead">{why}</p>
      <div className="cmdline">{url}</div>
      <footer>
        <span className="grow" />
        <button type="button" ref={keep} className="btn tall" onClick={onClose}>
          Do not open <kbd>Esc</kbd>
        </button>
        <button
          type="button"
          className="btn tall"
          onClick={() => {
            onClose()
            openUrl(url)
          }}
        >
          Open it
        </button>
      </footer>
    </Modal>
  )
}
