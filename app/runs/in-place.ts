// The folders of runs in place: which ones may be named. Two live runs never work in one folder.
import { realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join, sep } from 'node:path'
import { exists, isDirectory } from '../disk/presence.ts'
import { fail } from '../model/failure.ts'
import { isLive, type Run } from '../model/run.ts'
import type { Context } from './context.ts'
import { worktreeRootOf } from './worktree-root.ts'

/** The folder as the disk knows it, links followed. `bad-input` where it is no folder, or one of Coppice's own. */
export async function findFolder(context: Context, named: string): Promise<string> {
  const field = 'inPlace'
  const path = named === '~' || named.startsWith('~/') ? join(homedir(), named.slice(1)) : named
  if (!isAbsolute(path)) throw fail('bad-input', { field, message: "give the folder's full path" })
  const folder = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES') throw fail('permission-denied', { path })
    throw fail('bad-input', { field, message: `there is no folder at ${path}` })
  })
  if (!(await stat(folder)).isDirectory()) throw fail('bad-input', { field, message: `${path} is not a folder` })
  for (const own of [context.dataDirectory, worktreeRootOf(context)]) {
    const real = await realpath(own).catch(() => own)
    if (folder === real || folder.startsWith(real + sep))
      throw fail('bad-input', {
        field,
        message: `${path} belongs to Coppice; to work beside a run's agent, open a session in that run ("coppice shell ID")`,
      })
  }
  return folder
}

/** `in-use` where another run works in the folder, or is about to. */
export function refuseTaken(context: Context, folder: string, but?: string): void {
  const other = Object.values(context.journal.state.runs).find(
    (run) => run.id !== but && run.worktree === folder && (run.phase === 'queued' || isLive(run.phase)),
  )
  if (!other) return
  throw fail('in-use', {
    what: folder,
    names: [other.id],
    message: `run ${other.id} works there`,
    suggestion: `Stop ${other.id} first, open a session beside it ("coppice shell ${other.id}"), or start a run with a worktree of its own`,
  })
}

/** Refuses an attempt in a folder that is gone, or that another run has now. */
export async function checkFolder(context: Context, run: Run): Promise<void> {
  const path = run.worktree ?? ''
  if (!(await exists(path)) || !(await isDirectory(path)))
    throw fail('not-found', {
      what: 'folder',
      id: path,
      message: 'the run works in place: bring its folder back first',
    })
  refuseTaken(context, path, run.id)
}
