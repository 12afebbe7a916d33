// Who may send the window a message (channels.ts names the messages): the main frame of our own page, and nobody else.
import type { IpcMainEvent, WebContents } from 'electron'
import { isOwnPage } from './assets.ts'

/** True where a message comes from the main frame of this very page. `senderFrame` is null once the frame has gone away. */
export function isFromPage(event: Pick<IpcMainEvent, 'sender' | 'senderFrame'>, page: WebContents): boolean {
  if (event.sender !== page || page.isDestroyed()) return false
  const frame = event.senderFrame
  return frame !== null && frame !== undefined && frame.parent === null && isOwnPage(frame.url)
}
