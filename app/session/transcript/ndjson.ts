// Cuts a byte stream into lines, whatever pieces it arrives in. Bounded: a line longer than 8 MiB is skipped and counted. Pure; it
// knows nothing about JSON.

/** The longest line that is read: a tool's result with a whole file in it. */
export const maxLine = 8 * 1024 * 1024

export interface LineSplitter {
  /** Calls back for each line that these bytes complete, without its newline, with the offset after it. */
  push(bytes: Uint8Array): void
  /** The stream is over: what is left is a line too. */
  end(): void
}

export interface LineListener {
  onLine(text: string, endOffset: number): void
  /** A line of this many bytes was too long. */
  onTooLong(bytes: number, endOffset: number): void
}

/** `from` is the offset of the first byte to come. */
export function createLineSplitter(from: number, listener: LineListener): LineSplitter {
  const decoder = new TextDecoder()
  let pieces: Uint8Array[] = []
  let length = 0
  let offset = from

  function finish(endOffset: number): void {
    if (length > maxLine) listener.onTooLong(length, endOffset)
    else if (length > 0 || endOffset > offset)
      listener.onLine(decoder.decode(Buffer.concat(pieces)).replace(/\r$/, ''), endOffset)
    pieces = []
    length = 0
  }

  function take(piece: Uint8Array): void {
    length += piece.length
    // A line that is too long anyway is not gathered; only its length is known in the end.
    if (length > maxLine) pieces = []
    else if (piece.length > 0) pieces.push(piece)
  }

  return {
    push(bytes) {
      let start = 0
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, start)) {
        take(bytes.subarray(start, at))
        finish(offset + at + 1)
        start = at + 1
      }
      // Copied, because what is left of a large piece would keep all of it alive.
      take(bytes.slice(start))
      offset += bytes.length
    },
    end() {
      if (length > 0) finish(offset)
    },
  }
}
