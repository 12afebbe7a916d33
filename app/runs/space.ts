// Protects against a full disk. What starts something new asks here first; what ends or frees something never does. It checks every
// file system that new work is written to: the data directory's and the worktrees'.
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { exists } from '../disk/presence.ts'
import { fail, type Stage } from '../model/failure.ts'
import type { Context } from './context.ts'
import { worktreeRootOf } from './worktree-root.ts'

/** The free bytes of the fullest file system that new work goes to, or null where that cannot be known; and whether it is too little. */
export async function spaceLeft(context: Context): Promise<{ readonly free: number | null; readonly low: boolean }> {
  const known = (
    await Promise.all([freeBytes(context.dataDirectory), freeBytes(await nearest(worktreeRootOf(context)))])
  ).filter((free) => free !== null)
  const free = known.length === 0 ? null : Math.min(...known)
  return { free, low: free !== null && free < context.journal.state.settings.lowDiskBytes }
}

/** Throws `low-disk` where less is left than the settings say. */
export async function refuseLowDisk(context: Context, stage?: Stage): Promise<void> {
  const { free, low } = await spaceLeft(context)
  if (!low || free === null) return
  const neededBytes = context.journal.state.settings.lowDiskBytes
  throw fail('low-disk', { freeBytes: free, neededBytes }, { retryable: true, ...(stage ? { stage } : {}) })
}

/** The free bytes of the file system that a path is on, or null where that cannot be known. */
export async function freeBytes(path: string): Promise<number | null> {
  return statfs(path).then(
    (facts) => facts.bavail * facts.bsize,
    () => null,
  )
}

/** The path, or what is there of the way to it: a root that no run has needed yet is not made for a question. */
async function nearest(path: string): Promise<string> {
  let at = path
  while (at !== dirname(at) && !(await exists(at).catch(() => false))) at = dirname(at)
  return at
}
