// Import this before @xterm/addon-unicode-graphemes, and call `poolBuffersAgain()` after it. The add-on unpacks its tables as it is
// loaded and takes its own Buffer for the whole memory behind it. Node puts short Buffers side by side into one pool, so the add-on
// then reads another's bytes: "Data error", or wrong widths without a word (https://github.com/xtermjs/xterm.js/issues/6079).

const pooled = Buffer.poolSize
Buffer.poolSize = 0

/** Gives Node's Buffers their pool back. */
export function poolBuffersAgain(): void {
  Buffer.poolSize = pooled
}
