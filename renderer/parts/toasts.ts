// Short messages about what no tile shows: a refused command, a removal that can be undone, a notice from the host. They are kept
// in one place so that actions, which are not components, can show them too.
import { Toast } from '@base-ui/react/toast'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { failureOf } from '../../app/model/failure.ts'

export interface ToastFacts {
  readonly level: 'info' | 'warning' | 'error'
  readonly action?: { readonly label: string; readonly key?: string; run(): void }
  /** Milliseconds until it goes by itself; drawn as a line that shortens. */
  readonly life: number
}

export const toasts = Toast.createToastManager<ToastFacts>()

/** Shows a message. Errors stay until they are closed. Gives its id. */
export function say(message: {
  readonly id?: string
  readonly title: string
  readonly text?: string
  readonly level?: ToastFacts['level']
  readonly action?: ToastFacts['action']
  readonly ms?: number
  readonly onClose?: () => void
}): string {
  const level = message.level ?? 'info'
  const life = message.ms ?? (level === 'error' ? 0 : 8000)
  return toasts.add({
    ...(message.id ? { id: message.id } : {}),
    title: message.title,
    description: message.text,
    priority: level === 'info' ? 'low' : 'high',
    timeout: life,
    data: { level, life, ...(message.action ? { action: message.action } : {}) },
    ...(message.onClose ? { onClose: message.onClose } : {}),
  })
}

/** Says why something did not work, in the words that the CLI uses too. */
export function sayFailure(title: string, error: unknown): void {
  const { message, next } = sentenceOf(failureOf(error))
  say({ title, text: `${message} ${next}${/[.!?]$/.test(next) ? '' : '.'}`, level: 'error' })
}
