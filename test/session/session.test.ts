import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { KeeperError, type ReadHandlers } from '../../app/keeper/client.ts'
import type { TranscriptReader } from '../../app/model/transcript.ts'
import { createScreen } from '../../app/session/screen/screen.ts'
import { openRecorded, openSession, type Session, type SessionFacts, type Viewer } from '../../app/session/session.ts'
import { connect, dataDirectory, env } from '../keeper/harness.ts'

const size = { cols: 80, rows: 24 }
const opened: Session[] = []
const folders: string[] = []
afterEach(() => {
  for (const session of opened.splice(0)) session.close()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'coppice-session-'))
  folders.push(path)
  return path
}

async function until<T>(read: () => T | undefined | null | false, what: string, ms = 20_000): Promise<T> {
  const deadline = Date.now() + ms
  for (;;) {
    const value = read()
    if (value !== undefined && value !== null && value !== false) return value
    if (Date.now() > deadline) throw new Error(`never came: ${what}`)
    await sleep(10)
  }
}

/** A client's terminal: draws what it gets and acknowledges it, unless it is stuck. */
function client(options: { stuck?: boolean; ackAfterMs?: number } = {}) {
  const terminal = createScreen({ ...size, scrollback: 1500 })
  terminal.answering = false
  const log: string[] = []
  let screen = terminal
  let handle: { ack(bytes: number): void } | null = null
  let received = 0
  const viewer: Viewer = {
    start(start) {
      log.push(`start ${start.reason} ${start.cols}x${start.rows}${start.live ? '' : ' over'}`)
      screen = createScreen({ cols: start.cols, rows: start.rows })
      screen.answering = false
    },
    screen: (bytes) => screen.write(bytes),
    screenEnd: () => void log.push('screen'),
    output(bytes) {
      received += bytes.length
      screen.write(bytes)
      if (!options.stuck) setTimeout(() => handle?.ack(bytes.length), options.ackAfterMs ?? 0)
    },
    resized(cols, rows) {
      log.push(`resized ${cols}x${rows}`)
      screen.resize(cols, rows)
    },
    ended: () => void log.push('ended'),
  }
  return {
    viewer,
    log,
    attach: (session: Session) => {
      handle = session.attach(viewer)
    },
    text: () => screen.plainText(),
    picture: () => screen.serialise(),
    received: () => received,
  }
}

interface Opened {
  readonly session: Session
  readonly facts: SessionFacts[]
  readonly exit: () => { code: number | null; signal: string | null; endedAt: number } | null
}

function open(
  keeper: Awaited<ReturnType<typeof connect>>,
  sessionId: string,
  stateDir: string,
  more: Partial<Parameters<typeof openSession>[0]> = {},
): Opened {
  const facts: SessionFacts[] = []
  let exit: ReturnType<Opened['exit']> = null
  const session = openSession({
    keeper,
    sessionId,
    kind: 'pty',
    ...size,
    stateDir,
    onFacts: (now) => facts.push(now),
    onExit: (how, endedAt) => {
      exit = { ...how, endedAt }
    },
    ...more,
  })
  opened.push(session)
  return { session, facts, exit: () => exit }
}

let number = 0
const newId = () => `x${number++}-${process.pid}`

/** A pty session that runs `script` with sh. */
async function start(keeper: Awaited<ReturnType<typeof connect>>, script: string, id = newId()): Promise<string> {
  await keeper.spawn({ sessionId: id, kind: 'pty', file: '/bin/sh', args: ['-c', script], cwd: '/tmp', env, ...size })
  return id
}

describe('a session', () => {
  it('pastes a line whole or not at all, where the program reads lines and where it does not', async () => {
    const keeper = await connect(dataDirectory())
    const reads = `IFS= read -r a; echo "got \${#a}"`
    const id = await start(
      keeper,
      `echo up; ${reads}; ${reads}; ${reads}; stty raw -echo; echo raw; head -c 9000 | wc -c`,
    )
    const { session, exit } = open(keeper, id, folder())
    const shows = (text: string) => until(() => session.text().includes(text), text)
    await shows('up')
    const tooLong = { failure: { code: 'too-large', detail: { what: 'line', bytes: 4096, limit: 4095 } } }
    await expect(session.paste('x'.repeat(4096), true)).rejects.toMatchObject(tooLong)
    await expect(session.paste(`${'é'.repeat(2048)}`, true)).rejects.toMatchObject(tooLong)
    await session.paste('y'.repeat(4095), false)
    // What was typed of the line already counts.
    await expect(session.paste('z', false)).rejects.toMatchObject(tooLong)
    await session.paste('', true)
    await shows('got 4095')
    // Lines that are short enough arrive, however many there are at once.
    await session.paste(`${'a'.repeat(3000)}\n${'b'.repeat(4000)}`, true)
    await shows('got 3000')
    await shows('got 4000')
    await shows('raw')
    await session.paste('c'.repeat(9000), false)
    await shows('9000')
    expect((await until(exit, 'the exit')).code).toBe(0)
  })

  it('shows output, takes input, and says how it ended', async () => {
    const keeper = await connect(dataDirectory())
    const id = await start(keeper, 'printf "name? "; read name; printf "\\033]0;done\\007hello $name\\n"; exit 3')
    const { session, facts, exit } = open(keeper, id, folder())
    const view = client()
    await until(() => session.text().includes('name?'), 'the prompt')
    view.attach(session)
    session.write(Buffer.from('Ada\r'))
    const how = await until(exit, 'the exit')
    expect(how).toMatchObject({ code: 3, signal: null })
    expect(Math.abs(how.endedAt - Date.now())).toBeLessThan(60_000)
    expect(session.text()).toContain('hello Ada')
    await until(() => view.log.includes('ended'), 'the end of the view')
    expect(view.text()).toBe(session.text())
    expect(facts.at(-1)).toMatchObject({
      live: false,
      title: 'done',
      lastLine: 'hello Ada',
      activity: { state: 'idle', source: 'process' },
    })
  })

  it('answers a query once, and its views answer nothing', async () => {
    const keeper = await connect(dataDirectory())
    // The program shows what it was sent: raw, with its escapes made visible.
    const id = await start(
      keeper,
      'stty raw -echo; printf "\\033[c\\033[6n"; dd bs=1 count=13 2>/dev/null | od -An -c; stty sane',
    )
    const { session, exit } = open(keeper, id, folder())
    client().attach(session)
    client().attach(session)
    await until(exit, 'the exit')
    expect(session.text().replace(/\s+/g, '')).toContain('033[?1;2c033[1;1R')
  })

  it('pastes between markers where they were asked for, and nothing escapes', async () => {
    const keeper = await connect(dataDirectory())
    const id = await start(
      keeper,
      'stty raw -echo; printf "\\033[?2004hready"; dd bs=1 count=30 2>/dev/null | od -An -c; stty sane',
    )
    const { session, exit } = open(keeper, id, folder())
    await until(() => session.text().includes('ready'), 'ready')
    session.paste('one\n\u001b[201~two\u0003\u009b', true)
    session.write(Buffer.from('xxxxxxxxxx'))
    await until(exit, 'the exit')
    expect(session.text().replace(/\s+/g, '')).toContain('033[200~one\\rtwo033[201~')
  })

  it('resizes the program, the mirror and the views, within the limits', async () => {
    const keeper = await connect(dataDirectory())
    const id = await start(keeper, 'trap "stty size" WINCH; echo up; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; done')
    const { session } = open(keeper, id, folder())
    const view = client()
    view.attach(session)
    await until(() => session.text().includes('up'), 'the start')
    session.resize(120.7, 40)
    await until(() => session.text().includes('40 120'), 'the new size')
    session.resize(1, 1)
    expect(session.facts()).toMatchObject({ cols: 60, rows: 20 })
    session.resize(100_000, Number.NaN)
    expect(session.facts()).toMatchObject({ cols: 500, rows: 20 })
    expect(view.log).toContain('resized 120x40')
    await until(() => view.text() === session.text(), 'the same text')
  })

  it('loses nothing at a fast exit, although the view is slow and the session is closed at once', async () => {
    const keeper = await connect(dataDirectory())
    const id = await start(keeper, 'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; echo last')
    const stateDir = folder()
    const view = client()
    const { session, exit } = open(keeper, id, stateDir, {
      onExit: () => setImmediate(() => session.close()),
    })
    view.attach(session)
    await until(() => session.closed, 'the close')
    await until(() => view.log.includes('ended'), 'the end of the view')
    expect(view.text().endsWith('last')).toBe(true)
    expect(exit()).toBeNull()
  })
})

describe('views', () => {
  it('draw the mirror again after a lag, to the last cell', async () => {
    const keeper = await connect(dataDirectory())
    const line = '\\033[31m some text \\033[44m of a flood\\033[m\\n'
    const id = await start(
      keeper,
      `printf "\\033[?1006h\\033[?1002h"; yes "$(printf '${line}')" | head -c 6000000; echo; echo the last line; sleep 30`,
    )
    const { session } = open(keeper, id, folder())
    const view = client({ ackAfterMs: 30 })
    view.attach(session)
    await until(() => session.text().includes('the last line'), 'the flood')
    await until(() => view.picture() === sessionPicture(session), 'the same screen')
    const lags = view.log.filter((entry) => entry.startsWith('start lag')).length
    expect(lags).toBeGreaterThan(0)
    // Some output of each window came through, and far from all of it.
    expect(view.received()).toBeLessThan(6_000_000)
  })

  it('that are stuck hold nothing up and little memory; the pty is never paused', async () => {
    const keeper = await connect(dataDirectory())
    const id = await start(keeper, 'head -c 20000000 /dev/zero | tr "\\\\0" "x"; echo; echo done')
    const { session, exit } = open(keeper, id, folder())
    const stuck = client({ stuck: true })
    const well = client()
    stuck.attach(session)
    well.attach(session)
    await until(exit, 'the exit')
    await until(() => well.log.includes('ended'), 'the end of the view that draws')
    expect(well.text().endsWith('done')).toBe(true)
    expect(stuck.received()).toBeLessThanOrEqual(32 * 1024)
    expect(stuck.log).not.toContain('ended')
  })

  it('that throw are let go of', async () => {
    const keeper = await connect(dataDirectory())
    const id = await start(keeper, 'echo one; sleep 0.2; echo two; sleep 0.2')
    const { session, exit } = open(keeper, id, folder())
    session.attach({
      start() {},
      screen() {},
      screenEnd() {},
      output: () => {
        throw new Error('a broken view')
      },
      resized() {},
      ended() {},
    })
    const view = client()
    view.attach(session)
    await until(exit, 'the exit')
    await until(() => view.text().includes('two'), 'the other view')
  })
})

describe('a gap in the output', () => {
  it('ends the sequence it cut, is counted, and has the views drawn anew', async () => {
    let handlers: ReadHandlers | null = null
    const keeper = {
      read(_id: string, _where: object, given: ReadHandlers) {
        handlers = given
        return { at: 0, pause() {}, resume() {}, close() {} }
      },
      write: async () => {},
      resize: async () => {},
      list: async () => [],
      lineLimit: async () => null,
    }
    const session = openSession({ keeper, sessionId: 'fake', kind: 'pty', ...size, stateDir: folder() })
    opened.push(session)
    const reading: ReadHandlers = await until(() => handlers, 'a read')
    const view = client()
    view.attach(session)
    reading.onData(Buffer.from('before \u001b]0;half a ti'), 0)
    reading.onDropped(24, 5000)
    reading.onData(Buffer.from('after'), 5000)
    expect(session.text()).toBe('before after')
    await until(() => view.text() === 'before after', 'the view')
    expect(view.log.filter((line) => line.startsWith('start lag')).length).toBeGreaterThan(0)
    const late: number[] = []
    session.attach({ ...view.viewer, start: (start) => late.push(start.dropped) })
    expect(late).toEqual([4976])
    reading.onError?.(new KeeperError('closed', 'gone'))
    expect(session.facts().live).toBe(false)
    await until(() => view.log.at(-1) === 'ended', 'the end')
  })
})

/** The mirror's screen, as a fresh view gets it. */
function sessionPicture(session: Session): string {
  const view = client()
  view.attach(session)
  return view.picture()
}

describe('a session whose host went away', () => {
  it('is rebuilt at its byte, and what was answered is not answered again', async () => {
    const dataDir = dataDirectory()
    const keeper = await connect(dataDir)
    // Asks once at the start and once after the gap, and counts what comes.
    const id = await start(
      keeper,
      'stty raw -echo; printf "\\033[c"; dd bs=1 count=7 of=/dev/null 2>/dev/null; printf "first\\r\\n"; read -r go; printf "\\033[?6n\\033[41mred\\033[m\\r\\n"; dd bs=1 count=7 2>/dev/null | od -An -c; printf "end\\r\\n"; timeout 1 dd bs=1 count=1 2>/dev/null | od -An -c; stty sane; echo over; sleep 30',
    )
    const stateDir = folder()
    const first = open(keeper, id, stateDir)
    await until(() => first.session.text().includes('first'), 'the first answer')
    await until(() => exists(join(stateDir, 'answered')), 'the mark')
    first.session.close()
    expect(readFileSync(join(stateDir, 'answered'), 'utf8')).toMatch(/^\d{16}\n$/)

    // No host lives now; the program asks again, and a key is pressed through another connection.
    await keeper.write(id, Buffer.from('go\n'))
    await sleep(300)
    const second = open(await connect(dataDir), id, stateDir)
    await until(() => second.session.text().includes('over'), 'the end')
    const text = second.session.text().replace(/\s+/g, ' ')
    expect(text).toContain('first')
    // The answer to the question that no host saw, and not one byte besides.
    expect(text.replace(/ /g, '')).toContain('033[?2;1Rendover')
  })

  it('writes no byte when the whole of its output is replayed', async () => {
    const keeper = await connect(dataDirectory())
    const id = await start(
      keeper,
      'stty raw -echo; printf "\\033[c\\033[6n\\033]11;?\\007\\033]7501;?\\007"; sleep 1; stty sane; sleep 30',
    )
    const stateDir = folder()
    const first = open(keeper, id, stateDir)
    await until(() => Number(readOr(join(stateDir, 'answered'), '0')) > 20, 'the answers')
    first.session.close()
    // The checkpoint is lost; the mark is not.
    rmSync(join(stateDir, 'screen.json'))
    const written: Uint8Array[] = []
    const watched = { ...keeper, write: async (_id: string, bytes: Uint8Array) => void written.push(bytes) }
    const second = open(watched, id, stateDir)
    await until(() => second.session.facts().activity.state, 'facts')
    await sleep(300)
    expect(written).toEqual([])
  })

  it('goes on in the middle of a sequence and of a character', async () => {
    const keeper = await connect(dataDirectory())
    const id = await start(
      keeper,
      'printf "a\\033[3"; sleep 0.5; printf "1mred \\346\\274"; sleep 0.5; printf "\\242 end\\n"; sleep 30',
    )
    const stateDir = folder()
    const screens: string[] = []
    for (let round = 0; round < 12; round++) {
      const { session } = open(keeper, id, stateDir)
      await sleep(120)
      const view = client()
      view.attach(session)
      screens.push(view.text())
      session.close()
      if (session.text().includes('end')) break
    }
    const { session } = open(keeper, id, stateDir)
    await until(() => session.text() === 'ared 漢 end', 'the whole text')
    for (const text of screens) expect('ared 漢 end').toContain(text.replace(/\s+$/, ''))
  })

  it('keeps its title, its activity and the view of a killed host', async () => {
    const dataDir = dataDirectory()
    const keeper = await connect(dataDir)
    const message = Buffer.from('approve Write').toString('base64')
    const id = await start(
      keeper,
      `printf "\\033]0;my title\\007\\033]7501;state=blocked:kind=permission:msg=${message}\\007hello\\n"; sleep 30`,
    )
    const stateDir = folder()
    const script = join(folder(), 'host.ts')
    writeFileSync(
      script,
      `import { connectKeeper } from ${JSON.stringify(join(import.meta.dirname, '../../app/keeper/client.ts'))}
       import { openSession } from ${JSON.stringify(join(import.meta.dirname, '../../app/session/session.ts'))}
       const keeper = await connectKeeper({ dataDir: ${JSON.stringify(dataDir)}, clientVersion: 'test' })
       openSession({ keeper, sessionId: ${JSON.stringify(id)}, kind: 'pty', cols: 80, rows: 24, stateDir: ${JSON.stringify(stateDir)} })
       setInterval(() => {}, 1000)`,
    )
    // The first host is a process of its own, and is killed once it has left a checkpoint.
    const { spawn } = await import('node:child_process')
    const host = spawn(process.execPath, [script], { stdio: 'ignore' })
    await until(() => exists(join(stateDir, 'screen.json')), 'a checkpoint')
    host.kill('SIGKILL')
    await new Promise((resolve) => host.once('exit', resolve))
    const { session } = open(keeper, id, stateDir)
    const view = client()
    view.attach(session)
    expect(view.text()).toBe('hello')
    expect(session.facts()).toMatchObject({
      title: 'my title',
      activity: { state: 'waiting', kind: 'permission', message: 'approve Write', source: 'osc7501' },
    })
    session.write(Buffer.from('\u001b'))
    expect(session.facts().activity.state).toBe('unknown')
  })

  it('is shown from disk when nobody holds it any more', async () => {
    const dataDir = dataDirectory()
    const keeper = await connect(dataDir)
    const id = await start(keeper, 'printf "\\033[32mgreen\\033[m\\n"; sleep 30')
    const stateDir = folder()
    const { session, exit } = open(keeper, id, stateDir)
    await until(() => session.text().includes('green'), 'the text')
    let lost = false
    await keeper.signal(id, 'SIGKILL')
    await until(exit, 'the exit')
    const again = await start(keeper, 'echo spooled; sleep 30')
    const lostOne = open(keeper, again, folder(), { onLost: () => (lost = true) })
    await until(() => lostOne.session.text().includes('spooled'), 'the text')
    await sleep(200)
    process.kill(keeper.pid, 'SIGKILL')
    await until(() => lost, 'the loss')
    expect(lostOne.session.facts().live).toBe(false)

    const recorded = await openRecorded({ dataDir, sessionId: id, ...size, stateDir })
    const view = client()
    recorded.attach(view.viewer)
    expect(view.log).toEqual(['start attach 80x24 over', 'screen', 'ended'])
    expect(view.picture()).toContain('\x1b[0;32mgreen')
    // Without a checkpoint the spool is enough.
    const bare = await openRecorded({ dataDir, sessionId: again, ...size, stateDir: folder() })
    expect(bare.text()).toBe('spooled')
    await expect(openRecorded({ dataDir, sessionId: 'never-was', ...size, stateDir: folder() })).rejects.toMatchObject({
      failure: { code: 'not-found' },
    })
  })
})

describe('a headless agent', () => {
  const reader = (): TranscriptReader & { seen: unknown[] } => {
    const seen: unknown[] = []
    return {
      seen,
      read(event) {
        seen.push(event)
        const { say, tool, id, state } = event as Record<string, string>
        return {
          lines: [
            ...(say ? [{ role: 'agent' as const, text: say }] : []),
            ...(tool ? [{ role: 'tool' as const, text: tool, detail: 'a\u001b[31mdetail\nof two lines' }] : []),
          ],
          ...(id ? { sessionId: id } : {}),
          ...(state ? { activity: { state: state as 'working' } } : {}),
        }
      },
    }
  }
  const events = [
    { id: 'abc', state: 'working' },
    { say: 'Hello \u001b]0;owned\u0007\u001b[2Jthere\nsecond line' },
    { tool: 'Write' },
  ]
  const script = (more: string) =>
    `cat <<'END'\n${events.map((event) => JSON.stringify(event)).join('\n')}\nnot json \u001b[31m\nEND\necho oops >&2\n${more}`

  it('is shown as a transcript, teed, and its hostile text stripped', async () => {
    const keeper = await connect(dataDirectory())
    const id = newId()
    await keeper.spawn({
      sessionId: id,
      kind: 'pipe',
      file: '/bin/sh',
      args: ['-c', script('sleep 0.3; printf \'{"say":"no newline"}\'')],
      cwd: '/tmp',
      env,
    })
    const stateDir = folder()
    const found: string[] = []
    const { session, exit, facts } = open(keeper, id, stateDir, {
      kind: 'pipe',
      transcript: reader(),
      onAgentSession: (agentSession) => found.push(agentSession),
    })
    const view = client()
    view.attach(session)
    await until(exit, 'the exit')
    const text = session.text()
    expect(text).toContain('● Hello there\n  second line')
    expect(text).toContain('▸ Write adetail of two lines')
    expect(text).toContain('not json')
    expect(text).toContain('stderr │ oops')
    expect(text).toContain('● no newline')
    expect(found).toEqual(['abc'])
    expect(session.facts().title).toBeNull()
    expect(session.ending().stderrTail).toBe('oops\n')
    expect(facts.some((fact) => fact.activity.source === 'event')).toBe(true)
    const teed = readFileSync(join(stateDir, 'events.ndjson'), 'utf8').trim().split('\n')
    expect(teed.map((line) => JSON.parse(line))).toEqual([...events, { say: 'no newline' }])
    await until(() => view.log.includes('ended'), 'the end of the view')
    expect(view.text()).toBe(text)
  })

  it('goes on where a host left it: nothing twice, and the reader remembers', async () => {
    const keeper = await connect(dataDirectory())
    const id = newId()
    await keeper.spawn({
      sessionId: id,
      kind: 'pipe',
      file: '/bin/sh',
      args: ['-c', script('sleep 1; echo \'{"say":"later"}\'; sleep 30')],
      cwd: '/tmp',
      env,
    })
    const stateDir = folder()
    const first = open(keeper, id, stateDir, { kind: 'pipe', transcript: reader() })
    await until(() => first.session.text().includes('oops'), 'the first part')
    first.session.close()
    const again = reader()
    const second = open(keeper, id, stateDir, { kind: 'pipe', transcript: again })
    await until(() => second.session.text().includes('later'), 'the second part')
    expect(second.session.text().match(/Hello there/g)).toHaveLength(1)
    expect(again.seen).toEqual([...events, { say: 'later' }])
    expect(readFileSync(join(stateDir, 'events.ndjson'), 'utf8').trim().split('\n')).toHaveLength(4)
  })
})

const exists = (path: string) => readOr(path, '') !== ''
function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return otherwise
  }
}
