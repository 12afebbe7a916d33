// One clock for every age on the screen. It ticks once a second while the page is visible. Only the small texts that show an age
// listen to it, so a tick renders no tile.
import { useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | null = null

function tick() {
  if (document.visibilityState === 'hidden') return
  now = Date.now()
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(tick, 1000)
  now = Date.now()
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0 || timer === null) return
    clearInterval(timer)
    timer = null
  }
}

/** The time in milliseconds, new once a second. */
export const useNow = (): number => useSyncExternalStore(subscribe, () => now)
