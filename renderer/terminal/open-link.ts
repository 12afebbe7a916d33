// Opens a link of a terminal or a page, after the model has judged it: in the person's browser, never in this page.
import { judgeLink } from '../../app/model/text/link.ts'
import { bridge } from '../client/bridge.ts'
import { say } from '../parts/toasts.ts'
import { openDialog } from '../window/ui.ts'

/** A link that hostile text offered. */
export function openLink(text: string): void {
  const verdict = judgeLink(text)
  if (verdict.verdict === 'open') openUrl(verdict.url)
  else if (verdict.verdict === 'ask') ask(verdict.url, verdict.why)
  else say({ title: 'Link not opened', text: verdict.why, level: 'warning' })
}

/** Asks once: in a desktop window the shell does, in a dialog that no page can draw over; in a browser the page has to. */
function ask(url: string, why: string): void {
  if (bridge) bridge.openExternal(url)
  else openDialog({ kind: 'link', url, why })
}

/** An http(s) address that was judged, or that a person has just agreed to. */
export function openUrl(url: string): void {
  if (bridge) bridge.openExternal(url)
  else window.open(url, '_blank', 'noopener,noreferrer')
}
