// What a keeper refuses and what its client cannot reach, as a closed set of codes.

export type KeeperErrorCode =
  /** No keeper answers. */
  | 'unreachable'
  /** A keeper could not be started; the message ends with its last words. */
  | 'start-failed'
  /** The keeper speaks no version that this client speaks. */
  | 'protocol'
  /** The connection is gone: the keeper has ended or was killed. */
  | 'closed'
  /** The keeper is connected and has not answered for 30 s. */
  | 'timeout'
  | 'bad-input'
  | 'not-found'
  | 'exists'
  /** The session has ended. */
  | 'not-running'
  /** `errno` says why: ENOENT, EACCES, E2BIG, EMFILE … */
  | 'spawn-failed'
  /** The child does not read its input, and 16 MiB of it wait already. */
  | 'input-full'
  /** Sessions live: to be stopped first. */
  | 'busy'
  | 'internal'

export class KeeperError extends Error {
  override readonly name = 'KeeperError'
  readonly code: KeeperErrorCode
  readonly errno: string | undefined

  constructor(code: KeeperErrorCode, message: string, errno?: string) {
    super(message)
    this.code = code
    this.errno = errno
  }
}
