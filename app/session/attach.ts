// The views of one session. Each gets the screen as it is after byte N, then everything from N+1 on, at its own pace. A view that
// lags stops getting live output and gets a fresh screen when it has caught up. One that is stuck holds a bounded queue and delays
// nobody. It knows no keeper and no transport; what it shows comes from a ViewSource.
import {
  acknowledged,
  allowance,
  type Flow,
  lowWater,
  maxPiece,
  mayRefresh,
  newFlow,
  offered,
  refreshed,
  sent,
} from './flow.ts'

export interface Viewer {
  /** How it paints; where it says nothing, nothing changes. */
  readonly dark?: boolean
  /** A whole new screen of this size begins: `screen` bytes follow, to be drawn on an empty terminal. */
  start(screen: {
    readonly cols: number
    readonly rows: number
    readonly reason: 'attach' | 'lag' | 'session'
    /** False where the session has ended and nothing more will come. */
    readonly live: boolean
    /** Bytes of this session's output that are lost: the host lagged behind what the spool keeps. */
    readonly dropped: number
    readonly sessionId: string
  }): void
  screen(bytes: Uint8Array): void
  screenEnd(): void
  /** To be acknowledged once drawn. */
  output(bytes: Uint8Array): void
  resized(cols: number, rows: number): void
  ended(): void
}

export interface ViewerHandle {
  ack(bytes: number): void
  detach(): void
}

/** What is shown. Read between two pieces of output, so that the screen holds exactly what `Viewers.output` has been given. */
export interface ViewSource {
  readonly sessionId: string
  readonly cols: number
  readonly rows: number
  readonly live: boolean
  readonly dropped: number
  /** The screen with this many lines above it, then the unfinished tail of the output. */
  draw(scrollback?: number): Uint8Array
}

export interface Viewers {
  attach(viewer: Viewer, reason?: 'attach' | 'session'): ViewerHandle
  /** More output. The bytes are kept until they are sent; the caller leaves them alone. */
  output(bytes: Uint8Array): void
  resized(cols: number, rows: number): void
  /** The output has a gap: what each view has drawn is wrong, and is drawn anew. */
  redraw(): void
  /** Nothing more will come; each view is told when it has got all. */
  ended(): void
  /** Lets go of the views. Those of an ended session still get what is theirs; `source` must go on drawing. */
  close(): void
}

/** Output is gathered for this long, except the first after a silence, which goes at once: an echo is not made to wait. */
const gatherMs = 8
/**
 * A lagging view is shown the bare screen at most this often while the flood lasts (about what an eye follows), and at most a
 * tenth of the time goes into drawing it.
 */
const refreshMs = 60
const drawingShare = 10
/** When a view has kept up for this long after a lag it is given its scrollback again. */
const calmMs = 400

interface View {
  readonly viewer: Viewer
  flow: Flow
  queue: Uint8Array[]
  timer: NodeJS.Timeout | null
  lastSentAt: number
  refreshTimer: NodeJS.Timeout | null
  calmTimer: NodeJS.Timeout | null
  lastDrawnAt: number
  drawMs: number
  /** True where the view was given the bare screen and is owed what stands above it. */
  owed: boolean
  ending: boolean
  open: boolean
}

export function createViewers(source: ViewSource): Viewers {
  const views = new Set<View>()
  let over = false

  /** A viewer that throws is a lost view, and no concern of the others. */
  function tell(view: View, act: (viewer: Viewer) => void): void {
    if (!view.open) return
    try {
      act(view.viewer)
    } catch {
      drop(view)
    }
  }

  function drop(view: View): void {
    view.open = false
    view.queue = []
    views.delete(view)
    for (const timer of [view.timer, view.refreshTimer, view.calmTimer]) if (timer) clearTimeout(timer)
  }

  function draw(view: View, reason: 'attach' | 'lag' | 'session', scrollback?: number): void {
    const began = performance.now()
    const bytes = source.draw(scrollback)
    view.drawMs = performance.now() - began
    view.lastDrawnAt = began
    view.owed = scrollback === 0
    view.queue = []
    view.flow = refreshed(view.flow)
    const { cols, rows, live, dropped, sessionId } = source
    tell(view, (viewer) => viewer.start({ cols, rows, reason, live, dropped, sessionId }))
    tell(view, (viewer) => viewer.screen(bytes))
    tell(view, (viewer) => viewer.screenEnd())
  }

  /** Gives a lagging view its screen as soon as it has drawn enough and the last one is long enough ago. */
  function refreshSoon(view: View): void {
    if (!view.open || !mayRefresh(view.flow) || view.refreshTimer) return
    const wait = view.lastDrawnAt + Math.max(refreshMs, view.drawMs * drawingShare) - performance.now()
    if (wait > 0 && !view.ending) {
      view.refreshTimer = setTimeout(() => {
        view.refreshTimer = null
        refresh(view)
      }, wait)
    } else refresh(view)
  }

  function refresh(view: View): void {
    if (!view.open || !mayRefresh(view.flow)) return
    // An ended session's view gets all of it; a flooding one gets what is on the screen, and the rest when it is calm.
    if (view.ending) draw(view, 'lag')
    else draw(view, 'lag', 0)
    if (view.owed) restoreWhenCalm(view)
    finishWhenDrained(view)
  }

  function restoreWhenCalm(view: View): void {
    if (view.calmTimer) clearTimeout(view.calmTimer)
    view.calmTimer = setTimeout(() => {
      view.calmTimer = null
      if (!view.owed || !view.open || view.flow.lagging) return
      if (view.flow.held || view.flow.inFlight > lowWater || view.flow.queued > 0) return restoreWhenCalm(view)
      draw(view, 'lag')
      finishWhenDrained(view)
    }, calmMs)
  }

  function flushSoon(view: View): void {
    if (allowance(view.flow) === 0) return
    const wait = view.lastSentAt + gatherMs - performance.now()
    // A whole piece does not wait either: within one turn of the host there may be more than a view's queue takes.
    if (wait <= 0 || view.flow.queued >= maxPiece) flush(view)
    else {
      view.timer ??= setTimeout(() => {
        view.timer = null
        flush(view)
      }, wait)
    }
  }

  function flush(view: View): void {
    while (view.open) {
      const length = allowance(view.flow)
      if (length === 0) break
      const bytes = takeBytes(view.queue, length)
      view.flow = sent(view.flow, length)
      view.lastSentAt = performance.now()
      tell(view, (viewer) => viewer.output(bytes))
    }
    finishWhenDrained(view)
  }

  function finishWhenDrained(view: View): void {
    if (!view.open || !view.ending || view.flow.queued > 0 || view.flow.lagging) return
    if (view.owed) draw(view, 'lag')
    tell(view, (viewer) => viewer.ended())
    drop(view)
  }

  function lag(view: View): void {
    view.queue = []
    if (view.timer) clearTimeout(view.timer)
    view.timer = null
    refreshSoon(view)
  }

  return {
    attach(viewer, reason = 'attach') {
      const view: View = {
        viewer,
        flow: newFlow,
        queue: [],
        timer: null,
        lastSentAt: 0,
        refreshTimer: null,
        calmTimer: null,
        lastDrawnAt: 0,
        drawMs: 0,
        owed: false,
        ending: over,
        open: true,
      }
      views.add(view)
      draw(view, reason)
      finishWhenDrained(view)
      return {
        ack(bytes) {
          if (!view.open) return
          view.flow = acknowledged(view.flow, bytes)
          if (view.flow.lagging) refreshSoon(view)
          else flush(view)
        },
        detach: () => drop(view),
      }
    },
    output(bytes) {
      for (const view of views) {
        if (view.flow.lagging) continue
        view.flow = offered(view.flow, bytes.length)
        if (view.flow.lagging) lag(view)
        else {
          view.queue.push(bytes)
          flushSoon(view)
        }
      }
    },
    resized(cols, rows) {
      for (const view of views) {
        // What was printed for the old size is drawn at the old size; a lagging view gets the new one with its screen.
        if (view.flow.lagging) continue
        const waiting = view.queue.splice(0)
        if (waiting.length > 0 && allowance(view.flow) === 0) {
          // It is not to be sent yet, so the view is drawn anew when it may be.
          view.flow = { ...view.flow, queued: 0, lagging: true }
          lag(view)
          continue
        }
        view.queue = waiting
        flush(view)
        if (view.flow.queued > 0) {
          view.flow = { ...view.flow, queued: 0, lagging: true }
          lag(view)
        } else tell(view, (viewer) => viewer.resized(cols, rows))
      }
    },
    redraw() {
      for (const view of views) {
        view.flow = { ...view.flow, queued: 0, lagging: true }
        lag(view)
      }
    },
    ended() {
      over = true
      for (const view of [...views]) {
        view.ending = true
        if (view.flow.lagging) refreshSoon(view)
        else flush(view)
      }
    },
    close() {
      for (const view of [...views]) if (!view.ending) drop(view)
    },
  }
}

/** Takes the first `length` bytes off a queue of pieces. */
function takeBytes(queue: Uint8Array[], length: number): Uint8Array {
  const first = queue[0]
  if (first && first.length === length) {
    queue.shift()
    return first
  }
  if (first && first.length > length) {
    queue[0] = first.subarray(length)
    return first.subarray(0, length)
  }
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; ) {
    const piece = queue[0]
    if (!piece) break
    const part = piece.subarray(0, length - at)
    bytes.set(part, at)
    at += part.length
    if (part.length === piece.length) queue.shift()
    else queue[0] = piece.subarray(part.length)
  }
  return bytes
}
