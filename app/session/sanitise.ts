// Makes hostile text harmless: what is pasted or sent into a terminal, and what is shown of a program's own words. Pure. Text
// without control characters comes through byte for byte.

/** ESC and the C1 controls can start a sequence, and the rest of C0 and DEL are keys (Ctrl-C is one): only TAB stays, and newlines as CR. */
// biome-ignore lint/complexity/useRegexLiterals: spelled out in escapes so that no control character stands in the source.
const pasteControls = new RegExp('[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]', 'g')

// The markers that end (and start) a bracketed paste, in 7-bit and 8-bit form, taken out whole so that no "[201~" is left over.
// One pass is enough: what its removal joins anew has lost its ESC to the pass over the controls.
const pasteMarkers = /(?:\u001b\[|\u009b)20[01]~/g

/**
 * What may be typed for the user of a text that someone else may have written (promises.md fact 5: xterm.js 6.0.0 does not strip
 * ESC inside a bracketed paste). Control characters go, except TAB; newlines of every kind become CR, the Enter key.
 */
export function sanitisePaste(text: string): string {
  return text
    .replace(pasteMarkers, '')
    .replace(/\r\n|\n/g, '\r')
    .replace(pasteControls, '')
}

const encoder = new TextEncoder()

/** The bytes of a paste: between markers where the program asked for them (mode 2004), else as if typed. */
export function pasteBytes(text: string, options: { readonly bracketed: boolean }): Uint8Array {
  const clean = sanitisePaste(text)
  return encoder.encode(options.bracketed ? `\u001b[200~${clean}\u001b[201~` : clean)
}

// Whole sequences first (their letters would be left over otherwise), then every control that is no newline or TAB.
const sequences = new RegExp(
  [
    // OSC, DCS, SOS, PM, APC up to their end, or to the end of the text where they have none.
    '(?:\\u001b[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[^\\u0007\\u001b\\u009c]*(?:\\u0007|\\u001b\\\\|\\u009c|$)',
    // CSI with its parameters and final byte.
    '(?:\\u001b\\[|\\u009b)[\\u0030-\\u003f]*[\\u0020-\\u002f]*[\\u0040-\\u007e]?',
    // Any other escape with its intermediates and final byte.
    '\\u001b[\\u0020-\\u002f]*[\\u0030-\\u007e]?',
  ].join('|'),
  'g',
)
// biome-ignore lint/complexity/useRegexLiterals: as above.
const displayControls = new RegExp('[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]', 'g')
// Bidirectional overrides and isolates make a line read as another one ("Trojan source", CVE-2021-42574); they draw nothing themselves.
const direction = /[\u202a-\u202e\u2066-\u2069]/g

/** A program's words, to be shown: no escape sequence, no control but newline and TAB, no change of the reading direction. */
export function stripControls(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(sequences, '').replace(displayControls, '').replace(direction, '')
}

/** `stripControls` on one line of at most `max` UTF-16 units; what was cut ends in an ellipsis. */
export function oneLine(text: string, max: number): string {
  // Nothing past this is ever shown, and a text of megabytes is not worth a pass over all of it.
  const head = text.length > max * 8 ? text.slice(0, max * 8) : text
  const line = stripControls(head)
    .replace(/[\s\u2028\u2029]+/g, ' ')
    .trim()
  return line.length > max ? `${trimHalf(line.slice(0, max - 1))}…` : line
}

/** Without the first half of a surrogate pair whose second half was cut off. */
export function trimHalf(text: string): string {
  const last = text.charCodeAt(text.length - 1)
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text
}
