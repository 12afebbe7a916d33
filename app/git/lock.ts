// Who may write to a repository's shared metadata, and when. One writer at a time per common git directory for add, fetch,
// branch deletion and removal (50 at once failed in 1 of 4 trials without, in 0 of 720 with it), at most as many checkouts as
// cores, and three retries on what git itself calls a lock. It must not know what is done under the lock.
import { availableParallelism } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import limit, { type LimitFunction } from 'p-limit'
import { CoppiceFailure, fail } from '../model/failure.ts'

interface Options {
  readonly signal?: AbortSignal | undefined
}

const writers = new Map<string, LimitFunction>()
const checkouts = limit(availableParallelism())

/**
 * Runs `work` as the only writer of the repository whose common directory (a real path) is given. Not re-entrant.
 * Throws `cancelled` where the signal is given while waiting.
 */
export function withRepositoryLock<T>(commonDir: string, work: () => Promise<T>, options: Options = {}): Promise<T> {
  const queue = writers.get(commonDir) ?? limit(1)
  writers.set(commonDir, queue)
  return queue(() => unlessCancelled(work, options.signal))
}

/** Runs a checkout, at most as many at once as there are cores: more only makes each of them later. */
export function withCheckoutSlot<T>(work: () => Promise<T>, options: Options = {}): Promise<T> {
  return checkouts(() => unlessCancelled(work, options.signal))
}

// Locks are held for milliseconds; together under a second, so that a lock nobody will ever drop is reported soon.
const pausesMs = [40, 160, 500]

/** Tries again, at most three times, where git met a lock or a sibling's half-written file. Every other failure passes at once. */
export async function withRetry<T>(work: () => Promise<T>, options: Options = {}): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const pause = pausesMs[attempt]
      if (pause === undefined || !(error instanceof CoppiceFailure) || error.failure.code !== 'git-locked') throw error
      // The random part keeps two that collided from colliding again.
      await wait(pause * (0.5 + Math.random()), undefined, { signal: options.signal }).catch(() => {
        throw fail('cancelled')
      })
    }
  }
}

async function unlessCancelled<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal?.aborted) throw fail('cancelled')
  return await work()
}
