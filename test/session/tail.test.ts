import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createScreen, type Screen } from '../../app/session/screen/screen.ts'
import { nextTail } from '../../app/session/tail.ts'

const make = (): Screen => {
  const screen = createScreen({ cols: 60, rows: 20, scrollback: 40 })
  screen.answering = false
  return screen
}

const piece = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    '漢字',
    '\u{1F680}',
    'é',
    '\r\n',
    '\x1b[31m',
    '\x1b[4;7H',
    '\x1b]0;a title é\x07',
    '\x1b]8;;https://e.example/é\x1b\\',
    '\x1bP+q544e\x1b\\',
    '\x1b(0',
    '\x1b[38;2;1;2;3m',
    '\x1b[?1049h',
    '\x1b[3\n2m',
    '\u009b33m',
    '\u009d2;x\u009c',
    '\x1b_apc\x1b\\',
    '\x1b[?25l',
    '\x1b[5b',
  ),
)

describe('nextTail', () => {
  it('lets a view take over at any byte (seed 4401)', () => {
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 25 }),
        fc.array(fc.nat(400), { maxLength: 6 }),
        fc.nat(400),
        (pieces, cuts, where) => {
          const bytes = Buffer.from(pieces.join(''))
          const takeover = where % (bytes.length + 1)
          const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), takeover, bytes.length])].sort(
            (a, b) => a - b,
          )
          const mirror = make()
          let tail: Uint8Array = new Uint8Array(0)
          let view: Screen | null = null
          for (let i = 0; i < at.length; i++) {
            if (at[i] === takeover) {
              view = make()
              view.write(mirror.serialise())
              view.write(tail)
            }
            const part = bytes.subarray(at[i], at[i + 1] ?? bytes.length)
            if (part.length === 0) continue
            mirror.write(part)
            tail = nextTail(tail, part, mirror.atGround)
            // The view that takes over at this byte is drawn before it; from then on it gets the same pieces.
            if (view && (at[i] ?? 0) >= takeover) view.write(part)
          }
          expect(view?.plainText()).toBe(mirror.plainText())
          expect(view?.serialise()).toBe(mirror.serialise())
        },
      ),
      {
        seed: 4401,
        numRuns: 1500,
        // Kept from histories that failed once.
        examples: [
          [['\x1b]8;;https://e.example/é\x1b\\', '     ', '\x1b[5b', '\x1b[5b'], [], 237],
          [['\x1b]8;;https://e.example/é\x1b\\', '\x1b[?1049h', ''], [], 35],
          [['\x1b(0', '\x1b[3\n2m', '漢字', '\x1b[38;2;1;2;3m', '\x1b[3\n2m', ''], [], 34],
        ],
      },
    )
  })

  it('remembers the beginning of a string that never ends', () => {
    const mirror = make()
    let tail: Uint8Array = new Uint8Array(0)
    for (let i = 0; i < 100; i++) {
      const part = Buffer.from(i === 0 ? '\x1b]52;c;' : 'x'.repeat(10_000))
      mirror.write(part)
      tail = nextTail(tail, part, mirror.atGround)
    }
    expect(Buffer.from(tail.subarray(0, 7)).toString()).toBe('\x1b]52;c;')
    expect(tail.length).toBeLessThanOrEqual(4096)
  })
})
