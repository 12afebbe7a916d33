// Compares two commits, or a commit with the worktree as it is now (staged, unstaged and untracked files alike), in git's own words.
// It promises that no program of the repository runs, that its configuration does not change what is shown, and that the index, HEAD
// and the stash stay as they are: the worktree is read through a copy of its index.

import { maxComparedBytes } from '../../model/diff.ts'
import { CoppiceFailure } from '../../model/failure.ts'
import { type GitContext, git } from '../exec.ts'
import type { Checkout } from '../worktree/checkout.ts'
import { diffParser, type ParsedFile } from './parse.ts'
import { pathspecOf } from './quote.ts'
import { withTemporaryIndex } from './temporary-index.ts'

export interface CompareOptions {
  /** Full object ids. `to` null: the worktree. */
  readonly from: string
  readonly to: string | null
  /** Untracked files that belong to the worktree's side. */
  readonly untracked?: readonly Buffer[]
  /** Only these; none: everything. A rename needs both its names. */
  readonly paths?: readonly Buffer[]
  readonly ignoreWhitespace?: boolean
  /** Lines around a change. Default 3. */
  readonly context?: number
  /** Bytes of each file's patch that are kept. Default 0. */
  readonly maxPatchBytes?: number
  /** Bytes that git may print before it is ended, and the rest is not counted. */
  readonly maxBytes?: number
  readonly signal?: AbortSignal | undefined
}

export interface Comparison {
  readonly files: readonly ParsedFile[]
  /** False where git was ended early: of the last files only names are known. */
  readonly whole: boolean
}

/** Bytes of patches that are read for the counts of one comparison: two seconds of git. */
const maxBytesRead = 256 * 1024 * 1024

// What the configuration of a repository could change, said on the command line; what it can start is off (hardening.ts).
const fixedOptions = [
  '--raw',
  '--patch',
  '-z',
  '--no-abbrev',
  '--full-index',
  '--src-prefix=a/',
  '--dst-prefix=b/',
  '--no-color',
  '--no-relative',
  '--submodule=short',
  '--ignore-submodules=dirty',
  '--inter-hunk-context=0',
  '--diff-algorithm=myers',
  '--indent-heuristic',
  '--find-renames',
  '-l1000',
  '-O/dev/null',
]
const fixedConfig = [
  ['core.bigFileThreshold', String(maxComparedBytes)],
  ['diff.suppressBlankEmpty', 'false'],
  ['diff.autoRefreshIndex', 'true'],
  ['core.splitIndex', 'false'],
] as const

/** Every file that differs, with its hunks. One git process, two where there are untracked files. */
export async function compare(context: GitContext, checkout: Checkout, options: CompareOptions): Promise<Comparison> {
  const { from, to, untracked = [], paths = [], maxBytes = maxBytesRead } = options
  const parser = diffParser({ maxPatchBytes: options.maxPatchBytes ?? 0 })
  const enough = new AbortController()
  let bytes = 0
  let failed: unknown
  const run = (variables: Readonly<Record<string, string>>) =>
    git(
      context,
      checkout.worktree,
      [
        'diff',
        ...fixedOptions,
        `--unified=${options.context ?? 3}`,
        ...(options.ignoreWhitespace ? ['--ignore-all-space'] : []),
      ],
      {
        checkout,
        revisions: to === null ? [from] : [from, to],
        paths: paths.map(pathspecOf),
        variables,
        config: fixedConfig,
        signal: options.signal ? AbortSignal.any([options.signal, enough.signal]) : enough.signal,
        maxStdoutBytes: 0,
        onStdout(chunk) {
          bytes += chunk.length
          if (enough.signal.aborted) return
          try {
            parser.add(chunk)
          } catch (error) {
            failed = error
            enough.abort()
          }
          if (bytes > maxBytes) enough.abort()
        },
      },
    )
  try {
    if (to !== null) await run({})
    else
      await withTemporaryIndex(context, checkout, { untracked, objectLength: from.length, signal: options.signal }, run)
  } catch (error) {
    if (failed) throw failed
    const early = enough.signal.aborted && !options.signal?.aborted
    if (!early || !(error instanceof CoppiceFailure) || error.failure.code !== 'cancelled') throw error
    return { files: parser.end(false), whole: false }
  }
  if (failed) throw failed
  return { files: parser.end(true), whole: true }
}
