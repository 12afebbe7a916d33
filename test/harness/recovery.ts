// What a start put right after something was damaged while no host was there, and that a second start changes nothing more.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { TestHost } from './test-host.ts'
import { fingerprint, type TestRepo } from './test-repo.ts'

/** Kills the host where it lives, lets `damage` happen, starts it again twice, and gives what the first start said. */
export async function recoveryAfter(host: TestHost, repo: TestRepo, damage: () => unknown): Promise<string> {
  await host.kill()
  await damage()
  await host.restart()
  const said = await lastRecovery(host)
  const { seq } = host.state()
  const place = [repo.commonDir, join(`${repo.path}-moved`, '.git')].find(existsSync) ?? ''
  const before = fingerprint(place, { without: /^objects/ })
  await host.kill()
  await host.restart()
  const again = (await host.call('journal.read', { limit: 50 })).records.filter((record) => record.seq > seq)
  expect(again.map(({ event }) => event)).toEqual([])
  expect(fingerprint(place, { without: /^objects/ })).toEqual(before)
  return said
}

/** The last report in the journal: its sentence, then a line for each thing. */
export async function lastRecovery(host: TestHost): Promise<string> {
  const { records } = await host.call('journal.read', { limit: 200 })
  const found = records.find(({ event }) => event.type === 'recovered')?.event
  return found?.type === 'recovered'
    ? `${found.text}\n${found.report.map((item) => `${item.result} ${item.what}: ${item.reason ?? ''}`).join('\n')}`
    : ''
}
