// The unfinished end of a stream of output: the bytes of a sequence or character that is not complete yet. A screen is drawn up to
// the last complete one, so whoever takes over a screen gets these bytes after it, and is then exactly where the mirror's parser
// is. Pure.

/** A string that never ends (an OSC of megabytes) is remembered by its beginning: what follows is still taken for its payload. */
const maxTail = 4096
const empty = new Uint8Array(0)

/**
 * The tail after `bytes` were consumed, given the tail before them. `atGround` is what the parser says: true outside of any
 * sequence. At ground only an unfinished UTF-8 character can be left.
 */
export function nextTail(before: Uint8Array, bytes: Uint8Array, atGround: boolean): Uint8Array {
  if (atGround) return unfinishedCharacter(bytes.length >= 4 || before.length === 0 ? bytes : joined(before, bytes))
  const begin = lastIntroducer(bytes)
  // Controls inside a sequence have had their effect already and must not have it twice.
  if (begin >= 0) return withoutControls(bytes.subarray(begin)).slice(0, maxTail)
  if (before.length >= maxTail) return before
  // The introducer may itself be cut in two (C2 | 9B), so it is looked for in both together.
  const both = joined(before, withoutControls(bytes))
  return both.slice(Math.max(0, lastIntroducer(both))).slice(0, maxTail)
}

const withoutControls = (bytes: Uint8Array): Uint8Array => bytes.filter((byte) => byte >= 0x20 || byte === 0x1b)

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

function unfinishedCharacter(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return empty
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return needed > back ? bytes.slice(bytes.length - back) : empty
    }
  }
  return empty
}

/** Where the last ESC, or the last 8-bit introducer (DCS, SOS, CSI, OSC, PM, APC as UTF-8: C2 90 …), begins; -1 where none does. */
function lastIntroducer(bytes: Uint8Array): number {
  const plain = bytes.lastIndexOf(0x1b)
  for (let at = bytes.lastIndexOf(0xc2); at > plain; at = at === 0 ? -1 : bytes.lastIndexOf(0xc2, at - 1)) {
    const next = bytes[at + 1] ?? 0
    if (next === 0x90 || next === 0x98 || next === 0x9b || next === 0x9d || next === 0x9e || next === 0x9f) return at
  }
  return plain
}
