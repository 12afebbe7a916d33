// A program's output as text, piece by piece: escape sequences and control characters gone, what a carriage return overwrote gone
// with them. Pure. A piece may end anywhere, in the middle of a character or of a sequence; what is given out is only what can no
// longer change.
import { withoutEscapes } from '../contract/sentences.ts'

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
    const text = clean(held.slice(0, end))
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

function clean(text: string): string {
  // Not util.stripVTControlCharacters: 32 KiB of "ESC ]" hold it for 0.8 s, four times that for twice as many (Node 26.10.0).
  return withoutEscapes(text)
    .split('\n')
    .map(overwritten)
    .join('\n')
    .replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, '')
}

/** What is left of a line after its carriage returns: those at its end are a part of the line's end. */
function overwritten(line: string): string {
  let end = line.length
  while (line[end - 1] === '\r') end--
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end)
}
