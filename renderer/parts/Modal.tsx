// The frame of every dialog: a title, a dimmed but visible background, Escape and a click outside to close it. Afterwards the focus
// returns to where it was. The content decides which button has the focus.
import { Dialog } from '@base-ui/react/dialog'
import type { ReactNode, RefObject } from 'react'
import { Icon } from './Icon.tsx'
import './modal.css'

interface Props {
  readonly title: ReactNode
  readonly className?: string
  /** "alertdialog" for a question that must be answered: a click outside does not close it. */
  readonly role?: 'dialog' | 'alertdialog'
  readonly initialFocus?: RefObject<HTMLElement | null>
  /** A bar with a close button, the title alone above the text, or a title that is only read aloud. */
  readonly head?: 'bar' | 'plain' | 'hidden'
  onClose(): void
  readonly children: ReactNode
}

export function Modal({
  title,
  className = '',
  role = 'dialog',
  initialFocus,
  head = 'bar',
  onClose,
  children,
}: Props) {
  return (
    <Dialog.Root
      open
      disablePointerDismissal={role === 'alertdialog'}
      onOpenChange={(open) => {
        if (!open) onClose()
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className="scrim" />
        <Dialog.Viewport className="dialog-place">
          <Dialog.Popup className={`dialog ${className}`} role={role} {...(initialFocus ? { initialFocus } : {})}>
            {head !== 'bar' ? (
              <Dialog.Title className={head === 'hidden' ? 'sr' : undefined}>{title}</Dialog.Title>
            ) : (
              <header>
                <Dialog.Title>{title}</Dialog.Title>
                <Dialog.Close className="btn quiet icon-only" aria-label="Close">
                  <Icon name="x" />
                </Dialog.Close>
              </header>
            )}
            {children}
          </Dialog.Popup>
        </Dialog.Viewport>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
