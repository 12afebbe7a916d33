// Where removed worktrees lie: `.trash` in the folder of their root, so that a rename (which cannot cross file systems) takes
// them there at once. Each entry is a folder with a manifest, the tree and git's admin directory.

import { lstat, mkdir, readdir, readFile, rmdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { syncDirectory, writeWhole } from '../../disk/files.ts'
import { exists } from '../../disk/presence.ts'
import { fail } from '../../model/failure.ts'
import type { Run } from '../../model/run.ts'

/** What is needed to bring an entry back when nothing else is left: no journal, no entry in git. */
export const Manifest = z.object({
  version: z.literal(1),
  runId: z.string(),
  title: z.string(),
  repositoryPath: z.string(),
  commonDir: z.string(),
  worktree: z.string(),
  /** The admin directory's own name under .git/worktrees. */
  adminId: z.string(),
  branch: z.string().nullable(),
  /** The branch's commit and HEAD's at the removal. */
  branchCommit: z.string().nullable(),
  head: z.string().nullable(),
  branchWasDeleted: z.boolean(),
  /** The reflog of a branch that was deleted, each byte as one character: a branch that is made again begins a new one. */
  branchLog: z.string().nullable().default(null),
  keepId: z.string(),
  removedAt: z.number(),
  tree: z.object({ device: z.string(), inode: z.string() }),
  commitsOnlyHere: z.number().nullable(),
  /** Commits in repositories inside the worktree that none of their remotes has. Null: unknown. */
  nestedCommits: z.number().nullable().default(null),
  /** Ignored directories that an install or a build makes again, relative to the worktree. */
  rebuildable: z.array(z.string()),
})
export type Manifest = z.infer<typeof Manifest>

export const manifestName = 'manifest.json'

/**
 * The trash's folder for a run's worktree: <root>/.trash, where <root>/<repository id>/<run id> is the worktree, also where the root
 * was another one when it was made; for a worktree that a person has moved out of such a place, in the root of today.
 */
export function trashRootOf(run: Pick<Run, 'repositoryId' | 'worktree'>, root: string): string {
  const folder = dirname(run.worktree ?? '')
  return join(basename(folder) === run.repositoryId ? dirname(folder) : root, '.trash')
}

/** A fresh entry's path. The time makes it unique for a run that is removed, restored and removed again. */
export const trashEntryPath = (run: Pick<Run, 'id' | 'repositoryId' | 'worktree'>, root: string, at: number): string =>
  join(trashRootOf(run, root), entryName(run.id, at))

/** The entry's name, also that of its keep refs, which take no dot. */
export const entryName = (runId: string, at: number): string => `${runId.replaceAll('.', '_')}-${at.toString(36)}`

/**
 * Whether the disk of an entry is there, with or without the entry: its trash is, or something else is in their root. An empty root
 * is what an unmounted disk leaves; a trash that was deleted by hand leaves the folders of the repositories.
 */
export async function isDiskThere(directory: string): Promise<boolean> {
  return readdir(dirname(dirname(directory))).then(
    (names) => names.length > 0,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false
      throw error
    },
  )
}

/** Makes an entry (0700) on the worktree's own file system. Throws `no-trash` where that cannot be: another device, read-only, no space. */
export async function makeTrashEntry(directory: string, worktree: string): Promise<void> {
  try {
    // Not recursive: that says ENOENT on a read-only file system (Node 26.10), and the worktree's root is there.
    await mkdir(dirname(directory), { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    const root = await lstat(dirname(directory))
    if (!root.isDirectory()) throw fail('no-trash', { path: dirname(directory), message: 'it is not a directory' })
    if (root.dev !== (await lstat(worktree)).dev)
      throw fail('no-trash', { path: dirname(directory), message: 'it is on another file system than the worktree' })
    await mkdir(directory, { mode: 0o700 })
    try {
      syncDirectory(dirname(directory))
    } catch (error) {
      await dropEmptyEntry(directory)
      throw error
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === undefined) throw error
    throw fail('no-trash', { path: dirname(directory), message: `${code}: ${(error as Error).message}` })
  }
}

/** Takes back an entry that nothing was put into: its removal could not even be announced. Only an empty folder goes. */
export async function dropEmptyEntry(directory: string): Promise<void> {
  // Where that fails too, the next sweep tidies it (tidy-trash).
  await rmdir(directory).catch(() => {})
}

/** Writes the manifest so that it is whole or absent, whatever happens. */
export function writeManifest(directory: string, manifest: Manifest): void {
  writeWhole(join(directory, manifestName), JSON.stringify(manifest, null, 2), { mode: 0o600 })
}

/** Reads an entry's manifest; `trash-missing` where there is none or it cannot be read as one. */
export async function readManifest(directory: string): Promise<Manifest> {
  const text = await readFile(join(directory, manifestName), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw fail('trash-missing', { path: directory })
    throw error
  })
  try {
    return Manifest.parse(JSON.parse(text))
  } catch {
    throw fail('trash-missing', { path: directory, message: 'its manifest cannot be read' })
  }
}

/** Where the rest of an entry is whose deletion has begun. */
export const goingOf = (directory: string): string => `${directory}.going`

/** True where a deletion of this entry has begun and something stayed: it cannot be restored any more, only deleted. */
export const isHalfDeleted = async (directory: string): Promise<boolean> =>
  directory !== '' && !(await exists(directory)) && (await exists(goingOf(directory)))
