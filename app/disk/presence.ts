// Whether a path is there. "Not there" is said only where the system says so: any other error is thrown, because unknown is not
// absent (an unmounted disk, a directory that may not be read).
import { lstat } from 'node:fs/promises'

/** True where something is at the path, a dangling link too. Throws where that cannot be said. */
export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(() => true, absent)
}

/** True where a directory (no link to one) is at the path. Throws where that cannot be said. */
export async function isDirectory(path: string): Promise<boolean> {
  return lstat(path).then((stat) => stat.isDirectory(), absent)
}

function absent(error: NodeJS.ErrnoException): false {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false
  throw error
}
