// Reads hunks with the library's own parser, each one once. Apart from items.ts, so that only the page itself loads the library.
import { type FileDiffMetadata, processFile } from '@pierre/diffs'
import type { ChangedFile } from '../../app/model/diff.ts'
import type { DiffHunk, HunkReader, Item } from './items.ts'

/** Lines above which a hunk is drawn without colours: highlighting 20,000 lines took 7.8 s. */
const maxColouredLines = 5_000

export function createHunkCache(): HunkReader {
  const known = new Map<string, FileDiffMetadata>()
  return {
    read(file, hunk) {
      const key = `${file.id}\n${hunk.id}\n${hunk.oldStart}\n${hunk.newStart}`
      const before = known.get(key)
      if (before) return before
      const parsed = parse(file, hunk, key)
      known.set(key, parsed)
      return parsed
    },
    keep(items: readonly Item[]) {
      const wanted = new Set(items.flatMap((item) => (item.type === 'diff' ? [item.fileDiff] : [])))
      for (const [key, parsed] of known) if (!wanted.has(parsed)) known.delete(key)
    },
  }
}

function parse(file: ChangedFile, hunk: DiffHunk, cacheKey: string): FileDiffMetadata {
  // A file's name can hold anything; the library needs it for the language only, so it gets a harmless one.
  const base = file.path.split('/').at(-1) ?? ''
  const name = /^[\w.-]{1,80}$/.test(base) ? base : `file${/\.[A-Za-z0-9]{1,12}$/.exec(base)?.[0] ?? ''}`
  const parsed = processFile(`--- a/${name}\n+++ b/${name}\n${hunk.text}`, {
    cacheKey,
    isGitDiff: false,
    disableLineMatching: true,
  })
  if (!parsed) throw new Error(`a hunk of ${file.path} could not be read`)
  if (parsed.unifiedLineCount > maxColouredLines) parsed.lang = 'text'
  return parsed
}
