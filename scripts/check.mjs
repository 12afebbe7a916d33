// `npm run check`: format and lint (biome), types (tsc), and the layering test. `--fix` writes the format.
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
  ['tsc', [bin('typescript/bin/tsc')]],
  ['layering', [bin('vitest/vitest.mjs'), 'run', '--project', 'unit', 'test/architecture']],
]
for (const [name, args] of steps) {
  const { status } = spawnSync(pinnedNode(), args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) {
    console.error(`check: ${name} failed`)
    process.exitCode = 1
  }
}
