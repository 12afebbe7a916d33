// Says whether this page is in the window or in a browser, and what it can ask of the window.

/** What the window's preload gives a page (main/preload.ts). No function gives a Promise: answers come as window messages. */
export interface Bridge {
  readonly platform: string
  readonly version: string
  connect(): void
  chooseDirectory(): void
  pathOfFile(file: File): string
  openExternal(url: string): void
  /** Pastes the clipboard into what has the focus. */
  paste(): void
}

declare global {
  interface Window {
    readonly coppice?: Bridge
  }
}

/** The window, as it is now; null in a browser. */
export const bridgeNow = (): Bridge | null => (typeof window === 'undefined' ? null : (window.coppice ?? null))

export const bridge: Bridge | null = bridgeNow()
