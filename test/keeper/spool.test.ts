// The spool against a model that simply keeps everything: what it returns is right, what it dropped is said, and what is on
// disk when it is closed, or cut short by a kill, is the unbroken end of it.
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Spool } from '../../app/keeper/spool.ts'
import { openSpool, segmentName } from '../../app/keeper/spool-disk.ts'

const KIB = 1024
let scratch: string
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'coppice-spool-'))
})
afterEach(() => rmSync(scratch, { recursive: true, force: true }))

/** Bytes that tell their own offset: a wrong one anywhere shows. */
function pattern(from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let n = 0; n < length; n++) bytes[n] = ((from + n) * 2654435761) >>> 24
  return bytes
}
const diskBytes = (directory: string) =>
  readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)

async function readAll(source: {
  first: number
  end: number
  read(from: number, max: number): unknown
}): Promise<{ from: number; bytes: Buffer }> {
  const from = source.first
  const parts: Buffer[] = []
  for (let at = from; at < source.end; ) {
    const found = (await source.read(at, 50_000)) as { at: number; bytes: Buffer }
    expect(found.at).toBe(at)
    expect(found.bytes.length).toBeGreaterThan(0)
    parts.push(found.bytes)
    at += found.bytes.length
  }
  return { from, bytes: Buffer.concat(parts) }
}

it('returns what was appended, from memory and from disk, for random histories', async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 90_000 }) }) },
    { weight: 3, arbitrary: fc.record({ read: fc.double({ min: 0, max: 1.05, noNaN: true }) }) },
    { weight: 1, arbitrary: fc.record({ flush: fc.boolean() }) },
  )
  let history = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const directory = join(scratch, String(history++))
      const spool = new Spool({ directory, stream: 'out', capBytes: 256 * KIB, segmentBytes: 64 * KIB })
      for (const one of steps) {
        if ('append' in one) spool.append(pattern(spool.end, one.append))
        else if ('flush' in one) await spool.flush()
        else {
          const asked = Math.floor(spool.end * one.read)
          const { at, bytes } = await spool.read(asked, 70_000)
          expect(at).toBeGreaterThanOrEqual(asked)
          expect(bytes.equals(pattern(at, bytes.length))).toBe(true)
          if (at > asked && bytes.length > 0) expect(spool.first).toBeGreaterThan(asked)
        }
        expect(spool.end - spool.first).toBeGreaterThanOrEqual(Math.min(spool.end, 128 * KIB))
      }
      await spool.close()
      const disk = await openSpool(directory, 'out')
      expect([disk.first, disk.end]).toEqual([spool.first, spool.end])
      const kept = await readAll(disk)
      expect(kept.bytes.equals(pattern(kept.from, kept.bytes.length))).toBe(true)
      expect(diskBytes(directory)).toBeLessThanOrEqual(256 * KIB)
    }),
    { numRuns: 40 },
  )
})

it('keeps the cap on disk, says what it dropped, and still has what it keeps after the close', async () => {
  const spool = new Spool({ directory: scratch, stream: 'out', capBytes: 1024 * KIB, segmentBytes: 128 * KIB })
  for (let n = 0; n < 50; n++) {
    spool.append(pattern(spool.end, 100_000))
    if (n % 5 === 0) await spool.flush()
  }
  await spool.close()
  expect(spool.end).toBe(5_000_000)
  expect(spool.end - spool.first).toBeLessThanOrEqual(1024 * KIB)
  expect(spool.end - spool.first).toBeGreaterThan(896 * KIB - 1)
  expect((await spool.read(0, 10)).at).toBe(spool.first)
  expect(diskBytes(scratch)).toBe(spool.end - spool.first)
  const { from, bytes } = await readAll(spool)
  expect(bytes.equals(pattern(from, bytes.length))).toBe(true)
})

it('keeps streams apart, and is empty where there is nothing', async () => {
  const out = new Spool({ directory: scratch, stream: 'out' })
  const err = new Spool({ directory: scratch, stream: 'err' })
  out.append(Buffer.from('out'))
  err.append(Buffer.from('error'))
  await Promise.all([out.close(), err.close()])
  expect((await (await openSpool(scratch, 'out')).read(0, 99)).bytes.toString()).toBe('out')
  expect((await (await openSpool(scratch, 'err')).read(2, 99)).bytes.toString()).toBe('ror')
  expect(await openSpool(join(scratch, 'none'), 'out')).toMatchObject({ first: 0, end: 0 })
})

it('reads what a kill cut short: the last file torn, a file longer than the next one says, one missing', async () => {
  const spool = new Spool({ directory: scratch, stream: 'out', capBytes: 1024 * KIB, segmentBytes: 64 * KIB })
  for (let n = 0; n < 5; n++) {
    spool.append(pattern(spool.end, 64 * KIB))
    await spool.flush()
  }
  await spool.close()
  const files = readdirSync(scratch).sort()
  expect(files).toHaveLength(5)
  truncateSync(join(scratch, files[4]!), 1000)
  appendFileSync(join(scratch, files[2]!), 'torn')
  const whole = await openSpool(scratch, 'out')
  expect([whole.first, whole.end]).toEqual([0, 4 * 64 * KIB + 1000])
  const { bytes } = await readAll(whole)
  expect(bytes.equals(pattern(0, bytes.length))).toBe(true)
  rmSync(join(scratch, files[1]!))
  expect((await openSpool(scratch, 'out')).first).toBe(2 * 64 * KIB)
})

it('reads what is left where a live keeper drops a segment between the listing and the look', async () => {
  const spool = new Spool({ directory: scratch, stream: 'out', capBytes: 1024 * KIB, segmentBytes: 64 * KIB })
  for (let n = 0; n < 3; n++) {
    spool.append(pattern(spool.end, 64 * KIB))
    await spool.flush()
  }
  await spool.close()
  // A link that leads nowhere is listed and then not there, as a file is that goes in between.
  rmSync(join(scratch, segmentName('out', 0)))
  symlinkSync('nowhere', join(scratch, segmentName('out', 0)))
  symlinkSync('nowhere', join(scratch, segmentName('out', 3 * 64 * KIB)))
  const left = await openSpool(scratch, 'out')
  expect([left.first, left.end]).toEqual([64 * KIB, 3 * 64 * KIB])
  const { bytes } = await readAll(left)
  expect(bytes.equals(pattern(64 * KIB, bytes.length))).toBe(true)
})

it('goes on in memory where the directory cannot be written, bounded, and flags it', async () => {
  const spool = new Spool({ directory: '/proc/coppice-cannot-be-here', stream: 'out' })
  for (let n = 0; n < 100; n++) {
    spool.append(pattern(spool.end, 100_000))
    if (n % 10 === 0) await spool.flush()
  }
  await spool.flush()
  expect(spool.problem).toBe('ENOENT')
  expect(spool.end).toBe(10_000_000)
  expect(spool.end - spool.first).toBeGreaterThan(3.5 * 1024 * KIB)
  expect(spool.end - spool.first).toBeLessThan(16.5 * 1024 * KIB)
  const { from, bytes } = await readAll(spool)
  expect(bytes.equals(pattern(from, bytes.length))).toBe(true)
  await spool.close()
})
