// The port for browsers (scenario 34), by raw HTTP so that every header can be forged: nothing is open by default, and nothing is
// answered to another Host, another Origin, without a session, or outside the client's folder.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect as connectNet } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { decodeFrame, encodeMessage, maxFrameBytes } from '../../app/contract/frames.ts'
import { type HostMessage, protocolVersion } from '../../app/contract/wire.ts'
import { openPort, type Port } from '../../app/host/http/port.ts'
import { by, run, scratch } from '../store/sample.ts'
import { type FakeHost, fakeHost, until } from './fake-room.ts'

const { make } = scratch()
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface Opened {
  readonly port: Port
  readonly host: FakeHost
  readonly number: number
  readonly refused: string[]
  readonly root: string
}

async function open(): Promise<Opened> {
  const root = join(make(), 'renderer')
  mkdirSync(join(root, 'assets'), { recursive: true })
  writeFileSync(join(root, 'index.html'), '<!doctype html><title>Coppice</title>')
  writeFileSync(join(root, 'assets', 'main.js'), 'export {}')
  writeFileSync(join(root, '.secret'), 'hidden')
  writeFileSync(join(root, '..', 'outside.txt'), 'outside')
  symlinkSync(join(root, '..', 'outside.txt'), join(root, 'link.txt'))
  const host = fakeHost(make())
  const refused: string[] = []
  const port = await openPort({
    port: 0,
    root,
    onChannel: (channel) => host.service.serve(channel, { via: 'browser' }),
    onRefused: (why) => refused.push(why),
  })
  ends.push(() => host.close())
  ends.push(() => port.close())
  return { port, host, number: Number(new URL(port.address).port), refused, root }
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

interface Asked {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string
}

/** Sends exactly these headers (and a right Host where none is given). */
function ask(number: number, { method = 'GET', path = '/', headers = {}, body }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: '127.0.0.1',
        port: number,
        method,
        path,
        headers: { host: `127.0.0.1:${number}`, ...headers },
        setHost: false,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    req.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' })
    })
    req.on('error', reject)
    req.end(body)
  })
}

const tokenOf = (url: string) => url.split('#token=')[1]!
const own = (number: number) => ({ origin: `http://127.0.0.1:${number}` })

/** A browser's session: the cookie, and the key as it says it outside a WebSocket. */
type Session = { readonly cookie: string; readonly 'x-coppice-key': string }

async function login({ port, number }: Opened): Promise<Session> {
  const answer = await ask(number, {
    method: 'POST',
    path: '/session',
    headers: { ...own(number), 'content-type': 'application/json' },
    body: JSON.stringify({ token: tokenOf(port.newUrl()) }),
  })
  expect(answer.status).toBe(200)
  const { key } = JSON.parse(answer.body) as { key: string }
  return { cookie: answer.headers['set-cookie']![0]!.split(';')[0]!, 'x-coppice-key': key }
}

const upgradeHeaders = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

describe('the token', () => {
  it('is 256 bits in the fragment, good for one exchange, and another each time', async () => {
    const opened = await open()
    const { port, number } = opened
    const url = port.newUrl()
    expect(url).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${number}/#token=[A-Za-z0-9_-]{43}$`))
    const other = port.newUrl()
    expect(tokenOf(other)).not.toBe(tokenOf(url))
    const exchange = (token: string) =>
      ask(number, { method: 'POST', path: '/session', headers: own(number), body: JSON.stringify({ token }) })

    const first = await exchange(tokenOf(url))
    expect(first.status).toBe(200)
    expect(first.headers['cache-control']).toBe('no-store')
    const { key } = JSON.parse(first.body) as { key: string }
    expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(JSON.stringify(first.headers)).not.toContain(key)
    expect(key).not.toBe(tokenOf(url))
    expect(first.headers['set-cookie']).toHaveLength(1)
    expect(first.headers['set-cookie']![0]).toMatch(
      /^coppice_session=[A-Za-z0-9_-]{43}; HttpOnly; SameSite=Strict; Path=\/$/,
    )
    expect(first.headers['set-cookie']![0]).not.toContain(tokenOf(url))

    const again = await exchange(tokenOf(url))
    expect(again.status).toBe(401)
    expect(again.headers['set-cookie']).toBeUndefined()
    expect(again.body).toBe('')
    expect((await exchange(tokenOf(other))).status).toBe(200)
    for (const wrong of ['', 'x', tokenOf(other), tokenOf(url).slice(1), 'A'.repeat(43)]) {
      expect((await exchange(wrong)).status, wrong).toBe(401)
    }
    for (const body of ['', 'null', '[]', '{"token":{}}', '{"__proto__":{"token":"x"}}', '{']) {
      const answer = await ask(number, { method: 'POST', path: '/session', headers: own(number), body })
      expect(answer.status, body).toBe(401)
    }
    const long = await ask(number, { method: 'POST', path: '/session', headers: own(number), body: 'x'.repeat(5000) })
    expect(long.status).toBe(413)
  })

  it('that was not used gives way after sixteen newer ones', async () => {
    const { port, number } = await open()
    const urls = Array.from({ length: 17 }, () => port.newUrl())
    const exchange = (url: string) =>
      ask(number, {
        method: 'POST',
        path: '/session',
        headers: own(number),
        body: JSON.stringify({ token: tokenOf(url) }),
      })
    expect((await exchange(urls[0]!)).status).toBe(401)
    expect((await exchange(urls[1]!)).status).toBe(200)
    expect((await exchange(urls[16]!)).status).toBe(200)
  })

  it('buys a session that one can ask about', async () => {
    const opened = await open()
    const session = await login(opened)
    const { cookie, 'x-coppice-key': key } = session
    const { number } = opened
    const asked = async (headers: Record<string, string>) => (await ask(number, { path: '/session', headers })).status
    expect(await asked({})).toBe(401)
    expect(await asked({ ...session, cookie: 'coppice_session=wrong' })).toBe(401)
    expect(await asked({ ...session, cookie: `a=b; ${cookie}; c=d` })).toBe(204)
    // The browser sends the cookie to every port of this address, whoever serves there: alone it is worth nothing.
    expect(await asked({ cookie })).toBe(401)
    expect(await asked({ cookie, 'x-coppice-key': `${key}x` })).toBe(401)
    expect(await asked({ cookie, 'x-coppice-key': cookie.split('=')[1]! })).toBe(401)
    expect(await asked({ 'x-coppice-key': key })).toBe(401)
  })
})

describe('a forged request', () => {
  const hosts = (number: number) => [
    'evil.example',
    `evil.example:${number}`,
    `localhost:${number}`,
    '127.0.0.1',
    `127.0.0.1:${number}.evil.example`,
    `127.0.0.1:${number + 1}`,
    `0.0.0.0:${number}`,
    `[::1]:${number}`,
    `127.0.0.1:${number} `.trim().concat('0'),
    `user@127.0.0.1:${number}`,
    `127.1:${number}`,
    '',
  ]
  const origins = (number: number) => [
    'null',
    'https://evil.example',
    `http://evil.example:${number}`,
    `http://localhost:${number}`,
    `https://127.0.0.1:${number}`,
    'http://127.0.0.1',
    `http://127.0.0.1:${number + 1}`,
    `http://127.0.0.1:${number}.evil.example`,
    `http://127.0.0.1:${number}/`,
    'file://',
    '',
  ]

  it('by another Host (a rebound name) is refused, for files, sessions and sockets alike', async () => {
    const opened = await open()
    const { number, port } = opened
    const session = await login(opened)
    let tried = 0
    for (const host of hosts(number)) {
      const token = tokenOf(port.newUrl())
      const answers = [
        await ask(number, { headers: { host } }),
        await ask(number, { path: '/session', headers: { host, ...session } }),
        await ask(number, { method: 'POST', path: '/session', headers: { host, ...own(number) }, body: token }),
        await ask(number, { path: '/socket', headers: { host, ...session, ...own(number), ...upgradeHeaders } }),
      ]
      tried += answers.length
      for (const { status, headers, body } of answers) {
        expect([400, 403], host).toContain(status)
        expect(headers['set-cookie']).toBeUndefined()
        expect(body).toBe('')
      }
      // The token was not used up by it.
      const good = await ask(number, { method: 'POST', path: '/session', headers: own(number), body: token })
      expect(good.status).toBe(200)
    }
    expect(tried).toBe(48)
    expect(opened.host.service.clients()).toEqual([])
  })

  it('from another Origin is refused, and nothing is allowed across origins', async () => {
    const opened = await open()
    const { number, port } = opened
    const session = await login(opened)
    for (const origin of origins(number)) {
      const token = tokenOf(port.newUrl())
      const answers = [
        await ask(number, { headers: { origin } }),
        await ask(number, { method: 'POST', path: '/session', headers: { origin }, body: token }),
        await ask(number, { path: '/socket', headers: { origin, ...session, ...upgradeHeaders } }),
        await ask(number, {
          method: 'OPTIONS',
          path: '/session',
          headers: { origin, 'access-control-request-method': 'POST' },
        }),
      ]
      for (const { status, headers } of answers) {
        expect(status, origin).toBe(403)
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
        expect(headers['set-cookie']).toBeUndefined()
      }
    }
    // Without any Origin: no browser's page does that with a POST or a WebSocket.
    expect((await ask(number, { method: 'POST', path: '/session', body: 'x' })).status).toBe(403)
    expect((await ask(number, { path: '/socket', headers: { ...session, ...upgradeHeaders } })).status).toBe(403)
    const crossSite = { ...own(number), ...session, ...upgradeHeaders, 'sec-fetch-site': 'cross-site' }
    expect((await ask(number, { path: '/socket', headers: crossSite })).status).toBe(403)
    expect((await ask(number, { headers: { ...own(number) } })).headers['access-control-allow-origin']).toBeUndefined()
    expect(opened.host.service.clients()).toEqual([])
  })

  it('with two Hosts or two Origins is refused', async () => {
    const opened = await open()
    const { number } = opened
    const raw = (lines: string[]) =>
      new Promise<string>((resolve) => {
        const socket = connectNet(number, '127.0.0.1')
        let text = ''
        socket.on('data', (chunk: Buffer) => {
          text += chunk
        })
        socket.on('close', () => resolve(text.split('\r\n')[0]!))
        socket.on('error', () => {})
        socket.write(`${lines.join('\r\n')}\r\n\r\n`)
      })
    const good = `Host: 127.0.0.1:${number}`
    expect(await raw(['GET / HTTP/1.1', good, 'Host: evil.example', 'Connection: close'])).toMatch(/ 40[03] /)
    expect(await raw(['GET / HTTP/1.1', 'Connection: close'])).toMatch(/ 40[03] /)
    expect(await raw(['GET / HTTP/1.0', 'Connection: close'])).toMatch(/ 40[03] /)
    const origin = `Origin: http://127.0.0.1:${number}`
    expect(await raw(['GET / HTTP/1.1', good, origin, 'Origin: https://evil.example', 'Connection: close'])).toMatch(
      / 403 /,
    )
    expect(await raw(['GET / HTTP/1.1', good, origin, 'Connection: close'])).toMatch(/ 200 /)
    expect(await raw(['rubbish'])).toMatch(/ 400 /)
  })

  it('for a socket without a session, or with a wrong one, is refused', async () => {
    const opened = await open()
    const { number, port } = opened
    const { cookie, 'x-coppice-key': key } = await login(opened)
    const knock = (given: Record<string, string>, path = '/socket') =>
      ask(number, { path, headers: { ...given, ...own(number), ...upgradeHeaders } })
    const protocol = (...names: string[]) => ({ 'sec-websocket-protocol': names.join(', ') })
    const wrong: Record<string, string>[] = [
      ...[
        '',
        'coppice_session=',
        'coppice_session=x',
        `${cookie}x`,
        `x${cookie}`,
        `coppice_session=${tokenOf(port.newUrl())}`,
      ].map((other) => ({ cookie: other, ...protocol('coppice', key) })),
      { cookie },
      ...[['coppice'], ['coppice', `${key}x`], ['other', key], [key, 'coppice'], ['coppice', 'x', key]].map(
        (names) => ({ cookie, ...protocol(...names) }),
      ),
    ]
    for (const given of wrong) expect((await knock(given)).status, JSON.stringify(given)).toBe(401)
    expect((await knock({ cookie, ...protocol('coppice', key) }, '/')).status).toBe(403)
    const right = await knock({ cookie, ...protocol('coppice', key) })
    expect(right.status).toBe(101)
    expect(right.headers['sec-websocket-protocol']).toBe('coppice')
    expect(opened.host.service.clients()).toEqual([])
  })
})

describe('the files', () => {
  it('of the client are served, with headers that allow nothing else', async () => {
    const { number } = await open()
    const page = await ask(number)
    expect(page).toMatchObject({ status: 200, body: '<!doctype html><title>Coppice</title>' })
    const script = await ask(number, { path: '/assets/main.js' })
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8')
    for (const { headers } of [page, script, await ask(number, { path: '/none' })]) {
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'x-frame-options': 'DENY',
        'cache-control': 'no-store',
      })
      const policy = String(headers['content-security-policy']).split('; ')
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("script-src 'self'")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${number}`)
      expect(policy.join('; ')).not.toMatch(/script-src[^;]*unsafe|\*|https:/)
    }
    expect((await ask(number, { method: 'HEAD' })).body).toBe('')
    for (const method of ['PUT', 'DELETE', 'PATCH', 'TRACE']) {
      expect((await ask(number, { method, headers: own(number) })).status).toBe(405)
    }
  })

  it('outside the folder are never read', async () => {
    const { number } = await open()
    const paths = [
      '/../outside.txt',
      '/%2e%2e/outside.txt',
      '/..%2foutside.txt',
      '/assets/../../outside.txt',
      '/assets/%2e%2e/%2e%2e/outside.txt',
      '/..\\outside.txt',
      '/..%5coutside.txt',
      '//etc/passwd',
      '/%00',
      '/index.html%00.js',
      '/.secret',
      '/link.txt',
      '/assets',
      '/assets/',
      '/C:/windows',
      '/%',
      'http://127.0.0.1/outside.txt',
      '*',
    ]
    for (const path of paths) {
      const { status, body } = await ask(number, { path })
      expect([400, 404], path).toContain(status)
      expect(body, path).toBe('')
    }
  })
})

describe('the socket', () => {
  async function socket(opened: Opened): Promise<{ ws: WebSocket; got: HostMessage[]; closed: () => number | null }> {
    const { cookie, 'x-coppice-key': key } = await login(opened)
    const ws = new WebSocket(`${opened.port.address.replace('http', 'ws')}/socket`, ['coppice', key], {
      headers: { cookie, ...own(opened.number) },
    })
    ends.push(() => ws.terminate())
    const got: HostMessage[] = []
    let code: number | null = null
    ws.on('message', (bytes: Buffer) => {
      const frame = decodeFrame(bytes)
      if (frame?.kind === 'message') got.push(frame.message as HostMessage)
    })
    ws.on('close', (closed) => {
      code = closed
    })
    ws.on('error', () => {})
    await until(() => ws.readyState === WebSocket.OPEN)
    return { ws, got, closed: () => code }
  }
  const hello = encodeMessage({ type: 'hello', protocol: protocolVersion, version: '1', via: 'window' })

  it('speaks the contract, as a browser and nothing more', async () => {
    const opened = await open()
    const { ws, got } = await socket(opened)
    ws.send(hello)
    ws.send(encodeMessage({ type: 'subscribe' }))
    await until(() => got.length === 2)
    expect(got.map(({ type }) => type)).toEqual(['welcome', 'snapshot'])
    expect(opened.host.service.clients()).toMatchObject([{ via: 'browser' }])
    opened.host.journal.append({ type: 'run-queued', run: run('one') }, by)
    await until(() => got.length === 3)
    ws.close()
    await until(() => opened.host.service.clients().length === 0)
  })

  it('closes on text, and on a message above the cap', async () => {
    const opened = await open()
    const text = await socket(opened)
    text.ws.send('hello')
    await until(() => text.closed() === 1003)
    const large = await socket(opened)
    large.ws.send(Buffer.alloc(maxFrameBytes + 1))
    await until(() => large.closed() !== null)
    expect(large.closed()).toBe(1009)
  })

  it('ends with the port', async () => {
    const opened = await open()
    const { ws, closed } = await socket(opened)
    ws.send(hello)
    await until(() => opened.host.service.clients().length === 1)
    await opened.port.close()
    await until(() => closed() !== null)
    await until(() => opened.host.service.clients().length === 0)
    await expect(ask(opened.number)).rejects.toThrow('ECONNREFUSED')
  })
})

describe('the port', () => {
  it('is open on 127.0.0.1 and on no other address of this machine', async () => {
    const { number } = await open()
    const others = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter((one) => one.address !== '127.0.0.1' && !one.address.startsWith('fe80'))
      .map((one) => one.address)
    for (const address of [...others, '::1']) {
      const outcome = await new Promise<string>((resolve) => {
        const socket = connectNet({ port: number, host: address })
        socket.once('connect', () => resolve('open'))
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
        ends.push(() => socket.destroy())
      })
      expect(outcome, address).not.toBe('open')
    }
  })

  it('that is taken is said to be', async () => {
    const { number, root } = await open()
    const again = openPort({ port: number, root, onChannel() {} })
    await expect(again).rejects.toMatchObject({ failure: { code: 'in-use', detail: { port: number } } })
  })
})

describe('connections that are never closed', () => {
  /** A client that keeps its end open whatever the host says. */
  const hold = (number: number, text: string) =>
    new Promise<{ closed: Promise<void> }>((resolve, reject) => {
      const socket = connectNet({ port: number, host: '127.0.0.1', allowHalfOpen: true }, () => {
        socket.write(text)
        resolve({ closed })
      })
      const closed = new Promise<void>((done) => socket.once('close', () => done()))
      socket.on('error', () => {})
      socket.once('error', reject)
      socket.resume()
      // It keeps writing after the host's last word: only an end that the host has given up altogether answers with a reset.
      socket.once('end', () => {
        const timer = setInterval(() => socket.write('x'), 20)
        socket.once('close', () => clearInterval(timer))
      })
      ends.push(() => socket.destroy())
    })

  it.each([
    ['half a request', () => 'GET / HTTP/1.1\r\nX: '],
    [
      'a refused upgrade',
      () => 'GET /socket HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    ],
    ['no HTTP at all', () => 'hello\r\n\r\n'],
  ])('by %s, 300 of them: the next page is served, and a session that was there before goes on', async (_, text) => {
    const opened = await open()
    const { number } = opened
    const { cookie, 'x-coppice-key': key } = await login(opened)
    const socket = new WebSocket(`ws://127.0.0.1:${number}/socket`, ['coppice', key], {
      headers: { cookie, ...own(number) },
    })
    ends.push(() => socket.terminate())
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    for (let n = 0; n < 300; n++) await hold(number, text())
    expect((await ask(number, {})).status).toBe(200)
    expect(socket.readyState).toBe(WebSocket.OPEN)
  })

  it('are let go by the host once it has refused them', async () => {
    const { number } = await open()
    const refused = await hold(
      number,
      'GET /socket HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    )
    await refused.closed
    const nonsense = await hold(number, 'hello\r\n\r\n')
    await nonsense.closed
    expect((await ask(number, {})).status).toBe(200)
  })
})
