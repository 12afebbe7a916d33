// The client's half of the contract over any Channel: typed calls, one subscription, attached terminals. It keeps no state of the
// runs (`subscribe` feeds a replica) and knows no transport. The renderer, the CLI and the tests use it.
import type { JournalRecord } from '../model/event.ts'
import { CoppiceFailure, type Failure } from '../model/failure.ts'
import type { Live } from '../model/run.ts'
import type { State } from '../model/state.ts'
import type { Channel } from './channel.ts'
import type { CommandInput, CommandName, CommandOutput } from './commands/index.ts'
import { decodeFrame, encodeData, encodeMessage } from './frames.ts'
import { type ClientMessage, HostMessage, protocolVersion } from './wire.ts'

export interface Welcome {
  readonly version: string
  readonly pid: number
  readonly home: string
  readonly startedAt: number
}

export interface Subscriber {
  onSnapshot(state: State, live: Readonly<Record<string, Live>>): void
  onEvent(record: JournalRecord): void
  onLive(runId: string, live: Live | null): void
}

export interface TerminalListener {
  /** A whole new screen of this size begins: clear, resize, then take `onScreen` bytes until `onScreenEnd`. */
  onScreenStart(screen: {
    cols: number
    rows: number
    reason: 'attach' | 'lag' | 'session'
    live: boolean
    dropped: number
    sessionId: string
  }): void
  onScreen(bytes: Uint8Array): void
  onScreenEnd(): void
  /** Call `attachment.ack(bytes.length)` once drawn, or the host holds the rest back. */
  onOutput(bytes: Uint8Array): void
  onResized(cols: number, rows: number): void
  onEnded(): void
  onFailed(failure: Failure): void
}

export interface Attachment {
  input(bytes: Uint8Array): void
  resize(cols: number, rows: number): void
  ack(bytes: number): void
  detach(): void
}

export interface AttachOptions {
  /** How this client paints terminals. */
  readonly dark?: boolean | undefined
  /** A session beside the run's agent; without it the run's own terminal. */
  readonly sessionId?: string | undefined
}

export interface Client {
  readonly welcome: Welcome
  /** Throws a CoppiceFailure. `commandId` makes a retry safe: the same id with the same input gives the same reply. */
  call<N extends CommandName>(
    name: N,
    input: CommandInput<N>,
    options?: { readonly commandId?: string },
  ): Promise<CommandOutput<N>>
  subscribe(subscriber: Subscriber, fromSeq?: number): void
  /** The run's own terminal, or that of one of its side sessions. */
  attach(runId: string, listener: TerminalListener, options?: AttachOptions): Attachment
  onNotice(listener: (notice: Extract<HostMessage, { type: 'notice' }>) => void): void
  onFocus(listener: (path: string | null) => void): void
  onClose(listener: (reason: string) => void): void
  close(): void
}

/** A fresh id for a command, unique for ever. */
export const newCommandId = (): string => crypto.randomUUID()

/**
 * Says hello on a channel and gives a Client once the host has welcomed it.
 * Rejects with a CoppiceFailure: `protocol-mismatch`, `unauthorised`, or `connection-lost` where the channel closed first.
 */
export function connect(
  channel: Channel,
  who: { readonly via: 'window' | 'browser' | 'cli'; readonly version: string; readonly shows?: boolean },
): Promise<Client> {
  const calls = new Map<number, { resolve(value: never): void; reject(error: Error): void }>()
  const attached = new Map<number, TerminalListener>()
  const closeListeners: ((reason: string) => void)[] = []
  const noticeListeners: ((notice: Extract<HostMessage, { type: 'notice' }>) => void)[] = []
  const focusListeners: ((path: string | null) => void)[] = []
  let subscriber: Subscriber | null = null
  let nextId = 1
  let closed: string | null = null

  const send = (message: ClientMessage) => channel.send(encodeMessage(message))

  return new Promise((resolve, reject) => {
    channel.onClose((reason) => {
      closed = reason
      const lost = new CoppiceFailure({ code: 'connection-lost', retryable: true, detail: { message: reason } })
      reject(lost)
      for (const call of calls.values()) call.reject(lost)
      calls.clear()
      for (const listener of closeListeners) listener(reason)
    })
    channel.onFrame((bytes) => {
      const frame = decodeFrame(bytes)
      if (!frame) return
      if (frame.kind === 'output') return attached.get(frame.attachId)?.onOutput(frame.bytes)
      if (frame.kind === 'screen') return attached.get(frame.attachId)?.onScreen(frame.bytes)
      if (frame.kind === 'message') receive(frame.message)
    })

    function receive(raw: unknown) {
      const parsed = HostMessage.safeParse(raw)
      if (!parsed.success) {
        // A newer host may send an event of a type this build does not know: the rest goes on, the gap is seen by its number.
        return
      }
      const message = parsed.data
      switch (message.type) {
        case 'welcome':
          return resolve(client(message))
        case 'refused':
          reject(new CoppiceFailure(message.failure))
          return channel.close('refused')
        case 'reply': {
          const call = calls.get(message.callId)
          calls.delete(message.callId)
          if (message.failure) return call?.reject(new CoppiceFailure(message.failure))
          return call?.resolve(message.value as never)
        }
        case 'snapshot':
          return subscriber?.onSnapshot(message.state, message.live)
        case 'event':
          return subscriber?.onEvent(message.record)
        case 'live':
          return subscriber?.onLive(message.runId, message.live)
        case 'screen':
          return attached.get(message.attachId)?.onScreenStart(message)
        case 'screen-end':
          return attached.get(message.attachId)?.onScreenEnd()
        case 'resized':
          return attached.get(message.attachId)?.onResized(message.cols, message.rows)
        case 'session-ended':
          return attached.get(message.attachId)?.onEnded()
        case 'attach-failed':
          return attached.get(message.attachId)?.onFailed(message.failure)
        case 'notice':
          for (const listener of noticeListeners) listener(message)
          return
        case 'focus':
          for (const listener of focusListeners) listener(message.path)
      }
    }

    function client(welcome: Welcome): Client {
      return {
        welcome,
        call(name, input, options) {
          if (closed !== null) return Promise.reject(new CoppiceFailure({ code: 'connection-lost', retryable: true }))
          const callId = nextId++
          return new Promise((resolveCall, rejectCall) => {
            calls.set(callId, { resolve: resolveCall as (value: never) => void, reject: rejectCall })
            send({ type: 'call', callId, commandId: options?.commandId ?? newCommandId(), name, input })
          })
        },
        subscribe(next, fromSeq) {
          subscriber = next
          send({ type: 'subscribe', ...(fromSeq === undefined ? {} : { fromSeq }) })
        },
        attach(runId, listener, { dark, sessionId } = {}) {
          const attachId = nextId++
          attached.set(attachId, listener)
          const more = { ...(dark === undefined ? {} : { dark }), ...(sessionId === undefined ? {} : { sessionId }) }
          send({ type: 'attach', attachId, runId, ...more })
          return {
            input: (bytes) => void channel.send(encodeData('input', attachId, bytes)),
            resize: (cols, rows) => void send({ type: 'resize', attachId, cols, rows }),
            ack: (bytes) => void send({ type: 'ack', attachId, bytes }),
            detach() {
              attached.delete(attachId)
              send({ type: 'detach', attachId })
            },
          }
        },
        onNotice: (listener) => void noticeListeners.push(listener),
        onFocus: (listener) => void focusListeners.push(listener),
        onClose: (listener) => void closeListeners.push(listener),
        close: () => channel.close('closed by the client'),
      }
    }

    send({
      type: 'hello',
      protocol: protocolVersion,
      version: who.version,
      via: who.via,
      ...(who.shows === undefined ? {} : { shows: who.shows }),
    })
  })
}
