import { describe, expect, it } from 'vitest'
import { headAway } from '../../app/git/refs/branches.ts'
import { fullRevision, hidesAnother } from '../../app/git/refs/names.ts'
import { failing, repoOf } from './setup.ts'

describe('fullRevision', () => {
  it('gives a name in full, whatever follows it, and leaves alone what names no ref', async () => {
    const repo = repoOf({ remote: true, commits: [{ 'b.txt': 'b' }] })
    repo.git('tag', 'v1')
    repo.git('branch', 'ünï/日本')
    const head = repo.git('rev-parse', 'HEAD')
    const full = (name: string) => fullRevision(repo.context, repo.path, name)
    expect(await full('main')).toBe('refs/heads/main')
    expect(await full('main~1^{commit}')).toBe('refs/heads/main~1^{commit}')
    expect(await full('main@{0}')).toBe('refs/heads/main@{0}')
    expect(await full('v1')).toBe('refs/tags/v1')
    expect(await full('heads/main')).toBe('refs/heads/main')
    expect(await full('refs/heads/main')).toBe('refs/heads/main')
    expect(await full('origin/main')).toBe('refs/remotes/origin/main')
    expect(await full('origin')).toBe('refs/remotes/origin/HEAD')
    expect(await full('ünï/日本')).toBe('refs/heads/ünï/日本')
    for (const name of ['HEAD', 'HEAD~1', '@', '@{-1}', head, head.slice(0, 8), 'none', '', '-x', '*', 'ma[i]n', ':/x'])
      expect(await full(name), name).toBe(name)
  })

  it('refuses a name that means several refs, with all of them', async () => {
    const repo = repoOf({ remote: true, commits: [{ 'b.txt': 'b' }] })
    repo.git('branch', 'origin/main', 'HEAD')
    repo.git('tag', 'main', 'HEAD~1')
    await expect(fullRevision(repo.context, repo.path, 'main~0')).rejects.toEqual(
      failing('bad-input', {
        field: 'base',
        names: ['refs/tags/main', 'refs/heads/main'],
        message: '"main" may mean the tag refs/tags/main, the branch refs/heads/main; give the one you mean in full',
      }),
    )
    await expect(fullRevision(repo.context, repo.path, 'origin/main')).rejects.toEqual(
      failing('bad-input', { names: ['refs/heads/origin/main', 'refs/remotes/origin/main'] }),
    )
    expect(await fullRevision(repo.context, repo.path, 'refs/heads/main')).toBe('refs/heads/main')
  })
})

describe('hidesAnother', () => {
  it('names what a new branch would hide', async () => {
    const repo = repoOf({ remote: true })
    repo.git('tag', 'v1')
    const why = (branch: string) => hidesAnother(repo.context, repo.path, branch, [{ name: 'origin' }])
    expect(await why('origin/main')).toBe('it would hide the branches of the remote origin')
    expect(await why('origin/not-there-yet')).toBe('it would hide the branches of the remote origin')
    expect(await why('origin')).toBe('it would hide the branches of the remote origin')
    expect(await why('refs/heads/main')).toBe('it reads like the full name of a ref')
    expect(await why('heads/main')).toBe('it would hide refs/heads/main')
    expect(await why('remotes/origin/main')).toBe('it would hide refs/remotes/origin/main')
    expect(await why('v1')).toBe('it would hide refs/tags/v1')
    expect(await why('FETCH_HEAD')).toBe("it is one of git's own names")
    expect(await why('a'.repeat(40))).toBe('it reads like the name of a commit')
    for (const fine of ['agent/x', 'original/main', 'main-2', 'heads/other', 'v1/x']) expect(await why(fine)).toBeNull()
  })
})

describe('headAway', () => {
  it('is null on the branch, and where HEAD has nothing that the branch lacks', async () => {
    const repo = repoOf()
    const path = repo.worktree('agent/one')
    repo.commit({ 'a.txt': 'a' }, 'a', path)
    expect(await headAway(repo.context, path, 'agent/one')).toBeNull()
    repo.gitIn(path, 'checkout', '-q', '--detach', 'HEAD~1')
    expect(await headAway(repo.context, path, 'agent/one')).toBeNull()
  })

  it('says where HEAD is and what only it has', async () => {
    const repo = repoOf()
    const path = repo.worktree('agent/one')
    repo.gitIn(path, 'checkout', '-q', '--detach')
    repo.commit({ 'a.txt': 'a' }, 'a', path)
    repo.write({ HEAD: 'a file' }, path)
    expect(await headAway(repo.context, path, 'agent/one')).toEqual({ head: null, commits: 1, ahead: 0 })
    repo.gitIn(path, 'switch', '-q', '-c', 'feature/next')
    repo.git('update-ref', 'refs/heads/agent/one', repo.commit({ 'b.txt': 'b' }, 'b'))
    expect(await headAway(repo.context, path, 'agent/one')).toEqual({ head: 'feature/next', commits: 1, ahead: 1 })
    repo.gitIn(path, 'switch', '-q', 'agent/one')
    repo.gitIn(path, 'branch', '-m', 'renamed')
    expect(await headAway(repo.context, path, 'agent/one')).toEqual({ head: 'renamed', commits: null, ahead: 0 })
  })
})
