// What a window's terminal never does: answer a query (only the host's mirror does, watched or not), spend minutes on one oversized
// count, or read the clipboard. Installed on every terminal before its first byte.
import type { IDisposable, Terminal } from '@xterm/xterm'

/** A count above this is no screen's: xterm.js 6.0.0 loops once per unit (`CSI 2147483647 b` held it for 111 s). */
export const largestCount = 10_000
/** OSC 52 writes longer than this (base64 characters, so 75 kB of text) are dropped. */
export const largestClipboard = 100_000

/** Finals of CSI sequences that ask for a reply, each with its prefix or intermediates. */
const queries = [
  { final: 'c' }, // DA1
  { prefix: '>', final: 'c' }, // DA2
  { prefix: '=', final: 'c' }, // DA3
  { final: 'n' }, // DSR, CPR
  { prefix: '?', final: 'n' }, // DECXCPR and others
  { prefix: '>', final: 'q' }, // XTVERSION
  { prefix: '?', final: 'u' }, // kitty keyboard flags
  { prefix: '?', final: 'm' }, // XTQMODKEYS
  { final: 'x' }, // DECREQTPARM
  { final: 't' }, // window reports; resizing a window by a program is not wanted either
  { intermediates: '$', final: 'p' }, // DECRQM, ANSI
  { prefix: '?', intermediates: '$', final: 'p' }, // DECRQM, private
  { prefix: '?', final: 'S' }, // XTSMGRAPHICS
  { intermediates: '*', final: 'y' }, // DECRQCRA
  { intermediates: '$', final: 'w' }, // DECRQPSR
  { intermediates: '&', final: 'u' }, // DECRQUPSS
] as const

/** Finals whose work grows with their count. */
const counted = [
  ...'@LMPSTXIZbABCDEFadejk'.split('').map((final) => ({ final })),
  ...['@', 'A'].map((final) => ({ intermediates: ' ', final })),
  ...['}', '~'].map((final) => ({ intermediates: "'", final })),
]

/** `copy` is given text that a program wants on the clipboard, already capped. */
export function guard(terminal: Terminal, copy: (text: string) => void): IDisposable {
  const { parser } = terminal
  const swallow = () => true
  /** The resets of colours that have something to reset. */
  const changed = new Set<number>()
  const handlers: IDisposable[] = [
    ...queries.map((id) => parser.registerCsiHandler(id, swallow)),
    ...counted.map((id) => parser.registerCsiHandler(id, (params) => params.some((count) => tooLarge(count)))),
    parser.registerDcsHandler({ intermediates: '$', final: 'q' }, swallow), // DECRQSS
    parser.registerDcsHandler({ intermediates: '+', final: 'q' }, swallow), // XTGETTCAP
    // Titles are the host's to read; here they would only cost memory.
    ...[0, 1, 2, 7501].map((code) => parser.registerOscHandler(code, swallow)),
    // Colours: a question is swallowed, a change is the program's own affair.
    ...[4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 19].map((code) =>
      parser.registerOscHandler(code, (payload) => {
        if (/(^|;)\?/.test(payload)) return true
        // One sequence can set what follows it as well: OSC 10 the colours of text, background and cursor.
        for (const reset of code < 10 ? [104] : [110, 111, 112]) changed.add(reset)
        return false
      }),
    ),
    // Each drawn screen begins with these, and xterm.js 6.0.0 writes a style sheet for every one, changed colours or not.
    ...[104, 110, 111, 112].map((code) =>
      parser.registerOscHandler(code, (payload) => {
        if (!changed.has(code)) return true
        if (payload === '') changed.delete(code)
        return false
      }),
    ),
    parser.registerOscHandler(52, (payload) => {
      const text = clipboardText(payload)
      if (text !== null) copy(text)
      return true
    }),
  ]
  return {
    dispose() {
      for (const handler of handlers) handler.dispose()
    },
  }
}

const tooLarge = (count: number | number[]): boolean =>
  Array.isArray(count) ? count.some(tooLarge) : count > largestCount

/** The text of an OSC 52 write; null for a question, for what is too long and for what is no base64 of UTF-8. */
export function clipboardText(payload: string): string | null {
  const cut = payload.indexOf(';')
  const encoded = payload.slice(cut + 1)
  if (cut < 0 || encoded === '' || encoded === '?' || encoded.length > largestClipboard) return null
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

/**
 * True for what only a terminal says of itself: reports of device, mode, colour and setting. Queries are swallowed above, so
 * nothing should match; a reply that slipped through would be typed into the program a second time.
 */
export function isReply(text: string): boolean {
  return /^\u001b(\[[?>=][\d;:$]*[cnyRut]|\[0n|\[\d+;\d+;\d+(;\d+)*[tx]|\]\d+;|P[\d$+>!])/.test(text)
}
