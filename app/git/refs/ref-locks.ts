// Lock files of refs that a killed git of ours has left: `refs/….lock` and `packed-refs.lock`, which would wedge every later
// change of refs in the repository, the person's own too. One goes only where it is no older than the change that left it and no
// git that may hold it lives; whoever calls this knows that such a change was cut off.
import { lstatSync, readdirSync, readFileSync, readlinkSync, unlinkSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isMissing, lstatOrNull } from '../../disk/files.ts'
import { listProcesses } from '../../process/tree.ts'

export interface CutOff {
  /** Refs that the change was about: full names, or a folder of refs with its "/" at the end. */
  readonly refs: readonly string[]
  /** Milliseconds since 1970 when it began: what is older is not its work. */
  readonly since: number
}

// File systems keep whole seconds, or two (FAT).
const coarseMs = 2_000
// A git beside it holds a lock for milliseconds: it is waited for, and then believed.
const patienceMs = [50, 200, 700]
/** Milliseconds for which a lock must have stood, the very same file, before it goes. */
const standingMs = 150

/** Removes the dead locks of one change and gives their paths. Where a git lives that may hold them, none goes. */
export async function clearDeadRefLocks(commonDir: string, { refs, since }: CutOff): Promise<string[]> {
  const found = () =>
    [join(commonDir, 'packed-refs.lock'), ...refs.flatMap((ref) => locksOf(commonDir, ref))].filter((path) => {
      const facts = lstatOrNull(path)
      return facts?.isFile() === true && facts.mtimeMs >= since - coarseMs
    })
  for (const pause of patienceMs) {
    if (found().length === 0) return []
    if (!(await gitWorksIn(commonDir))) break
    await wait(pause)
  }
  const dead = found().map((path) => ({ path, inode: lstatOrNull(path)?.ino }))
  // Some programs write refs without being called git, and hold a lock as shortly as it does.
  await wait(standingMs)
  if (await gitWorksIn(commonDir)) return []
  return found().filter((path) => {
    if (!dead.some((one) => one.path === path && one.inode === lstatOrNull(path)?.ino)) return false
    try {
      unlinkSync(path)
      return true
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  })
}

function locksOf(commonDir: string, ref: string): string[] {
  if (!ref.endsWith('/')) return [join(commonDir, `${ref}.lock`)]
  try {
    return readdirSync(join(commonDir, ref), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.lock'))
      .map((name) => join(commonDir, ref, name))
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** True where a git lives that works in the repository, in one of its worktrees, or in a place that cannot be seen. */
async function gitWorksIn(commonDir: string): Promise<boolean> {
  const places = [dirname(commonDir), commonDir, ...worktreesOf(commonDir)]
  const inside = (path: string) => places.some((place) => path === place || path.startsWith(place + sep))
  for (const { pid, name, state } of await listProcesses()) {
    if (!name.startsWith('git') || state === 'Z' || state === 'X') continue
    try {
      if (inside(readlinkSync(`/proc/${pid}/cwd`))) return true
      // One that was told by name where to work, from elsewhere.
      if (places.some((place) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(place))) return true
    } catch (error) {
      // It ended meanwhile; or it may not be looked at (another user's, or a system without /proc): then it may be here.
      if (!isMissing(error) || lstatOrNull('/proc/self') === null) return true
    }
  }
  return false
}

function worktreesOf(commonDir: string): string[] {
  try {
    return readdirSync(join(commonDir, 'worktrees')).flatMap((id) => {
      const path = join(commonDir, 'worktrees', id, 'gitdir')
      return lstatSync(dirname(path)).isDirectory() && lstatOrNull(path)
        ? [dirname(readFileSync(path, 'utf8').trim())]
        : []
    })
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
