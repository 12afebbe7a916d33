// review.commits: the commits of a run, the newest first. Reads only.
import type { CommandOutput } from '../../contract/commands/index.ts'
import { baseTips, mergeBaseOf } from '../../git/diff/range.ts'
import { git } from '../../git/exec.ts'
import { fail } from '../../model/failure.ts'
import type { Context } from '../context.ts'
import { baseCommitOf, placeOfReview } from './place.ts'

/** More than anybody reads. */
const mostCommits = 1_000

/**
 * What HEAD has beyond its base, along first parents. A merge whose other side is in the base says so. Three git processes. Empty
 * where HEAD has no commit.
 */
export async function readCommits(
  context: Context,
  { runId }: { readonly runId: string },
  signal?: AbortSignal,
): Promise<CommandOutput<'review.commits'>> {
  const { run, git: gits, checkout } = await placeOfReview(context, runId)
  const tips = await baseTips(gits, checkout, { commit: baseCommitOf(run), ref: run.resolvedBase })
  const base = await mergeBaseOf(gits, checkout, 'HEAD', tips)
  const fields = ['%H', '%P', '%ct', '%an', '%s'].join('%x00')
  const { stdout } = await git(
    gits,
    checkout.worktree,
    [
      'log',
      '--first-parent',
      '--diff-merges=off',
      '--raw',
      '--no-abbrev',
      '--no-renames',
      '-z',
      `--format=${fields}`,
      `--max-count=${mostCommits + 1}`,
    ],
    { checkout, revisions: ['HEAD', ...(base === null ? tips : [base]).map((tip) => `^${tip}`)], signal },
  )
  const all = parseLog(stdout.toString('utf8'))
  const merges = all.filter(({ parents }) => parents.length > 1)
  const fromBase = new Set<string>()
  for (const merge of merges) {
    // What a merge brought in is in the base where the base's tips reach all of its other sides.
    const rest = await git(gits, checkout.worktree, ['rev-list', '--max-count=1'], {
      checkout,
      revisions: [...merge.parents.slice(1), ...tips.map((tip) => `^${tip}`)],
      signal,
    })
    if (rest.stdout.length === 0) fromBase.add(merge.sha)
  }
  const commits = all.slice(0, mostCommits).map(({ sha, parents, at, author, subject, files }) => ({
    sha,
    subject,
    author,
    at,
    files: parents.length > 1 ? null : files,
    parents: parents.length,
    fromBase: fromBase.has(sha),
  }))
  return { commits, more: all.length > mostCommits }
}

interface Logged {
  readonly sha: string
  readonly parents: readonly string[]
  readonly at: number
  readonly author: string
  readonly subject: string
  readonly files: number
}

/** Five fields, then for each file what --raw says of it and its path. A path can hold anything but NUL, so fields are counted. */
function parseLog(text: string): Logged[] {
  const fields = text.split('\0')
  if (fields.at(-1) === '') fields.pop()
  const found: Logged[] = []
  for (let at = 0; at < fields.length; ) {
    const [sha = '', parents = '', time = '', author = '', subject = ''] = fields.slice(at, at + 5)
    if (!/^[0-9a-f]{40,64}$/.test(sha) || !/^\d+$/.test(time))
      throw fail('state-unknown', { message: `git log said "${sha.slice(0, 100)}"` })
    at += 5
    let files = 0
    for (; /^\n?:\d{6} \d{6} /.test(fields[at] ?? ''); at += 2) files++
    found.push({
      sha,
      parents: parents === '' ? [] : parents.split(' '),
      at: Number(time) * 1000,
      author,
      subject,
      files,
    })
  }
  return found
}
