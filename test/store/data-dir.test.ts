import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CoppiceFailure } from '../../app/model/failure.ts'
import { dataDirectory, openDataDirectory } from '../../app/store/data-dir.ts'
import { scratch } from './sample.ts'

const { make } = scratch()
const modeOf = (path: string) => lstatSync(path).mode & 0o777
const codeOf = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    return error instanceof CoppiceFailure ? error.failure.code : error
  }
  return null
}

describe('dataDirectory', () => {
  it.each([
    [{ COPPICE_HOME: '/srv/coppice', XDG_DATA_HOME: '/x', HOME: '/home/ada' }, 'linux', '/srv/coppice'],
    [{ XDG_DATA_HOME: '/x', HOME: '/home/ada' }, 'linux', '/x/coppice'],
    [{ XDG_DATA_HOME: 'relative', HOME: '/home/ada' }, 'linux', '/home/ada/.local/share/coppice'],
    [{ HOME: '/home/ada' }, 'linux', '/home/ada/.local/share/coppice'],
    [{ HOME: '/Users/ada' }, 'darwin', '/Users/ada/Library/Application Support/Coppice'],
    [{}, 'linux', join(homedir(), '.local/share/coppice')],
  ] as const)('of %j on %s is %s', (environment, platform, path) => {
    expect(dataDirectory(environment, platform)).toBe(path)
  })

  it('makes a relative COPPICE_HOME absolute', () => {
    expect(dataDirectory({ COPPICE_HOME: 'here' })).toBe(join(process.cwd(), 'here'))
  })
})

describe('openDataDirectory', () => {
  it('makes the directory and its rooms for the owner alone', () => {
    const path = join(make(), 'deep', 'coppice')
    const directory = openDataDirectory(path)
    expect(modeOf(path)).toBe(0o700)
    expect(readdirSync(path).sort()).toEqual(['aside', 'keeper', 'logs', 'runs', 'worktrees'])
    for (const room of readdirSync(path)) expect(modeOf(join(path, room))).toBe(0o700)
    expect(directory.run('fix')).toBe(join(path, 'runs', 'fix'))
    expect(directory.database.startsWith(path)).toBe(true)
    expect(openDataDirectory(path).path).toBe(path)
  })

  it('closes an empty directory that others could read', () => {
    const path = join(make(), 'open')
    mkdirSync(path)
    chmodSync(path, 0o755)
    openDataDirectory(path)
    expect(modeOf(path)).toBe(0o700)
  })

  it('closes its own directory again where somebody opened it', () => {
    const path = join(make(), 'own')
    openDataDirectory(path)
    writeFileSync(join(path, 'host.lock'), '')
    chmodSync(path, 0o755)
    openDataDirectory(path)
    expect(modeOf(path)).toBe(0o700)
  })

  it('refuses a directory of other files that others can read, and changes nothing', () => {
    const path = join(make(), 'projects')
    mkdirSync(path)
    chmodSync(path, 0o755)
    writeFileSync(join(path, 'mine.txt'), 'mine')
    expect(codeOf(() => openDataDirectory(path))).toBe('bad-input')
    expect(readdirSync(path)).toEqual(['mine.txt'])
    expect(modeOf(path)).toBe(0o755)
  })

  it('refuses a symbolic link', () => {
    const root = make()
    mkdirSync(join(root, 'real'), { mode: 0o700 })
    symlinkSync(join(root, 'real'), join(root, 'link'))
    expect(codeOf(() => openDataDirectory(join(root, 'link')))).toBe('bad-input')
    expect(readdirSync(join(root, 'real'))).toEqual([])
  })

  it('refuses a path with a line break, which no lock of git could name', () => {
    const root = make()
    expect(codeOf(() => openDataDirectory(join(root, 'two\nlines')))).toBe('bad-input')
    expect(readdirSync(root)).toEqual([])
  })

  it.each([tmpdir(), '/tmp', '/var/tmp', '/', homedir()])('refuses %s', (path) => {
    expect(codeOf(() => openDataDirectory(path))).toBe('bad-input')
  })

  it('refuses a file, and a path through one', () => {
    const root = make()
    writeFileSync(join(root, 'file'), '')
    expect(codeOf(() => openDataDirectory(join(root, 'file')))).toBe('bad-input')
    expect(codeOf(() => openDataDirectory(join(root, 'file', 'below')))).toBe('bad-input')
  })

  it.runIf(process.getuid?.() === 0)('refuses a directory of another user', () => {
    const path = join(make(), 'theirs')
    mkdirSync(path, { mode: 0o700 })
    chownSync(path, 12_345, 12_345)
    expect(codeOf(() => openDataDirectory(path))).toBe('permission-denied')
    expect(readdirSync(path)).toEqual([])
  })

  it.runIf(process.getuid?.() !== 0)('refuses where it may not write', () => {
    const root = make()
    chmodSync(root, 0o500)
    expect(codeOf(() => openDataDirectory(join(root, 'new')))).toBe('permission-denied')
    chmodSync(root, 0o700)
  })

  it('refuses where the kernel lets nobody make a directory', () => {
    expect(codeOf(() => openDataDirectory('/proc/coppice/deep'))).toBe('bad-input')
  })
})
