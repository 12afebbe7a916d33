import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { full, report } from './report.ts'

// Scenarios 12 and 13, the matrix of removal: each kind of content in each state that git can be in. Every cell is either refused
// with its reason, or moved to the trash and, after `git gc --prune=now` with every reflog expired, restored byte for byte with
// every object that the worktree led to.
let host: TestHost
let repo: TestRepo
let repositoryId: string

const git = (directory: string, ...args: string[]) => repo.gitIn(directory, ...args)
const put = (directory: string, name: string, text: string) => writeFileSync(join(directory, name), text)
const fails = (directory: string, ...args: string[]) => expect(repo.tryGit(directory, ...args).code).not.toBe(0)

const kinds: Record<string, (at: string) => void> = {
  nothing: () => {},
  staged(at) {
    put(at, 'staged.txt', 'staged')
    git(at, 'add', 'staged.txt')
    put(at, 'staged.txt', 'and changed again')
  },
  unstaged: (at) => put(at, 'kept.txt', 'changed'),
  untracked(at) {
    mkdirSync(join(at, 'new dir/ü'), { recursive: true })
    put(at, 'new dir/ü/file\nname', 'x')
  },
  'ignored, precious': (at) => put(at, '.env', 'SECRET=1'),
  'ignored, rebuildable'(at) {
    mkdirSync(join(at, 'node_modules/a'), { recursive: true })
    put(at, 'node_modules/a/index.js', 'x')
  },
  'skip-worktree'(at) {
    git(at, 'update-index', '--skip-worktree', 'hidden.txt')
    put(at, 'hidden.txt', 'edited in hiding')
  },
  'assume-unchanged'(at) {
    git(at, 'update-index', '--assume-unchanged', 'hidden.txt')
    put(at, 'hidden.txt', 'edited in hiding')
  },
  'showUntrackedFiles=no'(at) {
    git(at, 'config', 'extensions.worktreeConfig', 'true')
    git(at, 'config', '--worktree', 'status.showUntrackedFiles', 'no')
    put(at, 'unseen.txt', 'x')
  },
  'nested repository'(at) {
    git(at, 'init', '-q', 'inner')
    put(at, 'inner/file', 'x')
    git(join(at, 'inner'), 'add', '.')
    git(join(at, 'inner'), 'commit', '-qm', 'inner work')
  },
  submodule(at) {
    git(at, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', join(repo.root, 'library'), 'library')
    put(at, 'library/more.txt', 'x')
    git(join(at, 'library'), 'add', '.')
    git(join(at, 'library'), 'commit', '-qm', 'work in the submodule')
  },
  'links and modes'(at) {
    symlinkSync('/etc/passwd', join(at, 'outside'))
    symlinkSync('nowhere', join(at, 'dangling'))
    mkdirSync(join(at, 'closed'), { mode: 0o500 })
  },
}

const states: Record<string, (at: string) => void> = {
  clean: () => {},
  unpushed: (at) => git(at, 'commit', '-q', '--allow-empty', '-m', 'only here'),
  'amended away'(at) {
    git(at, 'commit', '-q', '--allow-empty', '-m', 'first words')
    git(at, 'commit', '-q', '--allow-empty', '--amend', '-m', 'other words')
  },
  detached(at) {
    git(at, 'checkout', '-q', '--detach')
    git(at, 'commit', '-q', '--allow-empty', '-m', 'detached work')
  },
  merge(at) {
    put(at, 'both.txt', 'ours')
    git(at, 'commit', '-qam', 'ours')
    fails(at, 'merge', '-q', 'theirs')
  },
  rebase(at) {
    put(at, 'both.txt', 'ours')
    git(at, 'commit', '-qam', 'ours')
    fails(at, 'rebase', '-q', 'theirs')
  },
  'cherry-pick'(at) {
    put(at, 'both.txt', 'ours')
    git(at, 'commit', '-qam', 'ours')
    fails(at, 'cherry-pick', 'theirs')
  },
  bisect(at) {
    git(at, 'bisect', 'start')
    git(at, 'bisect', 'bad')
  },
  'foreign index.lock': (at) => put(git(at, 'rev-parse', '--absolute-git-dir'), 'index.lock', ''),
}

beforeAll(async () => {
  repo = makeRepo({
    remote: true,
    files: { 'both.txt': 'base', 'kept.txt': 'x', 'hidden.txt': 'x', '.gitignore': '.env\nnode_modules/\n' },
  })
  repo.git('checkout', '-q', '-b', 'theirs')
  repo.commit({ 'both.txt': 'theirs' })
  repo.git('checkout', '-q', 'main')
  git(repo.root, 'init', '-q', 'library')
  put(repo.root, 'library/lib.txt', 'x')
  git(join(repo.root, 'library'), 'add', '.')
  git(join(repo.root, 'library'), 'commit', '-qm', 'library')
  host = await startHost({ settings: { maxRunning: 200, maxRunningPerRepository: 200 } })
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
}, 60_000)
afterAll(async () => {
  await host?.close()
  repo?.close()
})

// In the quick form each kind meets one state and each state one kind; in the full form all meet all.
const kindNames = Object.keys(kinds)
const stateNames = Object.keys(states)
const cells = full
  ? kindNames.flatMap((kind) => stateNames.map((state) => [kind, state] as const))
  : kindNames.map((kind, n) => [kind, stateNames[n % stateNames.length] as string] as const)

/** Every object that the worktree's HEAD, its own reflog and its index lead to, by name. */
function objectsOf(at: string): string[] {
  const reflog = repo.tryGit(at, 'reflog', '--format=%H', 'HEAD').stdout.split('\n').filter(Boolean)
  const listed = repo.tryGit(at, 'rev-list', '--objects', '--indexed-objects', 'HEAD', ...reflog).stdout
  return [...new Set(listed.split('\n').map((line) => line.slice(0, 40)))].filter((name) => name !== '')
}

describe('the matrix of removal', () => {
  it(`${cells.length} cells: refused with the reason, or restored byte-equal with every object`, async () => {
    let restored = 0
    const refused: string[] = []
    const wrong: string[] = []
    for (const [kind, state] of cells) {
      const cell = `${kind} × ${state}`
      const id = await host.start(repositoryId, 'true', { id: `cell-${restored + refused.length + wrong.length}` })
      const run = await host.untilPhase(id, 'exited', 60_000)
      const at = run.worktree ?? ''
      // The content first where the state's own commands would refuse it; either order is a state that people reach.
      const lock = state === 'foreign index.lock'
      if (!lock) states[state]?.(at)
      kinds[kind]?.(at)
      if (lock) states[state]?.(at)
      const before = fingerprint(at)
      const status = repo.tryGit(at, 'status', '--porcelain=v2', '--ignored', '--untracked-files=all').stdout
      const objects = objectsOf(at)
      const preview = await host.call('run.preview-removal', { runId: id })
      const anything = kind !== 'nothing' && kind !== 'ignored, rebuildable'
      if (anything && preview.safe) wrong.push(`${cell}: called safe`)
      try {
        await host.call('run.remove', { runId: id, consent: preview.consent })
      } catch (error) {
        const { code, detail } = (error as { failure: { code: string; detail?: { message?: string } } }).failure
        expect(fingerprint(at)).toEqual(before)
        if (detail) refused.push(`${cell}: ${code}`)
        else wrong.push(`${cell}: refused as ${code} without a reason`)
        continue
      }
      if (existsSync(at)) wrong.push(`${cell}: still there`)
      repo.git('-c', 'gc.reflogExpire=now', 'reflog', 'expire', '--expire=now', '--all')
      repo.git('gc', '--quiet', '--prune=now')
      await host.call('run.restore', { runId: id })
      if (JSON.stringify(fingerprint(at)) !== JSON.stringify(before)) wrong.push(`${cell}: other bytes`)
      if (repo.tryGit(at, 'status', '--porcelain=v2', '--ignored', '--untracked-files=all').stdout !== status)
        wrong.push(`${cell}: another status`)
      const missing = objects.filter((name) => repo.tryGit(at, 'cat-file', '-e', name).code !== 0)
      if (missing.length > 0) wrong.push(`${cell}: ${missing.length} objects are gone`)
      restored++
    }
    const passed = restored + refused.length
    report(
      '12, 13',
      `${passed} of ${cells.length} cells passed: ${restored} restored byte-equal, ${refused.length} refused with the reason${refused.length > 0 ? ` (${refused.join('; ')})` : ''}`,
    )
    expect(wrong).toEqual([])
    // Refusing everything would be safe, too.
    expect(restored).toBeGreaterThan(cells.length / 2)
    expect(repo.git('fsck', '--full', '--no-dangling')).toBe('')
  }, 900_000)
})
