// `npm run coppice -- …`: the CLI from a checkout. Builds what is out of date, then starts the CLI on the pinned Node.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { build } from './build.mjs'
import { pinnedNode, root } from './node.mjs'

await build(['app'])
const child = spawn(pinnedNode(), [join(root, 'dist/app/cli.mjs'), ...process.argv.slice(2)], { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => {
  process.exitCode = signal ? 1 : (code ?? 1)
})
