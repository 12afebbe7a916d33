import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyIncludedFiles, findIncludedFiles } from '../../app/runs/create/included-files.ts'

let root: string
let from: string
let to: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'coppice-include-'))
  from = join(root, 'checkout')
  to = join(root, 'worktree')
  await mkdir(from)
  await mkdir(to)
})
afterEach(() => rm(root, { recursive: true, force: true }))
const put = async (name: string, text = name) => {
  await mkdir(join(from, name, '..'), { recursive: true })
  await writeFile(join(from, name), text)
}

describe('.worktreeinclude', () => {
  it('names nothing where there is no such file', async () => {
    await put('.env')
    expect((await findIncludedFiles(from, new Set())).files).toEqual([])
  })

  it('finds untracked files by gitignore patterns, never tracked ones, never into node_modules unasked', async () => {
    for (const name of [
      '.env',
      '.env.test',
      'certs/dev.pem',
      'certs/readme.md',
      'node_modules/x/.env',
      'src/.env',
      'kept.txt',
    ])
      await put(name)
    await put('.worktreeinclude', '.env*\ncerts/\n!certs/readme.md\n')
    const found = await findIncludedFiles(from, new Set(['src/.env']))
    expect(found.files).toEqual(['.env', '.env.test', 'certs/dev.pem', 'certs/readme.md'])
  })

  it('copies with modes for the owner only, and overwrites nothing', async () => {
    await put('.env', 'SECRET=1')
    await put('run.sh', '#!/bin/sh')
    await chmod(join(from, 'run.sh'), 0o755)
    await put('taken', 'theirs')
    await writeFile(join(to, 'taken'), 'mine')
    expect(await copyIncludedFiles(from, to, ['.env', 'run.sh', 'taken', 'vanished'])).toEqual(['.env', 'run.sh'])
    expect((await stat(join(to, '.env'))).mode & 0o777).toBe(0o600)
    expect((await stat(join(to, 'run.sh'))).mode & 0o777).toBe(0o700)
    expect(await readFile(join(to, 'taken'), 'utf8')).toBe('mine')
  })

  it('follows no link, neither to read nor to write', async () => {
    await writeFile(join(root, 'outside'), 'secret')
    await symlink(join(root, 'outside'), join(from, '.env'))
    await put('.worktreeinclude', '.env\n')
    expect(await findIncludedFiles(from, new Set())).toMatchObject({ files: [], leftOut: ['.env'] })
    await put('dir/file', 'x')
    await mkdir(join(root, 'elsewhere'))
    await symlink(join(root, 'elsewhere'), join(to, 'dir'))
    await expect(copyIncludedFiles(from, to, ['dir/file'])).rejects.toMatchObject({
      failure: { code: 'copy-failed', detail: { file: 'dir/file' } },
    })
    await put('dir/deep/er/file', 'x')
    await expect(copyIncludedFiles(from, to, ['dir/deep/er/file'])).rejects.toMatchObject({
      failure: { code: 'copy-failed' },
    })
    expect(await readdir(join(root, 'elsewhere'))).toEqual([])
    // One that stays inside is the repository's own way to lay things out.
    await mkdir(join(to, 'real'))
    await symlink('real', join(to, 'alias'))
    await put('alias/deep/file', 'x')
    expect(await copyIncludedFiles(from, to, ['alias/deep/file'])).toEqual(['alias/deep/file'])
    expect(await readFile(join(to, 'real/deep/file'), 'utf8')).toBe('x')
  })

  it('passes by a folder that it may not read, and says so only where a pattern names it', async () => {
    await put('data/.env')
    await put('.env')
    await put('.worktreeinclude', '.env\n')
    await chmod(join(from, 'data'), 0o000)
    const asNobody = async <T>(work: () => Promise<T>): Promise<T> => {
      // Root may read everything, so it looks with another user's eyes.
      if (process.getuid?.() !== 0) return work()
      await chmod(root, 0o755)
      process.seteuid?.(65_534)
      try {
        return await work()
      } finally {
        process.seteuid?.(0)
      }
    }
    expect(await asNobody(() => findIncludedFiles(from, new Set()))).toMatchObject({ files: ['.env'], leftOut: [] })
    await put('.worktreeinclude', '.env\ndata/\n')
    expect(await asNobody(() => findIncludedFiles(from, new Set()))).toMatchObject({
      files: ['.env'],
      leftOut: ['data/'],
    })
    await chmod(join(from, 'data'), 0o700)
  })

  it('stops at an abort', async () => {
    await put('.env')
    await expect(copyIncludedFiles(from, to, ['.env'], AbortSignal.abort())).rejects.toThrow()
  })
})
