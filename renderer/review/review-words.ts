// The words of the review page: what happened to a file, why its lines are not shown, what became of a comment.
import type { Comment, Standing } from '../../app/model/comment.ts'
import type { ChangedFile, Scope } from '../../app/model/diff.ts'
import { bytesText, counted } from '../../app/model/text/units.ts'
import type { FilePatch } from './items.ts'

const statusTags: Readonly<Record<ChangedFile['status'], string | null>> = {
  added: 'new',
  modified: null,
  deleted: 'deleted',
  renamed: 'renamed',
  copied: 'copied',
  'type-changed': 'type changed',
  conflicted: 'conflict',
}

/** Short tags: "new", "renamed", "mode 755", "generated", "not committed". */
export function fileTags(file: ChangedFile): string[] {
  const tags: string[] = []
  const status = statusTags[file.status]
  if (status) tags.push(status)
  if (file.oldMode !== file.newMode && file.oldMode !== '000000' && file.newMode !== '000000')
    tags.push(
      file.newMode === '100755'
        ? 'now executable'
        : file.oldMode === '100755'
          ? 'no longer executable'
          : 'mode changed',
    )
  if (file.kind === 'submodule') tags.push('submodule')
  if (file.kind === 'lfs') tags.push('LFS')
  if (file.generated) tags.push('generated')
  if (file.where.some((place) => place !== 'committed'))
    tags.push(file.where.includes('untracked') ? 'untracked' : 'not committed')
  return tags
}

/** Why a file's lines are not (all) on the page; null where they are. */
export function unshownText(file: ChangedFile, patch: FilePatch | null): string | null {
  switch (file.kind) {
    case 'binary':
      return 'Binary file'
    case 'too-large':
      return 'Too large to show'
    case 'submodule':
      return file.newId ? `now at ${file.newId.slice(0, 10)}` : 'removed'
    default:
      if (!patch) return 'Reading'
      if (patch.truncated) return 'Only its first part is shown'
      return patch.hunks.length === 0 && file.hunks === 0 && file.kind === 'text' && file.status !== 'renamed'
        ? 'No changed lines'
        : null
  }
}

/** What became of the lines that a comment is about. */
export function standingText(comment: Comment, standing: Standing | null): string {
  const sent = comment.sentAt === null ? 'not sent yet' : 'sent'
  switch (standing?.state) {
    case 'changed':
      return `${sent}, its lines have changed since`
    case 'gone':
      return `${sent}, the file is gone`
    case 'unknown':
      return `${sent}, what became of its lines is not known`
    default:
      return sent
  }
}

export const lineRange = (start: number, end: number): string =>
  start === end ? `Line ${start}` : `Lines ${start}–${end}`

export function scopeText(scope: Scope): string {
  switch (scope.kind) {
    case 'base':
      return 'All changes'
    case 'uncommitted':
      return 'Not committed'
    case 'commit':
      return `Commit ${scope.sha.slice(0, 8)}`
    case 'trees':
      return 'One turn'
  }
}

export const filesText = (files: number): string => counted(files, 'file')
export { bytesText }
