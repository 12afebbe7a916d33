import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'

// Removal, its consent, and the way back: byte for byte, through a real host.
let host: TestHost
let repo: TestRepo
let repositoryId: string
beforeEach(async () => {
  repo = makeRepo({
    remote: true,
    files: { 'README.md': '# Shop\n', '.gitignore': '.env\nnode_modules/\n', 'run.sh': '#!/bin/sh\n' },
  })
  host = await startHost()
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})
const git = (directory: string, ...args: string[]) => repo.gitIn(directory, ...args)

async function exited(commandLine: string, id = 'work') {
  await host.start(repositoryId, commandLine, { id })
  return host.untilPhase(id, 'exited')
}

describe('remove', () => {
  it('goes at once where nothing exists only here, and Undo brings worktree and branch back', async () => {
    const run = await exited('true')
    const before = fingerprint(run.worktree!)
    const { report } = await host.call('run.remove', { runId: run.id })
    expect(report[0]).toMatchObject({ what: run.worktree, result: 'removed' })
    expect(host.run(run.id)).toMatchObject({ phase: 'removed', worktreePresence: 'trashed' })
    expect(existsSync(run.worktree!)).toBe(false)
    expect(git(repo.path, 'worktree', 'list').split('\n')).toHaveLength(1)
    expect(git(repo.path, 'branch', '--list', 'agent/*')).toBe('')
    await host.call('run.restore', { runId: run.id })
    expect(host.run(run.id)).toMatchObject({ phase: 'exited', worktree: run.worktree, branch: 'agent/work' })
    expect(fingerprint(run.worktree!)).toEqual(before)
    expect(git(run.worktree!, 'status', '--porcelain')).toBe('')
    expect(git(run.worktree!, 'rev-parse', '--abbrev-ref', 'HEAD')).toBe('agent/work')
    expect(git(repo.path, 'for-each-ref', 'refs/coppice')).toBe('')
  })

  it('names what would be lost, and goes only with consent to just that', async () => {
    const run = await exited(
      'echo mine > new.txt; echo more >> README.md; echo S=1 > .env; git commit -q --allow-empty -m only-here',
    )
    const preview = await host.call('run.preview-removal', { runId: run.id })
    const counts: Record<string, number> = {}
    for (const fact of preview.facts) counts[fact.kind] = (counts[fact.kind] ?? 0) + (fact.count ?? Number.NaN)
    expect(counts).toMatchObject({ unstaged: 1, untracked: 1, commits: 1, precious: 1 })
    expect(preview).toMatchObject({ safe: false, unknown: false })
    expect(await host.refusal('run.remove', { runId: run.id })).toBe('consent-needed')
    writeFileSync(join(run.worktree!, 'another.txt'), 'late')
    expect(await host.refusal('run.remove', { runId: run.id, consent: preview.consent })).toBe('consent-stale')
    expect(existsSync(run.worktree!)).toBe(true)
    const fresh = await host.call('run.preview-removal', { runId: run.id })
    await host.call('run.remove', { runId: run.id, consent: fresh.consent })
    expect(host.run(run.id).phase).toBe('removed')
    // Its commit is nowhere else: the branch stays.
    expect(git(repo.path, 'branch', '--list', 'agent/*').trim()).toBe('agent/work')
  })

  it('brings back index, modes, links, untracked and ignored files byte for byte, after a restart and a gc', async () => {
    const run = await exited('true')
    const at = (name: string) => join(run.worktree!, name)
    writeFileSync(at('staged.txt'), 'staged')
    git(run.worktree!, 'add', 'staged.txt')
    writeFileSync(at('staged.txt'), 'then changed')
    writeFileSync(at('untracked ü.txt'), 'u')
    writeFileSync(at('.env'), 'SECRET=1')
    mkdirSync(at('node_modules/a'), { recursive: true })
    writeFileSync(at('node_modules/a/index.js'), 'x')
    symlinkSync('/etc/passwd', at('link'))
    symlinkSync('nowhere', at('dangling'))
    chmodSync(at('run.sh'), 0o755)
    mkdirSync(at('empty'))
    chmodSync(at('empty'), 0o500)
    const before = fingerprint(run.worktree!)
    const status = git(run.worktree!, 'status', '--porcelain=v2', '--ignored')
    const preview = await host.call('run.preview-removal', { runId: run.id })
    await host.call('run.remove', { runId: run.id, consent: preview.consent })
    await host.kill()
    git(repo.path, 'reflog', 'expire', '--expire=now', '--all')
    git(repo.path, 'gc', '--quiet', '--prune=now')
    await host.restart()
    await host.call('run.restore', { runId: run.id })
    expect(fingerprint(run.worktree!)).toEqual(before)
    expect(git(run.worktree!, 'status', '--porcelain=v2', '--ignored')).toBe(status)
    expect(git(run.worktree!, 'show', ':staged.txt')).toBe('staged')
  })

  it('asks before it ends a live agent, then stops it first', async () => {
    const id = await host.start(repositoryId, 'echo draft > draft.txt; exec sleep 300', { id: 'live' })
    await host.untilPhase(id, 'running')
    await host.until('its draft', () => existsSync(join(host.run(id).worktree ?? '', 'draft.txt')))
    const pid = host.run(id).attempts[0]!.pid!
    await expect(host.call('run.remove', { runId: id })).rejects.toMatchObject({ failure: { code: 'consent-needed' } })
    expect(host.run(id).phase).toBe('running')
    expect(existsSync(`/proc/${pid}`)).toBe(true)
    const { consent, facts } = await host.call('run.preview-removal', { runId: id })
    expect(facts.filter(({ onlyHere, count }) => onlyHere && count).map(({ kind }) => kind)).toEqual([
      'untracked',
      'processes',
    ])
    await host.call('run.remove', { runId: id, consent })
    expect(host.run(id).phase).toBe('removed')
    expect(existsSync(`/proc/${pid}`)).toBe(false)
  })

  it('takes the next free path, and another branch name, where theirs are taken meanwhile', async () => {
    const run = await exited('git commit -q --allow-empty -m work')
    const preview = await host.call('run.preview-removal', { runId: run.id })
    await host.call('run.remove', { runId: run.id, consent: preview.consent })
    mkdirSync(run.worktree!)
    writeFileSync(join(run.worktree!, 'theirs'), 'x')
    git(repo.path, 'worktree', 'add', '-q', join(repo.root, 'elsewhere'), 'agent/work')
    await host.call('run.restore', { runId: run.id })
    const back = host.run(run.id)
    expect(back.worktree).toBe(`${run.worktree}-2`)
    expect(back.branch).toBe('agent/work-restored')
    expect(git(back.worktree!, 'log', '-1', '--format=%s')).toBe('work')
    expect(existsSync(join(run.worktree!, 'theirs'))).toBe(true)
  })

  it('refuses as unknown when git cannot say, and goes on by force with consent', async () => {
    const run = await exited('true')
    const admin = git(run.worktree!, 'rev-parse', '--absolute-git-dir')
    writeFileSync(join(admin, 'index'), 'garbage')
    const preview = await host.call('run.preview-removal', { runId: run.id })
    expect(preview.unknown).toBe(true)
    expect(await host.refusal('run.remove', { runId: run.id, consent: preview.consent })).toBe('state-unknown')
    expect(existsSync(run.worktree!)).toBe(true)
    expect(await host.refusal('run.remove', { runId: run.id, force: true })).toBe('consent-needed')
    const before = fingerprint(run.worktree!)
    await host.call('run.remove', { runId: run.id, force: true, consent: preview.consent })
    expect(host.run(run.id)).toMatchObject({ phase: 'removed', trash: { commitsOnlyHere: null } })
    expect(await host.refusal('run.purge', { runId: run.id })).toBe('consent-needed')
    // It comes back as it was, broken index and all: mending that is the person's.
    await host.call('run.restore', { runId: run.id })
    expect(fingerprint(run.worktree!)).toEqual(before)
    expect(readFileSync(join(admin, 'index'), 'utf8')).toBe('garbage')
  })

  it('lets go of a run whose directory somebody deleted; the branch stays', async () => {
    const run = await exited('git commit -q --allow-empty -m work')
    execFileSync('rm', ['-rf', run.worktree!])
    await host.call('run.remove', { runId: run.id })
    expect(host.run(run.id).phase).toBe('removed')
    expect(git(repo.path, 'worktree', 'list').split('\n')).toHaveLength(1)
    expect(git(repo.path, 'log', '-1', '--format=%s', 'agent/work')).toBe('work')
  })
})

describe('the trash', () => {
  it('frees an entry on demand, asks where commits are nowhere else, and keeps nothing behind', async () => {
    const run = await exited('git checkout -q --detach && git commit -q --allow-empty -m detached')
    const preview = await host.call('run.preview-removal', { runId: run.id })
    await host.call('run.remove', { runId: run.id, consent: preview.consent })
    const { entries } = await host.call('trash.list', {})
    expect(entries).toMatchObject([{ runId: 'work', commitsOnlyHere: 1 }])
    expect(await host.refusal('run.purge', { runId: run.id })).toBe('consent-needed')
    const asked = await host.call('run.purge', { runId: run.id }).catch((error) => error.failure)
    const { directory, sizeBytes } = host.run(run.id).trash!
    const { freedBytes } = await host.call('run.purge', { runId: run.id, consent: asked.detail.consent })
    expect(freedBytes).toBeGreaterThan(0)
    // The total of the trash is what a purge gives back, the folder of the entry aside.
    expect(Math.abs(freedBytes! - sizeBytes!)).toBeLessThanOrEqual(8192)
    expect(existsSync(directory)).toBe(false)
    expect(host.run(run.id).phase).toBe('purged')
    expect(git(repo.path, 'for-each-ref', 'refs/coppice')).toBe('')
  })
})
