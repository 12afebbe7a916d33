// Compares what a run's scope names, and remembers the answer for what is asked about it next. Reads only.
import { createHash } from 'node:crypto'
import { compare } from '../../git/diff/compare.ts'
import { attributesOf } from '../../git/diff/generated.ts'
import type { ParsedFile } from '../../git/diff/parse.ts'
import { baseTips, emptyTree, mergeBaseOf } from '../../git/diff/range.ts'
import { type WorktreeFacts, worktreeFacts } from '../../git/diff/worktree-facts.ts'
import { git, gitText } from '../../git/exec.ts'
import { isOfWorktree, maxChangedFiles, type Scope } from '../../model/diff.ts'
import { fail } from '../../model/failure.ts'
import type { Context } from '../context.ts'
import type { Compared } from './comparisons.ts'
import { baseCommitOf, type Place, placeOfReview } from './place.ts'

export interface Asked {
  readonly runId: string
  readonly scope: Scope
  readonly ignoreWhitespace: boolean
}

export interface Range {
  readonly from: string
  readonly to: string | null
  readonly head: string | null
  /** Only for the worktree. */
  readonly facts: WorktreeFacts | null
}

/** Compares now. Four git processes for the base, two for anything else, and one more where there are untracked files. */
export async function compareRun(
  context: Context,
  asked: Asked,
  signal?: AbortSignal,
): Promise<{ place: Place; range: Range; compared: Compared }> {
  const place = await placeOfReview(context, asked.runId)
  const range = await rangeOf(place, asked.scope, signal)
  const untracked = (range.facts?.untracked ?? []).slice(0, maxChangedFiles)
  const { files, whole } = await compare(place.git, place.checkout, {
    from: range.from,
    to: range.to,
    untracked,
    ignoreWhitespace: asked.ignoreWhitespace,
    signal,
  })
  // Where space does not count, git lists a file whose lines are the same and prints no patch for it.
  const shown = asked.ignoreWhitespace && whole ? files.filter(({ patched }) => patched) : files
  const compared: Compared = {
    from: range.from,
    to: range.to,
    head: range.head,
    files: shown,
    attributes: await attributesOf(
      place.git,
      place.checkout,
      shown.map(({ path }) => path),
      { signal },
    ),
    untracked: new Set(untracked.map((path) => path.toString('latin1'))),
    signature: signatureOf(shown),
    whole: whole && untracked.length === (range.facts?.untracked.length ?? 0),
  }
  context.comparisons.set(asked.runId, asked.scope, asked.ignoreWhitespace, compared)
  return { place, range, compared }
}

/** The comparison that a person is looking at, or a new one. */
export async function comparedBefore(context: Context, asked: Asked, signal?: AbortSignal): Promise<Compared> {
  return (
    context.comparisons.get(asked.runId, asked.scope, asked.ignoreWhitespace) ??
    (await compareRun(context, asked, signal)).compared
  )
}

/** The two sides of a scope. Throws `base-not-found` for a commit or a tree that the repository does not have. */
export async function rangeOf(place: Place, scope: Scope, signal?: AbortSignal): Promise<Range> {
  const { run, git: context, checkout } = place
  if (!isOfWorktree(scope)) return { ...(await sidesOf(place, scope, signal)), head: null, facts: null }
  const [facts, tips] = await Promise.all([
    worktreeFacts(context, checkout, { signal }),
    scope.kind === 'base'
      ? baseTips(context, checkout, { commit: baseCommitOf(run), ref: run.resolvedBase })
      : Promise.resolve([]),
  ])
  const length = (facts.head ?? run.baseCommit ?? '').length
  const from =
    scope.kind === 'uncommitted'
      ? (facts.head ?? emptyTree(length))
      : facts.head === null
        ? baseCommitOf(run)
        : // A history that shares nothing with the base is compared with where the run began.
          ((await mergeBaseOf(context, checkout, facts.head, tips)) ?? baseCommitOf(run))
  return { from, to: null, head: facts.head, facts }
}

async function sidesOf(place: Place, scope: Scope, signal?: AbortSignal): Promise<{ from: string; to: string }> {
  const { git: context, checkout } = place
  const names = scope.kind === 'commit' ? [scope.sha] : scope.kind === 'trees' ? [scope.from, scope.to] : []
  const format = '--batch-check=%(objectname) %(objecttype)'
  const text = await gitText(context, checkout.worktree, ['cat-file', format], {
    checkout,
    input: names.map((name) => `${name}\n`).join(''),
    signal,
  })
  const wanted = scope.kind === 'commit' ? / commit$/ : / (commit|tree)$/
  for (const [index, line] of text.split('\n').entries())
    if (!wanted.test(line)) throw fail('base-not-found', { base: names[index] ?? '' })
  if (scope.kind === 'trees') return { from: scope.from, to: scope.to }
  const parents = await git(context, checkout.worktree, ['rev-list', '--parents', '--max-count=1'], {
    checkout,
    revisions: [names[0]!],
    signal,
  })
  const [, first] = parents.stdout.toString('utf8').trim().split(' ')
  return { from: first ?? emptyTree(names[0]!.length), to: names[0]! }
}

/** By content: a commit of what was there already changes nothing of it. */
function signatureOf(files: readonly ParsedFile[]): string {
  const hash = createHash('sha256')
  for (const file of files) {
    const facts = [
      file.letter,
      file.oldMode,
      file.newMode,
      file.oldId,
      file.newId,
      file.hunks.map((one) => one.changes),
    ]
    hash
      .update(file.path)
      .update(file.oldPath ?? '')
      .update(JSON.stringify(facts))
  }
  return hash.digest('hex').slice(0, 32)
}
