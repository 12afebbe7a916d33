// One person's hands and eyes for the end-to-end tests, the same in Electron's window and in a browser: it finds things by their
// role and name, reads a tile by its data-* attributes and its terminal's text, and kills processes for real. How the client is
// opened and brought back is the only thing that differs between the two (`Client` below).
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import {
  _electron,
  type BrowserServer,
  type ElectronApplication,
  type Page,
  chromium as playwright,
} from 'playwright-core'
import { displayProblem, installedElectron, libraryProblem } from '../../scripts/electron-runtime.mjs'
import { chromiumOptions, rootArguments } from './chromium.ts'
import { hermeticEnvironment } from './test-repo.ts'

export const root = resolve(import.meta.dirname, '../..')
const cliProgram = join(root, 'dist/app/cli.mjs')

export interface TileView {
  readonly runId: string
  readonly phase: string
  readonly activity: string
  readonly attention: string
  readonly title: string
  /** The terminal's rows as drawn, without trailing blanks and without the empty rows below the last one. */
  readonly text: string
}

export interface AppDriver {
  readonly name: 'electron' | 'chromium'
  readonly environment: Record<string, string>
  readonly home: string
  /** The page, for what has no verb here. Another one after each opening. */
  readonly page: Page
  /** What the page threw or logged as an error, over all its openings. */
  readonly complaints: readonly string[]
  /** Starts Coppice as a person does, and waits until the client shows something. `words` go on its command line. */
  open(...words: string[]): Promise<void>
  addRepository(path: string): Promise<void>
  /** Starts a run of a command line through the dialog, and gives its id once its tile is there. */
  newRun(options: { readonly command: string; readonly branch: string; readonly prompt?: string }): Promise<string>
  tiles(): Promise<TileView[]>
  tile(runId: string): Promise<TileView>
  /** Waits until the tile is as wanted; fails with what it was instead. */
  untilTile(runId: string, what: string, test: (tile: TileView) => boolean, timeoutMs?: number): Promise<TileView>
  /** Gives the terminal the keys, types, and takes the keys back. `\n` is Enter. */
  type(runId: string, text: string): Promise<void>
  /** SIGKILLs the process that the window belongs to, with all that depends on it. */
  killWindow(): Promise<void>
  /** SIGKILLs the host, and waits until the client shows the runs again: the window by itself, a browser at its new address. */
  killHost(): Promise<void>
  /** Pushes through the publish dialog; gives what it says about it. */
  push(runId: string): Promise<string>
  /** Removes through the question, where one is asked, and waits until the tile is gone. Gives what was asked. */
  remove(runId: string): Promise<string>
  /** Takes the last removal back by the Undo that is offered. */
  undo(runId: string): Promise<void>
  screenshot(path: string): Promise<void>
  /** The CLI on the same data directory: its JSON. */
  cli<T = unknown>(...words: string[]): Promise<T>
  /** Ends everything that this driver started: client, agents, host, keeper. */
  close(): Promise<void>
}

/** The window's driver also gives its main process. */
export interface ElectronDriver extends AppDriver {
  readonly app: ElectronApplication
  /** The main process; also after it has ended. */
  readonly child: ChildProcess
}

interface Opened {
  readonly page: Page
  readonly electron?: { readonly app: ElectronApplication; readonly child: ChildProcess }
  /** The same client again after its host was killed: the same page in the window, the new address in a browser. */
  afterHostLoss(): Promise<Page>
  kill(): Promise<void>
}
type Open = (environment: Record<string, string>, words: readonly string[]) => Promise<Opened>

/** Why Electron cannot be driven on this machine, or null. Root is no reason: tests pass --no-sandbox then, and nothing else does. */
export function electronProblem(): string | null {
  const electron = installedElectron()
  if (!electron) return 'no Electron is installed, and ELECTRON_OVERRIDE_DIST_PATH names none'
  return (displayProblem() ?? libraryProblem({ executable: electron.executable }))?.why ?? null
}

export const chromiumDriver = (): AppDriver => makeDriver('chromium', openChromium).driver

export function electronDriver(): ElectronDriver {
  const { driver, opened } = makeDriver('electron', openElectron)
  const electron = () => {
    const found = opened()?.electron
    if (!found) throw new Error('The app is not open')
    return found
  }
  return Object.defineProperties(driver, {
    app: { get: () => electron().app },
    child: { get: () => electron().child },
  }) as ElectronDriver
}

const openElectron: Open = async (environment, words) => {
  const electron = installedElectron()
  if (!electron) throw new Error('There is no Electron')
  const app: ElectronApplication = await _electron.launch({
    executablePath: electron.executable,
    args: [...rootArguments, root, ...words],
    env: environment,
    cwd: environment.HOME,
    timeout: 60_000,
  })
  const page = await app.firstWindow({ timeout: 60_000 })
  const child = app.process()
  return {
    page,
    electron: { app, child },
    afterHostLoss: async () => page,
    kill: () => killed(child),
  }
}

const openChromium: Open = async (environment, words) => {
  // `npm start` where there is no display: it serves, says the address, and stays.
  const { DISPLAY: _x, WAYLAND_DISPLAY: _wayland, ...headless } = environment
  const starter = spawn(process.execPath, [join(root, 'scripts/start.mjs'), ...words], {
    env: headless,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const addresses = addressesOf(starter)
  const server: BrowserServer = await playwright.launchServer({
    ...(await chromiumOptions()),
    // Not by name: a minimal container may not know "localhost".
    host: '127.0.0.1',
  })
  const browser = await playwright.connect(server.wsEndpoint())
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const page = await context.newPage()
  await page.goto(await addresses.next())
  return {
    page,
    async afterHostLoss() {
      // The address differs in its fragment only, which alone would not load the page again.
      await page.goto('about:blank')
      await page.goto(await addresses.next())
      return page
    },
    async kill() {
      await killed(server.process())
      await killed(starter)
    },
  }
}

/** The addresses that the starter says, one after the other. */
function addressesOf(starter: ChildProcess): { next(): Promise<string> } {
  const waiting: ((address: string) => void)[] = []
  const said: string[] = []
  let errors = ''
  let fail: (error: Error) => void = () => {}
  const gone = new Promise<never>((_resolve, reject) => {
    fail = reject
  })
  gone.catch(() => {})
  starter.stderr?.on('data', (text) => {
    errors += text
  })
  starter.on('exit', (code) => fail(new Error(`npm start ended with ${code}:\n${errors}`)))
  if (starter.stdout) {
    createInterface({ input: starter.stdout }).on('line', (line) => {
      const address = /http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]+/.exec(line)?.[0]
      if (!address) return
      const next = waiting.shift()
      if (next) next(address)
      else said.push(address)
    })
  }
  return {
    next: () => {
      const ready = said.shift()
      return Promise.race([ready ? Promise.resolve(ready) : new Promise<string>((taken) => waiting.push(taken)), gone])
    },
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((done) => child.once('exit', done))
  child.kill('SIGKILL')
  await gone
}

function makeDriver(name: AppDriver['name'], open: Open): { driver: AppDriver; opened(): Opened | null } {
  const home = realpathSync(mkdtempSync(join(tmpdir(), `coppice-${name}-`)))
  mkdirSync(join(home, 'run'), { mode: 0o700 })
  writeFileSync(
    join(home, '.gitconfig'),
    '[user]\n\tname = Ada Author\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n',
  )
  const environment: Record<string, string> = {
    ...hermeticEnvironment(home),
    SHELL: '/bin/bash',
    TERM: 'xterm-256color',
    XDG_RUNTIME_DIR: join(home, 'run'),
    COPPICE_HOME: join(home, 'data'),
  }
  for (const key of ['DISPLAY', 'XAUTHORITY', 'WAYLAND_DISPLAY', 'ELECTRON_OVERRIDE_DIST_PATH']) {
    const value = process.env[key]
    if (value) environment[key] = value
  }
  const complaints: string[] = []
  let opened: Opened | null = null

  const page = (): Page => {
    if (!opened) throw new Error('The app is not open')
    return opened.page
  }
  const article = (runId: string) => page().locator(`article[data-run-id="${runId}"]`)

  async function cli<T>(...words: string[]): Promise<T> {
    const { stdout } = await promisify(execFile)(process.execPath, [cliProgram, ...words, '--json'], {
      env: environment,
      maxBuffer: 64 * 1024 * 1024,
    })
    return JSON.parse(stdout) as T
  }

  /** The client is connected and shows the first screen or the runs. */
  async function ready(): Promise<void> {
    await page().locator('[data-link="connected"]').waitFor({ state: 'attached', timeout: 60_000 })
    const first = page().getByRole('heading', { name: 'Add a repository to begin' })
    await first
      .or(page().getByRole('button', { name: /^New run/ }))
      .first()
      .waitFor({ timeout: 60_000 })
  }

  function readTiles(): Promise<TileView[]> {
    return page()
      .locator('article[data-run-id]')
      .evaluateAll((elements) =>
        elements.map((element) => {
          const { runId = '', phase = '', activity = '', attention = '' } = (element as HTMLElement).dataset
          // A no-break space is how the DOM renderer draws an empty cell.
          const rows = [...element.querySelectorAll('.xterm-rows > div')].map((row) =>
            (row.textContent ?? '').replaceAll('\u00a0', ' ').trimEnd(),
          )
          return {
            runId,
            phase,
            activity,
            attention,
            title: element.querySelector('h2')?.textContent ?? '',
            text: rows.join('\n').trimEnd(),
          }
        }),
      )
  }

  async function tile(runId: string): Promise<TileView> {
    const all = await readTiles()
    const found = all.find((one) => one.runId === runId)
    if (!found)
      throw new Error(`There is no tile ${runId}; there are ${all.map((one) => one.runId).join(', ') || 'none'}`)
    return found
  }

  async function focus(runId: string): Promise<void> {
    await article(runId).locator('.tile-head').click()
    await article(runId).and(page().locator('.is-focus')).waitFor()
  }

  const driver: AppDriver = {
    name,
    home,
    environment,
    complaints,
    get page() {
      return page()
    },
    async open(...words) {
      opened = await open(environment, words)
      opened.page.on('pageerror', (error) => complaints.push(String(error)))
      opened.page.on('console', (message) => {
        // A socket that was lost is what several tests are about.
        if (message.type() === 'error' && !/WebSocket|ERR_CONNECTION|Failed to load resource/.test(message.text())) {
          complaints.push(message.text())
        }
      })
      await ready()
    },
    async addRepository(path) {
      const field = page().getByRole('textbox', { name: 'Path of a repository' })
      if (!(await field.isVisible())) await page().keyboard.press('o')
      await field.fill(path)
      await page().getByRole('button', { name: 'Add', exact: true }).first().click()
      // The first repository leads straight to its first run.
      await field.waitFor({ state: 'detached' })
    },
    async newRun({ command, branch, prompt }) {
      const dialog = page().getByRole('dialog', { name: 'New run' })
      const before = new Set((await readTiles()).map((one) => one.runId))
      // A repository that was just added opens it by itself, perhaps between a look and a click.
      await poll('the New run dialog', async () => {
        if (await dialog.isVisible()) return true
        const button = page().getByRole('button', { name: /^New run/ })
        await button
          .first()
          .click({ timeout: 1000 })
          .catch(() => {})
        return undefined
      })
      await dialog.getByRole('radio', { name: /any program/ }).check({ force: true })
      await dialog.getByRole('textbox', { name: /^Command line/ }).fill(command)
      if (prompt !== undefined) await dialog.getByRole('textbox', { name: /^Prompt/ }).fill(prompt)
      await dialog.getByRole('textbox', { name: /^New branch/ }).fill(branch)
      await dialog.getByRole('button', { name: /^Start run/ }).click()
      await dialog.waitFor({ state: 'detached', timeout: 30_000 })
      const started = await poll(`a tile for ${command}`, async () =>
        (await readTiles()).find((one) => !before.has(one.runId)),
      )
      return started.runId
    },
    tiles: readTiles,
    tile,
    async untilTile(runId, what, test, timeoutMs = 30_000) {
      let last: TileView | null = null
      try {
        return await poll(
          what,
          async () => {
            last = (await readTiles()).find((one) => one.runId === runId) ?? null
            return last !== null && test(last) ? last : undefined
          },
          timeoutMs,
        )
      } catch {
        throw new Error(`${name}: never ${what}; last seen: ${JSON.stringify(last, null, 1)}`)
      }
    },
    async type(runId, text) {
      const terminal = article(runId).locator('.xterm-screen')
      await terminal.click()
      await article(runId).and(page().locator('.is-typing')).waitFor()
      for (const [index, part] of text.split('\n').entries()) {
        if (index > 0) await page().keyboard.press('Enter')
        await page().keyboard.type(part)
      }
      await page().keyboard.press('Control+Shift+G')
      await article(runId).and(page().locator('.is-typing')).waitFor({ state: 'detached' })
    },
    async killWindow() {
      await opened?.kill()
      opened = null
    },
    async killHost() {
      const { pid } = await cli<{ pid: number }>('host', 'status')
      process.kill(pid, 'SIGKILL')
      if (!opened) return
      opened = { ...opened, page: await opened.afterHostLoss() }
      await poll('another host', async () => {
        const status = await cli<{ pid: number }>('host', 'status').catch(() => null)
        return status && status.pid !== pid ? true : undefined
      })
      await ready()
    },
    async push(runId) {
      await focus(runId)
      await page().keyboard.press('p')
      const dialog = page().getByRole('dialog', { name: /^Publish/ })
      await dialog.getByRole('button', { name: 'Push', exact: true }).click()
      const outcome = dialog.locator('.outcome')
      await outcome.waitFor({ timeout: 40_000 })
      const text = (await outcome.textContent()) ?? ''
      await page().keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
      return text
    },
    async remove(runId) {
      await focus(runId)
      await page().keyboard.press('Delete')
      const question = page().getByRole('alertdialog', { name: /^Remove/ })
      let asked = ''
      await question
        .or(page().locator(`[data-ghost="${runId}"]`))
        .first()
        .waitFor({ timeout: 40_000 })
      if (await question.isVisible()) {
        asked = (await question.textContent()) ?? ''
        await question.getByRole('button', { name: 'Remove', exact: true }).click()
      }
      await article(runId).waitFor({ state: 'detached', timeout: 40_000 })
      return asked
    },
    async undo(runId) {
      await page().locator(`[data-ghost="${runId}"]`).getByRole('button', { name: 'Undo' }).click()
      await article(runId).waitFor({ timeout: 40_000 })
    },
    async screenshot(path) {
      await page().screenshot({ path })
    },
    cli,
    async close() {
      await opened?.kill()
      opened = null
      const status = await cli<{ keeperPid: number | null }>('host', 'status').catch(() => null)
      spawnSync(process.execPath, [cliProgram, 'host', 'stop', '--agents', 'stop', '--json'], { env: environment })
      // The keeper would go by itself after a while of holding nothing; a test leaves nothing behind.
      if (status?.keeperPid) {
        try {
          process.kill(status.keeperPid, 'SIGTERM')
        } catch {
          // It has gone.
        }
      }
      rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    },
  }
  return { driver, opened: () => opened }
}

/** Asks until there is an answer. */
export async function poll<T>(what: string, probe: () => Promise<T | undefined>, timeoutMs = 30_000): Promise<T> {
  const until = Date.now() + timeoutMs
  for (;;) {
    const answer = await probe()
    if (answer !== undefined) return answer
    if (Date.now() > until) throw new Error(`Waited ${timeoutMs / 1000} s for ${what}`)
    await new Promise((next) => setTimeout(next, 100))
  }
}
