// review.mark and review.seen: what a person has read of a run's changes. Marks are kept by the content of what changed, so they stay
// where a line moves, where it is committed and where it is rebased, and are gone where it is changed.
import type { CommandInput } from '../../contract/commands/index.ts'
import { hunkIdOf, type ParsedFile } from '../../git/diff/parse.ts'
import { fileIdOf, pathOfId } from '../../git/diff/quote.ts'
import type { Scope } from '../../model/diff.ts'
import { fail } from '../../model/failure.ts'
import { type Caller, type Context, record, runOf } from '../context.ts'
import { compareRun } from './compare-run.ts'
import type { Compared } from './comparisons.ts'

export type Picked = CommandInput<'review.mark'>['marks']

interface Marked {
  readonly runId: string
  readonly scope: Scope
  readonly ignoreWhitespace: boolean
  readonly marks: Picked
  readonly reviewed: boolean
  readonly signature?: string | undefined
}

/** Marks what was picked. Throws `changed-since` where some of it is not there any more; then nothing is marked. */
export async function markHunks(context: Context, caller: Caller, input: Marked): Promise<{ hunks: number }> {
  const run = runOf(context, input.runId)
  const picked = await pickedNow(context, input)
  const keys = picked.flatMap(({ hunks }) => hunks.flatMap(({ changes }) => changes))
  if (keys.length === 0) return { hunks: 0 }
  context.reviewMarks.mark(run.id, keys, input.reviewed)
  const hunks = picked.reduce((sum, one) => sum + one.hunks.length, 0)
  record(context, caller, {
    type: 'hunks-reviewed',
    runId: run.id,
    reviewed: input.reviewed,
    hunks,
    files: picked.length,
    names: picked.slice(0, 3).map(({ file }) => file.path.toString('utf8').slice(0, 200)),
  })
  return { hunks }
}

/** Remembers everything that is there now as seen. Throws `changed-since` where it is not what the person looked at. */
export async function markSeen(
  context: Context,
  input: {
    readonly runId: string
    readonly scope: Scope
    readonly ignoreWhitespace: boolean
    readonly signature: string
  },
): Promise<Record<string, never>> {
  const shown = context.comparisons.get(input.runId, input.scope, input.ignoreWhitespace)
  const compared = shown?.signature === input.signature ? shown : (await compareRun(context, input)).compared
  if (compared.signature !== input.signature) throw fail('changed-since', { id: input.runId })
  const keys = compared.files.flatMap(({ hunks }) => hunks.flatMap(({ changes }) => changes))
  context.reviewMarks.see(input.runId, keys, context.now())
  return {}
}

export interface PickedFile {
  readonly file: ParsedFile
  readonly hunks: ParsedFile['hunks']
}

/**
 * What was picked, in the list that the person is looking at where it has all of it, else in a fresh one: a hunk is known by its
 * content, so what is found is what they saw.
 */
async function pickedNow(context: Context, input: Marked): Promise<PickedFile[]> {
  const { signature, marks } = input
  const shown = context.comparisons.get(input.runId, input.scope, input.ignoreWhitespace)
  if (shown && (signature === undefined ? marks !== 'all' : signature === shown.signature)) {
    const { picked, missing } = pick(shown, marks)
    if (missing.length === 0) return picked
  }
  const { compared } = await compareRun(context, input)
  if (signature !== undefined && signature !== compared.signature) throw fail('changed-since', { id: input.runId })
  const { picked, missing } = pick(compared, marks)
  if (missing.length > 0) throw fail('changed-since', { names: missing.slice(0, 5), count: missing.length })
  return picked
}

/** Finds what is picked in a comparison, and names what is not in it. */
export function pick(compared: Compared, marks: Picked): { picked: PickedFile[]; missing: string[] } {
  if (marks === 'all') return { picked: compared.files.map((file) => ({ file, hunks: file.hunks })), missing: [] }
  const files = new Map(compared.files.map((file) => [fileIdOf(file.path), file]))
  const picked: PickedFile[] = []
  const missing: string[] = []
  for (const { id, hunks } of marks) {
    const file = files.get(id)
    const wanted = hunks === undefined ? undefined : new Set(hunks)
    const found = file?.hunks.filter((hunk) => wanted?.has(hunkIdOf(hunk.changes)) ?? true) ?? []
    if (file && (wanted === undefined || found.length >= wanted.size)) picked.push({ file, hunks: found })
    else missing.push(pathOfId(id).toString('utf8'))
  }
  return { picked, missing }
}
