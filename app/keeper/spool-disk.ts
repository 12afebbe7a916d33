// What a spool leaves on disk, and how to read it without the keeper that wrote it: segment files named by their stream and the
// offset of their first byte. A kill can cut the last file short at any byte, and can leave a file longer than the offset of the
// next one says. In both cases only what was certainly written is read. It never writes.
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

export interface Segment {
  readonly start: number
  readonly length: number
}

export interface DiskSpool {
  /** The readable range: one unbroken one, the last. */
  readonly first: number
  readonly end: number
  /** Up to `max` bytes from `from` on; `at` is larger than `from` where that has been dropped. Empty at the end. */
  read(from: number, max: number): Promise<{ readonly at: number; readonly bytes: Buffer }>
}

/** "out-0000000001048576.seg": 16 digits hold every offset that a JavaScript number can, and names sort by offset. */
export const segmentName = (stream: string, start: number): string => `${stream}-${String(start).padStart(16, '0')}.seg`

/** Opens what is on disk of one stream; an empty range at 0 where there is nothing. Throws where the disk cannot be read. */
export async function openSpool(directory: string, stream: string): Promise<DiskSpool> {
  const segments = await listSegments(directory, stream)
  const first = segments[0]?.start ?? 0
  const last = segments.at(-1)
  return {
    first,
    end: last ? last.start + last.length : 0,
    async read(from, max) {
      const at = Math.max(from, first)
      const segment = segments.findLast(({ start }) => start <= at)
      if (!segment || at >= segment.start + segment.length) return { at, bytes: Buffer.alloc(0) }
      const path = join(directory, segmentName(stream, segment.start))
      const bytes = await readSegment(path, at - segment.start, Math.min(max, segment.start + segment.length - at))
      return { at, bytes: bytes ?? Buffer.alloc(0) }
    },
  }
}

/** Up to `max` bytes of a file from `position` on; null where it is not there. Other errors count as that too: the disk fails. */
export async function readSegment(path: string, position: number, max: number): Promise<Buffer | null> {
  try {
    const file = await open(path, 'r')
    try {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(max), 0, max, position)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch {
    return null
  }
}

async function listSegments(directory: string, stream: string): Promise<Segment[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const starts = names
    .map((name) => /^(.+)-(\d{16})\.seg$/.exec(name))
    .filter((match) => match !== null && match[1] === stream)
    .map((match) => Number(match![2]))
    .sort((a, b) => a - b)
  const found: Segment[] = []
  // From the newest back, as long as each ends where the one after it begins.
  for (const start of starts.toReversed()) {
    const size = await sizeOf(join(directory, segmentName(stream, start)))
    const next = found[0]?.start
    // A live keeper drops the oldest while this looks, and takes back a newest that it had nothing to write into.
    if (size === null && next === undefined) continue
    if (size === null) break
    if (next !== undefined && start + size < next) break
    found.unshift({ start, length: next === undefined ? size : next - start })
  }
  return found
}

/** Null where the file is not there (any more). */
async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
