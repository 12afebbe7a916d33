// Where worktrees are: outside every repository, in a 0700 directory that is not the temp directory. A worktree's folder is
// <root>/<repository id>/<run id>, never derived from a branch name.
import { lstat, mkdir, realpath } from 'node:fs/promises'
import { isAbsolute, join, sep } from 'node:path'
import { exists } from '../disk/presence.ts'
import { fail, systemFailureCode } from '../model/failure.ts'
import type { Repository } from '../model/repository.ts'
import type { Context } from './context.ts'

/** The folder that holds every worktree: the setting, or <data directory>/worktrees. */
export function worktreeRootOf(context: Context): string {
  return context.journal.state.settings.worktreeRoot ?? join(context.dataDirectory, 'worktrees')
}

/**
 * Makes the root (0700) and gives the path for a run's worktree, which does not exist yet. Throws `bad-input` where the root is
 * not absolute, is a link, or lies inside the repository; `worktree-exists` where something is at the path.
 */
export async function newWorktreePath(context: Context, repository: Repository, runId: string): Promise<string> {
  const root = worktreeRootOf(context)
  if (!isAbsolute(root)) throw fail('bad-input', { field: 'worktreeRoot', message: 'must be an absolute path' })
  await mkdir(root, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (systemFailureCode(error)) throw error
    // A file in the way, a name that is too long: the setting is what is wrong.
    throw fail('bad-input', { field: 'worktreeRoot', message: `${root} cannot be made: ${error.message}` })
  })
  const real = await realpath(root)
  for (const inside of [repository.path, repository.commonDir]) {
    if (real === inside || real.startsWith(inside + sep)) {
      throw fail('bad-input', {
        field: 'worktreeRoot',
        message: `${root} lies inside the repository ${repository.path}`,
      })
    }
  }
  const folder = join(real, repository.id)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await lstat(folder)).isSymbolicLink())
    throw fail('bad-input', { field: 'worktreeRoot', message: `${folder} is a link` })
  const path = join(folder, runId)
  if (await exists(path)) throw fail('worktree-exists', { path })
  return path
}

/** The reason on git's lock of a worktree of ours: tells other tools to leave it, and us (this data directory) that it is ours. */
export function lockReason(context: Pick<Context, 'dataDirectory'>, runId: string): string {
  return `coppice run=${runId} home=${context.dataDirectory}`
}
