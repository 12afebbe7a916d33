// How much the mirror costs over the bare emulator: the same bytes through both, in turns, so that the ratio is of one
// run. Asserted: both show the same text, what is written for a view rebuilds it, and nothing threw.
import headless from '@xterm/headless'
import { describe, expect, it } from 'vitest'
import { createScreen } from '../../app/session/screen/screen.ts'
import { sized } from './sizes.ts'

const megabytes = sized({ long: 12, short: 1 })
const inputs: Record<string, string> = {
  'lines of text': 'The quick brown fox jumps over the lazy dog, again and again and again.\r\n',
  'coloured text': '\x1b[32mok\x1b[m \x1b[1;34msrc/app.ts\x1b[m 12 passed \x1b[38;5;244m(3 ms)\x1b[m\r\n',
  'a redrawn interface':
    '\x1b[?2026h\x1b[3;4H\x1b[2K\x1b[48;5;236m▌ Thinking… \x1b[m\x1b[10;1H│ 漢字 ─── │\x1b[K\x1b[?2026l',
}

describe('bench: the mirror against @xterm/headless alone', () => {
  it.each(Object.entries(inputs))('%s', async (name, piece) => {
    const chunk = Buffer.from(piece.repeat(Math.ceil(16_384 / piece.length)))
    const rounds = Math.ceil((megabytes * 1e6) / chunk.length / 6)
    const mirror = createScreen({ cols: 120, rows: 40 })
    const bare = new headless.Terminal({ cols: 120, rows: 40, scrollback: 1500, allowProposedApi: true })
    let ours = 0
    let theirs = 0
    // The first turn warms both up and is not counted.
    for (let turn = 0; turn < 7; turn++) {
      const began = performance.now()
      for (let i = 0; i < rounds; i++) mirror.write(chunk)
      const between = performance.now()
      await new Promise<void>((resolve) => {
        for (let i = 1; i < rounds; i++) bare.write(chunk)
        bare.write(chunk, resolve)
      })
      if (turn === 0) continue
      ours += between - began
      theirs += performance.now() - between
    }
    const bytes = rounds * chunk.length * 6
    const rate = (ms: number) => `${(bytes / 1000 / ms).toFixed(1)} MB/s`
    const before = performance.now()
    const rebuilds = mirror.serialise()
    const serialised = performance.now() - before
    console.log(
      `screen · ${name}: mirror ${rate(ours)}, bare ${rate(theirs)}, ratio ${(theirs / ours).toFixed(2)}; serialise 1540 lines ${serialised.toFixed(1)} ms, ${(rebuilds.length / 1000).toFixed(0)} kB`,
    )
    const view = createScreen({ cols: 120, rows: 40 })
    view.write(rebuilds)
    expect(mirror.faults).toBe(0)
    expect(mirror.plainText().split('\n').length).toBeGreaterThan(1)
    expect(rowsOf(bare)).toBe(mirror.plainText())
    expect(view.plainText()).toBe(mirror.plainText())
    expect(bytes).toBeGreaterThanOrEqual(megabytes * 1e6 * 0.99)
  })
})

/** Scrollback and screen of the bare emulator; no line of these inputs is wrapped. */
function rowsOf({ buffer: { active } }: InstanceType<typeof headless.Terminal>): string {
  const rows = Array.from({ length: active.length }, (_, y) => active.getLine(y)!.translateToString(true).trimEnd())
  return rows.join('\n').trimEnd()
}
