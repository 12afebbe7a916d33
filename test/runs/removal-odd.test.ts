import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { CoppiceFailure } from '../../app/model/failure.ts'
import { isRunning, startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'

// Removal and restore where something is not as usual: somebody else inside, a disk that is away, a branch that went on meanwhile.
let host: TestHost
let repo: TestRepo
let repositoryId: string
let others: ChildProcess[] = []
beforeEach(async () => {
  repo = makeRepo({ remote: true, files: { 'README.md': '# Shop\n', '.gitignore': 'node_modules/\n' } })
  host = await startHost()
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  for (const child of others) child.kill('SIGKILL')
  others = []
  await host?.close()
  repo?.close()
})
const git = (directory: string, ...args: string[]) => repo.gitIn(directory, ...args)

async function exited(commandLine: string, id = 'work'): Promise<string> {
  await host.start(repositoryId, commandLine, { id })
  return (await host.untilPhase(id, 'exited')).worktree!
}
const preview = (runId = 'work') => host.call('run.preview-removal', { runId })
const factsOf = async (kind: string, runId = 'work') =>
  (await preview(runId)).facts.filter((fact) => fact.kind === kind)
async function remove(runId = 'work') {
  const { consent } = await preview(runId)
  return host.call('run.remove', { runId, consent })
}
const failureOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof CoppiceFailure)) throw new Error(`no refusal: ${String(error)}`)
  return error.failure
}

describe('what a preview must not miss', () => {
  it('somebody else at work inside: named, asked about, and not ended', async () => {
    const at = await exited('true')
    expect((await preview()).safe).toBe(true)
    const theirs = spawn('sleep', ['300'], { cwd: at, stdio: 'ignore' })
    others.push(theirs)
    const { safe, unknown, facts, consent } = await preview()
    expect({ safe, unknown }).toEqual({ safe: false, unknown: false })
    expect(facts.filter(({ kind, names }) => kind === 'processes' && names.length > 0)).toMatchObject([
      { onlyHere: true, names: [`sleep (${theirs.pid})`] },
    ])
    expect(await host.refusal('run.remove', { runId: 'work' })).toBe('consent-needed')
    others.push(spawn('sleep', ['300'], { cwd: at, stdio: 'ignore' }))
    await host.until('the second', () => existsSync(`/proc/${others[1]?.pid}`))
    expect(await host.refusal('run.remove', { runId: 'work', consent })).toBe('consent-stale')
    await remove()
    expect(isRunning(theirs.pid ?? 0)).toBe(true)
    await host.call('run.restore', { runId: 'work' })
  })

  it("the run's own left-overs: named, ended, and nobody asked", async () => {
    const at = await exited(
      'setsid sleep 300 >/dev/null 2>&1 & echo $! > pid; git add pid; git commit -qm pid; git push -q origin HEAD',
    )
    const pid = Number(readFileSync(join(at, 'pid'), 'utf8'))
    const found = await preview()
    expect(found.facts.filter(({ kind, names }) => kind === 'processes' && names.length > 0)).toMatchObject([
      { count: 1, onlyHere: false },
    ])
    await remove()
    expect(isRunning(pid)).toBe(false)
  })

  it('a disk with the worktrees that is away is unknown: refused, and force needs its own consent', async () => {
    const at = await exited('echo mine > notes.txt')
    const root = join(host.dataDirectory, 'worktrees')
    renameSync(root, `${root}-away`)
    const found = await preview()
    expect(found).toMatchObject({ safe: false, unknown: true })
    expect(found.facts.find(({ count }) => count === null)?.why).toMatch(/not be mounted/)
    for (const consent of [undefined, found.consent])
      expect(await host.refusal('run.remove', { runId: 'work', ...(consent ? { consent } : {}) })).toBe('state-unknown')
    expect(await host.refusal('run.remove', { runId: 'work', force: true })).toBe('consent-needed')
    expect(host.run('work').phase).toBe('exited')
    renameSync(`${root}-away`, root)
    await remove()
    await host.call('run.restore', { runId: 'work' })
    expect(readFileSync(join(at, 'notes.txt'), 'utf8')).toBe('mine\n')
  })

  it('commits that only the entry of a deleted worktree leads to: asked about, kept through a gc, never purged unasked', async () => {
    const at = await exited('git checkout -q --detach && git commit -q --allow-empty -m detached')
    const commit = git(at, 'rev-parse', 'HEAD')
    rmSync(at, { recursive: true })
    expect(await factsOf('commits')).toMatchObject([{ count: 1, names: ['detached'], onlyHere: true }])
    expect(await host.refusal('run.remove', { runId: 'work' })).toBe('consent-needed')
    const removed = await remove()
    expect(removed.commitsOnlyHere).toBe(1)
    repo.git('gc', '--quiet', '--prune=now')
    expect(repo.git('cat-file', '-t', commit)).toBe('commit')
    expect((await host.call('trash.list', {})).entries).toMatchObject([{ runId: 'work', commitsOnlyHere: 1 }])
    expect(await host.refusal('run.purge', { runId: 'work' })).toBe('consent-needed')
  })

  it("another's lock of the worktree is said, with its reason; Coppice's own is not", async () => {
    const at = await exited('true')
    expect((await factsOf('locks')).map(({ count }) => count)).toEqual([0, 0])
    repo.git('worktree', 'unlock', at)
    repo.git('worktree', 'lock', '--reason', 'on my stick', at)
    expect((await factsOf('locks'))[1]).toMatchObject({ count: 1, names: ['on my stick'], onlyHere: true })
    expect(await host.refusal('run.remove', { runId: 'work' })).toBe('consent-needed')
  })

  it('a repository in a folder of tracked files is counted, and never purged unasked', async () => {
    repo.commit({ 'src/a.txt': 'a' })
    repo.git('push', '-q', 'origin', 'main')
    const at = await exited('git init -q src && cd src && git add . && git commit -qm inner')
    expect(git(at, 'status', '--porcelain')).toBe('')
    expect(await factsOf('nested-repositories')).toMatchObject([{ count: 1 }, { count: 0 }])
    expect((await remove()).commitsOnlyHere).toBe(1)
    expect(await host.refusal('run.purge', { runId: 'work' })).toBe('consent-needed')
  })
})

describe('restore when things went on meanwhile', () => {
  it('on a branch that moved: a new name, the same files and status, and theirs is left where it is', async () => {
    const at = await exited('echo mine > mine.txt; git add mine.txt; git commit -qm mine; echo more >> README.md')
    const before = fingerprint(at, { without: /^\.git$/ })
    await remove()
    const own = repo.git('rev-parse', 'agent/work')
    repo.git('branch', '-f', 'agent/work', 'main')
    const { report } = await host.call('run.restore', { runId: 'work' })
    expect(host.run('work').branch).toBe('agent/work-restored')
    expect(report.find(({ what }) => what === 'branch agent/work-restored')?.reason).toMatch(/^agent\/work moved to/)
    expect(fingerprint(at, { without: /^\.git$/ })).toEqual(before)
    expect(git(at, 'status', '--porcelain').trim()).toBe('M README.md')
    expect(git(at, 'rev-parse', 'agent/work-restored')).toBe(own)
    expect(repo.git('rev-parse', 'agent/work')).toBe(repo.git('rev-parse', 'main'))
    expect(repo.git('for-each-ref', 'refs/coppice')).toBe('')
  })

  it.each(['rebase', 'bisect'])(
    'in a %s, on a branch that somebody checked out: it ends on the new name',
    async (operation) => {
      repo.commit({ 'both.txt': 'theirs' })
      const at = await exited('git reset -q --hard HEAD~; echo ours > both.txt; git add both.txt; git commit -qm ours')
      if (operation === 'rebase') expect(repo.tryGit(at, 'rebase', 'main').code).not.toBe(0)
      else {
        git(at, 'bisect', 'start', 'HEAD', 'HEAD~1')
      }
      await remove()
      const elsewhere = join(repo.root, 'elsewhere')
      repo.git('worktree', 'add', '-q', elsewhere, 'agent/work')
      const theirs = repo.git('rev-parse', 'agent/work')
      await host.call('run.restore', { runId: 'work' })
      expect(host.run('work').branch).toBe('agent/work-restored')
      if (operation === 'rebase') {
        git(at, 'add', 'both.txt')
        git(at, '-c', 'core.editor=true', 'rebase', '--continue')
        expect(git(at, 'log', '-1', '--format=%s')).toBe('ours')
        expect(git(at, 'rev-parse', 'HEAD~1')).toBe(repo.git('rev-parse', 'main'))
      } else git(at, 'bisect', 'reset')
      expect(git(at, 'symbolic-ref', 'HEAD')).toBe('refs/heads/agent/work-restored')
      expect(repo.git('rev-parse', 'agent/work')).toBe(theirs)
      expect(git(elsewhere, 'status', '--porcelain')).toBe('')
    },
  )

  it("brings the branch's own reflog back too, and with it what only that names", async () => {
    const at = await exited('true')
    const side = git(at, 'commit-tree', 'HEAD^{tree}', '-p', 'HEAD', '-m', 'moved away again')
    git(at, 'checkout', '-q', '--detach')
    const start = git(at, 'rev-parse', 'HEAD')
    for (const to of [side, start]) git(at, 'update-ref', '--create-reflog', 'refs/heads/agent/work', to)
    git(at, 'symbolic-ref', 'HEAD', 'refs/heads/agent/work')
    const log = git(at, 'reflog', '--format=%H %gs', 'agent/work')
    expect(log).toContain(side)
    await remove()
    expect(repo.git('branch', '--list', 'agent/*')).toBe('')
    await host.call('run.restore', { runId: 'work' })
    expect(git(at, 'reflog', '--format=%H %gs', 'agent/work')).toBe(log)
    // The dates of these tests are old: only what a reflog still names is kept.
    repo.git('-c', 'gc.reflogExpire=never', '-c', 'gc.reflogExpireUnreachable=never', 'gc', '--quiet', '--prune=now')
    expect(repo.git('cat-file', '-t', side)).toBe('commit')
  })

  it('keeps the scrollback through removal, restart and restore; a purge ends it', async () => {
    await exited('echo remember this')
    const said = async () => (await host.call('run.logs', { runId: 'work' })).data
    expect(await said()).toContain('remember this')
    await remove()
    await host.kill()
    await host.restart()
    await host.call('run.restore', { runId: 'work' })
    expect(await said()).toContain('remember this')
    await remove()
    await host.call('run.purge', { runId: 'work' })
    expect(existsSync(join(host.dataDirectory, 'runs', 'work'))).toBe(false)
  })

  it('of a run whose directory somebody deleted: Resume makes it again, as before', async () => {
    const at = await exited('git commit -q --allow-empty -m work')
    rmSync(at, { recursive: true })
    await remove()
    await host.call('run.restore', { runId: 'work' })
    expect(host.run('work')).toMatchObject({ phase: 'exited', worktree: at, worktreePresence: 'missing' })
    await host.call('run.resume', { runId: 'work' })
    await host.until('the second attempt', () => host.run('work').attempts.length === 2)
    await host.untilPhase('work', 'exited')
    expect(git(at, 'log', '--format=%s', '-2')).toContain('work')
  })

  it('an entry that cannot be freed now is still whole, and one whose repository is gone can be freed', async () => {
    await exited('echo mine > notes.txt')
    await remove()
    const { directory } = host.run('work').trash!
    // A lock of somebody else on packed-refs: the refs of the entry cannot be dropped.
    const lock = join(repo.path, '.git', 'packed-refs.lock')
    repo.git('pack-refs', '--all')
    writeFileSync(lock, '')
    expect(await host.refusal('run.purge', { runId: 'work' })).toBe('git-locked')
    expect(readFileSync(join(directory, 'tree', 'notes.txt'), 'utf8')).toBe('mine\n')
    rmSync(lock)
    await host.call('run.restore', { runId: 'work' })
    await remove()
    const again = host.run('work').trash!.directory
    renameSync(repo.path, `${repo.path}-gone`)
    const asked = await failureOf(host.call('run.purge', { runId: 'work' }))
    expect(asked.code).toBe('consent-needed')
    await host.call('run.purge', { runId: 'work', consent: String(asked.detail?.consent) })
    expect(existsSync(again)).toBe(false)
    renameSync(`${repo.path}-gone`, repo.path)
  })

  it('notes in the journal what was agreed to, and by force', async () => {
    const at = await exited('echo mine > notes.txt')
    await remove()
    const intents = async () =>
      (await host.call('journal.read', { runId: 'work', limit: 50 })).records.flatMap(({ event }) =>
        event.type === 'intended' && event.intent.kind === 'remove' ? [event.intent] : [],
      )
    expect((await intents())[0]).toMatchObject({ agreed: ['1 file not tracked'], forced: false })
    await host.call('run.restore', { runId: 'work' })
    writeFileSync(join(git(at, 'rev-parse', '--absolute-git-dir'), 'index'), 'garbage')
    const { consent } = await preview()
    await host.call('run.remove', { runId: 'work', consent, force: true })
    expect((await intents())[0]).toMatchObject({ forced: true })
  })

  it('counts in the list what has become of its commits since', async () => {
    await exited('git commit -q --allow-empty -m work')
    expect((await remove()).commitsOnlyHere).toBe(0)
    const listed = async () => (await host.call('trash.list', {})).entries[0]?.commitsOnlyHere
    expect(await listed()).toBe(0)
    repo.git('branch', '-D', 'agent/work')
    expect(await listed()).toBe(1)
    expect(await host.refusal('run.purge', { runId: 'work' })).toBe('consent-needed')
  })
})

describe('worktrees on another file system', () => {
  let memory: string | null = null
  afterEach(() => {
    if (memory) rmSync(memory, { recursive: true, force: true })
    memory = null
  })

  it('have their trash there, come back whole, and are freed there', async ({ skip }) => {
    if (!existsSync('/dev/shm') || statSync('/dev/shm').dev === statSync(tmpdir()).dev) return skip()
    memory = realpathSync(mkdtempSync('/dev/shm/coppice-worktrees-'))
    await host.call('settings.change', { change: { worktreeRoot: memory, lowDiskBytes: 0 } })
    const at = await exited('mkdir node_modules; echo x > node_modules/x; echo y > notes.txt')
    expect(statSync(at).dev).toBe(statSync(memory).dev)
    const before = fingerprint(at)
    await remove()
    const { directory } = host.run('work').trash!
    expect(directory.startsWith(join(memory, '.trash'))).toBe(true)
    // Also where the setting names another root by then.
    await host.call('settings.change', { change: { worktreeRoot: null } })
    await host.kill()
    await host.restart()
    await host.call('run.restore', { runId: 'work' })
    expect(fingerprint(at)).toEqual(before)
    await remove()
    await host.call('run.purge', { runId: 'work' })
    expect(existsSync(at)).toBe(false)
  })

  it('that have no trash on theirs are refused, with the reason and the way out', async () => {
    const at = await exited('echo y > notes.txt')
    const before = fingerprint(at)
    writeFileSync(join(host.dataDirectory, 'worktrees', '.trash'), 'a file in its place')
    const { consent } = await preview()
    const failure = await failureOf(host.call('run.remove', { runId: 'work', consent }))
    expect(failure.code).toBe('no-trash')
    expect(sentenceOf(failure).message).toMatch(/the trash cannot be created.*not a directory.*Nothing was changed/)
    expect(sentenceOf(failure).next).toMatch(/another folder for worktrees/)
    expect(fingerprint(at)).toEqual(before)
    expect(host.run('work').phase).toBe('exited')
    rmSync(join(host.dataDirectory, 'worktrees', '.trash'))
    await remove()
  })
})
