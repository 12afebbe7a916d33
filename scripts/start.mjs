// `npm start [-- PATH | --demo | --browser]`: opens Coppice's window if this machine can show one, otherwise the same client in the
// default browser, otherwise prints the address. Exactly one line on standard output says which, why, and how to get the window;
// progress goes to standard error. Plain JavaScript without dependencies: it must reach the checks on any Node.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const oldestNode = [20, 19]
const oldestGit = [2, 38]

/** How long a window may take to appear before the browser is opened instead: a cold start on a slow disk is a few seconds. */
const windowTimeoutMs = 60_000

const usage = `npm start                    open Coppice
npm start -- PATH            open Coppice with the repository at PATH
npm start -- --demo          open Coppice with a scratch repository and four scripted agents
npm start -- --browser       open Coppice in the default browser instead of its window`

const note = (text) => process.stderr.write(`${text}\n`)
const tell = (text) => process.stdout.write(`${text}\n`)

class Refusal extends Error {
  constructor(message, code = 1) {
    super(message)
    this.code = code
  }
}

try {
  await main(readArguments(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  note(error.message)
  process.exitCode = error.code
}

function readArguments(words) {
  const wanted = { path: null, demo: false, browser: false }
  for (const word of words) {
    if (word === '--demo') wanted.demo = true
    else if (word === '--browser') wanted.browser = true
    else if (word === '--help' || word === '-h') throw new Refusal(usage, 0)
    else if (word.startsWith('-')) throw new Refusal(`Unknown option ${word}\n\n${usage}`, 2)
    else if (wanted.path !== null) throw new Refusal(`One PATH at a time, please\n\n${usage}`, 2)
    // npm runs scripts in the package's folder; INIT_CWD is where the person stood.
    else wanted.path = resolve(process.env.INIT_CWD ?? process.cwd(), word)
  }
  return wanted
}

async function main(wanted) {
  checkMachine()
  if (wanted.path !== null && !statSync(wanted.path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Refusal(`${wanted.path} is not a folder. Nothing was started.`)
  }
  const { build } = await import('./build.mjs')
  await buildWith(build)

  const runtime = await import('./electron-runtime.mjs')
  const problem = wanted.browser ? { why: 'you asked for it', how: 'leave out --browser' } : await findProblem(runtime)
  if (problem === null) {
    const { executable, version } = runtime.installedElectron()
    const failure = await showWindow(executable, version, wanted)
    if (failure === null) return
    await showBrowser(
      wanted,
      { why: `the window did not open (${failure})`, how: 'see docs/decisions/0004-electron-shell.md' },
      runtime,
    )
  } else {
    await showBrowser(wanted, problem, runtime)
  }
}

function checkMachine() {
  if (older(process.versions.node, oldestNode)) {
    throw new Refusal(
      `Coppice needs Node ${oldestNode.join('.')} or newer; this is ${process.versions.node} (${process.execPath}). Get one from https://nodejs.org or your package manager.`,
    )
  }
  const { stdout, error } = spawnSync('git', ['--version'], { encoding: 'utf8' })
  const version = /(\d+\.\d+[\d.]*)/.exec(stdout ?? '')?.[1]
  if (error || version === undefined) {
    throw new Refusal(
      `Coppice needs git ${oldestGit.join('.')} or newer; no git was found on PATH. Get it from https://git-scm.com or your package manager.`,
    )
  }
  if (older(version, oldestGit)) {
    throw new Refusal(
      `Coppice needs git ${oldestGit.join('.')} or newer; this is ${version}. Get a newer one from https://git-scm.com.`,
    )
  }
  if (!existsSync(join(root, 'node_modules/esbuild'))) {
    throw new Refusal('The dependencies are not installed. Run "npm ci" first.')
  }
}

function older(version, [major, minor]) {
  const [a, b] = version.split('.').map(Number)
  return a < major || (a === major && b < minor)
}

async function buildWith(build) {
  const started = Date.now()
  if (!existsSync(join(root, 'dist/renderer/index.html'))) note('Building Coppice, once …')
  try {
    const built = await build()
    if (built.length > 0) note(`Built ${built.join(', ')} in ${((Date.now() - started) / 1000).toFixed(1)} s`)
  } catch (error) {
    throw new Refusal(`Coppice could not be built: ${error.message}`)
  }
}

/** What keeps a window from opening, cheapest question first; null where nothing does. May fetch Electron. */
async function findProblem({
  displayProblem,
  sandboxProblem,
  libraryProblem,
  installedElectron,
  fetchElectron,
  pinnedElectron,
}) {
  const installed = installedElectron()
  const early = displayProblem() ?? sandboxProblem({ executable: installed?.executable ?? null })
  if (early) return early
  if (process.env.ELECTRON_OVERRIDE_DIST_PATH && !installed) {
    return {
      why: `there is no Electron in ${process.env.ELECTRON_OVERRIDE_DIST_PATH}`,
      how: 'set ELECTRON_OVERRIDE_DIST_PATH right, or unset it',
    }
  }
  if (!installed) {
    note(`Fetching Electron ${pinnedElectron()}, once …`)
    const problem = await fetchElectron(showProgress)
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
    if (problem) return problem
  }
  const { executable } = installedElectron()
  return sandboxProblem({ executable }) ?? libraryProblem({ executable })
}

let shownPercent = -10
function showProgress(had, total) {
  const megabytes = (bytes) => (bytes / 1e6).toFixed(0)
  const text = total ? `${megabytes(had)} of ${megabytes(total)} MB` : `${megabytes(had)} MB`
  if (process.stderr.isTTY) return void process.stderr.write(`\r\x1b[K${text}`)
  const percent = total ? (had / total) * 100 : 0
  if (percent - shownPercent < 10) return
  shownPercent = percent
  note(text)
}

/** Starts the window and stays until it closes. Gives null once it had opened, else the reason why it never did. */
function showWindow(executable, version, { path, demo }) {
  const args = [root, ...(demo ? ['--demo'] : []), ...(path === null ? [] : [path])]
  const { ELECTRON_RUN_AS_NODE: _node, ...env } = process.env
  const child = spawn(executable, args, {
    env: { ...env, COPPICE_STARTER: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return new Promise((done) => {
    let errors = ''
    let opened = false
    let interrupted = false
    let late = null
    const timer = setTimeout(() => {
      late = `it did not appear within ${windowTimeoutMs / 1000} s`
      child.kill('SIGKILL')
    }, windowTimeoutMs)
    onInterrupt(() => {
      interrupted = true
      child.kill('SIGTERM')
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors = (errors + text).slice(-8000)
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line !== 'coppice: window' && line !== 'coppice: handed-over') return
      opened = true
      clearTimeout(timer)
      tell(
        line === 'coppice: window'
          ? `Coppice opened its window (Electron ${version}).`
          : 'Coppice is open already: its window was brought to the front.',
      )
    })
    child.on('error', (error) => {
      clearTimeout(timer)
      done(error.message)
    })
    child.on('close', async (code, signal) => {
      clearTimeout(timer)
      if (!opened && !interrupted) return done(late ?? lastError(errors) ?? signal ?? `exit ${code}`)
      await sayWhatRuns(interrupted)
      done(null)
    })
  })
}

/** Chromium's last fatal line, or its last one. */
function lastError(errors) {
  const lines = errors
    .split('\n')
    .map((line) => line.replace(/^\[[^\]]*\]\s*/, '').trim())
    .filter(Boolean)
  const fatal = errors.split('\n').find((line) => /FATAL|error while loading shared libraries/.test(line))
  return (fatal?.replace(/^\[[^\]]*\]\s*/, '').trim() ?? lines.at(-1))?.slice(0, 200)
}

/** Serves the client to the default browser and stays until Ctrl-C; the host then has a client and does not end by itself. */
async function showBrowser({ path, demo }, { why, how }, { displayProblem }) {
  const { pinnedNode } = await import('./node.mjs')
  const session = spawn(
    pinnedNode(),
    ['--disable-warning=ExperimentalWarning', join(root, 'scripts/host-session.mjs'), JSON.stringify({ path, demo })],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  let interrupted = false
  let said = false
  onInterrupt(() => {
    interrupted = true
    session.stdin.end()
  })
  createInterface({ input: session.stdout }).on('line', async (line) => {
    const { served, problem, error } = JSON.parse(line)
    if (error) {
      note([error.message, error.next].filter(Boolean).join(' '))
      return
    }
    if (problem) note([problem.message, problem.next].filter(Boolean).join(' '))
    if (said) return tell(`The host was lost and is back: open ${served.url}`)
    said = true
    const opened = displayProblem() === null && (await openInBrowser(served.url))
    tell(
      opened
        ? `Coppice opened in your browser, because ${why}: ${served.url} — for the window: ${how}.`
        : `Coppice is at ${served.url} (good for one browser), because ${why} — for the window: ${how}.`,
    )
  })
  const code = await new Promise((done) => session.on('close', done))
  if (interrupted) await sayWhatRuns(true)
  else process.exitCode = code === 0 ? 0 : 1
}

/** True where the system's opener took the address. A program that stays (a browser itself) counts as opened after a moment. */
function openInBrowser(url) {
  const [command, args] =
    process.platform === 'darwin'
      ? ['open', [url]]
      : process.platform === 'win32'
        ? ['rundll32', ['url.dll,FileProtocolHandler', url]]
        : ['xdg-open', [url]]
  return new Promise((done) => {
    const child = spawn(command, args, { stdio: 'ignore', detached: true })
    child.unref()
    const timer = setTimeout(() => done(true), 3_000)
    child.on('error', () => {
      clearTimeout(timer)
      done(false)
    })
    child.on('exit', (code) => {
      clearTimeout(timer)
      done(code === 0)
    })
  })
}

/** Ctrl-C and its like. The first asks politely; a second one leaves at once. */
function onInterrupt(act) {
  let times = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (++times > 1) process.exit(1)
      act()
    })
  }
}

/** Says what goes on without us. Where the host does not answer nothing is claimed. */
async function sayWhatRuns(interrupted) {
  const { pinnedNode } = await import('./node.mjs')
  const { stdout } = spawnSync(pinnedNode(), [join(root, 'dist/app/cli.mjs'), 'host', 'status', '--json'], {
    encoding: 'utf8',
    timeout: 5_000,
  })
  let runs = null
  try {
    runs = JSON.parse(stdout).runs
  } catch {
    // No host: nothing runs that we know of.
  }
  if (typeof runs === 'number' && runs > 0) {
    const keep = runs === 1 ? 'One agent keeps' : `${runs} agents keep`
    note(`${keep} running. "npm start" shows them again; "npm run coppice -- stop ID" ends one.`)
  } else if (interrupted) note(runs === 0 ? 'Closed. No agent was running.' : 'Closed. Agents that run go on.')
}
