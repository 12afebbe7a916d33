// Nine terminals that flood, in the real client on a real host: how smooth the page stays, how long a keystroke takes to its paint
// meanwhile, and how fast the bytes come through keeper, host and client against xterm.js alone, fed the same bytes in the same
// page. And what fifty shells cost that only wait. Ratios from one run, and memory.
// Asserted: each key's echo is drawn, each screen is right, and how often React draws meanwhile.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build as bundle } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumOptions } from '../harness/chromium.ts'
import { sleep, startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { sized } from './sizes.ts'

const root = resolve(import.meta.dirname, '../..')
const tiles = sized({ long: 9, short: 3 })
const idleKeys = sized({ long: 24, short: 4 })
const floodKeys = sized({ long: 48, short: 8 })
const hostKeys = sized({ long: 12, short: 3 })
const waiting = sized({ long: 50, short: 12 })
/** Typing ends after this long in any case. Milliseconds. */
const longestTyping = 8_000
/** What each of them prints in the second part, where it is measured from the first byte to the last. */
const bytesEach = sized({ long: 1_000_000, short: 150_000 })

/** What an agent's terminal is full of: numbered, coloured lines of different lengths. Also made in the page, from this source. */
function floodText(bytes: number): string {
  const lines: string[] = []
  let length = 0
  for (let i = 0; length < bytes; i++) {
    const level = i % 17 === 0 ? '\u001b[33mwarn\u001b[m' : '\u001b[2minfo\u001b[m'
    const line = `\u001b[90m${String(i).padStart(6, '0')}\u001b[m ${level} request ${(i * 7919) % 10_007} took ${i % 240} ms ${'·'.repeat(i % 23)}\r\n`
    lines.push(line)
    length += line.length + (i % 23)
  }
  return lines.join('')
}

/** What the page counts about itself, from before its first script on. */
interface Counters {
  received: number
  frames: number
  worstFrame: number
  /** Milliseconds from the key event's own time stamp to the task behind the frame that drew the echo. */
  echoes: number[]
  /** Watches a run's terminal: from each printable key on, until the last written row ends with all that was typed. */
  watch(runId: string): void
  clear(): void
}
type Counted = Window & { bench: Counters; XtermAlone: typeof import('@xterm/xterm').Terminal }

function count(): void {
  const bench: Counters = {
    received: 0,
    frames: 0,
    worstFrame: 0,
    echoes: [],
    clear() {
      bench.frames = 0
      bench.worstFrame = 0
      bench.received = 0
      bench.echoes = []
    },
    watch(runId) {
      const tile = document.querySelector(`article[data-run-id="${runId}"]`)
      let typed = ''
      let began: number | null = null
      addEventListener(
        'keydown',
        (event) => {
          if (event.key === 'Enter') typed = ''
          if (event.key.length !== 1 || event.ctrlKey) return
          typed += event.key
          began = event.timeStamp
        },
        { capture: true },
      )
      const after = new MessageChannel()
      after.port1.onmessage = ({ data }) => bench.echoes.push(performance.now() - data)
      new MutationObserver(() => {
        if (began === null) return
        const rows = [...(tile?.querySelectorAll('.xterm-rows > div') ?? [])]
          .map((row) => (row.textContent ?? '').replaceAll('\u00a0', ' ').trimEnd())
          .filter((row) => row !== '')
        if (!rows.at(-1)?.endsWith(typed)) return
        after.port2.postMessage(began)
        began = null
      }).observe(tile?.querySelector('.term') ?? document.body, { subtree: true, childList: true, characterData: true })
    },
  }
  let last = 0
  const frame = (now: number) => {
    bench.frames++
    if (last > 0) bench.worstFrame = Math.max(bench.worstFrame, now - last)
    last = now
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
  const Real = WebSocket
  Object.assign(window, {
    bench,
    coppiceRenders: {},
    WebSocket: class extends Real {
      constructor(...given: ConstructorParameters<typeof WebSocket>) {
        super(...given)
        this.addEventListener('message', ({ data }) => {
          bench.received += (data as ArrayBuffer).byteLength ?? 0
        })
      }
    },
  })
}

let browser: Browser
let repo: TestRepo
let xterm: string

beforeAll(async () => {
  repo = makeRepo()
  const { outputFiles } = await bundle({
    stdin: { contents: "export { Terminal } from '@xterm/xterm'", resolveDir: root },
    bundle: true,
    format: 'iife',
    globalName: 'bundled',
    footer: { js: 'globalThis.XtermAlone = bundled.Terminal' },
    write: false,
  })
  xterm = outputFiles[0]!.text
  browser = await chromium.launch(await chromiumOptions())
})
afterAll(async () => {
  await browser?.close()
  repo?.close()
})

async function openHost(): Promise<{ host: TestHost; repositoryId: string }> {
  const host = await startHost({ settings: { maxRunning: 60, maxRunningPerRepository: 60, lowDiskBytes: 0 } })
  const { repositoryId } = await host.call('repository.add', { path: repo.path })
  return { host, repositoryId }
}

async function openClient(host: TestHost): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const page = await context.newPage()
  await page.addInitScript(`(${count})()`)
  await page.goto((await host.call('host.serve', {})).url)
  await page.locator('[data-link="connected"]').waitFor({ state: 'attached', timeout: 30_000 })
  return page
}

describe('bench: floods', () => {
  it(`${tiles} flooding terminals and one more to type into`, async () => {
    const { host, repositoryId } = await openHost()
    const flag = (name: string) => join(host.home, name)
    try {
      writeFileSync(flag('text'), floodText(bytesEach))
      writeFileSync(
        flag('flood.sh'),
        `await() { until [ -e "${host.home}/$1" ]; do sleep 0.05; done; }
stty -onlcr
await flood
while [ ! -e "${flag('calm')}" ]; do cat "${flag('text')}"; done
printf '\\r\\nCALM\\r\\n'
await measure
cat "${flag('text')}"
printf '\\r\\nEND\\r\\n'
exec sleep 600
`,
      )
      // A short prompt: what is typed stays on one row.
      for (const name of ['.bashrc', '.bash_profile']) writeFileSync(flag(name), "PS1='$ '\n")
      const typist = await create(host, repositoryId, { agent: 'shell', id: 'typist' })
      for (let i = 1; i <= tiles; i++) {
        await create(host, repositoryId, { commandLine: `bash ${flag('flood.sh')}`, id: `flood-${i}` })
      }
      const floods = Array.from({ length: tiles }, (_, i) => `flood-${i + 1}`)
      await host.until('all running', () => Object.values(host.state().runs).every((run) => run.phase === 'running'))
      const page = await openClient(host)
      await page.waitForFunction(
        (wanted) => document.querySelectorAll('article [data-term="shown"] .xterm-rows').length === wanted,
        tiles + 1,
      )
      await page.locator(`article[data-run-id="${typist}"] .xterm-screen`).click()
      await page.locator(`article[data-run-id="${typist}"].is-typing`).waitFor()
      await page.evaluate((id) => (window as unknown as Counted).bench.watch(id), typist)
      // The click gave the shell another size; its prompt is drawn anew.
      await sleep(800)

      const memory = { before: await memoryOf(host, page) }
      const idle = await type(page, idleKeys, 'i')
      const written = () =>
        Promise.all(floods.map(async (id) => (await host.call('run.logs', { runId: id, raw: true })).firstByte))

      writeFileSync(flag('flood'), '')
      await sleep(2000)
      const [beganAt, from] = [performance.now(), await written()]
      const early = await memoryOf(host, page)
      const direct = await echoOfHost(host, typist, hostKeys)
      const renders = await rendersOf(page)
      const flooding = await type(page, floodKeys, 'f')
      const rendered = (await rendersOf(page)) - renders
      const late = await memoryOf(host, page)
      const produced = (await written()).reduce((sum, byte, i) => sum + byte - from[i]!, 0)
      const producedRate = produced / (performance.now() - beganAt)

      writeFileSync(flag('calm'), '')
      await allShow(page, floods, 'CALM')
      await sleep(1500)
      const after = await memoryOf(host, page)

      await page.evaluate(() => (window as unknown as Counted).bench.clear())
      const through = allShow(page, floods, 'END')
      await sleep(200)
      const measured = performance.now()
      writeFileSync(flag('measure'), '')
      await through
      const throughMs = performance.now() - measured
      const received = await page.evaluate(() => (window as unknown as Counted).bench.received)
      const screens = await Promise.all(floods.map((id) => screenOf(page, id)))

      const alone = await xtermAlone(page)
      const total = tiles * readFileSync(flag('text')).length
      const rate = (ms: number) => total / ms / 1000
      console.log(
        [
          `floods · frames: ${flooding.fps.toFixed(1)} a second while ${tiles} flood, ${idle.fps.toFixed(1)} idle, ratio ${(flooding.fps / idle.fps).toFixed(2)}; longest ${flooding.worst.toFixed(0)} ms`,
          `floods · keystroke to paint: p50 ${flooding.p50.toFixed(0)} ms, p95 ${flooding.p95.toFixed(0)} ms flooding; p50 ${idle.p50.toFixed(0)} ms, p95 ${idle.p95.toFixed(0)} ms idle; ratio of p50 ${(flooding.p50 / idle.p50).toFixed(1)} (${flooding.keys} and ${idle.keys} keys)`,
          `floods · of which up to a client without a page: p50 ${direct.p50.toFixed(0)} ms, p95 ${direct.p95.toFixed(0)} ms (host, keeper, shell and back)`,
          `floods · the agents printed ${(producedRate / 1000).toFixed(1)} MB/s together meanwhile`,
          `floods · ${(total / 1e6).toFixed(0)} MB from ${tiles} agents to as many right screens: ${rate(throughMs).toFixed(1)} MB/s; xterm.js alone ${rate(alone.ms).toFixed(1)} MB/s; ratio ${(alone.ms / throughMs).toFixed(2)}; the page was sent ${((received / total) * 100).toFixed(0)} % of it`,
          `floods · memory before / flooding / ${(flooding.ms / 1000).toFixed(0)} s later / calm, MB: ${inWords([memory.before, early, late, after])}`,
        ].join('\n'),
      )
      expect(idle.echoes).toBe(idleKeys)
      expect(flooding.echoes).toBe(flooding.keys)
      const end = withoutSpaces(`${readFileSync(flag('text'), 'utf8').replaceAll(/\u001b\[[0-9;]*m/g, '')}END`)
      for (const screen of screens) {
        expect(screen.length).toBeGreaterThan(100)
        expect(screen).toBe(end.slice(-screen.length))
      }
      expect(received).toBeGreaterThan(0)
      // A change of what a run is doing draws its tile once; what it prints draws none.
      expect(rendered).toBeLessThanOrEqual(2 * (tiles + 1))
      expect(alone.parsed).toBe(total)
    } finally {
      await host.close()
    }
  })

  it(`${waiting} shells that wait`, async () => {
    const { host, repositoryId } = await openHost()
    try {
      const page = await openClient(host)
      const before = await memoryOf(host, page)
      const runIds = (await host.call('run.create', { repositoryId, agent: 'shell', copies: waiting, setup: 'skip' }))
        .runIds
      await host.until('all running', () => runIds.every((id) => host.run(id).phase === 'running'), 60_000)
      await page.locator('[data-row], article[data-run-id]').first().waitFor()
      await sleep(3000)
      const after = await memoryOf(host, page)
      await page.evaluate(() => (window as unknown as Counted).bench.clear())
      const rendersBefore = await rendersOf(page)
      await sleep(3000)
      const drawn = (await rendersOf(page)) - rendersBefore
      const { frames, received } = await page.evaluate(() => {
        const { frames, received } = (window as unknown as Counted).bench
        return { frames, received }
      })
      console.log(
        [
          `${waiting} idle shells · memory before / after, MB: ${inWords([before, after])}`,
          `${waiting} idle shells · a run costs ${((after.host - before.host) / waiting).toFixed(2)} MB in the host, ${((after.keeper - before.keeper) / waiting).toFixed(2)} MB in the keeper, ${((after.renderer - before.renderer) / waiting).toFixed(2)} MB in the page; ${(frames / 3).toFixed(0)} frames a second, ${(received / 3).toFixed(0)} bytes a second to the page`,
        ].join('\n'),
      )
      expect(runIds).toHaveLength(waiting)
      // Each may turn from working to idle once meanwhile; nothing else is drawn or sent.
      expect(drawn).toBeLessThanOrEqual(2 * waiting)
      expect(received).toBeLessThan(2_000 * waiting)
    } finally {
      await host.close()
    }
  })
})

async function create(
  host: TestHost,
  repositoryId: string,
  run: { readonly id: string; readonly agent?: 'shell'; readonly commandLine?: string },
): Promise<string> {
  const { runIds } = await host.call('run.create', {
    repositoryId,
    agent: 'command',
    setup: 'skip',
    install: false,
    ...run,
  })
  return runIds[0]!
}

/** Types comments of 20 characters into the terminal that has the keys, waiting for each echo, and counts frames meanwhile. */
async function type(page: Page, most: number, letter: string) {
  await page.evaluate(() => (window as unknown as Counted).bench.clear())
  const began = performance.now()
  let keys = 0
  while (keys < most && performance.now() - began < longestTyping) {
    if (keys % 20 === 0 && keys > 0) {
      await page.keyboard.press('Enter')
      await sleep(300)
    }
    await page.keyboard.press(keys % 20 === 0 ? '#' : letter)
    keys++
    await page.waitForFunction((wanted) => (window as unknown as Counted).bench.echoes.length >= wanted, keys, {
      polling: 40,
      timeout: 30_000,
    })
    // Not in step with frames or with the host's own pieces.
    await sleep(60 + ((keys * 37) % 70))
  }
  await page.keyboard.press('Enter')
  const { frames, worstFrame, echoes } = await page.evaluate(() => (window as unknown as Counted).bench)
  const ms = performance.now() - began
  return { fps: (frames / ms) * 1000, worst: worstFrame, ...percentiles(echoes), keys, echoes: echoes.length, ms }
}

/** How long the host takes from a key to its echo: a second client, which draws nothing. */
async function echoOfHost(host: TestHost, runId: string, keys: number) {
  let heard: (() => void) | null = null
  let asked = ''
  const attachment = host.client.attach(runId, {
    onScreenStart() {},
    onScreen() {},
    onScreenEnd: () => heard?.(),
    onOutput(bytes) {
      attachment.ack(bytes.length)
      if (asked !== '' && Buffer.from(bytes).includes(asked)) heard?.()
    },
    onResized() {},
    onEnded() {},
    onFailed() {},
  })
  const heardOf = (act: () => void) =>
    new Promise<void>((done) => {
      heard = done
      act()
    })
  await heardOf(() => {})
  const echoes: number[] = []
  for (let key = 0; key < keys; key++) {
    asked = key === 0 ? '#' : 'h'
    const began = performance.now()
    await heardOf(() => attachment.input(Buffer.from(asked)))
    echoes.push(performance.now() - began)
    await sleep(40 + ((key * 37) % 50))
  }
  attachment.input(Buffer.from('\r'))
  await sleep(300)
  attachment.detach()
  return percentiles(echoes)
}

function percentiles(values: readonly number[]): { p50: number; p95: number } {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p95: at(0.95) }
}

async function allShow(page: Page, runIds: readonly string[], word: string): Promise<void> {
  await page.waitForFunction(
    ([ids, end]) =>
      ids.every((id) =>
        [...document.querySelectorAll(`article[data-run-id="${id}"] .xterm-rows > div`)].some((row) =>
          row.textContent?.startsWith(end),
        ),
      ),
    [runIds, word] as const,
    { polling: 50, timeout: 60_000 },
  )
}

const withoutSpaces = (text: string) => text.replaceAll(/\s/g, '')

/** All that a terminal shows, rows joined and spaces left out: how wide a tile is does not matter then. */
async function screenOf(page: Page, runId: string): Promise<string> {
  return withoutSpaces(await page.locator(`article[data-run-id="${runId}"] .xterm-rows`).innerText())
}

/** How often React has drawn a tile or a row of the list. */
const rendersOf = (page: Page): Promise<number> =>
  page.evaluate(() => Object.values(window.coppiceRenders ?? {}).reduce((sum, count) => sum + count, 0))

/** Bare terminals over the client's tiles, fed the same text as fast as they take it. */
async function xtermAlone(page: Page): Promise<{ ms: number; parsed: number }> {
  await page.evaluate(`${xterm}; globalThis.floodText = ${floodText}`)
  return page.evaluate(
    async ([many, bytes]) => {
      const { XtermAlone } = window as unknown as Counted
      const { floodText } = window as unknown as { floodText(bytes: number): string }
      const box = document.createElement('div')
      box.style.cssText =
        'position: fixed; inset: 0; z-index: 9999; display: grid; grid-template-columns: repeat(3, 1fr); grid-auto-rows: 33%; overflow: hidden'
      document.body.append(box)
      const text = new TextEncoder().encode(floodText(bytes))
      const terminals = Array.from({ length: many }, () => {
        const place = document.createElement('div')
        place.style.overflow = 'hidden'
        box.append(place)
        const terminal = new XtermAlone({ cols: 80, rows: 24, scrollback: 2000, fontSize: 10 })
        terminal.open(place)
        return terminal
      })
      await new Promise((next) => setTimeout(next, 500))
      const began = performance.now()
      let parsed = 0
      await Promise.all(
        terminals.map(async (terminal) => {
          for (let from = 0; from < text.length; from += 16_384) {
            const piece = text.subarray(from, from + 16_384)
            await new Promise<void>((done) => terminal.write(piece, done))
            parsed += piece.length
          }
        }),
      )
      await new Promise(requestAnimationFrame)
      const ms = performance.now() - began
      for (const terminal of terminals) terminal.dispose()
      box.remove()
      return { ms, parsed }
    },
    [tiles, bytesEach] as const,
  )
}

interface Memory {
  readonly host: number
  readonly keeper: number
  readonly renderer: number
  readonly heap: number
}

/** Resident megabytes of the host, the keeper and the page's process, and the page's JavaScript heap after a collection. */
async function memoryOf(host: TestHost, page: Page): Promise<Memory> {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = (await session.send('Runtime.getHeapUsage')) as { usedSize: number }
  await session.detach()
  const whole = await browser.newBrowserCDPSession()
  const { processInfo } = (await whole.send('SystemInfo.getProcessInfo')) as {
    processInfo: { type: string; id: number }[]
  }
  await whole.detach()
  const keeperPid = await host.keeperPid()
  const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => resident(id))
  return {
    host: resident(host.hostPid()),
    // Before the first session there is none.
    keeper: keeperPid ? resident(keeperPid) : 0,
    renderer: Math.max(...renderers),
    heap: usedSize / 1e6,
  }
}

const resident = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000

const inWords = (samples: readonly Memory[]): string =>
  (['host', 'keeper', 'renderer', 'heap'] as const)
    .map(
      (part) =>
        `${part === 'heap' ? 'page heap' : part} ${samples.map((sample) => sample[part].toFixed(0)).join(' / ')}`,
    )
    .join(' · ')
