// The window's line to the host over real sockets and real message ports, with a scripted program in the host's place.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { lengthPrefix, maxFrameBytes } from '../../app/contract/frames.ts'
import { makeBridge, maxWaitingBytes } from '../../main/bridge.ts'
import { hostProcess } from '../../main/host-process.ts'
import { electronPort } from './electron-port.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'coppice-main-'))
  cleanups.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

interface Line {
  readonly page: MessagePort
  readonly heard: unknown[]
  heardAll(count: number): Promise<unknown[]>
}

async function line(
  onSocket: (socket: Socket) => void,
): Promise<Line & { server: Server; close(reason: string): void }> {
  const path = join(scratch(), 's')
  const server = createServer(onSocket)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  cleanups.push(() => server.close())
  const host = hostProcess({ node: process.execPath, cli: answering({ socket: path, pid: 1 }), env: process.env })
  const { port1, port2 } = new MessageChannel()
  cleanups.push(() => port1.close())
  const bridge = makeBridge(electronPort(port2), host.open)
  return { ...listen(port1), server, close: bridge.close }
}

function listen(page: MessagePort): Line {
  const heard: unknown[] = []
  let changed = () => {}
  page.on('message', (data) => {
    heard.push(data)
    changed()
  })
  return {
    page,
    heard,
    heardAll: (count) =>
      new Promise((resolve) => {
        changed = () => heard.length >= count && resolve(heard)
        changed()
      }),
  }
}

/** A program in the CLI's place that gives this answer. */
function answering(answer: unknown, code = 0, log?: string): string {
  const path = join(scratch(), 'cli.mjs')
  writeFileSync(
    path,
    `import { appendFileSync } from 'node:fs'
${log ? `appendFileSync(${JSON.stringify(log)}, process.argv.slice(2).join(' ') + '\\n')` : ''}
console.log(${JSON.stringify(JSON.stringify(answer))}); process.exitCode = ${code}`,
  )
  return path
}

const bytes = (length: number, value = 7) => new Uint8Array(length).fill(value)

describe('a bridge', () => {
  it('carries frames both ways, whole and in order, also those sent before the host was there', async () => {
    const { page, heardAll } = await line((socket) => socket.pipe(socket))
    const sizes = [1, 70_000, 3, 1_000_000]
    for (const size of sizes) page.postMessage(bytes(size))
    const heard = (await heardAll(sizes.length)) as Uint8Array[]
    expect(heard.map((frame) => frame.length)).toEqual(sizes)
    expect(heard.every((frame) => frame.every((byte) => byte === 7))).toBe(true)
  })

  it('says why it closed when the host goes', async () => {
    const { page, heardAll } = await line((socket) => socket.once('data', () => socket.destroy()))
    page.postMessage(bytes(1))
    expect(await heardAll(1)).toEqual([{ closed: expect.stringMatching(/host/) }])
  })

  it.each([
    ['text', 'hello'],
    ['an empty frame', bytes(0)],
    ['an object', { length: 5 }],
    ['a frame over the cap', bytes(maxFrameBytes + 1)],
  ])('closes on %s from the page, and the host sees none of it', async (_name, sent) => {
    let got = 0
    const ended = new Promise<void>((resolve) => {
      void line((socket) => {
        socket.on('data', (chunk) => {
          got += chunk.length
        })
        socket.on('close', resolve)
      }).then(async ({ page, heardAll }) => {
        page.postMessage(sent)
        expect(await heardAll(1)).toEqual([{ closed: expect.stringMatching(/no frame/) }])
      })
    })
    await ended
    expect(got).toBe(0)
  })

  it('closes on a frame from the host that is larger than any may be', async () => {
    const { heardAll } = await line((socket) => socket.write(Uint8Array.of(255, 255, 255, 255)))
    expect(await heardAll(1)).toEqual([{ closed: expect.stringMatching(/too large/) }])
  })

  it('cuts a page off that goes on sending while the host does not read', async () => {
    const { page, heardAll } = await line((socket) => socket.pause())
    // A socket takes some of it; the rest would pile up here.
    for (let sent = 0; sent <= maxWaitingBytes + maxFrameBytes; sent += 8_000_000) page.postMessage(bytes(8_000_000))
    expect(await heardAll(1)).toEqual([{ closed: expect.stringMatching(/keep up/) }])
  })

  it('ends the connection when the page goes', async () => {
    const closed = new Promise<void>((resolve) => {
      void line((socket) => {
        socket.write(Uint8Array.of(...lengthPrefix(1), 7))
        socket.on('close', () => resolve())
      }).then(async ({ page, heardAll }) => {
        await heardAll(1)
        page.close()
      })
    })
    await closed
  })
})

describe('the host process', () => {
  it('is started once for many that ask at the same time, and not again while it answers', async () => {
    const folder = scratch()
    const log = join(folder, 'log')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(folder, 's'), resolve))
    cleanups.push(() => server.close())
    const host = hostProcess({
      node: process.execPath,
      cli: answering({ socket: join(folder, 's'), pid: 1 }, 0, log),
      env: process.env,
    })
    host.prepare()
    const channels = await Promise.all([host.open(), host.open(), host.open()])
    channels.push(await host.open())
    for (const channel of channels) channel.close()
    expect(readFileSync(log, 'utf8')).toBe('host start --json\n')
  })

  it('is started again when it is gone', async () => {
    const folder = scratch()
    const log = join(folder, 'log')
    const path = join(folder, 's')
    const listening = async () => {
      const server = createServer((socket) => socket.destroy())
      await new Promise<void>((resolve) => server.listen(path, resolve))
      return server
    }
    const host = hostProcess({
      node: process.execPath,
      cli: answering({ socket: path, pid: 1 }, 0, log),
      env: process.env,
    })
    const first = await listening()
    ;(await host.open()).close()
    await new Promise((resolve) => first.close(resolve))
    expect(existsSync(path)).toBe(false)
    await expect(host.open()).rejects.toThrow(/cannot be reached/)
    const second = await listening()
    cleanups.push(() => second.close())
    ;(await host.open()).close()
    expect(readFileSync(log, 'utf8').trim().split('\n')).toHaveLength(2)
  })

  it.each([
    [
      'its own words',
      { error: { code: 'x', message: 'The disk is full.', next: 'Free some space.' } },
      1,
      'The disk is full. Free some space.',
    ],
    ['an answer without a socket', { pid: 1 }, 0, /did not start/],
    ['no answer', 'nothing', 3, /did not start \(exit 3\)/],
  ])('says why it did not start: %s', async (_name, answer, code, words) => {
    const host = hostProcess({ node: process.execPath, cli: answering(answer, code), env: process.env })
    host.prepare()
    await expect(host.open()).rejects.toThrow(words)
  })

  it('says that its Node is missing', async () => {
    const host = hostProcess({ node: '/nonexistent/node', cli: '/nonexistent', env: process.env })
    await expect(host.open()).rejects.toThrow(/could not be started.*ENOENT/)
  })
})
