import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, it } from 'vitest'
import { acquireLock, readOwner, writeOwner } from '../../app/store/lock.ts'
import { scratch } from './sample.ts'

const child = join(import.meta.dirname, 'fixtures/take-lock.ts')
const started: ChildProcess[] = []
const { make } = scratch()

afterEach(() => {
  for (const process of started.splice(0)) process.kill('SIGKILL')
})

async function tryToTake(path: string): Promise<{ process: ChildProcess; answer: string }> {
  const taker = spawn(process.execPath, [child, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  started.push(taker)
  const [answer] = (await once(createInterface(taker.stdout!), 'line')) as [string]
  return { process: taker, answer }
}

describe('the lock', () => {
  // 200 processes are half a minute of a busy small machine: the full count runs with the faults.
  const rounds = process.env.COPPICE_FAULTS === 'full' ? 20 : 5
  it(`is got by exactly one of ten that start at once, ${rounds} times, each owner killed with SIGKILL`, async () => {
    const path = join(make(), 'host.lock')
    const owners: number[] = []
    for (let round = 0; round < rounds; round++) {
      const all = await Promise.all(Array.from({ length: 10 }, () => tryToTake(path)))
      const held = all.filter(({ answer }) => answer === 'held')
      owners.push(held.length)
      for (const { process } of held) {
        const gone = once(process, 'exit')
        process.kill('SIGKILL')
        await gone
      }
    }
    expect(owners).toEqual(Array(rounds).fill(1))
    expect(readdirSync(join(path, '..'))).toEqual(['host.lock'])
  }, 120_000)

  it('is not given twice in one process, and is free again after release', () => {
    const path = join(make(), 'host.lock')
    const first = acquireLock(path)
    expect(first).not.toBeNull()
    expect(acquireLock(path)).toBeNull()
    expect(acquireLock(path)).toBeNull()
    first!.release()
    first!.release()
    const second = acquireLock(path)
    expect(second).not.toBeNull()
    second!.release()
  })

  it('holds against others after a failed attempt of its own process', async () => {
    const path = join(make(), 'host.lock')
    const mine = acquireLock(path)!
    // Closing a descriptor of the file would drop our lock (fcntl), were it not SQLite that closes it.
    expect(acquireLock(path)).toBeNull()
    expect((await tryToTake(path)).answer).toBe('busy')
    mine.release()
    expect((await tryToTake(path)).answer).toBe('held')
  })

  it('says permission-denied where the file cannot be made', () => {
    const directory = make()
    expect(() => acquireLock(join(directory, 'missing', 'host.lock'))).toThrow()
    expect(existsSync(join(directory, 'missing'))).toBe(false)
  })

  it('is a file of its owner alone', () => {
    const path = join(make(), 'host.lock')
    acquireLock(path)!.release()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })
})

describe('the owner', () => {
  it('is shown as it was written, and is null where nobody can tell', () => {
    const path = join(make(), 'host.pid')
    expect(readOwner(path)).toBeNull()
    writeOwner(path, { pid: 42, version: '0.1.0', startedAt: 5 })
    expect(readOwner(path)).toEqual({ pid: 42, version: '0.1.0', startedAt: 5 })
  })
})
