// Which terminals may draw with WebGL. A browser keeps about sixteen contexts and drops the oldest when more are made, so twelve
// are given out, to visible terminals. The others use the DOM, and so do all if the machine draws in software.

import { WebglAddon } from '@xterm/addon-webgl'
import type { Terminal } from '@xterm/xterm'

/** 16 contexts are fine and at 20 some are lost (measured in Chromium); the rest is left to dialogs and other pages. */
export const mostContexts = 12
let inUse = 0
let hardware: boolean | null = null

/** Gives the terminal a WebGL renderer where one is to be had; the returned function takes it back. */
export function drawWithWebgl(terminal: Terminal): () => void {
  hardware ??= hasHardware()
  if (!hardware || inUse >= mostContexts) return () => {}
  const addon = new WebglAddon()
  let held = true
  const release = () => {
    if (!held) return
    held = false
    inUse--
    addon.dispose()
  }
  inUse++
  // A lost context is not asked for again: the DOM renderer takes over by itself once the addon is gone.
  addon.onContextLoss(release)
  try {
    terminal.loadAddon(addon)
  } catch {
    release()
  }
  return release
}

/** False where a processor stands in for the graphics card: the DOM renderer is then faster. */
function hasHardware(): boolean {
  try {
    const context = document.createElement('canvas').getContext('webgl2', { failIfMajorPerformanceCaveat: true })
    if (!context) return false
    const names = context.getExtension('WEBGL_debug_renderer_info')
    const renderer = String(context.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : context.RENDERER))
    context.getExtension('WEBGL_lose_context')?.loseContext()
    return !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer)
  } catch {
    return false
  }
}
