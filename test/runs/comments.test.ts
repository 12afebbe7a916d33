import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

// Comments on what a run changed, with a real worktree and a real terminal: they are kept, found again, and reach the agent once.
let host: TestHost
let repo: TestRepo
let repositoryId: string
beforeEach(async () => {
  host = await startHost()
  repo = makeRepo({ files: { 'src/a.ts': 'one\ntwo\nthree\n' } })
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host.close()
  repo.close()
})

const ended = async (line = 'true') => {
  const id = await host.start(repositoryId, line)
  await host.untilPhase(id, 'settled')
  return id
}
const standings = async (runId: string) =>
  (await host.call('comment.list', { runId })).comments.map(({ standing }) => standing)

describe('a comment', () => {
  it('quotes its lines, and is found again where they went', async () => {
    const runId = await ended()
    const file = join(host.run(runId).worktree!, 'src/a.ts')
    const { commentId } = await host.call('comment.add', { runId, path: 'src/a.ts', start: 2, text: ' Why two? ' })
    expect(host.run(runId).comments).toMatchObject([
      {
        id: commentId,
        path: 'src/a.ts',
        side: 'new',
        start: 2,
        end: 2,
        quote: ['two'],
        text: 'Why two?',
        sentAt: null,
      },
    ])
    expect(await standings(runId)).toEqual([{ state: 'there', line: 2 }])
    writeFileSync(file, 'zero\none\ntwo\nthree\n')
    expect(await standings(runId)).toEqual([{ state: 'there', line: 3 }])
    writeFileSync(file, 'one\n2\nthree\n')
    expect(await standings(runId)).toEqual([{ state: 'changed' }])
    rmSync(file)
    expect(await standings(runId)).toEqual([{ state: 'gone' }])
    // A folder in its place, or a link that leads out, is not taken for "gone".
    mkdirSync(file)
    expect(await standings(runId)).toMatchObject([{ state: 'unknown' }])
    renameSync(join(host.run(runId).worktree!, 'src'), join(host.home, 'moved'))
    symlinkSync(join(host.home, 'moved'), join(host.run(runId).worktree!, 'src'))
    expect(await standings(runId)).toEqual([{ state: 'unknown', why: 'src/a.ts leads out of the worktree by a link' }])
  })

  it('is edited and dropped, and survives a restart of the host', async () => {
    const runId = await ended()
    const add = (start: number, text: string) => host.call('comment.add', { runId, path: 'src/a.ts', start, text })
    const one = await add(1, 'One')
    const two = await add(2, 'Two')
    await host.call('comment.edit', { runId, commentId: one.commentId, text: 'Uno' })
    await host.call('comment.drop', { runId, commentId: two.commentId })
    await host.kill()
    await host.restart()
    expect(host.run(runId).comments?.map(({ text }) => text)).toEqual(['Uno'])
    expect(await host.refusal('comment.drop', { runId, commentId: two.commentId })).toBe('not-found')
  })

  it.each([
    ['../outside', 1],
    ['/etc/passwd', 1],
    ['src/./a.ts', 1],
    ['src/a.ts', 4],
    ['src/none.ts', 1],
  ])('on %s:%s is refused, and nothing is written down', async (path, start) => {
    const runId = await ended()
    expect(await host.refusal('comment.add', { runId, path, start, text: 'x' })).toBe('bad-input')
    expect(await host.refusal('comment.add', { runId, path: 'src/a.ts', start: 2, end: 1, text: 'x' })).toBe(
      'bad-input',
    )
    expect(host.run(runId).comments ?? []).toEqual([])
  })
})

describe('sending comments', () => {
  it('gives them to a settled run as the prompt of its next attempt, once', async () => {
    const runId = await ended('cat "$COPPICE_PROMPT_FILE" > asked.txt 2>/dev/null; true')
    expect(await host.refusal('comment.send', { runId })).toBe('bad-input')
    await host.call('comment.add', { runId, path: 'src/a.ts', start: 1, end: 2, text: 'Rename these.' })
    await host.call('comment.add', { runId, path: 'gone.ts', start: 3, side: 'old', quote: ['x()'], text: 'Keep it.' })
    expect(await host.call('comment.send', { runId })).toEqual({ sent: 2, how: 'next-attempt' })
    const run = await host.until('a second attempt', () => {
      const now = host.run(runId)
      return now.attempts.length === 2 && now.settledAt !== null ? now : null
    })
    expect(readFileSync(join(run.worktree!, 'asked.txt'), 'utf8').trim()).toBe(
      'Please address these 2 review comments:\n\n1. src/a.ts:1-2\n> one\n> two\nRename these.\n\n2. gone.ts:3 (the deleted lines)\n> x()\nKeep it.',
    )
    expect(run.comments?.every(({ sentAt }) => sentAt !== null)).toBe(true)
    expect(await host.refusal('comment.send', { runId })).toBe('bad-input')
    expect(await host.refusal('comment.edit', { runId, commentId: run.comments![0]!.id, text: 'late' })).toBe(
      'bad-input',
    )
  })

  it('pastes them into a session that runs, and keeps them where none takes a message', async () => {
    const runId = await host.start(repositoryId, 'cat > heard.txt')
    await host.untilPhase(runId, 'running')
    await host.call('comment.add', { runId, path: 'src/a.ts', start: 3, text: 'Three?' })
    expect(await host.call('comment.send', { runId })).toEqual({ sent: 1, how: 'message' })
    const heard = join(host.run(runId).worktree!, 'heard.txt')
    await host.until('the message', () => readFileSync(heard, 'utf8').includes('Three?'))
    expect(readFileSync(heard, 'utf8')).toContain('src/a.ts:3\n> three\nThree?')

    const headless = await host.start(repositoryId, 'sleep 300', { mode: 'headless' })
    await host.untilPhase(headless, 'running')
    await host.call('comment.add', { runId: headless, path: 'src/a.ts', start: 1, text: 'Later.' })
    expect(await host.refusal('comment.send', { runId: headless })).toBe('not-running')
    expect(host.run(headless).comments?.[0]?.sentAt).toBeNull()
  })
})

describe('coppice comment', () => {
  it('writes, lists, sends and drops', async () => {
    const runId = await ended()
    const cli = (...words: string[]) => host.cli(['comment', runId, ...words])
    expect(cli().stdout).toContain('No comments.')
    expect(cli('src/a.ts', 'no line').code).toBe(2)
    expect(cli('src/a.ts:2').code).toBe(2)
    expect(cli('src/a.ts:9', 'too far')).toMatchObject({ code: 1 })
    const added = JSON.parse(cli('src/a.ts:2-3', 'Both', 'of', 'them', '--json').stdout) as { commentId: string }
    expect(cli().stdout).toBe(
      `${added.commentId}  src/a.ts:2-3  not sent, its lines are as they were\n    Both of them\n`,
    )
    expect(cli('--drop', added.commentId).stdout).toContain('Dropped')
    cli('src/a.ts:1', 'Again')
    expect(cli('--send').stdout).toContain('Sent 1 comment to the agent, as the prompt of its next attempt')
    expect(JSON.parse(cli('--json').stdout)).toMatchObject([{ text: 'Again', standing: { state: 'there', line: 1 } }])
  })
})
