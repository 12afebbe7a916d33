import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CoppiceFailure } from '../../app/model/failure.ts'
import { sleep } from '../harness/test-host.ts'
import { lasting, type Model, type ModelRun, makeWorld, removeDirectory, type World } from './history-world.ts'
import { full, patienceMs, report, size } from './report.ts'

// Scenario 40: random histories against a small model, shrunk when one fails. Every step is a real command, a real git, a real
// kill; after every step every invariant that can be seen from outside is looked at (history-world.ts).

/**
 * Seeds that failed once, with fast-check's path to the history: run first, for ever. The first lost a detached commit when a
 * deleted directory was made again; the second left the refs of a removal that was cut off; the third's consent to remove a live run
 * went stale by the stop that it asked for.
 */
const failed: readonly { readonly seed: number; readonly path?: string }[] = [
  { seed: 22, path: '1' },
  { seed: 21, path: '11' },
  { seed: 973010, path: '2' },
]

const maxRuns = 4
type Step = fc.AsyncCommand<Model, World>
type Kind = (run: ModelRun) => boolean

const kept: Kind = (run) => (run.phase === 'running' || run.phase === 'settled') && run.directory
const running: Kind = (run) => run.phase === 'running'
const settled: Kind = (run) => run.phase === 'settled'
const removed: Kind = (run) => run.phase === 'removed'

/** A step on one of the runs for which it can be taken; `which` picks it, so that it still means something after shrinking. */
function onRun(
  name: string,
  which: number,
  kind: Kind,
  act: (run: ModelRun, world: World, model: Model) => Promise<void>,
): Step {
  return {
    check: (model) => model.runs.some(kind),
    async run(model, world) {
      const able = model.runs.filter(kind)
      const run = able[which % able.length] as ModelRun
      model.trace.push(`${name} ${run.id}`)
      await act(run, world, model)
      await world.check(model)
    },
    toString: () => `${name}(${which})`,
  }
}

function anyTime(name: string, act: (world: World, model: Model) => Promise<void>, check = (_: Model) => true): Step {
  return {
    check: (model) => check(model),
    async run(model, world) {
      model.trace.push(name)
      await act(world, model)
      await world.check(model)
    },
    toString: () => name,
  }
}

const create = anyTime(
  'create',
  async (world, model) => {
    const id = `run-${model.runs.length}`
    await world.host.start(world.repositoryId, 'exec sleep 86400', { id })
    await world.host.untilPhase(id, 'running')
    model.runs.push({ id, phase: 'running', directory: true, before: null, commits: new Set() })
  },
  (model) => model.runs.length < maxRuns,
)

const names = ['new.txt', 'dir one/ü.txt', '.env', 'node_modules/pkg/index.js', 'trace.log', 'src/a.txt', 'README.md']

const edit = (which: number, file: number, text: string) =>
  onRun(`edit ${names[file]} `, which, kept, async (run, world) => {
    const path = join(world.worktreeOf(run), names[file] as string)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  })

const stage = (which: number) =>
  onRun('stage', which, kept, async (run, world) => {
    const worktree = world.worktreeOf(run)
    appendFileSync(join(worktree, 'src/staged.txt'), 's')
    world.git(worktree, 'add', 'src')
    appendFileSync(join(worktree, 'src/staged.txt'), 'and more')
  })

const commit = (which: number, how: 'plain' | 'amend' | 'detached') =>
  onRun(`commit ${how} `, which, kept, async (run, world) => {
    const worktree = world.worktreeOf(run)
    if (how === 'detached') world.git(worktree, 'checkout', '-q', '--detach')
    appendFileSync(join(worktree, 'work.txt'), `${run.commits.size}\n`)
    world.git(worktree, 'add', 'work.txt')
    // Amending what is the base would rewrite somebody else's commit.
    const own = run.commits.has(world.git(worktree, 'rev-parse', 'HEAD'))
    world.git(
      worktree,
      'commit',
      '-q',
      ...(how === 'amend' && own ? ['--amend'] : []),
      '-m',
      `work ${run.commits.size}`,
    )
    run.commits.add(world.git(worktree, 'rev-parse', 'HEAD'))
  })

const stop = (which: number) =>
  onRun('stop', which, running, async (run, world) => {
    await world.host.call('run.stop', { runId: run.id })
    run.phase = 'settled'
  })

const resume = (which: number) =>
  onRun('resume', which, settled, async (run, world) => {
    await world.host.call('run.resume', { runId: run.id })
    await world.host.untilPhase(run.id, 'running')
    run.phase = 'running'
    run.directory = true
  })

const deleteByHand = (which: number) =>
  onRun(
    'delete the directory',
    which,
    (run) => settled(run) && run.directory,
    async (run, world) => {
      removeDirectory(world.worktreeOf(run))
      run.directory = false
    },
  )

async function removal(run: ModelRun, world: World): Promise<void> {
  run.before = run.directory ? world.see(world.worktreeOf(run)) : null
  const { consent, unknown, facts } = await world.host.call('run.preview-removal', { runId: run.id })
  expect(unknown, JSON.stringify(facts)).toBe(false)
  await world.host.call('run.remove', { runId: run.id, consent })
}

const remove = (which: number) =>
  onRun(
    'remove',
    which,
    (run) => running(run) || settled(run),
    async (run, world) => {
      await removal(run, world)
      run.phase = 'removed'
    },
  )

function checkRestored(run: ModelRun, world: World): void {
  if (!run.before) {
    run.directory = false
    return
  }
  expect(world.see(world.worktreeOf(run)), `${run.id} restored`).toEqual(run.before)
}

const restore = (which: number) =>
  onRun('restore', which, removed, async (run, world) => {
    await world.host.call('run.restore', { runId: run.id })
    run.phase = 'settled'
    checkRestored(run, world)
  })

async function purgeWithConsent(world: World, runId: string): Promise<void> {
  try {
    await world.host.call('run.purge', { runId })
  } catch (error) {
    if (!(error instanceof CoppiceFailure) || error.failure.code !== 'consent-needed') throw error
    await world.host.call('run.purge', { runId, consent: String(error.failure.detail?.consent) })
  }
}

const purge = (which: number) =>
  onRun('purge', which, removed, async (run, world) => {
    await purgeWithConsent(world, run.id)
    run.phase = 'purged'
    // What an id of ours kept goes with it: nothing else of it is left in the repository.
    const left = world.git(world.repo.path, 'for-each-ref', '--format=%(refname)', 'refs/coppice/')
    expect(left.split('\n').filter((ref) => ref.startsWith(`refs/coppice/keep/${run.id}-`))).toEqual([])
  })

const push = (which: number) =>
  onRun('push', which, kept, async (run, world) => {
    const code = await world.host.refusal('run.push', { runId: run.id })
    expect(['ok', 'nothing-to-push', 'head-elsewhere', 'push-refused', 'state-unknown']).toContain(code)
    const branch = `refs/heads/${world.host.run(run.id).branch}`
    if (code === 'ok')
      expect(world.git(world.repo.remote as string, 'rev-parse', branch)).toBe(
        world.git(world.repo.path, 'rev-parse', branch),
      )
  })

const killHost = anyTime('kill the host', async (world) => {
  await world.host.kill()
  await world.host.restart()
})

const killKeeper = anyTime('kill the keeper', async (world, model) => {
  process.kill(await world.host.keeperPid(), 'SIGKILL')
  for (const run of model.runs.filter(running)) {
    await world.host.untilPhase(run.id, 'interrupted')
    run.phase = 'settled'
  }
})

const personCommits = anyTime('the person commits', async (world) => {
  appendFileSync(join(world.repo.path, 'README.md'), 'more\n')
  world.repo.git('commit', '-qam', 'their own work')
  world.personChanged()
})

/**
 * The host is killed in the middle of a verb: it is finished or undone at the next start, never half. Every third time that start
 * is killed as well. (Told from the delay, so that the seeds below still mean what they meant.)
 */
const killDuring = (which: number, verb: 'run.remove' | 'run.restore' | 'run.purge', delayMs: number) =>
  onRun(
    `kill ${delayMs} ms into ${verb} `,
    which,
    verb === 'run.remove' ? (run) => running(run) || settled(run) : removed,
    async (run, world) => {
      const consents = verb === 'run.remove' ? await world.host.call('run.preview-removal', { runId: run.id }) : null
      const before = run.phase === 'removed' ? run.before : run.directory ? world.see(world.worktreeOf(run)) : null
      run.before = before
      const asked =
        verb === 'run.remove'
          ? world.host.call(verb, { runId: run.id, consent: consents?.consent })
          : verb === 'run.restore'
            ? world.host.call(verb, { runId: run.id })
            : purgeWithConsent(world, run.id)
      const answered = asked.then(
        () => {},
        () => {},
      )
      await sleep(delayMs)
      await world.host.kill()
      await answered
      if (delayMs % 3 === 0) await world.host.killWhileStarting(delayMs * 5)
      await world.host.restart()
      const after = await world.host.until(
        `${run.id} to be at rest`,
        () => world.host.run(run.id).intent === null && world.host.run(run.id),
      )
      run.phase =
        after.phase === 'removed' || after.phase === 'purged' || after.phase === 'running' ? after.phase : 'settled'
      if (run.phase === 'settled' || run.phase === 'running') checkRestored(run, world)
    },
  )

const which = fc.nat({ max: 7 })
const steps: fc.Arbitrary<Step>[] = [
  fc.constant(create),
  fc.constant(create),
  fc.tuple(which, fc.nat({ max: names.length - 1 }), fc.string({ maxLength: 20 })).map((given) => edit(...given)),
  which.map(stage),
  fc
    .tuple(which, fc.constantFrom('plain' as const, 'plain' as const, 'amend' as const, 'detached' as const))
    .map((given) => commit(...given)),
  fc.tuple(which, fc.constantFrom('plain' as const, 'amend' as const)).map((given) => commit(...given)),
  which.map(stop),
  which.map(resume),
  which.map(deleteByHand),
  which.map(remove),
  which.map(remove),
  which.map(restore),
  which.map(restore),
  which.map(purge),
  which.map(push),
  fc.constant(killHost),
  fc.constant(killKeeper),
  fc.constant(personCommits),
  fc
    .tuple(
      which,
      fc.constantFrom('run.remove' as const, 'run.restore' as const, 'run.purge' as const),
      fc.nat({ max: 120 }),
    )
    .map((given) => killDuring(...given)),
]

/** Two starts in a row over what a history left: the second changes nothing. */
async function startTwice(world: World, model: Model): Promise<void> {
  await world.host.kill()
  await world.host.restart()
  const first = lasting(world.host)
  await world.host.kill()
  await world.host.restart()
  expect(lasting(world.host), 'a second recovery').toEqual(first)
  await world.check(model)
}

const seed = Number(process.env.COPPICE_SEED ?? (full ? Date.now() % 1_000_000 : 11))

async function histories(options: { seed: number; path?: string; runs: number; steps: number; untilMs: number }) {
  const until = Date.now() + options.untilMs
  let done = 0
  let taken = 0
  const property = fc.asyncProperty(
    fc.commands(steps, { maxCommands: options.steps, size: 'max' }),
    async (commands) => {
      // What has begun is finished: a history that was cut off would leave its host behind.
      if (Date.now() > until) return
      const world = await makeWorld()
      const model: Model = { runs: [], trace: [] }
      try {
        // The first step of every history, so that no history is empty of runs.
        await create.run(model, world)
        await fc.asyncModelRun(() => ({ model, real: world }), commands)
        await startTwice(world, model)
        done++
        taken += model.trace.length
      } catch (error) {
        const { message } = error as Error
        throw new Error(`${message}\nThe steps: ${model.trace.join('; ')}`, { cause: error })
      } finally {
        await world.close()
      }
    },
  )
  const result = await fc.check(property, {
    seed: options.seed,
    ...(options.path === undefined ? {} : { path: options.path }),
    numRuns: options.runs,
    endOnFailure: process.env.COPPICE_SHRINK !== '1',
  })
  if (result.failed)
    throw new Error(`${(result.errorInstance as Error).message}\n${fc.defaultReportMessage(result)}`, {
      cause: result.errorInstance,
    })
  return { done, taken }
}

describe('random histories', () => {
  it(
    `against a model (seed ${seed})`,
    async () => {
      const started = Date.now()
      for (const { seed: kept, path } of failed)
        await histories({
          seed: kept,
          ...(path === undefined ? {} : { path }),
          runs: 1,
          steps: 60,
          untilMs: patienceMs,
        })
      const runs = size(1, 10_000)
      const { done, taken } = await histories({
        seed,
        runs,
        steps: size(16, 60),
        // A history that has begun is finished: the last one begins well before the test's own time is up.
        untilMs: size(30_000, Math.max(30_000, patienceMs - 120_000 - (Date.now() - started))),
      })
      const reached = done >= runs ? `${done}` : `${done} of ${runs} (the time was up)`
      report(40, `${failed.length} histories that failed once, ${reached} new, ${taken} steps: 0 violations`)
      expect(done).toBeGreaterThan(0)
    },
    patienceMs,
  )
})
