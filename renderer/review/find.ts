// Search in the changed lines of a page. Pure.
import type { Built } from './items.ts'

export interface Found {
  readonly itemId: string
  /** The place of the line in its hunk, from 1; what the hunk's head is counts as 0. */
  readonly line: number
}

/** More places than this are not listed: nobody steps through them. */
export const maxFound = 10_000

/** Every line that holds the text, added, deleted or unchanged; in any case where the text is all small letters. */
export function findInDiff(built: Built, text: string): Found[] {
  if (text === '') return []
  const exact = text !== text.toLowerCase()
  const wanted = exact ? text : text.toLowerCase()
  const found: Found[] = []
  for (const [itemId, shown] of built.shown) {
    if (shown.kind !== 'hunk') continue
    const lines = shown.hunk.text.split('\n')
    for (let at = 1; at < lines.length; at++) {
      const line = lines[at]!.slice(1)
      if (!(exact ? line : line.toLowerCase()).includes(wanted)) continue
      found.push({ itemId, line: at })
      if (found.length >= maxFound) return found
    }
  }
  return found
}
