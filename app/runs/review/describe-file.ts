// A file of a comparison as a client sees it: names that can be shown, what kind of file it is, where its change is, and how much of it
// a person has read.
import { join } from 'node:path'
import { lstatOrNull } from '../../disk/files.ts'
import { hunkIdOf, type ParsedFile, type ParsedHunk } from '../../git/diff/parse.ts'
import { fileIdOf } from '../../git/diff/quote.ts'
import { keyOf, type WorktreeFacts } from '../../git/diff/worktree-facts.ts'
import {
  type ChangedFile,
  type FileKind,
  type FileStatus,
  type Hunk,
  maxComparedBytes,
  type Where,
} from '../../model/diff.ts'
import type { RunMarks } from '../../store/review-marks.ts'
import type { Compared } from './comparisons.ts'

const statuses: Readonly<Record<string, FileStatus>> = {
  A: 'added',
  M: 'modified',
  D: 'deleted',
  R: 'renamed',
  C: 'copied',
  T: 'type-changed',
  U: 'conflicted',
}

export const imageTypes = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
} as const

/** The type of a picture by its name, or null where it is none that is shown. */
export function imageTypeOf(path: Buffer): (typeof imageTypes)[keyof typeof imageTypes] | null {
  const extension = /\.([A-Za-z]{3,4})$/.exec(path.subarray(-8).toString('latin1'))?.[1]?.toLowerCase() ?? ''
  return Object.hasOwn(imageTypes, extension) ? imageTypes[extension as keyof typeof imageTypes] : null
}

export const isReviewed = (hunk: ParsedHunk, { reviewed }: RunMarks): boolean =>
  hunk.changes.length > 0 && hunk.changes.every((change) => reviewed.has(change))
export const isSeen = (hunk: ParsedHunk, { seen }: RunMarks): boolean =>
  hunk.changes.length > 0 && hunk.changes.every((change) => seen.has(change))

/** `facts` and `committed` (paths by `keyOf`) only where the newer side is the worktree. */
export function describeFile(
  file: ParsedFile,
  of: {
    readonly worktree: string
    readonly compared: Compared
    readonly facts: WorktreeFacts | null
    readonly committed: ReadonlySet<string>
    readonly marks: RunMarks
  },
): ChangedFile {
  const key = keyOf(file.path)
  const conflicted = of.facts?.conflicted.has(key) ?? false
  const kind = kindOf(file, of)
  const counted = file.patched && kind !== 'binary' && kind !== 'image' && kind !== 'too-large' && !file.binary
  return {
    id: fileIdOf(file.path),
    path: file.path.toString('utf8'),
    oldPath: file.oldPath?.toString('utf8') ?? null,
    status: conflicted ? 'conflicted' : (statuses[file.letter] ?? 'modified'),
    added: counted ? file.added : null,
    deleted: counted ? file.deleted : null,
    oldMode: file.oldMode,
    newMode: file.newMode,
    oldId: /^0+$/.test(file.oldId) ? null : file.oldId,
    newId: file.newId,
    kind,
    generated: of.compared.attributes.get(key)?.generated ?? false,
    where: of.facts === null ? [] : whereOf(file, of.compared, of.facts, of.committed),
    hunks: file.hunks.length,
    reviewed: file.hunks.filter((hunk) => isReviewed(hunk, of.marks)).length,
    unseen: file.hunks.filter((hunk) => !isSeen(hunk, of.marks)).length,
  }
}

/** A hunk as a client sees it. */
export function describeHunk(hunk: ParsedHunk, marks: RunMarks): Hunk {
  return {
    id: hunkIdOf(hunk.changes),
    kind: hunk.kind,
    header: hunk.header.toString('utf8'),
    oldStart: hunk.oldStart,
    oldLines: hunk.oldLines,
    newStart: hunk.newStart,
    newLines: hunk.newLines,
    reviewed: isReviewed(hunk, marks),
    seen: isSeen(hunk, marks),
  }
}

function kindOf(file: ParsedFile, of: { readonly worktree: string; readonly compared: Compared }): FileKind {
  if (file.oldMode === '160000' || file.newMode === '160000') return 'submodule'
  if (of.compared.attributes.get(keyOf(file.path))?.lfs) return 'lfs'
  if (!file.binary) return 'text'
  if (of.compared.to === null && isTooLarge(of.worktree, file)) return 'too-large'
  return imageTypeOf(file.path) === null ? 'binary' : 'image'
}

function isTooLarge(worktree: string, file: ParsedFile): boolean {
  const facts = lstatOrNull(join(worktree, file.path.toString('utf8')))
  return facts?.isFile() === true && facts.size > maxComparedBytes
}

function whereOf(file: ParsedFile, compared: Compared, facts: WorktreeFacts, committed: ReadonlySet<string>): Where[] {
  // A rename is where either of its names changed.
  const keys = [file.path, ...(file.letter === 'R' && file.oldPath ? [file.oldPath] : [])].map(keyOf)
  const untracked = compared.untracked.has(keyOf(file.path))
  const within = (paths: ReadonlySet<string>) => keys.some((key) => paths.has(key))
  const found: Where[] = []
  if (within(committed)) found.push('committed')
  if (within(facts.staged)) found.push('staged')
  if (within(facts.unstaged) || within(facts.conflicted)) found.push('unstaged')
  if (untracked) found.push('untracked')
  return found
}
