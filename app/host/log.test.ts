import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLog } from './log.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'coppice-log-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))
const now = () => new Date(Date.UTC(2026, 10, 22))

describe('the log', () => {
  it('is one line an entry, for its owner alone, and cannot be forged', () => {
    const path = join(directory, 'host.log')
    const log = openLog(path, { now })
    log.info('started')
    log.warn('a\n2026-11-22T00:00:00.000Z error forged\u001b[31m\r')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readFileSync(path, 'utf8')).toBe(
      '2026-11-22T00:00:00.000Z info  started\n' +
        '2026-11-22T00:00:00.000Z warn  a\n    2026-11-22T00:00:00.000Z error forged\\u{1b}[31m\\u{d}\n',
    )
  })

  it('says where a bug is', () => {
    const path = join(directory, 'host.log')
    openLog(path).error('a command failed', new TypeError('not a function'))
    expect(readFileSync(path, 'utf8')).toMatch(/error a command failed: TypeError: not a function\n {8}at /)
  })

  it('is turned over before it grows large, and keeps three older ones', () => {
    const path = join(directory, 'host.log')
    const log = openLog(path, { maxBytes: 1000 })
    for (let n = 0; n < 200; n++) log.info(`entry ${n}`)
    expect(readdirSync(directory).sort()).toEqual(['host.log', 'host.log.1', 'host.log.2', 'host.log.3'])
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(1000)
    expect(readFileSync(path, 'utf8')).toContain('entry 199')
  })

  it('never throws', () => {
    const log = openLog(join(directory, 'none', 'host.log'))
    expect(() => log.error('nobody hears this')).not.toThrow()
  })
})
