// The only git of the tests, for repositories that they make themselves from the first byte: simple-git, asked and answered in one
// line, so that a test reads in the order in which things happen. It runs in a thread of its own while the test's waits. Never the
// code under test, and nothing of this machine's configuration (hermeticEnvironment).
import { join } from 'node:path'
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'

export interface GitQuestion {
  readonly directory: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly input?: string
}

export interface GitAnswer {
  /** null where git did not start, or was ended by a signal. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A git that says nothing for so long hangs. Milliseconds. */
const longestMs = 180_000

let ask: ((question: GitQuestion) => GitAnswer) | null = null

/** Runs git in a directory; for commands that may fail. */
export function tryGit(question: GitQuestion): GitAnswer {
  ask ??= startWorker()
  return ask(question)
}

/** Runs git in a directory: its stdout without the last newline. Throws what git said where it fails. */
export function ownGit(question: GitQuestion): string {
  const { code, stdout, stderr } = tryGit(question)
  if (code !== 0) throw new Error(`git ${question.args.join(' ')} ended with ${code}: ${stderr}`)
  return stdout.replace(/\n$/, '')
}

function startWorker(): (question: GitQuestion) => GitAnswer {
  const { port1, port2 } = new MessageChannel()
  const answered = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(join(import.meta.dirname, 'own-git-worker.ts'), {
    workerData: { port: port2, answered },
    transferList: [port2],
    execArgv: [],
  })
  worker.unref()
  port1.unref()
  return (question) => {
    Atomics.store(answered, 0, 0)
    port1.postMessage(question)
    if (Atomics.wait(answered, 0, 0, longestMs) === 'timed-out') throw new Error(`git ${question.args.join(' ')} hangs`)
    return receiveMessageOnPort(port1)!.message
  }
}
