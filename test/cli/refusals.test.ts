import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RunView } from '../../app/model/view.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { makeCli, type TestCli } from './harness.ts'

// Bad input: each with a code, a sentence and a way on, and with nothing changed.
let cli: TestCli
let repo: TestRepo
let empty: TestRepo
let before: Record<string, string>
beforeAll(() => {
  cli = makeCli()
  repo = makeRepo({ remote: true })
  empty = makeRepo({ files: null })
  repo.git('branch', 'taken')
  before = fingerprint(repo.path)
  mkdirSync(join(cli.home, 'folder'))
  writeFileSync(join(cli.home, 'file'), '')
})
afterAll(async () => {
  await cli?.close()
  repo?.close()
  empty?.close()
})

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
])('%s: %s', async (_, code, words, next) => {
  const error = await cli.told(1, ...words())
  expect(error.code).toBe(code)
  expect(error.message).toMatch(/^\S.*[.!?…]$/)
  expect(error.next).toMatch(next)
})

it('an agent that is not installed is named, with how to get it', async () => {
  const bin = join(cli.home, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'codex'), '')
  chmodSync(join(bin, 'codex'), 0o644)
  const error = await cli.told(1, 'run', '--repo', repo.path, '--agent', 'opencode', '--prompt', 'x')
  expect(error.code).toBe('agent-not-found')
  expect(error.message).toContain('OpenCode')
  expect(error.next).toMatch(/npm|Get it|Install/)
})

it('a prompt of 10 MB', async () => {
  const { code, stdout } = await cli.runWith(
    { input: 'x'.repeat(10_000_000) },
    ...run(repo.path, '--prompt', '-', '--json'),
  )
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({
    error: { code: 'prompt-too-long', message: expect.stringContaining('10 MB') },
  })
})

it('the same id or branch twice has one winner', async () => {
  const ended = await Promise.all(
    [1, 2, 3].map(() =>
      cli.run(...run(repo.path, '--id', 'twin', '--branch', 'twins/one', '--wait', 'settled', '--json')),
    ),
  )
  expect(ended.map(({ code }) => code).sort()).toEqual([0, 1, 1])
  for (const { code, stdout } of ended) {
    const { error } = JSON.parse(stdout) as { error?: { code: string; next: string } }
    if (code === 1) expect(['id-taken', 'branch-exists']).toContain(error?.code)
  }
  await cli.json('rm', 'twin')
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

it('nothing was created by any of it, in the list or in the repository', async () => {
  expect(await cli.json<RunView[]>('list')).toEqual([])
  const own = /^\.git\/(worktrees|logs\/refs\/remotes|refs\/remotes|refs\/coppice|objects|FETCH_HEAD)(\/|$)/
  const kept = (all: Record<string, string>) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !own.test(name)))
  expect(kept(fingerprint(repo.path))).toEqual(kept(before))
})
