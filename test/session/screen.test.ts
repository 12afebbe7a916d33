import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createScreen, type ScreenListener } from '../../app/session/screen/screen.ts'

const size = { cols: 80, rows: 24 }

/** What the mirror answers to `input` on a fresh screen. */
function answers(input: string, listener: ScreenListener = {}): string {
  let out = ''
  const screen = createScreen({ ...size, scrollback: 0, ...listener, onReply: (bytes) => (out += bytes) })
  screen.write(input)
  screen.close()
  return out
}

// The frozen table: every query that is answered, and every byte of the answer.
const table: readonly (readonly [query: string, answer: string])[] = [
  ['\x1b[c', '\x1b[?1;2c'],
  ['\x1b[0c', '\x1b[?1;2c'],
  ['\x1b[>c', '\x1b[>0;276;0c'],
  ['\x1b[>0c', '\x1b[>0;276;0c'],
  ['\x1b[>q', '\x1bP>|xterm.js(6.0.0)\x1b\\'],
  ['\x1b[>0q', '\x1bP>|xterm.js(6.0.0)\x1b\\'],
  ['\x1b[5n', '\x1b[0n'],
  ['\x1b[6n', '\x1b[1;1R'],
  ['\x1b[?6n', '\x1b[?1;1R'],
  ['\x1b[?996n', '\x1b[?997;1n'],
  ['\x1b[?u', '\x1b[?0u'],
  ['\x1b[?0u', '\x1b[?0u'],
  ['\x1b[18t', '\x1b[8;24;80t'],
  ['\x1bP$qm\x1b\\', '\x1bP1$r0m\x1b\\'],
  ['\x1bP$qr\x1b\\', '\x1bP1$r1;24r\x1b\\'],
  ['\x1bP$q"p\x1b\\', '\x1bP1$r61;1"p\x1b\\'],
  ['\x1bP$q"q\x1b\\', '\x1bP1$r0"q\x1b\\'],
  ['\x1bP$q q\x1b\\', '\x1bP1$r2 q\x1b\\'],
  ['\x1bP$qz\x1b\\', '\x1bP0$r\x1b\\'],
  ['\x1bP+q544e\x1b\\', '\x1bP0+r\x1b\\'],
  ['\x1b]4;1;?\x07', '\x1b]4;1;rgb:ffff/8a8a/8080\x1b\\'],
  ['\x1b]4;255;?\x1b\\', '\x1b]4;255;rgb:eeee/eeee/eeee\x1b\\'],
  ['\x1b]4;21;?;0;?\x07', '\x1b]4;21;rgb:0000/0000/ffff\x1b\\\x1b]4;0;rgb:1212/1616/1414\x1b\\'],
  ['\x1b]10;?\x07', '\x1b]10;rgb:d3d3/dada/d6d6\x1b\\'],
  ['\x1b]11;?\x1b\\', '\x1b]11;rgb:1212/1616/1414\x1b\\'],
  ['\x1b]12;?\x07', '\x1b]12;rgb:d3d3/dada/d6d6\x1b\\'],
  [
    '\x1b]10;?;?;?\x07',
    '\x1b]10;rgb:d3d3/dada/d6d6\x1b\\\x1b]11;rgb:1212/1616/1414\x1b\\\x1b]12;rgb:d3d3/dada/d6d6\x1b\\',
  ],
  ['\x1b]7501;?\x07', '\x1b]7501;?\x1b\\'],
]

describe('replies', () => {
  it.each(table)('%j gets its answer', (query, answer) => expect(answers(query)).toBe(answer))

  it('answers the status protocol before DA1, as they came', () => {
    expect(answers('\x1b]7501;?\x07\x1b[c')).toBe('\x1b]7501;?\x1b\\\x1b[?1;2c')
  })

  it.each([
    [1, '\x1b[?1h'],
    [6, '\x1b[?6h'],
    [9, '\x1b[?9h'],
    [12, '\x1b[?12h'],
    [45, '\x1b[?45h'],
    [47, '\x1b[?47h'],
    [66, '\x1b='],
    [1000, '\x1b[?1000h'],
    [1002, '\x1b[?1002h'],
    [1003, '\x1b[?1003h'],
    [1004, '\x1b[?1004h'],
    [1006, '\x1b[?1006h'],
    [1007, '\x1b[?1007h'],
    [1016, '\x1b[?1016h'],
    [1049, '\x1b[?1049h'],
    [2004, '\x1b[?2004h'],
    [2026, '\x1b[?2026h'],
    [2031, '\x1b[?2031h'],
  ])('reports mode %i as it is', (mode, set) => {
    expect(answers(`\x1b[?${mode}$p`)).toBe(`\x1b[?${mode};2$y`)
    expect(answers(`${set}\x1b[?${mode}$p`)).toBe(`\x1b[?${mode};1$y`)
  })

  it('reports the other modes', () => {
    expect(answers('\x1b[?7$p\x1b[?25$p\x1b[?8$p\x1b[?67$p\x1b[?1005$p\x1b[?1048$p\x1b[?2027$p\x1b[?99999$p')).toBe(
      '\x1b[?7;1$y\x1b[?25;1$y\x1b[?8;3$y\x1b[?67;4$y\x1b[?1005;4$y\x1b[?1048;1$y\x1b[?2027;0$y\x1b[?99999;0$y',
    )
    expect(answers('\x1b[4$p\x1b[4h\x1b[4$p\x1b[20$p\x1b[12$p\x1b[2$p\x1b[33$p')).toBe(
      '\x1b[4;2$y\x1b[4;1$y\x1b[20;2$y\x1b[12;3$y\x1b[2;4$y\x1b[33;0$y',
    )
  })

  it('reports the cursor within the region in origin mode, and on the last column while a wrap is pending', () => {
    expect(answers('\x1b[5;10r\x1b[?6h\x1b[2;3H\x1b[6n')).toBe('\x1b[2;3R')
    expect(answers(`${'x'.repeat(80)}\x1b[6n`)).toBe('\x1b[1;80R')
  })

  it('says how its views paint, and tells a program that asked when that changes', () => {
    let said = ''
    const screen = createScreen({ ...size, dark: false, onReply: (bytes) => (said += bytes) })
    screen.write('\x1b]11;?\x07\x1b[?996n')
    expect(said).toBe('\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?997;2n')
    said = ''
    screen.setDark(true)
    expect(said).toBe('')
    screen.write('\x1b[?2031h\x1b]11;?\x07')
    screen.setDark(true)
    expect(said).toBe('\x1b]11;rgb:1212/1616/1414\x1b\\')
    said = ''
    screen.setDark(false)
    expect(said).toBe('\x1b[?997;2n')
    screen.close()
  })

  it('keeps the kitty flags of each screen', () => {
    expect(
      answers(
        '\x1b[>1u\x1b[?u\x1b[?1049h\x1b[?u\x1b[>7u\x1b[?u\x1b[<u\x1b[?u\x1b[?1049l\x1b[?u\x1b[=4;2u\x1b[?u\x1b[=1;3u\x1b[?u',
      ),
    ).toBe('\x1b[?1u\x1b[?0u\x1b[?1u\x1b[?0u\x1b[?1u\x1b[?1u\x1b[?0u')
  })

  it('answers nothing else: every CSI final byte with every prefix, intermediate and the telling parameters', () => {
    const known = new Map(table)
    const codes = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => String.fromCharCode(from + i))
    let out = ''
    const screen = createScreen({ ...size, scrollback: 0, onReply: (bytes) => (out += bytes) })
    const unlisted: string[] = []
    let tried = 0
    for (const prefix of ['', '?', '>', '<', '='])
      for (const intermediate of ['', ...codes(0x20, 0x2f)])
        for (const final of codes(0x40, 0x7e))
          for (const params of ['', '0', '1', '5', '6', '14', '18', '21', '996']) {
            const query = `\x1b[${prefix}${params}${intermediate}${final}`
            out = ''
            screen.write(query)
            const reply = out
            const expected =
              intermediate === '$' && final === 'p' && (prefix === '' || prefix === '?')
                ? reply
                : (known.get(query) ?? '')
            // DECRQM is answered for every mode there is; its rows are above.
            if (
              reply !== expected ||
              (expected === reply && intermediate === '$' && reply && !/^\x1b\[\??\d+;[0-4]\$y$/.test(reply))
            )
              unlisted.push(JSON.stringify(query))
            screen.write('\x1bc\x1b[20l\x1b[?12l')
            tried++
          }
    expect(tried).toBe(5 * 17 * 63 * 9)
    expect(unlisted).toEqual([])
    screen.close()
  })

  it('answers nothing else: every OSC number to 2000, every DCS and ESC final byte, every control and string', () => {
    const codes = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => String.fromCharCode(from + i))
    const inputs: string[] = []
    const answered = new Set([4, 10, 11, 12])
    for (let osc = 0; osc <= 2000; osc++)
      if (!answered.has(osc))
        for (const payload of ['?', '', '0;?', 'c;?', 'i=1:p=?;']) inputs.push(`\x1b]${osc};${payload}\x07`)
    for (const osc of [5522, 7770, 9001]) inputs.push(`\x1b]${osc};?\x07`)
    for (const payload of ['', 'x', '256;?', '-1;?', '1;??', '4294967297;?']) inputs.push(`\x1b]4;${payload}\x07`)
    for (const osc of [10, 11, 12])
      for (const payload of ['', '#fff', 'red', '??']) inputs.push(`\x1b]${osc};${payload}\x07`)
    for (const prefix of ['', '?', '>', '<', '='])
      for (const intermediate of ['', ...codes(0x20, 0x2f)])
        for (const final of codes(0x40, 0x7e)) {
          const query = `${prefix}${intermediate}${final}`
          if (query !== '$q' && query !== '+q') inputs.push(`\x1bP${query}544e\x1b\\`)
        }
    for (const intermediate of ['', ...codes(0x20, 0x2f)])
      for (const final of codes(0x30, 0x7e)) {
        // [ ] P X ^ _ begin a string or a sequence; they are tried with one below.
        if (!(intermediate === '' && '[]PX^_'.includes(final))) inputs.push(`\x1b${intermediate}${final}`)
      }
    for (const string of ['\x1b_Gi=1,a=q;AAAA\x1b\\', '\x1b^x\x1b\\', '\x1bXx\x1b\\', '\x1b[14t', '\x1b[21t'])
      inputs.push(string)
    for (const control of [...codes(0, 0x1f), ...codes(0x7f, 0x9f)]) inputs.push(`${control}\x18`)
    let out = ''
    const screen = createScreen({
      ...size,
      scrollback: 0,
      onReply: (bytes) => {
        out += bytes
      },
    })
    const loud = inputs.filter((input) => {
      out = ''
      screen.write(`${input}\x18`)
      const loudly = out !== ''
      screen.write('\x1bc')
      return loudly
    })
    expect(loud.map((input) => JSON.stringify(input))).toEqual([])
  })

  it('writes nothing while old output is replayed, whatever it asks', () => {
    let out = ''
    const screen = createScreen({ ...size, onReply: (bytes) => (out += bytes) })
    screen.answering = false
    for (let i = 0; i < 200; i++) for (const [query] of table) screen.write(`line ${i}\r\n${query}`)
    expect(out).toBe('')
    // And drawing a serialised screen asks nothing either.
    const second = createScreen({ ...size, onReply: (bytes) => (out += bytes) })
    second.write(screen.serialise())
    expect(out).toBe('')
    screen.answering = true
    screen.write('\x1b[c')
    expect(out).toBe('\x1b[?1;2c')
  })

  it('never repeats a byte that the program chose (seed 27)', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 20 }),
        fc.constantFrom('P+q', 'P$q', ']4;', ']10;', ']52;c;', ']0;', ']7501;'),
        (text, intro) => {
          const payload = `canary${text.replace(/[\x00-\x1f\x7f-\x9f]/g, '')}`
          expect(answers(`\x1b${intro}${payload}\x1b\\`)).not.toContain('canary')
          expect(answers(`\x1b]0;${payload}\x07\x1b[21t\x1b[20t`)).toBe('')
        },
      ),
      { seed: 27, numRuns: 200 },
    )
  })
})

describe('hostile output', () => {
  it('finishes huge counts of every CSI final byte at once', () => {
    const screen = createScreen(size)
    for (let round = 0; round < 3; round++) {
      for (let code = 0x40; code <= 0x7e; code++)
        // 4 and 3 of "t" and "h" resize and are off; a count in every place.
        for (const prefix of ['', '?'])
          for (const intermediate of ['', ' ', "'", '$', '*', '"', '!'])
            for (const count of ['2147483647', '2147483647;2147483647', '99999999999999999999'])
              screen.write(`a\x1b[${prefix}${count}${intermediate}${String.fromCharCode(code)}`)
    }
    // One of these alone took 111 s; the test's own limit is what would tell.
    for (let i = 0; i < 1000; i++)
      screen.write('a\x1b[2147483647b\x1b[2147483647S\x1b[2147483647T\x1b[2147483647L\x1b[2147483647M\x1b[2147483647I')
    expect(screen.faults).toBe(0)
    screen.write('\x1bcstill here')
    expect(screen.lastLine()).toBe('still here')
  })

  it('does all of a screen where a count means more than all of it', () => {
    const screen = createScreen(size)
    screen.write(`top\x1b[100S\x1b[1;1Hafter`)
    expect(screen.plainText()).toBe('after')
  })

  it('keeps long moves, which are how programs find the edge', () => {
    expect(answers('\x1b[999;999H\x1b[6n')).toBe('\x1b[24;80R')
    expect(answers('\x1b[999C\x1b[999B\x1b[6n')).toBe('\x1b[24;80R')
  })

  it('survives what makes the emulator throw, and draws on', () => {
    const screen = createScreen(size)
    screen.write('\x1b[24;80H\x1b[1J\x1b[1;1Hafter')
    expect(screen.faults).toBe(0)
    expect(screen.plainText()).toBe('after')
    screen.write('\x1b[2J\x1b[24;80Hx\x1b[?1J\x1b[1;1Hmore')
    expect(screen.faults).toBe(0)
  })

  it('drops a 9 MB OSC and caps titles, links and clusters', () => {
    const titles: string[] = []
    const screen = createScreen({ ...size, onTitle: (title) => titles.push(title) })
    const nine = 'x'.repeat(9_000_000)
    screen.write(
      `\x1b]2;${nine}\x07\x1b]7501;state=working:msg=${nine}\x07\x1b]8;;https://e.example/${nine}\x07a\x1b]52;c;${nine}\x07`,
    )
    expect(titles.map((title) => title.length)).toEqual([256])
    screen.write(`\x1b]11;${nine}\x07\x1b]4;1;${nine}\x07e${'\u0301'.repeat(100_000)}`)
    expect(screen.serialise().length).toBeLessThan(1_000_000)
    expect(screen.faults).toBe(0)
  })

  it('is not slowed down by a link that is never closed', () => {
    const screen = createScreen(size)
    screen.write('\x1b]8;id=x;https://e.example/\x07')
    for (let i = 0; i < 20_000; i++) screen.write('a line of text that belongs to the link\r\n')
    expect(screen.serialise()).toContain('https://e.example/')
  })

  it('never throws and always serialises (seed 28)', () => {
    const csi = fc
      .tuple(
        fc.constantFrom('', '?', '>', '<', '='),
        fc.array(fc.oneof(fc.integer({ min: 0, max: 120 }), fc.constantFrom(0, 1, 2, 3, 1049, 2147483647)), {
          maxLength: 4,
        }),
        fc.constantFrom('', ' ', '!', '"', '$', "'", '*'),
        fc.integer({ min: 0x40, max: 0x7e }),
      )
      .map(
        ([prefix, params, intermediate, final]) =>
          `\x1b[${prefix}${params.join(';')}${intermediate}${String.fromCharCode(final)}`,
      )
    const other = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom(
        '漢字',
        '\u{1F468}\u200D\u{1F469}',
        '\r\n',
        '\n'.repeat(30),
        'x'.repeat(100),
        '\x1b',
        '\x9b',
        '\x1b]',
        '\x1bP',
      ),
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(csi, other), { maxLength: 30 }), (pieces) => {
        const screen = createScreen({ cols: 61, rows: 21, scrollback: 20 })
        screen.write(pieces.join(''))
        screen.write('\x18')
        const again = createScreen({ cols: 61, rows: 21, scrollback: 20 })
        again.write(screen.serialise())
        expect([screen.faults, again.faults]).toEqual([0, 0])
        expect(again.plainText().trimEnd()).toBe(screen.plainText().trimEnd())
        screen.close()
        again.close()
      }),
      { seed: 28, numRuns: 1500 },
    )
  })
})

describe('signals', () => {
  it('reads titles, bells, program status and notifications', () => {
    const seen: unknown[] = []
    answers(
      [
        '\x1b]0;\u25d0 fix \x1b\\\x1b]2;\x07\x07',
        `\x1b]7501;state=blocked:app=claude-code:kind=permission:msg=${btoa('approve Write: /a/hello.txt')}\x07`,
        '\x1b]7501;state=bogus\x07\x1b]7501;state=done:app=codex\x1b\\',
        '\x1b]9;Claude needs you\x07\x1b]9;4;1;50\x07\x1b]777;notify;Title;Body\x07\x1b]99;i=1;Hello\x07\x1b]99;i=1:p=?;\x07',
      ].join(''),
      {
        onTitle: (title) => seen.push(['title', title]),
        onBell: () => seen.push(['bell']),
        onProgramStatus: (status) => seen.push(status),
        onNotification: (text) => seen.push(['note', text]),
      },
    )
    expect(seen).toEqual([
      ['title', '\u25d0 fix'],
      ['title', ''],
      ['bell'],
      { state: 'blocked', kind: 'permission', message: 'approve Write: /a/hello.txt' },
      { state: 'done' },
      ['note', 'Claude needs you'],
      ['note', 'Title: Body'],
      ['note', 'Hello'],
    ])
  })

  it('takes the controls out of a hostile title', () => {
    const titles: string[] = []
    answers('\x1b]0;a\u009b31mb\u202ec\x07', { onTitle: (title) => titles.push(title) })
    expect(titles.join()).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
  })

  it('says the last line and all of the text', () => {
    const screen = createScreen({ cols: 80, rows: 24 })
    expect(screen.lastLine()).toBeNull()
    screen.write(`first ${'long '.repeat(30)}end\r\n\r\nlast  line \r\n\r\n`)
    expect(screen.lastLine()).toBe('last line')
    expect(screen.plainText()).toBe(`first ${'long '.repeat(30)}end\n\nlast  line`)
  })
})
