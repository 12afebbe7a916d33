import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CoppiceFailure } from '../../model/failure.ts'
import { detectInstallIn } from './dependencies.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'coppice-lock-files-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const failureOf = (path: string) =>
  detectInstallIn(path).then(
    (found) => found,
    (error: unknown) => (error instanceof CoppiceFailure ? error.failure : error),
  )

describe('the install that a lock file asks for', () => {
  it('is none where there is no lock file', async () => expect(await detectInstallIn(directory)).toBeNull())

  it.each([
    ['package-lock.json', 'npm'],
    ['pnpm-lock.yaml', 'pnpm'],
    ['bun.lock', 'bun'],
  ])('of %s is by %s', async (name, manager) => {
    writeFileSync(join(directory, name), '')
    expect(await detectInstallIn(directory)).toMatchObject({ manager, lockFile: name })
  })

  it('says that a lock file cannot be read, and not that there is none', async () => {
    symlinkSync('nowhere', join(directory, 'package-lock.json'))
    expect(await failureOf(directory)).toMatchObject({
      code: 'state-unknown',
      detail: { path: join(directory, 'package-lock.json') },
    })
  })

  it('says that a folder cannot be looked into', async () => {
    symlinkSync('loop', join(directory, 'loop'))
    expect(await failureOf(join(directory, 'loop'))).toMatchObject({ code: 'state-unknown' })
  })
})
