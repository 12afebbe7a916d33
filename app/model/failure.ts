// What can go wrong, as a closed union of codes. A Failure is a value: it crosses process boundaries and is turned into
// words by contract/sentences. A bug is not a Failure; bugs throw and are caught once, in host/serve.
import { z } from 'zod'

export const FailureCode = z.enum([
  // the caller's input
  'bad-input',
  'not-found',
  'id-taken',
  'prompt-too-long',
  'wrong-phase',
  'unauthorised',
  // the repository
  'not-a-repository',
  'bare-repository',
  'no-commits',
  'repository-unavailable',
  'base-not-found',
  'branch-name-invalid',
  'branch-exists',
  'branch-checked-out',
  'worktree-exists',
  'worktree-missing',
  // git itself
  'git-missing',
  'git-too-old',
  'git-failed',
  'git-locked',
  'git-timeout',
  'state-unknown',
  // create
  'needs-approval',
  'copy-failed',
  'setup-failed',
  'install-failed',
  'agent-not-found',
  'start-failed',
  'cancelled',
  // sessions
  'not-running',
  'already-running',
  'stop-failed',
  'session-lost',
  // publish
  'no-remote',
  'nothing-to-push',
  'remote-surprise',
  'push-refused',
  'push-auth',
  'push-timeout',
  'pr-failed',
  // remove, restore, purge
  'consent-needed',
  'consent-stale',
  'would-lose',
  'in-use',
  'no-trash',
  'trash-missing',
  'restore-conflict',
  'not-ours',
  // the machine
  'permission-denied',
  'no-space',
  'low-disk',
  'read-only',
  'disk-error',
  'too-many-files',
  'unsupported',
  // host and store
  'host-unreachable',
  'host-starting',
  'keeper-unreachable',
  'protocol-mismatch',
  'connection-lost',
  'database-corrupt',
  'database-newer',
  'too-large',
  'timeout',
  'internal',
])
export type FailureCode = z.infer<typeof FailureCode>

/** The stages of a run's creation, in order. Each is shown with its progress and is undone when it fails or is cancelled. */
export const Stage = z.enum(['inspect', 'fetch', 'worktree', 'copy', 'setup', 'install', 'start'])
export type Stage = z.infer<typeof Stage>

export const Failure = z.object({
  code: FailureCode,
  stage: Stage.optional(),
  /** True where the same call may work later without a change by the person. */
  retryable: z.boolean(),
  /** The facts a sentence is made of: names, paths, counts, git's own last lines. Hostile text: shown as text, never as markup. */
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).optional(),
})
export type Failure = z.infer<typeof Failure>
export type FailureDetail = NonNullable<Failure['detail']>

/** An expected failure on its way up. Thrown inside a verb, caught once where the verb is called. */
export class CoppiceFailure extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(`${failure.code}${failure.detail?.message ? `: ${failure.detail.message}` : ''}`)
    this.name = 'CoppiceFailure'
    this.failure = failure
  }
}

/** Makes a CoppiceFailure: `throw fail('base-not-found', { base })`. `retryable` and `stage` go in the options. */
export function fail(
  code: FailureCode,
  detail?: FailureDetail,
  options: { readonly retryable?: boolean; readonly stage?: Stage } = {},
): CoppiceFailure {
  return new CoppiceFailure({
    code,
    retryable: options.retryable ?? false,
    ...(options.stage ? { stage: options.stage } : {}),
    ...(detail ? { detail } : {}),
  })
}

/** The Failure inside an error, or `internal` with its message: for the one place that catches. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CoppiceFailure) return error.failure
  const code = systemFailureCode(error)
  const message = error instanceof Error ? error.message : String(error)
  return { code: code ?? 'internal', retryable: false, detail: { message } }
}

/** Maps a Node system error (ENOSPC, EACCES …) to a code, or null where it is none of the machine's limits. */
export function systemFailureCode(error: unknown): FailureCode | null {
  const code = (error as { code?: unknown } | null)?.code
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'no-space'
    case 'EACCES':
    case 'EPERM':
      return 'permission-denied'
    case 'EROFS':
      return 'read-only'
    case 'EIO':
      return 'disk-error'
    case 'EMFILE':
    case 'ENFILE':
      return 'too-many-files'
    default:
      return null
  }
}

/** For the default branch of an exhaustive switch. */
export function assertNever(value: never): never {
  throw new Error(`Unexpected value: ${JSON.stringify(value)}`)
}
