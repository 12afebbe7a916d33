import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunView } from '../../app/model/view.ts'
import { isRunning, sleep } from '../harness/test-host.ts'
import { fingerprint, makeRepo, ownCheckout, type TestRepo } from '../harness/test-repo.ts'
import { fake, makeCli, type TestCli } from './harness.ts'

// A script's way through Coppice: every verb about runs, against a host that the CLI itself started.
let cli: TestCli
let repo: TestRepo
let before: Record<string, string>
beforeAll(() => {
  cli = makeCli()
  repo = makeRepo({ remote: true, name: 'a "shop" of\nmany ünïcode words' })
  before = fingerprint(repo.path, ownCheckout)
})
afterAll(async () => {
  await cli?.close()
  repo?.close()
})

const command = (...steps: string[]) => ['run', '--repo', repo.path, '--command', fake(...steps)]
const keys = [
  ...[
    'id',
    'title',
    'agent',
    'repository',
    'branch',
    'base',
    'worktree',
    'inPlace',
    'head',
    'notes',
    'phase',
    'activity',
  ],
  ...['attention', 'exit', 'attempt', 'sessions', 'createdAt', 'sizeBytes', 'dirty', 'ahead'],
]
const until = async (what: string, test: () => boolean | Promise<boolean>) => {
  for (const deadline = Date.now() + 20_000; !(await test()); await sleep(50)) {
    if (Date.now() > deadline) throw new Error(`waited for ${what}`)
  }
}

describe('run', () => {
  it('starts the host, makes a worktree, runs the command in it and says what came of it', async () => {
    const view = await cli.json(
      ...command('commit 2 Work', 'file left.txt x'),
      '--id',
      'first',
      '--title',
      'First',
      '--wait',
      'settled',
    )
    expect(Object.keys(view)).toEqual(keys)
    expect(view).toMatchObject({
      id: 'first',
      title: 'First',
      agent: 'command',
      repository: repo.path,
      branch: 'agent/first',
    })
    expect(view).toMatchObject({ phase: 'exited', exit: { code: 0, signal: null }, attempt: 1, ahead: 2, dirty: 1 })
    expect(view.base).toBe(`refs/remotes/origin/main@${repo.git('rev-parse', 'HEAD')}`)
    expect(view.sizeBytes).toBeGreaterThan(0)
    expect(repo.gitIn(view.worktree!, 'log', '-1', '--format=%s')).toBe('Work 2')
    expect(new Date(view.createdAt).toISOString()).toBe(view.createdAt)
  })

  it('gives an agent its extra arguments one by one, and refuses those that it could get lost by', async () => {
    const own = makeCli()
    mkdirSync(join(own.home, 'bin'))
    writeFileSync(join(own.home, '.bash_profile'), `PATH='${join(own.home, 'bin')}':$PATH\n`)
    writeFileSync(join(own.home, 'bin/claude'), '#!/bin/sh\nprintf "<%s>" "$@"\n', { mode: 0o755 })
    const line = ['run', '--repo', repo.path, '--agent', 'claude', '--prompt', 'Do it', '--id', 'extra']
    try {
      const refused = await own.told(1, ...line, '--agent-arg', '--resume')
      expect(refused).toMatchObject({ code: 'bad-input' })
      expect(refused.message).toContain('Coppice sets --resume of Claude Code itself')
      const words = ['--agent-arg', '--add-dir', '--agent-arg', '$(touch owned) "x" ; y', '--agent-arg=--verbose']
      await own.json(...line, ...words, '--wait', 'settled')
      const { stdout } = await own.run('logs', 'extra')
      expect(stdout).toMatch(/^<--session-id><[-0-9a-f]+><--add-dir><\$\(touch owned\) "x" ; y><--verbose><--><Do it>/)
      // The next attempt has them too.
      await own.json('resume', 'extra', '--wait', 'settled')
      expect((await own.run('logs', 'extra')).stdout).toContain('<--add-dir><$(touch owned) "x" ; y><--verbose>')
    } finally {
      await own.close()
    }
  })

  it('asks for the approval of a set-up once for its content, and takes --setup run or skip for an answer', async () => {
    const other = makeRepo({ files: { '.coppice.json': '{"setup": "echo one > made-by-setup"}' } })
    const line = (...more: string[]) => ['run', '--repo', other.path, '--command', 'cat made-by-setup', ...more]
    const waited = ['--wait', 'settled']
    try {
      const error = await cli.told(1, ...line(...waited))
      expect(error.code).toBe('needs-approval')
      expect(error.next).toContain('coppice approvals')
      expect((await cli.run('approvals')).stdout).toContain('    echo one > made-by-setup\n')
      expect(await cli.json(...line('--setup', 'skip', ...waited))).toMatchObject({ exit: { code: 1 } })
      expect((await cli.told(1, ...line(...waited))).code).toBe('needs-approval')
      // What is agreed to by that is printed.
      const agreed = await cli.run(...line('--setup', 'run', ...waited))
      expect(agreed).toMatchObject({ code: 0, stderr: expect.stringContaining('Set-up: echo one > made-by-setup') })
      // Approved by that, for this content and for no other.
      expect(await cli.json(...line(...waited))).toMatchObject({ exit: { code: 0 } })
      other.commit({ '.coppice.json': '{"setup": "echo two > made-by-setup"}' })
      expect((await cli.told(1, ...line(...waited))).code).toBe('needs-approval')
      expect((await cli.run('approvals')).stdout).toContain('    echo two > made-by-setup\n')
    } finally {
      other.close()
    }
  })

  it('says where its agent went when that left its branch, and pushes nothing that would leave work behind', async () => {
    const other = makeRepo({ remote: true })
    const left = (id: string, line: string) =>
      cli.json('run', '--repo', other.path, '--id', id, '--command', line, '--wait', 'settled')
    const commit = (message: string) => `git commit -q --allow-empty -m ${message}`
    try {
      await left('left', `${commit('Mine')} && git switch -q -c elsewhere && ${commit('Other')}`)
      expect((await cli.run('show', 'left')).stdout).toContain('agent/left (its agent left it for elsewhere)')
      expect(await cli.told(1, 'push', 'left')).toMatchObject({
        code: 'head-elsewhere',
        message: expect.stringContaining('HEAD has 1 commit that agent/left does not have'),
        next: expect.stringContaining('switch -C agent/left'),
      })
      expect(other.gitIn(other.remote!, 'for-each-ref', '--format=%(refname:short)')).toBe('main')
      await left('off', 'git switch -q --detach')
      expect((await cli.run('show', 'off')).stdout).toContain('agent/off (its agent left it for no branch)')
    } finally {
      other.close()
    }
  })

  it('returns once the run is accepted where nothing is waited for', async () => {
    const view = await cli.json(...command('forever'), '--id', 'accepted')
    expect(['queued', 'preparing', 'starting', 'running']).toContain(view.phase)
    expect(['cancelled', 'stopped']).toContain((await cli.json('stop', 'accepted')).phase)
  })

  it('takes a long prompt from stdin, whatever it holds', async () => {
    const prompt = `$(touch pwned) "it's"\n\u001b[201~ ünïcode ${'x'.repeat(300_000)}`
    const { code, stdout } = await cli.runWith(
      { input: prompt },
      ...['run', '--repo', repo.path, '--command', 'cat "$COPPICE_PROMPT_FILE" > got', '--prompt', '-'],
      ...['--id', 'prompted', '--wait', 'settled', '--json'],
    )
    expect(code).toBe(0)
    const { worktree } = JSON.parse(stdout) as RunView
    expect(readFileSync(join(worktree!, 'got'), 'utf8')).toBe(prompt)
    expect(existsSync(join(worktree!, 'pwned'))).toBe(false)
  })

  it('makes copies and prints them as an array', async () => {
    const views = await cli.json<RunView[]>(...command('exit 0'), '--id', 'many', '--copies', '3', '--wait', 'settled')
    expect(views.map(({ phase }) => phase)).toEqual(['exited', 'exited', 'exited'])
    expect(new Set(views.map(({ branch }) => branch)).size).toBe(3)
    const listed = await cli.json<RunView[]>('list')
    for (const view of views) expect(listed.map(({ id }) => id)).toContain(view.id)
  })

  it('says so where it settles otherwise than waited for, and has reached what it has passed', async () => {
    const other = await cli.told(1, ...command('fail No.'), '--id', 'otherwise', '--wait', 'stopped')
    expect(other).toMatchObject({ code: 'wrong-phase', next: expect.stringContaining('coppice logs otherwise') })
    expect(other.message).toMatch(/"exited" \(exit code 1\), not "stopped"/)
    expect((await cli.json(...command('exit 0'), '--id', 'passed', '--wait', 'running')).id).toBe('passed')
  })

  it('gives up waiting after the time it was given, and leaves by Ctrl-C; the run goes on', async () => {
    const late = await cli.told(
      1,
      ...command('print up', 'forever'),
      '--id',
      'patient',
      '--wait',
      'settled',
      '--timeout',
      '1',
    )
    expect(late.code).toBe('timeout')
    expect((await cli.run('resume', 'patient')).stderr).toContain('Run patient is running')
    const following = cli.start('logs', 'patient', '--follow')
    await until('the log', () => following.out().includes('up'))
    following.child.kill('SIGINT')
    const left = await following.ended
    expect(left).toMatchObject({ code: 130, stderr: expect.stringContaining('keeps running') })
    expect((await cli.json('show', 'patient')).phase).toBe('running')
    await cli.json('stop', 'patient')
  })
})

describe('a live run', () => {
  it('is typed into, read, followed, stopped with all that it started, and resumed', async () => {
    await cli.json(...command('print ready', 'child 60000', 'read', 'forever'), '--id', 'live', '--wait', 'running')
    const following = cli.start('logs', 'live', '--follow')
    await until('the prompt', () => following.out().includes('child '))
    expect((await cli.run('send', 'live', 'grüße; $(x)')).code).toBe(0)
    await until('the answer', () => following.out().includes('read: grüße; $(x)'))

    const child = Number(/child (\d+)/.exec(following.out())?.[1])
    expect(isRunning(child)).toBe(true)
    const stopped = await cli.json('stop', 'live')
    expect(stopped).toMatchObject({ phase: 'stopped', attempt: 1, activity: null })
    expect(isRunning(child)).toBe(false)
    expect((await following.ended).code).toBe(0)

    const { stdout } = await cli.run('logs', 'live')
    expect(stdout).toContain('read: grüße; $(x)\n')
    expect(stdout).not.toContain('\u001b')
    const raw = await cli.run('logs', 'live', '--raw')
    expect(raw.stdout).toContain('ready\r\n')
    const lines = (await cli.run('logs', 'live', '--json')).stdout.trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { text: string }).text).join('')).toContain('ready\n')

    const again = await cli.json('resume', 'live', '--wait', 'running')
    expect(again).toMatchObject({ phase: 'running', attempt: 2 })
    expect(await cli.told(1, 'resume', 'live')).toMatchObject({
      code: 'wrong-phase',
      next: expect.stringContaining('coppice stop live'),
    })
    await cli.json('stop', 'live')
    expect(await cli.told(1, 'send', 'live', 'x')).toMatchObject({
      code: 'not-running',
      next: expect.stringContaining('resume live'),
    })
  })

  it('outlives the host: a wait goes on with the next one', async () => {
    const go = join(cli.home, 'go')
    const waiting = cli.start(
      ...command('print up', `until ${go}`, 'commit'),
      '--id',
      'survivor',
      '--wait',
      'settled',
      '--json',
    )
    await until('the run', async () => (await cli.run('logs', 'survivor')).stdout.includes('up'))
    const following = cli.start('logs', 'survivor', '--follow')
    await until('the log', () => following.out().includes('up'))
    const { pid } = await cli.json<{ pid: number }>('host', 'status')
    process.kill(pid, 'SIGKILL')
    await until('the host to be gone', () => !isRunning(pid))
    expect((await cli.json('show', 'survivor')).phase).toBe('running')
    writeFileSync(go, '')
    expect(await following.ended).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('committed ') })
    const { code, stdout } = await waiting.ended
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ id: 'survivor', phase: 'exited', attempt: 1, ahead: 1 })
    expect((await cli.json<{ pid: number }>('host', 'status')).pid).not.toBe(pid)
  })
})

describe('publish', () => {
  it('pushes its own branch, again without harm, and says why there is no pull request', async () => {
    const { worktree } = await cli.json(...command('commit 1 Publish'), '--id', 'published', '--wait', 'settled')
    const sha = repo.gitIn(worktree!, 'rev-parse', 'HEAD')
    const pushed = { id: 'published', remote: 'origin', ref: 'refs/heads/agent/published', sha }
    expect(await cli.json('push', 'published')).toEqual({ ...pushed, already: false })
    expect(repo.gitIn(repo.remote!, 'rev-parse', 'refs/heads/agent/published')).toBe(sha)
    expect(await cli.json('push', 'published')).toEqual({ ...pushed, already: true })
    expect((await cli.told(1, 'pr', 'published')).code).toBe('pr-failed')
    await cli.json(...command('exit 0'), '--id', 'nothing', '--wait', 'settled')
    expect((await cli.told(1, 'push', 'nothing')).code).toBe('nothing-to-push')
  })
})

describe('what a person reads', () => {
  it('is a table without colour, and a page, with hostile text made harmless', async () => {
    await cli.json(
      ...command('print \\e]0;evil\\atext'),
      '--id',
      'plain',
      '--title',
      'red\u001b[31m \u202etitle',
      '--wait',
      'settled',
    )
    const list = await cli.run('list')
    expect(list.stdout).toMatch(/^RUN +STATE +SINCE +AGENT +BRANCH/)
    expect(list.stdout).toMatch(/^plain +Finished +\d+ s +command +agent\/plain/m)
    const show = await cli.run('show', 'plain')
    expect(show.stdout).toMatch(/^run +plain {2}red title$/m)
    expect(show.stdout).toMatch(/^ended +exit 0$/m)
    for (const { stdout } of [list, show]) expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    const failure = await cli.run('show', 'nobody')
    expect(failure).toMatchObject({ code: 1, stdout: '' })
    expect(failure.stderr).toContain('There is no run called nobody. Nothing was changed.')
  })
})

it("has left the person's own checkout as it was", () => {
  expect(fingerprint(repo.path, ownCheckout)).toEqual(before)
})
