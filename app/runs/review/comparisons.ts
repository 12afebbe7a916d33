// The latest comparisons of every run, for what is asked about a list that a person is looking at: the patch of a file in it, a mark on
// one of its hunks. It is an owner: the host keeps one. What it has forgotten is compared again.

import type { Attributes } from '../../git/diff/generated.ts'
import type { ParsedFile } from '../../git/diff/parse.ts'
import type { Scope } from '../../model/diff.ts'

export interface Compared {
  /** The older side, and the newer one (null: the worktree). */
  readonly from: string
  readonly to: string | null
  readonly head: string | null
  readonly files: readonly ParsedFile[]
  readonly attributes: ReadonlyMap<string, Attributes>
  /** By path as latin1, as in WorktreeFacts. */
  readonly untracked: ReadonlySet<string>
  readonly signature: string
  readonly whole: boolean
}

export interface Comparisons {
  get(runId: string, scope: Scope, ignoreWhitespace: boolean): Compared | undefined
  set(runId: string, scope: Scope, ignoreWhitespace: boolean, compared: Compared): void
}

/** How many are kept: a few megabytes at most. */
const mostKept = 16

/** Keeps none yet. */
export function createComparisons(): Comparisons {
  const kept = new Map<string, Compared>()
  const keyOf = (runId: string, scope: Scope, ignoreWhitespace: boolean) =>
    JSON.stringify([runId, scope, ignoreWhitespace])
  return {
    get: (...of) => kept.get(keyOf(...of)),
    set(runId, scope, ignoreWhitespace, compared) {
      const key = keyOf(runId, scope, ignoreWhitespace)
      kept.delete(key)
      kept.set(key, compared)
      for (const oldest of kept.keys()) {
        if (kept.size <= mostKept) break
        kept.delete(oldest)
      }
    },
  }
}
