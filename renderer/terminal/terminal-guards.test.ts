import { Terminal } from '@xterm/headless'
import { describe, expect, it } from 'vitest'
import { clipboardText, guard, isReply, largestClipboard } from './terminal-guards.ts'

const write = (terminal: Terminal, text: string) => new Promise<void>((resolve) => terminal.write(text, resolve))

async function guarded(text: string): Promise<{ sent: string; copied: string[]; terminal: Terminal }> {
  const terminal = new Terminal({ allowProposedApi: true, cols: 80, rows: 24 })
  let sent = ''
  const copied: string[] = []
  terminal.onData((data) => {
    sent += data
  })
  // The guard needs the parser only, which the headless build has too.
  guard(terminal as unknown as Parameters<typeof guard>[0], (copy) => void copied.push(copy))
  await write(terminal, text)
  return { sent, copied, terminal }
}

/** Every query that a terminal might answer. */
const queries = [
  '\u001b[c',
  '\u001b[0c',
  '\u001b[>c',
  '\u001b[=c',
  '\u001b[5n',
  '\u001b[6n',
  '\u001b[?6n',
  '\u001b[?996n',
  '\u001b[>q',
  '\u001b[>0q',
  '\u001b[?u',
  '\u001b[?4m',
  '\u001b[x',
  '\u001b[14t',
  '\u001b[18t',
  '\u001b[21t',
  '\u001b[4$p',
  '\u001b[?2004$p',
  '\u001bP$qm\u001b\\',
  '\u001bP$q"p\u001b\\',
  '\u001bP+q544e\u001b\\',
  '\u001b]4;1;?\u0007',
  '\u001b]10;?\u001b\\',
  '\u001b]11;?\u0007',
  '\u001b]12;?\u0007',
  '\u001b]52;c;?\u0007',
  '\u001b]7501;?\u0007',
  '\u0005',
]

describe('a guarded terminal', () => {
  it.each(queries.map((query) => [JSON.stringify(query), query]))('does not answer %s', async (_name, query) => {
    expect((await guarded(query)).sent).toBe('')
  })

  it('lets the reset of a colour through only where one was set since', async () => {
    const reset: number[] = []
    // A handler that was there before the guard's is asked only about what the guard lets through.
    const under = new Terminal({ allowProposedApi: true })
    for (const code of [104, 110, 111, 112]) under.parser.registerOscHandler(code, () => reset.push(code) > 0)
    guard(under as unknown as Parameters<typeof guard>[0], () => {})
    const all = '\u001b]104\u001b\\\u001b]110\u001b\\\u001b]111\u001b\\\u001b]112\u001b\\'
    await write(under, all)
    expect(reset).toEqual([])
    await write(under, `\u001b]11;#102030\u0007${all}`)
    expect(reset).toEqual([110, 111, 112])
    await write(under, `\u001b]4;1;#102030\u0007\u001b]104;1\u0007${all}${all}`)
    expect(reset).toEqual([110, 111, 112, 104, 104])
    under.dispose()
  })

  it('answers nothing when a whole scrollback of queries is replayed', async () => {
    expect((await guarded(queries.join('text\r\n').repeat(50))).sent).toBe('')
  })

  it('still draws: text, colours, cursor moves with large but harmless counts', async () => {
    const { terminal } = await guarded('\u001b[31mred\u001b[0m\u001b[9999;9999H!')
    const { active } = terminal.buffer
    expect(active.getLine(0)?.translateToString(true)).toBe('red')
    expect(active.getLine(23)?.getCell(79)?.getChars()).toBe('!')
  })

  it.each(['b', 'L', 'M', 'S', 'T', 'I', 'Z', '@', 'P', 'X'])('swallows CSI 2147483647 %s', async (final) => {
    const { terminal } = await guarded(`a\u001b[2147483647${final}z`)
    const line = terminal.buffer.active.getLine(0)
    expect(line?.translateToString(true)).toBe('az')
  })

  it('repeats a character as often as a program really does', async () => {
    const { terminal } = await guarded('=\u001b[39b')
    expect(terminal.buffer.active.getLine(0)?.translateToString(true)).toBe('='.repeat(40))
  })

  it('hands on what a program puts on the clipboard, and only that', async () => {
    const { copied } = await guarded(`\u001b]52;c;${btoa('hello')}\u0007\u001b]52;c;?\u0007\u001b]52;c;!!!\u0007`)
    expect(copied).toEqual(['hello'])
  })
})

describe('clipboardText', () => {
  it('drops what is too long', () => {
    expect(clipboardText(`c;${'QUFB'.repeat(largestClipboard / 4)}`)).toHaveLength((largestClipboard / 4) * 3)
    expect(clipboardText(`c;${'QUFB'.repeat(largestClipboard / 4)}QUFB`)).toBeNull()
  })

  it('drops what is no UTF-8', () => expect(clipboardText(`c;${btoa('\u00ff\u00fe')}`)).toBeNull())
})

describe('isReply', () => {
  it.each([
    '\u001b[?62;c',
    '\u001b[>0;276;0c',
    '\u001b[0n',
    '\u001b[?2004;1$y',
    '\u001b]11;rgb:0/0/0\u0007',
    '\u001bP1$r0m\u001b\\',
  ])('knows %j for a reply', (text) => expect(isReply(text)).toBe(true))
  it.each([
    'a',
    '\r',
    '\u001b',
    '\u001b[A',
    '\u001b[1;5C',
    '\u001b[1;2R',
    '\u001bOP',
    '\u001b[I',
    '\u001b[M !!',
    '\u001b[<0;10;10M',
    '\u001bb',
  ])('lets %j through, which a person typed', (text) => expect(isReply(text)).toBe(false))
})
