import { chmodSync, closeSync, mkdirSync, openSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isPrecious } from '../../app/git/inspect/changed-files.ts'
import { inspectForRemoval, inspectGoneWorktree, type RemovalInspection } from '../../app/git/inspect/removal.ts'
import { readAdminDir } from '../../app/git/worktree/checkout.ts'
import { fingerprint, type TestRepo, writeFiles } from '../harness/test-repo.ts'
import { countingPrograms, failing, repoOf, scripted } from './setup.ts'

const files = {
  'a.txt': 'a\n',
  'b.txt': 'b\n',
  'c.txt': 'c\n',
  'package.json': '{}',
  '.gitignore': 'node_modules/\ndist/\n.env*\n*.log\ntarget/\ndata/\n',
}

function inspect(repo: TestRepo, path: string, branch: string | null = 'agent/one'): Promise<RemovalInspection> {
  return inspectForRemoval(repo.context, path, { branch, baseCommit: repo.git('rev-parse', 'main') })
}
/** A commit in a bare repository that nothing else has. */
const commitIn = (repo: TestRepo, bare: string) =>
  repo.gitIn(bare, 'commit-tree', `${repo.gitIn(bare, 'rev-parse', 'HEAD')}^{tree}`, '-m', 'Only here')
const nothing = { known: true, count: 0, names: [] }

describe('inspectForRemoval', () => {
  it('finds nothing in a fresh worktree, and changes nothing anywhere', async () => {
    const repo = repoOf({ files, remote: true })
    const path = repo.worktree('agent/one')
    const before = fingerprint(repo.root)
    const { value, programs } = await countingPrograms(() => inspect(repo, path))
    expect(programs).toBeLessThanOrEqual(10)
    expect(value).toEqual({
      branch: 'agent/one',
      head: repo.git('rev-parse', 'main'),
      staged: nothing,
      unstaged: nothing,
      conflicted: nothing,
      untracked: { ...nothing, bytes: 0, precious: [], hiddenByConfig: false },
      ignored: { ...nothing, bytes: 0, precious: [], rebuildable: [] },
      hiddenEdits: nothing,
      stashes: nothing,
      commits: { known: true, unpushed: 0, onlyHere: 0, reflogOnly: 0, sinceBase: 0, subjects: [] },
      nested: { known: true, repositories: [] },
      submodules: { known: true, repositories: [] },
      worktreesInside: nothing,
      operation: { known: true, operation: null },
      locks: { known: true, reason: null, files: [] },
    })
    expect(JSON.parse(JSON.stringify(value))).toEqual(value)
    expect(fingerprint(repo.root)).toEqual(before)
  })

  it('counts files: staged, unstaged, untracked, ignored; precious by name, rebuildable apart', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    writeFiles(path, {
      'staged.txt': 's',
      'a.txt': 'changed\n',
      'new/1.txt': '12345',
      'new/server.pem': 'key',
      'x.log': '123',
      '.env.local': 'SECRET',
      'node_modules/x/index.js': 'x',
      'dist/app.js': 'x',
      'data/app.sqlite': 'rows',
      'data/more.txt': 'm',
      'packages/p/node_modules/y.js': 'no package.json beside it, nothing inside that proves it',
    })
    repo.gitIn(path, 'add', 'staged.txt')
    const found = await inspect(repo, path)
    expect(found).toMatchObject({
      staged: { count: 1, names: ['staged.txt'] },
      unstaged: { count: 1, names: ['a.txt'] },
      untracked: { count: 2, bytes: 8, precious: ['new/server.pem'], hiddenByConfig: false },
      ignored: {
        count: 5,
        precious: ['.env.local', 'data/app.sqlite'],
        rebuildable: [
          { path: 'dist', kind: 'build output' },
          { path: 'node_modules', kind: 'node_modules' },
        ],
      },
    })
    // A database in the build output makes it more than that.
    writeFiles(path, { 'dist/cache.db': 'rows' })
    expect((await inspect(repo, path)).ignored).toMatchObject({
      precious: ['.env.local', 'data/app.sqlite', 'dist/cache.db'],
      rebuildable: [{ path: 'node_modules' }],
    })
  })

  it('finds what configuration and index bits hide', async () => {
    const repo = repoOf({
      files: {
        ...files,
        link: { link: 'a.txt' },
        'tool.sh': { run: '#!/bin/sh\n' },
        'new\nline': 'n',
        'same.txt': 'same',
      },
    })
    const path = repo.worktree('agent/one')
    repo.git('config', 'status.showUntrackedFiles', 'no')
    writeFiles(path, { 'hidden.txt': 'h' })
    const marked = ['a.txt', 'b.txt', 'c.txt', 'link', 'tool.sh', 'new\nline', 'same.txt']
    repo.gitIn(path, 'update-index', '--skip-worktree', 'a.txt', 'link', 'new\nline', 'same.txt')
    repo.gitIn(path, 'update-index', '--assume-unchanged', 'b.txt', 'c.txt', 'tool.sh')
    expect((await inspect(repo, path)).hiddenEdits).toEqual(nothing)
    writeFiles(path, { 'a.txt': 'x\n', 'b.txt': 'y\n', link: { link: 'elsewhere' }, 'new\nline': 'changed' })
    // The same size and time: only the content tells.
    utimesSync(join(path, 'a.txt'), 1, 1)
    rmSync(join(path, 'c.txt'))
    chmodSync(join(path, 'tool.sh'), 0o644)
    writeFiles(path, { 'same.txt': 'same' })
    const found = await inspect(repo, path)
    expect(found.hiddenEdits).toEqual({
      known: true,
      count: 6,
      names: expect.arrayContaining(marked.filter((name) => name !== 'same.txt')),
    })
    expect(found.untracked).toMatchObject({ count: 1, hiddenByConfig: true })
    expect(found.unstaged).toMatchObject({ count: 0 })
  })

  it('does not count what a sparse checkout leaves out, and follows no link to hidden files', async () => {
    const repo = repoOf({ files: { ...files, 'in/x': 'x', 'out/y': 'y' } })
    const path = repo.worktree('agent/one')
    repo.gitIn(path, 'sparse-checkout', 'set', 'in')
    expect((await inspect(repo, path)).hiddenEdits).toEqual(nothing)
    const outside = join(repo.root, 'outside')
    writeFiles(outside, { y: 'y' })
    symlinkSync(outside, join(path, 'out'))
    // git itself sees what lies where a sparse checkout has nothing, and shows it.
    expect(await inspect(repo, path)).toMatchObject({ hiddenEdits: nothing, unstaged: { count: 1, names: ['out/y'] } })
    const plain = repo.worktree('agent/two')
    repo.gitIn(plain, 'update-index', '--skip-worktree', 'out/y')
    rmSync(join(plain, 'out'), { recursive: true })
    symlinkSync(outside, join(plain, 'out'))
    expect(await inspect(repo, plain)).toMatchObject({ hiddenEdits: { count: 1, names: ['out/y'] } })
  })

  it('counts commits that exist nowhere else, those only in a reflog too', async () => {
    const repo = repoOf({ files, remote: true })
    const path = repo.worktree('agent/one')
    repo.commit({ 'x.txt': '1' }, 'First', path)
    repo.gitIn(path, 'push', '-q', 'origin', 'HEAD:refs/heads/agent/one')
    expect((await inspect(repo, path)).commits).toMatchObject({ unpushed: 0, onlyHere: 0, reflogOnly: 0, sinceBase: 1 })
    repo.commit({ 'x.txt': '2' }, 'Second', path)
    repo.commit({ 'x.txt': '3' }, 'To be amended', path)
    repo.gitIn(path, 'commit', '-q', '--amend', '-m', 'Third')
    expect((await inspect(repo, path)).commits).toMatchObject({
      unpushed: 2,
      onlyHere: 3,
      reflogOnly: 1,
      sinceBase: 3,
      subjects: expect.arrayContaining(['Second', 'Third', 'To be amended']),
    })
    repo.gitIn(path, 'checkout', '-q', '--detach')
    repo.commit({ 'y.txt': '1' }, 'Detached', path)
    repo.gitIn(path, 'checkout', '-q', 'agent/one')
    expect((await inspect(repo, path)).commits).toMatchObject({ unpushed: 2, onlyHere: 4, reflogOnly: 2 })
    // The agent has left its branch: the branch's commits still count.
    repo.gitIn(path, 'checkout', '-q', '-b', 'elsewhere', 'main')
    expect(await inspect(repo, path)).toMatchObject({ branch: 'elsewhere', commits: { unpushed: 2, onlyHere: 4 } })
  })

  it('is right for squash-merged, no remote, and a remote that is gone', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    repo.commit({ 'x.txt': '1' }, 'Work', path)
    // Without a remote nothing is pushed; main is still elsewhere.
    expect((await inspect(repo, path)).commits).toMatchObject({ unpushed: 2, onlyHere: 1 })
    repo.git('merge', '-q', '--squash', 'agent/one')
    repo.git('commit', '-qm', 'Squashed')
    expect((await inspect(repo, path)).commits).toMatchObject({ onlyHere: 1, sinceBase: 1 })
    repo.git('remote', 'add', 'origin', join(repo.root, 'gone.git'))
    expect((await inspect(repo, path)).commits).toMatchObject({ onlyHere: 1 })
  })

  it('guesses which stashes are the branch’s', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    for (const [directory, args] of [
      [path, []],
      [path, ['-m', 'named: agent/two: x']],
      [repo.path, []],
    ] as const) {
      writeFiles(directory, { 'a.txt': `${Math.random()}` })
      repo.gitIn(directory, 'stash', 'push', '-q', ...args)
    }
    expect((await inspect(repo, path)).stashes).toMatchObject({ known: true, count: 2 })
    expect((await inspect(repo, path, null)).stashes).toMatchObject({ count: 0 })
  })

  it('looks into nested repositories and submodules', async () => {
    const repo = repoOf({ files, remote: true })
    repo.git('submodule', '--quiet', 'add', repo.remote!, 'sub')
    repo.git('commit', '-qm', 'Add sub')
    const path = repo.worktree('agent/one')
    expect((await inspect(repo, path)).submodules).toEqual({ known: true, repositories: [] })
    repo.gitIn(path, 'submodule', '--quiet', 'update', '--init')
    repo.commit({ 's.txt': 's' }, 'Only in the submodule', join(path, 'sub'))
    writeFiles(join(path, 'sub'), { 'dirty.txt': 'd' })
    repo.gitIn(path, 'clone', '-q', repo.remote!, 'nested')
    repo.commit({ 'n.txt': 'n' }, 'Only in the clone', join(path, 'nested'))
    repo.gitIn(join(path, 'nested'), 'commit', '-q', '--amend', '-m', 'Amended: two now')
    repo.gitIn(path, 'init', '-q', 'data/hidden')
    writeFiles(join(path, 'data/hidden'), { 'h.txt': 'h' })
    mkdirSync(join(path, 'broken/.git'), { recursive: true })
    writeFileSync(join(path, 'broken/.git/HEAD'), 'nonsense')
    mkdirSync(join(path, 'data/unreadable'), { recursive: true })
    writeFileSync(join(path, 'data/unreadable/.git'), 'gitdir: /nowhere\n')
    const found = await inspect(repo, path)
    expect(found.submodules).toEqual({ known: true, repositories: [{ path: 'sub', dirty: 1, unpushed: 1, why: null }] })
    expect(found.nested).toMatchObject({
      known: true,
      repositories: expect.arrayContaining([
        { path: 'nested', dirty: 0, unpushed: 2, why: null },
        { path: 'data/hidden', dirty: 1, unpushed: 0, why: null },
        { path: 'data/unreadable', dirty: null, unpushed: null, why: expect.stringContaining('/nowhere') },
      ]),
    })
  })

  it('finds repositories that git itself never shows: in a folder of tracked files, bare, in a submodule, in each other', async () => {
    const repo = repoOf({ files: { ...files, 'src/deep/own.txt': 'o', 'link-me/x.txt': 'x' }, remote: true })
    repo.git('submodule', '--quiet', 'add', repo.remote!, 'sub')
    repo.git('commit', '-qm', 'Add sub')
    const path = repo.worktree('agent/one')
    repo.gitIn(path, 'submodule', '--quiet', 'update', '--init')
    repo.gitIn(path, 'init', '-q', 'src/deep')
    repo.gitIn(join(path, 'src/deep'), 'add', '.')
    repo.gitIn(join(path, 'src/deep'), 'commit', '-qm', 'Where tracked files lie')
    for (const bare of ['bare.git', 'data/bare']) {
      repo.gitIn(path, 'clone', '-q', '--bare', repo.remote!, bare)
      repo.gitIn(join(path, bare), 'update-ref', 'refs/heads/own', commitIn(repo, join(path, bare)))
    }
    repo.gitIn(join(path, 'sub'), 'init', '-q', 'inner')
    repo.commit({ 'i.txt': 'i' }, 'Inside the submodule', join(path, 'sub/inner'))
    // A folder that has become a link leads out: what is there is not of this worktree.
    rmSync(join(path, 'link-me'), { recursive: true })
    symlinkSync(repo.path, join(path, 'link-me'))

    expect(repo.gitIn(path, 'status', '--porcelain', '--ignored', 'src')).toBe('')
    const found = await inspect(repo, path)
    expect(found.nested).toEqual({
      known: true,
      repositories: [
        { path: 'bare.git', dirty: 0, unpushed: expect.any(Number), why: null },
        { path: 'data/bare', dirty: 0, unpushed: expect.any(Number), why: null },
        { path: 'src/deep', dirty: 0, unpushed: 1, why: null },
      ],
    })
    if (found.nested.known)
      for (const { path: name, unpushed } of found.nested.repositories) expect(unpushed, name).toBeGreaterThan(0)
    expect(found.submodules).toEqual({
      known: true,
      repositories: [
        { path: 'sub', dirty: 1, unpushed: 0, why: null },
        { path: 'sub/inner', dirty: 0, unpushed: 1, why: null },
      ],
    })
  })

  it('says who has a lock open, and which commits only the entry of a deleted worktree leads to', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    const lock = join(readAdminDir(path).adminDir, 'index.lock')
    const descriptor = openSync(lock, 'w')
    try {
      expect((await inspect(repo, path)).locks).toMatchObject({
        files: [{ path: lock, holders: [expect.stringContaining(`(${process.pid})`)] }],
      })
    } finally {
      closeSync(descriptor)
    }
    expect((await inspect(repo, path)).locks).toMatchObject({ files: [{ path: lock, holders: [] }] })
    rmSync(lock)

    const { adminDir } = readAdminDir(path)
    const gone = () =>
      inspectGoneWorktree(repo.context, { topLevel: repo.path, commonDir: repo.commonDir }, adminDir, 'agent/one')
    repo.commit({ 'x.txt': '1' }, 'On the branch', path)
    rmSync(path, { recursive: true })
    expect(await gone()).toEqual({ count: 0, subjects: [] })
    repo.git('update-ref', 'refs/heads/agent/one', 'main')
    expect(await gone()).toEqual({ count: 1, subjects: ['On the branch'] })
  })

  it('names an operation, locks with their age, and worktrees inside', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    repo.commit({ 'a.txt': 'ours\n' }, 'Ours', path)
    repo.commit({ 'a.txt': 'theirs\n' }, 'Theirs')
    expect(repo.tryGit(path, 'rebase', 'main').code).not.toBe(0)
    repo.git('worktree', 'lock', '--reason', 'in use', path)
    repo.git('worktree', 'add', '-q', '-b', 'inner', join(path, 'inner'))
    const lock = join(readAdminDir(path).adminDir, 'index.lock')
    writeFileSync(lock, '')
    utimesSync(lock, Date.now() / 1000 - 3600, Date.now() / 1000 - 3600)
    const found = await inspect(repo, path)
    expect(found).toMatchObject({
      branch: null,
      conflicted: { count: 1, names: ['a.txt'] },
      operation: { operation: 'rebase' },
      locks: { reason: 'in use', files: [{ path: lock, ageMs: expect.any(Number) }] },
      worktreesInside: { count: 1, names: [join(path, 'inner')] },
    })
    const locks = found.locks as Extract<RemovalInspection['locks'], { known: true }>
    expect(locks.files[0]!.ageMs).toBeGreaterThan(3_500_000)
  })

  it('takes no failure for zero: each part is unknown by itself', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    const failingAt = async (step: string, how = 'echo "fatal: odd" >&2; exit 128') => {
      const context = scripted(repo, `case " $* " in *" ${step} "*) ${how};; esac; exec git "$@"`)
      const found = await inspectForRemoval({ ...context, timeoutMs: 1_500 }, path, {
        branch: 'agent/one',
        baseCommit: null,
      })
      return Object.entries(found)
        .filter(([, part]) => (part as { known?: boolean } | null)?.known === false)
        .map(([name]) => name)
        .sort()
    }
    const ofStatus = ['conflicted', 'ignored', 'nested', 'staged', 'unstaged', 'untracked']
    expect(await failingAt('status')).toEqual(ofStatus)
    expect(await failingAt('status', 'sleep 60')).toEqual(ofStatus)
    expect(await failingAt('status', 'exit 0')).toEqual(ofStatus)
    expect(await failingAt('ls-files')).toEqual(['hiddenEdits', 'nested', 'submodules'])
    expect(await failingAt('rev-list')).toEqual(['commits'])
    expect(await failingAt('rev-list', 'echo lies')).toEqual(['commits'])
    expect(await failingAt('cat-file')).toEqual(['commits'])
    expect(await failingAt('version')).toEqual([])
    const admin = readAdminDir(path).adminDir
    writeFileSync(join(admin, 'logs/HEAD'), 'nonsense\n')
    expect(await failingAt('version')).toEqual(['commits'])
    rmSync(join(admin, 'index'))
    expect(await failingAt('version')).toEqual(['commits', ...ofStatus].sort())
    await expect(inspect(repo, join(repo.root, 'none'))).rejects.toEqual(failing('worktree-missing'))
  })

  it('counts files whose names are no UTF-8', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('agent/one')
    writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xe9, 0x2e, 0x6c, 0x6f, 0x67])]), 'latin')
    writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xe9, 0x2e, 0x74])]), 'latin')
    expect(await inspect(repo, path)).toMatchObject({
      untracked: { count: 1, bytes: 5 },
      ignored: { count: 1, bytes: 5 },
    })
  })
})

describe('isPrecious', () => {
  it.each([
    '.env',
    '.env.production',
    'prod.env',
    'server.pem',
    'id_ed25519',
    'credentials.json',
    'app.sqlite',
    'dev.db',
    '.npmrc',
    'terraform.tfstate',
    'Key.KEY',
  ])('%s', (name) => {
    expect(isPrecious(name)).toBe(true)
  })
  it.each(['.env.example', '.env.sample', 'keyboard.ts', 'environment.ts', 'index.js', 'monkey.txt', 'id_map.ts'])(
    'not %s',
    (name) => {
      expect(isPrecious(name)).toBe(false)
    },
  )
})
