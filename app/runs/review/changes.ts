// review.changes and review.patch: what a run changed, as a list of files with counts, and the patches of some of them. Reads only.
import type { CommandInput, CommandOutput } from '../../contract/commands/index.ts'
import { compare } from '../../git/diff/compare.ts'
import { fileIdOf, pathOfId } from '../../git/diff/quote.ts'
import { keyOf } from '../../git/diff/worktree-facts.ts'
import { git } from '../../git/exec.ts'
import { type ChangedFile, maxAnswerBytes, maxChangedFiles, maxPatchBytes } from '../../model/diff.ts'
import type { Context } from '../context.ts'
import { comparedBefore, compareRun, type Range } from './compare-run.ts'
import { describeFile, describeHunk } from './describe-file.ts'
import { baseCommitOf, type Place, placeOfReview } from './place.ts'

type Input<N extends 'review.changes' | 'review.patch'> = Required<
  Pick<CommandInput<N>, 'scope' | 'ignoreWhitespace'>
> &
  Omit<CommandInput<N>, 'scope' | 'ignoreWhitespace'>

/** The files of a scope, with how much of each was read. */
export async function readChanges(
  context: Context,
  input: Input<'review.changes'>,
  signal?: AbortSignal,
): Promise<CommandOutput<'review.changes'>> {
  const { place, range, compared } = await compareRun(context, input, signal)
  const [committed, notMine] = await Promise.all([
    input.scope.kind === 'base' ? committedPaths(place, range, signal) : new Set<string>(),
    input.scope.kind === 'base' ? broughtIn(place, range, signal) : undefined,
  ])
  const marks = context.reviewMarks.of(place.run.id)
  const { checkout } = place
  const of = { worktree: checkout.worktree, compared, facts: range.facts, committed, marks }
  const all = compared.files.map((file) => describeFile(file, of))
  const nested = (range.facts?.repositories ?? []).map((path) => nestedRepository(path))
  const files = [...all, ...nested]
  const shown = files.filter((file) =>
    input.only === 'unreviewed' ? file.reviewed < file.hunks : input.only === 'unseen' ? file.unseen > 0 : true,
  )
  const sum = (value: (file: ChangedFile) => number | null) =>
    files.reduce((total, file) => total + (value(file) ?? 0), 0)
  const beyond = (range.facts?.untracked.length ?? 0) - compared.untracked.size
  return {
    mergeBase: compared.from,
    head: compared.head ?? compared.to,
    signature: compared.signature,
    files: shown.slice(0, maxChangedFiles),
    truncated: !compared.whole || shown.length > maxChangedFiles,
    totals: {
      files: files.length + beyond,
      added: sum(({ added }) => added),
      deleted: sum(({ deleted }) => deleted),
      hunks: sum(({ hunks }) => hunks),
      reviewed: sum(({ reviewed }) => reviewed),
      unseen: sum(({ unseen }) => unseen),
    },
    seenAt: marks.seenAt,
    ...(notMine ? { notMine } : {}),
  }
}

/** The patches of some files of the list that was shown last. One git process, and one more where one of them is untracked. */
export async function readPatch(
  context: Context,
  input: Input<'review.patch'>,
  signal?: AbortSignal,
): Promise<CommandOutput<'review.patch'>> {
  const compared = await comparedBefore(context, input, signal)
  const place = await placeOfReview(context, input.runId)
  const wanted = new Set(input.paths)
  const known = compared.files.filter(({ path }) => wanted.has(fileIdOf(path)))
  const paths = input.paths.map(pathOfId)
  const answer = await compare(place.git, place.checkout, {
    from: compared.from,
    to: compared.to,
    untracked: paths.filter((path) => compared.untracked.has(keyOf(path))),
    paths: [...paths, ...known.flatMap(({ oldPath }) => (oldPath ? [oldPath] : []))],
    ignoreWhitespace: input.ignoreWhitespace,
    context: input.context ?? 3,
    maxPatchBytes,
    signal,
  })
  const marks = context.reviewMarks.of(input.runId)
  let bytes = 0
  const found = answer.files.flatMap((file) => {
    const id = fileIdOf(file.path)
    if (!wanted.delete(id)) return []
    const fits = bytes + file.patch.length <= maxAnswerBytes
    bytes += fits ? file.patch.length : 0
    return [
      {
        id,
        path: file.path.toString('utf8'),
        oldPath: file.oldPath?.toString('utf8') ?? null,
        patch: fits ? file.patch.toString('utf8') : '',
        hunks: file.hunks.map((hunk) => describeHunk(hunk, marks)),
        truncated: !fits || file.cut,
      },
    ]
  })
  const gone = [...wanted].map((id) => ({
    id,
    path: pathOfId(id).toString('utf8'),
    oldPath: null,
    patch: '',
    hunks: [],
    truncated: false,
  }))
  const files = [...found, ...gone]
  return { files, truncated: !answer.whole || files.some(({ truncated }) => truncated) }
}

/** Paths that differ between the merge base and HEAD. No process where they are the same commit. */
async function committedPaths(place: Place, range: Range, signal?: AbortSignal): Promise<Set<string>> {
  if (range.head === null || range.head === range.from) return new Set()
  const { stdout } = await git(
    place.git,
    place.checkout.worktree,
    ['diff', '--name-only', '--no-renames', '-z', '--ignore-submodules=dirty'],
    { checkout: place.checkout, revisions: [range.from, range.head], signal },
  )
  return new Set(stdout.toString('latin1').split('\0').filter(Boolean))
}

/** Commits of the base that came in since the run began. No process where none did. */
async function broughtIn(
  { run, git: context, checkout }: Place,
  range: Range,
  signal?: AbortSignal,
): Promise<{ commits: number; subjects: string[] } | undefined> {
  const base = baseCommitOf(run)
  if (range.from === base || range.head === null) return undefined
  const { stdout } = await git(context, checkout.worktree, ['log', '-z', '--format=%s', `--max-count=${mostBrought}`], {
    checkout,
    revisions: [range.from, `^${base}`],
    signal,
  })
  const subjects = stdout.toString('utf8').split('\0')
  if (subjects.at(-1) === '') subjects.pop()
  return subjects.length === 0 ? undefined : { commits: subjects.length, subjects: subjects.slice(0, 20) }
}

/** Commits of the base that are counted; more is "1000 or more" to a reader. */
const mostBrought = 1_000

/** A repository of its own that lies in the worktree, untracked: named, never looked into. */
function nestedRepository(path: Buffer): ChangedFile {
  return {
    id: fileIdOf(path),
    path: path.toString('utf8'),
    oldPath: null,
    status: 'added',
    added: null,
    deleted: null,
    oldMode: '000000',
    newMode: '160000',
    oldId: null,
    newId: null,
    kind: 'submodule',
    generated: false,
    where: ['untracked'],
    hunks: 0,
    reviewed: 0,
    unseen: 0,
  }
}
