import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanPaste, pasteBytes } from './paste.ts'

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

describe('cleanPaste', () => {
  it('takes out the markers and every control but TAB, and makes newlines Enter', () => {
    expect(cleanPaste('a\u001b[201~b\u009b201~c\u001bd\u0003e\u009bf\tg')).toBe('abcdef\tg')
    expect(cleanPaste('one\ntwo\r\nthree\rfour')).toBe('one\rtwo\rthree\rfour')
  })

  it('leaves no marker and no control in any text (seed 2601)', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const clean = cleanPaste(text)
        expect(clean).not.toMatch(controls)
        expect(clean).not.toContain('\n')
        expect(cleanPaste(clean)).toBe(clean)
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

  it('cannot be left by what remains once a first marker is gone', () => {
    expect(cleanPaste('\u001b\u001b[201~[201~x')).not.toContain('\u001b')
    expect(decoder.decode(pasteBytes('ls\u001b[201~\nrm -rf ~\n\u001b[200~', { bracketed: true }))).toBe(
      '\u001b[200~ls\rrm -rf ~\r\u001b[201~',
    )
  })

  it('keeps tabs and every printable character', () => {
    expect(cleanPaste('a\tb\r\nc\nd “ü” 漢字 👩‍👩‍👧')).toBe('a\tb\rc\rd “ü” 漢字 👩‍👩‍👧')
  })

  it('takes a megabyte of nested markers in its stride', () => {
    const nested = '\u001b[20'.repeat(100_000) + '1~'.repeat(100_000)
    expect(cleanPaste(nested)).not.toMatch(controls)
    const plain = 'x'.repeat(1_000_000)
    expect(cleanPaste(plain)).toBe(plain)
  })
})
