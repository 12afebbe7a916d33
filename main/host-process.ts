// Finds the host or starts it, and opens channels to it. The host is a separate process that outlives the window (decision 0001).
// The CLI starts it on the pinned Node, in a session of its own, and the same command finds it again. This file must not know what
// is said on the channels.
import { spawn } from 'node:child_process'
import { z } from 'zod'
import type { Channel } from '../app/contract/channel.ts'
import { failureOf } from '../app/model/failure.ts'
import { connectSocket } from '../app/socket/connect.ts'

const Started = z.object({ socket: z.string().min(1).max(1024), pid: z.number() })
const Refused = z.object({ error: z.object({ message: z.string(), next: z.string().optional() }) })

/** A cold start is under a second; a journal of years on a slow disk is given this long before a person is told. */
const startTimeoutMs = 30_000

export interface HostProcess {
  /** Looks for the host, or starts it, ahead of the first `open`: while the page loads. What fails is said by `open`. */
  prepare(): void
  /** A fresh connection to the host, which is started if none runs. Rejects with an Error whose message is for a person. */
  open(): Promise<Channel>
}

/** The way to the host that `cli` starts on `node`. Nothing is started before the first `open` or `prepare`. */
export function hostProcess(options: {
  readonly node: string
  readonly cli: string
  readonly env: NodeJS.ProcessEnv
}): HostProcess {
  let socketPath: string | null = null
  let starting: Promise<string> | null = null
  // Several views that lost the host at once ask for one start.
  const startOnce = (): Promise<string> => {
    starting ??= start(options).finally(() => {
      starting = null
    })
    return starting
  }

  return {
    prepare() {
      startOnce().then(
        (path) => {
          socketPath = path
        },
        () => {},
      )
    },
    async open() {
      if (socketPath !== null) {
        try {
          return await connectSocket(socketPath)
        } catch {
          // It has ended since: the next one may listen elsewhere.
          socketPath = null
        }
      }
      socketPath = await startOnce()
      try {
        return await connectSocket(socketPath)
      } catch (error) {
        const { code, detail } = failureOf(error)
        throw new Error(`The host was started but cannot be reached: ${detail?.message ?? code}`)
      }
    },
  }
}

/** Runs `coppice host start --json`, which says where the host listens, whether it ran already or not. */
function start({ node, cli, env }: { node: string; cli: string; env: NodeJS.ProcessEnv }): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, [...closeInherited(), cli, 'host', 'start', '--json'], {
      env: hostEnvironment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    })
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`The host did not start within ${startTimeoutMs / 1000} s.`))
    }, startTimeoutMs)
    const output = collect(child.stdout)
    const errors = collect(child.stderr)
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(new Error(`The host could not be started: ${error.message}`))
    })
    // `exit`, not `close`: a host that kept hold of our pipe must not keep the window waiting.
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      setImmediate(() => {
        const answer = lastJson(output())
        const started = Started.safeParse(answer)
        if (code === 0 && started.success) return resolve(started.data.socket)
        const refused = Refused.safeParse(answer ?? lastJson(errors()))
        if (refused.success) {
          const { message, next } = refused.data.error
          return reject(new Error(next ? `${message} ${next}` : message))
        }
        const said = errors().trim().split('\n').slice(-3).join(' ')
        reject(new Error(`The host did not start (${signal ?? `exit ${code}`}). ${said}`.trim()))
      })
    })
  })
}

/**
 * Chromium leaves most of its descriptors inheritable on Linux (it closes them itself when it starts something; libuv does not):
 * sockets to its own children, the display, shared memory. A host that kept them would keep Electron's renderer and GPU process
 * alive after the window's process was killed, and hand them on. So the starter closes what it was given: everything past the
 * standard three that lacks O_CLOEXEC, which Node sets on all that it opens itself.
 */
function closeInherited(): string[] {
  if (process.platform !== 'linux') return []
  const code = `import { closeSync, readdirSync, readFileSync } from 'node:fs'
for (const fd of readdirSync('/proc/self/fd').map(Number).filter((fd) => fd > 2)) {
  try {
    const flags = /flags:\\s+(\\d+)/.exec(readFileSync('/proc/self/fdinfo/' + fd, 'utf8'))
    if (flags && (parseInt(flags[1], 8) & 0o2000000) === 0) closeSync(fd)
  } catch {}
}`
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`]
}

/** Without what Electron and its starter put into the environment for their own sake: the agents' programs must not inherit it. */
function hostEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const {
    ELECTRON_RUN_AS_NODE: _node,
    ELECTRON_NO_ATTACH_CONSOLE: _console,
    CHROME_DESKTOP: _desktop,
    ORIGINAL_XDG_CURRENT_DESKTOP: _original,
    NODE_OPTIONS: _options,
    COPPICE_STARTER: _starter,
    ...rest
  } = env
  return rest
}

/** Reads at most 64 KiB: an answer is one line. */
function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    text = (text + chunk).slice(-65_536)
  })
  return () => text
}

/** The whole text as JSON, or else its last line; undefined where neither is. */
function lastJson(text: string): unknown {
  for (const candidate of [text, text.trim().split('\n').at(-1) ?? '']) {
    try {
      return JSON.parse(candidate)
    } catch {
      // The next one, or none.
    }
  }
  return undefined
}
