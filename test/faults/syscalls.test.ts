import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { Run } from '../../app/model/run.ts'
import { fingerprint, makeRepo, ownCheckout, type TestRepo } from '../harness/test-repo.ts'
import {
  dropBundle,
  type How,
  isChange,
  makeVictim,
  nameOf,
  type Point,
  type Victim,
  whyNoFaults,
} from './driver/victim.ts'
import { full, patienceMs, reached, report, seeded, size } from './report.ts'

// Scenarios 2, 3 and 5: a kill, ENOSPC and EIO at every system call of create, remove and restore that changes a disk: in the host's
// own threads and in each git that it starts. After each the next host recovers, everything that is there is accounted for, and
// the same verb then works.
const why = whyNoFaults()
if (why) report('2, 3, 5', `NOT RUN: ${why}`)

let repo: TestRepo
let victim: Victim
let repositoryId = ''
let checkout: Record<string, string> = {}

async function setUp(): Promise<void> {
  repo = makeRepo({
    files: { 'README.md': 'x\n', 'src/a.txt': 'a\n', '.gitignore': '.env\nbuild/\n', '.worktreeinclude': '.env\n' },
  })
  repo.write({ '.env': 'SECRET=1\n' })
  victim = makeVictim(repo)
  await victim.start()
  repositoryId = (await victim.call('repository.add', { path: repo.path })).repositoryId
  checkout = fingerprint(repo.path, ownCheckout)
}
afterEach(async () => {
  await victim?.close()
  repo?.close()
})

afterAll(dropBundle)

const create = (id: string, commandLine: string) =>
  victim.call('run.create', {
    repositoryId,
    agent: 'command',
    mode: 'interactive',
    options: {},
    copies: 1,
    commandLine,
    setup: 'skip',
    install: false,
    id,
  })

async function remove(id: string): Promise<void> {
  const { consent } = await victim.call('run.preview-removal', { runId: id })
  await victim.call('run.remove', { runId: id, consent })
}

/** What is not accounted for: by git, in the repository, under our root, in the person's checkout. */
async function wrongs(): Promise<string[]> {
  const runs = Object.values(await victim.runs())
  const kept = runs.filter(
    (run) => run.worktreePresence === 'present' && run.phase !== 'removed' && run.phase !== 'purged',
  )
  const trashed = runs.filter((run) => run.phase === 'removed' && run.trash?.directory)
  const found: string[] = []
  const same = (what: string, is: readonly string[], wanted: readonly string[]) => {
    const [a, b] = [[...is].sort(), [...wanted].sort()]
    if (JSON.stringify(a) !== JSON.stringify(b)) found.push(`${what}: [${a.join(' ')}], wanted [${b.join(' ')}]`)
  }
  const lines = (text: string) => text.split('\n').filter(Boolean)
  const list = repo.tryGit(repo.path, 'worktree', 'list', '--porcelain').stdout
  const worktrees = kept.map((run) => run.worktree ?? '')
  same(
    'git lists',
    lines(list)
      .filter((line) => line.startsWith('worktree '))
      .map((line) => line.slice(9)),
    [repo.path, ...worktrees],
  )
  same(
    'entries',
    namesIn(join(repo.commonDir, 'worktrees')),
    worktrees.map((path) => entryOf(path)),
  )
  same('branches', lines(repo.git('for-each-ref', '--format=%(refname:short)', 'refs/heads')), [
    'main',
    ...[...kept, ...trashed.filter((run) => keepsBranch(run))].map((run) => run.branch ?? ''),
  ])
  const folder = join(victim.dataDirectory, 'worktrees')
  same(
    'folders',
    namesIn(join(folder, repositoryId)).map((name) => join(folder, repositoryId, name)),
    worktrees,
  )
  const trash = trashed.map((run) => run.trash?.directory ?? '')
  same(
    'trash',
    namesIn(join(folder, '.trash')).map((name) => join(folder, '.trash', name)),
    trash,
  )
  const keep = lines(repo.git('for-each-ref', '--format=%(refname)', 'refs/coppice/keep'))
  same(
    'keep refs',
    [...new Set(keep.map((ref) => ref.split('/')[3] ?? ''))],
    trash.map((path) => path.split('/').at(-1) ?? ''),
  )
  same('locks', locksBelow(repo.commonDir), [])
  const fsck = repo.tryGit(repo.path, 'fsck', '--full', '--no-dangling')
  if (fsck.code !== 0 || fsck.stdout !== '') found.push(`fsck: ${fsck.stdout}${fsck.stderr}`)
  if (JSON.stringify(fingerprint(repo.path, ownCheckout)) !== JSON.stringify(checkout))
    found.push('the checkout changed')
  if (!(await victim.verify()).ok) found.push('the journal is broken')
  return found
}

const keepsBranch = (run: Run) =>
  run.branch !== null && repo.tryGit(repo.path, 'rev-parse', '-q', '--verify', `refs/heads/${run.branch}`).code === 0
const namesIn = (path: string) => (existsSync(path) ? readdirSync(path) : [])
const entryOf = (worktree: string) => {
  const pointer = join(worktree, '.git')
  return existsSync(pointer)
    ? (readFileSync(pointer, 'utf8').trim().split('/').at(-1) ?? '')
    : `(no entry of ${worktree})`
}

function locksBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.lock') && !name.startsWith('objects/'),
  )
}

/** Every point, or `count` of them spread over all. */
function some(points: readonly Point[], count: number): Point[] {
  if (count >= points.length) return [...points]
  return Array.from({ length: count }, (_, n) => points[Math.floor(((n + 0.5) * points.length) / count)] as Point)
}

/** In an order that is the same every time and leaves no part out where the time is up before all are done. */
function mixed<T>(all: readonly T[]): T[] {
  const random = seeded(5)
  return all
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)
}

/** Faults each point once with `attempt`, which gives what went wrong. */
async function each(
  scenario: number,
  what: string,
  faults: readonly { point: Point; how: How }[],
  attempt: (point: Point, how: How, n: number) => Promise<{ hit: string | null; wrong: string[]; code: string }>,
): Promise<void> {
  const until = Date.now() + (full ? patienceMs - 30_000 : 45_000)
  const failures: string[] = []
  const codes = new Map<string, number>()
  let hits = 0
  let done = 0
  for (const { point, how } of mixed(faults)) {
    if (Date.now() > until) break
    const { hit, wrong, code } = await attempt(point, how, done)
    done++
    // What was not hit (a call that came in another order this time) says nothing.
    if (hit) {
      hits++
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    if (wrong.length === 0) continue
    const failure = `${how} at ${nameOf(point)}\n    hit ${hit}\n    ${wrong.join('\n    ')}`
    process.stderr.write(`${failure}\n`)
    failures.push(failure)
    // The next fault starts from a sound state.
    await victim.close()
    repo.close()
    await setUp()
    await prepare()
  }
  const ends = [...codes].map(([code, count]) => `${count} ${code}`).join(', ')
  report(
    scenario,
    `${what}: ${hits - failures.length} of ${hits} (${reached(done, faults.length)} calls of this step tried; ended as: ${ends})`,
  )
  expect(failures).toEqual([])
  expect(hits).toBeGreaterThanOrEqual(done / 2)
}
let prepare: () => Promise<void> = async () => {}

const spread = (points: readonly Point[], how: How, count: number) =>
  some(points, count).map((point) => ({ point, how }))
const isKill = (how: How) => how === 'kill' || how === 'kill git'
const inGit = (point: Point) => typeof point.where === 'object'

async function createFault(point: Point, how: How, n: number) {
  const id = `c${n}`
  const wrong: string[] = []
  let code = 'done'
  const hit = await victim.fault(point, how, async () => {
    await create(id, 'true').catch((error: { failure?: { code: string } }) => {
      if (!error.failure) throw error
      code = `refused as ${error.failure.code}`
    })
    const run = await victim.settled(id, 20_000)
    if (run) code = run.failure?.code ?? run.phase
  })
  if (!victim.alive()) {
    if (hit && !isKill(how)) wrong.push('the host died of it')
    code = 'killed'
    await victim.start()
  }
  const run = await victim.settled(id, 20_000)
  wrong.push(...(await wrongs()).map((text) => `before the retry (${run?.phase} ${run?.failure?.code ?? ''}): ${text}`))
  if (/internal/.test(code)) wrong.push(`unclear: ${JSON.stringify(run?.failure)}`)
  try {
    if (!run) await create(id, 'true')
    else if (run.phase !== 'exited') await victim.call('run.resume', { runId: id })
    const again = await victim.settled(id, 20_000)
    if (again?.phase !== 'exited') wrong.push(`the retry: ${again?.phase} ${JSON.stringify(again?.failure)}`)
    const at = again?.worktree ?? ''
    const status = repo.tryGit(at, 'status', '--porcelain', '--ignored')
    if (status.stdout !== '!! .env\n') wrong.push(`its status: ${status.stdout}${status.stderr}`)
    wrong.push(...(await wrongs()).map((text) => `after the retry: ${text}`))
    await remove(id)
    await victim.call('run.purge', { runId: id })
    wrong.push(...(await wrongs()).map((text) => `after its removal: ${text}`))
  } catch (error) {
    wrong.push(`the retry: ${String(error)}`)
  }
  if (wrong.length > 0) wrong.push(victim.log())
  return { hit, wrong, code }
}

describe.skipIf(why !== null)('every system call of create', () => {
  it(
    'killed, with all or with its git alone',
    async () => {
      prepare = async () => {}
      await setUp()
      const points = (
        await victim.points(async () => {
          await create('traced', 'true')
          await victim.settled('traced')
        })
      ).filter(isChange)
      await remove('traced')
      await victim.call('run.purge', { runId: 'traced' })
      expect(await wrongs()).toEqual([])
      await each(
        2,
        'killed at a call of create, recovered, retried',
        [...spread(points, 'kill', size(4, 10_000)), ...spread(points.filter(inGit), 'kill git', size(1, 10_000))],
        createFault,
      )
    },
    patienceMs,
  )

  it(
    'failing with ENOSPC and EIO',
    async () => {
      prepare = async () => {}
      await setUp()
      const points = await victim.points(async () => {
        await create('traced', 'true')
        await victim.settled('traced')
      })
      await remove('traced')
      await victim.call('run.purge', { runId: 'traced' })
      await each(
        5,
        'a call of create failed, retried',
        [...spread(points, 'ENOSPC', size(2, 10_000)), ...spread(points, 'EIO', size(1, 10_000))],
        createFault,
      )
    },
    patienceMs,
  )
})

// A worktree with everything that a removal could lose: a commit, something staged, changed, untracked, ignored, a mode, a link.
const work =
  'echo b > src/b.txt && git add src/b.txt && git commit -qm work && echo c > src/c.txt && git add src/c.txt && ' +
  'echo more >> README.md && echo new > new.txt && chmod 755 new.txt && ln -s new.txt link && mkdir build && echo o > build/o'

interface Content {
  readonly files: Record<string, string>
  readonly status: string
  readonly log: string
}
const contentOf = (at: string): Content => ({
  files: fingerprint(at),
  status: repo.tryGit(at, 'status', '--porcelain=v2', '--ignored').stdout,
  log: repo.tryGit(at, 'log', '--format=%H %s', '-g', 'HEAD').stdout,
})

async function makeWork(): Promise<void> {
  await create('work', work)
  const run = await victim.settled('work', 20_000)
  if (run?.phase !== 'exited' || run.exit?.code !== 0)
    throw new Error(`the work was not done: ${JSON.stringify(run?.exit)}`)
}

/** Faults one step of the cycle remove → restore at `point`, then goes through the whole cycle once. */
async function cycleFault(step: 'remove' | 'restore', point: Point, how: How) {
  const wrong: string[] = []
  const at = (await victim.runs()).work?.worktree ?? ''
  const before = contentOf(at)
  if (before.status === '') wrong.push('there is no work to lose')
  const same = (when: string, is: Content) => {
    if (JSON.stringify(is) !== JSON.stringify(before))
      wrong.push(`${when}: ${JSON.stringify(is)} and not ${JSON.stringify(before)}`)
  }
  let code = 'done'
  try {
    if (step === 'restore') await remove('work')
    const hit = await victim.fault(point, how, async () => {
      const doing = step === 'remove' ? remove('work') : victim.call('run.restore', { runId: 'work' })
      await doing.catch((error: { failure?: { code: string } }) => {
        if (!error.failure) throw error
        code = error.failure.code
      })
    })
    if (!victim.alive()) {
      if (hit && !isKill(how)) wrong.push('the host died of it')
      code = 'killed'
      await victim.start()
    }
    if (code === 'internal') wrong.push('the failure is unclear')
    const run = (await victim.runs()).work
    wrong.push(...(await wrongs()).map((text) => `before the retry (${run?.phase}): ${text}`))
    if (run?.phase === 'removed') {
      const tree = join(run.trash?.directory ?? '', 'tree')
      if (JSON.stringify(fingerprint(tree)) !== JSON.stringify(before.files))
        wrong.push('the tree in the trash is not whole')
      if (existsSync(at)) wrong.push('the tree is in both places')
    } else {
      same(`in place (${run?.phase})`, contentOf(at))
      await remove('work')
    }
    wrong.push(...(await wrongs()).map((text) => `removed: ${text}`))
    await victim.call('run.restore', { runId: 'work' })
    same('restored', contentOf(at))
    wrong.push(...(await wrongs()).map((text) => `restored: ${text}`))
    if (wrong.length > 0) wrong.push(victim.log())
    return { hit, wrong, code }
  } catch (error) {
    return { hit: 'yes', wrong: [...wrong, `the retry: ${String(error)}`, victim.log()], code }
  }
}

describe.skipIf(why !== null)('every system call of remove and of restore', () => {
  for (const step of ['remove', 'restore'] as const) {
    const doStep = async () => {
      if (step === 'remove') await remove('work')
      else await victim.call('run.restore', { runId: 'work' })
    }
    const traced = async () => {
      prepare = makeWork
      await setUp()
      await makeWork()
      if (step === 'restore') await remove('work')
      const points = await victim.points(doStep)
      if (step === 'remove') await victim.call('run.restore', { runId: 'work' })
      expect(await wrongs()).toEqual([])
      return points
    }
    const attempt = (point: Point, how: How) => cycleFault(step, point, how)

    it(
      `${step}, killed, with all or with its git alone`,
      async () => {
        const points = (await traced()).filter(isChange)
        const faults = [
          ...spread(points, 'kill', size(2, 10_000)),
          ...spread(points.filter(inGit), 'kill git', size(1, 10_000)),
        ]
        await each(3, `killed at a call of ${step}: whole, or whole in the trash, and brought back`, faults, attempt)
      },
      patienceMs,
    )

    it(
      `${step}, failing with ENOSPC and EIO`,
      async () => {
        const points = await traced()
        const faults = [...spread(points, 'ENOSPC', size(1, 10_000)), ...spread(points, 'EIO', size(1, 10_000))]
        await each(5, `a call of ${step} failed: whole, or whole in the trash, and brought back`, faults, attempt)
      },
      patienceMs,
    )
  }
})
