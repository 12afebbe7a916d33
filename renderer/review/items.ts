// What the diff pane shows, as a list of items: the head of each file, then its hunks. A hunk is an item of its own with an id made
// from its content, so that an agent's next change leaves every other hunk, the focus and the scroll where they are. Pure.
import type { CodeViewItem, DiffLineAnnotation, FileDiffMetadata } from '@pierre/diffs'
import type { Comment, Standing } from '../../app/model/comment.ts'
import type { ChangedFile, FilePatch as HostPatch, Hunk } from '../../app/model/diff.ts'

/** A hunk with its own part of the patch: its header and lines; "" where it has none (a mode, a rename, a binary file). */
export interface DiffHunk extends Hunk {
  readonly text: string
}

export interface FilePatch {
  readonly hunks: readonly DiffHunk[]
  /** True where the host cut it off. */
  readonly truncated: boolean
}

/** Gives each hunk of a file its part of git's patch. A line of a hunk starts with a space, "+", "-" or a backslash, a header with "@@". */
export function splitPatch(patch: HostPatch): FilePatch {
  const parts = `\n${patch.patch}`.split('\n@@ ').slice(1)
  let at = 0
  const hunks = patch.hunks.map((hunk) => {
    if (hunk.kind === 'file') return { ...hunk, text: '' }
    const part = parts[at++]
    return { ...hunk, text: part === undefined ? '' : `@@ ${part.replace(/\n$/, '')}\n` }
  })
  return { hunks, truncated: patch.truncated }
}

/** What stands between the lines of a hunk: a comment, or the form for a new one. */
export type Note =
  | { readonly kind: 'comment'; readonly comment: Comment; readonly standing: Standing | null }
  | { readonly kind: 'writing'; readonly key: string }

export type Item = CodeViewItem<Note>

/** Where a new comment is being written. */
export interface Writing {
  readonly path: string
  readonly side: 'old' | 'new'
  readonly start: number
  readonly end: number
  readonly quote: readonly string[]
}

/** What an item shows in its head. */
export type Shown =
  | { readonly kind: 'file'; readonly file: ChangedFile; readonly folded: boolean; readonly patch: FilePatch | null }
  | { readonly kind: 'hunk'; readonly file: ChangedFile; readonly hunk: DiffHunk; readonly folded: boolean }

export interface Built {
  readonly items: Item[]
  readonly shown: ReadonlyMap<string, Shown>
  /** Hunk ids in the order of the page, those of folded files left out. */
  readonly hunks: readonly string[]
}

export interface Asked {
  readonly files: readonly ChangedFile[]
  readonly patches: ReadonlyMap<string, FilePatch>
  /** Files and hunks that the person folded or unfolded, by item id. */
  readonly folds: ReadonlyMap<string, boolean>
  readonly comments: readonly { readonly comment: Comment; readonly standing: Standing | null }[]
  readonly writing: Writing | null
  /** Leaves out hunks that were marked as reviewed, and files that have none left. */
  readonly unreviewedOnly: boolean
  /** Leaves out what was there when the person last looked. */
  readonly unseenOnly: boolean
}

export const fileItem = (file: ChangedFile): string => `file:${file.id}`
export const hunkItem = (file: ChangedFile, hunk: DiffHunk): string => `hunk:${file.id}:${hunk.id}`

/** True for what is folded until a person opens it: files that a tool wrote, and hunks that were reviewed. */
export function isFolded(folds: ReadonlyMap<string, boolean>, id: string, byItself: boolean): boolean {
  return folds.get(id) ?? byItself
}

/** Reads a hunk into what the library draws: the same value for the same hunk, however often the list is built. */
export interface HunkReader {
  read(file: ChangedFile, hunk: DiffHunk): FileDiffMetadata
  /** Forgets everything but what these items show. */
  keep(items: readonly Item[]): void
}

/** The page's items. */
export function buildItems(asked: Asked, reader: HunkReader): Built {
  const items: Item[] = []
  const shown = new Map<string, Shown>()
  const hunks: string[] = []
  for (const file of asked.files) {
    const patch = asked.patches.get(file.id) ?? null
    if (asked.unreviewedOnly && file.reviewed > 0 && file.reviewed === file.hunks) continue
    if (asked.unseenOnly && file.unseen === 0) continue
    const left =
      patch?.hunks.filter(
        (hunk) => hunk.text !== '' && !(asked.unreviewedOnly && hunk.reviewed) && !(asked.unseenOnly && hunk.seen),
      ) ?? []
    const id = fileItem(file)
    const folded = isFolded(asked.folds, id, file.generated)
    shown.set(id, { kind: 'file', file, folded, patch })
    items.push({ id, type: 'file', file: { name: file.path, contents: '' }, collapsed: true })
    if (folded) continue
    for (const hunk of left) {
      const at = hunkItem(file, hunk)
      const closed = isFolded(asked.folds, at, hunk.reviewed)
      shown.set(at, { kind: 'hunk', file, hunk, folded: closed })
      hunks.push(at)
      const parsed = reader.read(file, hunk)
      const notes = closed ? [] : notesOf(file, hunk, asked)
      items.push({
        id: at,
        type: 'diff',
        fileDiff: parsed,
        collapsed: closed,
        annotations: notes,
        version: versionOf(closed, notes),
      })
    }
  }
  return { items, shown, hunks }
}

/** A number that changes when an item must be drawn again. */
function versionOf(closed: boolean, notes: readonly DiffLineAnnotation<Note>[]): number {
  let hash = closed ? 1 : 2
  for (const { lineNumber, side, metadata } of notes) {
    const words =
      metadata.kind === 'writing'
        ? metadata.key
        : `${metadata.comment.id}${metadata.comment.text}${metadata.comment.sentAt}${JSON.stringify(metadata.standing)}`
    for (const sign of `${lineNumber}${side}${words}`) hash = (hash * 31 + sign.charCodeAt(0)) | 0
  }
  return hash
}

function notesOf(file: ChangedFile, hunk: DiffHunk, asked: Asked): DiffLineAnnotation<Note>[] {
  const notes: DiffLineAnnotation<Note>[] = []
  for (const { comment, standing } of asked.comments) {
    if (comment.path !== file.path && comment.path !== file.oldPath) continue
    const length = comment.end - comment.start
    const first = standing?.state === 'there' ? standing.line : comment.start
    if (!holds(hunk, comment.side, first + length)) continue
    notes.push({
      side: sideName(comment.side),
      lineNumber: first + length,
      metadata: { kind: 'comment', comment, standing },
    })
  }
  const { writing } = asked
  if (writing && writing.path === file.path && holds(hunk, writing.side, writing.end))
    notes.push({
      side: sideName(writing.side),
      lineNumber: writing.end,
      metadata: { kind: 'writing', key: `${writing.path}:${writing.side}:${writing.start}-${writing.end}` },
    })
  return notes
}

export const sideName = (side: 'old' | 'new') => (side === 'old' ? 'deletions' : 'additions')

/** True where the hunk shows that line of that side. */
export function holds(hunk: DiffHunk, side: 'old' | 'new', line: number): boolean {
  const [start, count] = side === 'old' ? [hunk.oldStart, hunk.oldLines] : [hunk.newStart, hunk.newLines]
  return line >= start && line < start + count
}

/** The lines of one side that a hunk shows, from `start` to `end`, both counted from 1 and included. */
export function linesOf(hunk: DiffHunk, side: 'old' | 'new', start: number, end: number): string[] {
  const lines: string[] = []
  let at = side === 'old' ? hunk.oldStart : hunk.newStart
  for (const line of hunk.text.split('\n').slice(1)) {
    const sign = line[0]
    if (sign === '\\' || sign === undefined) continue
    if (sign !== ' ' && sign !== (side === 'old' ? '-' : '+')) continue
    if (at >= start && at <= end) lines.push(line.slice(1))
    at++
  }
  return lines
}
