// What can be odd about a new worktree: filters that only one of two gits runs, hooks that are not there, objects and keys that are not.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configOf } from '../../app/git/exec.ts'
import { missingObjects } from '../../app/git/inspect/missing-objects.ts'
import { inspectRepository } from '../../app/git/repository.ts'
import { sharedSettings } from '../../app/git/shared-config.ts'
import { type Checkout, readAdminDir } from '../../app/git/worktree/checkout.ts'
import { ownFilters } from '../../app/git/worktree/filters.ts'
import { hooksThatWillNotRun } from '../../app/git/worktree/hooks.ts'
import { addWorktree } from '../../app/git/worktree/worktree.ts'
import type { TestRepo } from '../harness/test-repo.ts'
import { failing, repoOf } from './setup.ts'

async function made(repo: TestRepo, trusted = false, branch = 'agent/one') {
  const path = join(repo.root, 'runs', branch.replace('/', '-'))
  return addWorktree(
    { ...repo.context, trusted },
    { topLevel: repo.path, commonDir: repo.commonDir },
    {
      path,
      branch,
      commit: repo.git('rev-parse', 'HEAD'),
      newBranch: true,
      lockReason: 'test',
    },
  )
}

describe('filters of the repository’s own', () => {
  const rot = 'tr A-Za-z N-ZA-Mn-za-m'
  const filtered = () => {
    const repo = repoOf({ files: { '.gitattributes': 'secret/* filter=turn\n*.bin filter=other\n', 'a.txt': 'a' } })
    for (const side of ['clean', 'smudge']) repo.git('config', `filter.turn.${side}`, rot)
    repo.git('config', 'filter.turn.required', 'true')
    repo.commit({ 'secret/one': 'plain words\n', 'secret/tw"o\n': 'two\n' }, 'filtered')
    return repo
  }

  it('are named with what they run and how many files ask for them', async () => {
    const repo = filtered()
    repo.git('config', 'filter.other.clean', 'cat')
    const checkout = await made(repo)
    const found = await ownFilters(repo.context, checkout)
    expect(found).toEqual([{ name: 'turn', command: rot, files: 2, example: 'secret/one' }])
  })

  it('are none where no file asks for them, or where the person’s own configuration says the same', async () => {
    const repo = repoOf()
    repo.git('config', 'filter.turn.clean', rot)
    expect(await ownFilters(repo.context, await made(repo))).toEqual([])
    const same = filtered()
    for (const side of ['clean', 'smudge']) same.git('config', '--global', `filter.turn.${side}`, rot)
    expect(await ownFilters(same.context, await made(same))).toEqual([])
  })

  it('are named where they switch off one that the person has everywhere', async () => {
    const repo = filtered()
    for (const side of ['clean', 'smudge']) {
      repo.git('config', '--global', `filter.turn.${side}`, rot)
      repo.git('config', `filter.turn.${side}`, '')
    }
    expect(await ownFilters(repo.context, await made(repo))).toEqual([
      { name: 'turn', command: '', files: 2, example: 'secret/one' },
    ])
  })

  it('change nothing that git’s own attributes change: encodings, line ends and $Id$ are as the agent’s git sees them', async () => {
    const repo = repoOf()
    repo.git('config', 'core.autocrlf', 'true')
    repo.commit(
      {
        '.gitattributes': '*.u16 working-tree-encoding=UTF-16LE eol=lf\n*.crlf text eol=crlf\n*.id ident\n',
        'a.crlf': 'one\ntwo\n',
        'a.id': '$Id$\n',
        'a.txt': 'three\n',
      },
      'attributes',
    )
    const checkout = await made(repo)
    const read = (name: string) => readFileSync(join(checkout.worktree, name), 'utf8')
    expect(await ownFilters(repo.context, checkout)).toEqual([])
    expect([read('a.crlf'), read('a.txt')]).toEqual(['one\r\ntwo\r\n', 'three\r\n'])
    expect(read('a.id')).toMatch(/^\$Id: [0-9a-f]{40} \$/)
    repo.gitIn(checkout.worktree, 'update-index', '--really-refresh')
    expect(repo.gitIn(checkout.worktree, 'status', '--porcelain')).toBe('')
  })

  it('run in the checkout of a trusted repository, so that the agent’s git sees no change', async () => {
    const repo = filtered()
    const { worktree } = await made(repo, true)
    expect(readFileSync(join(worktree, 'secret/one'), 'utf8')).toBe('plain words\n')
    repo.gitIn(worktree, 'update-index', '--really-refresh')
    expect(repo.gitIn(worktree, 'status', '--porcelain')).toBe('')
  })

  it('that fail in a linked worktree fail the create, and leave nothing', async () => {
    const repo = filtered()
    repo.git('config', 'filter.turn.required', 'false')
    repo.git('config', 'filter.turn.smudge', `test -d "$GIT_DIR/objects" && ${rot}`)
    await expect(made(repo, true)).rejects.toEqual(failing('git-failed', { reason: 'filter-failed' }))
    expect(repo.git('worktree', 'list', '--porcelain').match(/^worktree /gm)).toHaveLength(1)
    expect(repo.git('for-each-ref', 'refs/heads/agent')).toBe('')
  })

  it('git-crypt’s keys are lent to the worktrees of a trusted repository', async () => {
    const repo = repoOf({ files: { '.gitattributes': '*.key filter=git-crypt diff=git-crypt\n' } })
    execFileSync('git-crypt', ['init'], { cwd: repo.path, env: repo.environment, stdio: 'ignore' })
    repo.commit({ 'a.key': 'secret\n' }, 'encrypted')
    const { worktree, adminDir } = await made(repo, true)
    expect(readFileSync(join(worktree, 'a.key'), 'utf8')).toBe('secret\n')
    expect(repo.git('cat-file', '-p', 'HEAD:a.key')).toContain('GITCRYPT')
    repo.gitIn(worktree, 'update-index', '--really-refresh')
    expect(repo.tryGit(worktree, 'status', '--porcelain')).toEqual({ code: 0, stdout: '', stderr: '' })
    repo.commit({ 'b.key': 'more\n' }, 'by the agent', worktree)
    expect(repo.gitIn(worktree, 'cat-file', '-p', 'HEAD:b.key')).toContain('GITCRYPT')
    expect(existsSync(join(adminDir, 'git-crypt/keys/default'))).toBe(true)
    // Not trusted: no key, and the filter is named.
    const other = await made(repo, false, 'agent/two')
    expect(existsSync(join(other.adminDir, 'git-crypt'))).toBe(false)
    expect(await ownFilters(repo.context, other)).toMatchObject([{ name: 'git-crypt', files: 1, example: 'a.key' }])
  })
})

describe('hooks that will not run', () => {
  const hook = { run: '#!/bin/sh\nexit 1\n' }
  const look = async (repo: TestRepo, checkout: Checkout) =>
    hooksThatWillNotRun(await configOf(repo.context, checkout), repo.path, checkout)
  const said = async (repo: TestRepo) => look(repo, await made(repo))

  it('are named where the hooks folder is only in the person’s checkout', async () => {
    const repo = repoOf({ files: { '.gitignore': '.hooks/\n' } })
    repo.git('config', 'core.hooksPath', '.hooks/_')
    repo.write({ '.hooks/_/pre-commit': hook, '.hooks/_/commit-msg.sample': hook, '.hooks/_/h': hook })
    const [note, ...more] = await said(repo)
    expect(more).toEqual([])
    expect(note).toContain('core.hooksPath is .hooks/_')
    expect(note).toContain(`pre-commit exists only in ${repo.path}`)
    expect(note).toContain(`set core.hooksPath to ${join(repo.path, '.hooks/_')}`)
  })

  it('are named where they are committed, and what they call is not', async () => {
    const repo = repoOf({ files: { '.gitignore': '_/\n', '.husky/pre-commit': hook } })
    repo.git('config', 'core.hooksPath', '.husky')
    repo.write({ '.husky/_/husky.sh': 'x' })
    expect(await said(repo)).toEqual([
      `Git hooks may not run as they do in ${repo.path}: _/husky.sh of .husky is not in this worktree. Run the install that makes it there.`,
    ])
  })

  it('are named where a shared hook looks for its tool in node_modules', async () => {
    const repo = repoOf({ files: { '.gitignore': 'node_modules/\n' } })
    repo.write({ '.git/hooks/pre-commit': { run: '#!/bin/sh\nexec node_modules/.bin/lefthook run pre-commit\n' } })
    repo.write({ 'node_modules/.bin/lefthook': hook })
    const checkout = await made(repo)
    expect(await look(repo, checkout)).toEqual([
      expect.stringContaining('The git hook pre-commit may let everything pass in this worktree'),
    ])
    mkdirSync(join(checkout.worktree, 'node_modules'))
    expect(await look(repo, checkout)).toEqual([])
  })

  it('are named where the repository asks for pre-commit and its hook is not installed', async () => {
    const repo = repoOf({ files: { '.pre-commit-config.yaml': 'repos: []\n' } })
    expect(await said(repo)).toEqual([
      `Commits are not checked: this repository has .pre-commit-config.yaml, and its git hook is not installed. Run "pre-commit install" in ${repo.path}; worktrees share it.`,
    ])
    const installed = repoOf({ files: { '.pre-commit-config.yaml': 'repos: []\n' } })
    installed.write({ '.git/hooks/pre-commit': hook })
    expect(await said(installed)).toEqual([])
  })

  it('are none with hooks that are shared, committed, absolute, or not hooks at all', async () => {
    const shared = repoOf()
    shared.write({ '.git/hooks/pre-commit': hook })
    expect(await said(shared)).toEqual([])
    const committed = repoOf({ files: { '.githooks/pre-commit': hook } })
    committed.git('config', 'core.hooksPath', '.githooks')
    expect(await said(committed)).toEqual([])
    const absolute = repoOf()
    absolute.write({ 'h/pre-commit': hook })
    absolute.git('config', 'core.hooksPath', join(absolute.path, 'h'))
    expect(await said(absolute)).toEqual([])
    const none = repoOf()
    none.write({ 'h/README': 'x', 'h/pre-commit': 'not executable' })
    none.git('config', 'core.hooksPath', 'h')
    expect(await said(none)).toEqual([])
  })
})

describe('a partial clone', () => {
  it('says how much of its history is only on its remote; a whole clone says nothing', async () => {
    const repo = repoOf({ commits: [{ 'a.txt': '1' }, { 'a.txt': '2' }, { 'a.txt': '3' }], remote: true })
    repo.gitIn(repo.remote!, 'config', 'uploadpack.allowFilter', 'true')
    const clone = join(repo.root, 'clone')
    repo.gitIn(repo.root, 'clone', '-q', '--filter=blob:none', `file://${repo.remote}`, clone)
    renameSync(repo.remote!, `${repo.remote}.away`)
    const head = repo.git('rev-parse', 'HEAD')
    expect(await missingObjects(repo.context, clone, await configOf(repo.context, clone), head)).toEqual({
      remote: 'origin',
      count: 2,
      all: true,
    })
    expect(await missingObjects(repo.context, repo.path, await configOf(repo.context, repo.path), head)).toBeNull()
  })
})

describe('a shared configuration that was changed', () => {
  it('tells a checkout whose core.bare was turned on from a bare repository', async () => {
    const repo = repoOf()
    expect(sharedSettings(await configOf(repo.context, repo.path))).toMatchObject({ 'core.bare': 'false' })
    const path = repo.worktree('agent/one')
    repo.git('config', 'core.bare', 'true')
    for (const place of [repo.path, join(repo.path, '.git')])
      await expect(inspectRepository(repo.context, place)).rejects.toEqual(
        failing('bare-repository', { path: repo.path, reason: 'core.bare' }),
      )
    expect(sharedSettings(await configOf(repo.context, repo.path))).toMatchObject({ 'core.bare': 'true' })
    expect(readAdminDir(path).id).toBe('agent-one')
  })

  it('keeps no address and no credential', async () => {
    const repo = repoOf({ remote: true })
    repo.git('config', 'http.extraHeader', 'Authorization: Bearer token')
    repo.git('config', 'credential.helper', 'store')
    repo.git('config', 'user.name', 'Eve')
    expect(Object.keys(sharedSettings(await configOf(repo.context, repo.path))).sort()).toEqual([
      'core.bare',
      'core.filemode',
      'core.repositoryformatversion',
      'user.name',
    ])
  })
})
