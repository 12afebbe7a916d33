import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, connect } from '../../app/contract/client.ts'
import { createReplica } from '../../app/contract/replica.ts'
import { stateWord } from '../../app/contract/sentences.ts'
import { attentionOf } from '../../app/model/attention.ts'
import { emptyLive, Phase, type Run } from '../../app/model/run.ts'
import { ActivityState, Outcome } from '../../app/model/session.ts'
import { connectSocket } from '../../app/socket/connect.ts'
import { countsOf, needing } from '../../renderer/client/selectors.ts'
import { eventText } from '../../renderer/journal/journal-words.ts'
import { looks, proofOf } from '../../renderer/parts/words.ts'
import { scene } from '../harness/fixture-scene.ts'
import { sleep } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { makeCli, type TestCli } from './harness.ts'

const now = 1_000_000
const base: Run = {
  ...Object.values(scene({ runs: 1 }).state.runs)[0]!,
  ...{ agent: 'claude', failure: null, exit: null, outcome: null, reviewed: false, worktreePresence: 'present' },
  ...{ delivery: { state: 'local' }, settledAt: null, trash: null },
}
const none = '-'
type Result = Outcome['result'] | typeof none

/** The word for a phase, an outcome and an activity: what the screens and the CLI must say, written down once more by hand. */
function wanted(phase: Phase, result: Result, activity: ActivityState | typeof none): string {
  switch (phase) {
    case 'queued':
      return 'Queued'
    case 'preparing':
    case 'starting':
      return 'Preparing'
    case 'running':
      return { working: 'Working', waiting: 'Question', idle: 'Finished', unknown: 'Running', [none]: 'Running' }[
        activity
      ]
    case 'exited':
      return {
        ...{ succeeded: 'Finished', unknown: 'Finished', failed: 'Failed', denied: 'Failed', limit: 'Limit reached' },
        ...{ interrupted: 'Interrupted', [none]: 'Finished' },
      }[result]
    case 'purged':
      return 'Removed'
    default:
      return phase.charAt(0).toUpperCase() + phase.slice(1)
  }
}

const results: Result[] = [none, ...Outcome.shape.result.options]
const activities = [none, ...ActivityState.options] as const
const all = Phase.options.flatMap((phase) =>
  results.flatMap((result) => activities.map((activity) => [phase, result, activity] as const)),
)

describe('the word of a state', () => {
  it.each(all)('%s, outcome %s, activity %s', (phase, result, state) => {
    const run: Run = {
      ...base,
      phase,
      exit: phase === 'exited' ? { code: 0, signal: null } : null,
      outcome: result === none ? null : { result, reason: 'why' },
    }
    const live = {
      ...emptyLive,
      activity: state === none ? null : ({ state, source: 'hook', since: now, provenAt: now } as const),
    }
    const word = wanted(phase, result, state)
    expect(stateWord(run, live, now)).toBe(word)
    // What the page counts and draws goes by the same.
    const { look } = attentionOf(run, live, now)
    expect(proofOf(run, live, attentionOf(run, live, now), now)).not.toMatch(/undefined|NaN/)
    expect(looks[look].state === 'working').toBe(word === 'Working')
  })

  it('calls what a signal ended, with nobody to judge it, interrupted', () => {
    const killed = { ...base, phase: 'exited' as const, exit: { code: null, signal: 'SIGKILL' } }
    expect(stateWord(killed, undefined, now)).toBe('Interrupted')
    const ended = { type: 'attempt-ended', runId: base.id, number: 1, phase: 'exited', outcome: null } as const
    expect(eventText({ ...ended, exit: { code: null, signal: 'SIGKILL' } }).icon).toBe('interrupted')
  })
})

describe('a real run, in the CLI and in the model of the page', () => {
  let cli: TestCli
  let repo: TestRepo
  let client: Client
  const replica = createReplica()
  beforeAll(async () => {
    cli = makeCli()
    repo = makeRepo({})
    await cli.json('run', '--repo', repo.path, '--id', 'quiet', '--command', 'echo hi; sleep 300', '--wait', 'running')
    const { socket } = await cli.json<{ socket: string }>('host', 'start')
    client = await connect(await connectSocket(socket), { via: 'cli', version: 'test' })
    replica.follow(client)
  })
  afterAll(async () => {
    client?.close()
    await cli?.close()
    repo?.close()
  })

  const inTable = async () => /^quiet +(\S+)/m.exec((await cli.run('list')).stdout)?.[1]
  const onPage = () => {
    const run = replica.facts.state.runs.quiet
    return run && stateWord(run, replica.facts.live.quiet, Date.now())
  }
  const until = async (what: string, test: () => boolean) => {
    for (const deadline = Date.now() + 60_000; !test(); await sleep(50)) {
      if (Date.now() > deadline) throw new Error(`waited for ${what}, it is ${onPage()}`)
    }
  }

  it('is Running once nothing proves that it works, and Interrupted when somebody kills it', async () => {
    await until('its output to prove nothing any more', () => replica.facts.live.quiet?.activity?.state === 'unknown')
    expect(onPage()).toBe('Running')
    expect(await inTable()).toBe('Running')
    expect(countsOf(replica.facts.state, replica.facts.live, Date.now())).toMatchObject({ needs: 0, working: 1 })

    process.kill(replica.facts.state.runs.quiet!.attempts[0]!.pid!, 'SIGKILL')
    await until('it to end', () => replica.facts.state.runs.quiet?.phase === 'exited')
    expect(onPage()).toBe('Interrupted')
    expect(await inTable()).toBe('Interrupted')
    expect(needing(replica.facts.state, replica.facts.live, Date.now())).toMatchObject([
      { attention: { look: 'interrupted' } },
    ])
    expect(await cli.json('show', 'quiet')).toMatchObject({ phase: 'exited', attention: 'interrupted' })
  })
})
