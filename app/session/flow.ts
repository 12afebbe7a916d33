// How much of a terminal's output may be on its way to one view. Pure: the numbers of one view, and what each event does to them.
// Only this part is paced (contract rule 4); the pty and the mirror run at their own speed.

/**
 * Measured on nine flooding terminals in Chromium with software rendering, by unacknowledged bytes: 100k/5k 40 frames a second
 * and a keystroke in 123 ms, 32k/8k 54 and 151 ms, 16k/6k 56.5 and 101 ms; without a limit 5 frames and no echo within 60 s.
 */
export const highWater = 16 * 1024
export const lowWater = 6 * 1024
/**
 * Bytes that wait for a view before it is given up as lagging and promised a fresh screen instead: a `cat` of a source file
 * comes through whole, and 50 stuck views hold 12 MB.
 */
export const maxQueued = 256 * 1024
/** One piece of output: with less than `highWater` on its way one more may go, so at most 32 KiB are. */
export const maxPiece = 16 * 1024

export interface Flow {
  /** Bytes sent and not yet acknowledged. */
  readonly inFlight: number
  /** Bytes waiting here. */
  readonly queued: number
  /** True from the high to the low watermark. */
  readonly held: boolean
  /** True where output was dropped: only a fresh screen makes this view right again. */
  readonly lagging: boolean
}

export const newFlow: Flow = { inFlight: 0, queued: 0, held: false, lagging: false }

/** More output came for the view. */
export function offered(flow: Flow, bytes: number): Flow {
  if (flow.lagging) return flow
  const queued = flow.queued + bytes
  return queued > maxQueued ? { ...flow, queued: 0, lagging: true } : { ...flow, queued }
}

/** A piece went out. */
export function sent(flow: Flow, bytes: number): Flow {
  const inFlight = flow.inFlight + bytes
  return { ...flow, inFlight, queued: flow.queued - bytes, held: flow.held || inFlight >= highWater }
}

/** The view has drawn this much. A view that acknowledges more than it got is taken to have drawn all. */
export function acknowledged(flow: Flow, bytes: number): Flow {
  const inFlight = Math.max(0, flow.inFlight - bytes)
  return { ...flow, inFlight, held: flow.held && inFlight > lowWater }
}

/** A fresh screen was sent: what was missed no longer matters. */
export function refreshed(flow: Flow): Flow {
  return { ...flow, queued: 0, lagging: false }
}

/** How many bytes may go out now. */
export function allowance(flow: Flow): number {
  return flow.held || flow.lagging ? 0 : Math.min(flow.queued, maxPiece)
}

/** True where a lagging view has drawn enough to be given a fresh screen. */
export const mayRefresh = (flow: Flow): boolean => flow.lagging && !flow.held
