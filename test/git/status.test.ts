import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lineCounts } from '../../app/git/line-counts.ts'
import { quickSignature, readStatus, statusParser } from '../../app/git/status.ts'
import { readAdminDir } from '../../app/git/worktree/checkout.ts'
import { fingerprint, writeFiles } from '../harness/test-repo.ts'
import { countingPrograms, failing, repoOf, scripted } from './setup.ts'

const files = { 'a.txt': 'a\n', 'b.txt': 'b\n', '.gitignore': 'node_modules/\n*.log\n' }

describe('readStatus', () => {
  it('counts each group exactly, names a few, and changes nothing', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    const odd = 'name with\nnewline "quotes" \u65e5\u672c'
    writeFiles(path, {
      'a.txt': 'changed\n',
      'staged.txt': 's',
      [odd]: 'x',
      'new/1': '1',
      'new/2': '2',
      'x.log': 'ignored',
    })
    repo.gitIn(path, 'add', 'staged.txt', 'a.txt')
    writeFiles(path, { 'a.txt': 'changed again\n' })
    rmSync(join(path, 'b.txt'))
    const before = fingerprint(repo.root)
    const { value, programs } = await countingPrograms(() => readStatus(repo.context, path))
    expect(programs).toBe(1)
    expect(value).toEqual({
      commit: repo.git('rev-parse', 'main'),
      branch: 'agent/one',
      staged: 2,
      unstaged: 2,
      untracked: 2,
      conflicted: 0,
      paths: {
        staged: ['a.txt', 'staged.txt'],
        unstaged: ['a.txt', 'b.txt'],
        untracked: [odd, 'new/'],
        conflicted: [],
      },
      operation: null,
    })
    expect(fingerprint(repo.root)).toEqual(before)
    expect(await readStatus(repo.context, path, { untracked: 'all', maxPaths: 1 })).toMatchObject({
      untracked: 3,
      paths: { untracked: [odd] },
    })
  })

  it('is not talked out of what it shows', async () => {
    const repo = repoOf({ files })
    for (const [key, value] of [
      ['status.showUntrackedFiles', 'no'],
      ['status.short', 'true'],
      ['status.branch', 'false'],
      ['status.relativePaths', 'false'],
      ['status.renames', 'copies'],
      ['color.status', 'always'],
      ['column.ui', 'always'],
      ['core.quotePath', 'true'],
      ['diff.ignoreSubmodules', 'all'],
    ] as const) {
      repo.git('config', key, value)
    }
    writeFiles(repo.path, { 'ü.txt': 'x' })
    expect(await readStatus(repo.context, repo.path)).toMatchObject({
      branch: 'main',
      untracked: 1,
      paths: { untracked: ['ü.txt'] },
    })
  })

  it.each([
    ['rebase', ['rebase', 'main']],
    ['merge', ['merge', 'main']],
    ['cherry-pick', ['cherry-pick', 'main']],
    ['revert', ['revert', '--no-edit', 'HEAD~1']],
  ] as const)('names a %s in progress, with its conflicts', async (operation, command) => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    repo.commit({ 'a.txt': 'ours\n' }, 'Ours', path)
    repo.commit({ 'a.txt': 'ours again\n' }, 'Again', path)
    repo.commit({ 'a.txt': 'theirs\n' }, 'Theirs')
    expect(repo.tryGit(path, ...command).code).not.toBe(0)
    expect(await readStatus(repo.context, path)).toMatchObject({
      operation,
      conflicted: 1,
      paths: { conflicted: ['a.txt'] },
    })
  })

  it('names bisect and am, a detached HEAD and an unborn branch', async () => {
    const repo = repoOf({ files, commits: [{ c: 'c' }] })
    const path = repo.worktree('agent/one')
    repo.gitIn(path, 'bisect', 'start')
    expect(await readStatus(repo.context, path)).toMatchObject({ operation: 'bisect' })
    repo.gitIn(path, 'bisect', 'reset')
    mkdirSync(join(readAdminDir(path).adminDir, 'rebase-apply'))
    writeFileSync(join(readAdminDir(path).adminDir, 'rebase-apply/applying'), '')
    expect(await readStatus(repo.context, path)).toMatchObject({ operation: 'am' })
    repo.git('checkout', '-q', '--detach')
    expect(await readStatus(repo.context, repo.path)).toMatchObject({ branch: null, operation: null })
    const empty = repoOf({ files: null })
    expect(await readStatus(empty.context, empty.path)).toMatchObject({ branch: 'main', commit: null })
  })

  it('is unknown, never clean, where git fails, hangs, lies, or nothing was checked out', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    await expect(readStatus(scripted(repo, 'exit 128'), path)).rejects.toEqual(failing('git-failed'))
    await expect(readStatus({ ...scripted(repo, 'sleep 60'), timeoutMs: 150 }, path)).rejects.toEqual(
      failing('git-timeout'),
    )
    await expect(readStatus(scripted(repo, 'echo lies'), path)).rejects.toEqual(failing('state-unknown'))
    await expect(readStatus(scripted(repo, "printf '1 .M cut off'"), path)).rejects.toEqual(failing('state-unknown'))
    await expect(readStatus(scripted(repo, 'exit 0'), path)).rejects.toEqual(failing('state-unknown'))
    await expect(readStatus(repo.context, join(repo.root, 'none'))).rejects.toEqual(failing('worktree-missing'))
    rmSync(join(readAdminDir(path).adminDir, 'index'))
    await expect(readStatus(repo.context, path)).rejects.toEqual(failing('state-unknown', { reason: 'no-index' }))
  })

  it('parses records that arrive in pieces of any size', () => {
    const record = `# branch.oid ${'a'.repeat(40)}\0# branch.head b\0${`1 .M N... 100644 100644 100644 ${'a'.repeat(40)} ${'a'.repeat(40)} a b.txt\0`}u UU N... 100644 100644 100644 100644 ${'a'.repeat(40)} ${'b'.repeat(40)} ${'c'.repeat(40)} c d.txt\0? e f\0`
    for (const size of [1, 7, 1000]) {
      const parser = statusParser()
      for (let at = 0; at < record.length; at += size) parser.add(Buffer.from(record.slice(at, at + size)))
      expect(parser.end()).toMatchObject({
        branch: 'b',
        unstaged: 1,
        conflicted: 1,
        untracked: 1,
        paths: { unstaged: ['a b.txt'], conflicted: ['c d.txt'], untracked: ['e f'] },
      })
    }
  })
})

describe('lineCounts', () => {
  it('counts committed and uncommitted lines since the merge base, not what the base did since', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    repo.commit({ 'new.txt': '1\n2\n3\n' }, 'Three', path)
    writeFiles(path, { 'a.txt': 'x\ny\n' })
    const base = repo.commit({ 'main.txt': 'm\n'.repeat(50), bin: Buffer.from([0, 1, 2]) }, 'Main')
    expect(await lineCounts(repo.context, path, base)).toEqual({ added: 5, deleted: 1, files: 2 })
    await expect(lineCounts(repo.context, path, 'none')).rejects.toEqual(failing('base-not-found'))
  })
})

describe('quickSignature', () => {
  it('changes with a commit and a staging, not with a read, and is null where nothing is', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    const signature = () => quickSignature(path)
    const first = signature()
    await readStatus(repo.context, path)
    expect(signature()).toBe(first)
    writeFiles(path, { 'a.txt': 'x' })
    repo.gitIn(path, 'add', 'a.txt')
    const staged = signature()
    expect(staged).not.toBe(first)
    repo.gitIn(path, 'commit', '-qm', 'x')
    expect(signature()).not.toBe(staged)
    expect(quickSignature(join(repo.root, 'none'))).toBeNull()
  })
})
