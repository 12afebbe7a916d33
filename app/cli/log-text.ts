// A program's output as text, piece by piece: escape sequences and control characters gone, what a carriage return overwrote gone
// with them. Pure. A piece may end anywhere, in the middle of a character or of a sequence; what is given out is only what can no
// longer change.
import { readableOutput } from '../model/text.ts'

export interface LogText {
  push(bytes: Uint8Array): string
  /** The rest: a last line without an end. */
  end(): string
}

/** A line longer than this is given out before it ends. */
const maxLine = 64 * 1024

export function createLogText(): LogText {
  const decoder = new TextDecoder('utf-8')
  let held = ''
  const upTo = (end: number) => {
    const text = readableOutput(held.slice(0, end))
    held = held.slice(end)
    return text
  }
  return {
    push(bytes) {
      held += decoder.decode(bytes, { stream: true })
      const end = held.lastIndexOf('\n') + 1
      if (end > 0) return upTo(end)
      return held.length > maxLine ? upTo(held.length) : ''
    },
    end() {
      held += decoder.decode()
      return upTo(held.length)
    },
  }
}
