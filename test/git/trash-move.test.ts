import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { identityOf } from '../../app/disk/files.ts'
import { dropKeepRefs, keepObjects, readKeepRefs } from '../../app/git/trash/keep.ts'
import { attachWorktree, detachWorktree, moveDirectory } from '../../app/git/trash/move.ts'
import { settleAt } from '../../app/git/trash/new-place.ts'
import { readAdminDir } from '../../app/git/worktree/checkout.ts'
import { listWorktrees } from '../../app/git/worktree/worktree.ts'
import { fingerprint, type TestRepo, writeFiles } from '../harness/test-repo.ts'
import { countingPrograms, failing, repoOf } from './setup.ts'

const files = { 'a.txt': 'a\n', 'b.txt': 'b\n', 'c.txt': 'c\n', '.gitignore': 'node_modules/\n.env\n*.log\n' }

function placeOf(repo: TestRepo) {
  return { topLevel: repo.path, commonDir: repo.commonDir }
}

/** A worktree with one of everything that a plain removal loses. */
function crowded(repo: TestRepo): string {
  const path = repo.worktree('agent/one')
  repo.commit({ 'own.txt': 'own\n' }, 'Own commit', path)
  writeFiles(path, {
    'staged.txt': 'staged\n',
    'a.txt': 'unstaged\n',
    'untracked.txt': 'untracked\n',
    'u/deep/er.txt': 'x',
    'node_modules/x/index.js': 'module.exports = 1\n',
    '.env': 'SECRET=1\n',
    'run.sh': { run: '#!/bin/sh\n' },
    link: { link: '/nowhere/at all' },
    'empty/': '',
    'name with\nnewline "and quotes"': 'n',
  })
  chmodSync(join(path, '.env'), 0o600)
  repo.gitIn(path, 'add', 'staged.txt')
  repo.gitIn(path, 'update-index', '--skip-worktree', 'b.txt')
  repo.gitIn(path, 'update-index', '--assume-unchanged', 'c.txt')
  writeFiles(path, { 'b.txt': 'hidden edit\n', 'c.txt': 'hidden too\n' })
  repo.gitIn(path, 'worktree', 'lock', '--reason', 'coppice run=one', path)
  utimesSync(join(path, 'untracked.txt'), 1_000_000, 1_000_000)
  return path
}

function stateOf(repo: TestRepo, path: string) {
  return {
    tree: fingerprint(path),
    admin: fingerprint(readAdminDir(path).adminDir),
    status: repo.gitIn(
      path,
      '-c',
      'core.optionalLocks=false',
      '--no-optional-locks',
      'status',
      '--porcelain=v2',
      '--branch',
      '--ignored',
    ),
    listed: repo.git('worktree', 'list', '--porcelain'),
  }
}

const gone = (repo: TestRepo) => repo.git('worktree', 'list', '--porcelain').split('\n\n').filter(Boolean).length === 1

describe('detach and attach', () => {
  it('take a worktree away and bring it back byte for byte, across a gc', async () => {
    const repo = repoOf({ files, remote: true })
    const path = crowded(repo)
    const before = stateOf(repo, path)
    const trashDir = join(repo.root, 'worktrees/.trash/one')
    const { adminDir, id } = readAdminDir(path)
    await keepObjects(repo.context, placeOf(repo), { worktree: path, keepId: 'one', branch: 'agent/one' })
    const { value, programs } = await countingPrograms(async () =>
      detachWorktree({ worktree: path, adminDir, trashDir, expected: identityOf(path)! }),
    )
    expect([value, programs]).toEqual([{ tree: 'moved', admin: 'moved' }, 0])
    expect(existsSync(path)).toBe(false)
    expect(gone(repo)).toBe(true)
    expect(existsSync(join(repo.commonDir, 'worktrees'))).toBe(true)
    repo.git('branch', '-D', 'agent/one')
    repo.git('reflog', 'expire', '--expire=now', '--all')
    repo.git('gc', '--quiet', '--prune=now')
    rmSync(join(repo.commonDir, 'worktrees'), { recursive: true, force: true })

    repo.git(
      'update-ref',
      'refs/heads/agent/one',
      (await readKeepRefs(repo.context, repo.path, 'one')).get('refs/coppice/keep/one/branch')!,
    )
    const back = attachWorktree({ trashDir, path, commonDir: repo.commonDir, adminId: id })
    expect(back).toMatchObject({ adminDir, id, tree: 'moved', admin: 'moved', changed: false })
    expect(stateOf(repo, path)).toEqual(before)
    expect(statSync(join(path, 'untracked.txt')).mtimeMs).toBe(1_000_000_000)
    expect(readdirSync(trashDir)).toEqual([])
    expect(repo.git('fsck', '--full', '--strict')).toBe('')
    // Both are idempotent.
    expect(attachWorktree({ trashDir, path, commonDir: repo.commonDir, adminId: id })).toMatchObject({
      tree: 'already',
      admin: 'already',
    })
    detachWorktree({ worktree: path, adminDir, trashDir })
    expect(detachWorktree({ worktree: path, adminDir, trashDir })).toEqual({ tree: 'already', admin: 'already' })
    await dropKeepRefs(repo.context, placeOf(repo), 'one')
    expect(repo.git('for-each-ref', 'refs/coppice')).toBe('')
  })

  it.each(['rebase', 'merge', 'cherry-pick'])('keep a %s that is in conflict', async (operation) => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    repo.commit({ 'a.txt': 'ours\n' }, 'Ours', path)
    repo.commit({ 'z.txt': 'z\n' }, 'More', path)
    repo.commit({ 'a.txt': 'theirs\n' }, 'Theirs')
    expect(repo.tryGit(path, operation, 'main').code).not.toBe(0)
    writeFiles(path, { 'a.txt': 'half resolved\n' })
    const before = stateOf(repo, path)
    const { adminDir, id } = readAdminDir(path)
    const trashDir = join(repo.root, 'worktrees/.trash/one')
    await keepObjects(repo.context, placeOf(repo), { worktree: path, keepId: 'one', branch: 'agent/one' })
    detachWorktree({ worktree: path, adminDir, trashDir })
    repo.git('branch', '-D', 'agent/one')
    repo.git('reflog', 'expire', '--expire=now', '--all')
    repo.git('gc', '--quiet', '--prune=now')
    const refs = await readKeepRefs(repo.context, repo.path, 'one')
    repo.git('update-ref', 'refs/heads/agent/one', refs.get('refs/coppice/keep/one/branch')!)
    attachWorktree({ trashDir, path, commonDir: repo.commonDir, adminId: id })
    expect(stateOf(repo, path)).toEqual(before)
    writeFiles(path, { 'a.txt': 'resolved\n' })
    repo.gitIn(path, 'add', 'a.txt')
    repo.gitIn(path, '-c', 'core.editor=true', operation, '--continue')
    expect(repo.gitIn(path, 'status', '--porcelain')).toBe('')
    expect(repo.git('fsck', '--full')).toBe('')
  })

  it('bring it back to another path and under another name where its own are taken', async () => {
    const repo = repoOf({ files })
    const path = crowded(repo)
    const { adminDir, id } = readAdminDir(path)
    const trashDir = join(repo.root, 'worktrees/.trash/one')
    const status = repo.gitIn(path, 'status', '--porcelain')
    detachWorktree({ worktree: path, adminDir, trashDir })
    repo.git('worktree', 'add', '-q', '-b', 'other', path)
    const refused = () => attachWorktree({ trashDir, path, commonDir: repo.commonDir, adminId: id })
    expect(refused).toThrow(expect.objectContaining({ failure: expect.objectContaining({ code: 'restore-conflict' }) }))
    const elsewhere = join(repo.root, 'new place/two')
    const back = attachWorktree({ trashDir, path: elsewhere, commonDir: repo.commonDir, adminId: id })
    expect(back).toMatchObject({ id: `${id}1`, changed: true })
    expect(repo.gitIn(elsewhere, 'status', '--porcelain')).toBe(status)
    expect(await listWorktrees(repo.context, repo.path)).toMatchObject([
      {},
      { path: elsewhere, branch: 'agent/one', locked: 'coppice run=one' },
      { branch: 'other' },
    ])
    expect(readAdminDir(elsewhere).adminDir).toBe(back.adminDir)
  })

  it('carry on where a crash stopped them', () => {
    const repo = repoOf({ files })
    const path = crowded(repo)
    const before = stateOf(repo, path)
    const { adminDir, id } = readAdminDir(path)
    const trashDir = join(repo.root, 'worktrees/.trash/one')
    mkdirSync(trashDir, { recursive: true })
    // Killed between the two renames of a detach.
    renameSync(path, join(trashDir, 'tree'))
    expect(detachWorktree({ worktree: path, adminDir, trashDir })).toEqual({ tree: 'already', admin: 'moved' })
    // Killed between the two renames of an attach.
    renameSync(join(trashDir, 'admin'), adminDir)
    expect(attachWorktree({ trashDir, path, commonDir: repo.commonDir, adminId: id })).toMatchObject({
      tree: 'moved',
      admin: 'already',
    })
    expect(stateOf(repo, path)).toEqual(before)
    // Killed after the tree went, then called off.
    renameSync(path, join(trashDir, 'tree'))
    expect(attachWorktree({ trashDir, path, commonDir: repo.commonDir, adminId: id })).toMatchObject({
      tree: 'moved',
      admin: 'already',
    })
    expect(stateOf(repo, path)).toEqual(before)
    expect(() => attachWorktree({ trashDir, path: join(repo.root, 'none'), commonDir: repo.commonDir })).toThrow(
      /trash-missing/,
    )
  })

  it('put everything back where the second step fails', () => {
    const repo = repoOf({ files })
    const path = crowded(repo)
    const { adminDir } = readAdminDir(path)
    const trashDir = join(repo.root, 'worktrees/.trash/one')
    const before = stateOf(repo, path)
    // The entry says that it belongs to somebody else.
    const gitdir = readFileSync(join(adminDir, 'gitdir'))
    writeFileSync(join(adminDir, 'gitdir'), '/somewhere/else/.git\n')
    expect(() => detachWorktree({ worktree: path, adminDir, trashDir })).toThrow(/state-unknown/)
    writeFileSync(join(adminDir, 'gitdir'), gitdir)
    expect(stateOf(repo, path)).toEqual(before)
  })

  it('refuse what is not what was inspected: another directory, a link, a main checkout, a worktree with others inside', () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    const { adminDir } = readAdminDir(path)
    const expected = identityOf(path)!
    const trashDir = join(repo.root, 'worktrees/.trash/one')
    const refuse = (code: string, worktree = path) =>
      expect(() => detachWorktree({ worktree, adminDir, trashDir, expected })).toThrow(
        expect.objectContaining({ failure: expect.objectContaining({ code }) }),
      )
    const sentinel = join(repo.root, 'sentinel')
    writeFiles(sentinel, { 'precious.txt': 'p' })
    const untouched = fingerprint(sentinel)

    renameSync(path, `${path}.away`)
    refuse('worktree-missing')
    symlinkSync(sentinel, path)
    refuse('state-unknown')
    rmSync(path)
    mkdirSync(path)
    refuse('state-unknown')
    rmSync(path, { recursive: true })
    renameSync(`${path}.away`, path)
    // A link on the way.
    symlinkSync(join(repo.root, 'worktrees'), join(repo.root, 'shortcut'))
    refuse('state-unknown', join(repo.root, 'shortcut/agent-one'))
    // Another worktree inside.
    repo.git('worktree', 'add', '-q', '-b', 'inner', join(path, 'inner'))
    refuse('in-use')
    repo.git('worktree', 'remove', '--force', join(path, 'inner'))
    expect(() => detachWorktree({ worktree: repo.path, adminDir: repo.commonDir, trashDir })).toThrow(/not-ours/)
    expect(() => detachWorktree({ worktree: repo.path, adminDir, trashDir })).toThrow(/not-ours/)
    expect(fingerprint(sentinel)).toEqual(untouched)
    expect(detachWorktree({ worktree: path, adminDir, trashDir, expected })).toEqual({ tree: 'moved', admin: 'moved' })
  })

  it('move no other directory that is swapped in at the last moment: it is put back', () => {
    const repo = repoOf({ files: null })
    const wanted = join(repo.root, 'wanted')
    writeFiles(wanted, { w: 'w' })
    const identity = identityOf(wanted)!
    renameSync(wanted, join(repo.root, 'kept'))
    writeFiles(wanted, { other: 'o' })
    mkdirSync(join(repo.root, 'trash'))
    const move = () => moveDirectory(wanted, join(repo.root, 'trash/tree'), identity, 'in')
    expect(move).toThrow(/swapped|inspected/)
    expect(readdirSync(wanted)).toEqual(['other'])
    rmSync(wanted, { recursive: true })
    symlinkSync(join(repo.root, 'kept'), wanted)
    expect(move).toThrow(/inspected/)
    expect(lstatSync(wanted).isSymbolicLink()).toBe(true)
    expect(readdirSync(join(repo.root, 'trash'))).toEqual([])
  })

  it('take the right directory or none while somebody swaps it all the time', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    const { adminDir, id } = readAdminDir(path)
    const expected = identityOf(path)!
    const trashDir = join(repo.root, 'worktrees/.trash/one')
    const sentinel = join(repo.root, 'sentinel')
    writeFiles(sentinel, { 'precious.txt': 'p', '.git': `gitdir: ${adminDir}\n` })
    const untouched = fingerprint(sentinel)
    const script = `
      const fs = require('node:fs')
      const [path, sentinel] = process.argv.slice(1)
      const attempt = (work) => { try { work(); return true } catch { return false } }
      for (;;) {
        if (attempt(() => fs.renameSync(path, path + '.aside'))) {
          if (attempt(() => fs.symlinkSync(sentinel, path))) attempt(() => fs.unlinkSync(path))
          if (attempt(() => fs.mkdirSync(path))) attempt(() => fs.rmdirSync(path))
          while (!attempt(() => fs.renameSync(path + '.aside', path))) attempt(() => fs.unlinkSync(path)) || attempt(() => fs.rmdirSync(path))
        }
      }`
    const swapper = spawn(process.execPath, ['-e', script, path, sentinel], { stdio: 'ignore' })
    let [taken, refused] = [0, 0]
    try {
      for (let round = 0; round < 1_500 && (taken < 20 || refused < 20); round++) {
        try {
          detachWorktree({ worktree: path, adminDir, trashDir, expected })
        } catch (error) {
          refused++
          expect((error as { failure?: { code: string } }).failure?.code, String(error)).toMatch(
            /state-unknown|worktree-missing|restore-conflict/,
          )
          continue
        }
        taken++
        expect(identityOf(join(trashDir, 'tree'))).toEqual(expected)
        // Its place may be taken at the moment: then it stays where it is, and is brought back later.
        for (let again = true; again; ) {
          try {
            attachWorktree({ trashDir, path, commonDir: repo.commonDir, adminId: id })
            again = false
          } catch (error) {
            expect((error as { failure?: { code: string } }).failure?.code, String(error)).toBe('restore-conflict')
          }
        }
      }
    } finally {
      const ended = new Promise((resolve) => swapper.once('exit', resolve))
      swapper.kill('SIGKILL')
      await ended
    }
    expect(taken + refused).toBeGreaterThan(20)
    expect(fingerprint(sentinel)).toEqual(untouched)
  })

  it('refuse a trash on another file system, and copy the entry where only that is elsewhere', () => {
    const memory = '/dev/shm'
    if (!existsSync(memory) || statSync(memory).dev === statSync('/tmp').dev) return
    const scratch = realpathSync(mkdtempSync(join(memory, 'coppice-test-')))
    try {
      const repo = repoOf({ files })
      const path = crowded(repo)
      const { adminDir, id } = readAdminDir(path)
      const detach = (trashDir: string) => detachWorktree({ worktree: path, adminDir, trashDir })
      expect(() => detach(join(scratch, 'trash'))).toThrow(
        expect.objectContaining({ failure: expect.objectContaining({ code: 'no-trash' }) }),
      )
      expect(existsSync(join(path, '.git'))).toBe(true)

      // The worktree and its trash in memory, the repository on disk.
      const far = join(scratch, 'far')
      repo.git('worktree', 'add', '-q', '-b', 'far', far)
      writeFiles(far, { 'new.txt': 'n' })
      const before = stateOf(repo, far)
      const admin = readAdminDir(far)
      const trashDir = join(scratch, 'trash-far')
      expect(detachWorktree({ worktree: far, adminDir: admin.adminDir, trashDir })).toEqual({
        tree: 'moved',
        admin: 'moved',
      })
      expect(existsSync(admin.adminDir)).toBe(false)
      expect(readdirSync(trashDir).sort()).toEqual(['admin', 'tree'])
      attachWorktree({ trashDir, path: far, commonDir: repo.commonDir, adminId: admin.id })
      expect(stateOf(repo, far)).toEqual(before)
      expect(id).toBe('agent-one')
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  })

  it('refuse a tree that holds a mount', () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    const outside = join(repo.root, 'outside')
    writeFiles(outside, { 'precious.txt': 'p' })
    mkdirSync(join(path, 'bound here'))
    try {
      execFileSync('mount', ['--bind', outside, join(path, 'bound here')], { stdio: 'ignore' })
    } catch {
      // Mounting needs a right that not every machine gives.
      return
    }
    try {
      const { adminDir } = readAdminDir(path)
      expect(() =>
        detachWorktree({ worktree: path, adminDir, trashDir: join(repo.root, 'worktrees/.trash/one') }),
      ).toThrow(
        expect.objectContaining({
          failure: expect.objectContaining({ code: 'no-trash', detail: expect.objectContaining({ reason: 'mount' }) }),
        }),
      )
      expect(readFileSync(join(outside, 'precious.txt'), 'utf8')).toBe('p')
    } finally {
      execFileSync('umount', [join(path, 'bound here')])
    }
  })

  it('bring submodules back, also to another path', async () => {
    const repo = repoOf({ files })
    const library = join(repo.root, 'library')
    repo.gitIn(repo.root, 'clone', '-q', repo.path, library)
    repo.git('submodule', '--quiet', 'add', library, 'lib')
    repo.git('commit', '-qm', 'Add a submodule')
    const path = repo.worktree('agent/one')
    repo.gitIn(path, 'submodule', '--quiet', 'update', '--init')
    repo.gitIn(join(path, 'lib'), 'update-index', '--force-untracked-cache')
    const only = repo.commit({ 'inside.txt': 'i' }, 'Only in the submodule', join(path, 'lib'))
    const previous = readAdminDir(path)
    const trashDir = join(repo.root, 'worktrees/.trash/one')
    detachWorktree({ worktree: path, adminDir: previous.adminDir, trashDir })
    const elsewhere = join(repo.root, 'a/b/c')
    expect(attachWorktree({ trashDir, path: elsewhere, commonDir: repo.commonDir, adminId: 'renamed' }).changed).toBe(
      true,
    )
    expect(await settleAt(repo.context, readAdminDir(elsewhere), previous)).toEqual(['lib'])
    expect(await settleAt(repo.context, readAdminDir(elsewhere), previous)).toEqual([])
    expect(repo.gitIn(join(elsewhere, 'lib'), 'rev-parse', 'HEAD')).toBe(only)
    expect(repo.tryGit(join(elsewhere, 'lib'), 'status', '--porcelain')).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(repo.gitIn(elsewhere, 'status', '--porcelain')).toBe(' M lib')
  })

  it.each([true, false])('leave nothing of the old path behind for git (untracked cache: %s)', async (cached) => {
    const repo = repoOf({ files })
    repo.git('config', 'extensions.worktreeConfig', 'true')
    const path = repo.worktree('agent/one')
    repo.gitIn(path, 'config', '--worktree', 'core.hooksPath', join(path, '.hooks'))
    repo.gitIn(path, 'config', '--worktree', '--add', 'safe.directory', path)
    repo.gitIn(path, 'config', '--worktree', '--add', 'safe.directory', `${path}-too`)
    if (cached) {
      repo.gitIn(path, 'update-index', '--force-untracked-cache')
      repo.gitIn(path, 'status')
    }
    repo.write({ 'new.txt': 'n' }, path)
    const previous = readAdminDir(path)
    const trashDir = join(repo.root, 'worktrees/.trash/one')
    detachWorktree({ worktree: path, adminDir: previous.adminDir, trashDir })
    const elsewhere = join(repo.root, 'else where')
    attachWorktree({ trashDir, path: elsewhere, commonDir: repo.commonDir })
    expect(repo.tryGit(elsewhere, 'status', '--porcelain').stderr.includes('untracked cache')).toBe(cached)
    const checkout = readAdminDir(elsewhere)
    await settleAt(repo.context, checkout, previous)
    const expected = { code: 0, stdout: '?? new.txt\n', stderr: '' }
    expect(repo.tryGit(elsewhere, 'status', '--porcelain')).toEqual(expected)
    // The cache itself is kept: without one a status costs twice as much.
    expect(readFileSync(join(checkout.adminDir, 'index')).includes('UNTR')).toBe(cached)
    const setting = (key: string) => repo.gitIn(elsewhere, 'config', '--worktree', '--get-all', key).split('\n')
    expect(setting('core.hooksPath')).toEqual([join(elsewhere, '.hooks')])
    expect(setting('safe.directory')).toEqual([elsewhere, `${path}-too`])
  })
})

describe('keepObjects', () => {
  it('keeps amended, reset, detached, staged and half-merged work through gc, and only objects', async () => {
    const repo = repoOf({ files, remote: true })
    const path = repo.worktree('agent/one')
    const amended = repo.commit({ 'own.txt': '1' }, 'To be amended', path)
    repo.gitIn(path, 'commit', '-q', '--amend', '-m', 'Amended')
    const reset = repo.commit({ 'own.txt': '2' }, 'To be reset', path)
    repo.gitIn(path, 'reset', '-q', '--hard', 'HEAD~1')
    repo.gitIn(path, 'checkout', '-q', '--detach')
    const detached = repo.commit({ 'own.txt': '3' }, 'On a detached HEAD', path)
    repo.gitIn(path, 'checkout', '-q', 'agent/one')
    const branch = repo.gitIn(path, 'rev-parse', 'HEAD')
    writeFiles(path, { 'staged.txt': 'only staged\n', 'big.bin': Buffer.alloc(1024), '.env': 'SECRET=1' })
    repo.gitIn(path, 'add', 'staged.txt')
    const staged = repo.gitIn(path, 'rev-parse', ':staged.txt')
    const hashOf = (name: string) => repo.gitIn(path, 'hash-object', name)
    const untracked = [hashOf('big.bin'), hashOf('.env')]

    const { value, programs } = await countingPrograms(() =>
      keepObjects(repo.context, placeOf(repo), { worktree: path, keepId: 'one.mx1', branch: 'agent/one' }),
    )
    expect(programs).toBeLessThanOrEqual(9)
    expect(value).toMatchObject({ head: branch, branchCommit: branch, missing: 0, commitsOnlyInKeep: 3 })
    expect(value.stagedTree).toMatch(/^[0-9a-f]{40}$/)
    // Twice is once.
    expect(
      await keepObjects(repo.context, placeOf(repo), { worktree: path, keepId: 'one.mx1', branch: 'agent/one' }),
    ).toEqual(value)

    const { adminDir } = readAdminDir(path)
    detachWorktree({ worktree: path, adminDir, trashDir: join(repo.root, 'worktrees/.trash/one') })
    repo.git('branch', '-qD', 'agent/one')
    repo.git('reflog', 'expire', '--expire=now', '--all')
    repo.git('gc', '--quiet', '--prune=now')
    for (const object of [amended, reset, detached, branch, staged])
      expect(repo.tryGit(repo.path, 'cat-file', '-e', object).code, object).toBe(0)
    for (const object of untracked) expect(repo.tryGit(repo.path, 'cat-file', '-e', object).code).not.toBe(0)
    await dropKeepRefs(repo.context, placeOf(repo), 'one.mx1')
    repo.git('gc', '--quiet', '--prune=now')
    for (const object of [amended, reset, detached, branch, staged])
      expect(repo.tryGit(repo.path, 'cat-file', '-e', object).code).not.toBe(0)
  })

  it('keeps every stage of a conflict, an autostash and what a rebase started from', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    repo.commit({ 'a.txt': 'ours\n' }, 'Ours', path)
    repo.commit({ 'a.txt': 'theirs\n' }, 'Theirs')
    writeFiles(path, { 'b.txt': 'dirty\n' })
    expect(repo.tryGit(path, 'rebase', '--autostash', 'main').code).not.toBe(0)
    const admin = readAdminDir(path).adminDir
    const autostash = readFileSync(join(admin, 'rebase-merge/autostash'), 'utf8').trim()
    const stages = repo
      .gitIn(path, 'ls-files', '--unmerged')
      .split('\n')
      .map((line) => line.split(' ')[1]!)
    expect(stages).toHaveLength(3)
    await keepObjects(repo.context, placeOf(repo), { worktree: path, keepId: 'one', branch: 'agent/one' })
    detachWorktree({ worktree: path, adminDir: admin, trashDir: join(repo.root, 'worktrees/.trash/one') })
    repo.git('branch', '-qD', 'agent/one')
    repo.git('reflog', 'expire', '--expire=now', '--all')
    repo.git('gc', '--quiet', '--prune=now')
    for (const object of [...stages, autostash]) expect(repo.tryGit(repo.path, 'cat-file', '-e', object).code).toBe(0)
  })

  it('takes five processes where nothing is out of the ordinary', async () => {
    const repo = repoOf({ files, remote: true })
    const path = repo.worktree('agent/one')
    repo.commit({ 'own.txt': '1' }, 'Own', path)
    const keep = () => keepObjects(repo.context, placeOf(repo), { worktree: path, keepId: 'one', branch: 'agent/one' })
    expect((await countingPrograms(keep)).programs).toBeLessThanOrEqual(6)
  })

  it('works from the entry alone, and on an unborn branch', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    const own = repo.commit({ 'own.txt': '1' }, 'Own', path)
    repo.gitIn(path, 'checkout', '-q', '--detach')
    const { adminDir } = readAdminDir(path)
    rmSync(path, { recursive: true })
    expect(
      await keepObjects(repo.context, placeOf(repo), { adminDir, keepId: 'gone', branch: 'agent/one' }),
    ).toMatchObject({ head: own, branchCommit: own })
    const other = repo.worktree('agent/two')
    repo.gitIn(other, 'checkout', '-q', '--orphan', 'fresh')
    const kept = await keepObjects(repo.context, placeOf(repo), { worktree: other, keepId: 'orphan', branch: 'fresh' })
    expect(kept).toMatchObject({ head: null, branchCommit: null })
    expect(kept.stagedTree).not.toBeNull()
  })

  it('refuses, with nothing changed, what it cannot read', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    const { adminDir } = readAdminDir(path)
    const keep = (keepId = 'one') =>
      keepObjects(repo.context, placeOf(repo), { worktree: path, keepId, branch: 'agent/one' })
    const log = readFileSync(join(adminDir, 'logs/HEAD'))
    writeFileSync(join(adminDir, 'logs/HEAD'), 'nonsense\n')
    await expect(keep()).rejects.toEqual(failing('state-unknown'))
    writeFileSync(join(adminDir, 'logs/HEAD'), log)
    const index = readFileSync(join(adminDir, 'index'))
    writeFileSync(join(adminDir, 'index'), index.subarray(0, 20))
    await expect(keep()).rejects.toEqual(failing('git-failed', { reason: 'index-corrupt' }))
    writeFileSync(join(adminDir, 'index'), index)
    for (const bad of ['', '../x', 'a/b', '-x', 'a..b', 'x.lock', 'x.'])
      await expect(keep(bad)).rejects.toEqual(failing('bad-input'))
    expect(repo.git('for-each-ref', 'refs/coppice')).toBe('')
    expect((await keep()).refs).toEqual(['refs/coppice/keep/one/head', 'refs/coppice/keep/one/branch'])
  })
})
