// Adding a repository while others are there already.
import { AddRepository } from './AddRepository.tsx'
import { Modal } from './Modal.tsx'
import { showFilter } from './ui.ts'

export function AddRepositoryDialog({ onClose }: { onClose: () => void }) {
  return (
    <Modal title="Add a repository" className="narrow add-dialog" onClose={onClose}>
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
