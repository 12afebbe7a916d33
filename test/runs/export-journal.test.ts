import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { verifyExport } from '../../app/store/verify-export.ts'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

let host: TestHost
let repo: TestRepo
beforeEach(async () => {
  repo = makeRepo({ files: { 'README.md': 'x\n' } })
  host = await startHost()
  const { repositoryId } = await host.call('repository.add', { path: repo.path })
  await host.start(repositoryId, 'true', { id: 'work' })
  await host.untilPhase('work', 'exited')
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

describe('the journal as a file', () => {
  it('is whole, for its owner alone, and verified by nothing but itself', async () => {
    for (const format of ['jsonl', 'csv'] as const) {
      const { path, records, head, bytes } = await host.call('journal.export', { format })
      expect(path.startsWith(join(host.dataDirectory, 'exports'))).toBe(true)
      const { mode, size } = statSync(path)
      expect({ mode: mode & 0o777, size }).toEqual({ mode: 0o600, size: bytes })
      expect(records).toBeGreaterThanOrEqual(host.state().seq)
      expect(await verifyExport(path, { anchor: head })).toEqual({ ok: true, head: { seq: records, hash: head } })
    }
    // A second one in the same second has a name of its own.
    await Promise.all([1, 2, 3].map(() => host.call('journal.export', { format: 'csv' })))
    const names = readdirSync(join(host.dataDirectory, 'exports'))
    expect(names).toHaveLength(5)
    expect(names.filter((name) => name.endsWith('.partial'))).toEqual([])
  })

  it('is refused where it cannot be written, with nothing half done', async () => {
    writeFileSync(join(host.dataDirectory, 'exports'), 'a file in its place')
    expect(await host.refusal('journal.export', { format: 'jsonl' })).not.toBe('ok')
    expect(statSync(join(host.dataDirectory, 'exports')).isFile()).toBe(true)
  })
})
