// Whatever arrives gets a typed refusal or a right answer (scenario 32): every command with hostile inputs, and every kind of frame,
// against a real unix socket's service. The host must be as it was afterwards, and go on serving.
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { channelPair } from '../../app/contract/channel.ts'
import { type Client, connect, newCommandId } from '../../app/contract/client.ts'
import { type CommandName, commandNames, commands } from '../../app/contract/commands/index.ts'
import { decodeFrame, encodeData, encodeMessage } from '../../app/contract/frames.ts'
import { type HostMessage, HostMessage as Message, protocolVersion } from '../../app/contract/wire.ts'
import { CoppiceFailure, failureCodes } from '../../app/model/failure.ts'
import { scratch } from '../store/sample.ts'
import { type FakeHost, fakeHost, handChannel } from './fake-room.ts'

const { make } = scratch()
const hosts: FakeHost[] = []
afterEach(() => {
  for (const host of hosts.splice(0)) host.close()
})
const start = () => {
  const host = fakeHost(make())
  hosts.push(host)
  return host
}
const join = (host: FakeHost): Promise<Client> => {
  const [mine, theirs] = channelPair()
  host.service.serve(theirs)
  return connect(mine, { via: 'cli', version: '1' })
}

const seed = 32
const hostileText = fc.oneof(
  fc.constantFrom(
    '',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    '../../etc/passwd',
    '-x',
    '--upload-pack=sh',
    '$(id)',
    ';rm -rf /',
    'a\0b',
    'a\nb',
    '\u3000',
    '@',
    'CON',
    'x'.repeat(300),
    'x'.repeat(100_000),
    '\ud800',
    '\u202e',
    '<script>alert(1)</script>',
  ),
  fc.string({ unit: 'binary', maxLength: 50 }),
)
const hostileNumber = fc.oneof(
  fc.constantFrom(-1, 0, 0.5, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308),
  fc.double(),
  fc.bigInt({ min: 0n, max: 10n }).map(Number),
)
const anything: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  hostileNumber,
  fc.constantFrom(null, true, false, [], {}, [[]], [null]),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>,
)

/** An input of the command with its right names and wrong (or right) values, and names that are none. */
function inputOf(name: CommandName): fc.Arbitrary<unknown> {
  const keys = Object.keys(commands[name].input.shape)
  const named = fc.record(
    { ...Object.fromEntries(keys.map((key) => [key, anything])), unknownKey: anything },
    { requiredKeys: [] },
  )
  const withPrototype = named.map(
    (value) => JSON.parse(`{"__proto__":{"runId":"x"},${JSON.stringify(value).slice(1)}`.replace(',}', '}')) as unknown,
  )
  return fc.oneof({ weight: 4, arbitrary: named }, withPrototype, anything)
}

describe('every command', () => {
  it.each(commandNames)(
    `%s answers any input with a Failure, or with input of its own shape (seed ${seed})`,
    async (name) => {
      const host = start()
      const client = await join(host)
      let refused = 0
      await fc.assert(
        fc.asyncProperty(inputOf(name), async (input) => {
          const before = host.room.calls.length
          try {
            await client.call(name, input as never)
            // It got through: then what the handler was given has exactly the contract's shape.
            expect(host.room.calls.length).toBe(before + 1)
            const given = host.room.calls.at(-1)!
            expect(commands[name].input.parse(given.input)).toEqual(given.input)
            for (const key of Object.keys(given.input as object))
              expect(commands[name].input.shape).toHaveProperty([key])
          } catch (error) {
            if (!(error instanceof CoppiceFailure)) throw error
            expect(failureCodes).toContain(error.failure.code)
            expect(['internal', 'connection-lost']).not.toContain(error.failure.code)
            // A refusal does not hand the whole of a hostile input back, or into a log.
            expect(JSON.stringify(error.failure).length).toBeLessThan(2000)
            expect(host.room.calls.length).toBe(before)
            refused++
          }
        }),
        { numRuns: 60, seed },
      )
      expect(Object.hasOwn(Object.prototype, 'runId')).toBe(false)
      expect(({} as { runId?: unknown }).runId).toBeUndefined()
      if (Object.keys(commands[name].input.shape).length > 0) expect(refused).toBeGreaterThan(0)
      expect(host.log).toEqual([])
      expect((await client.call('host.status', {})) as object).toBeDefined()
    },
  )

  it('that is none, by whatever name, is refused', async () => {
    const host = start()
    const client = await join(host)
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(hostileText, fc.constantFrom('toString', 'run.create ', 'RUN.CREATE', 'run')),
        async (name) => {
          const outcome = await client.call(name as never, {} as never).catch((error: unknown) => error)
          expect(outcome).toBeInstanceOf(CoppiceFailure)
          expect((outcome as CoppiceFailure).failure.code).toBe('bad-input')
        },
      ),
      { numRuns: 60, seed },
    )
    expect(host.room.calls).toHaveLength(0)
  })

  it('with a command id that no log could carry is refused', async () => {
    const host = start()
    const client = await join(host)
    for (const commandId of [
      '',
      'short',
      'x'.repeat(65),
      'with space',
      'new\nline!!',
      '\ud800\ud800\ud800\ud800\ud800\ud800\ud800\ud800',
      'ünïcödé-id',
    ]) {
      const outcome = await client.call('run.stop', { runId: 'x' }, { commandId }).catch((error: unknown) => error)
      expect((outcome as CoppiceFailure).failure.code, commandId).toBe('bad-input')
    }
    expect(host.room.calls).toHaveLength(0)
    await client.call('run.stop', { runId: 'x' }, { commandId: newCommandId() })
  })
})

describe('every frame', () => {
  const message = fc.oneof(
    anything,
    fc.record(
      {
        type: fc.oneof(fc.constantFrom('hello', 'call', 'subscribe', 'attach', 'detach', 'resize', 'ack'), anything),
        protocol: anything,
        via: anything,
        callId: anything,
        commandId: anything,
        name: fc.oneof(fc.constantFrom(...commandNames), anything),
        input: anything,
        fromSeq: anything,
        attachId: anything,
        runId: anything,
        cols: anything,
        rows: anything,
        bytes: anything,
      },
      { requiredKeys: ['type'] },
    ),
  )
  const frame = fc.oneof(
    { weight: 4, arbitrary: message.map((value) => encodeMessage(value as never)) },
    fc.uint8Array({ maxLength: 40 }),
    fc
      .tuple(fc.constantFrom('input', 'output', 'screen'), fc.nat(0xffff_ffff), fc.uint8Array({ maxLength: 40 }))
      .map(([kind, id, bytes]) => encodeData(kind as 'input', id, bytes)),
    fc.constantFrom(
      Buffer.from('\0{"type":'),
      Buffer.from(`\0${'['.repeat(200_000)}`),
      Buffer.from([0]),
      Buffer.from([1, 0]),
    ),
  )

  it(`is survived, and everything said back is of the contract (seed ${seed})`, async () => {
    const host = start()
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(frame, { maxLength: 30 }), async (greeted, frames) => {
        const { channel, sent, give, state } = handChannel()
        host.service.serve(channel)
        if (greeted) give(encodeMessage({ type: 'hello', protocol: protocolVersion, version: '1', via: 'cli' }))
        for (const bytes of frames) give(bytes)
        await new Promise((resolve) => setImmediate(resolve))
        for (const bytes of sent) {
          const decoded = decodeFrame(bytes)
          expect(decoded?.kind).toBe('message')
          const parsed = Message.safeParse((decoded as { message: HostMessage }).message)
          expect(parsed.success, JSON.stringify(decoded).slice(0, 500)).toBe(true)
        }
        if (state.reason) expect((decodeFrame(sent.at(-1)!) as { message: HostMessage }).message.type).toBe('refused')
        channel.close('done')
      }),
      { numRuns: 300, seed },
    )
    expect(host.service.clients()).toEqual([])
    expect(host.log.filter((line) => line.startsWith('error'))).toEqual([])
    expect(await (await join(host)).call('agent.list', {})).toEqual({})
  })
})
