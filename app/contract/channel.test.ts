import { describe, expect, it } from 'vitest'
import { channelPair, makeChannel } from './channel.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (frame: Uint8Array) => new TextDecoder().decode(frame)

/** A channel over a transport that notes what it is told. */
function noted(room = true) {
  const sent: string[] = []
  const closed: string[] = []
  const end = makeChannel({
    send(frame) {
      sent.push(text(frame))
      return room
    },
    close: (reason) => void closed.push(reason),
    bufferedBytes: () => sent.length,
  })
  return { end, sent, closed }
}

describe('a channel', () => {
  it('keeps what came before anyone listened, in order', () => {
    const { end } = noted()
    end.frame(bytes('a'))
    end.frame(bytes('b'))
    const got: string[] = []
    end.channel.onFrame((frame) => got.push(text(frame)))
    end.frame(bytes('c'))
    expect(got).toEqual(['a', 'b', 'c'])
  })

  it('says that the other end is behind, and when there is room again', () => {
    const { end } = noted(false)
    let drained = 0
    end.channel.onDrained(() => drained++)
    expect(end.channel.send(bytes('a'))).toBe(false)
    expect(end.channel.bufferedBytes).toBe(1)
    end.drained()
    expect(drained).toBe(1)
  })

  it('sends and hears nothing once it is closing, and closes its transport once', () => {
    const { end, sent, closed } = noted()
    const got: string[] = []
    end.channel.onFrame((frame) => got.push(text(frame)))
    end.channel.close('enough')
    end.channel.close('again')
    expect(end.channel.send(bytes('late'))).toBe(false)
    end.frame(bytes('late'))
    expect({ sent, closed, got }).toEqual({ sent: [], closed: ['enough'], got: [] })
  })

  it.each([
    ['what its own end gave', (end: ReturnType<typeof noted>['end']) => end.channel.close('enough'), 'enough'],
    [
      'what the transport noted',
      (end: ReturnType<typeof noted>['end']) => end.because('reset by peer'),
      'reset by peer',
    ],
    ['what the end says where nobody gave one', () => {}, 'gone'],
  ])('ends for the first reason: %s', (_name, before, reason) => {
    const { end } = noted()
    const heard: string[] = []
    end.channel.onClose((why) => heard.push(why))
    before(end)
    end.closed('gone')
    end.closed('twice')
    expect(heard).toEqual([reason])
  })

  it('tells also who asks after its end', async () => {
    const { end } = noted()
    end.closed('gone')
    expect(await new Promise((resolve) => end.channel.onClose(resolve))).toBe('gone')
  })
})

describe('a pair in memory', () => {
  it('carries frames to the other end, also those sent just before it closes', async () => {
    const [one, other] = channelPair()
    const heard: string[] = []
    other.onFrame((frame) => heard.push(text(frame)))
    const ends = [one, other].map((end) => new Promise((resolve) => end.onClose(resolve)))
    const frame = bytes('last')
    one.send(frame)
    frame.fill(0)
    one.close('done')
    expect(await Promise.all(ends)).toEqual(['done', 'done'])
    expect(heard).toEqual(['last'])
    expect(other.send(bytes('late'))).toBe(false)
  })
})
