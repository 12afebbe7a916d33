import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, existsSync, mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type GitContext, git, gitText } from '../../app/git/exec.ts'
import { inspectForRemoval } from '../../app/git/inspect/removal.ts'
import { lineCounts } from '../../app/git/line-counts.ts'
import {
  aheadBehind,
  branchState,
  commitsOnlyHere,
  listBranches,
  refAge,
  resolveCommit,
  trackedFiles,
  uniqueBranch,
} from '../../app/git/refs/refs.ts'
import { fetchRef } from '../../app/git/remote/fetch.ts'
import { pushBranch } from '../../app/git/remote/push.ts'
import { inspectRepository } from '../../app/git/repository.ts'
import { readStatus } from '../../app/git/status.ts'
import { keepObjects } from '../../app/git/trash/keep.ts'
import { readAdminDir } from '../../app/git/worktree/checkout.ts'
import {
  addWorktree,
  listWorktrees,
  lockWorktree,
  repairWorktree,
  unlockWorktree,
} from '../../app/git/worktree/worktree.ts'
import type { TestRepo } from '../harness/test-repo.ts'
import { canary, countingPrograms, failing, repoOf } from './setup.ts'

const attributes = '*.txt filter=evil diff=evil merge=evil\n'
const files = { '.gitattributes': attributes, 'a.txt': 'a\n', 'b.txt': 'b\n', 'c.txt': 'c\n' }

/** Every key of git-config(1) that names a program, a place that programs come from, or somebody else to talk to. */
function poisons(script: string, root: string): Record<string, readonly [string, string][]> {
  const hooks = join(root, 'hooks')
  return {
    hooks: [['core.hooksPath', hooks]],
    fsmonitor: [['core.fsmonitor', script]],
    editors: [
      ['core.editor', script],
      ['sequence.editor', script],
      ['core.pager', script],
      ['pager.log', script],
      ['pager.status', 'true'],
      ['pager.diff', script],
    ],
    filters: [
      ['filter.evil.clean', script],
      ['filter.evil.smudge', script],
      ['filter.evil.required', 'true'],
    ],
    'filter process': [['filter.evil.process', script]],
    'diff drivers': [
      ['diff.external', script],
      ['diff.evil.command', script],
      ['diff.evil.textconv', script],
    ],
    'merge drivers': [
      ['merge.evil.driver', `${script} %O %A %B`],
      ['merge.default', 'evil'],
    ],
    signing: [
      ['gpg.program', script],
      ['gpg.ssh.program', script],
      ['gpg.format', 'ssh'],
      ['commit.gpgSign', 'true'],
      ['push.gpgSign', 'true'],
      ['tag.gpgSign', 'true'],
      ['log.showSignature', 'true'],
      ['gpg.ssh.defaultKeyCommand', script],
    ],
    credentials: [
      ['credential.helper', `!${script}`],
      ['core.askPass', script],
      ['credential.https://h.helper', `!${script}`],
    ],
    transport: [
      ['core.sshCommand', script],
      ['core.gitProxy', script],
      ['ssh.variant', 'simple'],
      ['remote.origin.uploadpack', script],
      ['remote.origin.receivepack', script],
      ['core.alternateRefsCommand', script],
      ['uploadpack.packObjectsHook', script],
    ],
    'remote helper': [['remote.origin.vcs', 'evil']],
    'rewritten address': [[`url.ext::/bin/sh -c ${script} %S .insteadOf`, '/']],
    'bundle uri': [
      ['fetch.bundleURI', `file://${root}/bundle`],
      ['transfer.bundleURI', 'true'],
    ],
    aliases: [
      ['alias.status', `!${script}`],
      ['alias.worktree', `!${script}`],
      ['alias.fetch', `!${script}`],
      ['alias.rev-parse', `!${script}`],
    ],
    submodules: [
      ['submodule.recurse', 'true'],
      ['submodule.sub.update', `!${script}`],
      ['fetch.recurseSubmodules', 'true'],
      ['push.recurseSubmodules', 'on-demand'],
      ['diff.submodule', 'log'],
      ['status.submoduleSummary', 'true'],
    ],
    maintenance: [
      ['gc.auto', '1'],
      ['maintenance.auto', 'true'],
      ['gc.recentObjectsHook', script],
    ],
    'configured hooks': [
      ['hook.evil.command', script],
      ['hook.evil.event', 'post-checkout'],
      ['hook.evil.event', 'reference-transaction'],
    ],
    traces: [
      ['trace2.eventTarget', join(root, 'trace')],
      ['trace2.normalTarget', join(root, 'trace')],
    ],
    'merge and diff tools': [
      ['mergetool.evil.cmd', script],
      ['merge.tool', 'evil'],
      ['difftool.evil.cmd', script],
      ['diff.tool', 'evil'],
      ['interactive.diffFilter', script],
      ['web.browser', script],
      ['help.autocorrect', 'immediate'],
    ],
    templates: [['init.templateDir', join(root, 'template')]],
  }
}

/** Everything that Coppice does with git, once. What fails is fine: what sings is not. */
async function everything(repo: TestRepo, context: GitContext, worktree: string): Promise<void> {
  const place = { topLevel: repo.path, commonDir: repo.commonDir }
  const commit = repo.tryGit(repo.path, 'rev-parse', 'main').stdout.trim()
  const works: (() => Promise<unknown>)[] = [
    () => inspectRepository(context, repo.path),
    () => inspectRepository(context, worktree),
    () => listBranches(context, repo.path),
    () => resolveCommit(context, repo.path, 'main'),
    () => refAge(context, repo.path, 'refs/remotes/origin/main'),
    () => uniqueBranch(context, repo.path, 'x'),
    () => branchState(context, repo.path, 'main'),
    () => trackedFiles(context, worktree),
    () => listWorktrees(context, repo.path),
    () => readStatus(context, worktree, { untracked: 'all' }),
    () => readStatus(context, repo.path),
    () => lineCounts(context, worktree, commit),
    () => aheadBehind(context, worktree, 'main'),
    () => commitsOnlyHere(context, worktree, 'agent/one'),
    () => inspectForRemoval(context, worktree, { branch: 'agent/one', baseCommit: commit }),
    () => keepObjects(context, place, { worktree, keepId: 'k', branch: 'agent/one' }),
    () => fetchRef(context, repo.path, { remote: 'origin', branch: 'main', timeoutMs: 10_000 }),
    () => pushBranch(context, worktree, { remote: 'origin', sha: commit, branch: 'agent/pushed', timeoutMs: 10_000 }),
    () =>
      addWorktree(context, place, {
        path: join(repo.root, 'added'),
        branch: 'agent/added',
        commit,
        newBranch: true,
        lockReason: 'r',
      }),
    () => lockWorktree(context, repo.path, worktree, 'x'),
    () => unlockWorktree(context, repo.path, worktree),
    () => repairWorktree(context, repo.path, worktree),
    () => gitText(context, repo.path, ['log', '-p', '-1'], { revisions: ['main'] }),
  ]
  for (const work of works) await work().catch(() => {})
}

function poisonedRepo(): { repo: TestRepo; worktree: string; bird: ReturnType<typeof canary> } {
  const repo = repoOf({ files, remote: true })
  const worktree = repo.worktree('agent/one')
  const bird = canary(repo)
  const hooks = join(repo.root, 'hooks')
  mkdirSync(hooks)
  for (const name of [
    'post-checkout',
    'reference-transaction',
    'post-index-change',
    'pre-push',
    'pre-auto-gc',
    'fsmonitor-watchman',
    'proc-receive',
  ]) {
    writeFileSync(join(hooks, name), `#!/bin/sh\nexec '${bird.script}'\n`, { mode: 0o755 })
    writeFileSync(join(repo.commonDir, 'hooks', name), `#!/bin/sh\nexec '${bird.script}'\n`, { mode: 0o755 })
  }
  // git must want to read the files again: else no filter would run.
  writeFileSync(join(worktree, 'a.txt'), 'changed\n')
  utimesSync(join(worktree, 'b.txt'), 1_000, 1_000)
  writeFileSync(join(repo.path, 'c.txt'), 'changed too\n')
  return { repo, worktree, bird }
}

describe('a poisoned configuration', () => {
  const names = Object.keys(poisons('', ''))
  it.each(names)('%s: inert in everything Coppice does', async (name) => {
    const { repo, worktree, bird } = poisonedRepo()
    for (const [key, value] of poisons(bird.script, repo.root)[name]!) repo.git('config', '--add', key, value)
    await everything(repo, repo.context, worktree)
    expect(bird.sang()).toBeNull()
    expect(existsSync(join(repo.root, 'trace'))).toBe(false)
  })

  it('is alive: the same keys do sing in a plain git', () => {
    const { repo, worktree, bird } = poisonedRepo()
    for (const name of ['hooks', 'filters', 'fsmonitor']) {
      for (const [key, value] of poisons(bird.script, repo.root)[name]!) repo.git('config', '--add', key, value)
    }
    repo.tryGit(worktree, 'status')
    repo.tryGit(worktree, 'diff')
    expect(bird.sang()).not.toBeNull()
  })

  it('is inert in the worktree’s own configuration and in files it includes', async () => {
    for (const place of ['config.worktree', 'include', 'include by branch']) {
      const { repo, worktree, bird } = poisonedRepo()
      const evil = `[filter "evil"]\n\tclean = ${bird.script}\n\tsmudge = ${bird.script}\n\trequired = true\n[core]\n\tfsmonitor = ${bird.script}\n\thooksPath = ${repo.root}/hooks\n`
      const included = join(repo.root, 'included')
      writeFileSync(included, evil)
      if (place === 'config.worktree') {
        repo.git('config', 'extensions.worktreeConfig', 'true')
        writeFileSync(join(readAdminDir(worktree).adminDir, 'config.worktree'), evil)
        writeFileSync(join(repo.commonDir, 'config.worktree'), evil)
      } else if (place === 'include') repo.git('config', 'include.path', included)
      else repo.git('config', 'includeIf.onbranch:**.path', included)
      await everything(repo, repo.context, worktree)
      expect(bird.sang(), place).toBeNull()
    }
  })

  it('is inert whatever a filter is called', async () => {
    const { repo, worktree, bird } = poisonedRepo()
    const names = ['a=b', 'UPPER', 'dot.ted', 'sp ace', 'q"uote', 'back\\slash', '日本', '-x', '$(id)', '']
    for (const index of names.keys()) writeFileSync(join(worktree, `f${index}.txt`), 'x\n')
    repo.gitIn(worktree, '-c', 'core.hooksPath=/dev/null', 'add', '.')
    for (const name of names) {
      const quoted = name.replace(/["\\]/g, '\\$&')
      const lines = ['clean', 'smudge', 'process'].map((part) => `\t${part} = ${bird.script}\n`)
      appendFileSync(join(repo.commonDir, 'config'), `[filter "${quoted}"]\n${lines.join('')}\trequired\n`)
    }
    const given = names
      .map((name, index) => `${'abc'[index % 3]}.txt filter=${name}\nf${index}.txt filter=${name}\n`)
      .join('')
    for (const directory of [worktree, repo.path]) {
      writeFileSync(join(directory, '.gitattributes'), given)
      for (const index of names.keys()) writeFileSync(join(directory, `f${index}.txt`), 'x\n')
    }
    await everything(repo, repo.context, worktree)
    expect(bird.sang()).toBeNull()
  })

  it('is refused where it cannot be made inert', async () => {
    const { repo, worktree, bird } = poisonedRepo()
    const config = join(repo.commonDir, 'config')
    appendFileSync(
      config,
      Buffer.concat([
        Buffer.from('[filter "'),
        Buffer.from([0xff, 0xfe]),
        Buffer.from(`"]\n\tclean = ${bird.script}\n`),
      ]),
    )
    await expect(readStatus(repo.context, worktree)).rejects.toEqual(failing('state-unknown', { reason: 'config' }))
    const many = poisonedRepo()
    appendFileSync(
      join(many.repo.commonDir, 'config'),
      Array.from({ length: 300 }, (_, index) => `[filter "f${index}"]\n\tclean = ${many.bird.script}\n`).join(''),
    )
    await expect(readStatus(many.repo.context, many.worktree)).rejects.toEqual(
      failing('state-unknown', { reason: 'config' }),
    )
    expect([bird.sang(), many.bird.sang()]).toEqual([null, null])
  })

  it('that is a pipe, a directory or a gigabyte neither hangs nor is believed', async () => {
    const { repo, worktree } = poisonedRepo()
    const config = join(repo.commonDir, 'config')
    rmSync(config)
    execFileSync('mkfifo', [config])
    await expect(readStatus(repo.context, worktree)).rejects.toEqual(failing('state-unknown'))
    rmSync(config)
    mkdirSync(config)
    await expect(readStatus(repo.context, worktree)).rejects.toBeTruthy()
    rmSync(config, { recursive: true })
    writeFileSync(config, Buffer.alloc(2 * 1024 * 1024, '#'))
    await expect(readStatus(repo.context, worktree)).rejects.toEqual(failing('state-unknown'))
  })

  it('does not reach nested repositories and submodules through their own', async () => {
    const { repo, worktree, bird } = poisonedRepo()
    const nested = join(worktree, 'nested')
    repo.gitIn(worktree, 'clone', '-q', repo.path, nested)
    repo.gitIn(worktree, '-c', 'core.hooksPath=/dev/null', 'add', 'nested')
    for (const [key, value] of [
      ['filter.evil.clean', bird.script],
      ['filter.evil.smudge', bird.script],
      ['core.fsmonitor', bird.script],
    ] as const) {
      repo.gitIn(nested, 'config', key, value)
    }
    writeFileSync(join(nested, 'a.txt'), 'changed inside\n')
    await everything(repo, repo.context, worktree)
    expect(bird.sang()).toBeNull()
    const inspected = await inspectForRemoval(repo.context, worktree, { branch: 'agent/one', baseCommit: null })
    expect(inspected.submodules).toMatchObject({
      known: true,
      repositories: [{ path: 'nested', dirty: 1, unpushed: 0 }],
    })
    expect(bird.sang()).toBeNull()
  })

  it('cannot send git elsewhere: core.worktree, a changed .git file, GIT_ variables', async () => {
    const { repo, worktree } = poisonedRepo()
    const victim = join(repo.root, 'victim')
    mkdirSync(victim)
    writeFileSync(join(victim, 'a.txt'), 'precious\n')
    repo.git('config', 'extensions.worktreeConfig', 'true')
    writeFileSync(join(readAdminDir(worktree).adminDir, 'config.worktree'), `[core]\n\tworktree = ${victim}\n`)
    const checkout = readAdminDir(worktree)
    await git(repo.context, worktree, ['reset', '--hard', '-q'], { checkout, write: true })
    expect(existsSync(join(victim, 'b.txt'))).toBe(false)
    expect(statSync(join(victim, 'a.txt')).size).toBe(9)
    const elsewhere = {
      ...repo.context.environment,
      GIT_DIR: '/nowhere',
      GIT_WORK_TREE: victim,
      GIT_INDEX_FILE: '/nowhere',
      GIT_TRACE: join(repo.root, 'trace'),
      GIT_EXTERNAL_DIFF: 'false',
      GIT_CONFIG_PARAMETERS: "'core.bare'='true'",
    }
    expect((await readStatus({ ...repo.context, environment: elsewhere }, worktree)).branch).toBe('agent/one')
    expect(existsSync(join(repo.root, 'trace'))).toBe(false)
    // Its .git leads to a repository with a configuration of its own.
    writeFileSync(join(worktree, '.git'), `gitdir: ${repo.commonDir}\n`)
    await expect(readStatus(repo.context, worktree).then(({ branch }) => branch)).resolves.not.toBe('agent/one')
    expect(() => readAdminDir(worktree)).toThrow(/not-ours/)
  })
})

describe('filters', () => {
  it('of the person run; of the repository only once it is trusted', async () => {
    const repo = repoOf({ files: { '.gitattributes': '*.txt filter=up\n', 'a.txt': 'plain\n' } })
    const commit = repo.git('rev-parse', 'HEAD')
    const add = async (id: string, context: GitContext) => {
      const path = join(repo.root, id)
      await addWorktree(
        context,
        { topLevel: repo.path, commonDir: repo.commonDir },
        { path, branch: id, commit, newBranch: true, lockReason: id },
      )
      return execFileSync('cat', [join(path, 'a.txt')], { encoding: 'utf8' })
    }
    repo.git('config', 'filter.up.smudge', 'tr a-z A-Z')
    repo.git('config', 'filter.up.clean', 'tr A-Z a-z')
    expect(await add('untrusted', repo.context)).toBe('plain\n')
    expect(await add('trusted', { ...repo.context, trusted: true })).toBe('PLAIN\n')
    // The person's own of the same name is what counts, whatever the repository says.
    appendFileSync(
      join(repo.environment.HOME!, '.gitconfig'),
      '[filter "up"]\n\tsmudge = "sed s/plain/mine/"\n\tclean = "sed s/mine/plain/"\n',
    )
    expect(await add('own', repo.context)).toBe('mine\n')
  })

  it('cost no process where the configuration names none, and one where it does, once', async () => {
    const repo = repoOf({ files })
    const worktree = repo.worktree('agent/one')
    expect((await countingPrograms(() => readStatus(repo.context, worktree))).programs).toBe(1)
    repo.git('config', 'filter.evil.clean', 'false')
    expect((await countingPrograms(() => readStatus(repo.context, worktree))).programs).toBe(2)
    expect((await countingPrograms(() => readStatus(repo.context, worktree))).programs).toBe(1)
    repo.git('config', 'filter.other.clean', 'false')
    expect((await countingPrograms(() => readStatus(repo.context, worktree))).programs).toBe(2)
  })
})

describe('git itself', () => {
  it('never prompts, is never left alone with a shell, and takes no lock to read', async () => {
    const repo = repoOf({ files, name: 'a b' })
    const log = join(repo.root, 'log')
    const file = join(repo.root, 'git-log')
    writeFileSync(file, `#!/bin/sh\nenv > '${log}'; printf '%s\\n' "$@" >> '${log}'; exec git "$@"\n`)
    chmodSync(file, 0o755)
    const environment = {
      ...repo.environment,
      LC_ALL: 'de_DE.UTF-8',
      GIT_ASKPASS: '/bin/echo',
      GIT_TERMINAL_PROMPT: '1',
      GIT_SSL_CAINFO: '/ca.pem',
    }
    await readStatus({ ...repo.context, file, environment }, repo.path)
    const said = execFileSync('cat', [log], { encoding: 'utf8' }).split('\n')
    for (const line of [
      'LC_ALL=C',
      'GIT_TERMINAL_PROMPT=0',
      'GIT_ASKPASS=',
      'SSH_ASKPASS_REQUIRE=never',
      'GIT_OPTIONAL_LOCKS=0',
      'GIT_ALLOW_PROTOCOL=',
      'GIT_SSL_CAINFO=/ca.pem',
      'core.hooksPath=/dev/null',
    ]) {
      expect(said).toContain(line)
    }
  })

  it('refuses to run what reads files without naming its checkout', async () => {
    const repo = repoOf({ files })
    await expect(git(repo.context, repo.path, ['status'])).rejects.toThrow(/must name the checkout/)
    await expect(git(repo.context, repo.path, ['add'], { write: true, paths: ['.'] })).rejects.toThrow(
      /must name the checkout/,
    )
  })

  it('says which is missing: git, the directory, or the worktree; and what is too large', async () => {
    const repo = repoOf({ files })
    const worktree = repo.worktree('agent/one')
    const checkout = readAdminDir(worktree)
    await expect(git({ ...repo.context, file: '/nowhere/git' }, repo.path, ['version'])).rejects.toEqual(
      failing('git-missing'),
    )
    await expect(git(repo.context, join(repo.root, 'none'), ['version'])).rejects.toEqual(
      failing('repository-unavailable'),
    )
    await expect(git(repo.context, repo.path, ['for-each-ref'], { maxStdoutBytes: 10 })).rejects.toEqual(
      failing('too-large'),
    )
    rmSync(worktree, { recursive: true })
    await expect(git(repo.context, worktree, ['status'], { checkout })).rejects.toEqual(failing('worktree-missing'))
  })
})
