// What can go wrong, as a closed union of codes. A Failure is a value: it crosses process boundaries and is turned into
// words by contract/sentences. A bug is not a Failure; bugs throw and are caught once, in host/serve.
import { z } from 'zod'
import { type DetailOf, type FailureCode, type FailureDetail, failureDetails, readDetail } from './failure-detail.ts'

export type { DetailOf, FailureCode, FailureDetail } from './failure-detail.ts'
export const failureCodes = Object.keys(failureDetails) as FailureCode[]
const isFailureCode = (code: string): code is FailureCode => Object.hasOwn(failureDetails, code)

/** The stages of a run's creation, in order. Each is shown with its progress and is undone when it fails or is cancelled. */
export const Stage = z.enum(['inspect', 'fetch', 'worktree', 'copy', 'setup', 'install', 'start'])
export type Stage = z.infer<typeof Stage>

export interface Failure {
  readonly code: FailureCode
  readonly stage?: Stage | undefined
  /** True where the same call may work later without a change by the person. */
  readonly retryable: boolean
  /** The facts a sentence is made of: names, paths, counts, git's own last lines. Hostile text: shown as text, never as markup. */
  readonly detail?: FailureDetail | undefined
}

/** Reads a failure as far as this build understands it: a code or a detail of another version never makes it unreadable. */
export const Failure = z
  .object({
    code: z.string(),
    stage: Stage.optional().catch(undefined),
    retryable: z.boolean(),
    detail: z.unknown().optional(),
  })
  .transform(({ code, stage, retryable, detail }): Failure => {
    const known = isFailureCode(code)
    const read = detail === undefined ? undefined : readDetail(detail)
    return {
      code: known ? code : 'unknown',
      ...(stage === undefined ? {} : { stage }),
      retryable,
      ...(known ? (read === undefined ? {} : { detail: read }) : { detail: { ...read, code } }),
    }
  })

/** An expected failure on its way up. Thrown inside a verb, caught once where the verb is called. */
export class CoppiceFailure extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(`${failure.code}${failure.detail?.message ? `: ${failure.detail.message}` : ''}`)
    this.name = 'CoppiceFailure'
    this.failure = failure
  }
}

/**
 * Makes a CoppiceFailure: `throw fail('base-not-found', { base })`. What a detail may hold is said for each code in
 * `failure-detail`, and the compiler holds it. `retryable` and `stage` go in the options.
 */
export function fail<C extends FailureCode>(
  code: C,
  detail?: DetailOf<C>,
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
