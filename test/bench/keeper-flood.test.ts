// How much of a terminal's flood reaches a client through the keeper, against a bare node-pty that reads the same flood in
// the same run. Printed as a ratio; the figures themselves say more about the machine than about us. Asserted: each byte arrives in
// order or is counted as dropped, and none is dropped where the flood fits into the spool.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { connect, dataDirectory, env } from '../keeper/harness.ts'
import { sized } from './sizes.ts'

const TOTAL = sized({ long: 150_000_000, short: 12_000_000 })
const ROUNDS = sized({ long: 3, short: 1 })
/** The keeper keeps this much of a stream for a reader who is late. */
const SPOOL = 16 * 1024 * 1024
const flood = ['-c', String(TOTAL), '/dev/zero']
const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!

/** Bytes per second of a process that does nothing but read a pty. */
function bare(directory: string): Promise<number> {
  const script = join(directory, 'bare.mjs')
  const nodePty = resolve(import.meta.dirname, '../../node_modules/node-pty/index.js')
  writeFileSync(
    script,
    `import pty from ${JSON.stringify(nodePty)}
     const started = performance.now()
     let bytes = 0
     const terminal = pty.spawn('/usr/bin/head', ${JSON.stringify(flood)}, { encoding: null, env: ${JSON.stringify(env)} })
     terminal.onData((data) => { bytes += data.length })
     terminal.onExit(() => console.log(bytes / (performance.now() - started) * 1000))`,
  )
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((done, reject) => {
    child.stdout.on('data', (chunk) => done(Number(String(chunk))))
    child.on('error', reject)
  })
}

it('one flood: pty to client through the keeper, against node-pty alone', async () => {
  const dataDir = dataDirectory()
  const keeper = await connect(dataDir)
  const through: number[] = []
  const alone: number[] = []
  let dropped = 0
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(await bare(dataDir))
    const sessionId = `flood-${round}`
    const started = performance.now()
    await keeper.spawn({ sessionId, kind: 'pty', file: '/usr/bin/head', args: flood, cwd: '/tmp', env })
    let got = 0
    let lost = 0
    let inOrder = true
    await new Promise<void>((done, reject) => {
      keeper.read(
        sessionId,
        { stream: 'out', from: 0 },
        {
          onData(bytes, offset) {
            inOrder &&= offset === got + lost
            got += bytes.length
          },
          onDropped(from, to) {
            lost += to - from
          },
          onEnd: () => done(),
          onError: reject,
        },
      )
    })
    through.push((got / (performance.now() - started)) * 1000)
    expect({ all: got + lost, inOrder }).toEqual({ all: TOTAL, inOrder: true })
    if (TOTAL < SPOOL) expect(lost).toBe(0)
    dropped += lost
    await keeper.forget(sessionId)
  }
  const ratio = median(through) / median(alone)
  const mb = (bytes: number) => (bytes / 1e6).toFixed(1)
  console.log(
    `keeper-flood: ${mb(median(through))} MB/s through the keeper, ${mb(median(alone))} MB/s bare node-pty, ratio ${ratio.toFixed(2)}, ` +
      `${((dropped / (TOTAL * ROUNDS)) * 100).toFixed(1)} % dropped by the spool's cap`,
  )
  expect(through).toHaveLength(ROUNDS)
})
