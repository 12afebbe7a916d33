// The pinned Node on a Linux system without libatomic, as far as a system that has it can show: the copy looks beside itself first.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { libraryName, provideLibrary, withRunPath } from '../../scripts/node-library.mjs'

const root = resolve(import.meta.dirname, '../..')
// The package's own binary: on a system without the library this process runs on such a copy already.
const packaged = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin/node')
const library = join(root, 'resources/libatomic', `linux-${process.arch}`, libraryName)
const directory = join(mkdtempSync(join(tmpdir(), 'coppice-node-')), 'bin')
afterAll(() => rmSync(join(directory, '..'), { recursive: true, force: true }))

describe.runIf(process.platform === 'linux')('a Node that brings its library along', () => {
  it('starts with the library that lies beside it, and with nothing in its environment', () => {
    const copy = provideLibrary(packaged, { library, directory })
    const script = `
      const { readFileSync } = require('node:fs')
      const mapped = new Set(readFileSync('/proc/self/maps', 'utf8').match(/\\/\\S*libatomic\\S*/g))
      new (require('node:worker_threads').Worker)('', { eval: true }).on('exit', (code) =>
        console.log(JSON.stringify({ mapped: [...mapped], version: process.version, code })))`
    const said = JSON.parse(execFileSync(copy, ['-e', script], { encoding: 'utf8', env: {} }))
    expect(said).toEqual({ mapped: [join(directory, libraryName)], version: process.version, code: 0 })
    expect(existsSync(join(directory, '../LICENSE'))).toBe(true)
  })

  it('is made once', () => {
    const made = statSync(join(directory, 'node'))
    provideLibrary(packaged, { library, directory })
    expect(statSync(join(directory, 'node')).ino).toBe(made.ino)
  })

  it('refuses what is not such a program, and says what it is not', () => {
    expect(() => withRunPath(Buffer.alloc(64))).toThrow('it is no ELF64 file')
    const statically = Buffer.alloc(64)
    statically.set([0x7f, 0x45, 0x4c, 0x46, 2, 1])
    expect(() => withRunPath(statically)).toThrow('it is not linked dynamically')
  })
})
