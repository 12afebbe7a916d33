// Where the content of an install is read from: the commit that a run will start from, or the worktree that it already has. Both
// include the files that are copied from the person's checkout.
import { readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { lstatOrNull, readSmallFile } from '../../disk/files.ts'
import type { GitContext } from '../../git/exec.ts'
import { readBlobs, treeFiles } from '../../git/refs/tree.ts'
import { fail } from '../../model/failure.ts'
import { type ContentSource, maxContentBytes } from './install-content.ts'

/** The files of a commit, with those that will be copied from `checkout` beside them. */
export async function commitSource(
  git: GitContext,
  checkout: string,
  commit: string,
  copies: readonly string[],
): Promise<ContentSource> {
  const files = await treeFiles(git, checkout, commit)
  const copied = new Set(copies.filter((path) => !files.has(path)))
  return {
    paths: new Set([...files.keys(), ...copied]),
    async read(paths) {
      const tracked = paths.flatMap((path) => {
        const file = files.get(path)
        if (file && file.bytes > maxContentBytes) throw tooLarge(path)
        return file ? [{ path, ...file }] : []
      })
      const blobs = await readBlobs(git, checkout, [...new Set(tracked.map(({ blob }) => blob))])
      const found = new Map<string, { content: Buffer; link: boolean }>()
      for (const { path, blob, link } of tracked) {
        const content = blobs.get(blob)
        if (content) found.set(path, { content, link })
      }
      for (const path of paths) if (copied.has(path)) readInto(found, checkout, path)
      return found
    },
  }
}

/** The same files as they lie in a worktree. */
export function worktreeSource(worktree: string, paths: ReadonlySet<string>): ContentSource {
  return {
    paths,
    async read(wanted) {
      const found = new Map<string, { content: Buffer; link: boolean }>()
      for (const path of wanted) readInto(found, worktree, path)
      return found
    },
  }
}

function readInto(found: Map<string, { content: Buffer; link: boolean }>, root: string, path: string): void {
  const place = join(root, path)
  if (lstatOrNull(place)?.isSymbolicLink()) {
    found.set(path, { content: Buffer.from(readlinkSync(place)), link: true })
    return
  }
  const content = readSmallFile(place, maxContentBytes)
  if (content) found.set(path, { content, link: false })
}

const tooLarge = (path: string) =>
  fail('install-failed', { message: `${path} is larger than 32 MiB` }, { stage: 'install' })
