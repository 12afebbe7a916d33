// Takes OSC and DCS payloads out of the parser, with a limit. xterm.js 6.0.0 collects up to 10 MB of each for every handler, one
// character at a time (9 MB took seconds), before anyone sees how long it is. Here, what is beyond the limit is not even read.
import type { Core } from './xterm-core.ts'

/** The longest payload that is taken. The longest real ones are palettes: 256 × 25 characters. */
export const maxPayload = 16 * 1024

/** `data` is the payload, or its head where it was longer than the cap: then `whole` is false. */
export type TakeString = (data: string, whole: boolean) => void

/** Handles an OSC number in place of whatever handled it. */
export function takeOsc(core: Core, id: number, take: TakeString): void {
  const payload = newPayload()
  core._inputHandler._parser.clearOscHandler(id)
  core._inputHandler._parser.registerOscHandler(id, {
    start: payload.clear,
    put: payload.put,
    end: (success) => payload.end(success, take),
  })
}

/** Handles a DCS in place of whatever handled it. */
export function takeDcs(
  core: Core,
  id: { readonly intermediates: string; readonly final: string },
  take: TakeString,
): void {
  const payload = newPayload()
  core._inputHandler._parser.clearDcsHandler(id)
  core._inputHandler._parser.registerDcsHandler(id, {
    hook: payload.clear,
    put: payload.put,
    unhook: (success) => payload.end(success, take),
  })
}

function newPayload() {
  let data = ''
  let whole = true
  return {
    clear(): void {
      data = ''
      whole = true
    },
    put(codes: Uint32Array, start: number, end: number): void {
      const last = Math.min(end, start + maxPayload - data.length)
      if (last < end) whole = false
      for (let at = start; at < last; at++) data += String.fromCodePoint(codes[at] ?? 0)
    },
    /** `success` is false where the sequence was aborted. */
    end(success: boolean, take: TakeString): boolean {
      const text = data
      data = ''
      if (success) take(text, whole)
      return true
    },
  }
}
