import { describe, expect, it } from 'vitest'
import type { JournalRecord } from '../../app/model/event.ts'
import { foldRecord } from '../../renderer/client/replica.ts'
import { scene } from '../harness/fixture-scene.ts'

const { state } = scene({ runs: 2 })
const record = (seq: number, title: string): JournalRecord => ({
  seq,
  at: 1,
  mono: 1,
  actor: { user: 'you', via: 'host' },
  commandId: null,
  inputHash: null,
  event: { type: 'run-renamed', runId: 'paginate-transactions', title },
  previousHash: '',
  hash: '',
})

describe('the replica', () => {
  it('folds the next record', () => {
    const next = foldRecord(state, record(101, 'New'))
    expect(next).toMatchObject({ seq: 101, runs: { 'paginate-transactions': { title: 'New' } } })
  })

  it('leaves every other run as it was, so that only one tile is drawn', () => {
    const next = foldRecord(state, record(101, 'New'))
    expect(next).not.toBe('gap')
    if (next !== 'gap') expect(next.runs['retry-failed-webhooks']).toBe(state.runs['retry-failed-webhooks'])
  })

  it('ignores what it has folded already', () => expect(foldRecord(state, record(100, 'Old'))).toBe(state))
  it('sees a gap', () => expect(foldRecord(state, record(102, 'Later'))).toBe('gap'))
})
