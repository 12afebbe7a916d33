// Closes every feature of Chromium that Coppice does not use: permissions, other pages, new windows, webviews, downloads, requests
// to anywhere but our own scheme. preload.ts lists what a page may still do.
import { app, type Session, type WebContents } from 'electron'
import { isOwnPage, pageOrigin } from './assets.ts'

/** Locks every page that will ever exist in this process, and the session they share. Runs before the first window. */
export function lockEverything(session: Session): void {
  lockSession(session)
  app.on('session-created', lockSession)
  app.on('web-contents-created', (_event, contents) => lockContents(contents))
}

function lockSession(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, answer, details) =>
    answer(isAllowed(permission, details.requestingUrl)),
  )
  session.setPermissionCheckHandler((_contents, permission, origin) => isAllowed(permission, origin))
  session.setDevicePermissionHandler(() => false)
  session.on('will-download', (event) => event.preventDefault())
  // Nothing remote is ever loaded, not even by a page that was made to try: the policy in assets.ts says it to the page, this
  // says it to the network stack.
  session.webRequest.onBeforeRequest((details, answer) => answer({ cancel: !isLocal(details.url) }))
  // Its dictionaries would be fetched from the network.
  session.setSpellCheckerEnabled(false)
}

/** Copying out of a terminal writes plain text to the clipboard; every other permission is refused. */
function isAllowed(permission: string, from: string): boolean {
  return permission === 'clipboard-sanitized-write' && (from === pageOrigin || from.startsWith(`${pageOrigin}/`))
}

const isLocal = (url: string) =>
  url.startsWith(`${pageOrigin}/`) ||
  url.startsWith('devtools://') ||
  url.startsWith('data:') ||
  url.startsWith('blob:app://coppice/')

function lockContents(contents: WebContents): void {
  contents.on('will-navigate', (event, url) => {
    // A reload of our own page comes through here too.
    if (!isOwnPage(url)) event.preventDefault()
  })
  contents.on('will-redirect', (event) => event.preventDefault())
  contents.on('will-attach-webview', (event) => event.preventDefault())
  // A link leaves by the preload's openExternal, or not at all.
  contents.setWindowOpenHandler(() => ({ action: 'deny' }))
}
