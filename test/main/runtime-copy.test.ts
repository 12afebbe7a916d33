// A package's host is copied out of the package before it is started, and old copies go only when nothing runs from them.
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { copyRuntime } from '../../main/places.ts'

const folders: string[] = []
let child: ChildProcess | null = null
afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    const gone = new Promise((resolve) => child?.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function build(id: string): { source: string; runtimes: string } {
  const folder = mkdtempSync(join(tmpdir(), 'coppice-runtime-'))
  folders.push(folder)
  const source = join(folder, 'host')
  mkdirSync(join(source, 'bin'), { recursive: true })
  writeFileSync(join(source, 'build-id'), `${id}\n`)
  copyFileSync('/bin/sleep', join(source, 'bin/node'))
  chmodSync(join(source, 'bin/node'), 0o755)
  return { source, runtimes: join(folder, 'runtimes') }
}

it('copies a build once, whole, for its owner only', () => {
  const { source, runtimes } = build('0.1.0-abc')
  const copy = copyRuntime(source, runtimes)
  expect(copy).toBe(join(runtimes, '0.1.0-abc'))
  expect(readFileSync(join(copy, 'bin/node'))).toEqual(readFileSync('/bin/sleep'))
  writeFileSync(join(copy, 'mine'), '')
  expect(copyRuntime(source, runtimes)).toBe(copy)
  expect(existsSync(join(copy, 'mine'))).toBe(true)
  expect(readdirSync(runtimes)).toEqual(['0.1.0-abc'])
})

it('refuses a build that is not named as one', () => {
  for (const id of ['../..', '', 'a/b', 'a b']) {
    const { source, runtimes } = build(id)
    expect(() => copyRuntime(source, runtimes)).toThrow(/names no build/)
    expect(existsSync(runtimes)).toBe(false)
  }
})

it.runIf(process.platform === 'linux')('keeps the build that something runs from, and drops it later', async () => {
  const { source, runtimes } = build('1-old')
  const old = copyRuntime(source, runtimes)
  child = spawn(join(old, 'bin/node'), ['60'], { stdio: 'ignore' })
  await new Promise((resolve) => child?.once('spawn', resolve))

  writeFileSync(join(source, 'build-id'), '2-new')
  copyRuntime(source, runtimes)
  expect(readdirSync(runtimes).sort()).toEqual(['1-old', '2-new'])

  const gone = new Promise((resolve) => child?.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
  copyRuntime(source, runtimes)
  expect(readdirSync(runtimes)).toEqual(['2-new'])
})
