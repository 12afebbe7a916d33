import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunView } from '../../app/model/view.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { makeCli, type TestCli } from './harness.ts'

// Bad input: each with a code, a sentence and a way on, and with nothing changed, in no repository and in no folder of ours.
let cli: TestCli
let repo: TestRepo
let empty: TestRepo
let theirs: TestRepo
beforeAll(async () => {
  cli = makeCli()
  repo = makeRepo({ remote: true })
  empty = makeRepo({ files: null })
  theirs = makeRepo()
  repo.git('branch', 'taken')
  mkdirSync(join(cli.home, 'folder'))
  writeFileSync(join(cli.home, 'file'), '')
  // Another owner's for root, whom no mode keeps out; else one that may not be entered.
  if (process.getuid?.() === 0) chownSync(theirs.path, 65534, 65534)
  else chmodSync(theirs.path, 0)
  await cli.json('host', 'start')
})
afterAll(async () => {
  await cli?.close()
  if (theirs) chmodSync(theirs.path, 0o700)
  for (const one of [repo, empty, theirs]) one?.close()
})

/** Everything that a refusal must leave as it was: the repositories with their remotes, the folders named, and our own. */
function everything() {
  const our = (room: string) => {
    const path = join(cli.dataDirectory, room)
    return existsSync(path) ? readdirSync(path) : []
  }
  return {
    repositories: [repo, empty].map(({ root }) => fingerprint(root)),
    folder: fingerprint(join(cli.home, 'folder')),
    ...{ worktrees: our('worktrees'), runs: our('runs'), trash: our('trash'), sessions: our('keeper') },
  }
}

const run = (path: string, ...more: string[]) => ['run', '--repo', path, '--command', 'true', ...more]

it.each<[string, string, () => string[], RegExp]>([
  ['a folder that is no repository', 'not-a-repository', () => run(join(cli.home, 'folder')), /git init/],
  ['a path with nothing at it', 'not-a-repository', () => run(join(cli.home, 'nowhere')), /./],
  ['a repository without commits', 'no-commits', () => run(empty.path), /first commit/],
  ['a bare repository', 'bare-repository', () => run(repo.remote!), /./],
  ['a base that does not exist', 'base-not-found', () => run(repo.path, '--base', 'no/such'), /./],
  ['a base that looks like an option', 'base-not-found', () => run(repo.path, '--base=--output=x'), /./],
  ['a branch to work on that does not exist', 'base-not-found', () => run(repo.path, '--from', 'nope'), /./],
  ['a branch that is checked out', 'branch-checked-out', () => run(repo.path, '--from', 'main'), /./],
  ['a branch name that git refuses', 'branch-name-invalid', () => run(repo.path, '--branch', 'a..b'), /./],
  ['a branch that exists', 'branch-exists', () => run(repo.path, '--branch', 'taken'), /taken-2/],
  ['an id that is none', 'bad-input', () => run(repo.path, '--id', '../x'), /./],
  ['an agent that nobody knows', 'agent-not-found', () => ['run', '--repo', repo.path, '--agent', 'nobody'], /./],
  ['a command line that is empty', 'bad-input', () => ['run', '--repo', repo.path, '--command', ' '], /./],
  ['a run that is not there', 'not-found', () => ['show', 'nobody'], /coppice list/],
  ['a removal of what is not there', 'not-found', () => ['rm', 'nobody'], /./],
  ['a file', 'not-a-repository', () => run(join(cli.home, 'file')), /./],
  ['a repository that is not ours to read', 'permission-denied', () => run(theirs.path), /safe\.directory|access/],
])('%s: %s', async (_, code, words, next) => {
  const before = everything()
  const error = await cli.told(1, ...words())
  expect(error.code).toBe(code)
  expect(error.message).toMatch(/^\S.*[.!?…]$/)
  expect(error.next).toMatch(next)
  expect(everything()).toEqual(before)
  expect(before).toMatchObject({ worktrees: [], runs: [], trash: [] })
})

it('an agent that is not installed is named, with how to get it', async () => {
  const bin = join(cli.home, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'codex'), '')
  chmodSync(join(bin, 'codex'), 0o644)
  const before = everything()
  const error = await cli.told(1, 'run', '--repo', repo.path, '--agent', 'opencode', '--prompt', 'x')
  expect(error.code).toBe('agent-not-found')
  expect(error.message).toContain('OpenCode')
  expect(error.next).toMatch(/npm|Install/)
  expect(everything()).toEqual(before)
})

it('a prompt of 10 MB', async () => {
  const before = everything()
  const { code, stdout } = await cli.runWith(
    { input: 'x'.repeat(10_000_000) },
    ...run(repo.path, '--prompt', '-', '--json'),
  )
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({
    error: { code: 'prompt-too-long', message: expect.stringContaining('10 MB') },
  })
  expect(everything()).toEqual(before)
})

it('nothing of it is in the list', async () => {
  expect(await cli.json<RunView[]>('list', '--all')).toEqual([])
})

describe('names that are odd, and right', () => {
  const names = ['with space', 'it\'s "quoted"', 'new\nline', 'ünïcödé 日本', '-dash', '$(touch pwned);rm', 'a*[b]?']
  it.each(names)('%j is the name of a repository as any other', async (name) => {
    const odd = makeRepo({ name, remote: true })
    // The data directory's too, but for the line break, which it refuses.
    const home = join(cli.home, `data ${name.replaceAll('\n', ' ')}`)
    const before = fingerprint(odd.path, { without: /^\.git\/(worktrees|refs|logs|objects)(\/|$)/ })
    try {
      const line = 'echo "$COPPICE_REPOSITORY" > named && git add named && git commit -qm named'
      const { code, stdout } = await cli.runWith(
        { env: { COPPICE_HOME: home } },
        ...['run', '--repo', odd.path, '--command', line, '--id', 'odd', '--prompt', name],
        ...['--wait', 'settled', '--json'],
      )
      expect(code, stdout).toBe(0)
      const view = JSON.parse(stdout) as RunView
      expect(view).toMatchObject({ repository: odd.path, phase: 'exited', exit: { code: 0 }, branch: 'agent/odd' })
      expect(odd.git('show', 'agent/odd:named')).toBe(odd.path)
      const removed = await cli.runWith({ env: { COPPICE_HOME: home } }, 'rm', 'odd', '--yes', '--json')
      expect(removed.code, removed.stdout).toBe(0)
      expect(existsSync(view.worktree ?? '')).toBe(false)
      expect((await cli.runWith({ env: { COPPICE_HOME: home } }, 'restore', 'odd')).code).toBe(0)
      expect(odd.gitIn(view.worktree ?? '', 'status', '--porcelain')).toBe('')
      expect(fingerprint(odd.path, { without: /^\.git\/(worktrees|refs|logs|objects)(\/|$)/ })).toEqual(before)
    } finally {
      await cli.runWith({ env: { COPPICE_HOME: home } }, 'host', 'stop', '--agents', 'stop')
      odd.close()
    }
  })
})

it('the same id or branch twice has one winner', async () => {
  const own = makeRepo()
  const ended = await Promise.all(
    [1, 2, 3].map(() =>
      cli.run(...run(own.path, '--id', 'twin', '--branch', 'twins/one', '--wait', 'settled', '--json')),
    ),
  )
  expect(ended.map(({ code }) => code).sort()).toEqual([0, 1, 1])
  for (const { code, stdout } of ended) {
    const { error } = JSON.parse(stdout) as { error?: { code: string; next: string } }
    if (code === 1) expect(['id-taken', 'branch-exists']).toContain(error?.code)
  }
  expect(own.git('worktree', 'list').split('\n')).toHaveLength(2)
  expect(own.git('branch', '--list', 'twins/*').split('\n')).toHaveLength(1)
  own.close()
})

it('wrong usage ends with 2, in words or in JSON', async () => {
  for (const words of [
    [],
    ['frobnicate'],
    ['run', '--repo', repo.path],
    ['show'],
    ['run', '--repo', '.', '--agent', 'x', '--wait', 'done'],
  ]) {
    const plain = await cli.run(...words)
    expect(plain.code).toBe(2)
    expect(plain.stdout).toBe('')
    expect(plain.stderr.length).toBeGreaterThan(10)
    expect(await cli.told(2, ...words)).toMatchObject({ code: 'bad-input', message: expect.stringMatching(/\S/) })
  }
  const help = await cli.run('--help')
  expect(help.code).toBe(0)
  expect(help.stdout).toContain('journal')
  expect((await cli.run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})
