// Untracked files that a new worktree needs (.env, certificates). `.worktreeinclude` at the repository's root names them in
// .gitignore syntax, and they are copied from the person's checkout. Only files that git does not track; links are never followed
// or copied; what may hold secrets is written with mode 0600; nothing that exists is overwritten.
import { constants } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, readdir, realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import ignore from 'ignore'
import { readSmallText } from '../../disk/files.ts'
import { fail, failureOf } from '../../model/failure.ts'
import { bytesText } from '../../model/text/units.ts'

export const includeFileName = '.worktreeinclude'
/** A pattern that would copy more than this is a mistake (a node_modules, a build): refused by name, nothing copied. */
export const maxFiles = 2_000
export const maxBytes = 512 * 1024 * 1024
const neverInto = new Set(['.git', 'node_modules'])
const unreadable = new Set(['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR'])

export interface IncludedFiles {
  /** Paths relative to the checkout, sorted. */
  readonly files: readonly string[]
  readonly bytes: number
  /** Links, sockets, folders of other users and the like that a pattern named and that are left out. */
  readonly leftOut: readonly string[]
}

/**
 * The files that `.worktreeinclude` in `checkout` names and that are not in `tracked` (relative paths). Empty where there is no
 * such file. Throws `copy-failed` where the patterns reach past the limits above.
 */
export async function findIncludedFiles(checkout: string, tracked: ReadonlySet<string>): Promise<IncludedFiles> {
  const patterns = readPatterns(checkout)
  if (patterns === null) return { files: [], bytes: 0, leftOut: [] }
  const matcher = ignore().add(patterns)
  const files: string[] = []
  const leftOut: string[] = []
  let bytes = 0

  async function walk(directory: string, inside: boolean): Promise<void> {
    const entries = await readdir(directory, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      // The folder of another user (a container's data), or one that a build has just deleted. It matters only where it is named.
      if (!unreadable.has(error.code ?? '') || directory === checkout) throw error
      if (inside) leftOut.push(`${relative(checkout, directory).split(sep).join('/')}/`)
      return []
    })
    for (const entry of entries) {
      const path = join(directory, entry.name)
      const name = relative(checkout, path).split(sep).join('/')
      if (entry.isDirectory()) {
        const named = inside || matcher.ignores(`${name}/`)
        if (entry.name === '.git' || (neverInto.has(entry.name) && !named)) continue
        await walk(path, named)
      } else if ((inside || matcher.ignores(name)) && !tracked.has(name) && name !== includeFileName) {
        if (!entry.isFile()) {
          leftOut.push(name)
          continue
        }
        files.push(name)
        bytes += (await lstat(path)).size
        if (files.length > maxFiles || bytes > maxBytes) {
          throw fail('copy-failed', {
            message: `${includeFileName} names more than ${maxFiles} files or ${bytesText(maxBytes)} (the last one: ${name})`,
            file: name,
          })
        }
      }
    }
  }
  await walk(checkout, false)
  return { files: files.sort(), bytes, leftOut }
}

/** The text of the file; null where there is none. It may be the repository's own: a link to a device has no end. */
function readPatterns(checkout: string): string | null {
  try {
    return readSmallText(join(checkout, includeFileName))
  } catch (error) {
    throw fail('copy-failed', {
      file: includeFileName,
      message: String(failureOf(error).detail?.message ?? 'it cannot be read'),
    })
  }
}

/**
 * Copies the files into `worktree`, keeping the executable bit; group and others get nothing. Stops at an abort between files.
 * Gives the paths that were copied (what exists already is left alone). Throws `copy-failed` naming the file.
 */
export async function copyIncludedFiles(
  checkout: string,
  worktree: string,
  files: readonly string[],
  signal?: AbortSignal,
): Promise<string[]> {
  const copied: string[] = []
  const root = await realpath(worktree)
  for (const file of files) {
    signal?.throwIfAborted()
    const from = join(checkout, file)
    const to = join(root, file)
    try {
      await makeFolder(root, dirname(file))
      const stat = await lstat(from)
      if (!stat.isFile()) continue
      await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      await chmod(to, stat.mode & 0o100 ? 0o700 : 0o600)
      copied.push(file)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      // It vanished meanwhile, or the worktree has one of that name: neither is a reason to fail the run.
      if (code === 'ENOENT' || code === 'EEXIST') continue
      if (code === 'ENOSPC' || code === 'EROFS' || code === 'EMFILE') throw error
      throw fail(
        'copy-failed',
        { file, message: error instanceof Error ? error.message : String(error) },
        { stage: 'copy' },
      )
    }
  }
  return copied
}

/** Makes a folder, one level at a time: a tracked directory can be a link, and nothing is made or copied outside through it. */
async function makeFolder(root: string, folder: string): Promise<void> {
  let path = root
  for (const part of folder.split('/')) {
    path = join(path, part)
    await mkdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    const real = await realpath(path)
    if (real !== root && !real.startsWith(root + sep)) throw new Error('its folder leads out of the worktree')
  }
}
