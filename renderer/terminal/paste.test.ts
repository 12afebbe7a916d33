import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanPaste, pasteBytes } from './paste.ts'

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe('what is pasted', () => {
  it('cannot end a bracketed paste', () => {
    const evil = 'ls\u001b[201~\nrm -rf ~\n\u001b[200~'
    expect(text(pasteBytes(evil, true))).toBe('\u001b[200~ls\rrm -rf ~\r\u001b[201~')
  })

  it('cannot end it by what is left once a first marker is gone', () => {
    expect(cleanPaste('\u001b\u001b[201~[201~x')).not.toContain('\u001b')
    expect(cleanPaste('\u009b201~x')).toBe('201~x')
  })

  it('keeps tabs, line ends and every printable character', () => {
    expect(cleanPaste('a\tb\r\nc\nd “ü” 漢字 👩‍👩‍👧')).toBe('a\tb\rc\rd “ü” 漢字 👩‍👩‍👧')
  })

  it('holds no control character but tab and carriage return, whatever it was (seed 20261123)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (input) => {
        const clean = cleanPaste(input)
        expect(clean).not.toMatch(/[\u0000-\u0008\u000a-\u000c\u000e-\u001f\u007f-\u009f]/)
        // Nothing printable is lost: what is left is the input without its controls and markers.
        const kept = input.replace(/\u001b\[20[01]~/g, '').replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
        expect(clean.replace(/[\t\r]/g, '')).toBe(kept)
      }),
      { seed: 20261123, numRuns: 150 },
    )
  })
})
