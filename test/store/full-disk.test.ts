// A disk that is full, in a process of its own: by a limit on the size of its files everywhere, and on a real small file system
// where one may be mounted.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openJournal } from '../../app/store/journal.ts'
import { by, openIn, repository, scratch } from './sample.ts'

const child = join(import.meta.dirname, 'fixtures/append-until.ts')
const { make } = scratch()

interface Said {
  appended?: number
  failed?: string
  retryable?: boolean
  state?: number
  head?: number
  read?: number
  notOpened?: string
}

function appendUntil(command: string, args: readonly string[]): Said[] {
  const { stdout } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1e8 })
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Said)
}

function expectWholeAndGoingOn(said: readonly Said[], failed: string): void {
  const last = said.at(-1)!
  const appended = said.findLast((line) => line.appended)?.appended ?? 0
  expect(last).toEqual({ failed, retryable: true, state: appended, head: appended, read: appended })
  expect(appended).toBeGreaterThan(10)
}

const canMount = (() => {
  const probe = join('/tmp', `coppice-mount-${process.pid}`)
  mkdirSync(probe)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', probe], { stdio: 'ignore' })
    execFileSync('umount', [probe], { stdio: 'ignore' })
    return true
  } catch {
    return false
  } finally {
    rmSync(probe, { recursive: true })
  }
})()

describe('a full disk', () => {
  it('or a file at its limit fails the append, changes nothing, and goes on when it may be written again', () => {
    const directory = make()
    // `ulimit -f` counts blocks of 512 bytes in a POSIX shell, of 1024 in bash: about 300 or 600 KB.
    const said = appendUntil('sh', [
      '-c',
      `ulimit -f 600; exec "$0" "$@"`,
      process.execPath,
      child,
      directory,
      '100000',
    ])
    // There is space beside the file, so it is not said that the disk is full.
    expectWholeAndGoingOn(said, 'disk-error')
    expect(readdirSync(directory).filter((name) => name.includes('probe'))).toEqual([])
    const journal = openJournal(openIn(directory))
    const appended = journal.head().seq
    expect(appended).toBe(said.at(-1)?.head)
    expect(journal.verify().ok).toBe(true)
    expect(journal.append({ type: 'repository-added', repository: repository('after') }, by).seq).toBe(appended + 1)
    journal.close()
  })

  if (!canMount) console.warn('skipped: a full 2 MB file system (tmpfs cannot be mounted here)')
  it.skipIf(!canMount)('of 2 MB is survived, and a journal on one with no space at all says so', () => {
    const directory = make()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', directory])
    try {
      const said = appendUntil(process.execPath, [child, directory, '100000'])
      expectWholeAndGoingOn(said, 'no-space')
      const journal = openJournal(openIn(directory))
      expect(journal.verify().ok).toBe(true)
      expect(journal.head().seq).toBe(said.at(-1)?.head)
      journal.close()

      const full = join(directory, 'full')
      mkdirSync(full)
      expect(() => writeFileSync(join(directory, 'fill'), Buffer.alloc(3e6))).toThrow('ENOSPC')
      expect(appendUntil(process.execPath, [child, full, '10']).at(-1)).toEqual({ notOpened: 'no-space' })
    } finally {
      execFileSync('umount', [directory])
    }
  })
})
