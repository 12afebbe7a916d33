// The Electron shell on a real Electron: what a page can and cannot do, one instance, crashes, leaving, and what is left behind.
// Each lock of Electron's security checklist has a test here that fails when the lock is opened.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { installedElectron } from '../../scripts/electron-runtime.mjs'
import { type ElectronDriver, electronDriver, electronProblem, poll, root } from '../harness/app-driver.ts'
import { rootArguments } from '../harness/chromium.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

const problem = electronProblem()
if (problem) console.warn(`\n!!! SKIPPED: the Electron shell: ${problem}.\n`)

describe.skipIf(problem !== null)('the Electron shell', () => {
  let driver: ElectronDriver
  let repo: TestRepo

  beforeAll(async () => {
    driver = electronDriver()
    repo = makeRepo({ name: 'shell' })
    await driver.open()
  })
  afterAll(async () => {
    await driver?.close()
    repo?.close()
  })

  const inMain = <R, A>(work: (electron: typeof import('electron'), given: A) => R, given: A) =>
    driver.app.evaluate(work as never, given) as Promise<Awaited<R>>

  describe('a page', () => {
    it('is sandboxed and isolated, without Node, webviews or plugins', async () => {
      const preferences = await inMain(({ BrowserWindow }) => {
        const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as {
          getLastWebPreferences(): Record<string, unknown>
        }
        return contents.getLastWebPreferences()
      }, null)
      expect(preferences).toMatchObject({
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        webSecurity: true,
        allowRunningInsecureContent: false,
        experimentalFeatures: false,
        webviewTag: false,
        nodeIntegrationInSubFrames: false,
      })
      const world = await driver.page.evaluate(() => ({
        require: typeof (globalThis as { require?: unknown }).require,
        process: typeof (globalThis as { process?: unknown }).process,
        names: Object.keys(window.coppice ?? {}).sort(),
        given: [
          typeof window.coppice?.version,
          typeof window.coppice?.pathOfFile(new File(['x'], 'a.txt')),
          typeof window.coppice?.openExternal('javascript:alert(1)'),
        ],
      }))
      expect(world).toEqual({
        require: 'undefined',
        process: 'undefined',
        names: ['chooseDirectory', 'connect', 'openExternal', 'paste', 'pathOfFile', 'platform', 'version'],
        given: ['string', 'string', 'undefined'],
      })
    })

    it('runs no script but its own files', async () => {
      const ran = await driver.page.evaluate(async () => {
        const world = globalThis as { ran?: string[] }
        world.ran = []
        const inline = document.createElement('script')
        inline.textContent = 'globalThis.ran.push("inline")'
        document.body.append(inline)
        const data = document.createElement('script')
        data.src = 'data:text/javascript,globalThis.ran.push("data")'
        document.body.append(data)
        const image = document.createElement('div')
        image.innerHTML = '<img src="x" onerror="globalThis.ran.push(\'handler\')">'
        document.body.append(image)
        await new Promise((done) => setTimeout(done, 300))
        for (const element of [inline, data, image]) element.remove()
        return world.ran
      })
      expect(ran).toEqual([])
    })

    it('says its policy with every answer, and answers with nothing outside its folder', async () => {
      const seen = await driver.page.evaluate(async () => {
        const policy = (await fetch('./index.html')).headers.get('content-security-policy')
        const status = async (path: string) => (await fetch(path)).status
        return {
          policy,
          outside: [
            await status('/..%2f..%2fpackage.json'),
            await status('/%2e%2e/%2e%2e/package.json'),
            await status('/..%5c..%5cpackage.json'),
            await status('/assets/'),
          ],
        }
      })
      expect(seen.policy).toMatch(/^default-src 'none'; script-src 'self';/)
      expect(seen.outside).toEqual([404, 404, 404, 404])
    })

    it('goes nowhere else and opens no window', async () => {
      const { page } = driver
      const url = page.url()
      expect(await page.evaluate(() => window.open('https://example.com/'))).toBeNull()
      expect(await page.evaluate(() => window.open('about:blank'))).toBeNull()
      for (const target of [
        'https://example.com/',
        'file:///etc/passwd',
        'app://coppice/assets/',
        'data:text/html,x',
      ]) {
        await page.evaluate((to) => void window.location.assign(to), target).catch(() => {})
        await new Promise((done) => setTimeout(done, 100))
        expect(page.url(), target).toBe(url)
      }
      // about:blank is not asked about: the window comes back from it by itself.
      await page.evaluate(() => void window.location.assign('about:blank')).catch(() => {})
      await page.locator('[data-link="connected"]').waitFor({ state: 'attached' })
      expect(page.url()).toBe(url)
      expect(await page.evaluate(() => document.createElement('webview').constructor.name)).toBe('HTMLElement')
      expect(await inMain(({ webContents }) => webContents.getAllWebContents().length, null)).toBe(1)
    })

    it('is given no permission but to write plain text to the clipboard', async () => {
      const { page } = driver
      const answers = await page.evaluate(async () => {
        const state = (name: string) =>
          navigator.permissions.query({ name: name as PermissionName }).then(
            (answer) => answer.state,
            (error: Error) => error.name,
          )
        return {
          notification: await Notification.requestPermission(),
          geolocation: await state('geolocation'),
          camera: await state('camera'),
          read: await state('clipboard-read'),
          midi: await state('midi'),
          write: await state('clipboard-write'),
        }
      })
      expect(answers).toEqual({
        notification: 'denied',
        geolocation: 'denied',
        camera: 'denied',
        read: 'denied',
        midi: 'denied',
        write: 'granted',
      })
    })

    it('reaches no network, and neither does anything else in its session', async () => {
      let requests = 0
      const server = createServer((_request, response) => {
        requests++
        response.end('x')
      })
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
      const fromPage = await driver.page.evaluate((to) => fetch(to).then(String, (error: Error) => error.message), url)
      expect(fromPage).toBe('Failed to fetch')
      const fromMain = await inMain(
        ({ net, session }, to) =>
          new Promise<string>((answer) => {
            const request = net.request({ url: to, session: session.defaultSession })
            request.on('response', () => answer('answered'))
            request.on('error', (error) => answer(error.message))
            request.end()
          }),
        url,
      )
      expect(fromMain).toMatch(/BLOCKED_BY_CLIENT/)
      expect(requests).toBe(0)
      server.close()
    })

    it('opens plain http and https links outside, and nothing else', async () => {
      await inMain(({ shell }) => {
        const world = globalThis as { opened?: string[] }
        world.opened = []
        shell.openExternal = async (url) => void world.opened?.push(url)
      }, null)
      await driver.page.evaluate(() => {
        for (const link of [
          'javascript:alert(1)',
          'file:///etc/passwd',
          'https://user@example.com/',
          'smb://x/y',
          '',
          'https://example.com/a',
        ]) {
          window.coppice?.openExternal(link)
        }
      })
      const opened = await poll('the link', async () => {
        const links = await inMain(() => (globalThis as { opened?: string[] }).opened ?? [], null)
        return links.length > 0 ? links : undefined
      })
      expect(opened).toEqual(['https://example.com/a'])
    })

    it('asks once about a link whose name can be mistaken, and then opens it', async () => {
      await inMain(({ shell, dialog }) => {
        const world = globalThis as { opened?: string[]; asked?: string[]; answer?: number }
        Object.assign(world, { opened: [], asked: [], answer: 0 })
        shell.openExternal = async (url) => void world.opened?.push(url)
        dialog.showMessageBox = (async (options: { message: string }) => {
          world.asked?.push(options.message)
          return { response: world.answer, checkboxChecked: false }
        }) as never
      }, null)
      const said = () =>
        inMain(() => {
          const { opened, asked } = globalThis as { opened?: string[]; asked?: string[] }
          return { opened, asked }
        }, null)
      const open = () => driver.page.evaluate(() => window.coppice?.openExternal('https://xn--pple-43d.test/'))
      await open()
      await poll('the question', async () => ((await said()).asked?.length === 1 ? true : undefined))
      expect((await said()).opened).toEqual([])
      await inMain(() => void Object.assign(globalThis, { answer: 1 }), null)
      await open()
      await poll('the link', async () => ((await said()).opened?.length ? true : undefined))
      expect(await said()).toEqual({
        opened: ['https://xn--pple-43d.test/'],
        asked: ['Open xn--pple-43d.test?', 'Open xn--pple-43d.test?'],
      })
    })

    it('is heard only as the main frame of the window’s own page', async () => {
      const ports = await inMain(({ BrowserWindow, ipcMain }) => {
        const page = BrowserWindow.getAllWindows()[0]!.webContents
        let posted = 0
        const { postMessage } = page
        page.postMessage = () => {
          posted++
        }
        const own = page.mainFrame
        const from = (sender: unknown, senderFrame: unknown) => {
          posted = 0
          ipcMain.emit('coppice:connect', { sender, senderFrame })
          return posted
        }
        const counts = {
          ours: from(page, own),
          none: from(page, null),
          inner: from(page, { parent: own, url: own.url }),
          elsewhere: from(page, { parent: null, url: 'https://example.com/' }),
          asset: from(page, { parent: null, url: 'app://coppice/assets/a.svg' }),
          stranger: from({}, own),
        }
        page.postMessage = postMessage
        return counts
      }, null)
      expect(ports).toEqual({ ours: 1, none: 0, inner: 0, elsewhere: 0, asset: 0, stranger: 0 })
    })
  })

  describe('the window', () => {
    it('lets a folder be chosen in the system’s own dialog, and knows the path of what is dropped on it', async () => {
      await inMain(({ dialog }, path) => {
        dialog.showOpenDialog = (async () => ({ canceled: false, filePaths: [path] })) as never
      }, repo.path)
      await driver.page.getByRole('button', { name: 'Choose a folder' }).click()
      await driver.page.getByRole('dialog', { name: 'New run' }).waitFor()
      await driver.page.keyboard.press('Escape')
      await driver.page.getByRole('navigation').getByText('shell', { exact: true }).waitFor()

      await driver.page.evaluate(() => {
        const input = Object.assign(document.createElement('input'), { type: 'file', id: 'dropped' })
        document.body.append(input)
      })
      await driver.page.locator('#dropped').setInputFiles(join(repo.path, 'README.md'))
      const path = await driver.page.evaluate(() => {
        const input = document.querySelector<HTMLInputElement>('#dropped')
        const file = input?.files?.[0]
        input?.remove()
        return file && window.coppice?.pathOfFile(file)
      })
      expect(path).toBe(join(repo.path, 'README.md'))
    })

    it('comes back by itself, with the same screen, when its renderer dies', async () => {
      const run = await driver.newRun({
        command: 'echo a screen that stays; echo $$; exec sleep 1000',
        branch: 'agent/crash',
      })
      const before = await driver.untilTile(run, 'drawn', (tile) => /stays\n\d+/.test(tile.text))
      for (let times = 0; times < 3; times++) {
        const pid = await inMain(
          ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getOSProcessId(),
          null,
        )
        process.kill(pid!, 'SIGKILL')
        await poll('another renderer', async () => {
          const now = await inMain(
            ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getOSProcessId(),
            null,
          )
          return now && now !== pid ? true : undefined
        })
        // Playwright has lost this page for good; the window's own eyes tell.
        const text = await poll('the screen', async () => {
          const rows = await inMain(
            ({ BrowserWindow }) =>
              BrowserWindow.getAllWindows()[0]
                ?.webContents.executeJavaScript(
                  `[...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent.replaceAll('\\u00a0', ' ').trimEnd()).join('\\n').trimEnd()`,
                )
                .catch(() => ''),
            null,
          )
          return rows === before.text ? (rows as string) : undefined
        })
        expect(text).toBe(before.text)
      }
      await driver.killWindow()
      await driver.open()
    })

    it('is one per data directory: a second start hands its repository over and ends', async () => {
      const other = makeRepo({ name: 'handed over' })
      const { code, out } = await ended(startElectron(driver.environment, other.path))
      expect({ code, out }).toEqual({ code: 0, out: 'coppice: handed-over\n' })
      // It is offered a run at once. What lies behind that dialog, the list of repositories too, is hidden from whoever finds
      // things by their role for as long as it is open.
      const offered = driver.page.getByRole('dialog', { name: 'New run' })
      await offered.waitFor()
      const repository = offered.getByRole('combobox', { name: /^Repository/ })
      await poll('the handed over repository', async () =>
        (await repository.locator('option:checked').textContent()) === 'handed over' ? true : undefined,
      )
      await driver.page.keyboard.press('Escape')
      await offered.waitFor({ state: 'detached' })
      await driver.page.getByRole('navigation').getByText('handed over', { exact: true }).waitFor()
      other.close()

      // Five at once: still one window, and five that end well.
      const many = await Promise.all(Array.from({ length: 5 }, () => ended(startElectron(driver.environment))))
      expect(many.map(({ code: each }) => each)).toEqual([0, 0, 0, 0, 0])
      expect(await inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows().length, null)).toBe(1)
    })

    it('opens beside another one on another data directory', async () => {
      const second = electronDriver()
      try {
        await second.open()
        expect(second.child.pid).not.toBe(driver.child.pid)
        expect((await second.cli<{ pid: number }>('host', 'status')).pid).not.toBe(
          (await driver.cli<{ pid: number }>('host', 'status')).pid,
        )
      } finally {
        await second.close()
      }
    })

    it('remembers its place', async () => {
      const wanted = { x: 40, y: 50, width: 1111, height: 777 }
      await inMain(({ BrowserWindow }, bounds) => BrowserWindow.getAllWindows()[0]?.setBounds(bounds), wanted)
      const file = join(driver.environment.COPPICE_HOME!, 'window/window.json')
      await poll('the file', async () =>
        existsSync(file) && readFileSync(file, 'utf8').includes('"width":1111') ? true : undefined,
      )
      await driver.killWindow()
      await driver.open()
      const size = await inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getBounds(), null)
      expect(size).toMatchObject({ width: wanted.width, height: wanted.height })
    })

    it('shows its menu for Alt alone, not for what is typed with Alt', async () => {
      const visible = () => inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isMenuBarVisible(), null)
      type Key = { type: 'keyDown' | 'keyUp'; keyCode: string; modifiers?: 'alt'[] }
      const press = (...keys: Key[]) =>
        inMain(({ BrowserWindow }, events) => {
          const window = BrowserWindow.getAllWindows()[0]
          window?.focus()
          for (const event of events) window?.webContents.sendInputEvent(event)
        }, keys)
      const down: Key = { type: 'keyDown', keyCode: 'Alt' }
      const up: Key = { type: 'keyUp', keyCode: 'Alt' }
      expect(await visible()).toBe(false)
      // As a terminal does: it takes the letter, and nobody else sees it.
      await driver.page.evaluate(() =>
        addEventListener('keydown', (event) => event.key === 'b' && event.preventDefault()),
      )
      await press(
        down,
        { type: 'keyDown', keyCode: 'b', modifiers: ['alt'] },
        { type: 'keyUp', keyCode: 'b', modifiers: ['alt'] },
        up,
      )
      await new Promise((done) => setTimeout(done, 300))
      expect(await visible()).toBe(false)
      await press(down, up)
      await poll('the menu', async () => ((await visible()) ? true : undefined))
      await driver.killWindow()
      await driver.open()
    })

    it('zooms with Ctrl and =, with or without Shift', async () => {
      const level = () =>
        inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getZoomLevel() ?? null, null)
      expect(await level()).toBe(0)
      await inMain(({ BrowserWindow }) => {
        const window = BrowserWindow.getAllWindows()[0]
        window?.focus()
        for (const type of ['keyDown', 'keyUp'] as const)
          window?.webContents.sendInputEvent({ type, keyCode: '=', modifiers: ['control'] })
      }, null)
      await poll('the zoom', async () => ((await level()) === 0.5 ? true : undefined))
      await inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.setZoomLevel(0), null)
    })

    it.runIf(process.platform === 'linux')(
      'hands none of its descriptors to the host, and leaves no process when it is killed',
      async () => {
        const { pid, keeperPid } = await driver.cli<{ pid: number; keeperPid: number }>('host', 'status')
        for (const held of [pid, keeperPid]) {
          const names = readdirSync(`/proc/${held}/fd`).map((fd) => readlinkOr(`/proc/${held}/fd/${fd}`))
          expect(names.filter((name) => /\.pak|org\.chromium|data\/window/.test(name))).toEqual([])
        }
        const children = descendantsOf(driver.child.pid!)
        expect(children.length).toBeGreaterThan(1)
        await driver.killWindow()
        await poll('its processes to end', async () =>
          children.every((child) => !existsSync(`/proc/${child}`)) ? true : undefined,
        )
        await driver.open()
      },
    )
  })

  describe('leaving', () => {
    const answer = (response: number, checkboxChecked = false) =>
      inMain(
        ({ dialog }, given) => {
          const world = globalThis as { asked?: unknown[] }
          world.asked = []
          dialog.showMessageBox = (async (options: unknown) => {
            world.asked?.push(options)
            return given
          }) as never
        },
        { response, checkboxChecked },
      )
    const asked = () =>
      inMain(() => (globalThis as { asked?: { message: string; buttons: string[] }[] }).asked ?? [], null)
    const closeWindow = () => inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close(), null)
    const gone = () => poll('the window to go', async () => (driver.child.exitCode === null ? undefined : true))

    // Each of them ends the window: one that failed in between must not take the next ones, or its own second try, with it.
    beforeEach(async () => {
      if (driver.child.exitCode === null && driver.child.signalCode === null) return
      await driver.killWindow()
      await driver.open()
    })

    it('asks while an agent runs, and stays when told to', async () => {
      await answer(2)
      await closeWindow()
      const questions = await poll('the question', async () => {
        const all = await asked()
        return all.length > 0 ? all : undefined
      })
      expect(questions).toMatchObject([
        { message: 'One agent is still running.', buttons: ['Keep it running', 'Stop them', 'Cancel'] },
      ])
      expect(await inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows().length, null)).toBe(1)
    })

    it('keeps the agents when told to, and remembers', async () => {
      const before = await runningPid()
      await answer(0, true)
      await closeWindow().catch(() => {})
      await gone()
      expect(isAlive(before)).toBe(true)
      await driver.killWindow()
      await driver.open()
      // Remembered: no question now.
      await answer(2)
      await closeWindow().catch(() => {})
      await gone()
      expect(isAlive(before)).toBe(true)
      await driver.killWindow()
      await driver.open()
    })

    it('goes at once and keeps the agents when the session ends', async () => {
      const before = await runningPid()
      process.kill(driver.child.pid!, 'SIGTERM')
      await gone()
      expect(isAlive(before)).toBe(true)
      await driver.killWindow()
      await driver.open()
    })

    it('stops the agents when that was the answer', async () => {
      const before = await runningPid()
      const { pid } = await driver.cli<{ pid: number }>('host', 'status')
      await chooseToStop()
      await closeWindow().catch(() => {})
      await gone()
      expect(isAlive(before)).toBe(false)
      await poll('the host to end', async () => (isAlive(pid) ? undefined : true))
    })

    async function runningPid(): Promise<number> {
      const [run] = await driver.cli<{ id: string; phase: string; worktree: string }[]>('list')
      expect(run?.phase).toBe('running')
      const logs = execFileSync(process.execPath, [join(root, 'dist/app/cli.mjs'), 'logs', run!.id], {
        env: driver.environment,
        encoding: 'utf8',
      })
      const pid = Number(/stays\r?\n(\d+)/.exec(logs)?.[1])
      expect(isAlive(pid)).toBe(true)
      return pid
    }

    /** As the settings dialog does. */
    async function chooseToStop(): Promise<void> {
      await driver.page.keyboard.press(',')
      const dialog = driver.page.getByRole('dialog', { name: 'Settings' })
      const choice = dialog.getByRole('group', { name: /^When quitting/ }).getByRole('button', { name: 'Stop them' })
      await choice.click()
      await choice.and(driver.page.locator('[aria-pressed="true"]')).waitFor()
      await driver.page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
    }
  })
})

function startElectron(environment: Record<string, string>, ...words: string[]): ChildProcess {
  const { executable } = installedElectron()!
  return spawn(executable, [...rootArguments, root, ...words], {
    env: { ...environment, COPPICE_STARTER: '1' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

function ended(child: ChildProcess): Promise<{ code: number | null; out: string }> {
  let out = ''
  child.stdout?.on('data', (text) => {
    out += text
  })
  return new Promise((done) => child.on('close', (code) => done({ code, out })))
}

function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const stat = readOr(`/proc/${name}/stat`)
    parents.set(Number(name), Number(/\) \S (\d+)/.exec(stat)?.[1]))
  }
  const found = [pid]
  for (const one of found) for (const [child, parent] of parents) if (parent === one) found.push(child)
  return found
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function readlinkOr(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) Z/.test(readOr(`/proc/${pid}/stat`))
  } catch {
    return false
  }
}
