// The one window: how it is made, where it opens, what its page may ask for, and how it recovers when its renderer dies or hangs.
// It holds nothing that the host does not have, except its position on the screen.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { BrowserWindow, dialog, ipcMain, MessageChannelMain, nativeTheme, screen } from 'electron'
import { z } from 'zod'
import { maxLinkLength } from '../app/model/text/link.ts'
import { isOwnPage, pageUrl } from './assets.ts'
import { minimumSize, placeWindow, type SavedWindow } from './bounds.ts'
import { type Bridge, makeBridge } from './bridge.ts'
import { channels } from './channels.ts'
import type { HostProcess } from './host-process.ts'
import { isFromPage } from './ipc.ts'
import { openExternal } from './open-external.ts'
import type { Places } from './places.ts'

/** The client's --surface-0 in both themes: what is seen before the first paint. */
const background = { dark: '#0c0f0e', light: '#e3e8e5' }

/** A page keeps one line to the host; a second stands for a moment while it reconnects. More is a page gone wrong. */
const maxBridges = 4

/** A renderer that dies this often within this time is not reloaded again without asking. */
const crashes = { most: 5, withinMs: 60_000 }

export interface MainWindow {
  readonly browserWindow: BrowserWindow
  /** Brings it to the front. */
  show(): void
}

/** Opens the window. `mayClose` is asked each time it is about to close; false keeps it open. */
export function openWindow(options: {
  readonly places: Places
  readonly host: HostProcess
  readonly boundsFile: string
  readonly icon: string | undefined
  readonly mayClose: () => boolean
  readonly onFirstPaint: () => void
}): MainWindow {
  const areas = [screen.getPrimaryDisplay(), ...screen.getAllDisplays()].map((display) => display.workArea)
  const saved = placeWindow(readSaved(options.boundsFile), areas)
  const window = new BrowserWindow({
    ...saved.bounds,
    minWidth: minimumSize.width,
    minHeight: minimumSize.height,
    title: 'Coppice',
    show: false,
    ...(options.icon === undefined ? {} : { icon: options.icon }),
    backgroundColor: nativeTheme.shouldUseDarkColors ? background.dark : background.light,
    autoHideMenuBar: true,
    webPreferences: {
      preload: options.places.preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
    },
  })
  if (saved.maximised) window.maximize()
  if (saved.fullScreen) window.setFullScreen(true)

  rememberBounds(window, options.boundsFile)
  answerPage(window, options.host)
  recover(window)
  window.on('close', (event) => {
    if (!options.mayClose()) event.preventDefault()
  })
  window.once('ready-to-show', () => {
    window.show()
    options.onFirstPaint()
  })
  void window.loadURL(pageUrl).catch(() => {
    // Told to the person by `recover` (did-fail-load).
  })

  return {
    browserWindow: window,
    show() {
      if (window.isDestroyed()) return
      if (window.isMinimized()) window.restore()
      window.show()
      window.focus()
    },
  }
}

/** Serves the page's three requests (ipc.ts). Payloads are parsed; a request from anywhere else is dropped. */
function answerPage(window: BrowserWindow, host: HostProcess): void {
  const page = window.webContents
  const bridges = new Set<Bridge>()
  let choosing = false

  const onConnect = (event: Electron.IpcMainEvent) => {
    if (!isFromPage(event, page)) return
    const [oldest] = bridges
    if (bridges.size >= maxBridges) oldest?.close('The page opened another connection.')
    const { port1, port2 } = new MessageChannelMain()
    const bridge: Bridge = makeBridge(port2, host.open, () => bridges.delete(bridge))
    bridges.add(bridge)
    page.postMessage(channels.port, null, [port1])
  }
  const onChoose = async (event: Electron.IpcMainEvent) => {
    if (!isFromPage(event, page) || choosing) return
    choosing = true
    try {
      const { canceled, filePaths } = await dialog.showOpenDialog(window, {
        title: 'Choose a repository',
        properties: ['openDirectory'],
      })
      if (!page.isDestroyed()) page.send(channels.directory, canceled ? null : (filePaths[0] ?? null))
    } finally {
      choosing = false
    }
  }
  const onOpen = (event: Electron.IpcMainEvent, link: unknown) => {
    const parsed = z.string().max(maxLinkLength).safeParse(link)
    if (isFromPage(event, page) && parsed.success) void openExternal(parsed.data)
  }

  const onPaste = (event: Electron.IpcMainEvent) => {
    if (isFromPage(event, page) && window.isFocused()) page.paste()
  }

  ipcMain.on(channels.paste, onPaste)
  ipcMain.on(channels.connect, onConnect)
  ipcMain.on(channels.chooseDirectory, onChoose)
  ipcMain.on(channels.openExternal, onOpen)
  page.on('render-process-gone', () => closeAll('The page crashed.'))
  window.once('closed', () => {
    ipcMain.off(channels.paste, onPaste)
    ipcMain.off(channels.connect, onConnect)
    ipcMain.off(channels.chooseDirectory, onChoose)
    ipcMain.off(channels.openExternal, onOpen)
    closeAll('The window was closed.')
  })

  function closeAll(reason: string) {
    for (const bridge of [...bridges]) bridge.close(reason)
  }
}

/** Loads the page again after its renderer died, and asks when it hangs or keeps dying. The agents notice nothing of either. */
function recover(window: BrowserWindow): void {
  const page = window.webContents
  const deaths: number[] = []
  let asking = false

  async function ask(message: string, detail: string): Promise<void> {
    if (asking || window.isDestroyed()) return
    asking = true
    const { response } = await dialog.showMessageBox(window, {
      type: 'warning',
      message,
      detail,
      buttons: ['Reload', 'Wait'],
      defaultId: 0,
      cancelId: 1,
    })
    asking = false
    if (response === 0 && !page.isDestroyed()) {
      page.forcefullyCrashRenderer()
      page.reload()
    }
  }

  page.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit' || window.isDestroyed()) return
    // forcefullyCrashRenderer is followed by its own reload.
    if (asking) return
    const now = Date.now()
    deaths.push(now)
    const recent = deaths.filter((at) => now - at < crashes.withinMs)
    if (recent.length <= crashes.most) return void setImmediate(() => !page.isDestroyed() && page.reload())
    void ask(
      'The view keeps failing.',
      `It crashed ${recent.length} times in a minute (${reason}). Agents keep running.`,
    )
  })
  // about:blank is the one address that a page can go to without being asked about (will-navigate is not sent for it).
  page.on('did-navigate', (_event, url) => {
    if (!isOwnPage(url)) void page.loadURL(pageUrl).catch(() => {})
  })
  window.on('unresponsive', () => void ask('The view is not responding.', 'Agents keep running without it.'))
  page.on('did-fail-load', (_event, code, description, _url, isMainFrame) => {
    // -3 is a load that was cut short by another one.
    if (isMainFrame && code !== -3) void ask('The view could not be loaded.', `${description} (${code})`)
  })
}

function readSaved(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

/** Half a second after the last move: a drag is a hundred events. */
const settleMs = 500

function rememberBounds(window: BrowserWindow, file: string): void {
  let timer: NodeJS.Timeout | undefined
  const write = () => {
    clearTimeout(timer)
    if (window.isDestroyed()) return
    const saved: SavedWindow = {
      bounds: window.getNormalBounds(),
      maximised: window.isMaximized(),
      fullScreen: window.isFullScreen(),
    }
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      writeFileSync(`${file}.new`, JSON.stringify(saved))
      renameSync(`${file}.new`, file)
    } catch {
      // A place on the screen is not worth a word.
    }
  }
  const later = () => {
    clearTimeout(timer)
    timer = setTimeout(write, settleMs)
  }
  window.on('resize', later)
  window.on('move', later)
  window.on('close', write)
}
