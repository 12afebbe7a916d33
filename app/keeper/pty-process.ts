// A child behind a pseudo-terminal; the only file that imports node-pty. It promises that the terminal is always drained,
// never paused, that nothing of the output is lost at the exit, and that no later child inherits this terminal. It knows no
// sessions and no spools.
import type { Socket } from 'node:net'
import pty from 'node-pty'
import { closeOnExec } from './close-on-exec.ts'
import type { SpawnSpec } from './frames.ts'
import { lineLimitOf } from './line-limit.ts'
import { checkedProgram, drainAfterExit, type Listeners, type Running, signalName } from './running.ts'

/** Starts it; throws the system's error where it cannot. */
export function startPty(spec: SpawnSpec, listeners: Listeners): Running {
  const file = checkedProgram(spec)
  const terminal = pty.spawn(file, [...spec.args], {
    cwd: spec.cwd,
    env: { ...spec.env },
    name: spec.env.TERM ?? 'xterm-256color',
    cols: spec.cols ?? 80,
    rows: spec.rows ?? 24,
    encoding: null,
  })
  const socket = terminal._socket
  closeOnExec(terminal.fd)

  let seen = 0
  let open = true
  terminal.onData((bytes) => {
    seen += bytes.length
    listeners.onData('out', bytes)
  })
  awaitTail(socket, () => seen)
  socket.once('close', () => {
    open = false
  })
  terminal.onExit(({ exitCode, signal }) => {
    open = false
    listeners.onExit(signal ? { code: null, signal: signalName(signal) } : { code: exitCode, signal: null })
  })
  return {
    pid: terminal.pid,
    pending: () => socket.writableLength,
    write(bytes) {
      if (open) socket.write(bytes)
      return open
    },
    // A terminal's input has no end; the person or the host types ^D.
    endInput() {},
    lineLimit: () => (open ? lineLimitOf(terminal.fd) : null),
    resize(cols, rows) {
      // After the close the descriptor's number may already be another terminal's.
      if (open) terminal.resize(cols, rows)
    },
  }
}

/**
 * node-pty destroys the stream 200 ms after the exit, read or not (unixTerminal.js, DESTROY_SOCKET_TIMEOUT_MS), and only
 * then says "exit". That call is its only destroy() without an error while the stream is live, so it is taken as "the
 * process is gone, and somebody still holds the terminal", and the tail is awaited instead.
 */
function awaitTail(socket: Socket, seen: () => number): void {
  const destroy = socket.destroy.bind(socket)
  let draining: { ended(): void } | null = null
  let over = false
  socket.once('end', () => {
    over = true
    draining?.ended()
  })
  socket.destroy = (error?: Error) => {
    if (error || over) return destroy(error)
    draining ??= drainAfterExit(seen, () => {
      over = true
      destroy()
    })
    return socket
  }
}
