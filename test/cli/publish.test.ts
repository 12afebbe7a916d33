import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { fake, makeCli, type TestCli } from './harness.ts'

// Publishing by the CLI alone: where a push may go, what is said when it may not, and the pull request with and without gh.
const forge = 'https://github.com/acme/shop.git'
let cli: TestCli
let repo: TestRepo
let count = 0
beforeAll(() => {
  cli = makeCli()
  mkdirSync(join(cli.home, 'bin'))
  // Where a person's own programs are, as their login shell knows it.
  writeFileSync(join(cli.home, '.bash_profile'), 'export PATH="$HOME/bin:$PATH"\n')
  repo = makeRepo({ remote: true, name: 'shop' })
  // The person's own rule: this forge is a bare repository on the disk.
  appendFileSync(join(cli.home, '.gitconfig'), `[url "${repo.remote}"]\n\tinsteadOf = ${forge}\n`)
})
afterAll(async () => {
  await cli?.close()
  repo?.close()
})

interface Pushed {
  readonly id: string
  readonly remote: string
  readonly ref: string
  readonly sha: string
  readonly already: boolean
}

/** A run that has made one commit. */
async function worked(): Promise<{ id: string; head: string }> {
  const id = `work-${++count}`
  const words = ['run', '--repo', repo.path, '--command', fake(`commit 1 ${id}`), '--id', id, '--wait', 'settled']
  const { worktree } = await cli.json(...words)
  return { id, head: repo.gitIn(worktree!, 'rev-parse', 'HEAD') }
}
const remoteRefs = () => repo.gitIn(repo.remote!, 'for-each-ref', '--format=%(refname) %(objectname)').split('\n')
const origin = (url: string) => repo.git('config', 'remote.origin.url', url)

describe('commit and unpushed', () => {
  it('commits what the agent left, says what exists only here, and a push clears it', async () => {
    const id = `work-${++count}`
    const line = 'echo left > left.txt'
    const { worktree } = await cli.json('run', '--repo', repo.path, '--command', line, '--id', id, '--wait', 'settled')
    const listed = async () => {
      // The counts are the host's, taken after each end and each commit.
      for (let n = 0; n < 100; n++) {
        const found = await cli.json<{ id: string; commits: number | null; files: number | null }[]>('unpushed')
        const mine = found.find((one) => one.id === id)
        if (!mine || mine.commits !== null) return mine
        await new Promise((next) => setTimeout(next, 100))
      }
      throw new Error('never counted')
    }
    expect(await listed()).toMatchObject({ commits: 0, files: 1 })
    const made = await cli.json<{ sha: string; files: number }>('commit', id, '-m', 'Leave it')
    expect(made).toMatchObject({ sha: repo.gitIn(worktree!, 'rev-parse', 'HEAD'), files: 1 })
    expect(repo.gitIn(worktree!, 'log', '-1', '--format=%s')).toBe('Leave it')
    expect((await cli.run('commit', id, '-m', 'Again')).stderr).toContain('Everything in the worktree is committed.')
    expect((await cli.run('commit', id)).code).toBe(2)
    await cli.json('push', id)
    for (let n = 0; n < 100 && (await listed()) !== undefined; n++) await new Promise((next) => setTimeout(next, 100))
    expect(await listed()).toBeUndefined()
    expect((await cli.run('commit', id, '-m', 'Over', '--amend')).stderr).toContain('is on a remote already')
  })
})

describe('push', () => {
  it('puts the run’s own branch on the remote, nothing else, and can be repeated', async () => {
    const { id, head } = await worked()
    const before = remoteRefs()
    // What plain git would listen to.
    repo.git('config', 'push.default', 'matching')
    repo.git('config', 'remote.origin.push', '+refs/heads/*:refs/heads/*')
    const pushed = await cli.json<Pushed>('push', id)
    const ref = `refs/heads/agent/${id}`
    expect(pushed).toEqual({ id, remote: 'origin', ref, sha: head, already: false })
    expect(remoteRefs().filter((line) => !before.includes(line))).toEqual([`${ref} ${head}`])
    expect(await cli.json<Pushed>('push', id)).toEqual({ ...pushed, already: true })
    expect((await cli.run('push', id)).stdout).toBe(`Pushed already: ${head.slice(0, 10)} to origin ${ref}\n`)
    repo.git('config', '--unset', 'push.default')
    repo.git('config', '--unset', 'remote.origin.push')
  })

  it('shows the reason of a refusal and forces nothing', async () => {
    const { id } = await worked()
    const hook = join(repo.remote!, 'hooks/pre-receive')
    writeFileSync(hook, '#!/bin/sh\necho "Rule 7: no pushes on Mondays" >&2\nexit 1\n')
    chmodSync(hook, 0o755)
    const before = remoteRefs()
    const error = await cli.told(1, 'push', id)
    rmSync(hook)
    expect(error.code).toBe('push-refused')
    expect(error.message).toContain('Rule 7: no pushes on Mondays')
    expect(remoteRefs()).toEqual(before)
    expect((await cli.json<Pushed>('push', id)).already).toBe(false)
  })

  it('says that there is nothing to push, or nowhere', async () => {
    await cli.json('run', '--repo', repo.path, '--command', 'true', '--id', 'idle', '--wait', 'settled')
    expect((await cli.told(1, 'push', 'idle')).code).toBe('nothing-to-push')
    const lone = makeRepo({ name: 'lone' })
    await cli.json('run', '--repo', lone.path, '--command', fake('commit 1 x'), '--id', 'lone', '--wait', 'settled')
    const nowhere = await cli.told(1, 'push', 'lone')
    expect(nowhere).toMatchObject({ code: 'no-remote', next: expect.stringContaining('coppice add') })
    lone.close()
  })
})

describe('a remote that is not what it was', () => {
  const fork = () => {
    const path = join(repo.root, 'fork.git')
    if (!existsSync(path)) repo.gitIn(repo.root, 'clone', '-q', '--bare', repo.remote!, path)
    return path
  }
  const refsOfFork = () => repo.gitIn(fork(), 'for-each-ref', '--format=%(refname)')

  it.each([
    ['a pushurl', () => ['remote.origin.pushurl', fork()]],
    ['a rewriting rule', () => [`url.${fork()}.insteadOf`, repo.remote!]],
    ['a rewriting rule for pushes', () => [`url.${fork()}.pushInsteadOf`, repo.remote!]],
  ])('%s in the repository’s configuration is not followed', async (_name, entry) => {
    const { id } = await worked()
    const [key, value] = entry() as [string, string]
    const before = [...remoteRefs(), refsOfFork()]
    repo.git('config', key, value)
    const error = await cli.told(1, 'push', id)
    repo.git('config', '--unset', key)
    expect(error.code).toBe('remote-surprise')
    expect(error.message).toContain(fork())
    expect(error.message).toContain('Nothing was pushed.')
    expect([...remoteRefs(), refsOfFork()]).toEqual(before)
  })

  it('another address is agreed to by adding the repository on purpose, and by nothing less', async () => {
    const { id, head } = await worked()
    const before = refsOfFork()
    origin(fork())
    const error = await cli.told(1, 'push', id)
    expect(error).toMatchObject({ code: 'remote-surprise', next: expect.stringContaining(`coppice add ${repo.path}`) })
    expect(error.message).toContain(`leads to ${fork()}, not to ${repo.remote}`)
    // To name the repository for a run says nothing about its remotes.
    const another = await worked()
    expect((await cli.told(1, 'push', another.id)).code).toBe('remote-surprise')
    expect(refsOfFork()).toBe(before)
    const added = await cli.json<{ id: string; path: string; remotes: unknown }>('add', join(repo.path, '.'))
    expect(added).toMatchObject({ path: repo.path, remotes: [{ name: 'origin', url: fork() }] })
    expect(await cli.json<Pushed>('push', id)).toMatchObject({ sha: head, already: false })
    expect(refsOfFork()).toContain(`refs/heads/agent/${id}`)
    origin(repo.remote!)
    expect((await cli.run('add', repo.path)).stdout).toBe(`Added ${repo.path}.\n  origin leads to ${repo.remote}\n`)
  })

  it('a remote that was not there is not pushed to', async () => {
    const { id } = await worked()
    repo.git('config', '--rename-section', 'remote.origin', 'remote.backup')
    const error = await cli.told(1, 'push', id)
    repo.git('config', '--rename-section', 'remote.backup', 'remote.origin')
    expect(error.code).toBe('remote-surprise')
    expect(error.message).toContain('it did not exist when the repository was added')
    expect((await cli.json<Pushed>('push', id)).already).toBe(false)
  })
})

describe('pr', () => {
  const gh = (script: string) => {
    writeFileSync(join(cli.home, 'bin/gh'), `#!/bin/sh\nprintf '%s\\n' "$*" >> "$HOME/gh.log"\n${script}\n`)
    chmodSync(join(cli.home, 'bin/gh'), 0o755)
  }
  const asked = () => readFileSync(join(cli.home, 'gh.log'), 'utf8').trim().split('\n')

  const made = 'https://github.com/acme/shop/pull/7'

  it('pushes and gives the compare page, filled in, where there is no gh or it is not logged in', async () => {
    origin(forge)
    await cli.json('add', repo.path)
    const { id, head } = await worked()
    const answer = await cli.json<{ id: string; url: string; opened: boolean }>('pr', id)
    expect(Object.keys(answer)).toEqual(['id', 'url', 'opened'])
    expect(answer).toMatchObject({ id, opened: false })
    const page = new URL(answer.url)
    expect(page.origin + page.pathname).toBe(`https://github.com/acme/shop/compare/main...agent/${id}`)
    expect(page.searchParams.get('title')).toBe(`[agent] ${id}`)
    expect(page.searchParams.get('body')).toContain(`- ${id} 1`)
    expect(remoteRefs()).toContain(`refs/heads/agent/${id} ${head}`)

    gh('exit 1')
    expect(await cli.json('pr', id)).toEqual(answer)
    expect((await cli.run('pr', id)).stdout).toBe(`Open this page to make the pull request: ${answer.url}\n`)
    expect(asked()).toEqual(Array(2).fill('auth status --hostname github.com'))
  })

  it('is made by gh where that is logged in, once', async () => {
    gh(`case "$1 $2" in
'auth status') ;;
'pr list') cat "$HOME/open" 2>/dev/null || echo '[]' ;;
'pr create') cat > "$HOME/body"; echo '[{"url":"${made}"}]' > "$HOME/open"; echo ${made} ;;
esac`)
    const { id } = await worked()
    expect(await cli.json('pr', id)).toEqual({ id, url: made, opened: true })
    expect(asked().at(-1)).toBe(
      `pr create --repo github.com/acme/shop --head agent/${id} --base main --title [agent] ${id} --body-file -`,
    )
    expect(readFileSync(join(cli.home, 'body'), 'utf8')).toContain(`Branch \`agent/${id}\``)
    expect((await cli.run('pr', id)).stdout).toBe(`Pull request: ${made}\n`)
    expect(asked().filter((words) => words.startsWith('pr create'))).toHaveLength(1)
  })

  it('that gh refuses is told in its own words, and the branch is pushed', async () => {
    gh(`case "$1 $2" in
'auth status') ;;
'pr list') echo '[]' ;;
*) echo 'pull request create failed: base is protected' >&2; exit 1 ;;
esac`)
    const { id, head } = await worked()
    const error = await cli.told(1, 'pr', id)
    expect(error.code).toBe('pr-failed')
    expect(error.message).toContain('base is protected')
    expect(error.message).toContain('The branch is pushed.')
    expect(remoteRefs()).toContain(`refs/heads/agent/${id} ${head}`)
  })

  it('knows the forge behind an alias of ssh’s configuration, and behind the port of https', async () => {
    gh(`case "$1 $2" in
'auth status') ;;
'pr list') echo '[]' ;;
'pr create') echo https://github.com/acme/shop/pull/9 ;;
esac`)
    // What ssh says of a name, without connecting to it.
    const ssh = join(cli.home, 'bin/ssh')
    const says = 'case "$3" in my_work) echo "hostname ssh.github.com" ;; *) echo "hostname $3" ;; esac'
    writeFileSync(ssh, `#!/bin/sh\n[ "$1 $2" = "-G --" ] && { echo "user git"; ${says}; }\n`)
    chmodSync(ssh, 0o755)
    const alias = 'git@my_work:acme/shop.git'
    appendFileSync(join(cli.home, '.gitconfig'), `[url "${repo.remote}"]\n\tinsteadOf = ${alias}\n`)
    origin(alias)
    await cli.json('add', repo.path)
    const { id } = await worked()
    expect(await cli.json('pr', id)).toEqual({ id, url: 'https://github.com/acme/shop/pull/9', opened: true })
    expect(
      asked()
        .slice(-3)
        .map((line) => line.split(' --head')[0]),
    ).toEqual([
      'auth status --hostname github.com',
      'pr list --repo github.com/acme/shop',
      'pr create --repo github.com/acme/shop',
    ])
    origin(forge)
    await cli.json('add', repo.path)
    rmSync(ssh)
  })
})

describe('an agent that has left its branch', () => {
  it('is not pushed past: the refusal names HEAD, what it has and a command that works', async () => {
    const { id, head } = await worked()
    const { worktree } = await cli.json<{ worktree: string }>('show', id)
    repo.gitIn(worktree, 'switch', '-q', '-c', 'feature/next')
    repo.commit({ 'next.txt': 'n' }, 'next', worktree)
    const before = remoteRefs()
    const error = await cli.told(1, 'push', id)
    expect(error.code).toBe('head-elsewhere')
    expect(error.message).toBe(
      `The worktree is on feature/next, not on agent/${id}: HEAD has 1 commit that agent/${id} does not have. Nothing was pushed.`,
    )
    expect(error.next).toContain(`git -C ${worktree} switch -C agent/${id}`)
    expect(remoteRefs()).toEqual(before)
    repo.gitIn(worktree, 'switch', '-q', '-C', `agent/${id}`)
    const pushed = await cli.json<Pushed>('push', id)
    expect(pushed.sha).toBe(repo.gitIn(worktree, 'rev-parse', 'HEAD'))
    expect(pushed.sha).not.toBe(head)
  })
})

describe('names that hide others', () => {
  it('are refused for a branch, and for a base that means two things', async () => {
    const run = (...words: string[]) => cli.told(1, 'run', '--repo', repo.path, '--command', 'true', ...words)
    expect(await run('--branch', 'origin/main')).toMatchObject({
      code: 'branch-name-invalid',
      message:
        'origin/main cannot be the name of a new branch: it would hide the branches of the remote origin. Nothing was created.',
    })
    expect((await run('--branch', 'refs/heads/main')).code).toBe('branch-name-invalid')
    repo.git('tag', 'main')
    const error = await run('--base', 'main')
    repo.git('tag', '-d', 'main')
    expect(error.message).toContain('the tag refs/tags/main, the branch refs/heads/main')
  })
})
