import { describe, expect, it } from 'vitest'
import { readableOutput } from './readable-output.ts'

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
