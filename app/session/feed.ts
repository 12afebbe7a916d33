// One stream of a session on its way from the keeper into the mirror: in order, in small pieces, a few milliseconds at a time, so
// that fifty sessions and every client get their turn. What has not been parsed yet is bounded: a host that lags stops reading, and
// later continues in the keeper's spool at the byte where it stopped.
import type { Keeper, KeeperError, Reading, SessionExit, StreamName } from '../keeper/client.ts'

export interface FeedOptions {
  readonly keeper: Pick<Keeper, 'read'>
  readonly sessionId: string
  readonly stream: StreamName
  readonly from: number
  /** At most a pacer's size; `at` is the offset of the first byte. */
  onBytes(bytes: Uint8Array, at: number): void
  onGap(from: number, to: number): void
  onEnd(exit: SessionExit): void
  onLost(error: KeeperError): void
}

export interface Feed {
  close(): void
}

/** How long parsing goes on before others get their turn. */
export const turnMs = 8
/** Unparsed bytes above which reading stops, and below which it goes on. */
const pauseAbove = 4 * 1024 * 1024
const resumeBelow = 1024 * 1024

type Item =
  | { readonly bytes: Uint8Array; readonly at: number }
  | { readonly gap: readonly [number, number] }
  | { readonly end: SessionExit }
  | { readonly lost: KeeperError }

/** How many bytes to parse in one go. */
export interface Pacer {
  readonly size: number
  /** Runs the parse of one piece and learns from the time it took. */
  time(parse: () => void): void
}

const largestPiece = 4 * 1024
const smallestPiece = 16
/** A piece that takes longer makes the next ones smaller. */
const longMs = 4

/**
 * A few bytes can cost the emulator milliseconds (16 KiB of ESC c, a reset each, took seconds at 500 × 300), so the size of the
 * pieces follows the time they take: no client waits longer for its turn than one piece lasts.
 */
export function createPacer(): Pacer {
  let size = largestPiece
  return {
    get size() {
      return size
    },
    time(parse) {
      const began = performance.now()
      parse()
      const took = performance.now() - began
      if (took > longMs) size = Math.max(smallestPiece, Math.floor((size * longMs) / took / 2))
      else if (size < largestPiece && took < longMs / 4) size = Math.min(largestPiece, size * 2)
    },
  }
}

export function openFeed(options: FeedOptions): Feed {
  const queue: Item[] = []
  const pacer = createPacer()
  let backlog = 0
  let paused = false
  let scheduled: NodeJS.Immediate | null = null
  let closed = false
  let running = false

  function put(item: Item): void {
    if (closed) return
    queue.push(item)
    if ('bytes' in item) backlog += item.bytes.length
    if (backlog > pauseAbove && !paused) {
      paused = true
      reading.pause()
    }
    // At once where nothing waits: a key's echo takes no detour.
    if (!scheduled && !running) turn()
  }

  function turn(): void {
    scheduled = null
    running = true
    const until = performance.now() + turnMs
    while (!closed && queue.length > 0 && performance.now() < until) step()
    running = false
    if (closed) return
    if (paused && backlog < resumeBelow) {
      paused = false
      reading.resume()
    }
    if (queue.length > 0) scheduled ??= setImmediate(turn)
  }

  function step(): void {
    const item = queue[0]
    if (!item) return
    if ('bytes' in item) {
      const piece = item.bytes.subarray(0, pacer.size)
      if (piece.length === item.bytes.length) queue.shift()
      else queue[0] = { bytes: item.bytes.subarray(piece.length), at: item.at + piece.length }
      backlog -= piece.length
      pacer.time(() => options.onBytes(piece, item.at))
      return
    }
    queue.shift()
    if ('gap' in item) options.onGap(...item.gap)
    else if ('end' in item) options.onEnd(item.end)
    else options.onLost(item.lost)
  }

  const reading: Reading = options.keeper.read(
    options.sessionId,
    { stream: options.stream, from: options.from },
    {
      onData: (bytes, at) => put({ bytes, at }),
      onDropped: (from, to) => put({ gap: [from, to] }),
      onEnd: (end) => put({ end }),
      onError: (lost) => put({ lost }),
    },
  )

  return {
    close() {
      closed = true
      queue.length = 0
      if (scheduled) clearImmediate(scheduled)
      reading.close()
    },
  }
}
