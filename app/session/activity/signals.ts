// Reads what a program says about itself in its output: OSC 7501 (the program status protocol, rev 0.4, as Claude Code and Codex
// speak it) and the three dialects of notifications. Pure. The texts are hostile; they come out limited in length and without
// control characters.
import { oneLine } from '../../model/text/text.ts'

export interface ProgramStatus {
  readonly state: 'idle' | 'working' | 'blocked' | 'done' | 'error' | 'clear'
  readonly kind?: 'permission' | 'question' | 'plan'
  readonly message?: string
}

const states: readonly string[] = ['idle', 'working', 'blocked', 'done', 'error', 'clear']
const kinds: readonly string[] = ['permission', 'question', 'plan']
/** As long as Activity.message may be. */
export const maxMessage = 500

/** "state=blocked:app=claude-code:kind=permission:msg=<base64>" as a status; null where it is none. Unknown fields are passed over. */
export function parseProgramStatus(payload: string): ProgramStatus | null {
  const fields = new Map<string, string>()
  for (const part of payload.split(/[:;]/)) {
    const equals = part.indexOf('=')
    if (equals > 0) fields.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim())
  }
  const state = fields.get('state') ?? ''
  if (!states.includes(state)) return null
  const kind = fields.get('kind') ?? ''
  const message = oneLine(decode(fields.get('msg') ?? ''), maxMessage)
  return {
    state: state as ProgramStatus['state'],
    ...(kinds.includes(kind) ? { kind: kind as NonNullable<ProgramStatus['kind']> } : {}),
    ...(message ? { message } : {}),
  }
}

/**
 * The text of a notification: OSC 9 (iTerm2: the text), OSC 777 (urxvt: "notify;title;body"), OSC 99 (kitty: "metadata;payload",
 * perhaps in base64). Null where it is no notification: OSC 9;4 is a progress bar, and kitty's p=? a query.
 */
export function parseNotification(osc: number, payload: string): string | null {
  let text = ''
  if (osc === 9 && !/^\d+(;|$)/.test(payload)) text = payload
  if (osc === 777 && payload.startsWith('notify;')) text = payload.slice(7).split(';').filter(Boolean).join(': ')
  if (osc === 99) {
    const semicolon = payload.indexOf(';')
    const metadata = payload.slice(0, Math.max(semicolon, 0)).split(':')
    const kind = metadata.find((part) => part.startsWith('p='))?.slice(2) ?? 'title'
    if (kind === 'title' || kind === 'body') {
      const raw = payload.slice(semicolon + 1)
      text = metadata.includes('e=1') ? decode(raw) : raw
    }
  }
  return oneLine(text, maxMessage) || null
}

/** Base64 as UTF-8 text; '' where it is no base64. */
function decode(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)))
  } catch {
    return ''
  }
}
