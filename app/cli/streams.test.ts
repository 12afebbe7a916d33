import { describe, expect, it } from 'vitest'
import { createLogText } from '../model/text/log-text.ts'
import { createQueryFilter } from './swallow-queries.ts'
import { createChord } from './verbs/attach.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (data: Uint8Array) => new TextDecoder().decode(data)
const through = (input: string, size = Number.POSITIVE_INFINITY) => {
  const filter = createQueryFilter()
  const all = bytes(input)
  let out = ''
  const decoder = new TextDecoder()
  for (let at = 0; at < all.length; at += size)
    out += decoder.decode(filter(all.subarray(at, at + size)), { stream: true })
  return out
}

describe('the query filter', () => {
  const queries: [string, string][] = [
    ['DA1', '\u001b[c'],
    ['DA1 with 0', '\u001b[0c'],
    ['DA2', '\u001b[>c'],
    ['DA3', '\u001b[=c'],
    ['DECID', '\u001bZ'],
    ['ENQ', '\u0005'],
    ['DSR', '\u001b[5n'],
    ['CPR', '\u001b[6n'],
    ['DECXCPR', '\u001b[?6n'],
    ['colour scheme', '\u001b[?996n'],
    ['DECRQM', '\u001b[?2026$p'],
    ['ANSI DECRQM', '\u001b[4$p'],
    ['XTVERSION', '\u001b[>0q'],
    ['kitty keyboard', '\u001b[?u'],
    ['XTQMODKEYS', '\u001b[?4m'],
    ['window size', '\u001b[14t'],
    ['text area', '\u001b[18t'],
    ['title', '\u001b[21t'],
    ['DECREQTPARM', '\u001b[x'],
    ['checksum', '\u001b[1;1;1;1;2;2*y'],
    ['graphics', '\u001b[?2;1S'],
    ['OSC 10', '\u001b]10;?\u001b\\'],
    ['OSC 11', '\u001b]11;?\u0007'],
    ['OSC 4', '\u001b]4;1;?\u0007'],
    ['OSC 52', '\u001b]52;c;?\u0007'],
    ['OSC 7501', '\u001b]7501;?\u0007'],
    ['DECRQSS', '\u001bP$qm\u001b\\'],
    ['XTGETTCAP', '\u001bP+q544e\u001b\\'],
    ['kitty graphics', '\u001b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\u001b\\'],
  ]
  it.each(queries)('takes out %s, however it is cut', (_, query) => {
    for (const size of [1, 2, 3, 1000]) expect(through(`before${query}after`, size)).toBe('beforeafter')
  })

  const kept: [string, string][] = [
    ['plain and wide text', 'héllo 漢字 👩\u200d💻\r\n\t\b'],
    ['colours', '\u001b[1;38;2;1;2;3mx\u001b[0m'],
    ['modes', '\u001b[?1049h\u001b[?2004h\u001b[4h'],
    ['cursor style and soft reset', '\u001b[2 q\u001b[!p'],
    ['kitty keyboard flags', '\u001b[>1u\u001b[<u\u001b[=5;1u'],
    ['key settings', '\u001b[>4;2m\u001b[>4n'],
    ['title', '\u001b]0;what is this?\u0007\u001b]2;a;?\u001b\\'],
    ['link', '\u001b]8;;https://x.example/?q=1\u001b\\x\u001b]8;;\u001b\\'],
    ['setting a colour', '\u001b]11;#112233\u0007'],
    ['copy', '\u001b]52;c;aGk=\u0007'],
    ['status', '\u001b]7501;state=working:app=codex\u0007'],
    ['title stack', '\u001b[22;0t\u001b[23;0t'],
    ['scroll', '\u001b[3S'],
    ['charset', '\u001b(0lqk\u001b(B'],
    ['two-character escapes', '\u001b7\u001b8\u001b=\u001b>\u001bM'],
    ['an aborted sequence', '\u001b[12\u0018x\u001b[3\u001b[1mz'],
    ['a long string', `\u001b]0;${'x'.repeat(5000)}\u0007after\u001b]1337;File=:${'A'.repeat(9000)}\u001b\\z`],
  ]
  it.each(kept)('lets %s through unchanged', (_, input) => {
    for (const size of [1, 7, 100_000]) expect(through(`${input}end`, size)).toBe(`${input}end`)
  })

  it('keeps nothing of a sequence that has not ended from what comes after it', () => {
    const filter = createQueryFilter()
    expect(text(filter(bytes('a\u001b[')))).toBe('a')
    expect(text(filter(bytes('31mb')))).toBe('\u001b[31mb')
  })
})

describe('the chord that leaves', () => {
  const typed = (...pieces: string[]) => {
    const sent: string[] = []
    let left = 0
    const keys = createChord({ send: (data) => sent.push(text(data)), leave: () => left++ })
    for (const piece of pieces) keys(bytes(piece))
    return { sent: sent.join(''), left }
  }
  it('hands every other key on', () => {
    expect(typed('hello\r', '\u0003', '\u001b[A', 'd')).toEqual({ sent: 'hello\r\u0003\u001b[Ad', left: 0 })
  })
  it('leaves by Ctrl-] d, also in two pieces, and sends what came before', () => {
    expect(typed('ab\u001dd')).toEqual({ sent: 'ab', left: 1 })
    expect(typed('\u001d', 'd')).toEqual({ sent: '', left: 1 })
  })
  it('sends one Ctrl-] for two, and both keys for another', () => {
    expect(typed('\u001d\u001d')).toEqual({ sent: '\u001d', left: 0 })
    expect(typed('\u001dx')).toEqual({ sent: '\u001dx', left: 0 })
  })
})

describe('the text of a log', () => {
  const read = (input: string, size: number) => {
    const log = createLogText()
    const all = bytes(input)
    let out = ''
    for (let at = 0; at < all.length; at += size) out += log.push(all.subarray(at, at + size))
    return out + log.end()
  }
  it.each([1, 3, 1000])('has no control sequences and no halves, read %i bytes at a time', (size) => {
    expect(read('\u001b[31mrot\u001b[0m é漢\r\n\u001b]0;t\u0007next\u0007\r\n10 %\r50 %\r100 %\r\nlast', size)).toBe(
      'rot é漢\nnext\n100 %\nlast',
    )
  })
  it.each([700, 65_537])('has no halves where megabytes come without a line end, %i bytes at a time', (size) => {
    const group = '🐟漢é\u001b[38;5;196m\u001b]8;;https://example.com/\u0007'
    expect(read(group.repeat(20_000), size)).toBe('🐟漢é'.repeat(20_000))
  })
  it('takes the middle of a string of megabytes for a part of it', () => {
    expect(read(`a\u001bP${'q#0;1~'.repeat(100_000)}\u001b\\b`, 65_537)).toBe('ab')
  })
  it('begins behind the half that a gap has left', () => {
    const log = createLogText()
    expect(log.push(bytes('one\ntwo \u001b[3'))).toBe('one\n')
    expect(log.gap()).toBe('two \n')
    expect(log.push(bytes('8;5;196mrest\nwhole\n'))).toBe('whole\n')
    log.gap()
    log.push(bytes('5;196mred\u001b[0mplain'))
    expect(log.end()).toBe('plain')
    log.gap()
    log.push(Buffer.from('🐟 fish').subarray(2))
    expect(log.end()).toBe(' fish')
  })
  it('does not hold back a line for ever', () => {
    expect(createLogText().push(bytes('x'.repeat(100_000)))).toHaveLength(100_000)
  })
  // A time that grows with the square of the length would end these in minutes: the test's own time-out is the check.
  it.each(['x', '\u001b]', '\u001b[', '\u001b]0;', '\r', ';a'])('reads 512 KiB of %j in one go', (piece) => {
    const log = createLogText()
    log.push(bytes(piece.repeat(524_288 / piece.length)))
    expect(log.end().length).toBeLessThan(524_289)
  })
})
