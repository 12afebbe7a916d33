// One line to the host, kept up for as long as the page lives: a MessagePort in the window, a WebSocket in a browser. It promises
// that a lost line is tried again, sooner at first, and that what cannot get better by trying (a wrong token, another protocol)
// is said once. It knows no runs and no screens.
import { type Client, connect } from '../../app/contract/client.ts'
import { browserSession, type Channel } from '../../app/contract/wire.ts'
import { CoppiceFailure, type Failure } from '../../app/model/failure.ts'
import { version } from '../../package.json'

/** What the window's preload gives a page (main/preload.ts). No function gives a Promise: answers come as window messages. */
export interface Bridge {
  readonly platform: string
  readonly version: string
  connect(): void
  chooseDirectory(): void
  pathOfFile(file: File): string
  openExternal(url: string): void
}

declare global {
  interface Window {
    readonly coppice?: Bridge
  }
}

export const bridge: Bridge | null = typeof window === 'undefined' ? null : (window.coppice ?? null)

export interface ConnectionListener {
  onTrying(): void
  onClient(client: Client): void
  onLost(reason: string): void
  /** Trying again by itself would change nothing: `unauthorised` or `protocol-mismatch`. */
  onRefused(failure: Failure): void
}

export interface Connection {
  /** Tries at once instead of waiting for the next turn. */
  retry(): void
  close(): void
}

/** Waits between tries, in milliseconds: a restarted host is back within a second, a stopped one should not be hammered. */
const waits = [100, 250, 500, 1000, 2000, 4000]
/** A port or socket that neither opens nor fails within this time counts as failed. */
const openWithinMs = 10_000

/** Connects, and connects again whenever the line is lost, until closed. */
export function keepConnected(listener: ConnectionListener, open: () => Promise<Channel> = openChannel): Connection {
  let tries = 0
  let timer: ReturnType<typeof setTimeout> | null = null
  let client: Client | null = null
  let closed = false
  let trying = false

  async function attempt(): Promise<void> {
    if (closed || trying || client) return
    if (timer) clearTimeout(timer)
    timer = null
    trying = true
    listener.onTrying()
    try {
      const channel = await open()
      const next = await connect(channel, { via: bridge ? 'window' : 'browser', version })
      trying = false
      if (closed) return next.close()
      tries = 0
      client = next
      next.onClose((reason) => {
        if (client !== next) return
        client = null
        lost(reason)
      })
      listener.onClient(next)
    } catch (error) {
      trying = false
      const failure = error instanceof CoppiceFailure ? error.failure : null
      if (failure?.code === 'unauthorised' || failure?.code === 'protocol-mismatch') return listener.onRefused(failure)
      lost(error instanceof Error ? error.message : String(error))
    }
  }

  function lost(reason: string) {
    if (closed) return
    listener.onLost(reason)
    timer = setTimeout(() => void attempt(), waits[Math.min(tries++, waits.length - 1)])
  }

  function retry() {
    tries = 0
    void attempt()
  }

  // A laptop that wakes should not wait for its turn.
  const wake = () => {
    if (document.visibilityState === 'visible' && timer) retry()
  }
  if (typeof document !== 'undefined') document.addEventListener('visibilitychange', wake)
  void attempt()
  return {
    retry,
    close() {
      closed = true
      if (timer) clearTimeout(timer)
      if (typeof document !== 'undefined') document.removeEventListener('visibilitychange', wake)
      client?.close()
    },
  }
}

function openChannel(): Promise<Channel> {
  return bridge ? openPort(bridge) : openSocket()
}

async function openPort(to: Bridge): Promise<Channel> {
  const port = await new Promise<MessagePort>((resolve, reject) => {
    const timer = setTimeout(() => {
      window.removeEventListener('message', take)
      reject(new Error('the window gave no port'))
    }, openWithinMs)
    const take = (event: MessageEvent) => {
      const given = event.ports[0]
      // Only the page's own window speaks here; a frame that was opened by anything else is not heard.
      if (event.source !== window || event.data !== 'coppice-port' || !given) return
      clearTimeout(timer)
      window.removeEventListener('message', take)
      resolve(given)
    }
    window.addEventListener('message', take)
    to.connect()
  })
  return portChannel(port)
}

/** A Channel over a MessagePort whose messages are frames, or `{closed: reason}` as the last one. */
export function portChannel(port: MessagePort): Channel {
  const { channel, frame, closed } = makeChannel({
    send: (bytes) => port.postMessage(bytes),
    close: () => port.close(),
    buffered: () => 0,
  })
  port.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (data instanceof Uint8Array) return frame(data)
    if (data instanceof ArrayBuffer) return frame(new Uint8Array(data))
    const reason = (data as { closed?: unknown } | null)?.closed
    if (typeof reason === 'string') {
      closed(reason)
      port.close()
    }
  }
  // Chromium tells the page about a closed port since 122; where it does not, the window says `closed` first.
  port.addEventListener('close', () => closed('the window closed the line'))
  port.start()
  return channel
}

async function openSocket(): Promise<Channel> {
  await exchangeToken()
  const url = new URL('socket', location.href)
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  url.hash = ''
  url.search = ''
  const key = storedKey()
  const socket = new WebSocket(url, key === null ? [browserSession.protocol] : [browserSession.protocol, key])
  socket.binaryType = 'arraybuffer'
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.close()
      reject(new Error('the host did not answer'))
    }, openWithinMs)
    socket.onopen = () => {
      clearTimeout(timer)
      resolve()
    }
    socket.onerror = () => {
      clearTimeout(timer)
      reject(new Error('the host cannot be reached'))
    }
  }).catch(async (error: Error) => {
    // A browser hides why a WebSocket was refused; the session's own address says it.
    if (await sessionIsUnknown()) throw new CoppiceFailure({ code: 'unauthorised', retryable: false })
    throw error
  })
  const { channel, frame, closed } = makeChannel({
    send: (bytes) => socket.send(bytes as Uint8Array<ArrayBuffer>),
    close: () => socket.close(),
    buffered: () => socket.bufferedAmount,
  })
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) frame(new Uint8Array(data))
  }
  socket.onclose = ({ reason }) => closed(reason || 'the host closed the line')
  return channel
}

/** The address from `coppice serve` carries a token in its fragment that is good once: it buys this browser a cookie and a key. */
async function exchangeToken(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token === null) return
  const answer = await fetch('session', {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  })
  // The fragment goes in any case: it must not stay in the history or be copied on.
  history.replaceState(null, '', `${location.pathname}${location.search}`)
  if (answer.status === 200) return keepKey(((await answer.json()) as { key: string }).key)
  // A token that was used up is no failure where its session is still here: a reload, or a second tab.
  if (!answer.ok && (await sessionIsUnknown())) throw new CoppiceFailure({ code: 'unauthorised', retryable: false })
}

async function sessionIsUnknown(): Promise<boolean> {
  const key = storedKey()
  try {
    const { status } = await fetch('session', {
      credentials: 'same-origin',
      cache: 'no-store',
      headers: key === null ? {} : { [browserSession.keyHeader]: key },
    })
    return status === 401 || status === 403
  } catch {
    return false
  }
}

// Kept for the origin, port and all, as the cookie is kept for the address: a second tab and a reload have both. A browser that
// keeps nothing has it as long as the page lives.
const keyName = 'coppice-key'
let ownKey: string | null = null

function keepKey(key: string): void {
  ownKey = key
  try {
    localStorage.setItem(keyName, key)
  } catch {
    // Storage is switched off: a reload needs a new address.
  }
}

function storedKey(): string | null {
  try {
    return localStorage.getItem(keyName) ?? ownKey
  } catch {
    return ownKey
  }
}

interface Transport {
  send(frame: Uint8Array): void
  close(): void
  buffered(): number
}

function makeChannel(transport: Transport): {
  channel: Channel
  frame(bytes: Uint8Array): void
  closed(reason: string): void
} {
  let onFrame: ((frame: Uint8Array) => void) | null = null
  const waiting: Uint8Array[] = []
  const closeListeners: ((reason: string) => void)[] = []
  let open = true
  function closed(reason: string) {
    if (!open) return
    open = false
    for (const listener of closeListeners) listener(reason)
  }
  return {
    closed,
    frame: (bytes) => (onFrame ? onFrame(bytes) : void waiting.push(bytes)),
    channel: {
      send(bytes) {
        if (open) transport.send(bytes)
        return true
      },
      onFrame(listener) {
        onFrame = listener
        for (const bytes of waiting.splice(0)) listener(bytes)
      },
      onClose: (listener) => void closeListeners.push(listener),
      onDrained() {},
      get bufferedBytes() {
        return transport.buffered()
      },
      close(reason = 'closed') {
        transport.close()
        closed(reason)
      },
    },
  }
}
