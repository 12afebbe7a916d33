// `npm run dev`: Coppice with a temporary data directory, in the browser, with live reload. Changes in renderer/ show at once;
// changes in app/ rebuild the host and restart it under its running agents, which is also a test of it.
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createServer } from 'vite'
import { build } from './build.mjs'
import { pinnedNode, root } from './node.mjs'

const home = mkdtempSync(join(tmpdir(), 'coppice-dev-'))
const env = { ...process.env, COPPICE_HOME: home }
const cli = join(root, 'dist/app/cli.mjs')
const note = (text) => process.stderr.write(`${text}\n`)

/** A burst of saves is one change. */
const settleMs = 300

/** vite's client starts from an inline script, which the built page's policy forbids. For development only. */
const withoutPagePolicy = {
  name: 'coppice:without-page-policy',
  transformIndexHtml: (html) => html.replace(/<meta\s+http-equiv="Content-Security-Policy"[^>]*>/, ''),
}

let host = null
let server = null
let address = ''
let leaving = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => leave(0))

try {
  await build(['app', 'renderer'])
  host = await startHost()
  server = await createServer({
    root: join(root, 'renderer'),
    configFile: join(root, 'vite.config.mjs'),
    clearScreen: false,
    plugins: [withoutPagePolicy],
    // Fonts come from node_modules, which lies above renderer/.
    server: { host: '127.0.0.1', strictPort: false, proxy: proxyToHost(), fs: { allow: [root] } },
  })
  await server.listen()
  address = `http://127.0.0.1:${server.httpServer.address().port}`
  note(`Coppice for development: ${address}\nIts data is in ${home} and goes away with Ctrl-C, agents included.`)
  openBrowser(address)
  watchHost()
} catch (error) {
  note(error.stack)
  await leave(1)
}

/** Starts the host if none runs, opens its port, and trades the token for a session that the proxy below carries. */
async function startHost(port = '0') {
  const { stdout } = await run('serve', '--port', port, '--json')
  const { address: target, url } = JSON.parse(stdout)
  const response = await fetch(`${target}/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: target },
    body: JSON.stringify({ token: new URL(url).hash.replace('#token=', '') }),
  })
  if (response.status !== 200) throw new Error(`The host did not take its own token (${response.status})`)
  const { key } = await response.json()
  return { target, cookie: response.headers.getSetCookie()[0].split(';')[0], key }
}

/**
 * Passes the page's two ways to the host on, as if they came from the host's own page. That gives whoever reaches this server a
 * session, so only this server's own page is let through.
 */
function proxyToHost() {
  const ours = (request) => request.headers.origin === undefined || request.headers.origin === address
  const disguise = (outgoing) => {
    outgoing.setHeader('host', new URL(host.target).host)
    outgoing.setHeader('origin', host.target)
    outgoing.setHeader('cookie', host.cookie)
    // As app/contract/wire.ts names it; what the page offers as the socket's protocol stays as it is.
    outgoing.setHeader('x-coppice-key', host.key)
  }
  const way = {
    target: host.target,
    configure(proxy) {
      proxy.on('proxyReq', (outgoing, request) => (ours(request) ? disguise(outgoing) : outgoing.destroy()))
      proxy.on('proxyReqWs', (outgoing, request, socket) => {
        if (request.headers.origin === address) disguise(outgoing)
        else socket.destroy()
      })
      proxy.on('error', () => {
        // The host is being started again; the page tries again by itself.
      })
    },
  }
  return { '/session': way, '/socket': { ...way, ws: true } }
}

function watchHost() {
  let timer
  let building = false
  const changed = () => {
    clearTimeout(timer)
    timer = setTimeout(rebuild, settleMs)
  }
  async function rebuild() {
    if (building || leaving) return changed()
    building = true
    try {
      await build(['app'], { force: true })
      await run('host', 'stop', '--agents', 'keep')
      // On the same port, which the proxy above knows.
      host = await startHost(new URL(host.target).port)
      note('The host was rebuilt and started again; its agents went on.')
    } catch (error) {
      note(`The host was not rebuilt: ${error.message}`)
    }
    building = false
  }
  for (const folder of ['app', 'resources']) watch(join(root, folder), { recursive: true }, changed)
}

/** Runs the CLI on the throw-away data directory. */
function run(...words) {
  return promisify(execFile)(pinnedNode(), [cli, ...words], { env })
}

function openBrowser(url) {
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return
  const [command, args] =
    process.platform === 'darwin'
      ? ['open', [url]]
      : process.platform === 'win32'
        ? ['rundll32', ['url.dll,FileProtocolHandler', url]]
        : ['xdg-open', [url]]
  execFile(command, args, () => {})
}

async function leave(code) {
  if (leaving) return
  leaving = true
  await server?.close().catch(() => {})
  const { stderr } = spawnSync(pinnedNode(), [cli, 'host', 'stop', '--agents', 'stop', '--json'], {
    env,
    encoding: 'utf8',
  })
  if (stderr) note(stderr.trim())
  rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  process.exit(code)
}
