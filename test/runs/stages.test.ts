import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { isSettled } from '../../app/model/run.ts'
import { isRunning, startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'

// What happens before an agent works, stage by stage, through a real host: what is installed, what may be refused, and that a
// cancel at any of them leaves nothing behind.
let host: TestHost
let repo: TestRepo
let repositoryId: string
let bin: string
beforeEach(async () => {
  repo = makeRepo({ remote: true, files: { 'README.md': '# Shop\n' } })
  host = await startHost()
  bin = join(host.home, 'bin')
  mkdirSync(bin)
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

const program = (name: string, body: string) => writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })

/** Puts `bin` before the system's folders on the PATH of the login shell, and nothing else. */
async function onlyOnPath(): Promise<void> {
  appendFileSync(join(host.home, '.bash_profile'), `export PATH='${bin}:/usr/bin:/bin'\n`)
  await host.kill()
  await host.restart()
}

function commitAndPush(files: Record<string, string>): void {
  repo.commit(files)
  repo.git('push', '-q', 'origin', 'main')
}

const nothingIsLeft = () => {
  expect(repo.git('worktree', 'list').split('\n')).toHaveLength(1)
  expect(repo.git('branch', '--list', 'agent/*')).toBe('')
}

const pidIn = (file: string) => existsSync(file) && Number(readFileSync(file, 'utf8').trim())

describe('the install', () => {
  const locks = {
    'package-lock.json': ['npm', 'ci --no-audit --no-fund'],
    'npm-shrinkwrap.json': ['npm', 'ci --no-audit --no-fund'],
    'pnpm-lock.yaml': ['pnpm', 'install --frozen-lockfile'],
    'bun.lock': ['bun', 'install --frozen-lockfile'],
    'bun.lockb': ['bun', 'install --frozen-lockfile'],
    'yarn.lock': ['yarn', 'install --frozen-lockfile --non-interactive'],
  } as const

  it('is what the lock file asks for, before the agent, and only where it is wanted', async () => {
    for (const name of ['npm', 'pnpm', 'bun', 'yarn']) program(name, `echo "${name} $*" > installed; echo installing`)
    await onlyOnPath()
    for (const [lockFile, [manager, words]] of Object.entries(locks)) {
      commitAndPush({ [lockFile]: '{}\n' })
      const { install } = await host.call('repository.details', { repositoryId })
      expect(install).toEqual({ manager, lockFile, command: [manager, ...words.split(' ')], problem: null })
      const id = await host.start(repositoryId, 'cat installed', { install: true })
      const run = await host.untilPhase(id, 'exited')
      expect(run.stages.map(({ stage, status }) => `${stage} ${status}`)).toContain('install done')
      expect(readFileSync(join(run.worktree!, 'installed'), 'utf8')).toBe(`${manager} ${words}\n`)
      expect(run.exit?.code).toBe(0)
      rmSync(join(repo.path, lockFile))
    }
    repo.write({ '.yarnrc.yml': 'nodeLinker: pnp\n', 'yarn.lock': '' })
    commitAndPush({ 'README.md': '# Yarn 4\n' })
    repo.git('rm', '-q', '--cached', '--ignore-unmatch', ...Object.keys(locks))
    repo.commit({ 'yarn.lock': '', '.yarnrc.yml': 'nodeLinker: pnp\n' })
    repo.git('push', '-q', 'origin', 'main')
    expect((await host.call('repository.details', { repositoryId })).install?.command).toEqual([
      'yarn',
      'install',
      '--immutable',
    ])
    const without = await host.start(repositoryId, 'test ! -e installed', { install: false })
    expect(await host.untilPhase(without, 'exited')).toMatchObject({ exit: { code: 0 } })
  })

  it('names a package manager that the machine lacks, with how to get it, and takes back what was made', async () => {
    await onlyOnPath()
    commitAndPush({ 'pnpm-lock.yaml': 'lockfileVersion: 9\n' })
    const id = await host.start(repositoryId, 'true', { install: true })
    const { failure } = await host.untilPhase(id, 'failed')
    expect(failure).toMatchObject({ code: 'install-failed', stage: 'install' })
    const { message, next } = sentenceOf(failure!)
    expect(message).toContain('"pnpm" is not on the PATH')
    expect(next).toContain('npm install -g pnpm')
    const { install } = await host.call('repository.details', { repositoryId })
    expect(install?.problem).toBe(
      'pnpm-lock.yaml is pnpm\'s, and "pnpm" is not on the PATH. Install it: npm install -g pnpm',
    )
    nothingIsLeft()
  })
})

describe('an agent', () => {
  it('is started without asking any for its version; one that fails says itself why, one that is missing is named', async () => {
    program('claude', `[ "$1" = --version ] && touch '${join(host.home, 'asked')}'; echo "needs a newer Node"; exit 3`)
    program('gemini', `touch '${join(host.home, 'asked')}'; sleep 300`)
    await onlyOnPath()
    const create = { repositoryId, setup: 'skip', prompt: 'Go' } as const
    const { runIds } = await host.call('run.create', { ...create, agent: 'claude' })
    expect(await host.untilPhase(runIds[0]!, 'exited')).toMatchObject({
      exit: { code: 3 },
      outcome: { result: 'failed', reason: expect.stringContaining('Exited with code 3') },
    })
    expect(existsSync(join(host.home, 'asked'))).toBe(false)
    // Gone when it is resumed: refused, and the run is what it was.
    rmSync(join(bin, 'claude'))
    expect(await host.refusal('run.resume', { runId: runIds[0]!, prompt: 'on' })).toBe('agent-not-found')
    expect(host.run(runIds[0]!)).toMatchObject({ phase: 'exited', exit: { code: 3 }, failure: null })
    const failure = await host.call('run.create', { ...create, agent: 'codex' }).catch((error) => error.failure)
    expect(failure.code).toBe('agent-not-found')
    expect(sentenceOf(failure).next).toContain('npm install -g @openai/codex')
  })
})

describe('an agent whose program cannot be started', () => {
  it('has its create taken back; one that is resumed keeps its worktree; and both are said', async () => {
    program('claude', 'exit 3')
    await onlyOnPath()
    const create = { repositoryId, setup: 'skip', prompt: 'Go', agent: 'claude', mode: 'headless' } as const
    const kept = (await host.call('run.create', create)).runIds[0]!
    await host.untilPhase(kept, 'exited')
    writeFileSync(join(bin, 'claude'), '#!/no/such/interpreter\n')
    expect(await host.refusal('run.resume', { runId: kept, prompt: 'on' })).toBe('start-failed')
    const resumed = await host.untilPhase(kept, 'failed')
    expect(sentenceOf(resumed.failure!).message).toContain('Its worktree and branch are kept')
    expect(existsSync(resumed.worktree!)).toBe(true)
    const fresh = await host.untilPhase((await host.call('run.create', create)).runIds[0]!, 'failed')
    expect(fresh.failure).toMatchObject({ code: 'start-failed', stage: 'start' })
    expect(sentenceOf(fresh.failure!).message).toContain('What had been created for the run was removed')
    expect(fresh).toMatchObject({ worktree: null, branch: null })
    expect(repo.git('worktree', 'list').split('\n')).toHaveLength(2)
  })
})

describe('the set-up', () => {
  it('is not even read where it is to be left out', async () => {
    commitAndPush({ '.coppice.json': 'not JSON at all' })
    expect(await host.refusal('run.create', { repositoryId, agent: 'command', commandLine: 'true' })).toBe(
      'setup-failed',
    )
    const id = await host.start(repositoryId, 'true', { setup: 'skip' })
    expect(await host.untilPhase(id, 'exited')).toMatchObject({ exit: { code: 0 } })
  })

  it('is refused where its file is a device, and so are the patterns of files to copy', async () => {
    symlinkSync('/dev/zero', join(repo.path, '.coppice.json'))
    commitAndPush({ 'README.md': '# Linked\n' })
    const id = await host.start(repositoryId, 'true', { setup: 'run' })
    expect((await host.untilPhase(id, 'failed')).failure).toMatchObject({ code: 'setup-failed', stage: 'setup' })
    symlinkSync('/dev/zero', join(repo.path, '.worktreeinclude'))
    const next = await host.start(repositoryId, 'true', { setup: 'skip' })
    expect((await host.untilPhase(next, 'failed')).failure).toMatchObject({ code: 'copy-failed' })
    nothingIsLeft()
  })

  it('that failed at once can be tried again at once', async () => {
    commitAndPush({ '.coppice.json': '{"setup": "echo no such module; exit 7"}' })
    const id = await host.start(repositoryId, 'true', { setup: 'run' })
    for (let tries = 1; tries <= 4; tries++) {
      const { failure } = await host.untilPhase(id, 'failed')
      expect(failure).toMatchObject({ code: 'setup-failed', detail: { exit: 7, lines: ['no such module'] } })
      await host.call('run.resume', { runId: id })
      await host.until('it to begin again', () => host.run(id).phase !== 'failed' || host.run(id).stages.length > 0)
    }
    await host.untilPhase(id, 'failed')
    nothingIsLeft()
  })
})

describe('a cancel', () => {
  it('during the fetch ends it, and nothing is left', async () => {
    const pidFile = join(host.home, 'ssh.pid')
    program('slow-ssh', `echo $$ > '${pidFile}'; exec sleep 300`)
    appendFileSync(join(host.home, '.gitconfig'), `[core]\n\tsshCommand = ${join(bin, 'slow-ssh')}\n`)
    repo.git('remote', 'set-url', 'origin', 'ssh://nobody.invalid/shop.git')
    const slow = (await host.call('repository.add', { path: repo.path })).repositoryId
    const before = fingerprint(repo.path)
    const id = await host.start(slow, 'true')
    const pid = await host.until('the fetch', () => pidIn(pidFile))
    await host.call('run.cancel', { runId: id })
    expect(await host.untilPhase(id, 'cancelled')).toMatchObject({ worktree: null, branch: null })
    await host.until('ssh to be gone', () => !isRunning(pid))
    expect(fingerprint(repo.path)).toEqual(before)
    nothingIsLeft()
  })

  it('during the install ends it, and nothing is left', async () => {
    program('npm', 'echo $$ > npm.pid; cp npm.pid "$HOME/npm.pid"; exec sleep 300')
    await onlyOnPath()
    commitAndPush({ 'package-lock.json': '{}\n' })
    const id = await host.start(repositoryId, 'true', { install: true })
    const pid = await host.until('the install', () => pidIn(join(host.home, 'npm.pid')))
    await host.call('run.cancel', { runId: id })
    expect(await host.untilPhase(id, 'cancelled')).toMatchObject({ worktree: null, branch: null })
    expect(isRunning(pid)).toBe(false)
    nothingIsLeft()
  })

  it('at any moment of the last stages ends in nothing that runs: cancelled, or stopped where the agent had begun', async () => {
    await host.call('settings.change', { change: { maxRunning: 100, maxRunningPerRepository: 100 } })
    const ids: string[] = []
    for (const stage of ['worktree', 'start', 'start', 'start', 'starting', 'starting', 'starting'] as const) {
      const id = await host.start(repositoryId, 'sleep 300')
      ids.push(id)
      await host.until(`${stage} of ${id}`, () => {
        const run = host.state().runs[id]
        if (!run || run.phase === 'queued') return false
        return stage === 'starting' ? run.attempts.length > 0 : run.stages.some((one) => one.stage === stage)
      })
      // One that runs already refuses the cancel; it is stopped by its own verb then.
      const said = await host.refusal('run.cancel', { runId: id })
      if (said === 'wrong-phase') await host.call('run.stop', { runId: id })
      else expect(said).toBe('ok')
    }
    for (const id of ids) {
      const run = await host.until(`${id} to be settled`, () => isSettled(host.run(id).phase) && host.run(id))
      expect(['cancelled', 'stopped']).toContain(run.phase)
      if (run.phase === 'cancelled') expect(run).toMatchObject({ worktree: null, branch: null })
      for (const { pid } of run.attempts) if (pid !== null) expect(isRunning(pid)).toBe(false)
    }
  })
})

describe('the prompt', () => {
  const say = 'cat "$COPPICE_PROMPT_FILE" > said'

  it('that is lost before its run starts comes from the journal, or the run says that it is lost', async () => {
    await host.call('settings.change', { change: { maxRunning: 1 } })
    const first = await host.start(repositoryId, 'sleep 300')
    await host.untilPhase(first, 'running')
    const short = await host.start(repositoryId, say, { prompt: 'Do this' })
    const long = await host.start(repositoryId, say, { prompt: 'Do that. '.repeat(1000) })
    for (const id of [short, long]) rmSync(join(host.dataDirectory, 'runs', id, 'prompts/1.txt'))
    await host.call('run.stop', { runId: first })
    expect(readFileSync(join((await host.untilPhase(short, 'exited')).worktree!, 'said'), 'utf8')).toBe('Do this')
    const { failure } = await host.untilPhase(long, 'failed')
    expect(failure).toMatchObject({ code: 'start-failed', stage: 'start' })
    expect(sentenceOf(failure!).message).toMatch(
      /its prompt file is missing.*were removed|its prompt file is missing.*was removed/,
    )
  })

  it('and a follow-up reach an agent that had not started yet together', async () => {
    await host.call('settings.change', { change: { maxRunning: 1 } })
    const first = await host.start(repositoryId, 'sleep 300')
    await host.untilPhase(first, 'running')
    const id = await host.start(repositoryId, say, { prompt: 'Do this' })
    await host.call('run.cancel', { runId: id })
    await host.untilPhase(id, 'cancelled')
    await host.call('run.resume', { runId: id, prompt: 'and that' })
    await host.call('run.stop', { runId: first })
    const run = await host.untilPhase(id, 'exited')
    expect(readFileSync(join(run.worktree!, 'said'), 'utf8')).toBe('Do this\n\nand that')
  })

  it('of every copy is there before any of them can start; a create that is refused leaves none', async () => {
    const { runIds } = await host.call('run.create', {
      ...{ repositoryId, agent: 'command', commandLine: say, setup: 'skip', prompt: 'x'.repeat(5000), copies: 3 },
    })
    for (const id of runIds)
      expect(readFileSync(join((await host.untilPhase(id, 'exited')).worktree!, 'said'), 'utf8')).toHaveLength(5000)
    const refused = {
      repositoryId,
      agent: 'command',
      commandLine: say,
      setup: 'skip',
      prompt: 'x',
      id: runIds[0],
    } as const
    expect(await host.refusal('run.create', refused)).toBe('id-taken')
    expect(readFileSync(join(host.dataDirectory, 'runs', runIds[0]!, 'prompts/1.txt'), 'utf8')).toHaveLength(5000)
  })
})

describe('the queue', () => {
  it('says which cap a run waits for: the machine’s or the repository’s', async () => {
    const other = makeRepo({ files: { a: '1' } })
    try {
      const { repositoryId: otherId } = await host.call('repository.add', { path: other.path })
      await host.call('settings.change', { change: { maxRunning: 2, maxRunningPerRepository: 1 } })
      const reasonOf = (id: string) =>
        host.until(`${id} to wait`, () => host.run(id).phase === 'queued' && host.live()[id]?.queueReason)
      const first = await host.start(repositoryId, 'sleep 300')
      await host.untilPhase(first, 'running')
      const second = await host.start(repositoryId, 'sleep 300')
      expect(await reasonOf(second)).toBe('1 of 1 agents run in this repository')
      const third = await host.start(otherId, 'sleep 300')
      await host.untilPhase(third, 'running')
      const fourth = await host.start(otherId, 'sleep 300')
      expect(await reasonOf(fourth)).toBe('2 of 2 agents run on this machine')
      expect(host.live()[fourth]?.queuePosition).toBe(2)
      // Out of turn, above both caps.
      await host.call('run.start-now', { runId: fourth })
      await host.untilPhase(fourth, 'running')
      await host.call('run.stop', { runId: first })
      expect(host.run(second).phase).toBe('queued')
    } finally {
      other.close()
    }
  })
})

describe('a branch that is taken while its run waits', () => {
  it('is refused where a person typed its name, and takes the next number where the template made it', async () => {
    await host.call('settings.change', { change: { maxRunning: 1 } })
    const first = await host.start(repositoryId, 'sleep 300')
    await host.untilPhase(first, 'running')
    const typed = await host.start(repositoryId, 'true', { branch: 'mine' })
    const made = await host.start(repositoryId, 'true', { id: 'theirs' })
    repo.git('branch', 'mine')
    repo.git('branch', 'agent/theirs')
    await host.call('run.stop', { runId: first })
    expect((await host.untilPhase(typed, 'failed')).failure).toMatchObject({
      ...{ code: 'branch-exists', stage: 'worktree' },
      detail: { branch: 'mine', suggestion: 'mine-2' },
    })
    expect((await host.untilPhase(made, 'exited')).branch).toBe('agent/theirs-2')
    expect(repo.git('rev-parse', 'mine')).toBe(repo.git('rev-parse', 'main'))
    // It was taken from nobody: once it is free again, the run can have it.
    repo.git('branch', '-D', 'mine')
    await host.call('run.resume', { runId: typed })
    expect((await host.untilPhase(typed, 'exited')).branch).toBe('mine')
  })
})

describe('what is sent', () => {
  it('to a headless command is refused: its input is closed', async () => {
    const id = await host.start(repositoryId, 'sleep 300', { mode: 'headless' })
    await host.untilPhase(id, 'running')
    expect(await host.refusal('run.send', { runId: id, text: 'hello' })).toBe('not-running')
  })
})

describe('a stop', () => {
  it('finds a process that left its parents, its session and its environment, once it was seen among them', async () => {
    const id = await host.start(
      repositoryId,
      "(env -i /usr/bin/setsid /bin/sh -c 'echo $$ > away.pid; exec sleep 306' & while [ ! -e go ]; do sleep 0.1; done); touch alone; sleep 307",
    )
    const { worktree } = await host.untilPhase(id, 'running')
    const away = await host.until('the process', () => pidIn(join(worktree!, 'away.pid')))
    const parentOf = () => Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${away}/status`, 'utf8'))?.[1])
    const seen = () => host.live()[id]?.processes?.value ?? 0
    const shown = await host.until('it to be seen', () => seen() >= 4 && seen())
    writeFileSync(join(worktree!, 'go'), '')
    await host.until('its parent to be gone', () => existsSync(join(worktree!, 'alone')))
    await host.until('the next look', () => seen() > 0 && seen() < shown)
    expect(parentOf()).not.toBe(host.run(id).attempts[0]?.pid)
    await host.call('run.stop', { runId: id })
    expect(isRunning(away)).toBe(false)
  })
})
