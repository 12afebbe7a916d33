// A few megabytes that are reserved while there is space and released when the disk is full. A removal, a stop and a permanent
// deletion have to be recorded too, and they are what frees space. Nothing is ever stored in the file.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Enough for some thousand records of the journal with their manifests and refs. */
export const reserveBytes = 4 * 1024 * 1024

const pathIn = (dataDirectory: string): string => join(dataDirectory, 'reserve')

/** Sets the reserve aside where it is not yet and the disk has at least eight times as much to give. Never throws. */
export function keepReserve(dataDirectory: string): void {
  const path = pathIn(dataDirectory)
  const partial = `${path}.new`
  try {
    if (sizeOf(path) >= reserveBytes) return
    const { bavail, bsize } = statfsSync(dataDirectory)
    if (bavail * bsize < 8 * reserveBytes) return
    const file = openSync(partial, 'w', 0o600)
    try {
      // Random bytes are not worth their time: no file system that Coppice runs on takes back a written zero.
      const zeros = Buffer.alloc(256 * 1024)
      for (let written = 0; written < reserveBytes; ) written += writeSync(file, zeros)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(partial, path)
  } catch {
    // No space for it after all: what was written goes, and the next sweep tries again.
    rmSync(partial, { force: true })
  }
}

/** Gives the reserve back to the disk; false where there was none. */
export function releaseReserve(dataDirectory: string): boolean {
  const path = pathIn(dataDirectory)
  try {
    const had = sizeOf(path) > 0
    rmSync(path, { force: true })
    return had
  } catch {
    return false
  }
}

/** Gives the reserve back where the disk has less than its size left. */
export function makeRoom(dataDirectory: string): void {
  try {
    const { bavail, bsize } = statfsSync(dataDirectory)
    if (bavail * bsize < reserveBytes) releaseReserve(dataDirectory)
  } catch {
    // Not known: whatever needs the room will say so.
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
