import { describe, expect, it } from 'vitest'
import { sentenceOf } from '../contract/sentences.ts'
import { type Keeper, KeeperError, type KeeperErrorCode } from '../keeper/client.ts'
import { CoppiceFailure } from '../model/failure.ts'
import { keeperFailure, withFailures } from './keeper-failure.ts'

const failureOf = (code: KeeperErrorCode, errno?: string) => {
  const found = keeperFailure(new KeeperError(code, 'as the keeper said', errno), '/home/ada/data')
  return found instanceof CoppiceFailure ? found.failure : null
}

describe('what the keeper says', () => {
  it.each(['unreachable', 'start-failed', 'closed', 'timeout', 'protocol'] as const)('%s is no bug of ours', (code) => {
    const failure = failureOf(code)
    expect(failure).toMatchObject({ code: 'keeper-unreachable', detail: { log: '/home/ada/data/logs/keeper.log' } })
    const { message, next } = sentenceOf(failure!)
    expect(message).toContain('is not available: as the keeper said.')
    expect(next).toMatch(
      code === 'protocol' ? /Stop its agents with the version of Coppice that started it/ : /keeper\.log/,
    )
  })

  it.each([
    ['ENOENT', 'start-failed'],
    ['EACCES', 'start-failed'],
    ['E2BIG', 'start-failed'],
    ['EMFILE', 'too-many-files'],
    ['ENOSPC', 'no-space'],
  ])('spawn-failed by %s is %s', (errno, code) => {
    expect(failureOf('spawn-failed', errno)).toMatchObject({ code, detail: { message: 'as the keeper said' } })
  })

  it('that only a bug can cause stays one', () => {
    for (const code of ['bad-input', 'exists', 'not-found', 'internal'] as const) expect(failureOf(code)).toBeNull()
    const other = new TypeError('x')
    expect(keeperFailure(other, '/')).toBe(other)
  })

  it('reaches whoever waits for it', async () => {
    const lost = () => Promise.reject(new KeeperError('closed', 'gone'))
    const keeper = withFailures(
      { pid: 7, spawn: lost, list: lost, forget: lost, stop: lost } as unknown as Keeper,
      '/d',
    )
    expect(keeper.pid).toBe(7)
    for (const ask of [() => keeper.list(), () => keeper.forget('x'), () => keeper.stop()]) {
      await expect(ask()).rejects.toMatchObject({ failure: { code: 'keeper-unreachable' } })
    }
  })
})
