import { describe, expect, it } from 'vitest'
import { attentionOf } from '../../app/model/attention.ts'
import { eventText } from '../../renderer/journal/journal-words.ts'
import { branchParts, proofOf, shortPath, sizeText } from '../../renderer/parts/words.ts'
import { scene } from '../harness/fixture-scene.ts'

const now = Date.now()
const { state, live } = scene({ runs: 9, awkward: true })
const proof = (id: string) => proofOf(state.runs[id]!, live[id], attentionOf(state.runs[id]!, live[id], now), now)

describe('words of a tile', () => {
  it('says how a state is known and how old that is', () => {
    expect(proof('paginate-transactions')).toMatch(/^event, \d+ s$/)
    expect(proof('rotate-signing-keys')).toMatch(/^hook, 4 m 1\d s$/)
    expect(proof('settings-dark-mode')).toMatch(/^silent 6 m 2\d s$/)
    expect(proof('node-24')).toBe('exit 1, 3 m ago')
    expect(proof('flaky-upload-test')).toBe('2nd in line')
  })

  it('says unknown, with the reason, and never zero', () => {
    expect(sizeText(live['hostile-title'])).toEqual({ text: 'size unknown', title: 'du ended with 1' })
    expect(sizeText(undefined)).toBeNull()
  })

  it('is short where there is little room', () => {
    expect(branchParts('agent/a/b')).toEqual(['agent/a/', 'b'])
    expect(shortPath('/home/you/.local/share/coppice/worktrees/x', '/home/you/.local/share/coppice')).toBe('~/…/x')
    expect(shortPath('/tmp/a/b/c', undefined)).toBe('/tmp/…/c')
  })

  it('shows hostile text of the journal as one harmless line', () => {
    const { text } = eventText({ type: 'run-renamed', runId: 'x', title: 'a\u001b[31m\nb\u202e<b>' })
    expect(text).toBe('Renamed to a; b<b>')
  })

  it('shows an end in the journal as the tile does: by its outcome, not by "it exited"', () => {
    const ended = (code: number, result?: 'succeeded' | 'denied' | 'limit') =>
      eventText({
        ...{ type: 'attempt-ended', runId: 'x', number: 1, phase: 'exited', exit: { code, signal: null } },
        outcome: result ? { result, reason: 'why' } : null,
      }).state
    expect([ended(0), ended(1), ended(0, 'denied'), ended(0, 'limit'), ended(1, 'succeeded')]).toEqual([
      ...['finished', 'failed', 'failed', 'question', 'finished'],
    ])
  })
})
