import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { measure, stopMeasuring } from '../../app/disk/measure.ts'
import { measureTree } from '../../app/disk/size-worker.ts'

const root = mkdtempSync(join(tmpdir(), 'coppice-size-'))
afterAll(async () => {
  await stopMeasuring()
  rmSync(root, { recursive: true, force: true })
})
const ask = (path: string) => measureTree({ id: 1, path })

describe('size of a tree', () => {
  it('agrees with du to the byte, hard links counted once', () => {
    const tree = join(root, 'tree')
    mkdirSync(join(tree, 'node_modules/a'), { recursive: true })
    writeFileSync(join(tree, 'big'), Buffer.alloc(300_000, 1))
    writeFileSync(join(tree, 'node_modules/a/x'), Buffer.alloc(50_000, 1))
    linkSync(join(tree, 'big'), join(tree, 'again'))
    symlinkSync('/usr', join(tree, 'link'))
    const du = Number(execFileSync('du', ['-s', '--block-size=1', tree], { encoding: 'utf8' }).split('\t')[0])
    const answer = ask(tree)
    expect(answer.sizeBytes).toBe(du)
    expect(answer.reclaimableBytes).toBe(du)
  })

  it('does not promise back what another tree still links', () => {
    const store = join(root, 'store')
    const tree = join(root, 'linked')
    mkdirSync(store)
    mkdirSync(tree)
    writeFileSync(join(store, 'f'), Buffer.alloc(400_000, 1))
    linkSync(join(store, 'f'), join(tree, 'f'))
    const answer = ask(tree)
    expect(answer.sizeBytes).toBeGreaterThan(400_000)
    expect(answer.reclaimableBytes).toBeLessThan(20_000)
  })

  it('says unknown, not zero, for what is not there', async () => {
    expect(await measure(join(root, 'nothing'))).toMatchObject({
      sizeBytes: null,
      reclaimableBytes: null,
      why: 'ENOENT',
    })
  })
})
