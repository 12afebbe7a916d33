import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { oneLine, pasteBytes, sanitisePaste, stripControls } from './sanitise.ts'

const decoder = new TextDecoder()
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/
/** Any text, rich in what matters here. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 10 }),
      fc.constantFrom(
        '\u001b[201~',
        '\u009b201~',
        '\u001b[200~',
        '\u001b',
        '[201~',
        '20',
        '1~',
        '\r',
        '\n',
        '\r\n',
        '\t',
        '\u0003',
        '\u0085',
        '漢',
      ),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''))

describe('sanitisePaste', () => {
  it('takes out the markers and every control but TAB, and makes newlines Enter', () => {
    expect(sanitisePaste('a\u001b[201~b\u009b201~c\u001bd\u0003e\u009bf\tg')).toBe('abcdef\tg')
    expect(sanitisePaste('one\ntwo\r\nthree\rfour')).toBe('one\rtwo\rthree\rfour')
  })

  it('leaves no marker and no control in any text (seed 2601)', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const clean = sanitisePaste(text)
        expect(clean).not.toMatch(controls)
        expect(clean).not.toContain('\n')
        expect(sanitisePaste(clean)).toBe(clean)
      }),
      { seed: 2601, numRuns: 2000 },
    )
  })

  it('is byte-equal on text without controls (seed 2602)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        fc.pre(!controls.test(text) && !/[\r\n]/.test(text))
        expect(pasteBytes(text, { bracketed: false })).toEqual(new TextEncoder().encode(text))
      }),
      { seed: 2602, numRuns: 1000 },
    )
  })

  it('keeps a bracketed paste inside its brackets (seed 2603)', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const bytes = decoder.decode(pasteBytes(text, { bracketed: true }))
        expect(bytes.startsWith('\u001b[200~')).toBe(true)
        expect(bytes.indexOf('\u001b', 1)).toBe(bytes.length - 6)
        expect(bytes.endsWith('\u001b[201~')).toBe(true)
      }),
      { seed: 2603, numRuns: 2000 },
    )
  })

  it('takes a megabyte of nested markers in its stride', () => {
    const nested = '\u001b[20'.repeat(100_000) + '1~'.repeat(100_000)
    expect(sanitisePaste(nested)).not.toMatch(controls)
    const plain = 'x'.repeat(1_000_000)
    expect(sanitisePaste(plain)).toBe(plain)
  })
})

describe('stripControls', () => {
  it.each([
    ['a\u001b[31mred\u001b[m', 'ared'],
    ['a\u001b]0;title\u0007b', 'ab'],
    ['a\u001b]8;;https://x\u001b\\link\u001b]8;;\u001b\\', 'alink'],
    ['a\u001bPq#data\u001b\\b', 'ab'],
    ['a\u009b31mb\u009d0;t\u009cc', 'abc'],
    ['a\u001b(0b\u001bMc', 'abc'],
    ['one\r\ntwo\rthree\n\tfour', 'one\ntwo\nthree\n\tfour'],
    ['a\u0007\u0000\u007fb', 'ab'],
    ['safe\u202egnp.exe\u2066', 'safegnp.exe'],
    ['an unfinished \u001b[3', 'an unfinished '],
  ])('%j → %j', (text, shown) => expect(stripControls(text)).toBe(shown))

  it('leaves no control in any text, and plain text alone (seed 2604)', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = stripControls(text)
        expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
        expect(stripControls(shown)).toBe(shown)
      }),
      { seed: 2604, numRuns: 2000 },
    )
  })

  it('is quick on long hostile text', () => {
    expect(stripControls('\u001b]'.repeat(300_000))).toBe('')
    expect(stripControls('\u001b['.repeat(300_000))).toBe('')
    expect(stripControls(`\u001b]${'x'.repeat(1_000_000)}\u001b`)).not.toContain('\u001b')
  })
})

describe('oneLine', () => {
  it('joins lines, cuts with an ellipsis, and never splits a character', () => {
    expect(oneLine('  a\n\tb   c ', 100)).toBe('a b c')
    expect(oneLine('abcdef', 4)).toBe('abc…')
    expect(oneLine('ab\u{1F600}cd', 4)).toBe('ab…')
    expect(oneLine('x'.repeat(10_000_000), 200)).toHaveLength(200)
  })
})
