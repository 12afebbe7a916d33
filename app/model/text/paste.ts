// Makes text that somebody else may have written safe to type into a terminal. xterm.js 6.0.0 does not strip ESC inside a bracketed
// paste, so "ESC[201~" in the text would end the paste and run the rest. Control characters are therefore removed before anything
// is sent, whoever sends it (the window's paste, a prompt, `coppice send`). Pure.

/** Text without control characters, except TAB; line ends of every kind become CR, the Enter key. */
export function cleanPaste(text: string): string {
  return text
    .replace(markers, '')
    .replace(/\r\n|\n/g, '\r')
    .replace(controls, '')
}

/** The bytes of a paste: between markers where the program asked for them (mode 2004), else as if typed. */
export function pasteBytes(text: string, options: { readonly bracketed: boolean }): Uint8Array {
  const clean = cleanPaste(text)
  return new TextEncoder().encode(options.bracketed ? `\u001b[200~${clean}\u001b[201~` : clean)
}

// The markers that end (and start) a bracketed paste, in 7-bit and 8-bit form, taken out whole so that no "[201~" is left over.
// One pass is enough: what its removal joins anew has lost its ESC to the pass over the controls.
const markers = /(?:\u001b\[|\u009b)20[01]~/g
/** ESC and the C1 controls can start a sequence, and the rest of C0 and DEL are keys (Ctrl-C is one): only TAB and CR stay. */
const controls = /(?![\t\r])\p{Cc}/gu
