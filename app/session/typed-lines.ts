// How long the lines are that go into a terminal whose program reads whole lines. The kernel drops what is too long for one, and
// nobody is told. Pure.

const lineFeed = 0x0a
const carriageReturn = 0x0d
// Keys that end or clear the line that is being typed: ^C ^D ^U ^Z ^\.
const clearing = new Set([0x03, 0x04, 0x15, 0x1a, 0x1c])

/** The bytes of the line that is left unfinished after these, `before` being those of it that were typed already. */
export function unfinishedLine(before: number, bytes: Uint8Array, returnEnds = true): number {
  return measure(before, bytes, returnEnds).last
}

/** The bytes of the longest line, the one that was begun already counted in. */
export function longestLine(before: number, bytes: Uint8Array, returnEnds: boolean): number {
  return measure(before, bytes, returnEnds).longest
}

function measure(before: number, bytes: Uint8Array, returnEnds: boolean) {
  let last = before
  let longest = 0
  for (const byte of bytes) {
    if (byte === lineFeed || (byte === carriageReturn && returnEnds) || clearing.has(byte)) last = 0
    else longest = Math.max(longest, ++last)
  }
  return { last, longest }
}
