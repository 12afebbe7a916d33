// The host's entry: `host.mjs --data DIR [--idle-exit SECONDS] [--dev]`. It reads its arguments, runs the host's life (life.ts)
// with the real room (host.ts), and turns signals and bugs into an orderly end and a line in the log. Exit codes: 0 ended or
// another host lives, 1 could not start, 2 wrong usage, 70 a bug.
import { userInfo } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import packageJson from '../../package.json' with { type: 'json' }
import { announceSocket, prepareSocketDirectory, socketPath } from '../keeper/client.ts'
import { dataDirectory } from '../store/data-dir.ts'
import { startLife } from './life.ts'
import type { CreateHost } from './room.ts'

const { data, idle, dev } = readArguments()
// In a checkout the sources run as they are; in a build this file is dist/app/host.mjs, beside dist/renderer.
const inCheckout = import.meta.url.endsWith('.ts')
const clientRoot = fileURLToPath(new URL(inCheckout ? '../../dist/renderer' : '../renderer', import.meta.url))

const createHost: CreateHost = async (options) => (await import('./host.ts')).createHost(options)
const life = startLife({
  dataDirectory: data,
  idleExitSeconds: idle,
  dev,
  version: packageJson.version,
  user: userName(),
  clientRoot,
  createHost,
  socketAt(directory) {
    const path = socketPath(directory, 'host')
    prepareSocketDirectory(path)
    return path
  },
  listening: (directory, path) => announceSocket(directory, 'host', path),
  say: (line) => void process.stdout.write(`${line}\n`),
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => life.end(signal))
// The terminal that started it may close; a host is nobody's job but its own.
process.on('SIGHUP', () => {})
// Whoever started it may stop reading what it says.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})
process.on('uncaughtException', (error) => {
  life.log?.error('crash', error)
  process.stderr.write(`${error.stack}\n`)
  process.exit(70)
})
// Something that nobody waited for has failed. It is a bug and is logged as one; the journal is whole, and the work goes on.
process.on('unhandledRejection', (reason) => life.log?.error('an unhandled rejection', reason))

process.exit(await life.ended)

function readArguments(): { data: string; idle: number | null; dev: boolean } {
  try {
    const { values } = parseArgs({
      options: { data: { type: 'string' }, 'idle-exit': { type: 'string' }, dev: { type: 'boolean', default: false } },
    })
    const idle = values['idle-exit'] === undefined ? null : Number(values['idle-exit'])
    if (idle !== null && !(idle > 0)) throw new Error('--idle-exit takes a number of seconds')
    return { data: values.data ?? dataDirectory(process.env), idle, dev: values.dev }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nusage: host --data DIR [--idle-exit SECONDS] [--dev]\n`)
    process.exit(2)
  }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A user without an entry in the password file, as in some containers.
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
