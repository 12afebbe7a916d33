// One keeper per data directory: an exclusive lock on a small SQLite file, held for life. The kernel releases it with the process,
// however that ends; a pid file would race and go stale. Nothing is ever stored in the file.
import { DatabaseSync } from 'node:sqlite'

/** Takes the lock, or returns null at once where another process holds it. Throws where the file cannot be used at all. */
export function takeLock(path: string): { release(): void } | null {
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
    return { release: () => database.close() }
  } catch (error) {
    database.close()
    // 5 is SQLITE_BUSY; the low byte holds the primary code of the extended ones.
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === 5) return null
    throw error
  }
}
