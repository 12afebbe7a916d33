import { userInfo } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { commandNames, commands, keepsItsReply } from '../../app/contract/commands/index.ts'
import { createDispatch, type Dispatch, type Request } from '../../app/host/dispatch.ts'
import type { Handlers } from '../../app/host/room.ts'
import { fail } from '../../app/model/failure.ts'
import { canonicalJson, sha256 } from '../../app/store/canonical.ts'
import { openJournal } from '../../app/store/journal.ts'
import { openIn, scratch } from '../store/sample.ts'
import { listLog } from './fake-room.ts'

const { make } = scratch()
const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** What each verb takes at the least; a verb that is not here takes {}. */
const inputs: Partial<Record<(typeof commandNames)[number], object>> = {
  'host.stop': { agents: 'keep' },
  'settings.change': { change: { maxRunning: 3 } },
  'repository.add': { path: '/tmp/shop' },
  'repository.trust': { repositoryId: 'shop', trusted: true },
  'run.create': { repositoryId: 'shop', agent: 'shell' },
  'approval.decide': { approvalId: 'a1', hash: 'abc', decision: 'allow' },
  'run.send': { runId: 'fix', text: 'go on' },
  'run.rename': { runId: 'fix', title: 'Fix' },
  'session.open': { runId: 'fix', kind: 'shell' },
  'session.close': { runId: 'fix', number: 1 },
  'run.mark-reviewed': { runId: 'fix', reviewed: true },
  'run.commit': { runId: 'fix', message: 'Fix' },
  'comment.add': { runId: 'fix', path: 'a.ts', start: 1, text: 'Why?' },
  'comment.edit': { runId: 'fix', commentId: 'c-1', text: 'Why?' },
  'comment.drop': { runId: 'fix', commentId: 'c-1' },
  'review.patch': { runId: 'fix', paths: ['a.txt'] },
  'review.image': { runId: 'fix', path: 'a.png', side: 'new' },
  'review.mark': { runId: 'fix', marks: 'all', reviewed: true },
  'review.seen': { runId: 'fix', signature: '0' },
  'prompt.read': { promptId: '0'.repeat(32) },
  'agent.preview': { agent: 'shell' },
  'journal.export': { format: 'csv' },
}

/** An input that the verb takes. */
function inputOf(name: (typeof commandNames)[number]): object {
  const tries = [inputs[name] ?? {}, { runId: 'fix' }, { repositoryId: 'shop' }]
  const taken = tries.find((input) => commands[name].input.safeParse(input).success)
  if (!taken) throw new Error(`this test knows no input for ${name}`)
  return taken
}

function start(answer: unknown) {
  const journal = openJournal(openIn(make()))
  closers.push(() => journal.close())
  const calls: { name: string; signal: boolean }[] = []
  const log: string[] = []
  const handlers = Object.fromEntries(
    commandNames.map((name) => [
      name,
      async (_: unknown, call: { signal?: AbortSignal }) => {
        calls.push({ name, signal: call.signal !== undefined })
        if (answer instanceof Error) throw answer
        return answer
      },
    ]),
  ) as unknown as Handlers
  const dispatch: Dispatch = createDispatch({ journal, handlers, user: userInfo().username, log: listLog(log) })
  const ask = (name: string, input: object, commandId = `command-of-${name}`) =>
    dispatch({
      name,
      commandId,
      input,
      client: { id: 1, via: 'cli', shows: false, version: '1', connectedAt: 1 },
      signal: new AbortController().signal,
    } satisfies Request)
  return { journal, calls, log, ask }
}

describe('the reply to', () => {
  it.each(commandNames)('%s is written down only where it may be', async (name) => {
    const host = start({ answer: 'secret' })
    const first = await host.ask(name, inputOf(name))
    expect(first).toEqual({ value: { answer: 'secret' } })
    expect(await host.ask(name, inputOf(name))).toEqual(first)
    const kept = keepsItsReply(name)
    expect(host.journal.reply(`command-of-${name}`)?.reply ?? null).toEqual(kept ? first : null)
    expect(host.calls).toHaveLength(kept ? 1 : 2)
    // Only what reads may end with its client.
    expect(host.calls[0]!.signal).toBe('reads' in commands[name])
  })

  it('a verb that forgot to say that it reads is handed over, but its text is not written down', async () => {
    const text = 'x'.repeat(2 * 1024 * 1024)
    const host = start({ text })
    expect(await host.ask('run.measure', { runId: 'fix' })).toEqual({ value: { text } })
    const kept = host.journal.reply('command-of-run.measure')!
    expect(kept.reply).toMatchObject({ failure: { code: 'internal' } })
    expect(JSON.stringify(kept).length).toBeLessThan(1000)
    expect(host.log.join()).toContain('run.measure answered with')
    // And it is still not done twice.
    expect(await host.ask('run.measure', { runId: 'fix' })).toEqual(kept.reply)
    expect(host.calls).toHaveLength(1)
  })

  it('a command of an older Coppice, under a name that is gone, is still read and still belongs to that command', async () => {
    const host = start({})
    const oldHash = sha256(canonicalJson({ input: { runId: 'fix', reviewed: true }, name: 'run.review' }))
    host.journal.saveReply('command-of-old', oldHash, { value: {} })
    expect(host.journal.reply('command-of-old')).toEqual({ inputHash: oldHash, reply: { value: {} } })
    const other = await host.ask('run.mark-reviewed', { runId: 'fix', reviewed: true }, 'command-of-old')
    expect(other).toMatchObject({ failure: { code: 'bad-input' } })
    expect(host.calls).toEqual([])
  })

  it('a failed command is the failure, once and for all', async () => {
    const host = start(fail('no-remote', { remote: 'origin' }))
    const first = await host.ask('run.push', { runId: 'fix' })
    expect(first).toMatchObject({ failure: { code: 'no-remote' } })
    expect(await host.ask('run.push', { runId: 'fix' })).toEqual(first)
    expect(host.calls).toHaveLength(1)
  })
})
