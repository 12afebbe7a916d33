// Removes the questions from a program's output before a real terminal sees them. The host's mirror has answered them already, and
// a second answer would reach the program as typing. Pure. A sequence may be split anywhere between two pieces. All other bytes
// come through unchanged and in order.

/** A filter with a memory of the sequence that the last piece ended in. */
export function createQueryFilter(): (bytes: Uint8Array) => Uint8Array {
  let held: number[] = []
  let state: 'ground' | 'escape' | 'csi' | 'string' | 'string-escape' | 'long' | 'long-escape' = 'ground'

  return (bytes) => {
    const out: number[] = []
    const flush = () => {
      for (const byte of held) out.push(byte)
      held = []
    }
    const finish = (isQuery: boolean) => {
      if (isQuery) held = []
      else flush()
      state = 'ground'
    }
    for (const byte of bytes) {
      if (state === 'ground') {
        if (byte === ESC) {
          held.push(byte)
          state = 'escape'
        } else if (byte !== ENQ) out.push(byte)
        continue
      }
      if (state === 'long' || state === 'long-escape') {
        out.push(byte)
        if (byte === BEL || byte === CAN || byte === SUB || (state === 'long-escape' && byte === 0x5c)) state = 'ground'
        else state = byte === ESC ? 'long-escape' : 'long'
        continue
      }
      if (byte === CAN || byte === SUB || (byte === ESC && state !== 'string')) {
        // These abandon a sequence; ESC begins another one.
        flush()
        if (byte === ESC) held.push(byte)
        else out.push(byte)
        state = byte === ESC ? 'escape' : 'ground'
        continue
      }
      held.push(byte)
      if (state === 'escape') {
        if (byte === 0x5b) state = 'csi'
        else if (stringStarts.has(byte)) state = 'string'
        else if (byte < 0x20 || byte > 0x2f) finish(byte === 0x5a)
      } else if (state === 'csi') {
        if (byte >= 0x40 && byte <= 0x7e) finish(isCsiQuery(latin1(held.slice(2, -1)), String.fromCharCode(byte)))
      } else if (byte === BEL || (state === 'string-escape' && byte === 0x5c)) {
        finish(isStringQuery(latin1(held.slice(1, byte === BEL ? -1 : -2))))
      } else {
        state = byte === ESC ? 'string-escape' : 'string'
      }
      if (held.length > maxHeld) {
        const inString = state === 'string' || state === 'string-escape'
        flush()
        state = inString ? 'long' : 'ground'
      }
    }
    return Uint8Array.from(out)
  }
}

const ESC = 0x1b
const BEL = 0x07
const ENQ = 0x05
const CAN = 0x18
const SUB = 0x1a
// OSC, DCS, SOS, PM, APC.
const stringStarts = new Set([0x5d, 0x50, 0x58, 0x5e, 0x5f])
/** A question is short; what is longer passes as it comes. */
const maxHeld = 1024

const latin1 = (bytes: readonly number[]) => String.fromCharCode(...bytes)

// `body` is what stands between "CSI" and the final byte. Named as in xterm's control sequences (invisible-island.net/xterm/ctlseqs).
function isCsiQuery(body: string, final: string): boolean {
  switch (final) {
    case 'c': // DA1, DA2, DA3. A "?" makes it the Linux console's cursor.
      return !body.startsWith('?')
    case 'n': // DSR and CPR. A ">" makes it a key setting.
      return /^\??[\d;]*$/.test(body)
    case 'p': // DECRQM.
      return body.endsWith('$')
    case 'q': // XTVERSION.
      return body.startsWith('>')
    case 'u': // The kitty keyboard's flags.
      return body === '?'
    case 'm': // XTQMODKEYS.
    case 'g': // XTQFMTKEYS.
    case 'S': // XTSMGRAPHICS.
      return body.startsWith('?')
    case 't': // Reports of the window: its state, place, size and title.
      return /^(1[13-689]|2[01])(;|$)/.test(body)
    case 'x': // DECREQTPARM.
      return /^[01]?$/.test(body)
    case 'w': // DECRQPSR.
      return body.endsWith('$')
    case 'y': // DECRQCRA.
      return body.endsWith('*')
    default:
      return false
  }
}

// `body` begins with the byte that says which kind of string it is.
function isStringQuery(body: string): boolean {
  const kind = body[0]
  const text = body.slice(1)
  // Colours, fonts, pointer shapes, the clipboard, the program's status: a "?" where a value would stand asks for it.
  if (kind === ']')
    return /^(4|5|1\d|22|50|52|7501);(.*;)?\?/.test(text) || /^21;.*=\?/.test(text) || /^99;.*p=\?/.test(text)
  // DECRQSS, XTGETTCAP, XTGETXRES.
  if (kind === 'P') return /^([$+]q|\+Q)/.test(text)
  // The kitty graphics protocol's question.
  return kind === '_' && /^G[^;]*\ba=q/.test(text)
}
