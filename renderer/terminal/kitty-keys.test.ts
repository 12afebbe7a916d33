import { describe, expect, it } from 'vitest'
import { kittyKey } from './kitty-keys.ts'

const press = (key: string, held: { shift?: boolean; alt?: boolean; ctrl?: boolean; code?: string } = {}) =>
  kittyKey({
    key,
    code: held.code ?? '',
    shiftKey: held.shift === true,
    altKey: held.alt === true,
    ctrlKey: held.ctrl === true,
    metaKey: false,
  })

describe('keys under the kitty keyboard protocol', () => {
  it('tells modified Enter, Tab and Backspace apart', () => {
    expect(press('Enter', { shift: true })).toBe('\u001b[13;2u')
    expect(press('Enter', { ctrl: true })).toBe('\u001b[13;5u')
    expect(press('Tab', { shift: true })).toBe('\u001b[9;2u')
    expect(press('Backspace', { alt: true })).toBe('\u001b[127;3u')
  })

  it('sends Esc as itself and no other plain key', () => {
    expect(press('Escape')).toBe('\u001b[27u')
    for (const key of ['Enter', 'Tab', 'Backspace', 'a', 'A', 'é', 'ArrowUp', 'F5', 'Shift'])
      expect(press(key)).toBeNull()
    expect(press('A', { shift: true })).toBeNull()
  })

  it('names the key and not the sign', () => {
    expect(press('c', { ctrl: true, code: 'KeyC' })).toBe('\u001b[99;5u')
    expect(press('C', { ctrl: true, shift: true, code: 'KeyC' })).toBe('\u001b[99;6u')
    expect(press('å', { alt: true, code: 'KeyA' })).toBe('\u001b[97;3u')
    expect(press('ArrowUp', { ctrl: true })).toBeNull()
  })
})
