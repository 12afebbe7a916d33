import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Approval } from '../../app/model/approval.ts'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { type Files, makeRepo, type TestRepo } from '../harness/test-repo.ts'

// An install runs a stranger's code. Until the repository is trusted, nothing of it runs that nobody agreed to, with the real npm and
// with every other package manager (programs that write down how they were called).
let host: TestHost
let repo: TestRepo
let repositoryId: string
beforeEach(async () => {
  repo = makeRepo({ remote: true, files: { 'README.md': '# Shop\n' } })
  host = await startHost()
  repositoryId = (await host.call('repository.add', { path: repo.path })).repositoryId
})
afterEach(async () => {
  await host?.close()
  repo?.close()
})

const ran = (name: string) => existsSync(join(host.home, `ran-${name}`))
const mark = (name: string) => `touch '${join(host.home, `ran-${name}`)}'`
const lock = `${JSON.stringify({ name: 'x', version: '1.0.0', lockfileVersion: 3, requires: true, packages: { '': { name: 'x', version: '1.0.0' } } })}\n`

/** A package that npm installs without a network, whose scripts and script shell leave marks. */
function hostile(name = 'preinstall'): Files {
  const scripts = Object.fromEntries(
    ['preinstall', 'postinstall', 'prepare'].map((each) => [each, mark(name === 'preinstall' ? each : name)]),
  )
  return {
    'package.json': `${JSON.stringify({ name: 'x', version: '1.0.0', scripts })}\n`,
    'package-lock.json': lock,
    'sh.sh': { run: `#!/bin/sh\n${mark('script-shell')}\nexec /bin/sh "$@"\n` },
    '.npmrc': 'script-shell=./sh.sh\n',
  }
}
const everything = ['preinstall', 'postinstall', 'prepare', 'script-shell']

function commitAndPush(files: Files): void {
  repo.commit(files)
  repo.git('push', '-q', 'origin', 'main')
}

const create = async (more: object = {}) =>
  (await host.call('run.create', { repositoryId, agent: 'command', commandLine: 'true', setup: 'skip', ...more }))
    .runIds[0]!

const asking = (runId: string): Promise<Approval> =>
  host.until(`${runId} to ask`, () => {
    const asked = host.state().runs[runId]?.waitsFor?.[0]
    return asked && host.state().approvals[asked.approvalId]
  })
const answer = ({ id, hash }: Approval, decision: 'allow' | 'deny') =>
  host.call('approval.decide', { approvalId: id, hash, decision })

describe('with npm, in a repository that nobody trusted', () => {
  it('asks before anything runs, shows what would, and runs it once it is allowed', async () => {
    commitAndPush(hostile())
    const id = await create()
    const approval = await asking(id)
    expect(approval.request).toMatchObject({
      kind: 'install',
      command: 'npm ci --no-audit --no-fund',
      source: 'package-lock.json',
      runs: expect.arrayContaining([
        `package.json, preinstall: ${mark('preinstall')}`,
        `package.json, postinstall: ${mark('postinstall')}`,
        `package.json, prepare: ${mark('prepare')}`,
        '.npmrc: script-shell=./sh.sh',
      ]),
    })
    expect(everything.filter(ran)).toEqual([])
    await answer(approval, 'allow')
    expect(await host.untilPhase(id, 'exited', 60_000)).toMatchObject({ exit: { code: 0 } })
    expect(everything.filter(ran)).toEqual(everything)
    expect(host.state().repositories[repositoryId]?.approvedInstalls).toEqual([approval.hash])
  })

  it('goes on without an install where it is denied, and with one where the repository becomes trusted', async () => {
    commitAndPush(hostile())
    const [without, trusted] = [await create({ id: 'without' }), await create({ id: 'trusted' })]
    await answer(await asking(without), 'deny')
    const left = await host.untilPhase(without, 'exited')
    expect(left.stages.map(({ stage }) => stage)).not.toContain('install')
    expect(everything.filter(ran)).toEqual([])
    const approval = await asking(trusted)
    await host.call('repository.trust', { repositoryId, trusted: true })
    await host.untilPhase(trusted, 'exited', 60_000)
    expect(everything.filter(ran)).toEqual(everything)
    expect(host.state().approvals[approval.id]).toMatchObject({ state: 'expired', decidedBy: null })
  })

  it('asks again where the content changes between the question and the start', async () => {
    commitAndPush(hostile('first'))
    const id = await create()
    const first = await asking(id)
    const clone = join(repo.root, 'elsewhere')
    repo.gitIn(repo.root, 'clone', '-q', repo.remote!, clone)
    repo.commit(hostile('second'), 'Elsewhere', clone)
    repo.gitIn(clone, 'push', '-q', 'origin', 'HEAD:main')
    await answer(first, 'allow')
    const second = await host.until('the other content', () => {
      const asked = host.run(id).waitsFor?.[0]
      const approval = asked && host.state().approvals[asked.approvalId]
      return approval && approval.id !== first.id && approval
    })
    expect(second.hash).not.toBe(first.hash)
    expect(second.request).toMatchObject({ runs: expect.arrayContaining([`package.json, prepare: ${mark('second')}`]) })
    expect(['first', 'second', 'script-shell'].filter(ran)).toEqual([])
    expect(host.state().repositories[repositoryId]?.approvedInstalls).toEqual([first.hash])
  })

  it('takes the branch that an agent wrote for the content that it is', async () => {
    commitAndPush({ 'package.json': '{"name":"x","version":"1.0.0"}\n', 'package-lock.json': lock })
    const [shown] = (await host.call('approval.preview', { repositoryId })).asked
    const write = `printf %s '{"name":"x","version":"1.0.0","scripts":{"postinstall":"touch ${join(host.home, 'ran-agent')}"}}' > package.json && git commit -qam Hostile`
    const agent = await create({ commandLine: write, installHash: shown!.hash, id: 'agent' })
    expect(await host.untilPhase(agent, 'exited', 60_000)).toMatchObject({ exit: { code: 0 } })
    await host.call('run.remove', { runId: agent, ...(await consentFor(agent)) })
    repo.git('branch', 'theirs', repo.git('rev-parse', 'refs/heads/main'))
    const commit = repo
      .git('for-each-ref', '--format=%(objectname)', '--sort=-creatordate', 'refs/coppice')
      .split('\n')[0]
    repo.git('update-ref', 'refs/heads/theirs', commit!)
    const id = await create({ fromBranch: 'theirs', installHash: shown!.hash })
    expect((await asking(id)).request).toMatchObject({
      runs: [`package.json, postinstall: touch ${join(host.home, 'ran-agent')}`],
    })
    expect(ran('agent')).toBe(false)
  })
})

const consentFor = async (runId: string) => ({
  consent: (await host.call('run.preview-removal', { runId })).consent,
})

describe('every other package manager', () => {
  const managers: [string, string, string, Files][] = [
    ['pnpm', 'pnpm install --frozen-lockfile', 'pnpm-lock.yaml', { '.pnpmfile.cjs': 'module.exports = {}\n' }],
    ['yarn', 'yarn install --frozen-lockfile --non-interactive', 'yarn.lock', { '.yarnrc': 'yarn-path "./y.js"\n' }],
    [
      'yarn',
      'yarn install --immutable',
      'yarn.lock',
      { '.yarnrc.yml': 'yarnPath: .yarn/releases/y.cjs\n', '.yarn/releases/y.cjs': '1' },
    ],
    ['bun', 'bun install --frozen-lockfile', 'bun.lock', { 'bunfig.toml': 'preload = ["./p.ts"]\n' }],
  ]

  it.each(managers)(
    'is not started before it is allowed, then exactly as it was shown: %s, %s',
    async (manager, command, lockFile, files) => {
      const bin = join(host.home, 'bin')
      mkdirSync(bin)
      const calls = join(host.home, 'calls')
      writeFileSync(
        join(bin, manager),
        `#!/bin/sh\necho "${manager} $*" >> '${calls}'\nenv | grep -i '^npm_config\\|^yarn_\\|^bun_\\|^pnpm_' >> '${calls}'\nexit 0\n`,
        { mode: 0o755 },
      )
      appendFileSync(join(host.home, '.bash_profile'), `export PATH='${bin}:/usr/bin:/bin'\n`)
      await host.kill()
      await host.restart()
      commitAndPush({
        'package.json': '{"name":"x","scripts":{"postinstall":"node x.js"}}\n',
        [lockFile]: '\n',
        ...files,
      })
      const id = await create()
      const approval = await asking(id)
      expect(approval.request).toMatchObject({ command, source: lockFile })
      for (const name of Object.keys(files).filter((path) => !path.startsWith('.yarn/')))
        expect(JSON.stringify(approval.request)).toContain(`${name}: `)
      expect(existsSync(calls)).toBe(false)
      await answer(approval, 'allow')
      await host.untilPhase(id, 'exited')
      expect(readFileSync(calls, 'utf8')).toBe(`${command}\n`)
    },
  )
})

describe('the command line', () => {
  it('agrees with --install to what it prints, and leaves it out with --no-install', async () => {
    commitAndPush(hostile())
    const line = ['run', '--repo', repo.path, '--command', 'true', '--setup', 'skip', '--wait', 'settled', '--json']
    const waited = host.cli(line)
    expect(JSON.parse(waited.stdout).error.code).toBe('needs-approval')
    expect(host.cli(['approvals']).stdout).toContain('    .npmrc: script-shell=./sh.sh\n')
    expect(host.cli([...line, '--no-install']).code).toBe(0)
    expect(everything.filter(ran)).toEqual([])
    expect(host.cli([...line, '--install']).code).toBe(0)
    expect(everything.filter(ran)).toEqual(everything)
  })
})
