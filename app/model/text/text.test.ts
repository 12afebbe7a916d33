import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  hasControls,
  headOf,
  lastLineOf,
  plainLines,
  plainText,
  readableOutput,
  replaceInvisible,
  visibleText,
} from './text.ts'

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

describe('plainText', () => {
  it('keeps what scripts and emoji need and drops what turns or hides text', () => {
    expect(plainText('👩\u200d💻 می\u200cخواهم')).toBe('👩\u200d💻 می\u200cخواهم')
    expect(plainText('a\u2066b\u2069c\ufeffd\u{e0041}e\ud800f')).toBe('abcdef')
  })
  it('cuts by characters, not inside one', () => expect(plainText('😀😀😀😀', 3)).toBe('😀😀…'))
  it('takes away an unfinished escape string up to the end of its line', () => {
    expect(plainText('a\u001b]0;never ends\nb')).toBe('a; b')
  })
})

describe('plainLines', () => {
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
  ])('%j → %j', (text, shown) => expect(plainLines(text)).toBe(shown))

  it('leaves no control in any text, and plain text alone (seed 2604)', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = plainLines(text)
        expect(shown).not.toMatch(
          /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/,
        )
        expect(plainLines(shown)).toBe(shown)
      }),
      { seed: 2604, numRuns: 2000 },
    )
  })

  it('is quick on long hostile text', () => {
    expect(plainLines('\u001b]'.repeat(300_000))).toBe('')
    expect(plainLines('\u001b['.repeat(300_000))).toBe('')
    expect(plainLines(`\u001b]${'x'.repeat(1_000_000)}\u001b`)).not.toContain('\u001b')
  })
})

describe('what a program printed', () => {
  it.each([
    ['plain lines', 'one\r\ntwo\n', 'one\ntwo\n'],
    ['colours', '\u001b[1;32mgreen\u001b[0m', 'green'],
    ['a progress line', '10 %\r50 %\r100 %\r\ndone\n', '100 %\ndone\n'],
    [
      'a screen that is drawn',
      '\u001b[2J\u001b[1;1HTitle\u001b[3;1HAllow?\r\u001b[1B1. Yes\u001b[4;1H2. No',
      '\nTitle\nAllow?\n1. Yes\n2. No',
    ],
    ['gaps', 'a\u001b[3Cb\u001b[Cc\u001b[2147483647Cd', `a   b c${' '.repeat(80)}d`],
    ['titles and links', '\u001b]0;title\u0007x\u001b]8;;http://a\u001b\\y\u001b]8;;\u001b\\', 'xy'],
    ['what turns text around', 'a\u202eb\u0007\u009bc', 'ab'],
  ])('%s', (_what, printed, read) => expect(readableOutput(printed)).toBe(read))
})

describe('lastLineOf', () => {
  it.each([
    ['a\n b\tc \n\u001b[0m\n', 'b c'],
    ['50 %\r100 %\r\n\u200b\n', '100 %'],
    ['', ''],
  ])('%j → %j', (text, line) => expect(lastLineOf(text)).toBe(line))

  it('is capped', () => expect(lastLineOf('x'.repeat(1000), 300)).toHaveLength(300))
})

describe('text for a record', () => {
  it('writes out what cannot be seen, and loses nothing', () => {
    expect(visibleText('a\nb\tc\u001b\u202e\u200d\u2028\ud800\u{e0041}')).toBe(
      'a\\u{a}b\\u{9}c\\u{1b}\\u{202e}\\u{200d}\\u{2028}\\u{d800}\\u{e0041}',
    )
    expect(visibleText('a\nb\tc\r', '\n\t')).toBe('a\nb\tc\\u{d}')
    expect(visibleText('漢字 “ü” 👩')).toBe('漢字 “ü” 👩')
  })

  it('lets a notation use its own escapes', () => {
    expect(replaceInvisible('a\u001bb\u2029👩\u200d💻', (character) => `<${character.codePointAt(0)}>`)).toBe(
      'a<27>b<8233>👩\u200d💻',
    )
  })
})

it('finds control characters, C1 among them', () => {
  expect(['a', 'ü\u202e', ''].map(hasControls)).toEqual([false, false, false])
  expect(['\u0000', 'a\u007f', '\u009b', '\n'].map(hasControls)).toEqual([true, true, true, true])
})

it('never cuts a character in half', () => {
  expect([headOf('ab😀c', 3), headOf('ab😀c', 4), headOf('ab', 9)]).toEqual(['ab', 'ab😀', 'ab'])
})
