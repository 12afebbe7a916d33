import { chmodSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { gitVersion } from '../../app/git/exec.ts'
import { inspectRepository } from '../../app/git/repository.ts'
import { programsSpawned } from '../../app/process/run-program.ts'
import { addRemote, makeRepo, type RepoOptions, type TestRepo } from '../harness/test-repo.ts'

const open: TestRepo[] = []
function repoOf(options?: RepoOptions): TestRepo {
  const repo = makeRepo(options)
  open.push(repo)
  return repo
}
afterEach(() => {
  for (const repo of open.splice(0)) repo.close()
})
const failing = (code: string) => expect.objectContaining({ failure: expect.objectContaining({ code }) })

describe('inspectRepository', () => {
  it('reads a clone: main checkout, remotes, base as the remote names it', async () => {
    const repo = repoOf({ remote: true })
    expect(await inspectRepository(repo.context, repo.path)).toEqual({
      settings: { 'core.bare': 'false', 'core.filemode': 'true', 'core.repositoryformatversion': '0' },
      topLevel: repo.path,
      commonDir: repo.commonDir,
      bare: false,
      hasCommits: true,
      defaultRemote: 'origin',
      remotes: [{ name: 'origin', url: repo.remote }],
      headBranch: 'main',
      defaultBase: { ref: 'refs/remotes/origin/main', source: 'remote-head' },
    })
  })

  it('starts at most five processes', async () => {
    const repo = repoOf({ remote: true })
    const before = programsSpawned()
    await inspectRepository(repo.context, repo.path)
    expect(programsSpawned() - before).toBeLessThanOrEqual(5)
  })

  it('guesses where the remote names no base, and falls back to what is checked out', async () => {
    const repo = repoOf({ remote: true })
    repo.git('remote', 'set-head', 'origin', '--delete')
    expect((await inspectRepository(repo.context, repo.path)).defaultBase).toEqual({
      ref: 'refs/remotes/origin/main',
      source: 'guess',
    })
    repo.git('remote', 'remove', 'origin')
    const alone = await inspectRepository(repo.context, repo.path)
    expect(alone).toMatchObject({
      defaultRemote: null,
      remotes: [],
      defaultBase: { ref: 'refs/heads/main', source: 'head' },
    })
    repo.git('checkout', '--quiet', '--detach')
    expect(await inspectRepository(repo.context, repo.path)).toMatchObject({
      headBranch: null,
      defaultBase: { ref: 'HEAD', source: 'head' },
    })
  })

  it('takes the remote that the branch follows, else origin, else the only one', async () => {
    const repo = repoOf({ remote: true })
    repo.git('remote', 'rename', 'origin', 'upstream')
    expect((await inspectRepository(repo.context, repo.path)).defaultRemote).toBe('upstream')
    addRemote(repo, join(repo.root, 'second.git'))
    expect((await inspectRepository(repo.context, repo.path)).defaultRemote).toBe('origin')
    repo.git('branch', '--quiet', '--set-upstream-to', 'upstream/main')
    expect((await inspectRepository(repo.context, repo.path)).defaultRemote).toBe('upstream')
  })

  it.each(['with space', 'it\'s "quoted"', 'new\nline', 'ünïcödé 日本', '-dash', '$(id);rm', '..dots', 'a*[b]?'])(
    'finds the repository in a folder called %j, from a folder inside, a linked worktree and a link',
    async (name) => {
      const repo = repoOf({ name })
      mkdirSync(join(repo.path, 'deep/er'), { recursive: true })
      const linked = repo.worktree('side')
      symlinkSync(repo.path, join(repo.root, 'link'))
      for (const path of [
        repo.path,
        join(repo.path, 'deep/er'),
        join(repo.path, '.git'),
        linked,
        join(repo.root, 'link'),
      ]) {
        const found = await inspectRepository(repo.context, path)
        expect(found).toMatchObject({ topLevel: repo.path, commonDir: repo.commonDir, headBranch: 'main' })
      }
    },
  )

  it('finds a clone whose git directory is elsewhere, and a submodule', async () => {
    const repo = repoOf()
    const elsewhere = join(repo.root, 'elsewhere.git')
    const clone = join(repo.root, 'clone')
    repo.gitIn(repo.root, 'clone', '--quiet', '--separate-git-dir', elsewhere, repo.path, clone)
    expect(await inspectRepository(repo.context, clone)).toMatchObject({ topLevel: clone, commonDir: elsewhere })
    repo.gitIn(clone, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', repo.path, 'sub')
    expect(await inspectRepository(repo.context, join(clone, 'sub'))).toMatchObject({
      topLevel: join(clone, 'sub'),
      commonDir: realpathSync(join(elsewhere, 'modules/sub')),
    })
  })

  it('refuses what is no repository, bare, or without a commit, each by its name', async () => {
    const repo = repoOf({ files: null })
    const plain = join(repo.root, 'plain')
    mkdirSync(plain)
    writeFileSync(join(plain, 'file'), '')
    const bare = join(repo.root, 'bare.git')
    repo.gitIn(repo.root, 'init', '--quiet', '--bare', bare)
    const { context } = repo
    await expect(inspectRepository(context, plain)).rejects.toEqual(failing('not-a-repository'))
    await expect(inspectRepository(context, join(plain, 'file'))).rejects.toEqual(failing('not-a-repository'))
    await expect(inspectRepository(context, join(plain, 'none'))).rejects.toEqual(failing('repository-unavailable'))
    await expect(inspectRepository(context, bare)).rejects.toEqual(failing('bare-repository'))
    await expect(inspectRepository(context, repo.path)).rejects.toEqual(failing('no-commits'))
    expect(await inspectRepository(context, repo.path, { accept: ['no-commits'] })).toMatchObject({
      hasCommits: false,
      headBranch: 'main',
      defaultBase: null,
    })
    expect(await inspectRepository(context, bare, { accept: ['bare-repository', 'no-commits'] })).toMatchObject({
      bare: true,
    })
  })

  it('is not led away by core.worktree', async () => {
    const repo = repoOf()
    const other = join(repo.root, 'other')
    mkdirSync(other)
    repo.git('config', 'core.worktree', other)
    expect((await inspectRepository(repo.context, repo.path)).topLevel).toBe(repo.path)
  })

  it('says permission denied of another owner’s repository', async () => {
    const repo = repoOf()
    // GIT_TEST_ASSUME_DIFFERENT_OWNER is git's own switch for this test; only a wrapper gets it past the hardening.
    const wrapper = join(repo.root, 'git-other-owner')
    writeFileSync(wrapper, '#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec git "$@"\n')
    chmodSync(wrapper, 0o755)
    await expect(inspectRepository({ ...repo.context, file: wrapper }, repo.path)).rejects.toMatchObject({
      failure: { code: 'permission-denied', detail: { reason: 'dubious-ownership' } },
    })
  })
})

describe('gitVersion', () => {
  const fake = (repo: TestRepo, script: string) => {
    const file = join(repo.root, 'fake-git')
    writeFileSync(file, `#!/bin/sh\n${script}\n`)
    chmodSync(file, 0o755)
    return { ...repo.context, file }
  }
  it('reads the version', async () => {
    expect(await gitVersion(repoOf().context)).toMatch(/^2\.\d+/)
    expect(await gitVersion(fake(repoOf(), 'echo "git version 2.39.5 (Apple Git-154)"'))).toBe('2.39.5')
  })
  it('refuses what is missing, too old, or no git', async () => {
    const repo = repoOf()
    await expect(gitVersion({ ...repo.context, file: join(repo.root, 'none') })).rejects.toEqual(failing('git-missing'))
    await expect(gitVersion(fake(repo, 'echo "git version 2.37.9"'))).rejects.toMatchObject({
      failure: { code: 'git-too-old', detail: { version: '2.37.9', needed: '2.38' } },
    })
    await expect(gitVersion(fake(repo, 'echo hello'))).rejects.toEqual(failing('git-failed'))
  })
})

describe('a git that fails or hangs', () => {
  const fake = (repo: TestRepo, script: string) => {
    const file = join(repo.root, 'fake-git')
    writeFileSync(file, `#!/bin/sh\n${script}\n`)
    chmodSync(file, 0o755)
    return { ...repo.context, file }
  }
  it('is a failure, never an answer', async () => {
    const repo = repoOf()
    const hanging = { ...fake(repo, 'sleep 60'), timeoutMs: 200 }
    await expect(inspectRepository(hanging, repo.path)).rejects.toEqual(failing('git-timeout'))
    const dying = fake(repo, 'echo "fatal: odd" >&2; exit 128')
    await expect(inspectRepository(dying, repo.path)).rejects.toMatchObject({
      failure: { code: 'git-failed', detail: { message: 'fatal: odd', exit: 128 } },
    })
    await expect(inspectRepository(fake(repo, 'kill -SEGV $$'), repo.path)).rejects.toEqual(failing('git-failed'))
  })
})
