// How a verb of the CLI fails: with a Failure from the host, or with its own words. Either becomes `{code, message, next}`, with
// the next step in the CLI's own verbs. It must not know what is printed where.
import { sentenceOf } from '../contract/sentences.ts'
import { CoppiceFailure, type Failure, type FailureCode, failureOf } from '../model/failure.ts'
import { plainText } from '../model/text/text.ts'

export interface Ending {
  readonly code: FailureCode
  readonly message: string
  readonly next: string
}

/** A verb's own refusal. `usage` ends with exit code 2, the others with 1. */
export class CliError extends Error {
  readonly ending: Ending
  readonly usage: boolean
  constructor(ending: Ending, options: { readonly usage?: boolean } = {}) {
    super(ending.message)
    this.name = 'CliError'
    this.ending = ending
    this.usage = options.usage ?? false
  }
}

/** Wrong usage: exit code 2. */
export function usageError(message: string, next = 'Run "coppice --help"'): CliError {
  return new CliError({ code: 'bad-input', message, next }, { usage: true })
}

/** Left by Ctrl-C: what was asked for goes on. Exit code 130, as shells have it (128 + SIGINT). */
export class Interrupted extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Interrupted'
  }
}

/** What any error says to a person. `runId` fills the next step where the failure names no run. */
export function endingOf(error: unknown, runId?: string): Ending {
  if (error instanceof CliError) return error.ending
  const thrown = failureOf(error)
  // A verb of the host's knows which run it was asked about, and does not always say it again.
  const failure = runId === undefined ? thrown : { ...thrown, detail: { id: runId, ...thrown.detail } }
  const sentence = sentenceOf(failure)
  return { code: failure.code, message: sentence.message, next: nextInCli(failure, runId) ?? sentence.next }
}

/** True for a failure of this code, thrown by a call. */
export function isFailure(error: unknown, code: FailureCode): error is CoppiceFailure {
  return error instanceof CoppiceFailure && error.failure.code === code
}

function nextInCli(failure: Failure, runId: string | undefined): string | null {
  const { id: named, what, phase } = failure.detail ?? {}
  const id = runId ?? (typeof named === 'string' ? named : 'ID')
  const notYet =
    phase === 'queued' || phase === 'preparing' || phase === 'starting'
      ? `Run "coppice stop ${id}" to cancel it, or wait until it has started`
      : null
  switch (failure.code) {
    case 'not-found':
      if (what === 'approval') return 'Run "coppice approvals" to see what is waiting for an answer'
      if (what === 'file') return 'Check the path, then try again'
      return what === undefined || what === 'run' ? 'Run "coppice list --all" to see the runs' : null
    case 'host-unreachable':
      return failure.detail?.log === undefined ? 'Run "coppice host start" to start one' : null
    case 'needs-approval':
      return 'Read what it asks for with "coppice approvals", then run "coppice allow ID" or "coppice deny ID"'
    case 'not-running':
      if (failure.detail?.mode === 'headless')
        return `Run "coppice stop ${id}" or wait until it ends, then "coppice resume ${id} --prompt TEXT"`
      if (notYet) return notYet
      return `Run "coppice resume ${id}" first`
    case 'already-running':
      return `Run "coppice attach ${id}" to type into it, or "coppice stop ${id}" first`
    case 'session-lost':
      return `Run "coppice resume ${id}"`
    case 'wrong-phase':
      return phase === 'running'
        ? `Run "coppice stop ${id}" first`
        : phase === 'removed'
          ? `Run "coppice restore ${id}" first`
          : notYet
    case 'stop-failed':
      return `Run "coppice stop ${id}" again, or end those processes by hand`
    case 'no-remote':
      return 'Add one with "git remote add origin ADDRESS", then run "coppice add PATH" to accept it'
    case 'remote-surprise': {
      const { reason, path } = failure.detail ?? {}
      if (reason !== 'not-agreed') return null
      return `If that address is right, run "coppice add ${typeof path === 'string' ? plainText(path, 1000) : 'PATH'}" to accept it`
    }
    case 'worktree-missing':
      return `Run "coppice resume ${id}" to create the worktree again, or put the folder back`
    default:
      return null
  }
}
