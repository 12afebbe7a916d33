import { mkdirSync, mkdtempSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { CoppiceFailure } from '../../app/model/failure.ts'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, removeTree, type TestRepo, writeFiles } from '../harness/test-repo.ts'

// Runs in place: an agent in a folder that the person named, in git or not. Whatever Coppice does with the run, the folder stays as
// the agent left it.
let host: TestHost
let folder: string
let repo: TestRepo | null
beforeEach(async () => {
  host = await startHost()
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-in-place-')))
  writeFiles(folder, { 'notes.txt': 'mine\n', 'sub/run.sh': { run: '#!/bin/sh\n' }, link: { link: 'notes.txt' } })
  repo = null
})
afterEach(async () => {
  await host?.close()
  removeTree(folder)
  repo?.close()
})

const start = async (inPlace: string, commandLine: string, id: string) => {
  await host.call('run.create', { inPlace, agent: 'command', commandLine, id })
  return id
}
const messageOf = async (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'it was not refused',
    (error: unknown) => (error instanceof CoppiceFailure ? sentenceOf(error.failure).message : String(error)),
  )

/** Create, end, resume, host crash, keeper loss, removal: everything but an agent that writes. */
async function wholeLife(path: string, id: string): Promise<void> {
  await start(path, 'echo here; sleep 720', id)
  await host.untilPhase(id, 'running')
  await host.call('run.measure', { runId: id })
  await host.kill()
  await host.restart()
  expect(host.run(id)).toMatchObject({ phase: 'running', worktree: path, inPlace: true })
  process.kill(await host.keeperPid(), 'SIGKILL')
  await host.untilPhase(id, 'interrupted')
  await host.call('run.resume', { runId: id })
  await host.untilPhase(id, 'running')
  await host.call('run.stop', { runId: id })
  await host.kill()
  await host.restart()
  expect(host.run(id)).toMatchObject({ phase: 'stopped', worktreePresence: 'present' })
  const preview = await host.call('run.preview-removal', { runId: id })
  expect(preview).toMatchObject({ safe: true, facts: [], sizeBytes: 0 })
  const { report, purgeAt, freedNow } = await host.call('run.remove', { runId: id })
  expect(report).toMatchObject([{ what: path, result: 'kept' }])
  expect({ purgeAt, freedNow }).toEqual({ purgeAt: null, freedNow: 0 })
  await host.kill()
  await host.restart()
  expect(host.run(id).phase).toBe('removed')
}

describe('the folder is byte-identical', () => {
  it('without git, before and after create, crash, recovery, resume, stop and removal', async () => {
    const before = fingerprint(folder)
    await wholeLife(folder, 'bare')
    expect(fingerprint(folder)).toEqual(before)
    expect(host.run('bare').repositoryId).toBe(null)
    expect((await host.call('trash.list', {})).entries).toEqual([])
    await host.call('run.purge', { runId: 'bare' })
    expect(fingerprint(folder)).toEqual(before)
  })

  it("in a checkout with edits of its own, git's directory included", async () => {
    repo = makeRepo({
      files: { 'README.md': '# Shop\n', 'package-lock.json': '{}', '.coppice.json': '{"setup": "touch made"}' },
    })
    writeFiles(repo.path, { 'README.md': '# Edited\n', 'new.txt': 'untracked\n' })
    repo.git('add', 'new.txt')
    const before = fingerprint(repo.path)
    await wholeLife(repo.path, 'checkout')
    expect(fingerprint(repo.path)).toEqual(before)
    expect(host.run('checkout')).toMatchObject({ branch: null, inPlace: true, setup: 'skip', install: false })
  })

  it('is where the agent works, and what it made stays', async () => {
    await start(folder, 'pwd > where.txt; echo "$COPPICE_WORKTREE" >> where.txt', 'writes')
    await host.untilPhase('writes', 'exited')
    await host.call('run.remove', { runId: 'writes' })
    expect(fingerprint(folder)['where.txt']).toBeDefined()
    expect(readFileSync(join(folder, 'where.txt'), 'utf8')).toBe(`${folder}\n${folder}\n`)
  })
})

describe('refusals', () => {
  it('of a second live run in one folder, by whatever path, also at a resume', async () => {
    await start(folder, 'true', 'first')
    await host.untilPhase('first', 'exited')
    await start(folder, 'sleep 721', 'second')
    await host.untilPhase('second', 'running')
    const link = `${folder}-link`
    symlinkSync(folder, link)
    try {
      const asked = { inPlace: link, agent: 'shell' } as const
      expect(await host.refusal('run.create', asked)).toBe('in-use')
      expect(await messageOf(host.call('run.create', asked))).toContain('run second works there')
      expect(await host.refusal('run.resume', { runId: 'first' })).toBe('in-use')
      await host.call('run.stop', { runId: 'second' })
      await host.call('run.resume', { runId: 'first' })
    } finally {
      removeTree(link)
    }
  })

  it('of what a worktree has and a folder has not, of no folder, and of a folder of our own', async () => {
    const asked = { inPlace: folder, agent: 'command', commandLine: 'true' } as const
    for (const more of [{ base: 'main' }, { branch: 'x' }, { fromBranch: 'x' }, { copies: 2 }])
      expect(await host.refusal('run.create', { ...asked, ...more })).toBe('bad-input')
    for (const inPlace of ['relative', join(folder, 'none'), join(folder, 'notes.txt'), host.dataDirectory])
      expect(await host.refusal('run.create', { ...asked, inPlace })).toBe('bad-input')
    expect(await host.refusal('run.create', { agent: 'command', commandLine: 'true' })).toBe('bad-input')
    expect(host.state().runs).toEqual({})
  })

  it('of a restore, a push and a pull request without git, each with a sentence that says how', async () => {
    await start(folder, 'true', 'done')
    await host.untilPhase('done', 'exited')
    expect(await host.refusal('run.push', { runId: 'done' })).toBe('unsupported')
    expect(await messageOf(host.call('run.pull-request', { runId: 'done' }))).toContain('git init')
    await host.call('run.remove', { runId: 'done' })
    expect(await host.refusal('run.restore', { runId: 'done' })).toBe('unsupported')
    expect(await messageOf(host.call('run.restore', { runId: 'done' }))).toContain(`--in-place ${folder}`)
  })

  it('of an attempt in a folder that is gone, and it is not made', async () => {
    const place = join(folder, 'place')
    mkdirSync(place)
    await start(place, 'true', 'gone')
    await host.untilPhase('gone', 'exited')
    removeTree(place)
    expect(await host.refusal('run.resume', { runId: 'gone' })).toBe('not-found')
    expect(Object.keys(fingerprint(folder)).some((name) => name.startsWith('place'))).toBe(false)
  })
})

it("publishes the branch that the folder is on, and refuses none and the pull request's own target", async () => {
  repo = makeRepo({ files: { 'README.md': '# Shop\n' }, remote: true })
  await start(repo.path, 'true', 'here')
  await host.untilPhase('here', 'exited')
  expect(await messageOf(host.call('run.pull-request', { runId: 'here' }))).toContain('git switch -c')
  repo.git('switch', '-q', '--detach')
  expect(await messageOf(host.call('run.push', { runId: 'here' }))).toContain('is on no branch')
  repo.git('switch', '-q', '-c', 'mine')
  writeFileSync(join(repo.path, 'work.txt'), 'work\n')
  repo.git('add', '-A')
  repo.git('commit', '-qm', 'Work')
  const { ref, sha } = await host.call('run.push', { runId: 'here' })
  expect({ ref, sha }).toEqual({ ref: 'refs/heads/mine', sha: repo.git('rev-parse', 'HEAD') })
})
