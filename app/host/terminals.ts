// The terminals that one client is looking at: wire messages on one side, the room's handles on the other. It promises that a
// detached view gets nothing more, whatever is in progress, and that screens are sent in frames of limited size. It knows no
// session and no pty.
import type { AttachOptions } from '../contract/client.ts'
import { type DataKind, encodeData, encodeMessage } from '../contract/frames.ts'
import type { HostMessage } from '../contract/wire.ts'
import { type Failure, failureOf } from '../model/failure.ts'
import type { TerminalHandle } from '../runs/terminal.ts'
import type { Viewer } from '../session/attach.ts'

/** Bytes of one frame of terminal data: small enough that other messages are not held up behind it. */
export const chunkBytes = 256 * 1024
/** Views one client may hold: every run of the largest grid, and then some. */
export const maxViews = 256
/** What is typed while an attach is under way is kept up to this many bytes. */
const maxEarlyInput = 64 * 1024

interface View {
  handle: TerminalHandle | null
  open: boolean
  readonly early: ((handle: TerminalHandle) => void)[]
  earlyBytes: number
}

export interface ClientTerminals {
  attach(attachId: number, runId: string, options?: AttachOptions): void
  detach(attachId: number): void
  input(attachId: number, bytes: Uint8Array): void
  resize(attachId: number, cols: number, rows: number): void
  ack(attachId: number, bytes: number): void
  close(): void
}

export interface ClientTerminalsDeps {
  attach(runId: string, viewer: Viewer, sessionId?: string): Promise<TerminalHandle>
  send(frame: Uint8Array): void
  /** Told of an attach that failed by a bug. */
  onBug(error: unknown): void
}

/** The views of one client. */
export function createClientTerminals({ attach, send, onBug }: ClientTerminalsDeps): ClientTerminals {
  const views = new Map<number, View>()
  const say = (message: HostMessage) => send(encodeMessage(message))
  const failed = (attachId: number, failure: Failure) => say({ type: 'attach-failed', attachId, failure })

  function viewerOf(attachId: number, view: View, dark: boolean | undefined): Viewer {
    const when = (act: () => void) => {
      if (view.open) act()
    }
    const data = (kind: DataKind, bytes: Uint8Array) => {
      for (let from = 0; from < bytes.length && view.open; from += chunkBytes) {
        send(encodeData(kind, attachId, bytes.subarray(from, from + chunkBytes)))
      }
    }
    return {
      ...(dark === undefined ? {} : { dark }),
      start: ({ sessionId, cols, rows, reason, live, dropped }) =>
        when(() => say({ type: 'screen', attachId, sessionId, cols, rows, reason, live, dropped })),
      screen: (bytes) => data('screen', bytes),
      screenEnd: () => when(() => say({ type: 'screen-end', attachId })),
      output: (bytes) => data('output', bytes),
      resized: (cols, rows) => when(() => say({ type: 'resized', attachId, cols, rows })),
      ended: () => when(() => say({ type: 'session-ended', attachId })),
    }
  }

  async function open(attachId: number, runId: string, view: View, { dark, sessionId }: AttachOptions): Promise<void> {
    try {
      const handle = await attach(runId, viewerOf(attachId, view, dark), sessionId)
      if (!view.open) return handle.detach()
      view.handle = handle
      for (const act of view.early.splice(0)) act(handle)
    } catch (error) {
      const failure = failureOf(error)
      if (failure.code === 'internal') onBug(error)
      if (!view.open) return
      view.open = false
      views.delete(attachId)
      failed(attachId, failure)
    }
  }

  function act(attachId: number, bytes: number, what: (handle: TerminalHandle) => void) {
    const view = views.get(attachId)
    if (!view) return
    if (!view.handle) {
      view.earlyBytes += bytes
      if (view.earlyBytes <= maxEarlyInput && view.early.length < 1000) view.early.push(what)
      return
    }
    try {
      what(view.handle)
    } catch (error) {
      onBug(error)
    }
  }

  function shut(view: View) {
    view.open = false
    try {
      view.handle?.detach()
    } catch (error) {
      onBug(error)
    }
  }

  return {
    attach(attachId, runId, options = {}) {
      if (views.has(attachId)) {
        return failed(attachId, {
          code: 'bad-input',
          retryable: false,
          detail: { message: 'this attach id is in use' },
        })
      }
      if (views.size >= maxViews) {
        return failed(attachId, {
          code: 'too-large',
          retryable: true,
          detail: { message: `at most ${maxViews} views` },
        })
      }
      const view: View = { handle: null, open: true, early: [], earlyBytes: 0 }
      views.set(attachId, view)
      void open(attachId, runId, view, options)
    },
    detach(attachId) {
      const view = views.get(attachId)
      views.delete(attachId)
      if (view) shut(view)
    },
    input(attachId, bytes) {
      // The frame it came in is reused by nobody, yet a view into a large frame would keep all of it alive.
      const copy = bytes.slice()
      act(attachId, copy.length, (handle) => handle.input(copy))
    },
    resize: (attachId, cols, rows) => act(attachId, 8, (handle) => handle.resize(cols, rows)),
    ack: (attachId, bytes) => act(attachId, 8, (handle) => handle.ack(bytes)),
    close() {
      for (const view of views.values()) shut(view)
      views.clear()
    },
  }
}
