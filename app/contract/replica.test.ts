import { describe, expect, it } from 'vitest'
import type { Event, JournalRecord } from '../model/event.ts'
import { emptyLive } from '../model/run.ts'
import { emptyState, type State } from '../model/state.ts'
import type { Subscriber } from './client.ts'
import { createReplica, foldRecord } from './replica.ts'

const repository = (id: string): Event => ({
  type: 'repository-added',
  repository: { id, path: `/${id}`, commonDir: `/${id}/.git`, addedAt: 1, remotes: [] } as never,
})
const record = (seq: number, event: Event = repository(`r${seq}`)): JournalRecord => ({
  ...{ seq, at: 1, mono: 1, actor: { user: 'you', via: 'host' }, commandId: null, inputHash: null, event },
  ...{ previousHash: '', hash: '' },
})
const at = (seq: number): State => ({ ...emptyState, seq })
const live = { ...emptyLive, sizeBytes: { value: 5, observedAt: 1 } } as never

/** The part of a client that a replica needs: each question is kept, to be answered by hand. */
function host() {
  const asked: Subscriber[] = []
  return { asked, subscribe: (subscriber: Subscriber) => void asked.push(subscriber) }
}

describe('folding a record', () => {
  it('takes the next one', () => {
    const next = foldRecord(at(100), record(101))
    expect(next).toMatchObject({ seq: 101, repositories: { r101: { path: '/r101' } } })
  })

  it('leaves all else as it was, so that only what changed is drawn', () => {
    const before = at(100)
    const next = foldRecord(before, record(101))
    expect(next !== 'gap' && next.runs).toBe(before.runs)
  })

  it('ignores what it has folded already', () => {
    const state = at(100)
    expect(foldRecord(state, record(100))).toBe(state)
  })

  it('sees a gap', () => expect(foldRecord(at(100), record(102))).toBe('gap'))
})

describe('a replica', () => {
  it('is ready with its first snapshot, and says so once', () => {
    const replica = createReplica()
    const from = host()
    let arrived = 0
    replica.follow(from, () => arrived++)
    expect(replica.facts).toEqual({ ready: false, state: emptyState, live: {} })
    from.asked[0]?.onSnapshot(at(3), { a: live })
    from.asked[0]?.onSnapshot(at(4), {})
    expect(replica.facts).toEqual({ ready: true, state: at(4), live: {} })
    expect(arrived).toBe(1)
  })

  it('asks for the whole state where an event is missing, once, and goes on from there', () => {
    const replica = createReplica()
    const from = host()
    let arrived = 0
    replica.follow(from, () => arrived++)
    from.asked[0]?.onSnapshot(at(3), {})
    from.asked[0]?.onEvent(record(5))
    from.asked[0]?.onEvent(record(6))
    expect(from.asked).toHaveLength(2)
    expect(replica.facts.state.seq).toBe(3)
    from.asked[1]?.onSnapshot(at(6), {})
    from.asked[1]?.onEvent(record(7))
    expect(replica.facts.state).toMatchObject({ seq: 7, repositories: { r7: {} } })
    expect({ asked: from.asked.length, arrived }).toEqual({ asked: 2, arrived: 1 })
  })

  it('keeps the facts of the moment beside, and forgets those that are over', () => {
    const replica = createReplica()
    const from = host()
    replica.follow(from)
    from.asked[0]?.onSnapshot(at(3), {})
    const { state } = replica.facts
    from.asked[0]?.onLive('a', live)
    from.asked[0]?.onLive('b', live)
    from.asked[0]?.onLive('a', null)
    expect(replica.facts.live).toEqual({ b: live })
    expect(replica.facts.state).toBe(state)
  })

  it('keeps what it knew while it follows another client, and hears no more of the one before', () => {
    const replica = createReplica()
    const [old, next] = [host(), host()]
    replica.follow(old)
    old.asked[0]?.onSnapshot(at(3), {})
    replica.follow(next)
    expect(replica.facts).toMatchObject({ ready: true, state: { seq: 3 } })
    old.asked[0]?.onEvent(record(4))
    old.asked[0]?.onLive('a', live)
    old.asked[0]?.onSnapshot(at(9), {})
    expect(replica.facts).toMatchObject({ state: { seq: 3 }, live: {} })
    // A host whose journal was put back to an older one is believed.
    next.asked[0]?.onSnapshot(at(2), {})
    expect(replica.facts.state.seq).toBe(2)
  })

  it('tells of each change and of nothing else', () => {
    const replica = createReplica()
    const from = host()
    let changes = 0
    const forget = replica.onChange(() => changes++)
    replica.follow(from)
    from.asked[0]?.onSnapshot(at(3), {})
    from.asked[0]?.onEvent(record(3))
    from.asked[0]?.onEvent(record(4))
    from.asked[0]?.onLive('a', live)
    expect(changes).toBe(3)
    forget()
    from.asked[0]?.onEvent(record(5))
    expect(changes).toBe(3)
  })

  it('is one for each host: two of them share nothing', () => {
    const [here, there] = [createReplica(), createReplica()]
    const [a, b] = [host(), host()]
    here.follow(a)
    there.follow(b)
    a.asked[0]?.onSnapshot(at(3), { same: live })
    b.asked[0]?.onSnapshot(at(8), {})
    a.asked[0]?.onEvent(record(4))
    expect([here.facts.state.seq, there.facts.state.seq]).toEqual([4, 8])
    expect([here.facts.live, there.facts.live]).toEqual([{ same: live }, {}])
  })
})
