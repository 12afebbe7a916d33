import { beforeEach, describe, expect, it } from 'vitest'
import { emptyLive, type Run } from '../../app/model/run.ts'
import { emptyState } from '../../app/model/state.ts'
import { actions } from '../../renderer/actions/actions.ts'
import { actionFor, chordAction, chordKey, keyCap, keyName } from '../../renderer/actions/keymap.ts'
import { useReplica } from '../../renderer/client/replica.ts'
import { useUi } from '../../renderer/window/ui.ts'
import { scene } from '../harness/fixture-scene.ts'

const press = (
  key: string,
  more: Partial<{ code: string; ctrlKey: boolean; shiftKey: boolean; altKey: boolean; metaKey: boolean }> = {},
) => ({
  key,
  ctrlKey: false,
  shiftKey: false,
  altKey: false,
  metaKey: false,
  ...more,
})
const chord = (key: string, code?: string) => press(key, { ctrlKey: true, shiftKey: true, ...(code ? { code } : {}) })

beforeEach(() => {
  const { state, live } = scene({ runs: 9 })
  useReplica.setState({ state, live, link: 'connected', ready: true })
  useUi.setState({ focused: 'paginate-transactions', dialog: null, typing: null })
})

describe('names of keys', () => {
  it('writes letters, signs and named keys as the table does', () => {
    expect(keyName(press('n'), false)).toBe('n')
    expect(keyName(press('?', { shiftKey: true }), false)).toBe('?')
    expect(keyName(press('J', { shiftKey: true }), false)).toBe('Shift+J')
    expect(keyName(press('Delete'), false)).toBe('Delete')
    expect(keyName(press('k', { ctrlKey: true }), false)).toBe('Mod+k')
    expect(keyName(press('k', { metaKey: true }), true)).toBe('Mod+k')
    expect(keyName(press('n', { altKey: true }), false)).toBeNull()
    expect(keyName(press('n', { metaKey: true }), false)).toBeNull()
  })

  it('reads a chord by its place on the keyboard where Shift changes the sign', () => {
    expect(chordKey(chord('>', 'Period'), false)).toBe('.')
    expect(chordKey(chord('G', 'KeyG'), false)).toBe('g')
    expect(chordKey(press('g', { metaKey: true, shiftKey: true, code: 'KeyG' }), true)).toBe('g')
    expect(chordKey(press('g', { ctrlKey: true, code: 'KeyG' }), false)).toBeNull()
  })

  it('shows them on caps', () =>
    expect(['n', 'Shift+J', 'Mod+k', 'Delete', 'ArrowUp'].map(keyCap)).toEqual(['N', 'Shift J', 'Ctrl K', 'Del', '↑']))
})

describe('keys are never stolen from a terminal', () => {
  it.each(actions.flatMap((action) => action.keys))('%s goes to the program', (key) => {
    const plain = key.replace(/^(Mod|Shift)\+/, '')
    expect(
      actionFor(press(plain, { ctrlKey: key.startsWith('Mod'), shiftKey: key.startsWith('Shift') }), 'terminal'),
    ).toBeNull()
  })

  it('hears Ctrl+Shift and the same key', () => {
    expect(actionFor(chord('G', 'KeyG'), 'terminal')?.id).toBe('grid')
    expect(actionFor(chord('>', 'Period'), 'terminal')?.id).toBe('next-waiting')
    expect(actionFor(chord('K', 'KeyK'), 'terminal')?.id).toBe('palette')
  })

  it('leaves copy and paste alone', () => {
    expect(chordAction(chord('C', 'KeyC'))).toBeNull()
    expect(chordAction(chord('V', 'KeyV'))).toBeNull()
  })

  it('leaves a field its keys, but for the palette', () => {
    expect(actionFor(press('n'), 'field')).toBeNull()
    expect(actionFor(press('k', { ctrlKey: true }), 'field')?.id).toBe('palette')
  })

  it('does nothing while a dialog is open', () => {
    useUi.setState({ dialog: { kind: 'keys' } })
    expect(actionFor(press('n'), 'grid')).toBeNull()
    expect(actionFor(chord('S', 'KeyS'), 'grid')).toBeNull()
  })
})

describe('the table of actions', () => {
  it('names each action once', () => expect(new Set(actions.map((action) => action.id)).size).toBe(actions.length))

  it('gives every action a key', () => {
    expect(actions.filter((action) => action.keys.length === 0)).toEqual([])
  })

  it('never has two possible actions on one key, for any phase of a run', () => {
    const sample = useReplica.getState().state.runs['paginate-transactions']!
    const phases: Run['phase'][] = [
      'queued',
      'preparing',
      'starting',
      'running',
      'stopping',
      'exited',
      'stopped',
      'failed',
      'cancelled',
      'interrupted',
    ]
    for (const phase of phases) {
      for (const waitsFor of [[], [{ approvalId: 'seed', since: 1 }]]) {
        const run: Run = { ...sample, phase, settledAt: 1, waitsFor }
        const moment = { run, live: emptyLive, ui: useUi.getState(), connected: true }
        const keys = actions.filter((action) => action.when(moment)).flatMap((action) => action.keys)
        expect(
          keys.filter((key, index) => keys.indexOf(key) !== index),
          phase,
        ).toEqual([])
      }
    }
  })

  it('acts in the trash on what lies there, and on no run that cannot be seen', () => {
    const sample = useReplica.getState().state.runs['paginate-transactions']!
    const trash = { directory: '/t', removedAt: 1, sizeBytes: 1, rebuildableBytes: 0, rebuildableAt: null }
    const removed: Run = {
      ...sample,
      phase: 'removed',
      trash: { ...trash, rebuildableDropped: [], purgeAt: 2, commitsOnlyHere: 0 },
    }
    const keysOf = (run: Run, view: 'grid' | 'trash' | 'journal') => {
      const moment = { run, live: emptyLive, ui: { ...useUi.getState(), view }, connected: true }
      return actions
        .filter((action) => action.when(moment))
        .flatMap((action) => action.keys.map((key) => [key, action.id] as const))
    }
    const inTrash = keysOf(removed, 'trash')
    expect(inTrash.filter(([key], index) => inTrash.findIndex(([other]) => other === key) !== index)).toEqual([])
    expect(Object.fromEntries(inTrash)).toMatchObject({ Delete: 'free-now', Enter: 'restore', r: 'keep-in-trash' })
    expect(keysOf(removed, 'grid').map(([, id]) => id)).not.toContain('free-now')
    for (const view of ['trash', 'journal'] as const) {
      const ids = keysOf({ ...sample, phase: 'exited' }, view).map(([, id]) => id)
      for (const id of ['remove', 'stop', 'publish', 'resume']) expect(ids, view).not.toContain(id)
    }
  })

  it('holds an approval back while its question has only just appeared', () => {
    const sample = useReplica.getState().state.runs['paginate-transactions']!
    const asking = (since: number): Run => ({
      ...sample,
      phase: 'queued',
      waitsFor: [{ approvalId: 'seed', since }],
    })
    const show = (run: Run) =>
      useReplica.setState(({ state }) => ({ state: { ...state, runs: { ...state.runs, [run.id]: run } } }))
    show(asking(Date.now()))
    expect(actionFor(press('a'), 'grid')).toBeNull()
    show(asking(Date.now() - 600))
    expect(actionFor(press('a'), 'grid')?.id).toBe('allow')
    expect(actionFor(press('d'), 'grid')?.id).toBe('deny')
  })

  it('asks for no run where there is none', () => {
    useReplica.setState({ state: emptyState, live: {} })
    useUi.setState({ focused: null })
    expect(actionFor(press('s'), 'grid')).toBeNull()
    expect(actionFor(press('n'), 'grid')).toBeNull()
    expect(actionFor(press('o'), 'grid')?.id).toBe('add-repository')
  })
})
