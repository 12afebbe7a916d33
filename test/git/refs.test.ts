import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createSocketServer } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { branchNameProblem } from '../../app/git/refs/branch-name.ts'
import {
  aheadBehind,
  branchState,
  changeRefs,
  commitsOnlyHere,
  deleteRefs,
  isValidBranchName,
  listBranches,
  readFileAt,
  refAge,
  resolveCommit,
  trackedFiles,
  uniqueBranch,
  unpushedSince,
} from '../../app/git/refs/refs.ts'
import { fetchRef } from '../../app/git/remote/fetch.ts'
import { pushBranch } from '../../app/git/remote/push.ts'
import { addWorktree } from '../../app/git/worktree/worktree.ts'
import { ownGit } from '../harness/own-git.ts'
import { fingerprint, ownCheckout, type TestRepo } from '../harness/test-repo.ts'
import { countingPrograms, failing, repoOf, scripted } from './setup.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function listening(server: Server | ReturnType<typeof createSocketServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  closing.push(() => server.close())
  return (server.address() as AddressInfo).port
}

describe('resolveCommit', () => {
  it('resolves branches, tags, abbreviations and expressions to a full commit', async () => {
    const repo = repoOf({ remote: true, commits: [{ 'b.txt': 'b' }] })
    repo.git('tag', '-a', 'v1', '-m', 'v1')
    repo.git('branch', 'ünï/日本')
    const head = repo.git('rev-parse', 'HEAD')
    for (const ref of [
      'main',
      'HEAD',
      'v1',
      'refs/heads/main',
      'origin/main',
      head.slice(0, 8),
      head,
      'HEAD~0',
      'ünï/日本',
    ]) {
      expect(await resolveCommit(repo.context, repo.path, ref), ref).toBe(head)
    }
  })

  it.each([
    'none',
    '',
    '-x',
    '--all',
    '--output=/tmp/x',
    'main:README.md',
    'HEAD^{tree}',
    '..',
    'a..b',
    '\n',
    'x'.repeat(5000),
    '$(id)',
    ';rm',
    '\u3000',
    '@{-9}',
    ':/none',
    '\ud800',
    'refs/heads',
  ])('refuses %j', async (ref) => {
    const repo = repoOf()
    await expect(resolveCommit(repo.context, repo.path, ref)).rejects.toEqual(failing('base-not-found'))
  })

  it('does not take a git that hangs or fails for "no such ref"', async () => {
    const repo = repoOf()
    await expect(resolveCommit({ ...scripted(repo, 'sleep 60'), timeoutMs: 150 }, repo.path, 'main')).rejects.toEqual(
      failing('git-timeout'),
    )
    await expect(resolveCommit(scripted(repo, 'kill -9 $$'), repo.path, 'main')).rejects.toEqual(
      failing('base-not-found'),
    )
    await expect(
      resolveCommit(scripted(repo, 'echo "fatal: error: No space left on device" >&2; exit 128'), repo.path, 'main'),
    ).rejects.toEqual(failing('no-space'))
  })
})

describe('branch names', () => {
  it('agree with git, are stricter, and never weaker', async () => {
    const repo = repoOf()
    for (const name of ['main', 'a/b', 'ünï', 'CON', '$(id)', ';rm', "it's"])
      expect(await isValidBranchName(repo.context, name), name).toBeNull()
    for (const name of ['-x', '..', '@', 'HEAD', 'a b', '\u3000', 'x'.repeat(300), 'a\nb', 'a.lock']) {
      expect(await isValidBranchName(repo.context, name), name).toEqual(expect.any(String))
    }
    // One process for thousands of names: for-each-ref on a directory of names would need the refs.
    const piece = fc.constantFrom(
      'a',
      'B',
      '-',
      '.',
      '..',
      '/',
      '//',
      '@',
      '@{',
      '{',
      '}',
      '~',
      '^',
      ':',
      '?',
      '*',
      '[',
      ']',
      '\\',
      ' ',
      '\t',
      '\n',
      '\u007f',
      '\u3000',
      '\u200b',
      '\u202e',
      '.lock',
      'HEAD',
      '日',
      '$',
      '(',
      ')',
      ';',
      "'",
      '"',
      '`',
      '%',
      '#',
      '!',
      '=',
    )
    const names = fc.sample(
      fc.array(piece, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('')),
      { seed: 20260102, numRuns: 1500 },
    )
    const ours = [...new Set(names)].filter((name) => branchNameProblem(name) === null)
    expect(ours.length).toBeGreaterThan(50)
    // All in one go: update-ref would refuse the whole transaction for one bad name. Names that exclude each other are left out.
    const commit = repo.git('rev-parse', 'HEAD')
    const input = ours.map((name, index) => `create refs/heads/fuzz${index}-/${name}\0${commit}\0`).join('')
    ownGit({ directory: repo.path, args: ['update-ref', '-z', '--stdin'], environment: repo.environment, input })
    expect(repo.git('for-each-ref', 'refs/heads/').split('\n')).toHaveLength(ours.length + 1)
  })

  it('hostile ones are literal in everything that takes a branch', async () => {
    const repo = repoOf({ remote: true })
    const commit = repo.git('rev-parse', 'HEAD')
    const before = fingerprint(repo.path, ownCheckout)
    const canaries = () => readdirSync(repo.root).filter((name) => name.startsWith('pwned'))
    for (const [index, name] of [
      `agent/$(touch pwned)`,
      'agent/;touch$IFS-pwned',
      'agent/`touch-pwned`',
      'agent/|x',
      'agent/\'q"',
      'agent/%s%n',
      'agent/#x',
      'agent/日本',
      'agent/&&id',
      'agent/CON',
    ].entries()) {
      const path = join(repo.root, `w${index}`)
      if ((await isValidBranchName(repo.context, name)) !== null) continue
      await addWorktree(
        repo.context,
        { topLevel: repo.path, commonDir: repo.commonDir },
        { path, branch: name, commit, newBranch: true, lockReason: 'r' },
      )
      expect((await branchState(repo.context, repo.path, name))?.checkedOutAt).toBe(path)
      const sha = repo.commit({ 'x.txt': name }, 'x', path)
      expect(await pushBranch(repo.context, path, { remote: 'origin', sha, branch: name })).toMatchObject({
        already: false,
      })
      expect(repo.gitIn(repo.remote!, 'rev-parse', `refs/heads/${name}`)).toBe(sha)
    }
    expect(canaries()).toEqual([])
    expect(fingerprint(repo.path, ownCheckout)).toEqual(before)
  })

  it('are made unique against local and remote branches, by case and by folder', async () => {
    const repo = repoOf({ remote: true })
    repo.git('branch', 'agent/x')
    repo.gitIn(repo.remote!, 'branch', 'agent/Y', 'main')
    repo.git('fetch', '-q')
    const unique = (wanted: string, reserved?: string[]) => uniqueBranch(repo.context, repo.path, wanted, reserved)
    expect(await unique('new')).toBe('new')
    expect(await unique('agent/X')).toBe('agent/X-2')
    expect(await unique('agent/y')).toBe('agent/y-2')
    expect(await unique('agent')).toBe('agent-2')
    expect(await unique('main/x')).toBe('main-2/x')
    expect(await unique('new', ['NEW', 'new-2'])).toBe('new-3')
    await expect(unique('-x')).rejects.toEqual(failing('branch-name-invalid'))
  })
})

describe('refs', () => {
  it('are listed newest first, with where they are checked out', async () => {
    const repo = repoOf({ remote: true })
    const path = repo.worktree('new\tline'.replace('\t', '-'))
    const { value, programs } = await countingPrograms(() => listBranches(repo.context, repo.path))
    expect(programs).toBe(1)
    expect(value.map(({ ref }) => ref).sort()).toEqual([
      'refs/heads/main',
      'refs/heads/new-line',
      'refs/remotes/origin/main',
    ])
    expect(value.find(({ name }) => name === 'new-line')).toMatchObject({
      remote: false,
      checkedOutAt: path,
      committedAt: Date.parse('2026-01-02T03:04:05Z'),
    })
    expect(await branchState(repo.context, repo.path, 'none')).toBeNull()
  })

  it('change by compare-and-swap, all or none', async () => {
    const repo = repoOf({ commits: [{ 'b.txt': 'b' }] })
    const [one, two] = [repo.git('rev-parse', 'HEAD'), repo.git('rev-parse', 'HEAD~')]
    const change = (changes: Parameters<typeof changeRefs>[2]) => changeRefs(repo.context, repo.path, changes)
    await change([
      { ref: 'refs/heads/a', from: null, to: one },
      { ref: 'refs/heads/b', from: null, to: two },
    ])
    await expect(
      change([
        { ref: 'refs/heads/c', from: null, to: one },
        { ref: 'refs/heads/a', from: two, to: one },
      ]),
    ).rejects.toEqual(failing('state-unknown', { reason: 'ref-moved' }))
    await expect(
      change([
        { ref: 'refs/heads/c', from: null, to: one },
        { ref: 'refs/heads/a', from: null, to: one },
      ]),
    ).rejects.toEqual(failing('state-unknown', { reason: 'ref-exists' }))
    expect(repo.tryGit(repo.path, 'rev-parse', '--verify', 'refs/heads/c').code).not.toBe(0)
    await expect(deleteRefs(repo.context, repo.path, [{ ref: 'refs/heads/b', expected: one }])).rejects.toEqual(
      failing('state-unknown'),
    )
    await expect(deleteRefs(repo.context, repo.path, [{ ref: 'refs/heads/none', expected: one }])).rejects.toEqual(
      failing('state-unknown', { reason: 'ref-gone' }),
    )
    await deleteRefs(repo.context, repo.path, [
      { ref: 'refs/heads/a', expected: one },
      { ref: 'refs/heads/b', expected: two },
    ])
    expect(repo.git('for-each-ref', '--format=%(refname)')).toBe('refs/heads/main')
  })

  it('meet a lock that stays with git-locked, and one that goes with success', async () => {
    const repo = repoOf()
    const commit = repo.git('rev-parse', 'HEAD')
    const lock = join(repo.commonDir, 'refs/heads/x.lock')
    writeFileSync(lock, '')
    const make = () => changeRefs(repo.context, repo.path, [{ ref: 'refs/heads/x', from: null, to: commit }])
    await expect(make()).rejects.toEqual(failing('git-locked', { lock: expect.stringContaining('x.lock') }))
    setTimeout(() => rmSync(lock), 150)
    await make()
    expect(repo.git('rev-parse', 'x')).toBe(commit)
  })

  it('leave no lock that their own git could not take away, and touch no other', async () => {
    const repo = repoOf()
    const commit = repo.git('rev-parse', 'HEAD')
    const at = (name: string) => join(repo.commonDir, name)
    // What a failing disk does: git says nothing of the lock it could not delete, and exits 0.
    const left = `touch '${at('packed-refs.lock')}' '${at('refs/heads/x.lock')}'`
    const failing = scripted(repo, `git "$@" || exit; case " $* " in *" update-ref "*) ${left};; esac`)
    writeFileSync(at('refs/heads/y.lock'), '')
    await changeRefs(failing, repo.path, [{ ref: 'refs/heads/x', from: null, to: commit }])
    expect(readdirSync(at('refs/heads')).sort()).toEqual(['main', 'x', 'y.lock'])
    expect(existsSync(at('packed-refs.lock'))).toBe(false)
    // One that is older than the change is somebody else's.
    writeFileSync(at('packed-refs.lock'), '')
    utimesSync(at('packed-refs.lock'), new Date(Date.now() - 60_000), new Date(Date.now() - 60_000))
    await changeRefs(repo.context, repo.path, [{ ref: 'refs/heads/z', from: null, to: commit }])
    expect(existsSync(at('packed-refs.lock'))).toBe(true)
  })

  it('know their age', async () => {
    const repo = repoOf({ remote: true })
    const age = await refAge(repo.context, repo.path, 'refs/remotes/origin/main')
    expect(age).toMatchObject({
      commit: repo.git('rev-parse', 'HEAD'),
      committedAt: Date.parse('2026-01-02T03:04:05Z'),
    })
    const head = join(repo.commonDir, 'FETCH_HEAD')
    utimesSync(head, 1_000, 1_000)
    rmSync(join(repo.commonDir, 'logs/refs/remotes'), { recursive: true })
    expect((await refAge(repo.context, repo.path, 'origin/main')).fetchedAt).toBe(1_000_000)
    expect((await refAge(repo.context, repo.path, 'refs/heads/main')).fetchedAt).toBeNull()
  })
})

describe('commits', () => {
  it('ahead, behind, unpushed and only here', async () => {
    const repo = repoOf({ remote: true })
    const path = repo.worktree('agent/one')
    expect(await commitsOnlyHere(repo.context, path, 'agent/one')).toEqual({ unpushed: 0, onlyHere: 0 })
    repo.commit({ 'x.txt': '1' }, 'One', path)
    const two = repo.commit({ 'x.txt': '2' }, 'Two', path)
    repo.commit({ 'm.txt': 'm' }, 'Main')
    expect(await aheadBehind(repo.context, path, 'main')).toEqual({ ahead: 2, behind: 1 })
    expect(await commitsOnlyHere(repo.context, path, 'agent/one')).toEqual({ unpushed: 2, onlyHere: 2 })
    repo.git('tag', 'kept', `${two}~1`)
    expect(await commitsOnlyHere(repo.context, path, 'agent/one')).toEqual({ unpushed: 2, onlyHere: 1 })
    expect(await unpushedSince(repo.context, path, 'refs/remotes/origin/main')).toBe(2)
    repo.gitIn(path, 'push', '-q', 'origin', `${two}~1:refs/heads/other`)
    expect(await unpushedSince(repo.context, path, 'refs/remotes/origin/main')).toBe(1)
    repo.gitIn(path, 'push', '-q', 'origin', 'HEAD:refs/heads/agent/one')
    expect(await unpushedSince(repo.context, path, 'refs/remotes/origin/main')).toBe(0)
    expect(await commitsOnlyHere(repo.context, path, 'agent/one')).toEqual({ unpushed: 0, onlyHere: 0 })
    repo.gitIn(path, 'checkout', '-q', '--detach')
    repo.commit({ 'x.txt': '3' }, 'Detached', path)
    expect(await commitsOnlyHere(repo.context, path, null)).toEqual({ unpushed: 1, onlyHere: 1 })
  })

  it('of a repository without a remote are all unpushed; a failure is never zero', async () => {
    const repo = repoOf({ commits: [{ b: 'b' }] })
    const path = repo.worktree('agent/one')
    repo.commit({ 'x.txt': '1' }, 'One', path)
    expect(await commitsOnlyHere(repo.context, path, 'agent/one')).toEqual({ unpushed: 3, onlyHere: 1 })
    expect(await unpushedSince(repo.context, path, 'refs/heads/main')).toBe(1)
    await expect(unpushedSince(repo.context, path, 'none')).rejects.toEqual(failing('base-not-found'))
    await expect(commitsOnlyHere(scripted(repo, 'exit 128'), path, null)).rejects.toEqual(failing('git-failed'))
    await expect(commitsOnlyHere(scripted(repo, 'echo nonsense'), path, null)).rejects.toEqual(failing('state-unknown'))
    await expect(aheadBehind(repo.context, path, 'none')).rejects.toEqual(failing('base-not-found'))
  })
})

describe('files', () => {
  it('are read at a ref, or null; links and folders are no files', async () => {
    const repo = repoOf({ files: { 'a b.txt': 'text\n', 'd/*.txt': 'star', link: { link: 'a b.txt' } } })
    const read = (path: string) => readFileAt(repo.context, repo.path, 'main', path)
    expect(await read('a b.txt')).toBe('text\n')
    expect(await read('d/*.txt')).toBe('star')
    for (const path of ['none', 'link', 'd', '*', '../x', '-x']) expect(await read(path), path).toBeNull()
    await expect(readFileAt(repo.context, repo.path, 'none', 'x')).rejects.toEqual(failing('base-not-found'))
    expect(await trackedFiles(repo.context, repo.path)).toEqual(new Set(['a b.txt', 'd/*.txt', 'link']))
  })
})

describe('fetchRef', () => {
  const options = { remote: 'origin', branch: 'main', timeoutMs: 20_000 }
  function ahead(repo: TestRepo): string {
    const other = join(repo.root, 'other')
    repo.gitIn(repo.root, 'clone', '-q', repo.remote!, other)
    const commit = repo.commit({ 'new.txt': 'n' }, 'New', other)
    repo.gitIn(other, 'push', '-q', 'origin', 'HEAD:main', 'HEAD:refs/heads/side')
    repo.gitIn(other, 'tag', 't1')
    repo.gitIn(other, 'push', '-q', 'origin', 't1')
    repo.tryGit(repo.remote!, 'branch', '-q', '-D', 'gone')
    return commit
  }

  it('brings one ref up to date and touches nothing else: no tag, no other branch, no prune, no FETCH_HEAD', async () => {
    const repo = repoOf({ remote: true })
    repo.gitIn(repo.remote!, 'branch', 'gone', 'main')
    repo.git('fetch', '-q')
    rmSync(join(repo.commonDir, 'FETCH_HEAD'))
    const before = repo.git('rev-parse', 'origin/main')
    const commit = ahead(repo)
    const checkout = fingerprint(repo.path, ownCheckout)
    const lines: string[] = []
    const { value, programs } = await countingPrograms(() =>
      fetchRef(repo.context, repo.path, { ...options, onProgress: (line) => lines.push(line) }),
    )
    expect(value).toEqual({ fetched: true, ref: 'refs/remotes/origin/main', before, after: commit })
    expect(programs).toBe(5)
    expect(repo.git('for-each-ref', '--format=%(refname)').split('\n')).toEqual([
      'refs/heads/main',
      'refs/remotes/origin/HEAD',
      'refs/remotes/origin/gone',
      'refs/remotes/origin/main',
    ])
    expect(fingerprint(repo.path, ownCheckout)).toEqual(checkout)
    expect(existsSync(join(repo.commonDir, 'FETCH_HEAD'))).toBe(false)
    expect(repo.git('fsck', '--full')).toBe('')
    expect(readdirSync(repo.root).filter((name) => name.startsWith('coppice-git-'))).toEqual([])
    expect(await fetchRef(repo.context, repo.path, options)).toEqual({
      fetched: true,
      ref: 'refs/remotes/origin/main',
      before: commit,
      after: commit,
    })
  })

  it('is one fetch for many callers, and one caller’s cancel is nobody else’s', async () => {
    const repo = repoOf({ remote: true })
    const commit = ahead(repo)
    const { value, programs } = await countingPrograms(() =>
      Promise.all(Array.from({ length: 8 }, () => fetchRef(repo.context, repo.path, options))),
    )
    expect(programs).toBe(5)
    for (const result of value) expect(result).toMatchObject({ fetched: true, after: commit })
    const controller = new AbortController()
    const slow = scripted(repo, `case " $* " in *" fetch "*) sleep 0.5;; esac; exec git "$@"`)
    const mine = fetchRef(slow, repo.path, { ...options, signal: controller.signal })
    const theirs = fetchRef(slow, repo.path, options)
    setTimeout(() => controller.abort(), 150)
    await expect(mine).rejects.toEqual(failing('cancelled'))
    expect(await theirs).toMatchObject({ fetched: true })
  })

  it('is an answer, not an error, where there is no remote, no branch, no answer or no network', async () => {
    const repo = repoOf({ remote: true })
    expect(await fetchRef(repo.context, repo.path, { ...options, remote: 'none' })).toMatchObject({
      fetched: false,
      code: 'no-remote',
    })
    expect(await fetchRef(repo.context, repo.path, { ...options, branch: 'none' })).toMatchObject({
      fetched: false,
      code: 'base-not-found',
    })
    expect(await fetchRef(repo.context, repo.path, { ...options, branch: '--all' })).toMatchObject({
      fetched: false,
      code: 'base-not-found',
    })
    const silent = await listening(createSocketServer(() => {}))
    repo.git('config', 'remote.origin.url', `http://127.0.0.1:${silent}/r.git`)
    expect(await fetchRef(repo.context, repo.path, { ...options, timeoutMs: 400 })).toMatchObject({
      fetched: false,
      code: 'git-timeout',
    })
    repo.git('config', 'remote.origin.url', 'http://127.0.0.1:1/r.git')
    expect(await fetchRef(repo.context, repo.path, options)).toMatchObject({
      fetched: false,
      code: 'git-failed',
      reason: expect.stringContaining('Failed to connect'),
    })
    repo.git('config', 'remote.origin.url', join(repo.root, 'none.git'))
    expect(await fetchRef(repo.context, repo.path, options)).toMatchObject({ fetched: false })
    repo.git('config', 'remote.origin.url', 'ext::sh -c "touch pwned"')
    expect(await fetchRef(repo.context, repo.path, options)).toMatchObject({ fetched: false, code: 'remote-surprise' })
    repo.git('config', 'url.http://127.0.0.1:1/.insteadOf', repo.root)
    repo.git('config', 'remote.origin.url', repo.remote!)
    expect(await fetchRef(repo.context, repo.path, options)).toMatchObject({ fetched: false, code: 'remote-surprise' })
  })

  it('works in a shallow and in a partial clone', async () => {
    const repo = repoOf({ remote: true, commits: [{ b: 'b' }, { c: 'c' }] })
    repo.gitIn(repo.remote!, 'config', 'uploadpack.allowFilter', 'true')
    const url = `file://${repo.remote}`
    for (const kind of ['--depth=1', '--filter=blob:none']) {
      const clone = join(repo.root, `clone${kind}`)
      repo.gitIn(repo.root, 'clone', '-q', kind, url, clone)
      const commit = repo.commit({ [`${kind}.txt`]: kind })
      repo.git('push', '-q', 'origin', 'main')
      expect(await fetchRef(repo.context, clone, options), kind).toMatchObject({ fetched: true, after: commit })
      expect(repo.gitIn(clone, 'rev-parse', 'origin/main')).toBe(commit)
      expect(repo.gitIn(clone, 'log', '--oneline', 'origin/main').split('\n').length).toBe(kind === '--depth=1' ? 2 : 5)
      const made = await addWorktree(
        repo.context,
        { topLevel: clone, commonDir: join(clone, '.git') },
        { path: join(repo.root, `w${kind}`), branch: 'x', commit, newBranch: true, lockReason: 'r' },
      )
      expect(repo.gitIn(made.worktree, 'status', '--porcelain')).toBe('')
    }
  })
})

describe('pushBranch', () => {
  function withWork(more?: Parameters<typeof repoOf>[0]): { repo: TestRepo; path: string; sha: string } {
    const repo = repoOf({ remote: true, ...more })
    const path = repo.worktree('agent/one')
    return { repo, path, sha: repo.commit({ 'x.txt': 'x' }, 'Work', path) }
  }
  const to = (sha: string) => ({ remote: 'origin', sha, branch: 'agent/one' })
  const remoteRefs = (repo: TestRepo) => repo.gitIn(repo.remote!, 'for-each-ref', '--format=%(refname) %(objectname)')

  it('puts one commit on one branch, notes it, and can be repeated', async () => {
    const { repo, path, sha } = withWork()
    repo.git('tag', '-a', 'not-to-be-pushed', '-m', 'x', sha)
    repo.git('config', '--global', 'push.followTags', 'true')
    const before = remoteRefs(repo)
    const checkout = fingerprint(repo.path, ownCheckout)
    const { value, programs } = await countingPrograms(() => pushBranch(repo.context, path, to(sha)))
    expect(value).toEqual({
      ...{ already: false, url: repo.remote, trackingRef: 'refs/remotes/origin/agent/one' },
      said: ['[new branch]'],
    })
    expect(programs).toBe(5)
    expect(remoteRefs(repo)).toBe(`refs/heads/agent/one ${sha}\n${before}`)
    expect(repo.git('rev-parse', 'origin/agent/one')).toBe(sha)
    expect(repo.tryGit(path, 'rev-parse', '@{upstream}').code).not.toBe(0)
    expect(fingerprint(repo.path, ownCheckout)).toEqual(checkout)
    expect(await pushBranch(repo.context, path, to(sha))).toMatchObject({ already: true })
    const next = repo.commit({ 'x.txt': 'y' }, 'More', path)
    expect(await pushBranch(repo.context, path, to(next))).toMatchObject({ already: false })
  })

  it('never goes where the branch’s upstream or push.default points', async () => {
    const { repo, path, sha } = withWork()
    repo.gitIn(path, 'branch', '-q', '--set-upstream-to', 'origin/main')
    for (const mode of ['upstream', 'matching', 'current']) repo.git('config', 'push.default', mode)
    repo.git('config', 'remote.origin.push', '+refs/heads/*:refs/heads/*')
    repo.git('config', 'remote.origin.mirror', 'true')
    const main = repo.gitIn(repo.remote!, 'rev-parse', 'main')
    await pushBranch(repo.context, path, to(sha))
    expect(remoteRefs(repo)).toBe(`refs/heads/agent/one ${sha}\nrefs/heads/main ${main}`)
  })

  it('refuses a surprise and pushes nothing; a person may agree to one address', async () => {
    const { repo, path, sha } = withWork()
    const fork = join(repo.root, 'fork.git')
    repo.gitIn(repo.root, 'clone', '-q', '--bare', repo.remote!, fork)
    const before = remoteRefs(repo)
    const surprise = failing('remote-surprise')
    repo.git('config', 'remote.origin.pushurl', fork)
    await expect(pushBranch(repo.context, path, to(sha))).rejects.toEqual(
      failing('remote-surprise', { expected: repo.remote, actual: fork }),
    )
    expect(await pushBranch(repo.context, path, { ...to(sha), expectedUrl: fork })).toMatchObject({ url: fork })
    repo.git('config', '--unset', 'remote.origin.pushurl')
    repo.git('config', `url.${fork}.pushInsteadOf`, repo.remote!)
    await expect(pushBranch(repo.context, path, to(sha))).rejects.toEqual(surprise)
    repo.git('config', '--unset', `url.${fork}.pushInsteadOf`)
    repo.git('config', `url.${fork}.insteadOf`, repo.remote!)
    await expect(pushBranch(repo.context, path, to(sha))).rejects.toEqual(surprise)
    repo.git('config', '--unset', `url.${fork}.insteadOf`)
    repo.git('config', '--global', `url.${repo.remote}.insteadOf`, 'short:')
    repo.git('config', 'remote.origin.url', 'short:')
    expect(remoteRefs(repo)).toBe(before)
    expect(await pushBranch(repo.context, path, to(sha))).toMatchObject({ url: repo.remote })
    await expect(pushBranch(repo.context, path, { ...to(sha), remote: 'none' })).rejects.toEqual(failing('no-remote'))
  })

  it('passes the server’s refusal on word for word', async () => {
    const { repo, path, sha } = withWork()
    const hook = join(repo.remote!, 'hooks/pre-receive')
    writeFileSync(hook, '#!/bin/sh\necho "Rule 7: no pushes on Mondays" >&2\nexit 1\n')
    chmodSync(hook, 0o755)
    const before = remoteRefs(repo)
    await expect(pushBranch(repo.context, path, to(sha))).rejects.toEqual(
      failing('push-refused', {
        reason: '[remote rejected] (pre-receive hook declined)',
        message: expect.stringContaining('Rule 7: no pushes on Mondays'),
      }),
    )
    expect(remoteRefs(repo)).toBe(before)
    rmSync(hook)
    expect(await pushBranch(repo.context, path, to(sha))).toMatchObject({ already: false })
  })

  it('never overwrites what the remote has', async () => {
    const { repo, path, sha } = withWork()
    const other = repo.commit({ 'y.txt': 'y' }, 'Another')
    repo.git('push', '-q', 'origin', `${other}:refs/heads/agent/one`)
    await expect(pushBranch(repo.context, path, to(sha))).rejects.toEqual(
      failing('push-refused', { reason: expect.stringMatching(/rejected.*(fetch first|non-fast-forward)/) }),
    )
    expect(repo.gitIn(repo.remote!, 'rev-parse', 'agent/one')).toBe(other)
  })

  it('says that credentials are wanted, without asking for them', async () => {
    const { repo, path, sha } = withWork()
    const asked: (string | undefined)[] = []
    const port = await listening(
      createServer((request, response) => {
        asked.push(request.headers.authorization)
        response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end()
      }),
    )
    repo.git('config', 'remote.origin.url', `http://127.0.0.1:${port}/r.git`)
    repo.git('config', 'credential.helper', '!f() { echo username=a; echo password=b; }; f')
    await expect(pushBranch(repo.context, path, to(sha))).rejects.toEqual(
      failing('push-auth', { ignored: ['credential.helper'] }),
    )
    expect(asked).toEqual([undefined])
    // The person's own helper is asked, and so is a trusted repository's.
    await expect(pushBranch({ ...repo.context, trusted: true }, path, to(sha))).rejects.toEqual(failing('push-auth'))
    expect(asked.at(-1)).toBe(`Basic ${Buffer.from('a:b').toString('base64')}`)
    repo.git('config', '--unset', 'credential.helper')
    repo.git('config', '--global', 'credential.helper', '!f() { echo username=c; echo password=d; }; f')
    await expect(pushBranch(repo.context, path, to(sha))).rejects.toEqual(failing('push-auth'))
    expect(asked.at(-1)).toBe(`Basic ${Buffer.from('c:d').toString('base64')}`)
  })

  it('ends a push that hangs, at its silence or at its limit, and one that is cancelled; then it can be repeated', async () => {
    const { repo, path, sha } = withWork()
    const port = await listening(createSocketServer(() => {}))
    repo.git('config', 'remote.origin.url', `http://127.0.0.1:${port}/r.git`)
    await expect(pushBranch(repo.context, path, { ...to(sha), stallMs: 300 })).rejects.toMatchObject({
      failure: { code: 'push-timeout', retryable: true },
    })
    await expect(pushBranch(repo.context, path, { ...to(sha), timeoutMs: 300 })).rejects.toEqual(
      failing('push-timeout'),
    )
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 200)
    await expect(pushBranch(repo.context, path, { ...to(sha), signal: controller.signal })).rejects.toEqual(
      failing('cancelled'),
    )
    repo.git('config', 'remote.origin.url', repo.remote!)
    expect(await pushBranch(repo.context, path, to(sha))).toMatchObject({ already: false })
    expect(readdirSync(repo.root).filter((name) => name.startsWith('coppice-git-'))).toEqual([])
  })

  it('refuses names and commits that are none', async () => {
    const { repo, path, sha } = withWork()
    await expect(pushBranch(repo.context, path, { remote: 'origin', sha, branch: '--mirror' })).rejects.toEqual(
      failing('branch-name-invalid'),
    )
    await expect(pushBranch(repo.context, path, { remote: 'origin', sha: 'HEAD', branch: 'x' })).rejects.toEqual(
      failing('base-not-found'),
    )
    await expect(
      pushBranch(repo.context, path, { remote: 'origin', sha: 'a'.repeat(40), branch: 'x' }),
    ).rejects.toEqual(failing('base-not-found'))
    const gone = join(repo.root, 'gone')
    mkdirSync(gone)
    await expect(pushBranch(repo.context, gone, to(sha))).rejects.toEqual(failing('worktree-missing'))
  })

  it('works from a shallow clone and by a relative address', async () => {
    const repo = repoOf({ remote: true, commits: [{ b: 'b' }] })
    const clone = join(repo.root, 'shallow')
    repo.gitIn(repo.root, 'clone', '-q', '--depth=1', `file://${repo.remote}`, clone)
    repo.gitIn(clone, 'config', 'remote.origin.url', '../origin.git')
    const sha = repo.commit({ 'c.txt': 'c' }, 'C', clone)
    expect(await pushBranch(repo.context, clone, to(sha))).toMatchObject({ already: false })
    expect(repo.gitIn(repo.remote!, 'rev-parse', 'agent/one')).toBe(sha)
  })
})
