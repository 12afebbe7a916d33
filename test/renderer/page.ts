// A real browser on the built client and the fixture host, for what only a browser can show: renders, keys, focus, frames, rules of
// content security, accessibility. One browser per test file; each test gets a fixture and a page of its own.
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { chromiumOptions } from '../harness/chromium.ts'
import { createFixture, type Fixture, serveFixture } from '../harness/fixture-host.ts'
import type { FixtureOptions } from '../harness/fixture-scene.ts'

export interface Visit {
  readonly page: Page
  readonly fixture: Fixture
  readonly address: string
  /** Everything that the page logged as an error or threw. */
  readonly complaints: string[]
  close(): Promise<void>
}

/** Launches Chromium; builds the client first where its sources are newer. */
export async function launch(): Promise<Browser> {
  const { build } = (await import(String(new URL('../../scripts/build.mjs', import.meta.url)))) as {
    build(names: string[]): Promise<string[]>
  }
  await build(['renderer'])
  return chromium.launch(await chromiumOptions())
}

/** Opens a page on a fixture of its own, and waits until it shows what the fixture holds. */
export async function visit(
  browser: Browser,
  scene: FixtureOptions = {},
  options: {
    readonly width?: number
    readonly height?: number
    readonly light?: boolean
    readonly before?: string
  } = {},
): Promise<Visit> {
  const fixture = createFixture(scene)
  const { address, close } = await serveFixture(fixture, { root: join(import.meta.dirname, '../../dist/renderer') })
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1440, height: options.height ?? 900 },
    colorScheme: options.light ? 'light' : 'dark',
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const complaints: string[] = []
  page.on('console', (message) => {
    // A lost line is what several tests are about, and Chromium logs each refused socket by itself.
    if (message.type() === 'error' && !/WebSocket connection|ERR_CONNECTION/.test(message.text()))
      complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  if (options.before) await page.addInitScript(options.before)
  await page.goto(address)
  await page
    .locator(scene.empty ? 'h1' : 'article[data-run-id], [data-row]')
    .first()
    .waitFor()
  return {
    page,
    fixture,
    address,
    complaints,
    async close() {
      await context.close()
      await close()
    },
  }
}

/** A run's tile. */
export const tileOf = (page: Page, runId: string) => page.locator(`article[data-run-id="${runId}"]`)

/** The text of a run's terminal as drawn. */
export async function textOf(page: Page, runId: string): Promise<string> {
  const rows = await tileOf(page, runId).locator('.xterm-rows > div').allTextContents()
  return rows
    .map((row) => row.replaceAll('\u00a0', ' ').trimEnd())
    .join('\n')
    .trimEnd()
}

/** Asks until the test holds; then gives the value, else fails with the last one. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  test: (value: T) => boolean,
  ms = 20_000,
): Promise<T> {
  const end = Date.now() + ms
  for (;;) {
    const value = await probe()
    if (test(value)) return value
    if (Date.now() > end) throw new Error(`Never ${what}; last: ${JSON.stringify(value)}`)
    await new Promise((next) => setTimeout(next, 50))
  }
}
