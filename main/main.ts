// The Electron shell's life cycle: one instance, one window, locked down before anything is shown. It owns no run, no worktree and
// no terminal. Those belong to the host, which keeps running however this process ends (docs/decisions/0001, 0004).
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { app, BrowserWindow, dialog, session } from 'electron'
import type { Client } from '../app/contract/client.ts'
import { parseArguments, parseHandedOver, type Request } from './arguments.ts'
import { withHost } from './host-client.ts'
import { hostProcess } from './host-process.ts'
import { lockEverything } from './locks.ts'
import { setMenu } from './menu.ts'
import { findPlaces } from './places.ts'
import { declareScheme, serveAssets } from './protocol.ts'
import { settleQuit } from './quit.ts'
import { carryOut } from './requests.ts'
import { type MainWindow, openWindow } from './window.ts'

/** How long a page may take to let its window close, in milliseconds. */
const leavingMs = 5_000

// Whoever started us may be gone before we write: that must not end the window.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

// enableSandbox() would overrule --no-sandbox, without which Electron's processes end at once as root: only tests run so. Each
// window asks for a sandboxed renderer besides (window.ts).
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox()
declareScheme()
app.setPath('userData', profileDirectory())

const request = parseArguments(process.argv, process.cwd(), app.isPackaged ? 1 : 2)
if (app.requestSingleInstanceLock(request)) run(request)
else {
  say('handed-over')
  app.exit(0)
}

function run(first: Request): void {
  let window: MainWindow | null = null
  /** Set once the person has answered what becomes of the agents, or nobody can be asked any more. */
  let leaving = false
  let asking = false

  app.on('second-instance', (_event, _argv, _cwd, handedOver) => {
    window?.show()
    serve(parseHandedOver(handedOver))
  })
  app.on('before-quit', (event) => {
    if (!mayLeave()) event.preventDefault()
  })
  app.on('window-all-closed', () => app.quit())
  // The session ends, or the terminal that we were started from: there is no time to ask, and nothing is lost.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, leave)

  let talk: <T>(about: (client: Client) => Promise<T>) => Promise<T> = () => Promise.reject(new Error('Starting.'))
  const serve = (asked: Request) => void carryOut(asked, talk)

  app
    .whenReady()
    .then(() => {
      const places = findPlaces({
        mainDirectory: __dirname,
        packaged: app.isPackaged,
        resourcesPath: process.resourcesPath,
        runtimes: join(app.getPath('userData'), 'runtime'),
      })
      const host = hostProcess({ node: places.node, cli: places.cli, env: process.env })
      talk = (about) => withHost(host, about)
      host.prepare()
      lockEverything(session.defaultSession)
      serveAssets(places.renderer)
      setMenu({ openRepository: () => void chooseAndOpen(), startDemo: () => serve({ path: null, demo: true }) })
      const icon = join(__dirname, '../../resources/icons/256x256.png')
      window = openWindow({
        places,
        host,
        boundsFile: join(app.getPath('userData'), 'window.json'),
        icon: process.platform === 'linux' && existsSync(icon) ? icon : undefined,
        mayClose: mayLeave,
        onFirstPaint: () => say('window'),
      })
      if (first.path !== null || first.demo) serve(first)
    })
    .catch((error: unknown) => {
      dialog.showErrorBox(
        'Coppice could not start',
        error instanceof Error ? (error.stack ?? error.message) : `${error}`,
      )
      app.exit(1)
    })

  /** True once the question of the agents is settled; otherwise asks it, and comes back here by quitting again. */
  function mayLeave(): boolean {
    if (leaving) return true
    if (!asking) {
      asking = true
      settleQuit(talk).then(
        (answer) => {
          asking = false
          if (answer !== 'cancel') leave()
        },
        () => leave(),
      )
    }
    return false
  }

  function leave(): void {
    leaving = true
    app.quit()
    // A page that hangs holds its window open; nothing in it is ours to lose.
    setTimeout(() => app.exit(0), leavingMs).unref()
  }

  async function chooseAndOpen(): Promise<void> {
    const parent = window?.browserWindow ?? BrowserWindow.getAllWindows()[0]
    if (!parent) return
    const { canceled, filePaths } = await dialog.showOpenDialog(parent, {
      title: 'Open a repository',
      properties: ['openDirectory'],
    })
    const path = filePaths[0]
    if (!canceled && path !== undefined) serve({ path, demo: false })
  }
}

/**
 * Where Chromium keeps the window's own things, and with it the scope of "one instance": one per data directory. Not the data
 * directory itself, which is the host's and may not exist yet; an empty one that was named is closed to others as the host would.
 */
function profileDirectory(): string {
  const named = process.env.COPPICE_HOME
  const usual = join(app.getPath('appData'), 'coppice-window')
  if (!named) return usual
  const home = resolve(named)
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 })
    const entries = readdirSync(home)
    if (entries.length === 0) chmodSync(home, 0o700)
    else if (!entries.includes('host.lock') && !entries.includes('window')) return usual
    const profile = join(home, 'window')
    mkdirSync(profile, { recursive: true, mode: 0o700 })
    return profile
  } catch {
    // The host will refuse this directory, and say why.
    return usual
  }
}

/** Tells scripts/start.mjs, which asked for it, how far we are. */
function say(what: 'window' | 'handed-over'): void {
  if (process.env.COPPICE_STARTER === '1') process.stdout.write(`coppice: ${what}\n`)
}
