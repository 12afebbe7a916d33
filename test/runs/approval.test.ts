import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Approval } from '../../app/model/approval.ts'
import type { Event } from '../../app/model/event.ts'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

// Consent through a real host: a run that meets content nobody has approved waits for an answer, the answer holds for exactly that
// content, and the journal never says that somebody agreed to anything else.
let host: TestHost
let repo: TestRepo
let repositoryId: string
beforeEach(async () => {
  repo = makeRepo({ remote: true, files: { 'README.md': '# Shop\n' } })
  host = await startHost()
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

const setupOf = (command: string) => `${JSON.stringify({ setup: command })}\n`
const hashOf = (command: string) => createHash('sha256').update(command).digest('hex')
const ran = (name: string) => existsSync(join(host.home, name))
/** A set-up that leaves a mark outside the worktree. */
const marks = (name: string) => `touch '${join(host.home, name)}'`

function commitAndPush(command: string): void {
  repo.commit({ '.coppice.json': setupOf(command) })
  repo.git('push', '-q', 'origin', 'main')
}

/** Another clone pushes, and this one has not fetched it. */
function pushedElsewhere(command: string): void {
  const clone = join(repo.root, 'elsewhere')
  repo.gitIn(repo.root, 'clone', '-q', repo.remote!, clone)
  repo.commit({ '.coppice.json': setupOf(command) }, 'Elsewhere', clone)
  repo.gitIn(clone, 'push', '-q', 'origin', 'HEAD:main')
}

const asking = (runId: string): Promise<Approval> =>
  host.until(`${runId} to ask`, () => {
    const asked = host.state().runs[runId]?.waitsFor?.[0]
    return asked && host.state().approvals[asked.approvalId]
  })

async function events<T extends Event['type']>(type: T): Promise<Extract<Event, { type: T }>[]> {
  const { records } = await host.call('journal.read', { limit: 1000 })
  return records.map(({ event }) => event).filter((event): event is Extract<Event, { type: T }> => event.type === type)
}

/** The contents that the journal says somebody allowed. */
const allowed = async () => {
  const requested = new Map((await events('approval-requested')).map(({ approval }) => [approval.id, approval]))
  const decided = (await events('approval-decided')).filter(({ decision }) => decision === 'allowed')
  for (const { approvalId, hash } of decided) expect(requested.get(approvalId)?.hash).toBe(hash)
  return decided.map(({ approvalId }) => requested.get(approvalId)?.request.command)
}

const create = async (more: object = {}) =>
  (
    await host.call('run.create', {
      repositoryId,
      agent: 'command',
      commandLine: 'true',
      setup: 'ask',
      install: false,
      ...more,
    })
  ).runIds[0]!

describe('a run that meets a set-up nobody has approved', () => {
  it('waits in the queue with the exact text, also through a restart of the host, and starts when it is allowed', async () => {
    commitAndPush(marks('a'))
    const id = await create()
    const approval = await asking(id)
    expect(approval).toMatchObject({
      runId: id,
      repositoryId,
      state: 'pending',
      hash: hashOf(marks('a')),
      request: { kind: 'setup', command: marks('a'), source: '.coppice.json' },
    })
    expect(host.run(id)).toMatchObject({ phase: 'queued', worktree: null })
    await host.kill()
    await host.restart()
    expect(await host.call('approval.list', {})).toEqual({ approvals: [approval] })
    expect(host.run(id).phase).toBe('queued')
    expect(await host.refusal('run.start-now', { runId: id })).toBe('needs-approval')
    expect(ran('a')).toBe(false)
    await host.call('approval.decide', { approvalId: approval.id, hash: approval.hash, decision: 'allow' })
    expect(await host.untilPhase(id, 'exited')).toMatchObject({ exit: { code: 0 } })
    expect(ran('a')).toBe(true)
    expect(host.state().approvals[approval.id]).toMatchObject({
      state: 'allowed',
      decidedBy: { via: 'cli' },
      decidedAt: expect.any(Number),
    })
    expect(await allowed()).toEqual([marks('a')])
    // Once for its content.
    const again = await create()
    expect((await host.until('it', () => host.state().runs[again])).waitsFor ?? []).toEqual([])
  })

  it('refuses an answer to another content, names what is asked, and still asks', async () => {
    commitAndPush(marks('a'))
    const approval = await asking(await create())
    const answer = { approvalId: approval.id, hash: hashOf('something else'), decision: 'allow' } as const
    const failure = await host.call('approval.decide', answer).catch((error) => error.failure)
    expect(failure).toMatchObject({ code: 'consent-stale', detail: { names: [marks('a')] } })
    expect(host.state().approvals[approval.id]?.state).toBe('pending')
    expect(await host.refusal('approval.decide', { ...answer, approvalId: 'nobody' })).toBe('not-found')
    expect(await allowed()).toEqual([])
  })

  it('goes on without it when it is denied, and one answer is an answer once', async () => {
    commitAndPush(marks('a'))
    const id = await create()
    const { id: approvalId, hash } = await asking(id)
    await host.call('approval.decide', { approvalId, hash, decision: 'deny' })
    const run = await host.untilPhase(id, 'exited')
    expect(run.stages.map(({ stage }) => stage)).not.toContain('setup')
    expect(ran('a')).toBe(false)
    expect(await host.refusal('approval.decide', { approvalId, hash, decision: 'deny' })).toBe('ok')
    expect(await host.refusal('approval.decide', { approvalId, hash, decision: 'allow' })).toBe('wrong-phase')
    expect(await allowed()).toEqual([])
    await asking(await create())
  })

  it('asks once for several copies, and stops asking when it is cancelled', async () => {
    commitAndPush(marks('a'))
    const { runIds } = await host.call('run.create', {
      repositoryId,
      agent: 'command',
      commandLine: 'true',
      install: false,
      copies: 3,
    })
    const [first, , third] = await Promise.all(runIds.map(asking))
    await host.call('run.cancel', { runId: runIds[2]! })
    await host.until('the third to be no question', () => host.state().approvals[third!.id]?.state === 'expired')
    expect(host.run(runIds[2]!).phase).toBe('cancelled')
    await host.call('approval.decide', { approvalId: first!.id, hash: first!.hash, decision: 'allow' })
    for (const id of runIds.slice(0, 2))
      await host.until(`${id} to go on`, () => host.run(id).waitsFor?.length === 0 && host.run(id).phase !== 'queued')
    expect(await host.call('approval.list', {})).toEqual({ approvals: [] })
  })
})

describe('consent that came with the run', () => {
  it('holds for the content whose hash it carries', async () => {
    commitAndPush(marks('a'))
    const { asked } = await host.call('approval.preview', { repositoryId })
    expect(asked).toEqual([
      {
        request: { kind: 'setup', command: marks('a'), source: '.coppice.json' },
        hash: hashOf(marks('a')),
        approved: false,
      },
    ])
    const id = await create({ setup: 'run', setupHash: asked[0]!.hash })
    await host.untilPhase(id, 'exited')
    expect(ran('a')).toBe(true)
    expect(await allowed()).toEqual([marks('a')])
    expect((await host.call('approval.preview', { repositoryId })).asked[0]?.approved).toBe(true)
  })

  it('agrees to nothing without a hash, or with the hash of something else', async () => {
    commitAndPush(marks('a'))
    for (const setupHash of [undefined, hashOf(marks('b'))]) {
      const id = await create({ setup: 'run', ...(setupHash ? { setupHash } : {}) })
      expect((await asking(id)).request.command).toBe(marks('a'))
    }
    expect(ran('a')).toBe(false)
    expect(await allowed()).toEqual([])
  })

  it('asks again where another clone has pushed another command meanwhile', async () => {
    commitAndPush(marks('a'))
    const [shown] = (await host.call('approval.preview', { repositoryId })).asked
    pushedElsewhere(marks('b'))
    const id = await create({ setup: 'run', setupHash: shown!.hash })
    const approval = await asking(id)
    expect(approval).toMatchObject({ hash: hashOf(marks('b')), request: { command: marks('b') } })
    expect(host.run(id)).toMatchObject({ phase: 'queued', worktree: null, branch: null })
    expect(repo.git('worktree', 'list').split('\n')).toHaveLength(1)
    expect([ran('a'), ran('b')]).toEqual([false, false])
    expect(await allowed()).toEqual([marks('a')])
    await host.call('approval.decide', { approvalId: approval.id, hash: approval.hash, decision: 'allow' })
    await host.untilPhase(id, 'exited')
    expect([ran('a'), ran('b')]).toEqual([false, true])
    expect(await allowed()).toEqual(expect.arrayContaining([marks('a'), marks('b')]))
  })

  it("asks for the worktree's own file, however it got there", async () => {
    repo.write({ '.coppice.json': setupOf(marks('copied')), '.worktreeinclude': '.coppice.json\n' })
    expect((await host.call('approval.preview', { repositoryId })).asked).toEqual([])
    const id = await create({ setup: 'run', setupHash: hashOf('nothing that is there') })
    expect((await asking(id)).request.command).toBe(marks('copied'))
    expect(ran('copied')).toBe(false)
    expect(repo.git('worktree', 'list').split('\n')).toHaveLength(1)
  })
})

describe('a resume', () => {
  it('asks for a set-up that changed after the approved one failed', async () => {
    commitAndPush(`${marks('a')}; exit 7`)
    const [shown] = (await host.call('approval.preview', { repositoryId })).asked
    const id = await create({ setup: 'run', setupHash: shown!.hash })
    expect((await host.untilPhase(id, 'failed')).failure).toMatchObject({ code: 'setup-failed' })
    commitAndPush(marks('b'))
    await host.call('run.resume', { runId: id })
    expect((await asking(id)).request.command).toBe(marks('b'))
    expect(ran('b')).toBe(false)
    expect(await allowed()).toEqual([`${marks('a')}; exit 7`])
  })
})

describe('the command line', () => {
  it('shows what a run asks, and lists it with its exact text', async () => {
    commitAndPush(marks('a'))
    const line = [
      'run',
      '--repo',
      repo.path,
      '--id',
      'one',
      '--command',
      'true',
      '--no-install',
      '--wait',
      'settled',
      '--json',
    ]
    const waited = host.cli(line)
    expect(waited.code).toBe(1)
    expect(JSON.parse(waited.stdout).error).toMatchObject({
      code: 'needs-approval',
      next: expect.stringMatching(/coppice allow [0-9a-f]{8}/),
    })
    const { stdout } = host.cli(['approvals'])
    expect(stdout).toContain(`coppice allow ${(await asking('one')).id}`)
    expect(stdout).toContain(`    ${marks('a')}\n`)
    expect(host.cli(['show', 'one']).stdout).toContain(marks('a'))
    expect(ran('a')).toBe(false)
  })

  it('allows and denies by the id of the question', async () => {
    commitAndPush(marks('a'))
    const one = await asking(await create({ id: 'one' }))
    expect(host.cli(['allow', one.id]).stdout).toBe(`Allowed: ${marks('a')}\nRun one continues.\n`)
    await host.untilPhase('one', 'exited')
    expect(ran('a')).toBe(true)
    commitAndPush(marks('b'))
    const two = await asking(await create({ id: 'two' }))
    expect(JSON.parse(host.cli(['deny', two.id, '--json']).stdout)).toMatchObject({ id: two.id, state: 'denied' })
    await host.untilPhase('two', 'exited')
    expect(ran('b')).toBe(false)
    expect(host.cli(['approvals']).stdout).toBe('Nothing is waiting for an answer.\n')
    expect(host.cli(['allow', 'none', '--json'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('coppice approvals'),
    })
  })

  it('takes --setup run for a yes to what the base holds, and the export names who answered', async () => {
    commitAndPush(marks('a'))
    const done = host.cli([
      'run',
      '--repo',
      repo.path,
      '--command',
      'true',
      '--setup',
      'run',
      '--no-install',
      '--wait',
      'settled',
    ])
    expect(done.code).toBe(0)
    expect(ran('a')).toBe(true)
    const user = execFileSync('id', ['-un'], { encoding: 'utf8' }).trim()
    const { path } = await host.call('journal.export', { format: 'jsonl' })
    const lines = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.filter(({ decision }) => decision)).toMatchObject([
      { action: 'approval-decided', decision: 'allowed', approver: user, via: 'cli' },
    ])
  })
})
