// The one abstraction that client and host talk over: complete frames, in order, until it closes. A unix socket, a WebSocket and a
// MessagePort are thin adapters of it (`makeChannel`). What is easy to get wrong is done here once: frames that arrive before
// anyone listens are kept, the first reason for closing counts, and listeners hear of it exactly once, however late they ask.

/** An ordered, reliable stream of frames between two ends. */
export interface Channel {
  /** False where the channel is closed, or the other end is behind: `onDrained` says when there is room again. */
  send(frame: Uint8Array): boolean
  /** One listener. What came before is given to it at once. */
  onFrame(listener: (frame: Uint8Array) => void): void
  /** Called once with why it closed, soon where it has closed already. */
  onClose(listener: (reason: string) => void): void
  onDrained(listener: () => void): void
  /** Bytes accepted by `send` that the other side's transport has not taken yet. */
  readonly bufferedBytes: number
  /** Nothing is sent or heard from now on. What was sent before still goes, as far as the transport can. */
  close(reason?: string): void
}

/** What carries frames: the part that differs between a socket, a WebSocket and a MessagePort. */
export interface Transport {
  /** Takes one whole frame; false where the other end is behind. Not called once the channel is closing. */
  send(frame: Uint8Array): boolean
  /** Ends the transport, called once at most. `ChannelEnd.closed` is to follow once it has ended. */
  close(reason: string): void
  bufferedBytes(): number
}

/** The adapter's own handles of the channel that it made. */
export interface ChannelEnd {
  readonly channel: Channel
  /** True from the channel's `close`, or from the transport's end, on. */
  readonly closing: boolean
  /** A whole frame arrived. */
  frame(bytes: Uint8Array): void
  /** The transport has taken all that was sent. */
  drained(): void
  /** Notes why the transport is about to end; the first reason counts. */
  because(reason: string): void
  /** The transport has ended. `reason` is for an end that nobody gave one for. */
  closed(reason: string): void
}

/** Makes a channel over a transport. */
export function makeChannel(transport: Transport): ChannelEnd {
  const waiting: Uint8Array[] = []
  const closeListeners: ((reason: string) => void)[] = []
  const drainListeners: (() => void)[] = []
  let frameListener: ((frame: Uint8Array) => void) | null = null
  let why: string | null = null
  let closing = false
  let over = false

  function closed(reason: string): void {
    if (over) return
    over = true
    closing = true
    why ??= reason
    for (const listener of closeListeners.splice(0)) listener(why)
  }

  return {
    get closing() {
      return closing
    },
    frame(bytes) {
      if (closing) return
      if (frameListener) frameListener(bytes)
      else waiting.push(bytes)
    },
    drained() {
      for (const listener of drainListeners) listener()
    },
    because(reason) {
      why ??= reason
    },
    closed,
    channel: {
      send: (frame) => !closing && transport.send(frame),
      onFrame(listener) {
        frameListener = listener
        for (const bytes of waiting.splice(0)) listener(bytes)
      },
      onClose(listener) {
        if (over) queueMicrotask(() => listener(why ?? 'closed'))
        else closeListeners.push(listener)
      },
      onDrained: (listener) => void drainListeners.push(listener),
      get bufferedBytes() {
        return transport.bufferedBytes()
      },
      close(reason = 'closed') {
        if (closing) return
        closing = true
        why ??= reason
        transport.close(reason)
      },
    },
  }
}

/** Two ends of an in-memory channel, for tests and for a client inside the host's own process. Delivery is asynchronous and in order. */
export function channelPair(): [Channel, Channel] {
  const ends: readonly [ChannelEnd, ChannelEnd] = [endTo(() => ends[1]), endTo(() => ends[0])]
  return [ends[0].channel, ends[1].channel]
}

function endTo(other: () => ChannelEnd): ChannelEnd {
  const end = makeChannel({
    send(frame) {
      const copy = frame.slice()
      queueMicrotask(() => other().frame(copy))
      return true
    },
    close(reason) {
      queueMicrotask(() => {
        end.closed(reason)
        other().closed(reason)
      })
    },
    bufferedBytes: () => 0,
  })
  return end
}
