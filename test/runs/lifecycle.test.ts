import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { isRunning, pidsOf, sleep, startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'

// The life of a run through a real host, a real keeper, real git and real shells.
let host: TestHost
let repo: TestRepo
let repositoryId: string
beforeEach(async () => {
  repo = makeRepo({ remote: true, files: { 'README.md': '# Shop\n', 'src/a.txt': 'a\n' } })
  host = await startHost()
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

const commitLine = 'echo work > new.txt && git add new.txt && git commit -qm "Add new.txt" && echo committed'
const git = (directory: string, ...args: string[]) => repo.gitIn(directory, ...args)

describe('create', () => {
  it('makes a worktree and a branch of its own, runs the command in it, and touches nothing of the person', async () => {
    const before = fingerprint(repo.path, { without: /^\.git\/(worktrees|refs|logs|objects)(\/|$)/ })
    const id = await host.start(repositoryId, commitLine, { id: 'first', prompt: 'Do the work' })
    const run = await host.untilPhase(id, 'exited')
    expect(run).toMatchObject({
      id: 'first',
      branch: 'agent/first',
      exit: { code: 0 },
      worktreePresence: 'present',
      delivery: { state: 'local' },
    })
    expect(run.worktree?.startsWith(host.dataDirectory)).toBe(true)
    expect(statSync(run.worktree!).isDirectory()).toBe(true)
    expect(git(run.worktree!, 'log', '-1', '--format=%s')).toBe('Add new.txt')
    expect(repo.tryGit(run.worktree!, 'config', '--get-regexp', '^branch\\.agent').code).toBe(1)
    expect(fingerprint(repo.path, { without: /^\.git\/(worktrees|refs|logs|objects)(\/|$)/ })).toEqual(before)
    const list = git(repo.path, 'worktree', 'list', '--porcelain')
    expect(list).toContain('locked coppice run=first')
  })

  it.each([
    ['a shell', { agent: 'shell' as const }, 'shell'],
    ['a command without a prompt', { agent: 'command' as const, commandLine: 'true' }, 'true'],
    [
      'a prompt',
      { agent: 'command' as const, commandLine: 'true', prompt: 'Fix the flaky test' },
      'fix-the-flaky-test',
    ],
    ['copies', { agent: 'command' as const, commandLine: 'true', prompt: 'Compare', copies: 2 }, 'compare-1'],
  ])('previews the very id and branch that it makes: %s', async (_what, wanted, id) => {
    const preview = await host.call('repository.branch-name', { repositoryId, ...wanted })
    expect(preview).toEqual({ id, branch: `agent/${id}`, free: true, problem: null })
    const { runIds } = await host.call('run.create', { repositoryId, ...wanted })
    expect(runIds[0]).toBe(preview.id)
    expect(await host.run(runIds[0]!)).toMatchObject({ wantedBranch: preview.branch })
    const next = await host.call('repository.branch-name', { repositoryId, branch: preview.branch })
    expect(next.free).toBe(false)
  })

  it('gives the prompt by file and variable only, whatever it holds', async () => {
    const prompt = `$(touch pwned) "quotes' \n\x1b[201~ ünïcode ${'x'.repeat(200_000)}`
    const id = await host.start(repositoryId, 'cat "$COPPICE_PROMPT_FILE" > got.txt; echo "$COPPICE_RUN" > run.txt', {
      id: 'prompted',
      prompt,
    })
    const run = await host.untilPhase(id, 'exited')
    expect(readFileSync(join(run.worktree!, 'got.txt'), 'utf8')).toBe(prompt)
    expect(readFileSync(join(run.worktree!, 'run.txt'), 'utf8').trim()).toBe('prompted')
    expect(existsSync(join(run.worktree!, 'pwned'))).toBe(false)
  })

  it('copies what .worktreeinclude names, and runs an approved set-up before the agent', async () => {
    repo.write({ '.env': 'SECRET=1', '.worktreeinclude': '.env\n', '.gitignore': '.env\n.worktreeinclude\n' })
    repo.commit({ '.coppice.json': '{"setup": "cp .env seeded && echo set-up-ran"}' })
    repo.git('push', '-q', 'origin', 'main')
    const id = await host.start(repositoryId, 'cat seeded', { setup: 'run' })
    const run = await host.untilPhase(id, 'exited')
    expect(run.stages.map(({ stage, status }) => `${stage} ${status}`)).toEqual([
      'inspect done',
      'fetch done',
      'worktree done',
      'copy done',
      'setup done',
      'start done',
    ])
    expect(statSync(join(run.worktree!, '.env')).mode & 0o777).toBe(0o600)
    // Approved once, for this content.
    const again = await host.start(repositoryId, 'true', { setup: 'ask' })
    expect((await host.untilPhase(again, 'exited')).stages.some(({ stage }) => stage === 'setup')).toBe(true)
  })

  it('undoes everything when the set-up fails, and says its last lines', async () => {
    repo.commit({ '.coppice.json': '{"setup": "echo going wrong; exit 7"}' })
    repo.git('push', '-q', 'origin', 'main')
    const before = fingerprint(repo.path)
    const id = await host.start(repositoryId, 'true', { setup: 'run' })
    const run = await host.untilPhase(id, 'failed')
    expect(run.failure).toMatchObject({ code: 'setup-failed', stage: 'setup', detail: { exit: 7 } })
    expect(JSON.stringify(run.failure)).toContain('going wrong')
    expect(await allLogs(id)).toContain('going wrong')
    expect(run.worktree).toBeNull()
    expect(fingerprint(repo.path)).toEqual(before)
    expect(git(repo.path, 'worktree', 'list').split('\n')).toHaveLength(1)
  })

  it('undoes everything when it is cancelled in the middle, and ends what it started', async () => {
    repo.commit({ '.coppice.json': '{"setup": "sleep 300 & echo $! > pid; sleep 300"}' })
    repo.git('push', '-q', 'origin', 'main')
    const id = await host.start(repositoryId, 'true', { setup: 'run' })
    const pidFile = await host.until('the set-up to run', () => {
      const { worktree } = host.run(id)
      return worktree && existsSync(join(worktree, 'pid')) && readFileSync(join(worktree, 'pid'), 'utf8').trim()
    })
    await host.call('run.cancel', { runId: id })
    const run = await host.untilPhase(id, 'cancelled')
    expect(run).toMatchObject({ worktree: null, branch: null })
    expect(isRunning(Number(pidFile))).toBe(false)
    expect(git(repo.path, 'worktree', 'list').split('\n')).toHaveLength(1)
    expect(git(repo.path, 'branch', '--list', 'agent/*')).toBe('')
    // It can be started again as it was asked for.
    await host.call('run.resume', { runId: id })
    await host.untilPhase(id, 'preparing')
    await host.call('run.cancel', { runId: id })
    await host.untilPhase(id, 'cancelled')
  })

  it('queues what is above the cap and starts it when a slot is free', async () => {
    await host.call('settings.change', { change: { maxRunning: 1 } })
    const first = await host.start(repositoryId, 'sleep 300', { id: 'one' })
    await host.untilPhase(first, 'running')
    const second = await host.start(repositoryId, 'true', { id: 'two' })
    await host.until('a place in the queue', () => host.live()[second]?.queuePosition === 1)
    expect(host.run(second).phase).toBe('queued')
    await host.call('run.stop', { runId: first })
    await host.untilPhase(second, 'exited')
  })
})

describe('bad input', () => {
  const create = (more: object) =>
    host.refusal('run.create', { repositoryId, agent: 'command', commandLine: 'true', setup: 'skip', ...more } as never)
  it('is refused with its own code, and changes nothing', async () => {
    const before = fingerprint(repo.path)
    expect(await create({ base: 'no/such' })).toBe('base-not-found')
    expect(await create({ base: 'origin/no-such' })).toBe('base-not-found')
    expect(await create({ branch: 'bad..name' })).toBe('branch-name-invalid')
    expect(await create({ branch: '-x' })).toBe('branch-name-invalid')
    expect(await create({ branch: 'main' })).toBe('branch-exists')
    expect(await create({ fromBranch: 'main' })).toBe('branch-checked-out')
    expect(await create({ fromBranch: 'nope' })).toBe('base-not-found')
    expect(await create({ id: '../x' })).toBe('bad-input')
    expect(await create({ prompt: 'x'.repeat(10 * 1024 * 1024) })).toBe('prompt-too-long')
    expect(await create({ commandLine: '  ' })).toBe('bad-input')
    expect(await create({ agent: 'codex', commandLine: undefined })).toBe('agent-not-found')
    expect(await create({ repositoryId: 'nobody' })).toBe('not-found')
    expect(await host.refusal('run.stop', { runId: 'nobody' })).toBe('not-found')
    expect(Object.keys(host.state().runs)).toEqual([])
    expect(fingerprint(repo.path)).toEqual(before)
  })

  it('names what is no repository for it', async () => {
    const add = (path: string) => host.refusal('repository.add', { path })
    repo.gitIn(repo.root, 'init', '--quiet', '--bare', join(repo.root, 'bare'))
    repo.gitIn(repo.root, 'init', '--quiet', join(repo.root, 'empty'))
    execFileSync('mkdir', [join(repo.root, 'plain')])
    const before = fingerprint(repo.root)
    const known = Object.keys(host.state().repositories)
    expect(await add(join(repo.root, 'plain'))).toBe('not-a-repository')
    expect(await add(join(repo.root, 'nothing'))).toBe('not-a-repository')
    expect(await add(join(repo.root, 'bare'))).toBe('bare-repository')
    expect(await add(join(repo.root, 'empty'))).toBe('no-commits')
    expect(Object.keys(host.state().repositories)).toEqual(known)
    expect(fingerprint(repo.root)).toEqual(before)
  })

  it('takes paths with spaces, quotes, newlines and unicode', async () => {
    const odd = makeRepo({ name: `it's "odd"\nü 日本`, files: { a: '1' } })
    try {
      const { repositoryId: oddId } = await host.call('repository.add', { path: odd.path })
      const id = await host.start(oddId, 'git rev-parse --abbrev-ref HEAD', { id: 'odd' })
      expect(await host.untilPhase(id, 'exited')).toMatchObject({ exit: { code: 0 }, branch: 'agent/odd' })
    } finally {
      odd.close()
    }
  })

  it('says unavailable, and keeps the rows, when the repository is moved away and back', async () => {
    const id = await host.start(repositoryId, 'true')
    await host.untilPhase(id, 'exited')
    execFileSync('mv', [repo.path, `${repo.path}-away`])
    expect(await create({})).toBe('repository-unavailable')
    expect(host.run(id).phase).toBe('exited')
    execFileSync('mv', [`${repo.path}-away`, repo.path])
    await host.untilPhase(await host.start(repositoryId, 'true'), 'exited')
    expect(host.state().repositories[repositoryId]?.presence).toBe('present')
  })
})

describe('a repository that goes away in the middle of a create', () => {
  it.each([
    ['fails', 3],
    ['succeeds', 0],
  ])(
    'is named as unavailable where the set-up %s, and what was made is taken back once it is there again',
    async (_, code) => {
      const go = join(host.home, 'go')
      const setup = `touch begun; until [ -e ${go} ]; do sleep 0.05; done; exit ${code}`
      repo.commit({ '.coppice.json': JSON.stringify({ setup }) })
      repo.git('push', '-q', 'origin', 'main')
      const without = /^\.git\/(refs\/remotes|logs\/refs\/remotes|objects)(\/|$)/
      const before = fingerprint(repo.path, { without })
      const id = await host.start(repositoryId, 'echo never', { setup: 'run' })
      const worktree = await host.until('the set-up', () => {
        const { worktree } = host.run(id)
        return worktree && existsSync(join(worktree, 'begun')) && worktree
      })
      execFileSync('mv', [repo.path, `${repo.path}-away`])
      writeFileSync(go, '')
      const run = await host.untilPhase(id, 'failed')
      expect(run.failure).toMatchObject({ code: 'repository-unavailable', detail: { path: repo.path } })
      expect(host.state().repositories[repositoryId]?.presence).toBe('unavailable')
      expect(run.attempts.filter(({ pid }) => pid !== null)).toEqual([])
      execFileSync('mv', [`${repo.path}-away`, repo.path])
      await host.until('the undo', () => host.run(id).worktree === null, 30_000)
      expect(existsSync(worktree)).toBe(false)
      expect(fingerprint(repo.path, { without })).toEqual(before)
      // And it works again.
      await host.call('run.resume', { runId: id })
      if (code === 0) await host.untilPhase(id, 'exited')
      else expect((await host.untilPhase(id, 'failed')).failure?.code).toBe('setup-failed')
    },
  )
})

describe('settings', () => {
  it('are changed one by one: the others stay as they were set', async () => {
    const before = host.state().settings
    await host.call('settings.change', { change: { maxRunning: 7 } })
    await host.call('settings.change', { change: { theme: 'light' } })
    await host.call('settings.change', { change: { onQuit: 'keep' } })
    await host.until('the last of them', () => host.state().settings.onQuit === 'keep')
    expect(host.state().settings).toEqual({ ...before, maxRunning: 7, theme: 'light', onQuit: 'keep' })
    expect(before.recentPaths).toEqual([repo.path])
  })
})

describe('stop and resume', () => {
  it('ends the agent and everything it started', async () => {
    const id = await host.start(
      repositoryId,
      'setsid sleep 301 & (trap "" TERM; sleep 302) & nohup sh -c "sleep 303" >/dev/null 2>&1 & echo started; wait',
    )
    await host.until('its children', () => pidsOf(/^sleep 30[123]/).length >= 3)
    await host.call('run.stop', { runId: id })
    expect(host.run(id).phase).toBe('stopped')
    expect(pidsOf(/^sleep 30[123]/)).toEqual([])
  })

  it('starts the next attempt with a follow-up prompt, in the same worktree', async () => {
    const id = await host.start(repositoryId, 'cat "$COPPICE_PROMPT_FILE" >> said; echo attempt $COPPICE_ATTEMPT', {
      prompt: 'one\n',
    })
    await host.untilPhase(id, 'exited')
    await host.call('run.resume', { runId: id, prompt: 'two\n' })
    const run = await host.until(
      'attempt 2 to end',
      () => host.run(id).attempts.length === 2 && host.run(id).phase === 'exited' && host.run(id),
    )
    expect(readFileSync(join(run.worktree!, 'said'), 'utf8')).toBe('one\ntwo\n')
    expect(await host.refusal('run.stop', { runId: id })).toBe('ok')
  })

  it('makes the worktree again where it is gone', async () => {
    const id = await host.start(repositoryId, commitLine)
    const run = await host.untilPhase(id, 'exited')
    execFileSync('rm', ['-rf', run.worktree!])
    await host.call('run.resume', { runId: id })
    await host.until('attempt 2 to end', () => host.run(id).attempts.length === 2 && host.run(id).phase === 'exited')
    expect(git(run.worktree!, 'log', '--format=%s', '-1')).toBe('Add new.txt')
  })

  it('ends what outlived the agent of a run that has ended by itself', async () => {
    const id = await host.start(repositoryId, `trap '' HUP; setsid sleep 903 & echo "pid=$!"; sleep 1; exit 4`)
    await host.untilPhase(id, 'exited')
    await host.until('the process that outlived it to be counted', () => host.live()[id]?.processes?.value === 1)
    const left = pidsOf(/^sleep 903/)
    expect(left).toHaveLength(1)
    await host.call('run.stop', { runId: id })
    expect(left.filter(isRunning)).toEqual([])
    expect(host.run(id)).toMatchObject({ phase: 'exited', exit: { code: 4 } })
  })

  it('leaves alone what stands where the worktree was, and says so', async () => {
    const id = await host.start(repositoryId, commitLine)
    const run = await host.untilPhase(id, 'exited')
    execFileSync('rm', ['-rf', run.worktree!])
    execFileSync('mkdir', [run.worktree!])
    execFileSync('touch', [join(run.worktree!, 'mine')])
    expect(await host.refusal('run.resume', { runId: id })).toBe('worktree-exists')
    expect(existsSync(join(run.worktree!, 'mine'))).toBe(true)
    execFileSync('rm', ['-rf', run.worktree!])
    await host.call('run.resume', { runId: id })
    await host.until('attempt 2 to end', () => host.run(id).attempts.length === 2 && host.run(id).phase === 'exited')
  })
})

describe('publish', () => {
  it('pushes its own branch only, says so when repeated, and gives the reason of a refusal', async () => {
    const id = await host.start(repositoryId, commitLine, { id: 'pub' })
    await host.untilPhase(id, 'exited')
    const pushed = await host.call('run.push', { runId: id })
    expect(pushed).toMatchObject({ remote: 'origin', ref: 'refs/heads/agent/pub', already: false })
    expect(git(repo.remote!, 'rev-parse', 'refs/heads/agent/pub')).toBe(pushed.sha)
    // The journal has git's own words, also of what went well.
    const { records } = await host.call('journal.read', { runId: id })
    const ended = records.map(({ event }) => event).find(({ type }) => type === 'push-ended')
    expect(ended).toMatchObject({ failure: null, said: ['[new branch]'] })
    expect(await host.call('run.push', { runId: id })).toMatchObject({ already: true })
    expect(host.run(id).delivery).toMatchObject({ state: 'pushed', sha: pushed.sha })
    expect(git(repo.remote!, 'for-each-ref', '--format=%(refname)').split('\n').sort()).toEqual([
      'refs/heads/agent/pub',
      'refs/heads/main',
    ])
    // Somebody else moves the branch on: refused with git's own reason, nothing forced.
    git(
      repo.remote!,
      'update-ref',
      'refs/heads/agent/pub',
      git(repo.remote!, 'commit-tree', 'main^{tree}', '-m', 'theirs'),
    )
    const failure = await host.call('run.push', { runId: id }).catch((error) => error.failure)
    expect(failure.code).toBe('push-refused')
    expect(JSON.stringify(failure.detail)).toMatch(/fetch first|non-fast-forward|rejected/)
    expect(await host.refusal('run.pull-request', { runId: id })).toBe('push-refused')
  })

  it('says when there is nothing to push', async () => {
    const id = await host.start(repositoryId, 'true')
    await host.untilPhase(id, 'exited')
    expect(await host.refusal('run.push', { runId: id })).toBe('nothing-to-push')
  })
})

describe('a host that is killed', () => {
  it('loses no byte and ends no agent', async () => {
    const id = await host.start(
      repositoryId,
      'i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); sleep 0.01; done; echo done-counting',
    )
    await host.until(
      'some output',
      () => host.run(id).phase === 'running' && /line/.test(host.live()[id]?.lastLine ?? ''),
    )
    const pid = host.run(id).attempts[0]!.pid!
    await host.kill()
    expect(isRunning(pid)).toBe(true)
    await sleep(300)
    await host.restart()
    await host.untilPhase(id, 'exited')
    const text = await allLogs(id)
    const numbers = [...text.matchAll(/line (\d+)/g)].map((match) => Number(match[1]))
    expect(numbers).toEqual(Array.from({ length: 400 }, (_, n) => n))
    expect(text).toContain('done-counting')
  })

  it('notes an agent that ended while no host was there', async () => {
    const id = await host.start(repositoryId, 'sleep 0.5; exit 3')
    await host.untilPhase(id, 'running')
    await host.kill()
    await sleep(800)
    await host.restart()
    expect(await host.untilPhase(id, 'exited')).toMatchObject({ exit: { code: 3 } })
  })

  it('undoes a create that it left in the middle', async () => {
    repo.commit({ '.coppice.json': '{"setup": "echo setting up; sleep 300"}' })
    repo.git('push', '-q', 'origin', 'main')
    const id = await host.start(repositoryId, 'true', { setup: 'run' })
    await host.until('the set-up', () => host.live()[id]?.lastLine === 'setting up')
    await host.kill()
    await host.restart()
    const run = await host.untilPhase(id, 'interrupted')
    expect(run).toMatchObject({ worktree: null, intent: null })
    // The set-up was ended with it, and is not shown as a stranger's; what it printed can be read still.
    const { records } = await host.call('journal.read', { limit: 20 })
    expect(JSON.stringify(records.find(({ event }) => event.type === 'recovered'))).not.toContain('session')
    expect(await allLogs(id)).toContain('setting up')
    expect(git(repo.path, 'worktree', 'list').split('\n')).toHaveLength(1)
    expect(git(repo.path, 'branch', '--list', 'agent/*')).toBe('')
  })
})

describe('a keeper that is killed', () => {
  it('leaves the run interrupted with its screen, and Resume goes on', async () => {
    const id = await host.start(repositoryId, 'echo before the fall; sleep 300', { id: 'fallen' })
    await host.until('output', () => host.live()[id]?.lastLine === 'before the fall')
    process.kill(await host.keeperPid(), 'SIGKILL')
    await host.untilPhase(id, 'interrupted')
    expect(await allLogs(id)).toContain('before the fall')
    await host.call('run.resume', { runId: id })
    await host.untilPhase(id, 'running')
    await host.call('run.stop', { runId: id })
  })
})

describe('a keeper that cannot be started', () => {
  it('is named, with what was made taken back; and all goes on once it can be', async () => {
    const keeper = await host.keeperPid()
    await host.kill()
    process.kill(keeper, 'SIGKILL')
    const lock = join(host.dataDirectory, 'keeper.lock')
    await host.until('its end', () => !isRunning(keeper))
    rmSync(lock)
    mkdirSync(lock)
    await host.restart()
    const without = /^\.git\/(refs\/remotes|logs\/refs\/remotes|objects)(\/|$)/
    const before = fingerprint(repo.path, { without })
    const id = await host.start(repositoryId, 'true', { id: 'nobody-holds-it' })
    const run = await host.untilPhase(id, 'failed')
    expect(run.failure).toMatchObject({ code: 'keeper-unreachable', stage: 'start', detail: { undone: true } })
    expect(sentenceOf(run.failure!).message).toMatch(/the keeper\) is not available: The keeper does not start: /)
    expect(run).toMatchObject({ worktree: null, branch: null })
    expect(fingerprint(repo.path, { without })).toEqual(before)
    rmSync(lock, { recursive: true })
    await host.call('run.resume', { runId: id })
    await host.untilPhase(id, 'exited')
  })
})

async function allLogs(runId: string): Promise<string> {
  let text = ''
  for (let from = 0; ; ) {
    const page = await host.call('run.logs', { runId, from })
    text += page.data
    if (page.next === from) return text
    from = page.next
  }
}

describe('a git that is too old, or not there', () => {
  it('is named, with nothing changed', async () => {
    const bin = join(host.home, 'bin')
    mkdirSync(bin)
    writeFileSync(join(bin, 'git'), '#!/bin/sh\necho "git version 2.30.2"\n', { mode: 0o755 })
    appendFileSync(join(host.home, '.bash_profile'), `export PATH='${bin}:/usr/bin:/bin'\n`)
    await host.kill()
    await host.restart()
    const before = fingerprint(repo.path)
    expect(await host.refusal('repository.add', { path: repo.path })).toBe('git-too-old')
    expect(await host.refusal('run.create', { repositoryId, agent: 'command', commandLine: 'true' })).toBe(
      'git-too-old',
    )
    expect(fingerprint(repo.path)).toEqual(before)
  })
})
