// What tests fetch or unpack once and keep: a folder outside the project, and a lock so that several test files can ask at once.
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const cacheDirectory = (): string => process.env.COPPICE_TEST_CACHE || join(homedir(), '.cache', 'coppice-test')

/**
 * Holds a lock file with our pid in it while the work goes on; the lock of a process that is gone counts for nothing. Rejects where
 * another process holds it for longer than `patience` (milliseconds).
 */
export async function withLock(path: string, patience: number, work: () => Promise<void>): Promise<void> {
  const until = Date.now() + patience
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    if (!isHeld(path)) unlinkSync(path)
    else if (Date.now() > until) throw new Error(`${path} is held by another process for more than ${patience} ms`)
    else await new Promise((resolve) => setTimeout(resolve, 200))
  }
  try {
    await work()
  } finally {
    unlinkSync(path)
  }
}

function isHeld(path: string): boolean {
  try {
    process.kill(Number(readFileSync(path, 'utf8')) || -1, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
