// What a person pastes reaches the program as text and as nothing else. xterm.js 6.0.0 does not strip ESC inside a bracketed
// paste, so that "ESC[201~" in it would end the paste and run the rest: control characters go before anything is sent. Pure.

// C0 but tab, line feed and carriage return; DEL; C1.
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g
const endOfPaste = /\u001b\[20[01]~/g

/** The text without control characters, its line ends as carriage returns: what Enter sends. */
export function cleanPaste(text: string): string {
  return text.replace(endOfPaste, '').replace(controls, '').replace(/\r?\n/g, '\r')
}

/** What is sent for a paste: bracketed where the program asked for that. */
export function pasteBytes(text: string, bracketed: boolean): Uint8Array {
  const clean = cleanPaste(text)
  return new TextEncoder().encode(bracketed ? `\u001b[200~${clean}\u001b[201~` : clean)
}
