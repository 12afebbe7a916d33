// The dialog that adds another repository.

import { Modal } from '../parts/Modal.tsx'
import { showFilter } from '../window/ui.ts'
import { AddRepository } from './AddRepository.tsx'

export function AddRepositoryDialog({ onClose }: { onClose: () => void }) {
  return (
    <Modal title="Add a repository" className="narrow" onClose={onClose}>
      <div className="form tight">
        <AddRepository
          onAdded={(id) => {
            onClose()
            showFilter(`repository:${id}`)
          }}
        />
      </div>
    </Modal>
  )
}
