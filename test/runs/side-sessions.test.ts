import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Attachment } from '../../app/contract/client.ts'
import type { CommandInput } from '../../app/contract/commands/index.ts'
import { lastRecovery } from '../harness/recovery.ts'
import { isRunning, pidsOf, startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

// Sessions beside a run's agent: opened, typed into, closed; ended by a stop and a removal, kept by a restart of the host, and never
// an attempt.
let host: TestHost
let repo: TestRepo
let repositoryId: string
beforeEach(async () => {
  repo = makeRepo({ files: { 'README.md': '# Shop\n' } })
  host = await startHost()
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

const running = async (id: string, line = 'echo agent; sleep 700') => {
  await host.start(repositoryId, line, { id })
  return host.untilPhase(id, 'running')
}
const sides = (id: string) => host.run(id).sides ?? []
const side = (id: string, number: number) => sides(id)[number - 1]!
const open = (id: string, input: Partial<CommandInput<'session.open'>> = {}) =>
  host.call('session.open', { runId: id, kind: 'shell', ...input })
const ended = (id: string, number: number) =>
  host.until(`session ${number} to end`, () => side(id, number)?.endedAt !== null && side(id, number))

/** A view of a side session: all that it is shown, as text. */
function look(runId: string, sessionId?: string): { text(): string; readonly attachment: Attachment } {
  const chunks: Buffer[] = []
  const take = (bytes: Uint8Array) => void chunks.push(Buffer.from(bytes))
  const attachment = host.client.attach(
    runId,
    {
      onScreenStart() {},
      onScreen: take,
      onScreenEnd() {},
      onOutput(bytes) {
        take(bytes)
        attachment.ack(bytes.length)
      },
      onResized() {},
      onEnded: () => void chunks.push(Buffer.from('[ended]')),
      onFailed: ({ code }) => void chunks.push(Buffer.from(`[${code}]`)),
    },
    { sessionId },
  )
  return { text: () => Buffer.concat(chunks).toString('utf8'), attachment }
}

describe('opening', () => {
  it("gives a shell in the worktree with the run's environment, beside the agent and never as its attempt", async () => {
    const { worktree } = await running('work')
    const { sessionId, number } = await open('work')
    expect({ sessionId, number }).toEqual({ sessionId: 'work.side-1', number: 1 })
    const view = look('work', sessionId)
    view.attachment.resize(100, 30)
    view.attachment.input(
      Buffer.from('echo "[$COPPICE_RUN|$COPPICE_WORKTREE|$PWD|$(stty size)]" > said.txt; echo do"ne"\r'),
    )
    await host.until('its answer', () => view.text().includes('done'))
    expect(readFileSync(join(worktree!, 'said.txt'), 'utf8')).toBe(`[work|${worktree}|${worktree}|30 100]\n`)
    expect(side('work', 1)).toMatchObject({ kind: 'shell', title: 'Shell', endedAt: null, exit: null })
    expect(isRunning(side('work', 1).pid!)).toBe(true)
    expect(host.run('work').attempts).toHaveLength(1)
    // The run's own terminal is still the agent's.
    const own = look('work')
    await host.until("the agent's screen", () => own.text().includes('agent'))
    expect(own.text()).not.toContain('done')
  })

  it('runs a command and records how it ended; its output stays to be read, and the agent goes on', async () => {
    await running('work')
    await open('work', { kind: 'command', commandLine: 'echo from the side; exit 3', title: 'Checks' })
    expect(await ended('work', 1)).toMatchObject({ title: 'Checks', exit: { code: 3, signal: null }, closed: false })
    expect((await host.call('run.logs', { runId: 'work', side: 1 })).data).toContain('from the side')
    expect((await host.call('run.logs', { runId: 'work' })).data).not.toContain('from the side')
    const late = look('work', 'work.side-1')
    await host.until('its last screen', () => late.text().includes('from the side') && late.text().includes('[ended]'))
    expect(host.run('work').phase).toBe('running')
    await host.call('session.close', { runId: 'work', number: 1 })
    expect(side('work', 1).closed).toBe(true)
  })

  it('takes text by send, into the chosen session only', async () => {
    await running('work')
    await open('work', { kind: 'command', commandLine: 'read line; echo "got $line"; sleep 701' })
    await host.call('run.send', { runId: 'work', text: 'a word', side: 1 })
    const view = look('work', 'work.side-1')
    await host.until('what was sent', () => view.text().includes('got a word'))
    expect(await host.refusal('run.send', { runId: 'work', text: 'x', side: 2 })).toBe('not-found')
  })

  it('is allowed in a settled run, and refused where there is no worktree, no run, no such agent or no command', async () => {
    await host.start(repositoryId, 'true', { id: 'over' })
    await host.untilPhase('over', 'exited')
    await open('over', { kind: 'command', commandLine: 'sleep 702' })
    expect(host.run('over').phase).toBe('exited')
    expect(host.run('over').attempts).toHaveLength(1)
    await host.call('run.remove', {
      runId: 'over',
      consent: (await host.call('run.preview-removal', { runId: 'over' })).consent,
    })
    expect(await host.refusal('session.open', { runId: 'over', kind: 'shell' })).toBe('wrong-phase')
    expect(await host.refusal('session.open', { runId: 'none', kind: 'shell' })).toBe('not-found')
    await running('work')
    expect(await host.refusal('session.open', { runId: 'work', kind: 'command' })).toBe('bad-input')
    expect(await host.refusal('session.open', { runId: 'work', kind: 'agent', agent: 'shell' })).toBe('bad-input')
    expect(await host.refusal('session.open', { runId: 'work', kind: 'agent', agent: 'cursor' })).toBe(
      'agent-not-found',
    )
    expect(sides('work')).toEqual([])
    const nowhere = look('work', 'work.side-9')
    await host.until('the refusal', () => nowhere.text() === '[not-found]')
  })
})

describe('ending', () => {
  it('closes one with all that it started, and leaves the agent and the others alone', async () => {
    await running('work')
    await open('work', { kind: 'command', commandLine: 'sleep 703 & sleep 704' })
    await open('work')
    await host.until('its processes', () => pidsOf(/^sleep 70[34]/).length === 2)
    await host.call('session.close', { runId: 'work', number: 1 })
    expect(pidsOf(/^sleep 70[34]/)).toEqual([])
    expect(side('work', 1)).toMatchObject({ closed: true, endedAt: expect.any(Number) })
    expect(side('work', 2)).toMatchObject({ closed: false, endedAt: null })
    expect(host.run('work').phase).toBe('running')
    await host.call('session.close', { runId: 'work', number: 2 })
    // An idle shell does not end by TERM: it was told that its terminal closes.
    expect(side('work', 2).exit?.signal).not.toBe('SIGKILL')
  })

  it('is done by a stop of the run, which leaves nothing of it alive', async () => {
    await running('work')
    await open('work')
    await open('work', { kind: 'command', commandLine: 'sleep 705' })
    const pids = sides('work').map(({ pid }) => pid!)
    await host.call('run.stop', { runId: 'work' })
    expect(pids.filter(isRunning)).toEqual([])
    expect(sides('work').map(({ endedAt }) => endedAt === null)).toEqual([false, false])
    expect(host.run('work')).toMatchObject({ phase: 'stopped', attempts: [{ number: 1 }] })
  })

  it('is done by a stop of a settled run too, and a resume spares them', async () => {
    await host.start(repositoryId, 'true', { id: 'over' })
    await host.untilPhase('over', 'exited')
    await open('over', { kind: 'command', commandLine: 'sleep 706' })
    await host.call('run.resume', { runId: 'over' })
    await host.until('attempt 2 to end', () => host.run('over').attempts[1]?.endedAt)
    expect(isRunning(side('over', 1).pid!)).toBe(true)
    await host.call('run.stop', { runId: 'over' })
    expect(isRunning(side('over', 1).pid!)).toBe(false)
    expect(side('over', 1).endedAt).not.toBe(null)
    expect(host.run('over').phase).toBe('exited')
  })

  it('is named by a removal, which ends them first', async () => {
    await running('work')
    await open('work', { kind: 'command', commandLine: 'sleep 707', title: 'Dev server' })
    const preview = await host.call('run.preview-removal', { runId: 'work' })
    expect(preview.facts).toContainEqual(
      expect.objectContaining({ kind: 'processes', count: 1, names: ['Dev server (session 1)'], onlyHere: false }),
    )
    const { pid } = side('work', 1)
    await host.call('run.remove', { runId: 'work', consent: preview.consent })
    expect(isRunning(pid!)).toBe(false)
    expect(host.run('work').phase).toBe('removed')
    expect(side('work', 1).endedAt).not.toBe(null)
  })

  it('asks before a removal ends one more agent', async () => {
    await host.start(repositoryId, 'true', { id: 'over' })
    await host.untilPhase('over', 'exited')
    expect((await host.call('run.preview-removal', { runId: 'over' })).safe).toBe(true)
    await open('over', { kind: 'agent', agent: 'demo' })
    expect(await host.refusal('run.remove', { runId: 'over' })).toBe('consent-needed')
    const { facts, consent } = await host.call('run.preview-removal', { runId: 'over' })
    expect(facts.filter((fact) => fact.onlyHere && fact.count).map((fact) => fact.text)).toContain(
      '1 more agent is open beside the agent; closed first',
    )
    await host.call('run.remove', { runId: 'over', consent })
    expect(side('over', 1).endedAt).not.toBe(null)
  })
})

describe('after a crash', () => {
  it('a restarted host is attached to them again; one that ended meanwhile is closed with its exit', async () => {
    const { worktree } = await running('work')
    await open('work', { kind: 'command', commandLine: 'while :; do echo "tick $((n++))"; sleep 0.2; done' })
    await open('work', { kind: 'command', commandLine: 'until [ -e go ]; do sleep 0.05; done; echo over; exit 4' })
    const { pid } = side('work', 1)
    await host.kill()
    const second = side('work', 2).pid!
    readFileSync(join(worktree!, 'README.md'))
    repo.gitIn(worktree!, 'config', '--file', 'go', 'a.b', 'c')
    await expect.poll(() => isRunning(second)).toBe(false)
    await host.restart()
    expect(side('work', 1)).toMatchObject({ pid, endedAt: null })
    expect(await ended('work', 2)).toMatchObject({ exit: { code: 4, signal: null } })
    expect(await lastRecovery(host)).toContain('1 session beside run work')
    const view = look('work', 'work.side-1')
    await host.until('it to go on', () => view.text().split('tick').length > 4)
    expect((await host.call('run.logs', { runId: 'work', side: 2 })).data).toContain('over')
    // Recovered twice is recovered once.
    await host.kill()
    await host.restart()
    expect(sides('work').map(({ endedAt }) => endedAt === null)).toEqual([true, false])
    await host.call('run.stop', { runId: 'work' })
    expect(isRunning(pid!)).toBe(false)
  })

  it('a lost keeper ends them all, and they can be opened anew', async () => {
    await running('work')
    await open('work')
    process.kill(await host.keeperPid(), 'SIGKILL')
    await host.untilPhase('work', 'interrupted')
    expect(await ended('work', 1)).toMatchObject({ exit: null })
    await open('work', { kind: 'command', commandLine: 'sleep 708' })
    expect(side('work', 2)).toMatchObject({ number: 2, sessionId: 'work.side-2', endedAt: null })
    // What outlived the lost attempt is ended by a resume; what was opened since is not.
    await host.call('run.resume', { runId: 'work' })
    expect(isRunning(side('work', 2).pid!)).toBe(true)
  })
})
