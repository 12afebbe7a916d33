import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { fail } from '../model/failure.ts'
import { withCheckoutSlot, withRepositoryLock, withRetry } from './lock.ts'

const failing = (code: string) => expect.objectContaining({ failure: expect.objectContaining({ code }) })

describe('withRepositoryLock', () => {
  it('lets one in at a time, in order, each repository by itself, and survives a failure', async () => {
    let inside = 0
    let most = 0
    const order: number[] = []
    const work = (n: number) => async () => {
      most = Math.max(most, ++inside)
      await wait(1)
      order.push(n)
      inside--
      if (n === 2) throw fail('git-failed')
      return n
    }
    const results = await Promise.allSettled([1, 2, 3, 4].map((n) => withRepositoryLock('/a', work(n))))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect([most, order]).toEqual([1, [1, 2, 3, 4]])
    const other = withRepositoryLock('/b', async () => 'at once')
    expect(await withRepositoryLock('/a', () => other)).toBe('at once')
  })

  it('does not start what was cancelled while it waited', async () => {
    const controller = new AbortController()
    let ran = false
    const first = withRepositoryLock('/c', () => wait(10))
    const second = withRepositoryLock(
      '/c',
      async () => {
        ran = true
      },
      { signal: controller.signal },
    )
    controller.abort()
    await expect(second).rejects.toEqual(failing('cancelled'))
    await first
    expect(ran).toBe(false)
    await expect(withCheckoutSlot(async () => 1, { signal: controller.signal })).rejects.toEqual(failing('cancelled'))
  })
})

describe('withRetry', () => {
  const failingTimes = (times: number, code: 'git-locked' | 'git-failed') => {
    let calls = 0
    return { calls: () => calls, work: async () => (++calls <= times ? Promise.reject(fail(code)) : 'done') }
  }
  it('tries three times more on a lock, and not at all on anything else', async () => {
    const soon = failingTimes(2, 'git-locked')
    expect(await withRetry(soon.work)).toBe('done')
    const never = failingTimes(9, 'git-locked')
    await expect(withRetry(never.work)).rejects.toEqual(failing('git-locked'))
    expect(never.calls()).toBe(4)
    const other = failingTimes(1, 'git-failed')
    await expect(withRetry(other.work)).rejects.toEqual(failing('git-failed'))
    expect(other.calls()).toBe(1)
  })
  it('stops waiting when cancelled', async () => {
    const never = failingTimes(9, 'git-locked')
    await expect(withRetry(never.work, { signal: AbortSignal.abort() })).rejects.toEqual(failing('cancelled'))
    expect(never.calls()).toBe(1)
  })
})
