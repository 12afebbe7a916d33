// Where the window opens: at the remembered place, if the displays of today can still show it. Pure.
import { z } from 'zod'

const Rectangle = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() })
export type Rectangle = z.infer<typeof Rectangle>

/** What is remembered of the window between starts: its bounds while not maximised, and whether it was. */
export const SavedWindow = z.object({ bounds: Rectangle, maximised: z.boolean(), fullScreen: z.boolean() })
export type SavedWindow = z.infer<typeof SavedWindow>

/** Two tiles side by side with the rail (design: a tile is at least 340 × 248). */
export const minimumSize = { width: 760, height: 480 }
const firstSize = { width: 1440, height: 900 }

/** As much of the window's top edge as a hand needs to take hold of it. */
const grip = { width: 120, height: 40 }

/**
 * Bounds for a new window. `saved` is whatever stood in the file; what does not parse counts as absent.
 * `displays` are the work areas, the primary one first. Sizes are in device-independent pixels.
 */
export function placeWindow(saved: unknown, displays: readonly Rectangle[]): SavedWindow {
  const primary = displays[0] ?? { x: 0, y: 0, ...firstSize }
  const parsed = SavedWindow.safeParse(saved)
  if (parsed.success) {
    const { bounds, maximised, fullScreen } = parsed.data
    const size = {
      width: Math.max(minimumSize.width, Math.round(bounds.width)),
      height: Math.max(minimumSize.height, Math.round(bounds.height)),
    }
    const placed = { x: Math.round(bounds.x), y: Math.round(bounds.y), ...size }
    if (displays.some((display) => canBeReached(placed, display))) return { bounds: placed, maximised, fullScreen }
    return { bounds: centre(size, primary), maximised, fullScreen }
  }
  return { bounds: centre(firstSize, primary), maximised: false, fullScreen: false }
}

function canBeReached(window: Rectangle, display: Rectangle): boolean {
  const across = Math.min(window.x + window.width, display.x + display.width) - Math.max(window.x, display.x)
  const top = window.y >= display.y && window.y + grip.height <= display.y + display.height
  return across >= grip.width && top
}

function centre(size: { width: number; height: number }, display: Rectangle): Rectangle {
  const width = Math.min(size.width, display.width)
  const height = Math.min(size.height, display.height)
  return {
    x: display.x + Math.round((display.width - width) / 2),
    y: display.y + Math.round((display.height - height) / 2),
    width,
    height,
  }
}
