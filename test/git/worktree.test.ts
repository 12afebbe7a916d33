import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readAdminDir } from '../../app/git/worktree/checkout.ts'
import { readEntries, removeEntry } from '../../app/git/worktree/entries.ts'
import { undoWorktreeAdd } from '../../app/git/worktree/undo-add.ts'
import {
  type AddOptions,
  addWorktree,
  listWorktrees,
  lockWorktree,
  recreateEntry,
  repairWorktree,
  unlockWorktree,
} from '../../app/git/worktree/worktree.ts'
import { fingerprint, ownCheckout, type TestRepo } from '../harness/test-repo.ts'
import { countingPrograms, failing, repoOf, scripted } from './setup.ts'

const files = { 'a.txt': 'a\n', 'dir/b.txt': 'b\n', 'run.sh': { run: '#!/bin/sh\n' }, link: { link: 'a.txt' } }

function placeOf(repo: TestRepo) {
  return { topLevel: repo.path, commonDir: repo.commonDir }
}
function wanted(repo: TestRepo, id: string, more: Partial<AddOptions> = {}): AddOptions {
  return {
    path: join(repo.root, 'runs', id),
    branch: `agent/${id}`,
    commit: repo.git('rev-parse', 'HEAD'),
    newBranch: true,
    lockReason: `coppice run=${id} home=/h`,
    ...more,
  }
}
/** All of the repository and the folder of worktrees: nothing may differ after a create that failed. */
function everything(repo: TestRepo) {
  // Objects and empty folders for entries are git's own affair.
  return {
    repo: fingerprint(repo.path, { without: /^\.git\/objects$/ }),
    runs: existsSync(join(repo.root, 'runs')) ? readdirSync(join(repo.root, 'runs')) : [],
  }
}

describe('addWorktree', () => {
  it('makes branch, entry, lock and files, and nothing else', async () => {
    const repo = repoOf({ files, remote: true })
    const before = fingerprint(repo.path, ownCheckout)
    const { value, programs } = await countingPrograms(() =>
      addWorktree(repo.context, placeOf(repo), wanted(repo, 'one')),
    )
    expect(programs).toBe(4)
    const path = join(repo.root, 'runs/one')
    expect(value).toEqual({
      worktree: path,
      adminDir: join(repo.commonDir, 'worktrees/one'),
      commonDir: repo.commonDir,
      id: 'one',
    })
    expect(repo.gitIn(path, 'status', '--porcelain')).toBe('')
    expect(readFileSync(join(path, 'dir/b.txt'), 'utf8')).toBe('b\n')
    expect(statSync(join(path, 'run.sh')).mode & 0o111).not.toBe(0)
    expect(repo.gitIn(path, 'symbolic-ref', 'HEAD')).toBe('refs/heads/agent/one')
    expect(repo.tryGit(path, 'rev-parse', '--abbrev-ref', '@{upstream}').code).not.toBe(0)
    expect(fingerprint(repo.path, ownCheckout)).toEqual(before)
    expect(await listWorktrees(repo.context, repo.path)).toMatchObject([
      { path: repo.path, branch: 'main', locked: null },
      { path, branch: 'agent/one', locked: 'coppice run=one home=/h', prunable: null, detached: false },
    ])
    // The untracked cache is in the index from the start.
    expect(readFileSync(join(repo.commonDir, 'worktrees/one/index')).includes('UNTR')).toBe(true)
  })

  it('checks out a branch that exists, and leaves it when taken back', async () => {
    const repo = repoOf({ files })
    repo.git('branch', 'feature')
    const options = wanted(repo, 'old', { branch: 'feature', newBranch: false })
    await addWorktree(repo.context, placeOf(repo), options)
    expect(repo.gitIn(options.path, 'symbolic-ref', '--short', 'HEAD')).toBe('feature')
    const report = await undoWorktreeAdd(repo.context, placeOf(repo), options)
    expect(report).toEqual({ removed: ['directory', 'entry'], kept: [] })
    expect(repo.git('rev-parse', 'feature')).toBe(options.commit)
  })

  it.each(['with space', 'q\'uo"te', 'new\nline', 'ünï 日本', '$(id);rm -rf *'])(
    'works below and beside a folder called %j',
    async (name) => {
      const repo = repoOf({ name, files })
      const path = join(repo.root, `runs ${name}`, 'one')
      const made = await addWorktree(repo.context, placeOf(repo), wanted(repo, 'one', { path }))
      expect(made.worktree).toBe(path)
      expect(repo.gitIn(path, 'status', '--porcelain')).toBe('')
    },
  )

  it('gives entries of the same name numbers, and reads which is whose', async () => {
    const repo = repoOf({ files })
    const first = await addWorktree(repo.context, placeOf(repo), wanted(repo, 'x', { path: join(repo.root, 'a/x') }))
    const second = await addWorktree(repo.context, placeOf(repo), wanted(repo, 'y', { path: join(repo.root, 'b/x') }))
    expect([first.id, second.id]).toEqual(['x', 'x1'])
    expect(readAdminDir(join(repo.root, 'b/x')).id).toBe('x1')
  })

  it('refuses each bad input by its name, with nothing changed', async () => {
    const repo = repoOf({ files })
    repo.git('branch', 'taken')
    repo.git('branch', 'agent/folder/leaf')
    repo.git('branch', 'flat')
    repo.worktree('busy')
    mkdirSync(join(repo.root, 'runs/exists'), { recursive: true })
    const before = everything(repo)
    const attempt = (id: string, more: Partial<AddOptions>) =>
      addWorktree(repo.context, placeOf(repo), wanted(repo, id, more))
    await expect(attempt('a', { branch: 'taken' })).rejects.toEqual(failing('branch-exists', { branch: 'taken' }))
    await expect(attempt('b', { branch: 'agent/folder' })).rejects.toEqual(failing('branch-exists'))
    await expect(attempt('c', { branch: 'flat/leaf' })).rejects.toEqual(failing('branch-exists', { conflict: 'flat' }))
    await expect(attempt('d', { branch: 'busy', newBranch: false })).rejects.toEqual(failing('branch-checked-out'))
    await expect(attempt('e', { branch: 'none', newBranch: false })).rejects.toEqual(failing('base-not-found'))
    await expect(attempt('f', { branch: '-x' })).rejects.toEqual(failing('branch-name-invalid'))
    await expect(attempt('g', { commit: 'main' })).rejects.toEqual(failing('base-not-found'))
    await expect(attempt('h', { commit: 'a'.repeat(40) })).rejects.toEqual(failing('git-failed'))
    await expect(attempt('exists', {})).rejects.toEqual(failing('worktree-exists'))
    await expect(attempt('i', { path: 'relative' })).rejects.toEqual(failing('bad-input'))
    expect(everything(repo)).toEqual(before)
  })

  it('takes everything back when git fails at any of its steps', async () => {
    const repo = repoOf({ files })
    const before = everything(repo)
    for (const step of ['worktree', 'reset', 'status']) {
      // The real git does its work first; then the step fails as if late.
      const late = scripted(
        repo,
        `git "$@" || exit $?\ncase " $* " in *" ${step} "*) echo "fatal: late" >&2; exit 128;; esac`,
      )
      await expect(addWorktree(late, placeOf(repo), wanted(repo, 'late'))).rejects.toEqual(
        failing('git-failed', { message: 'fatal: late' }),
      )
      expect(everything(repo)).toEqual(before)
    }
  })

  it('takes everything back on an abort at any point', async () => {
    const repo = repoOf({ files })
    const before = everything(repo)
    for (const step of ['for-each-ref', 'worktree', 'reset', 'status']) {
      const controller = new AbortController()
      const slow = scripted(repo, `case " $* " in *" ${step} "*) git "$@"; sleep 30;; *) exec git "$@";; esac`)
      const making = addWorktree(slow, placeOf(repo), wanted(repo, 'gone', { signal: controller.signal }))
      // The reads of the undo must not hang too: from now on git is quick.
      setTimeout(() => {
        writeFileSync(slow.file, '#!/bin/sh\nexec git "$@"\n')
        controller.abort()
      }, 400)
      await expect(making).rejects.toEqual(failing('cancelled'))
      expect(everything(repo)).toEqual(before)
    }
    const already = AbortSignal.abort()
    await expect(addWorktree(repo.context, placeOf(repo), wanted(repo, 'never', { signal: already }))).rejects.toEqual(
      failing('cancelled'),
    )
    expect(everything(repo)).toEqual(before)
  })

  it('retries where a sibling’s entry is half written, and repairs nothing of it', async () => {
    const repo = repoOf({ files })
    const mark = join(repo.root, 'tried')
    const flaky = scripted(
      repo,
      `case " $* " in *" worktree add "*) if [ ! -e '${mark}' ]; then touch '${mark}'; echo "fatal: failed to read .git/worktrees/w7/commondir: Success" >&2; exit 128; fi;; esac\nexec git "$@"`,
    )
    const made = await addWorktree(flaky, placeOf(repo), wanted(repo, 'again'))
    expect(made.id).toBe('again')
    expect(existsSync(mark)).toBe(true)
  })

  it('makes 50 at once, each whole; of one branch wanted twice one wins', async () => {
    const repo = repoOf({ files, remote: true })
    const ids = Array.from({ length: 50 }, (_, index) => `r${index}`)
    const made = await Promise.all(ids.map((id) => addWorktree(repo.context, placeOf(repo), wanted(repo, id))))
    expect(new Set(made.map(({ adminDir }) => adminDir)).size).toBe(50)
    for (const { worktree } of made.slice(0, 5)) expect(repo.gitIn(worktree, 'status', '--porcelain')).toBe('')
    expect(await listWorktrees(repo.context, repo.path)).toHaveLength(51)
    const twice = await Promise.allSettled(
      ['p', 'q', 'r'].map((name) =>
        addWorktree(repo.context, placeOf(repo), wanted(repo, 'same', { path: join(repo.root, 'runs', name) })),
      ),
    )
    expect(twice.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
    for (const loser of twice) if (loser.status === 'rejected') expect(loser.reason).toEqual(failing('branch-exists'))
    expect(['p', 'q', 'r'].filter((name) => existsSync(join(repo.root, 'runs', name)))).toHaveLength(1)
    expect(repo.git('fsck', '--full')).toBe('')
  })
})

describe('undoWorktreeAdd after a kill', () => {
  /** Starts raw git as a create would, and kills its group after `delay` milliseconds. */
  async function killedAdd(repo: TestRepo, options: AddOptions, delay: number): Promise<void> {
    const script = `git worktree add --no-track --no-checkout --lock --reason '${options.lockReason}' -b '${options.branch}' '${options.path}' ${options.commit} && cd '${options.path}' && exec git reset --hard -q`
    const child: ChildProcess = spawn('sh', ['-c', script], {
      cwd: repo.path,
      env: repo.environment,
      detached: true,
      stdio: 'ignore',
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    await new Promise((resolve) => setTimeout(resolve, delay))
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // It had ended: that too is a state to take back.
    }
    await ended
  }

  it('leaves the repository as it was, whenever git was killed, and changes nothing the second time', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [`d${index % 20}/f${index}`, `${index}\n`]),
    )
    const repo = repoOf({ files: many })
    const before = everything(repo)
    const retryable: string[] = []
    for (let delay = 0; delay < 40; delay += 2) {
      const options = wanted(repo, 'killed')
      const since = Date.now()
      await killedAdd(repo, options, delay)
      const report = await undoWorktreeAdd(repo.context, placeOf(repo), { ...options, since })
      expect(report.kept, `after ${delay} ms`).toEqual([])
      expect(everything(repo), `after ${delay} ms`).toEqual(before)
      expect(await undoWorktreeAdd(repo.context, placeOf(repo), { ...options, since })).toEqual({
        removed: [],
        kept: [],
      })
      retryable.push(report.removed.join('+'))
    }
    // Between them the delays met more than one state.
    expect(new Set(retryable).size).toBeGreaterThan(1)
    await addWorktree(repo.context, placeOf(repo), wanted(repo, 'killed'))
  })

  it.each([
    ['an orphan branch', (repo: TestRepo, o: AddOptions) => void repo.git('branch', o.branch, o.commit)],
    ['an empty entry', (repo: TestRepo) => void mkdirSync(join(repo.commonDir, 'worktrees/one'), { recursive: true })],
    [
      'an entry with an empty lock',
      (repo: TestRepo) => {
        mkdirSync(join(repo.commonDir, 'worktrees/one'), { recursive: true })
        writeFileSync(join(repo.commonDir, 'worktrees/one/locked'), '')
      },
    ],
    [
      'a lock and an empty gitdir',
      (repo: TestRepo, o: AddOptions) => {
        mkdirSync(join(repo.commonDir, 'worktrees/one'), { recursive: true })
        writeFileSync(join(repo.commonDir, 'worktrees/one/locked'), o.lockReason)
        writeFileSync(join(repo.commonDir, 'worktrees/one/gitdir'), '')
      },
    ],
    [
      'an empty .git file and no HEAD',
      (repo: TestRepo, o: AddOptions) => {
        mkdirSync(join(repo.commonDir, 'worktrees/one'), { recursive: true })
        writeFileSync(join(repo.commonDir, 'worktrees/one/locked'), o.lockReason)
        writeFileSync(join(repo.commonDir, 'worktrees/one/gitdir'), `${o.path}/.git\n`)
        mkdirSync(o.path, { recursive: true })
        writeFileSync(join(o.path, '.git'), '')
      },
    ],
    [
      'metadata gone, directory and branch left (SIGTERM)',
      (repo: TestRepo, o: AddOptions) => {
        repo.git('worktree', 'add', '-q', '-b', o.branch, o.path, o.commit)
        rmSync(join(repo.commonDir, 'worktrees'), { recursive: true })
      },
    ],
    [
      'an empty commondir',
      (repo: TestRepo, o: AddOptions) => {
        repo.git(
          'worktree',
          'add',
          '-q',
          '--no-checkout',
          '--lock',
          '--reason',
          o.lockReason,
          '-b',
          o.branch,
          o.path,
          o.commit,
        )
        writeFileSync(join(repo.commonDir, 'worktrees/one/commondir'), '')
      },
    ],
    [
      'a ref lock',
      (repo: TestRepo, o: AddOptions) => {
        mkdirSync(join(repo.commonDir, 'refs/heads/agent'), { recursive: true })
        writeFileSync(join(repo.commonDir, `refs/heads/${o.branch}.lock`), '')
      },
    ],
    ['an empty directory', (_: TestRepo, o: AddOptions) => void mkdirSync(o.path, { recursive: true })],
  ])('takes back %s', async (_, leave) => {
    const repo = repoOf({ files })
    const before = everything(repo)
    const options = wanted(repo, 'one')
    const since = Date.now()
    leave(repo, options)
    const report = await undoWorktreeAdd(repo.context, placeOf(repo), { ...options, since })
    expect(report.kept).toEqual([])
    expect(report.removed.length).toBeGreaterThan(0)
    expect(everything(repo)).toEqual(before)
  })

  it('keeps what is not its own', async () => {
    const repo = repoOf({ files })
    const options = wanted(repo, 'one')
    const undo = () => undoWorktreeAdd(repo.context, placeOf(repo), { ...options, since: Date.now() })
    // Somebody else's worktree at the path, with another lock.
    repo.git('worktree', 'add', '-q', '--lock', '--reason', 'mine', '-b', 'theirs', options.path)
    expect(await undo()).toMatchObject({ removed: [], kept: [{ what: 'entry' }, { what: 'directory' }] })
    expect(repo.gitIn(options.path, 'status', '--porcelain')).toBe('')
    repo.git('worktree', 'remove', '-f', '-f', options.path)
    // A repository of its own at the path.
    repo.gitIn(repo.root, 'clone', '-q', repo.path, options.path)
    expect((await undo()).kept).toMatchObject([{ what: 'directory' }])
    expect(existsSync(join(options.path, '.git/HEAD'))).toBe(true)
    rmSync(options.path, { recursive: true })
    // Files without a .git.
    mkdirSync(options.path, { recursive: true })
    writeFileSync(join(options.path, 'precious'), 'x')
    expect((await undo()).kept).toMatchObject([{ what: 'directory' }])
    expect(existsSync(join(options.path, 'precious'))).toBe(true)
    rmSync(options.path, { recursive: true })
    // A branch with commits of its own, and one that is older.
    repo.git('branch', options.branch)
    const other = repo.commit({ 'c.txt': 'c' })
    repo.git('update-ref', '-m', 'moved', `refs/heads/${options.branch}`, other)
    expect((await undo()).kept).toMatchObject([{ what: 'branch', why: expect.stringContaining(other) }])
    expect(repo.git('rev-parse', options.branch)).toBe(other)
  })
})

describe('entries', () => {
  it('takes away one named entry only', async () => {
    const repo = repoOf({ files })
    const gone = repo.worktree('gone')
    const away = repo.worktree('away')
    const there = repo.worktree('there')
    for (const path of [gone, away]) rmSync(path, { recursive: true })
    expect(() => removeEntry(repo.commonDir, 'gone', away)).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ code: 'state-unknown' }) }),
    )
    expect(() => removeEntry(repo.commonDir, 'there', there)).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ code: 'in-use' }) }),
    )
    removeEntry(repo.commonDir, 'gone', gone)
    removeEntry(repo.commonDir, 'gone', gone)
    // The other missing one may be on a disk that is not mounted.
    expect(readEntries(repo.commonDir).map(({ id }) => id)).toEqual(['away', 'there'])
    expect(repo.git('rev-parse', 'gone')).toBe(repo.git('rev-parse', 'main'))
  })

  it('is read where git itself cannot', async () => {
    const repo = repoOf({ files })
    repo.worktree('one')
    writeFileSync(join(repo.commonDir, 'worktrees/one/gitdir'), '')
    expect(readEntries(repo.commonDir)).toMatchObject([
      { id: 'one', path: null, emptyFiles: ['gitdir'], locked: null, hasHead: true, hasIndex: true },
    ])
    expect(readEntries(join(repo.root, 'none'))).toEqual([])
  })

  it('locks, unlocks and repairs', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('one')
    await lockWorktree(repo.context, repo.path, path, "it's mine")
    expect((await listWorktrees(repo.context, repo.path))[1]?.locked).toBe("it's mine")
    await unlockWorktree(repo.context, repo.path, path)
    expect((await listWorktrees(repo.context, repo.path))[1]?.locked).toBeNull()
    const moved = join(repo.root, 'moved')
    renameSync(path, moved)
    expect((await listWorktrees(repo.context, repo.path))[1]?.prunable).toContain('non-existent')
    await repairWorktree(repo.context, repo.path, moved)
    expect((await listWorktrees(repo.context, repo.path))[1]).toMatchObject({ path: moved, prunable: null })
  })

  it('writes an entry that git forgot again, edits and all', async () => {
    const repo = repoOf({ files })
    const path = repo.worktree('lost')
    writeFileSync(join(path, 'a.txt'), 'edited\n')
    writeFileSync(join(path, 'new.txt'), 'new\n')
    rmSync(join(repo.commonDir, 'worktrees/lost'), { recursive: true })
    const options = { worktree: path, branch: 'lost', lockReason: 'coppice run=lost' }
    expect(await recreateEntry(repo.context, placeOf(repo), options)).toBe(true)
    expect(repo.gitIn(path, 'status', '--porcelain').split('\n')).toEqual([' M a.txt', '?? new.txt'])
    expect((await listWorktrees(repo.context, repo.path))[1]).toMatchObject({
      path,
      branch: 'lost',
      locked: 'coppice run=lost',
    })
    // Done again, or where the branch is elsewhere, nothing happens.
    expect(await recreateEntry(repo.context, placeOf(repo), options)).toBe(false)
  })
})

describe('readAdminDir', () => {
  it('believes neither side alone', () => {
    const repo = repoOf({ files })
    const one = repo.worktree('one')
    const two = repo.worktree('two')
    const pointer = readFileSync(join(one, '.git'), 'utf8')
    expect(() => readAdminDir(repo.path)).toThrow(/not-ours/)
    expect(() => readAdminDir(join(repo.root, 'none'))).toThrow(/worktree-missing/)
    // Two worktrees that name each other's entry.
    writeFileSync(join(one, '.git'), readFileSync(join(two, '.git')))
    expect(() => readAdminDir(one)).toThrow(/state-unknown/)
    writeFileSync(join(one, '.git'), `gitdir: ${repo.commonDir}\n`)
    expect(() => readAdminDir(one)).toThrow(/not-ours|state-unknown/)
    writeFileSync(join(one, '.git'), '')
    expect(() => readAdminDir(one)).toThrow(/state-unknown/)
    rmSync(join(one, '.git'))
    expect(() => readAdminDir(one)).toThrow(/worktree-missing/)
    writeFileSync(join(one, '.git'), pointer)
    writeFileSync(join(repo.commonDir, 'worktrees/one/commondir'), '')
    expect(() => readAdminDir(one)).toThrow(/state-unknown/)
  })
})
