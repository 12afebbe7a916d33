// `npm run check`: format and lint (biome), types (tsc), and the tests of the architecture. `--fix` fixes the format. Types are
// checked room by room, so that each has only its own globals: neither Node nor DOM in pure rooms, no DOM in app/ and main/, no
// Node in renderer/; tests and scripts have both.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pinnedNode, root } from './node.mjs'

const bin = (name) => join(root, 'node_modules', name)
const steps = [
  [
    'biome',
    [
      bin('@biomejs/biome/bin/biome'),
      'check',
      '--error-on-warnings',
      ...(process.argv.includes('--fix') ? ['--write'] : []),
    ],
  ],
  ...[
    'app/tsconfig.pure.json',
    'app/tsconfig.json',
    'main/tsconfig.json',
    'renderer/tsconfig.json',
    'tsconfig.json',
  ].map((project) => [`tsc -p ${project}`, [bin('typescript/bin/tsc'), '-p', project]]),
  ['architecture', [bin('vitest/vitest.mjs'), 'run', '--project', 'unit', 'test/architecture']],
]
for (const [name, args] of steps) {
  const { status } = spawnSync(pinnedNode(), args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) {
    console.error(`check: ${name} failed`)
    process.exitCode = 1
  }
}
