// Shows the messages of toasts.ts: at the bottom, above everything, announced to assistive technology. The line below a message
// shortens until the message disappears.
import { Toast } from '@base-ui/react/toast'
import type { ReactNode } from 'react'
import { keyCap } from '../actions/keymap.ts'
import { Icon } from './Icon.tsx'
import { type ToastFacts, toasts } from './toasts.ts'
import './toasts.css'

export function Toasts({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider toastManager={toasts} limit={4} timeout={8000}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="toasts">
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  )
}

function List() {
  const { toasts: shown } = Toast.useToastManager<ToastFacts>()
  return shown.map((toast) => {
    const { level = 'info', life = 0, action } = toast.data ?? {}
    return (
      <Toast.Root key={toast.id} toast={toast} className="toast" data-level={level} swipeDirection={[]}>
        <Toast.Content className="toast-content">
          <Icon
            name={level === 'error' ? 'failed' : level === 'warning' ? 'warn' : action ? 'remove' : 'check'}
            size={14}
          />
          <div className="toast-text">
            <Toast.Title className="strong" />
            <Toast.Description className="muted" />
          </div>
          {action && (
            <button
              type="button"
              className="btn small"
              onClick={() => {
                action.run()
                toasts.close(toast.id)
              }}
            >
              <Icon name="undo" size={14} />
              {action.label} {action.key && <kbd>{keyCap(action.key)}</kbd>}
            </button>
          )}
          <Toast.Close className="btn small quiet icon-only" aria-label="Close">
            <Icon name="x" size={14} />
          </Toast.Close>
        </Toast.Content>
        {life > 0 && <span className="life" style={{ animationDuration: `${life}ms` }} />}
      </Toast.Root>
    )
  })
}
