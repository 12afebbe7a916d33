import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { commitAll } from '../../app/git/commit.ts'
import { CoppiceFailure } from '../../app/model/failure.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

// Commits from the app, in a real linked worktree: what goes in, who it is by, how it is signed, and what is refused.
let repo: TestRepo
afterEach(() => repo?.close())

function open(): string {
  repo = makeRepo({ remote: true, files: { 'a.txt': 'one\n', '.gitignore': 'ignored.txt\n' } })
  return repo.worktree('agent/one')
}
const codeOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'ok',
    (error: unknown) => (error instanceof CoppiceFailure ? error.failure.code : String(error)),
  )
const write = (path: string, files: Record<string, string>) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
}

describe('commitAll', () => {
  it('takes what is changed, new and deleted, and leaves what is ignored', async () => {
    const path = open()
    write(path, { 'a.txt': 'two\n', 'b.txt': 'new\n', 'ignored.txt': 'no\n', '-x HEAD.txt': 'odd name\n' })
    const { sha, files } = await commitAll(repo.context, path, {
      message: 'Two\n\nWhy it is two.\n# not a comment line\n',
    })
    expect(files).toBe(3)
    expect(repo.gitIn(path, 'rev-parse', 'HEAD')).toBe(sha)
    expect(repo.gitIn(path, 'show', '--format=%an%n%B', '--name-status', 'HEAD').split('\n').filter(Boolean)).toEqual([
      'Ada Author',
      'Two',
      'Why it is two.',
      'A\t-x HEAD.txt',
      'M\ta.txt',
      'A\tb.txt',
    ])
    expect(await codeOf(commitAll(repo.context, path, { message: 'Again' }))).toBe('nothing-to-commit')
    expect(repo.gitIn(path, 'rev-parse', 'HEAD')).toBe(sha)
  })

  it('runs no hook, and no program that the repository names', async () => {
    const path = open()
    const hooks = join(repo.commonDir, 'hooks')
    mkdirSync(hooks, { recursive: true })
    for (const hook of ['pre-commit', 'commit-msg', 'prepare-commit-msg', 'post-commit'])
      writeFileSync(join(hooks, hook), `#!/bin/sh\ntouch ${join(repo.path, '..', 'ran')}\n`, { mode: 0o755 })
    repo.git('config', 'commit.gpgSign', 'true')
    repo.git('config', 'gpg.program', join(hooks, 'pre-commit'))
    write(path, { 'a.txt': 'two\n' })
    await commitAll(repo.context, path, { message: 'Two' })
    expect(existsSync(join(repo.path, '..', 'ran'))).toBe(false)
    expect(repo.gitIn(path, 'log', '-1', '--format=%s')).toBe('Two')
  })

  it('signs as the person has set it, with their program', async () => {
    const path = open()
    const program = join(repo.path, '..', 'sign.sh')
    // A stand-in for gpg: it answers as git expects, and writes down what it was asked.
    writeFileSync(
      program,
      '#!/bin/sh\necho "$@" > "$(dirname "$0")/asked"\ncat > /dev/null\nprintf "\\n[GNUPG:] SIG_CREATED D 1 1 00 1 X\\n" >&2\necho "-----BEGIN PGP SIGNATURE-----\n\nxx\n-----END PGP SIGNATURE-----"\n',
    )
    chmodSync(program, 0o755)
    const global = join(repo.path, '..', 'person.gitconfig')
    writeFileSync(
      global,
      `[user]\n\tname = Ada Author\n\temail = ada@example.com\n\tsigningKey = ABCD\n[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = ${program}\n`,
    )
    const context = { ...repo.context, environment: { ...repo.context.environment, GIT_CONFIG_GLOBAL: global } }
    write(path, { 'a.txt': 'two\n' })
    await commitAll(context, path, { message: 'Signed' })
    expect(repo.gitIn(path, 'cat-file', 'commit', 'HEAD')).toContain('gpgsig -----BEGIN PGP SIGNATURE-----')
    expect(readFileSync(join(repo.path, '..', 'asked'), 'utf8')).toContain('ABCD')
  })

  it('amends what no remote has, and nothing else', async () => {
    const path = open()
    expect(await codeOf(commitAll(repo.context, path, { message: 'No', amend: true }))).toBe('already-pushed')
    write(path, { 'a.txt': 'two\n' })
    await commitAll(repo.context, path, { message: 'Two' })
    write(path, { 'a.txt': 'three\n' })
    await commitAll(repo.context, path, { message: 'Three', amend: true })
    expect(repo.gitIn(path, 'log', '--format=%s', 'main..HEAD')).toBe('Three')
    repo.gitIn(path, 'push', '-q', 'origin', 'HEAD:refs/heads/agent/one')
    expect(await codeOf(commitAll(repo.context, path, { message: 'Four', amend: true }))).toBe('already-pushed')
    expect(repo.gitIn(path, 'log', '-1', '--format=%s')).toBe('Three')
  })

  it('refuses in the middle of a merge with conflicts, and changes nothing', async () => {
    const path = open()
    repo.commit({ 'a.txt': 'theirs\n' }, 'Theirs')
    repo.commit({ 'a.txt': 'ours\n' }, 'Ours', path)
    expect(() => repo.gitIn(path, 'merge', 'main')).toThrow()
    const before = repo.gitIn(path, 'status', '--porcelain=v2')
    expect(await codeOf(commitAll(repo.context, path, { message: 'Half' }))).toBe('operation-in-progress')
    expect(repo.gitIn(path, 'status', '--porcelain=v2')).toBe(before)
  })
})
