// Files and branches that are called as revisions are: every command that we run must answer as it does without them.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inspectForRemoval, inspectGoneWorktree } from '../../app/git/inspect/removal.ts'
import { lineCounts } from '../../app/git/line-counts.ts'
import { commitSubjects, deleteBranch, isOnRemotes, pointHeadAt } from '../../app/git/refs/branches.ts'
import { aheadBehind, branchState, commitsOnlyHere, readFileAt, refAge, trackedFiles } from '../../app/git/refs/refs.ts'
import { fetchRef } from '../../app/git/remote/fetch.ts'
import { pushBranch } from '../../app/git/remote/push.ts'
import { inspectRepository } from '../../app/git/repository.ts'
import { readStatus } from '../../app/git/status.ts'
import { dropKeepRefs, keepObjects } from '../../app/git/trash/keep.ts'
import { locateCheckout } from '../../app/git/worktree/checkout.ts'
import {
  addWorktree,
  listWorktrees,
  lockWorktree,
  repairWorktree,
  unlockWorktree,
} from '../../app/git/worktree/worktree.ts'
import type { TestRepo } from '../harness/test-repo.ts'
import { repoOf } from './setup.ts'

/** Files that git could take for a revision, a range, a ref or an option. */
function hostileNames(repo: TestRepo, base: string): string[] {
  return [
    'HEAD',
    '@',
    'main',
    'origin/main',
    'refs/heads/main',
    'refs/heads/agent/x',
    'refs/stash',
    'agent/y',
    base,
    `${base}..HEAD`,
    `^${base}`,
    '--all',
    '--output=here',
    '-x',
    repo.git('rev-parse', 'HEAD^{tree}'),
  ]
}

/** A context whose git notes each command line, and the lines without the configuration in front. */
function recording(repo: TestRepo) {
  const [file, log] = [join(repo.root, 'noting-git'), join(repo.root, 'noted')]
  writeFileSync(file, `#!/bin/sh\n{ printf '%s\\001' "$@"; echo; } >> '${log}'\nexec git "$@"\n`)
  chmodSync(file, 0o755)
  const lines = () =>
    readFileSync(log, 'utf8')
      .split('\x01\n')
      .filter((line) => line !== '')
      .map((line) => {
        const words = line.split('\x01')
        let start = 0
        while (words[start]?.startsWith('-')) start += words[start] === '-c' ? 2 : 1
        return words.slice(start)
      })
  return { context: { ...repo.context, file }, lines }
}

/** A worktree with a commit, a stash, a staged and an untracked file, and what every reader says of it. */
async function everyAnswer(hostile: boolean) {
  const repo = repoOf({ remote: true, commits: [{ 'b.txt': 'b\n' }] })
  const base = repo.git('rev-parse', 'HEAD')
  const { context, lines } = recording(repo)
  const found = await inspectRepository(context, repo.path)
  const place = { topLevel: found.topLevel, commonDir: found.commonDir }
  const names = hostile ? hostileNames(repo, base) : []
  if (hostile) repo.write(Object.fromEntries(names.map((name) => [name, 'note\n'])))
  const worktree = join(repo.root, 'w')
  await addWorktree(context, place, {
    path: worktree,
    branch: 'agent/x',
    commit: base,
    newBranch: true,
    lockReason: '--not HEAD',
  })
  repo.write({ 'b.txt': 'stashed\n' }, worktree)
  repo.gitIn(worktree, 'stash')
  repo.commit({ 'c.txt': 'one\ntwo\n' }, 'mine', worktree)
  repo.write({ 'd.txt': 'd\n' }, worktree)
  repo.gitIn(worktree, 'add', 'd.txt')
  if (hostile) repo.write(Object.fromEntries(names.map((name) => [name, 'note\n'])), worktree)
  const inspection = await inspectForRemoval(context, worktree, { branch: 'agent/x', baseCommit: base })
  const { untracked, ...rest } = inspection
  const status = await readStatus(context, worktree)
  const answers = {
    inspection: rest,
    staged: [status.staged, status.branch, status.commit],
    aheadBehind: await aheadBehind(context, worktree, base),
    onlyHere: await commitsOnlyHere(context, worktree, 'agent/x'),
    lines: await lineCounts(context, worktree, base),
    subjects: await commitSubjects(context, worktree, base, 10),
    onRemotes: await isOnRemotes(context, worktree, base),
    file: await readFileAt(context, worktree, 'HEAD', 'b.txt'),
    age: (await refAge(context, worktree, 'HEAD')).committedAt,
    tracked: [...(await trackedFiles(context, worktree))],
    branch: (await branchState(context, worktree, 'agent/x'))?.commit,
    fetched: (await fetchRef(context, worktree, { remote: 'origin', branch: 'main', timeoutMs: 20_000 })).fetched,
    pushed: (
      await pushBranch(context, worktree, {
        remote: 'origin',
        branch: 'agent/x',
        sha: repo.gitIn(worktree, 'rev-parse', '--verify', 'HEAD'),
      })
    ).already,
    keep: await keepObjects(context, place, { keepId: 'k', branch: 'agent/x', worktree }),
    dropped: await dropKeepRefs(context, place, 'k'),
    gone: await inspectGoneWorktree(context, place, locateCheckout(worktree).adminDir, 'agent/x'),
    worktrees: (await listWorktrees(context, repo.path)).map(({ branch, locked }) => [branch, locked]),
  }
  await unlockWorktree(context, repo.path, worktree)
  await lockWorktree(context, repo.path, worktree, '--again')
  await repairWorktree(context, repo.path, worktree)
  repo.git('branch', 'agent/y', base)
  await pointHeadAt(context, worktree, 'agent/x', 'agent/y')
  const after = [repo.gitIn(worktree, 'symbolic-ref', 'HEAD'), locateCheckout(worktree).id]
  const deleted = await deleteBranch(context, place, 'agent/x', answers.branch ?? '')
  return {
    ...answers,
    after,
    deleted,
    untracked: untracked.known ? untracked.count : untracked.why,
    names,
    ran: lines(),
  }
}

describe('names that git could take for something else', () => {
  it('change no answer', async () => {
    const { untracked, names, ran: _ran, ...plain } = await everyAnswer(false)
    const hostile = await everyAnswer(true)
    const { untracked: more, names: added, ran: _too, ...same } = hostile
    expect(same).toEqual(plain)
    expect([untracked, names.length, more]).toEqual([0, 0, added.length])
    expect(plain).toMatchObject({
      aheadBehind: { ahead: 1, behind: 0 },
      onlyHere: { unpushed: 1, onlyHere: 1 },
      lines: { added: 3, deleted: 0, files: 2 },
      subjects: ['mine'],
      onRemotes: true,
      file: 'b\n',
      after: ['refs/heads/agent/y', 'w'],
      deleted: true,
      worktrees: [
        ['main', null],
        ['agent/x', '--not HEAD'],
      ],
    })
    expect(plain.inspection.commits).toMatchObject({ known: true, unpushed: 1, onlyHere: 1, sinceBase: 1 })
    expect(plain.inspection.stashes).toMatchObject({ known: true, count: 1 })
  })

  it('no command line has a word that is neither an option nor behind a mark', async () => {
    const { ran } = await everyAnswer(true)
    const commands = new Set(ran.map(([subcommand]) => subcommand))
    for (const walked of [
      'rev-list',
      'log',
      'diff',
      'diff-index',
      'rev-parse',
      'ls-tree',
      'cat-file',
      'worktree',
      'push',
    ])
      expect(commands, walked).toContain(walked)
    const open = ran.filter(([subcommand, ...words]) => {
      const end = words.findIndex((word) => word === '--' || word === '--end-of-options')
      const front = (end < 0 ? words : words.slice(0, end)).slice(subcommand === 'worktree' ? 1 : 0)
      return subcommand !== 'check-ref-format' && front.some((word) => !word.startsWith('-'))
    })
    expect(open).toEqual([])
    for (const [subcommand, ...words] of ran)
      if (/^(rev-list|log|diff|diff-index)$/.test(subcommand ?? '')) expect(words).toContain('--')
  })
})
