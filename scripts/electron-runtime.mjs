// Everything about the machine that decides whether Coppice can open a window: is Electron installed, can it be fetched, is there a
// display, does the system allow Electron's sandbox, are its libraries installed. Each answer is a value: null if nothing is in the
// way, otherwise { why, how } in words for a person. Plain JavaScript for Node 20.19: it runs before anything is built.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { pinnedNode, root } from './node.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const electronPackage = join(root, 'node_modules/electron')

/** No byte for this long means that Electron cannot be fetched here. */
const stalledMs = 10_000

/** The Electron version that package.json pins. */
export const pinnedElectron = () => JSON.parse(readFileSync(join(electronPackage, 'package.json'), 'utf8')).version

/**
 * The Electron of this machine: { executable, version, folder }, or null. ELECTRON_OVERRIDE_DIST_PATH names a folder of one's
 * own, as the `electron` package has it; a folder without an Electron counts as none.
 */
export function installedElectron(env = process.env) {
  const own = env.ELECTRON_OVERRIDE_DIST_PATH
  const folder = own || join(electronPackage, 'dist')
  const executable = join(folder, executableName())
  if (!existsSync(executable)) return null
  let version = ''
  try {
    version = readFileSync(join(folder, 'version'), 'utf8').trim().replace(/^v/, '')
  } catch {
    // Some builds carry no such file.
  }
  // One that an older checkout fetched is not the one that this checkout was tried with; and path.txt is what its installer
  // writes last: without it the unpacking was cut off.
  if (!own && (version !== pinnedElectron() || !existsSync(join(electronPackage, 'path.txt')))) return null
  return { executable, version: version || 'unknown', folder }
}

function executableName() {
  if (process.platform === 'darwin') return 'Electron.app/Contents/MacOS/Electron'
  return process.platform === 'win32' ? 'electron.exe' : 'electron'
}

/**
 * Fetches the pinned Electron with the package's own `install-electron`, on the pinned Node (it needs 22.12). `onProgress` gets
 * bytes had and bytes in all (null where the server does not say). Gives null, or why there is none.
 */
export function fetchElectron(onProgress = () => {}, { timeoutMs = stalledMs } = {}) {
  const watch = join(here, 'watch-download.mjs')
  const child = spawn(pinnedNode(), ['--import', pathToFileURL(watch).href, join(electronPackage, 'install.js')], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // A proxy that the rest of the system uses is used here too; fetch() looks for it only when told.
    env: { ...process.env, NODE_USE_ENV_PROXY: '1', ELECTRON_GET_NO_PROGRESS: '1' },
  })
  return new Promise((resolve) => {
    let errors = ''
    let cause = null
    let stalled = false
    const stop = () => {
      stalled = true
      child.kill('SIGKILL')
    }
    let timer = setTimeout(stop, timeoutMs)
    child.on('message', ({ failed, had, total }) => {
      if (failed) {
        cause = failed
        return
      }
      clearTimeout(timer)
      // Once the last byte is here it is checked and unpacked, which says nothing for a while.
      if (total === null || had < total) timer = setTimeout(stop, timeoutMs)
      onProgress(had, total)
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors = (errors + text).slice(-4000)
    })
    child.on('error', (error) => {
      errors = error.message
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      if (code === 0 && installedElectron({})) return resolve(null)
      const why = stalled ? `no byte came for ${timeoutMs / 1000} s` : (cause ?? reasonIn(errors))
      resolve({
        why: `Electron ${pinnedElectron()} is not installed and could not be fetched (${why})`,
        how: 'run "npm run install-electron" where its download can be reached, or set ELECTRON_OVERRIDE_DIST_PATH to a folder with Electron in it',
      })
    })
  })
}

/** The message of the error that a stack trace begins with. */
function reasonIn(errors) {
  const message = /^\w*Error: (.+)$/m.exec(errors)?.[1] ?? errors.trim().split('\n').at(-1)
  return (message || 'it did not say why').slice(0, 200)
}

/** What keeps any window from being shown here, whatever Electron there is; null where nothing does. */
export function displayProblem({ platform = process.platform, env = process.env } = {}) {
  if (platform !== 'linux' || env.DISPLAY || env.WAYLAND_DISPLAY) return null
  return { why: 'there is no display here', how: 'start it in a desktop session' }
}

/**
 * What keeps Electron's sandbox from working; null where nothing does. Coppice never switches the sandbox off. `read` gives the
 * text of a file or null; `executable` is Electron's, where there is one already.
 */
export function sandboxProblem({
  platform = process.platform,
  uid = process.getuid?.(),
  executable = null,
  read = readOrNull,
  stat = statOrNull,
  list = listOrNone,
} = {}) {
  if (platform !== 'linux') return null
  if (uid === 0) return { why: 'Electron does not run as root', how: 'start it as an ordinary user' }
  // The older way in: a helper that belongs to root and is setuid.
  const helper = executable && join(dirname(executable), 'chrome-sandbox')
  const helperStat = helper && stat(helper)
  if (helperStat && helperStat.uid === 0 && (helperStat.mode & 0o4111) === 0o4111) return null

  const number = (path) => {
    const text = read(path)
    return text === null || text.trim() === '' ? null : Number(text)
  }
  let why = null
  if (number('/proc/sys/kernel/unprivileged_userns_clone') === 0) why = 'kernel.unprivileged_userns_clone is 0'
  else if (number('/proc/sys/user/max_user_namespaces') === 0) why = 'user.max_user_namespaces is 0'
  else if (number('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === 1) {
    // Ubuntu 23.10 and newer; an AppArmor profile that names the program and grants `userns` lifts it.
    const granted = list('/etc/apparmor.d').some((name) => {
      const profile = read(join('/etc/apparmor.d', name))
      return executable && profile?.includes(executable) && /\buserns\b/.test(profile)
    })
    if (!granted) why = 'kernel.apparmor_restrict_unprivileged_userns is 1'
  }
  if (why === null) return null
  const path = helper ?? join(electronPackage, 'dist/chrome-sandbox')
  const fetchFirst = executable ? '' : 'npm run install-electron && '
  return {
    why: `this system forbids Electron's sandbox (${why})`,
    how: `${fetchFirst}sudo chown root '${path}' && sudo chmod 4755 '${path}'`,
  }
}

/** Shared libraries that Electron needs and this machine lacks; null where none, or where it cannot be found out. */
export function libraryProblem({ platform = process.platform, executable, ldd = runLdd }) {
  if (platform !== 'linux') return null
  const missing = [...ldd(executable).matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1])
  if (missing.length === 0) return null
  const shown = missing.slice(0, 4).join(', ') + (missing.length > 4 ? ` and ${missing.length - 4} more` : '')
  return {
    why: `Electron needs libraries that are not here (${shown})`,
    how: 'install them; on Debian and Ubuntu: sudo apt-get install libgtk-3-0 libnss3 libasound2 libgbm1 libxss1 libnotify4',
  }
}

function runLdd(executable) {
  const { stdout } = spawnSync('ldd', [executable], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
  return stdout ?? ''
}

function readOrNull(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function statOrNull(path) {
  try {
    return statSync(path)
  } catch {
    return null
  }
}

function listOrNone(path) {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
