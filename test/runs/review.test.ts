import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, type TestRepo, writeFiles } from '../harness/test-repo.ts'

// What a run changed, as a client reads it, over a real host and real worktrees.
let host: TestHost
let repo: TestRepo
let repositoryId: string
let runId: string
let worktree: string
const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}\n`).join('')

beforeEach(async () => {
  host = await startHost()
  repo = makeRepo({
    files: {
      'a.txt': lines(1, 60),
      'b.txt': 'b\n',
      'run.sh': '#!/bin/sh\n',
      'old.txt': lines(1, 20),
      'package-lock.json': '{}\n',
    },
  })
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
  runId = await host.start(repositoryId, 'true')
  worktree = (await host.untilPhase(runId, 'settled')).worktree!
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

const edit = (file: string, change: (text: string) => string) =>
  writeFileSync(join(worktree, file), change(readFileSync(join(worktree, file), 'utf8')))
const changes = (more: object = {}) => host.call('review.changes', { runId, ...more })

describe('the changes of a run', () => {
  it('are committed, staged, unstaged and untracked ones, and reading them changes nothing', async () => {
    edit('a.txt', (text) => text.replace('line 3\n', 'line three\n'))
    repo.gitIn(worktree, 'commit', '-qam', 'Three')
    edit('a.txt', (text) => text.replace('line 50\n', 'line fifty\n'))
    writeFileSync(join(worktree, 'b.txt'), 'B')
    repo.gitIn(worktree, 'add', 'b.txt')
    chmodSync(join(worktree, 'run.sh'), 0o755)
    renameSync(join(worktree, 'old.txt'), join(worktree, 'new.txt'))
    writeFiles(worktree, { 'more/ü "x".txt': 'one\ntwo\n', 'package-lock.json': '{"a":1}\n' })
    writeFileSync(join(worktree, 'logo.png'), Buffer.from([137, 80, 78, 71, 0, 1]))
    const before = fingerprint(repo.root)
    const { files, totals, truncated, seenAt, head, mergeBase, notMine } = await changes()
    expect(fingerprint(repo.root)).toEqual(before)
    expect(
      files.map(({ path, status, where, added, deleted, hunks, kind, generated }) => [
        path,
        status,
        where.join(),
        added,
        deleted,
        hunks,
        kind,
        generated,
      ]),
    ).toEqual([
      ['a.txt', 'modified', 'committed,unstaged', 2, 2, 2, 'text', false],
      ['b.txt', 'modified', 'staged', 1, 1, 1, 'text', false],
      ['logo.png', 'added', 'untracked', null, null, 1, 'image', false],
      ['more/ü "x".txt', 'added', 'untracked', 2, 0, 1, 'text', false],
      ['new.txt', 'renamed', 'unstaged,untracked', 0, 0, 1, 'text', false],
      ['package-lock.json', 'modified', 'unstaged', 1, 1, 1, 'text', true],
      ['run.sh', 'modified', 'unstaged', 0, 0, 1, 'text', false],
    ])
    expect(files[4]).toMatchObject({ oldPath: 'old.txt' })
    expect(files[6]).toMatchObject({ oldMode: '100644', newMode: '100755' })
    expect(totals).toEqual({ files: 7, added: 6, deleted: 4, hunks: 8, reviewed: 0, unseen: 8 })
    expect([truncated, seenAt, notMine]).toEqual([false, null, undefined])
    expect([head, mergeBase]).toEqual([repo.gitIn(worktree, 'rev-parse', 'HEAD'), repo.git('rev-parse', 'main')])
  })

  it('have patches as git writes them', async () => {
    edit('a.txt', (text) => text.replace('line 3\n', 'line three\n').replace('line 50\n', ''))
    writeFileSync(join(worktree, 'new.txt'), 'no newline')
    await changes()
    const { files, truncated } = await host.call('review.patch', { runId, paths: ['new.txt', 'a.txt', 'gone.txt'] })
    expect(truncated).toBe(false)
    repo.gitIn(worktree, 'add', '-AN')
    for (const file of files.slice(0, 2))
      expect(file.patch).toBe(`${repo.gitIn(worktree, 'diff', '--full-index', 'main', '--', file.path)}\n`)
    expect(files.map(({ path, hunks }) => [path, hunks.map(({ header }) => header)])).toEqual([
      ['a.txt', ['@@ -1,6 +1,6 @@', '@@ -47,7 +47,6 @@ line 46']],
      ['new.txt', ['@@ -0,0 +1 @@']],
      ['gone.txt', []],
    ])
  })

  it('leave out what a merge brought in from the base', async () => {
    repo.commit({ 'b.txt': 'of main\n' }, 'On main')
    edit('a.txt', (text) => text.replace('line 3\n', 'line three\n'))
    repo.gitIn(worktree, 'commit', '-qam', 'Three')
    repo.gitIn(worktree, 'merge', '-q', '--no-edit', 'main')
    const { files, notMine } = await changes()
    expect(files.map(({ path }) => path)).toEqual(['a.txt'])
    expect(notMine).toEqual({ commits: 1, subjects: ['On main'] })
    const { commits, more } = await host.call('review.commits', { runId })
    expect(commits.map(({ subject, files, parents, fromBase }) => [subject, files, parents, fromBase])).toEqual([
      ["Merge branch 'main' into HEAD".replace('HEAD', host.run(runId).branch!), null, 2, true],
      ['Three', 1, 1, false],
    ])
    expect(more).toBe(false)
    const one = await changes({ scope: { kind: 'commit', sha: commits[1]!.sha } })
    expect(one.files.map(({ path, added, where }) => [path, added, where])).toEqual([['a.txt', 1, []]])
  })
})

describe('marks', () => {
  it('stay with their lines over later work, a commit, a rebase and a restart, and fall off where a hunk changed', async () => {
    edit('a.txt', (text) => text.replace('line 3\n', 'line three\n').replace('line 50\n', 'line fifty\n'))
    writeFileSync(join(worktree, 'new.txt'), 'new\n')
    await changes()
    const { files } = await host.call('review.patch', { runId, paths: ['a.txt'] })
    expect(
      await host.call('review.mark', {
        runId,
        marks: [{ id: 'a.txt', hunks: files[0]!.hunks.map(({ id }) => id) }],
        reviewed: true,
      }),
    ).toEqual({ hunks: 2 })
    const counts = async () => (await changes()).files.map(({ path, hunks, reviewed }) => [path, reviewed, hunks])
    expect(await counts()).toEqual([
      ['a.txt', 2, 2],
      ['new.txt', 0, 1],
    ])
    edit('a.txt', (text) => `first\n${text.replace('line 30\n', '')}`)
    repo.gitIn(worktree, 'commit', '-qam', 'Later')
    repo.commit({ 'b.txt': 'of main\n' }, 'On main')
    repo.gitIn(worktree, 'rebase', '-q', 'main')
    await host.kill()
    await host.restart()
    // The first line joined the first hunk, which was not read like this; the hunk at 30 is new.
    expect(await counts()).toEqual([
      ['a.txt', 1, 3],
      ['new.txt', 0, 1],
    ])
    edit('a.txt', (text) => text.replace('first\n', '').replace('line fifty\n', 'line 50!\n'))
    expect(await counts()).toEqual([
      ['a.txt', 1, 3],
      ['new.txt', 0, 1],
    ])
    expect((await changes({ only: 'unreviewed' })).files).toHaveLength(2)
    expect(await host.call('review.mark', { runId, marks: 'all', reviewed: true })).toEqual({ hunks: 4 })
    expect((await changes({ only: 'unreviewed' })).files).toEqual([])
  })

  it('are refused where what was seen is not there any more', async () => {
    edit('a.txt', (text) => text.replace('line 3\n', 'line three\n'))
    const { signature } = await changes()
    const { files } = await host.call('review.patch', { runId, paths: ['a.txt'] })
    edit('a.txt', (text) => text.replace('line three\n', 'line tree\n'))
    expect((await changes()).signature).not.toBe(signature)
    const marks = [{ id: 'a.txt', hunks: [files[0]!.hunks[0]!.id] }]
    expect(await host.refusal('review.mark', { runId, marks, reviewed: true })).toBe('changed-since')
    expect(await host.refusal('review.mark', { runId, marks: 'all', reviewed: true, signature })).toBe('changed-since')
    expect(await host.refusal('review.seen', { runId, signature })).toBe('changed-since')
    expect((await changes()).totals.reviewed).toBe(0)
  })
})

describe('what a person has seen', () => {
  it('is what was there when they looked', async () => {
    edit('a.txt', (text) => text.replace('line 3\n', 'line three\n'))
    const { signature } = await changes()
    await host.call('review.seen', { runId, signature })
    edit('a.txt', (text) => text.replace('line 50\n', 'line fifty\n'))
    rmSync(join(worktree, 'b.txt'))
    const { files, seenAt } = await changes({ only: 'unseen' })
    expect(files.map(({ path, hunks, unseen }) => [path, hunks, unseen])).toEqual([
      ['a.txt', 2, 1],
      ['b.txt', 1, 1],
    ])
    expect(seenAt).toBeGreaterThan(0)
    const patch = await host.call('review.patch', { runId, paths: ['a.txt'] })
    expect(patch.files[0]!.hunks.map(({ seen }) => seen)).toEqual([true, false])
  })
})
