// Asks the measuring thread how large a worktree is. One thread serves all, one tree at a time. It starts with the first question,
// and does not keep the process alive.
import { Worker } from 'node:worker_threads'
import type { SizeAnswer, SizeRequest } from './size-worker.ts'

let worker: Worker | null = null
let nextId = 1
const waiting = new Map<number, (answer: SizeAnswer) => void>()

/** Measures a tree. A thread that died answers null (unknown), never zero, and is started again by the next question. */
export function measure(path: string): Promise<SizeAnswer> {
  const id = nextId++
  return new Promise((resolve) => {
    waiting.set(id, resolve)
    const request: SizeRequest = { id, path }
    running().postMessage(request)
  })
}

/** Ends the measuring thread; questions under way are answered with null. */
export async function stopMeasuring(): Promise<void> {
  await worker?.terminate()
}

function running(): Worker {
  if (worker) return worker
  // Beside this module: TypeScript in a checkout, a bundle of its own beside the host's.
  const file = import.meta.url.endsWith('.ts') ? './size-worker.ts' : './size-worker.mjs'
  const started = new Worker(new URL(file, import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: 512 } })
  started.unref()
  started.on('message', (answer: SizeAnswer) => {
    waiting.get(answer.id)?.(answer)
    waiting.delete(answer.id)
  })
  const lost = (why: string) => {
    if (worker === started) worker = null
    for (const [id, resolve] of waiting) {
      resolve({ id, sizeBytes: null, reclaimableBytes: null, files: 0, unreadable: 0, why })
    }
    waiting.clear()
  }
  started.on('error', (error) => lost(String(error)))
  started.on('exit', () => lost('the measuring thread ended'))
  worker = started
  return started
}

/** The bytes of several trees together; null where one of them is unknown. */
export async function measureAll(paths: readonly string[]): Promise<number | null> {
  const sizes = await Promise.all(paths.map(async (path) => (await measure(path)).sizeBytes))
  return sizes.reduce<number | null>((sum, size) => (sum === null || size === null ? null : sum + size), 0)
}
