// What a page can do beyond a web page: two facts, and five functions that take and return plain values. None returns a Promise or
// takes a callback: answers come as window messages. Runs sandboxed and isolated, as CommonJS.
import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { version } from '../package.json'
import { channels } from './channels.ts'

ipcRenderer.on(channels.port, (event) => window.postMessage('coppice-port', '*', [...event.ports]))
ipcRenderer.on(channels.directory, (_event, path: string | null) =>
  window.postMessage({ type: 'coppice-directory', path }, '*'),
)

const coppice = {
  platform: process.platform,
  version,
  /** Asks for a port to the host; it comes as the window message 'coppice-port', once per call. */
  connect(): void {
    ipcRenderer.send(channels.connect)
  },
  /** Lets the person choose a folder; it comes as the window message {type: 'coppice-directory', path}. */
  chooseDirectory(): void {
    ipcRenderer.send(channels.chooseDirectory)
  },
  /** The path of a file or folder that was dropped on the page; '' where it has none. */
  pathOfFile(file: File): string {
    try {
      // Before Electron 29 the path was a property of the file.
      return webUtils ? webUtils.getPathForFile(file) : ((file as { path?: string }).path ?? '')
    } catch {
      return ''
    }
  },
  /** Opens an http(s) link in the person's browser; others are refused. */
  openExternal(url: string): void {
    ipcRenderer.send(channels.openExternal, String(url).slice(0, 8192))
  },
  /** Pastes the clipboard into what has the focus. The page itself is never given leave to read it. */
  paste(): void {
    ipcRenderer.send(channels.paste)
  },
}

/** What a page finds as `window.coppice`. */
export type Coppice = typeof coppice

contextBridge.exposeInMainWorld('coppice', coppice)
