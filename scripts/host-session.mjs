// A starter's conversation with the host, on the pinned Node: starts the host, opens the path or the demo, opens the port for
// browsers, and stays connected so that the host does not end for lack of clients. Reports what it did as one JSON object per line:
// {served: {url, address}, problem}, {error: {message, next}}. Ends when its standard input ends.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect } from '../app/contract/client.ts'
import { sentenceOf } from '../app/contract/sentences.ts'
import { failureOf } from '../app/model/failure.ts'
import { connectSocket } from '../app/socket/connect.ts'
import packageFile from '../package.json' with { type: 'json' }
import { root } from './node.mjs'

/** How soon a lost host is asked for again, and how often before giving up. */
const retryMs = 1_000
const maxRetries = 20

const { path = null, demo = false } = JSON.parse(process.argv[2] ?? '{}')
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
process.stdin.resume().on('end', () => process.exit(0))
process.on('SIGINT', () => {
  // Ctrl-C reaches the whole group: the starter decides, and ends our input.
})

try {
  await serve(0, true)
} catch (error) {
  say({ error: wordsOf(error) })
  process.exit(1)
}

/** Serves, and again on the same port whenever the host was lost. */
async function serve(port, first) {
  const client = await greet()
  let problem = null
  if (first) {
    try {
      if (path !== null) await client.call('repository.add', { path })
      if (demo) await client.call('demo.start', {})
    } catch (error) {
      problem = wordsOf(error)
    }
  }
  // Another client may have had it opened elsewhere meanwhile: then it is there.
  const served = await client.call('host.serve', { port }).catch((error) => {
    if (failureOf(error).detail?.address === undefined) throw error
    return client.call('host.serve', {})
  })
  say({ served, problem })
  client.onClose(async () => {
    const again = Number(new URL(served.address).port)
    for (let tries = 0; ; tries++) {
      await new Promise((resolve) => setTimeout(resolve, retryMs))
      try {
        return await serve(again, false)
      } catch (error) {
        if (tries < maxRetries) continue
        say({ error: wordsOf(error) })
        process.exit(1)
      }
    }
  })
}

/** Asks the CLI for the host's socket; it starts the host where none runs. */
async function greet() {
  const cli = join(root, 'dist/app/cli.mjs')
  let answer
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [cli, 'host', 'start', '--json'])
    answer = JSON.parse(stdout)
  } catch (error) {
    const said = parse(error.stdout) ?? parse(error.stderr)
    throw said?.error ? new Error([said.error.message, said.error.next].filter(Boolean).join(' ')) : error
  }
  return connect(await connectSocket(answer.socket), { via: 'cli', version: packageFile.version })
}

function wordsOf(error) {
  const failure = failureOf(error)
  if (failure.code === 'internal') return { message: error.message, next: '' }
  return sentenceOf(failure)
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
