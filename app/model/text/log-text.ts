// Turns a program's output into text, piece by piece, without escape sequences, control characters, or what a carriage return
// overwrote. Pure. A piece may end anywhere, in the middle of a character or a sequence. It returns only what can no longer change,
// and never half a character or sequence.
import { cutWhole, fromWhole, readableOutput } from './text.ts'

export interface LogText {
  push(bytes: Uint8Array): string
  /** What was printed next is lost: gives out what was held, and goes on at the first place that is no half of anything. */
  gap(): string
  /** The rest: a last line without an end. */
  end(): string
}

/** A line longer than this is given out before it ends. */
const maxLine = 64 * 1024

export function createLogText(): LogText {
  let decoder = new TextDecoder('utf-8')
  let held = ''
  let afterGap = false
  const upTo = (end: number) => {
    const text = readableOutput(held.slice(0, end))
    held = held.slice(end)
    return text
  }
  return {
    push(bytes) {
      held += decoder.decode(bytes, { stream: true })
      if (afterGap && held !== '') {
        held = fromWhole(held)
        afterGap = false
      }
      const end = held.lastIndexOf('\n') + 1
      const lines = end > 0 ? upTo(end) : ''
      if (held.length <= maxLine) return lines
      const { whole, open } = cutWhole(held)
      held = open
      return lines + readableOutput(whole)
    },
    gap() {
      const rest = readableOutput(cutWhole(held).whole)
      held = ''
      decoder = new TextDecoder('utf-8')
      afterGap = true
      return rest === '' || rest.endsWith('\n') ? rest : `${rest}\n`
    },
    end() {
      held += decoder.decode()
      return upTo(held.length)
    },
  }
}
