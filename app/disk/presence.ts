// Whether a path is there, asked without holding up the host. "Not there" is said only where the system says so: any other error is
// thrown or called unknown, because unknown is not absent (an unmounted disk, a directory that may not be read). Links are not
// followed. files.ts has the same for code that must not pause.
import { constants } from 'node:fs'
import { access, lstat } from 'node:fs/promises'
import { fail } from '../model/failure.ts'
import { isMissing } from './files.ts'

export type Presence = 'directory' | 'other' | 'missing' | 'unknown'

/** What is at the path, where it may be that nobody can say. Never throws. */
export async function presenceOf(path: string): Promise<Presence> {
  return lstat(path).then(
    (stat) => (stat.isDirectory() ? 'directory' : 'other'),
    (error: unknown) => (isMissing(error) ? 'missing' : 'unknown'),
  )
}

/** True where something is at the path, a dangling link too. Throws where that cannot be said. */
export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(() => true, absent)
}

/** True where a directory (no link to one) is at the path. Throws where that cannot be said. */
export async function isDirectory(path: string): Promise<boolean> {
  return lstat(path).then((stat) => stat.isDirectory(), absent)
}

/** True where something is at the path and can be read. Throws `state-unknown` where it cannot be read, or that cannot be said. */
export async function isReadable(path: string): Promise<boolean> {
  try {
    if (!(await exists(path))) return false
    await access(path, constants.R_OK)
    return true
  } catch (error) {
    throw fail('state-unknown', { what: 'read', path, message: error instanceof Error ? error.message : String(error) })
  }
}

function absent(error: unknown): false {
  if (isMissing(error)) return false
  throw error
}
