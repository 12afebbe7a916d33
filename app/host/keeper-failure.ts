// Turns what the keeper refuses, or a keeper that is not available, into failures of the contract. Without this a person would be
// told of a bug. It knows codes, not what was asked.
import { join } from 'node:path'
import { type Keeper, KeeperError } from '../keeper/client.ts'
import { fail, systemFailureCode } from '../model/failure.ts'

/** The failure behind a KeeperError; any other error, and what only a bug of ours can cause, as it came. */
export function keeperFailure(error: unknown, dataDirectory: string): unknown {
  if (!(error instanceof KeeperError)) return error
  const { code, errno, message } = error
  const log = join(dataDirectory, 'logs', 'keeper.log')
  switch (code) {
    case 'unreachable':
    case 'start-failed':
    case 'closed':
    case 'timeout':
      return fail('keeper-unreachable', { message, log }, { retryable: true })
    case 'protocol':
      return fail('keeper-unreachable', { message, log, reason: 'protocol' })
    case 'spawn-failed': {
      const machine = systemFailureCode({ code: errno })
      // What may not be executed is the program's matter and none of the machine's limits.
      return fail(
        machine && machine !== 'permission-denied' ? machine : 'start-failed',
        { message },
        { retryable: true },
      )
    }
    default:
      return error
  }
}

/** The same keeper, whose answers that somebody waits for fail as the contract has it. */
export function withFailures(keeper: Keeper, dataDirectory: string): Keeper {
  const said = <A extends unknown[], R>(ask: (...given: A) => Promise<R>) => {
    return async (...given: A): Promise<R> => {
      try {
        return await ask(...given)
      } catch (error) {
        throw keeperFailure(error, dataDirectory)
      }
    }
  }
  return {
    ...keeper,
    spawn: said(keeper.spawn),
    list: said(keeper.list),
    forget: said(keeper.forget),
    stop: said(keeper.stop),
  }
}
