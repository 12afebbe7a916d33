import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isRunning, marked, sleep, startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { full, patienceMs, reached, report, seeded, size } from './report.ts'

// Scenario 1: SIGKILL of the host, and of the keeper, at random while six scripted agents commit; of the host also while it starts
// and recovers. What a commit's author saw succeed must be there afterwards; every worktree must be one that git lists and a run
// names; a killed host ends no agent, and a killed keeper leaves none behind.
const agents = 6
const committer =
  'i=0; while :; do i=$((i+1)); echo $i > work.txt; git add work.txt && git commit -qm "commit $i" && echo "made $i"; sleep 0.2; done'

let host: TestHost
let repo: TestRepo
beforeEach(async () => {
  repo = makeRepo({ files: { 'README.md': 'x\n' } })
  host = await startHost()
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

const seed = Number(process.env.COPPICE_SEED ?? (full ? Date.now() % 100_000 : 7))
const subjects = (branch: string) => repo.git('log', '--format=%s', branch).split('\n')
const worktrees = () =>
  repo
    .git('worktree', 'list', '--porcelain', '-z')
    .split('\0')
    .filter((line) => line.startsWith('worktree '))
    .map((line) => line.slice(9))

/** Worktrees that git lists and that lie under our root beyond those of the runs. */
function leakedBeyond(ids: readonly string[]): number {
  const wanted = new Set(ids.map((id) => host.run(id).worktree ?? ''))
  const root = join(host.dataDirectory, 'worktrees')
  const folders = readdirSync(root).flatMap((name) => readdirSync(join(root, name)).map((id) => join(root, name, id)))
  const listed = worktrees().filter((path) => path !== repo.path)
  for (const path of wanted) {
    expect(listed, 'what git lists').toContain(path)
    expect(folders, 'what is on the disk').toContain(path)
  }
  return new Set([...listed, ...folders].filter((path) => !wanted.has(path))).size
}

/** Processes of this host's agents, whoever their parent is now. */
const agentProcesses = () =>
  marked(host.dataDirectory, host.home).filter((pid) => {
    try {
      return isRunning(pid) && /(^|\0)COPPICE_RUN=/.test(readFileSync(`/proc/${pid}/environ`, 'utf8'))
    } catch {
      return false
    }
  })

async function logs(runId: string): Promise<string> {
  let text = ''
  for (let from = 0; ; ) {
    const page = await host.call('run.logs', { runId, from })
    text += page.data
    if (page.next === from) return text
    from = page.next
  }
}

describe(`kills (seed ${seed})`, () => {
  it(
    'of the host: no commit lost, no worktree leaked, no agent ended',
    async () => {
      const wanted = size(8, 1_000)
      const random = seeded(seed)
      // After some thousand commits an agent's own git would pack the refs and objects that are compared below.
      repo.git('config', 'gc.auto', '0')
      const before = fingerprint(repo.path, { without: /^\.git\/(worktrees|refs|logs|objects)(\/|$)/ })
      const { repositoryId } = await host.call('repository.add', { path: repo.path })
      const ids: string[] = []
      for (let n = 0; n < agents; n++) ids.push(await host.start(repositoryId, committer, { id: `agent-${n}` }))
      for (const id of ids) await host.untilPhase(id, 'running')
      const pids = ids.map((id) => host.run(id).attempts[0]?.pid ?? 0)
      const until = Date.now() + patienceMs - 60_000
      let kills = 0
      let starting = 0
      while (kills < wanted && Date.now() < until) {
        await sleep(random() * 400)
        await host.kill()
        kills++
        // Every other one's successor is killed as well, before it can serve anybody.
        if (kills % 2 === 0) {
          await host.killWhileStarting(random() * 600)
          kills++
          starting++
        }
        await host.restart()
      }
      const ended = pids.filter((pid) => !isRunning(pid)).length
      for (const id of ids) expect(host.run(id).phase, id).toBe('running')
      for (const id of ids) await host.call('run.stop', { runId: id })
      let lost = 0
      let made = 0
      for (const id of ids) {
        const said = [...(await logs(id)).matchAll(/made (\d+)/g)].map((match) => `commit ${match[1]}`)
        const there = new Set(subjects(`agent/${id}`))
        made += said.length
        lost += said.filter((subject) => !there.has(subject)).length
      }
      const leaked = leakedBeyond(ids)
      expect(repo.git('fsck', '--full', '--no-dangling')).toBe('')
      expect(fingerprint(repo.path, { without: /^\.git\/(worktrees|refs|logs|objects)(\/|$)/ })).toEqual(before)
      report(
        1,
        `${reached(kills, wanted)} kills of the host (${starting} within 0.6 s of its start), ${made} commits: ${lost} commits lost, ${leaked} worktrees leaked, ${ended} agents ended`,
      )
      // Without commits there is nothing to lose.
      expect(made).toBeGreaterThan(kills)
      expect(starting).toBeGreaterThan(0)
      expect({ lost, leaked, ended }).toEqual({ lost: 0, leaked: 0, ended: 0 })
    },
    patienceMs,
  )

  it(
    'of the keeper: no commit lost, no worktree leaked, every run interrupted and resumed',
    async () => {
      const wanted = size(3, 1_000)
      const random = seeded(seed + 1)
      const { repositoryId } = await host.call('repository.add', { path: repo.path })
      const ids: string[] = []
      const resuming = `n=$(git log --oneline | wc -l); ${committer.replace('i=0', 'i=$n')}`
      for (let n = 0; n < agents; n++) ids.push(await host.start(repositoryId, resuming, { id: `agent-${n}` }))
      const until = Date.now() + patienceMs - 60_000
      let kills = 0
      while (kills < wanted && Date.now() < until) {
        for (const id of ids) await host.untilPhase(id, 'running')
        await sleep(200 + random() * 600)
        const keeper = await host.keeperPid()
        process.kill(keeper, 'SIGKILL')
        kills++
        for (const id of ids) await host.untilPhase(id, 'interrupted')
        for (const id of ids) {
          // A commit that was cut off may have left its lock: the next attempt must not be wedged by it.
          await host.call('run.resume', { runId: id })
        }
      }
      for (const id of ids) await host.untilPhase(id, 'running')
      await sleep(500)
      for (const id of ids) await host.call('run.stop', { runId: id })
      const left = agentProcesses().length
      let lost = 0
      let made = 0
      let stuck = 0
      for (const id of ids) {
        const { attempts } = host.run(id)
        const there = new Set(subjects(`agent/${id}`))
        for (const attempt of attempts) {
          const { data } = await host.call('run.logs', { runId: id, attempt: attempt.number })
          const said = [...data.matchAll(/made (\d+)/g)].map((match) => `commit ${match[1]}`)
          made += said.length
          lost += said.filter((subject) => !there.has(subject)).length
          if (attempt.number > 1 && /index\.lock|File exists/.test(data)) stuck++
        }
      }
      const leaked = leakedBeyond(ids)
      expect(repo.git('fsck', '--full', '--no-dangling')).toBe('')
      report(
        1,
        `${reached(kills, wanted)} kills of the keeper, ${made} commits: ${lost} commits lost, ${leaked} worktrees leaked, ${stuck} attempts wedged by a stale lock, ${left} processes left`,
      )
      expect(made).toBeGreaterThan(kills)
      for (const id of ids) expect(host.run(id).attempts, id).toHaveLength(kills + 1)
      expect({ lost, leaked, stuck, left }).toEqual({ lost: 0, leaked: 0, stuck: 0, left: 0 })
    },
    patienceMs,
  )
})
