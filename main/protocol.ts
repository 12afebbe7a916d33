// Answers app://coppice/… with the built client's files and nothing else. assets.ts decides addresses and headers.
import { readFile } from 'node:fs/promises'
import { protocol } from 'electron'
import { assetHeaders, assetPath, scheme } from './assets.ts'

/** Must run before the app is ready: makes app:// a secure, standard origin, so that the page has storage and modules. */
export function declareScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ])
}

/** Serves the files below `root`, read-only. */
export function serveAssets(root: string): void {
  protocol.handle(scheme, async (request) => {
    const file = request.method === 'GET' ? assetPath(root, request.url) : null
    if (file === null) return new Response('Not found', { status: 404, headers: assetHeaders('not-found.txt') })
    try {
      return new Response(await readFile(file), { headers: assetHeaders(file) })
    } catch {
      return new Response('Not found', { status: 404, headers: assetHeaders('not-found.txt') })
    }
  })
}
