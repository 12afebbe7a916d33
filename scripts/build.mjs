// Builds everything into dist/: the host, the keeper and the CLI as ES modules for the pinned Node, the Electron shell as CommonJS,
// and the client with vite. `build()` skips what is newer than its sources, so a second start is quick.
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { pinnedNode, root } from './node.mjs'

// Bundled CommonJS packages call require() for Node's own modules; an ES module has none of its own.
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
}
const external = ['node-pty', 'electron']

const targets = {
  app: {
    sources: ['app', 'resources', 'package.json'],
    proof: 'dist/app/cli.mjs',
    async run(esbuild) {
      const entries = {
        cli: 'app/cli.ts',
        host: 'app/host/main.ts',
        keeper: 'app/keeper/main.ts',
        'size-worker': 'app/disk/size-worker.ts',
      }
      await esbuild.build({
        absWorkingDir: root,
        entryPoints: Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(join(root, file)))),
        outdir: 'dist/app',
        outExtension: { '.js': '.mjs' },
        bundle: true,
        platform: 'node',
        format: 'esm',
        target: 'node26',
        external,
        banner,
        sourcemap: 'linked',
        legalComments: 'none',
        logLevel: 'warning',
      })
    },
  },
  main: {
    sources: ['main', 'app/contract', 'app/model', 'package.json'],
    // The last one made: a build that was cut short counts as none.
    proof: 'dist/main/preload.cjs',
    async run(esbuild) {
      // The preload runs in Electron's sandbox, which gives it `require` but no `module`: hence a format without exports.
      const parts = { main: ['main/main.ts', 'cjs'], preload: ['main/preload.ts', 'iife'] }
      for (const [name, [entry, format]] of Object.entries(parts)) {
        await esbuild.build({
          absWorkingDir: root,
          entryPoints: { [name]: entry },
          outdir: 'dist/main',
          outExtension: { '.js': '.cjs' },
          bundle: true,
          platform: 'node',
          format,
          target: 'node16',
          external,
          // main/places.ts finds the pinned Node by it, in a checkout and in a package alike.
          define: { __PINNED_NODE__: JSON.stringify(relative(root, pinnedNode())) },
          sourcemap: 'linked',
          legalComments: 'none',
          logLevel: 'warning',
        })
      }
    },
  },
  renderer: {
    sources: ['renderer', 'app/contract', 'app/model', 'package.json', 'vite.config.mjs', 'scripts/diff-styles.mjs'],
    proof: 'dist/renderer/index.html',
    async run() {
      if (!existsSync(join(root, 'renderer/index.html'))) return
      const vite = await import('vite')
      await vite.build({ root: join(root, 'renderer'), configFile: join(root, 'vite.config.mjs'), logLevel: 'warn' })
    },
  },
}

/** Builds the named targets (default: all). Rebuilds only what is older than its sources unless `force` is set. */
export async function build(names = Object.keys(targets), { force = false } = {}) {
  const stale = names.filter((name) => force || isStale(targets[name]))
  if (stale.length === 0) return []
  const esbuild = await import('esbuild')
  await Promise.all(stale.map((name) => targets[name].run(esbuild)))
  return stale
}

function isStale({ sources, proof }) {
  const path = join(root, proof)
  if (!existsSync(path)) return true
  const built = statSync(path).mtimeMs
  return sources.some((source) => existsSync(join(root, source)) && newest(join(root, source)) > built)
}

function newest(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))))
}

// As a URL, where a space or an accent in the checkout's path is written otherwise.
if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const started = performance.now()
  const named = process.argv.slice(2).filter((word) => !word.startsWith('--'))
  await build(named.length > 0 ? named : undefined, { force: !process.argv.includes('--if-stale') })
  console.log(`Built in ${((performance.now() - started) / 1000).toFixed(1)} s`)
}
