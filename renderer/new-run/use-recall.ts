// Going back through the prompts that were sent before, as in a shell: Up in an empty prompt takes the last one, Up and Down go on from
// there while nothing was changed. The text that was typed before is never replaced.
import { type KeyboardEvent, useEffect, useRef } from 'react'
import type { RecentPrompt } from '../../app/contract/commands/prompt.ts'
import { call } from '../client/replica.ts'

/** The key handler for the prompt's field. `show` puts a text into it. */
export function useRecall(repositoryId: string, show: (text: string) => void) {
  /** Those of this repository, once they were asked for. */
  const prompts = useRef<readonly RecentPrompt[] | null>(null)
  /** Which of them is shown, and its text: what is shown and unchanged may be replaced. */
  const at = useRef<{ readonly index: number; readonly text: string } | null>(null)
  const busy = useRef(false)
  /** A prompt was put in, and the caret is not yet where it belongs. */
  const placing = useRef(false)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another repository has other prompts.
  useEffect(() => {
    prompts.current = null
    at.current = null
  }, [repositoryId])

  async function go(field: HTMLTextAreaElement, by: 1 | -1) {
    if (busy.current) return
    busy.current = true
    const before = field.value
    try {
      prompts.current ??= (await call('prompt.recent', repositoryId ? { repositoryId } : {})).prompts
      const index = (at.current?.index ?? -1) + by
      const next = prompts.current[index]
      if (index >= 0 && !next) return
      const text = next ? (await call('prompt.read', { promptId: next.id })).text : ''
      // Typed meanwhile: that stays.
      if (field.value !== before) return
      at.current = next ? { index, text } : null
      placing.current = true
      show(text)
      requestAnimationFrame(() => {
        placing.current = false
        const caret = by > 0 ? 0 : field.value.length
        field.setSelectionRange(caret, caret)
      })
    } catch {
      // The button beside the prompt says why it cannot be had.
    } finally {
      busy.current = false
    }
  }

  return (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    const field = event.currentTarget
    if (at.current !== null && at.current.text !== field.value) at.current = null
    const { selectionStart, selectionEnd, value } = field
    if (selectionStart !== selectionEnd) return
    const atStart = selectionStart === 0 || placing.current
    const older = event.key === 'ArrowUp' && atStart && (value === '' || at.current !== null)
    const newer = event.key === 'ArrowDown' && selectionStart === value.length && at.current !== null
    if (!older && !newer) return
    event.preventDefault()
    void go(field, older ? 1 : -1)
  }
}
