// Frames over real unix sockets.
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { connect as connectNet, createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { Channel } from '../../app/contract/channel.ts'
import { connect } from '../../app/contract/client.ts'
import { decodeFrame, encodeMessage, lengthPrefix, maxFrameBytes } from '../../app/contract/frames.ts'
import { protocolVersion } from '../../app/contract/wire.ts'
import { CoppiceFailure } from '../../app/model/failure.ts'
import { connectSocket } from '../../app/socket/connect.ts'
import { type Listener, listenOnSocket } from '../../app/socket/listen.ts'
import { by, run, scratch } from '../store/sample.ts'
import { fakeHost, until } from './fake-room.ts'

const { make } = scratch()
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function listen(onChannel: (channel: Channel) => void, path = join(make(), 's')): Promise<string> {
  const listener: Listener = await listenOnSocket(path, onChannel)
  ends.push(() => listener.close())
  return path
}

async function open(path: string): Promise<Channel> {
  const channel = await connectSocket(path)
  ends.push(() => channel.close())
  return channel
}

const frameOf = (n: number, length: number) => Buffer.alloc(length, n % 251)

describe('a channel over a unix socket', () => {
  it('carries frames of every size, both ways, whole and in order', async () => {
    const sizes = [1, 3, 4, 5, 65_535, 65_536, 65_537, 1_000_000, 2, maxFrameBytes, 7]
    const got: number[] = []
    const path = await listen((channel) => channel.onFrame((frame) => void channel.send(frame)))
    const channel = await open(path)
    const wrong: number[] = []
    channel.onFrame((frame) => {
      if (!Buffer.from(frame).equals(frameOf(got.length, frame.length))) wrong.push(got.length)
      got.push(frame.length)
    })
    for (const [n, size] of sizes.entries()) channel.send(frameOf(n, size))
    await until(() => got.length === sizes.length)
    expect(got).toEqual(sizes)
    expect(wrong).toEqual([])
  })

  it('puts frames together from single bytes', async () => {
    const got: string[] = []
    const path = await listen((channel) => channel.onFrame((frame) => got.push(Buffer.from(frame).toString())))
    const raw = connectNet(path)
    ends.push(() => raw.destroy())
    const bytes = Buffer.concat(
      ['first', 's', 'second'].flatMap((text) => [lengthPrefix(text.length), Buffer.from(text)]),
    )
    for (const byte of bytes) {
      raw.write(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => got.length === 3)
    expect(got).toEqual(['first', 's', 'second'])
  })

  it('keeps what came before anyone listened', async () => {
    let server: Channel | null = null
    const path = await listen((channel) => {
      server = channel
    })
    const channel = await open(path)
    channel.send(Buffer.from('early'))
    const late = await until(() => server)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const got: string[] = []
    late.onFrame((frame) => got.push(Buffer.from(frame).toString()))
    expect(got).toEqual(['early'])
  })

  it.each([
    ['too large', 0xffff_ffff, 'too-large', /larger/],
    ['empty', 0, 'bad-input', /empty/],
  ])(
    'refuses a frame that is %s by its length alone, in words, and takes no memory for it',
    async (_name, length, code, why) => {
      let closed = ''
      const got: Uint8Array[] = []
      const path = await listen((channel) => {
        channel.onFrame((frame) => got.push(frame))
        channel.onClose((reason) => {
          closed = reason
        })
      })
      const raw = connectNet(path)
      ends.push(() => raw.destroy())
      const chunks: Buffer[] = []
      let ended = false
      raw.on('data', (chunk: Buffer) => chunks.push(chunk))
      raw.on('end', () => {
        ended = true
      })
      raw.write(Buffer.concat([lengthPrefix(length), Buffer.alloc(100)]))
      await until(() => ended)
      const answer = decodeFrame(Buffer.concat(chunks).subarray(4))
      expect(answer).toMatchObject({ message: { type: 'refused', failure: { code } } })
      await until(() => closed)
      expect(closed).toMatch(why)
      expect(got).toEqual([])
    },
  )

  it('says last words before it closes, and both ends hear of the end', async () => {
    const reasons: string[] = []
    const path = await listen((channel) => {
      channel.onClose((reason) => reasons.push(`host: ${reason}`))
      channel.send(Buffer.from('goodbye'))
      channel.close('enough')
      expect(channel.send(Buffer.from('more'))).toBe(false)
    })
    const channel = await open(path)
    const got: string[] = []
    channel.onFrame((frame) => got.push(Buffer.from(frame).toString()))
    channel.onClose((reason) => reasons.push(`client: ${reason}`))
    await until(() => reasons.length === 2)
    expect(got).toEqual(['goodbye'])
    expect(reasons.sort()).toEqual(['client: closed by the other end', 'host: enough'])
  })

  it('tells the one who waits that there is room again', async () => {
    const path = await listen((channel) => channel.onFrame(() => {}))
    const channel = await open(path)
    let drained = 0
    channel.onDrained(() => drained++)
    let sent = 0
    while (channel.send(Buffer.alloc(64 * 1024)) && sent < 10_000) sent++
    expect(channel.bufferedBytes).toBeGreaterThan(0)
    await until(() => drained > 0 && channel.bufferedBytes === 0)
  })
})

describe('the socket file', () => {
  it('is for its owner alone from its first moment, and gone after close', async () => {
    const path = join(make(), 's')
    const listener = await listenOnSocket(path, () => {})
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await listener.close()
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined()
  })

  it('of a dead host is replaced; anything else is not', async () => {
    const directory = make()
    const stale = join(directory, 'stale')
    const dead = createServer().listen(stale)
    await until(() => statSync(stale, { throwIfNoEntry: false }))
    // A killed process leaves its file behind; a second name for it survives the close of ours.
    const { linkSync } = await import('node:fs')
    linkSync(stale, join(directory, 'kept'))
    await new Promise((resolve) => dead.close(resolve))
    await expect(connectSocket(join(directory, 'kept'))).rejects.toThrow(CoppiceFailure)
    const path = await listen(() => {}, join(directory, 'kept'))
    await open(path)

    writeFileSync(join(directory, 'file'), 'mine')
    await expect(listenOnSocket(join(directory, 'file'), () => {})).rejects.toMatchObject({
      failure: { code: 'bad-input' },
    })
    mkdirSync(join(directory, 'folder'))
    await expect(listenOnSocket(join(directory, 'folder'), () => {})).rejects.toMatchObject({
      failure: { code: 'bad-input' },
    })
  })

  it('that is not there means host-unreachable', async () => {
    await expect(connectSocket(join(make(), 'none'))).rejects.toMatchObject({
      failure: { code: 'host-unreachable', retryable: true },
    })
  })
})

describe('a client that stops reading its socket', () => {
  it('is closed at the bound, and costs the others nothing', async () => {
    const host = fakeHost(make(), { maxWaitingBytes: 1024 * 1024 })
    ends.push(() => host.close())
    const path = await listen((channel) => host.service.serve(channel))
    const stuck = connectNet(path)
    ends.push(() => stuck.destroy())
    const say = (message: object) => {
      const frame = encodeMessage(message as never)
      stuck.write(Buffer.concat([lengthPrefix(frame.length), frame]))
    }
    say({ type: 'hello', protocol: protocolVersion, version: '1', via: 'cli' })
    say({ type: 'subscribe' })
    stuck.pause()
    const good = await connect(await open(path), { via: 'cli', version: '1' })
    const seen: number[] = []
    good.subscribe({ onSnapshot() {}, onEvent: ({ seq }) => void seen.push(seq), onLive() {} })
    await until(() => host.service.clients().length === 2)
    await good.call('host.status', {})
    const prompt = { head: 'x'.repeat(50_000), bytes: 1, sha256: '' }
    for (let n = 0; n < 100 && host.service.clients().length === 2; n++) {
      host.journal.append({ type: 'run-queued', run: run(`r${n}`, { prompt }) }, by)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(host.service.clients().map(({ id }) => id)).toHaveLength(1)
    await until(() => seen.at(-1) === host.journal.state.seq)
    expect(seen).toEqual(seen.map((_, n) => n + 1))
    expect(await good.call('host.status', {})).toBeDefined()
  })
})
