// `npm run package`: makes a folder with a Coppice that starts on a machine with nothing but git. Builds what is out of date,
// prepares what goes beside the asar (dist/beside), and calls electron-builder. Works offline with the Electron that is installed
// or that ELECTRON_OVERRIDE_DIST_PATH names. Further arguments go to electron-builder.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { build } from './build.mjs'
import { installedElectron } from './electron-runtime.mjs'
import { pinnedNode, root } from './node.mjs'
import { libraryName, provideLibrary } from './node-library.mjs'

const stage = join(root, 'dist/beside/host')

await build()
layOutHost()
process.exitCode = runBuilder(process.argv.slice(2))

/** The same paths as in a checkout, so that the host finds its things the same way. */
function layOutHost() {
  rmSync(stage, { recursive: true, force: true })
  const noMaps = { recursive: true, filter: (path) => !path.endsWith('.map') }
  for (const folder of ['dist/app', 'dist/renderer', 'resources'])
    cpSync(join(root, folder), join(stage, folder), noMaps)
  for (const folder of ['icons', 'libatomic'])
    rmSync(join(stage, 'resources', folder), { recursive: true, force: true })

  // node-pty, and of its platform packages the one that npm found to fit.
  const modules = [
    'node-pty',
    ...readdirSync(join(root, 'node_modules/@lydell'))
      .filter((name) => name.startsWith('node-pty-'))
      .map((name) => `@lydell/${name}`),
  ]
  for (const name of modules)
    cpSync(join(root, 'node_modules', name), join(stage, 'node_modules', name), { recursive: true })

  const node = join(stage, relative(root, pinnedNode()))
  const bin = dirname(pinnedNode())
  mkdirSync(dirname(node), { recursive: true })
  const library = join(root, 'resources/libatomic', `linux-${process.arch}`, libraryName)
  // A package is started on other machines than this one: on Linux it brings its Node's library along.
  if (process.platform === 'linux' && !existsSync(join(bin, libraryName)))
    provideLibrary(pinnedNode(), { library, directory: dirname(node) })
  else cpSync(bin, dirname(node), { recursive: true })
  const license = join(bin, '../LICENSE')
  if (existsSync(license)) cpSync(license, join(dirname(node), '../LICENSE'))
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  writeFileSync(
    join(stage, 'package.json'),
    JSON.stringify({ name: 'coppice-host', version, type: 'module', private: true }),
  )
  writeFileSync(join(stage, 'build-id'), `${version}-${contentHash(stage, node)}\n`)
}

/** Twelve digits that change when any file does. Of Node, which is pinned, the size stands for the content. */
function contentHash(folder, node) {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder, { recursive: true }).sort()) {
    const path = join(folder, name)
    if (path === node) hash.update(`node ${process.platform} ${process.arch} ${pinnedNode()}\n`)
    else {
      try {
        hash.update(`${name}\n`).update(readFileSync(path))
      } catch (error) {
        if (error.code !== 'EISDIR') throw error
      }
    }
  }
  return hash.digest('hex').slice(0, 12)
}

function runBuilder(more) {
  const electron = installedElectron()
  const args = [
    join(root, 'node_modules/electron-builder/cli.js'),
    '--dir',
    '--config',
    join(root, 'electron-builder.yml'),
  ]
  if (electron) {
    args.push(`-c.electronDist=${electron.folder}`)
    if (electron.version !== 'unknown') args.push(`-c.electronVersion=${electron.version}`)
  }
  const { status } = spawnSync(pinnedNode(), [...args, ...more], { cwd: root, stdio: 'inherit' })
  return status ?? 1
}
