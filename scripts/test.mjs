// `npm test [-- filters]`, and with a first word: `npm run e2e`, `npm run faults`, `npm run bench`. `npm test` has the short form
// of every bench, `npm run bench` the long one. Builds first, then runs vitest on the pinned Node, so the tests start what ships.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from './build.mjs'
import { pinnedNode, root } from './node.mjs'

const projects = { e2e: ['e2e'], faults: ['faults'], bench: ['bench'] }
const [first, ...rest] = process.argv.slice(2)
const chosen = projects[first] ?? ['unit', 'real', 'e2e', 'bench']
const filters = first in projects ? rest : process.argv.slice(2)

await build()
const env = {
  ...process.env,
  COPPICE_TEST_NODE: pinnedNode(),
  COPPICE_FAULTS: first === 'faults' && !filters.includes('--quick') ? 'full' : 'quick',
  COPPICE_BENCH: first === 'bench' ? 'long' : 'short',
}
const args = [
  join(root, 'node_modules/vitest/vitest.mjs'),
  'run',
  ...chosen.flatMap((name) => ['--project', name]),
  ...filters.filter((word) => word !== '--quick'),
]
const { status } = spawnSync(pinnedNode(), args, { cwd: root, stdio: 'inherit', env })
process.exitCode = status ?? 1
