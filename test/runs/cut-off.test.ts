import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CoppiceFailure } from '../../app/model/failure.ts'
import { type CutOff, makeCutOff } from '../harness/cut-off.ts'
import { recoveryAfter } from '../harness/recovery.ts'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'

// Verbs that a crash cut off, without tracing anything: the host is killed at a git of its own, before or after that has done its
// work. (test/faults/syscalls.test.ts does the same at every system call, where ptrace is allowed.)
let host: TestHost
let repo: TestRepo
let repositoryId: string
let tools: CutOff
beforeEach(async () => {
  tools = await makeCutOff()
  repo = makeRepo({ files: { 'README.md': '# Shop\n', 'kept.txt': 'x\n' } })
  host = await startHost({ environment: tools.environment })
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
  tools?.close()
})

const afterDamage = (damage: () => void) => recoveryAfter(host, repo, damage)
const branches = () => repo.git('for-each-ref', '--format=%(refname:short)', 'refs/heads').split('\n')
const folders = () => {
  const folder = join(host.dataDirectory, 'worktrees', repositoryId)
  return existsSync(folder) ? readdirSync(folder) : []
}

async function settled() {
  const line = 'git commit -q --allow-empty -m work; echo edited >> kept.txt; echo new > new.txt'
  await host.start(repositoryId, line, { id: 'work' })
  return { id: 'work', worktree: (await host.untilPhase('work', 'exited')).worktree ?? '' }
}

describe('a verb that was cut off', () => {
  it.each([
    ['half-created: entry, directory and branch, but no file', 'worktree add', 'after', () => {}],
    ['half-created: its files are there, and nobody has said so', 'reset --hard', 'after', () => {}],
    [
      'a branch without its worktree',
      'worktree add',
      'after',
      () => {
        rmSync(join(host.dataDirectory, 'worktrees', repositoryId), { recursive: true })
        rmSync(join(repo.commonDir, 'worktrees'), { recursive: true })
      },
    ],
    [
      'an entry without its directory',
      'worktree add',
      'after',
      () => rmSync(join(host.dataDirectory, 'worktrees', repositoryId), { recursive: true }),
    ],
  ] as const)('%s: undone, and Resume makes it whole', async (_, words, when, damage) => {
    await tools.during(host, words, when, () => host.start(repositoryId, 'true', { id: 'half' }))
    expect(branches()).toEqual(['agent/half', 'main'])
    const said = await afterDamage(damage)
    expect(said).toContain('1 half-made branch removed')
    expect(host.run('half')).toMatchObject({ phase: 'interrupted', worktree: null, intent: null })
    expect(branches()).toEqual(['main'])
    expect(folders()).toEqual([])
    expect(repo.git('worktree', 'list').split('\n')).toHaveLength(1)
    await host.call('run.resume', { runId: 'half' })
    await host.untilPhase('half', 'exited')
    expect(repo.gitIn(host.run('half').worktree ?? '', 'status', '--porcelain')).toBe('')
  })

  it('a branch of that name with a commit of its own is not half-made: kept', async () => {
    await tools.during(host, 'worktree add', 'after', () => host.start(repositoryId, 'true', { id: 'half' }))
    const said = await afterDamage(() => {
      rmSync(join(host.dataDirectory, 'worktrees', repositoryId), { recursive: true })
      rmSync(join(repo.commonDir, 'worktrees'), { recursive: true })
      const tree = repo.git('rev-parse', 'main^{tree}')
      const commit = repo.git('commit-tree', '-p', 'main', '-m', 'theirs', tree)
      repo.git('update-ref', 'refs/heads/agent/half', commit)
    })
    expect(said).toContain('kept branch agent/half')
    expect(branches()).toEqual(['agent/half', 'main'])
  })

  it.each([
    ['half-removed: whole where it was', 'update-ref', 'before', 'exited'],
    ['half-removed: its objects kept, and no more', 'update-ref', 'after', 'exited'],
    ['half-removed: in the trash, and nobody has said so', 'worktree list', 'before', 'removed'],
  ] as const)('%s', async (_, words, when, phase) => {
    const { id, worktree } = await settled()
    const before = fingerprint(worktree)
    const { consent } = await host.call('run.preview-removal', { runId: id })
    await tools.during(host, words, when, () => host.call('run.remove', { runId: id, consent }))
    const said = await afterDamage(() => {})
    expect(said).toContain('1 removal decided')
    expect(host.run(id)).toMatchObject({ phase, intent: null })
    expect(existsSync(worktree)).toBe(phase === 'exited')
    if (phase === 'exited') {
      expect(repo.git('for-each-ref', 'refs/coppice')).toBe('')
      const again = await host.call('run.preview-removal', { runId: id })
      await host.call('run.remove', { runId: id, consent: again.consent })
    }
    await host.call('run.restore', { runId: id })
    expect(fingerprint(worktree)).toEqual(before)
  })

  it('half-removed on a disk that is not there: nothing is decided until it is', async () => {
    const { id, worktree } = await settled()
    const before = fingerprint(worktree)
    const root = join(host.dataDirectory, 'worktrees')
    const { consent } = await host.call('run.preview-removal', { runId: id })
    await tools.during(host, 'worktree list', 'before', () => host.call('run.remove', { runId: id, consent }))
    const keep = repo.git('for-each-ref', 'refs/coppice/keep')
    expect(keep).not.toBe('')
    // An empty mount point is what an unmounted disk leaves.
    const said = await afterDamage(() => {
      renameSync(root, `${root}-away`)
      mkdirSync(root, { mode: 0o700 })
    })
    expect(said).toContain(`refused ${id}`)
    expect(said).toContain('may not be mounted')
    expect(host.run(id)).toMatchObject({ phase: 'removing', intent: { kind: 'remove' } })
    expect(repo.git('for-each-ref', 'refs/coppice/keep')).toBe(keep)
    rmdirSync(root)
    renameSync(`${root}-away`, root)
    await host.untilPhase(id, 'removed')
    await host.call('run.restore', { runId: id })
    expect(fingerprint(worktree)).toEqual(before)
  })

  it('a purge on a disk that is not there is refused; of a trash that was deleted by hand it is not', async () => {
    const { id } = await settled()
    const root = join(host.dataDirectory, 'worktrees')
    const { consent } = await host.call('run.preview-removal', { runId: id })
    await host.call('run.remove', { runId: id, consent })
    const keep = repo.git('for-each-ref', 'refs/coppice/keep')
    const purge = async () => {
      const asked = await host.call('run.purge', { runId: id }).catch((error: CoppiceFailure) => error.failure)
      return host.refusal('run.purge', { runId: id, consent: String('code' in asked ? asked.detail?.consent : '') })
    }
    renameSync(root, `${root}-away`)
    mkdirSync(root, { mode: 0o700 })
    expect(await purge()).toBe('trash-missing')
    expect(host.run(id).phase).toBe('removed')
    expect(repo.git('for-each-ref', 'refs/coppice/keep')).toBe(keep)
    rmdirSync(root)
    renameSync(`${root}-away`, root)
    rmSync(join(root, '.trash'), { recursive: true })
    expect(await purge()).toBe('ok')
    expect(host.run(id).phase).toBe('purged')
    expect(repo.git('for-each-ref', 'refs/coppice/keep')).toBe('')
  })
})
