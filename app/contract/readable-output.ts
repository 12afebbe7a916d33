// What a program printed, as text for people: escape sequences and control characters gone, what a carriage return overwrote gone with
// them. Pure; takes time in proportion to its length.
import { withoutEscapes } from './sentences.ts'

// A program that draws its screen moves the cursor instead of ending lines: up, down, to a place (CSI A B E F H f d, ESC D E M).
const movesToAnotherLine = /(?:(?:\u001b\[|\u009b)[0-9;]*[ABEFHfd]|\u001b[DEM])+/g
const movesRight = /(?:\u001b\[|\u009b)([0-9]*)C/g
/** Nobody's line has a wider gap. */
const widestGap = 80

export function readableOutput(text: string): string {
  const lines = text
    .replace(movesToAnotherLine, '\n')
    .replace(movesRight, (_all, columns: string) => ' '.repeat(Math.min(widestGap, Number(columns) || 1)))
  // Not util.stripVTControlCharacters: 32 KiB of "ESC ]" hold it for 0.8 s, four times that for twice as many (Node 26.10.0).
  return withoutEscapes(lines)
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
