import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, ownCheckout, type TestRepo } from '../harness/test-repo.ts'
import { full, patienceMs, reached, report, size } from './report.ts'

// Scenario 39: create, remove and free, over and over: the open files, the memory and the disk of host and keeper must not grow.
// What may grow is the journal, which keeps a row of each run: its bytes a run are said.
let host: TestHost | null = null
let repo: TestRepo | null = null
afterEach(async () => {
  await host?.close()
  repo?.close()
})

interface Sample {
  readonly hostFiles: number
  readonly keeperFiles: number
  readonly hostBytes: number
  readonly keeperBytes: number
  readonly entries: number
  readonly journalBytes: number
}

const filesOf = (pid: number) => readdirSync(`/proc/${pid}/fd`).length
const residentOf = (pid: number) =>
  1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)

/** Files and folders below a directory, without the repository's objects (git's own, freed by its gc). */
const entriesBelow = (directory: string) =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => !name.startsWith('objects/')).length

describe.skipIf(process.platform !== 'linux')('create, remove and free', () => {
  it(
    'over and over: open files, memory and disk stay flat',
    async () => {
      repo = makeRepo({ files: { 'README.md': 'x\n', 'src/a.txt': 'a\n' } })
      host = await startHost({ settings: { lowDiskBytes: 0 } })
      const { repositoryId } = await host.call('repository.add', { path: repo.path })
      const checkout = fingerprint(repo.path, ownCheckout)
      const { dataDirectory } = host
      const keeper = await host.keeperPid()
      const journal = () =>
        ['journal.db', 'journal.db-wal'].reduce((sum, name) => sum + lstatSync(join(dataDirectory, name)).size, 0)
      const take = (): Sample => ({
        hostFiles: filesOf(host?.hostPid() ?? 0),
        keeperFiles: filesOf(keeper),
        hostBytes: residentOf(host?.hostPid() ?? 0),
        keeperBytes: residentOf(keeper),
        entries: entriesBelow(dataDirectory) + entriesBelow(repo?.commonDir ?? ''),
        journalBytes: journal(),
      })
      const wanted = size(15, 5_000)
      const until = Date.now() + patienceMs - 60_000
      // The first hundred warm up: caches, the pool's threads, the trash's own folder.
      const warm = size(3, 100)
      let first: Sample | null = null
      let done = 0
      for (; done < wanted && Date.now() < until; done++) {
        const id = await host.start(repositoryId, 'echo hello > new.txt', { id: `run-${done}` })
        await host.untilPhase(id, 'exited')
        const { consent } = await host.call('run.preview-removal', { runId: id })
        await host.call('run.remove', { runId: id, consent })
        await host.call('run.purge', { runId: id })
        if (done + 1 === warm) first = take()
      }
      if (!first) throw new Error('it did not even get warm')
      const last = take()
      const runs = done - warm
      const kib = (from: number, to: number) => `${((to - from) / 1024 / runs).toFixed(1)} KiB`
      report(
        39,
        `create, remove and free × ${reached(done, wanted)}: open files ${first.hostFiles} → ${last.hostFiles} (host), ` +
          `${first.keeperFiles} → ${last.keeperFiles} (keeper); memory ${kib(first.hostBytes, last.hostBytes)} (host), ` +
          `${kib(first.keeperBytes, last.keeperBytes)} (keeper) a run; files on disk ${first.entries} → ${last.entries}; ` +
          `journal ${kib(first.journalBytes, last.journalBytes)} a run`,
      )
      // A request under way may hold a few.
      expect(last.hostFiles - first.hostFiles).toBeLessThanOrEqual(4)
      expect(last.keeperFiles - first.keeperFiles).toBeLessThanOrEqual(2)
      expect(last.entries - first.entries).toBeLessThanOrEqual(2)
      if (full) {
        // The row that is kept of each run, and no more: 1,000 runs must not cost half of what the host began with.
        const allowed = (share: number) => 1 + share * Math.max(1, runs / 1_000)
        expect(last.hostBytes / first.hostBytes).toBeLessThan(allowed(0.5))
        expect(last.keeperBytes / first.keeperBytes).toBeLessThan(allowed(0.25))
      }
      expect(repo.git('worktree', 'list').split('\n')).toHaveLength(1)
      expect(repo.git('for-each-ref', 'refs/coppice', 'refs/heads/agent')).toBe('')
      expect(repo.git('fsck', '--full', '--no-dangling')).toBe('')
      expect(fingerprint(repo.path, ownCheckout)).toEqual(checkout)
    },
    patienceMs,
  )
})
