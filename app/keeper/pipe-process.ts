// A child behind pipes, for agents that print one JSON object per line. stdout and stderr stay two streams, so that nothing mixes
// into the objects. It promises its own session and group for the child, that both streams are always drained, and that nothing of
// them is lost at the exit. (Node's pipes are socket pairs: on Linux a child cannot open /dev/stdout again.)
import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { SpawnSpec } from './frames.ts'
import { checkedProgram, drainAfterExit, type Listeners, type Running } from './running.ts'

/** Starts it; rejects with the system's error where it cannot. */
export async function startPipe(spec: SpawnSpec, listeners: Listeners): Promise<Running> {
  const child = spawn(checkedProgram(spec), spec.args, {
    cwd: spec.cwd,
    env: { PWD: spec.cwd, ...spec.env },
    detached: true,
    stdio: [spec.stdin === 'pipe' ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    windowsHide: true,
  })
  let seen = 0
  let open = 2
  let draining: { ended(): void } | null = null
  const drain = (stream: Readable, name: 'out' | 'err'): void => {
    stream.on('data', (bytes: Buffer) => {
      seen += bytes.length
      listeners.onData(name, bytes)
    })
    stream.on('error', () => {})
    stream.once('close', () => {
      if (--open === 0) draining?.ended()
    })
  }
  // Node makes no streams where it ran out of descriptors; the error is then on its way.
  if (child.stdout) drain(child.stdout, 'out')
  if (child.stderr) drain(child.stderr, 'err')
  // A child that closes its input early (EPIPE) says so by its exit, if it matters to it.
  child.stdin?.on('error', () => {})
  child.once('exit', (code, signal) => {
    draining = drainAfterExit(
      () => seen,
      () => {
        for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy()
        listeners.onExit({ code, signal })
      },
    )
    if (open === 0) draining.ended()
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.on('error', reject)
  })
  return {
    pid: child.pid!,
    pending: () => child.stdin?.writableLength ?? 0,
    write(bytes) {
      if (!child.stdin?.writable) return false
      child.stdin.write(bytes)
      return true
    },
    endInput: () => child.stdin?.end(),
    lineLimit: () => null,
    resize() {},
  }
}
