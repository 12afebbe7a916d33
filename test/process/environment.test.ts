// A real bash with good, broken and hanging start-up files in a scratch HOME.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { agentEnvironment, findOnPath, loginEnvironment, runMark, utf8Locale } from '../../app/process/environment.ts'
import { listProcesses } from '../../app/process/tree.ts'

const scratch = mkdtempSync(join(tmpdir(), 'coppice-environment-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let count = 0
function home(files: Record<string, string>): string {
  const path = join(scratch, `home-${count++}`)
  mkdirSync(path)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
  return path
}
const shell = '/bin/bash'

it('has what .bash_profile and .bashrc set, whole', async () => {
  const answer = await loginEnvironment({
    shell,
    home: home({
      '.bash_profile': 'export PATH="$HOME/bin:$PATH"\n. ~/.bashrc\necho "a banner"; stty -a',
      '.bashrc': 'export MULTI=$\'one\\ntwo = three\'\nexport RESOLVING="$COPPICE_RESOLVING_ENVIRONMENT"',
    }),
  })
  expect(answer).toMatchObject({ source: 'login-shell' })
  expect(answer.problem).toBeUndefined()
  expect(answer.environment.PATH).toMatch(/^\/.*home-0\/bin:/)
  expect(answer.environment).toMatchObject({ MULTI: 'one\ntwo = three', RESOLVING: '1' })
  expect(Object.keys(answer.environment)).not.toContain('COPPICE_RESOLVING_ENVIRONMENT')
  expect(Object.keys(answer.environment).filter((name) => /^VITEST/.test(name))).toEqual([])
})

it('takes a whole answer from start-up files that fail', async () => {
  const broken = home({ '.bash_profile': 'export BEFORE=1\nif [ ; then\nfi\nno-such-command\nexport AFTER=1\nfalse' })
  const answer = await loginEnvironment({ shell, home: broken })
  expect(answer.source).toBe('login-shell')
  expect(answer.environment.HOME).toBe(broken)
})

it('asks again when a start-up file has changed, and only then', async () => {
  const changing = home({ '.bash_profile': 'export TURN=1; echo asked >> ~/asked' })
  const asked = () => readFileSync(join(changing, 'asked'), 'utf8').trim().split('\n').length
  expect((await loginEnvironment({ shell, home: changing })).environment.TURN).toBe('1')
  expect((await loginEnvironment({ shell, home: changing })).environment.TURN).toBe('1')
  expect(asked()).toBe(1)
  writeFileSync(join(changing, '.bash_profile'), 'export TURN=second; echo asked >> ~/asked')
  expect((await loginEnvironment({ shell, home: changing })).environment.TURN).toBe('second')
  expect(asked()).toBe(2)
})

it('falls back to its own with the reason: exit, hang, no shell, unknown shell', async () => {
  const exits = await loginEnvironment({ shell, home: home({ '.bash_profile': 'echo "no nvm here" >&2; exit 7' }) })
  expect(exits).toMatchObject({
    source: 'own',
    problem: expect.stringMatching(/ended with 7 in its start-up files \(.*\.bash_profile\), and said: no nvm here/),
  })
  // npm puts its own folders in front.
  expect(process.env.PATH).toContain(exits.environment.PATH)
  const hanging = home({ '.bash_profile': 'trap "" TERM\nsleep 300' })
  const hangs = await loginEnvironment({ shell, home: hanging, timeoutMs: 500 })
  expect(hangs).toMatchObject({
    source: 'own',
    problem: expect.stringMatching(/did not finish its start-up files \(.*\.bash_profile\) within 1 s/),
  })
  const goesOn = home({ '.bash_profile': 'export SLOW=1\nsleep 300' })
  expect(await loginEnvironment({ shell, home: goesOn, timeoutMs: 500 })).toMatchObject({
    environment: { SLOW: '1' },
    problem: expect.stringMatching(/did not finish its start-up files/),
  })
  const left = (await listProcesses()).filter((entry) => entry.name === 'sleep' && entry.state !== 'Z')
  const homes = left.map((entry) => entry.pid)
  for (const pid of homes) expect(await homeOf(pid)).not.toBe(hanging)
  expect(await loginEnvironment({ shell: '/no/such/bash' })).toMatchObject({
    source: 'own',
    problem: expect.stringMatching(/could not be started/),
  })
  expect(await loginEnvironment({ shell: '/bin/xonsh' })).toMatchObject({ source: 'own' })
})

it('asks once, and again when told to', async () => {
  const place = home({ '.bash_profile': '. ~/more', more: 'export STAMP=1' })
  const [first, second] = await Promise.all([
    loginEnvironment({ shell, home: place }),
    loginEnvironment({ shell, home: place }),
  ])
  expect(second).toBe(first)
  writeFileSync(join(place, 'more'), 'export STAMP=2')
  expect((await loginEnvironment({ shell, home: place })).environment.STAMP).toBe('1')
  expect((await loginEnvironment({ shell, home: place, refresh: true })).environment.STAMP).toBe('2')
})

const ofThisStart = {
  ELECTRON_RUN_AS_NODE: '1',
  ELECTRON_ENABLE_LOGGING: '1',
  NODE_OPTIONS: '--no-deprecation',
  npm_config_registry: 'x',
  npm_lifecycle_event: 'start',
  INIT_CWD: '/x',
  VITE_KEY: 'x',
  VITEST_POOL_ID: '1',
  VITEST: 'true',
  COPPICE_TOKEN: 'secret',
}

it('has nothing of the program that started this one, and all that the start-up files set', async () => {
  const before = { ...process.env }
  Object.assign(process.env, ofThisStart)
  try {
    const clean = (await loginEnvironment({ shell, home: home({}) })).environment
    const own = (await loginEnvironment({ shell: '/bin/xonsh', home: home({}) })).environment
    for (const name of Object.keys(ofThisStart))
      expect([name, clean[name], own[name]]).toEqual([name, undefined, undefined])
    const set =
      'export NODE_OPTIONS=--max-old-space-size=8192 npm_config_registry=https://theirs.example VITE_KEY=theirs'
    const theirs = (await loginEnvironment({ shell, home: home({ '.bash_profile': set }) })).environment
    const run = { dataDir: scratch, runId: 'r1', attempt: 1, worktree: '/w', repository: '/r', branch: 'agent/r1' }
    expect(agentEnvironment(theirs, run)).toMatchObject({
      NODE_OPTIONS: '--max-old-space-size=8192',
      npm_config_registry: 'https://theirs.example',
      VITE_KEY: 'theirs',
    })
  } finally {
    process.env = before
  }
})

it('has nothing of the shell, hook or CI that started this process, whether the login shell answers or not', async () => {
  const before = { ...process.env }
  const foreign = {
    NO_COLOR: '1',
    CI: 'true',
    FORCE_COLOR: '0',
    DEBUG: '*',
    GIT_AUTHOR_DATE: '2001-01-01T00:00:00Z',
    GIT_DIR: '/elsewhere/.git',
    SUDO_USER: 'root',
    ANTHROPIC_MODEL: 'of-that-shell',
    VIRTUAL_ENV: '/venv',
  }
  const place = home({ '.bash_profile': 'export FROM_PROFILE=yes CI=theirs' })
  Object.assign(process.env, foreign, {
    TZ: 'Asia/Tokyo',
    https_proxy: 'http://proxy:3128',
    SSH_AUTH_SOCK: '/run/agent',
    TERM: 'dumb',
    PATH: '/venv/bin:/w/node_modules/.bin:/usr/lib/git-core:/opt/theirs/bin:/usr/bin:/bin',
  })
  try {
    const { environment } = await loginEnvironment({ shell, home: place })
    const fallBack = (await loginEnvironment({ shell: '/bin/xonsh', home: place })).environment
    for (const name of Object.keys(foreign)) {
      expect([name, environment[name]]).toEqual([name, name === 'CI' ? 'theirs' : undefined])
      expect([name, fallBack[name]]).toEqual([name, undefined])
    }
    expect(environment).toMatchObject({ FROM_PROFILE: 'yes', HOME: place, SHELL: shell })
    const session = { TZ: 'Asia/Tokyo', https_proxy: 'http://proxy:3128', SSH_AUTH_SOCK: '/run/agent' }
    expect(environment).toMatchObject(session)
    expect(fallBack).toMatchObject({ ...session, PATH: '/opt/theirs/bin:/usr/bin:/bin' })
  } finally {
    process.env = before
  }
})

it('keeps what the shell said before where it cannot be asked again', async () => {
  const place = home({ '.bash_profile': 'export STAMP=1' })
  expect((await loginEnvironment({ shell, home: place })).problem).toBeUndefined()
  writeFileSync(join(place, '.bash_profile'), 'echo broken >&2; exit 9')
  const again = await loginEnvironment({ shell, home: place, refresh: true })
  expect(again).toMatchObject({ source: 'login-shell', environment: { STAMP: '1' } })
  expect(again.problem).toMatch(/ended with 9 in its start-up files .*, and said: broken/)
  writeFileSync(join(place, '.bash_profile'), 'export STAMP=3')
  const right = await loginEnvironment({ shell, home: place, refresh: true })
  expect(right).toMatchObject({ environment: { STAMP: '3' } })
  expect(right.problem).toBeUndefined()
})

it('gives an agent its names and nothing of Coppice or of a terminal, repository or session that is not its own', () => {
  const base = {
    PATH: '/bin',
    ANTHROPIC_API_KEY: 'theirs',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    COPPICE_TOKEN: 'secret',
    COPPICE_RUN: 'outer',
    ELECTRON_RUN_AS_NODE: '1',
    INIT_CWD: '/x',
    CLAUDECODE: '1',
    TMUX: 'x',
    GIT_DIR: '/elsewhere/.git',
    TERM: 'dumb',
  }
  const run = { dataDir: scratch, runId: 'r1', attempt: 2, worktree: '/w', repository: '/r', branch: 'agent/r1' }
  expect(agentEnvironment(base, run)).toEqual({
    PATH: '/bin',
    ANTHROPIC_API_KEY: 'theirs',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    LANG: process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8',
    TERM: 'xterm-256color',
    COLORTERM: 'truecolor',
    TERM_PROGRAM: 'coppice',
    COPPICE_RUN: 'r1',
    COPPICE_MARK: runMark(scratch, 'r1'),
    COPPICE_ATTEMPT: '2',
    COPPICE_WORKTREE: '/w',
    COPPICE_REPOSITORY: '/r',
    COPPICE_BRANCH: 'agent/r1',
  })
  expect(agentEnvironment(base, { ...run, promptFile: '/p' }).COPPICE_PROMPT_FILE).toBe('/p')
})

it('gives an agent a UTF-8 locale where the person set none, and never another one than theirs', () => {
  const run = { dataDir: scratch, runId: 'r1', attempt: 1, worktree: '/w', repository: '/r', branch: 'b' }
  const langOf = (base: Record<string, string>) => agentEnvironment(base, run).LANG
  expect(utf8Locale({}, 'linux')).toEqual({ LANG: 'C.UTF-8' })
  expect(utf8Locale({}, 'darwin')).toEqual({ LANG: 'en_US.UTF-8' })
  expect(utf8Locale({ LANG: '', LC_ALL: '', LC_CTYPE: '' }, 'linux')).toEqual({ LANG: 'C.UTF-8' })
  // Another category says nothing about how characters are read.
  expect(utf8Locale({ LC_TIME: 'de_DE.UTF-8' }, 'linux')).toEqual({ LANG: 'C.UTF-8' })
  expect(langOf({ LANG: 'de_DE.UTF-8' })).toBe('de_DE.UTF-8')
  expect(langOf({ LANG: 'C' })).toBe('C')
  expect(langOf({ LC_ALL: 'POSIX' })).toBeUndefined()
  expect(langOf({ LC_CTYPE: 'ja_JP.eucJP' })).toBeUndefined()
})

it('marks a run by its data directory, whatever path leads there', () => {
  const one = home({})
  const link = `${one}-link`
  symlinkSync(one, link)
  expect(runMark(one, 'r')).toMatch(/^[0-9a-f]{12}\/r$/)
  expect(runMark(link, 'r')).toBe(runMark(one, 'r'))
  expect(runMark(home({}), 'r')).not.toBe(runMark(one, 'r'))
})

it('finds programs as a shell would, but never in the working directory', async () => {
  const bin = home({ tool: '#!/bin/sh\n', text: 'not a program' })
  chmodSync(join(bin, 'tool'), 0o755)
  mkdirSync(join(bin, 'folder'))
  const PATH = `:.:${bin}:/usr/bin:/bin`
  expect(await findOnPath('tool', { PATH })).toBe(join(bin, 'tool'))
  expect(await findOnPath('text', { PATH })).toBeNull()
  expect(await findOnPath('folder', { PATH })).toBeNull()
  expect(await findOnPath('', { PATH })).toBeNull()
  expect(await findOnPath(join(bin, 'tool'), {})).toBe(join(bin, 'tool'))
  expect(await findOnPath('package.json', { PATH: '.' })).toBeNull()
})

async function homeOf(pid: number): Promise<string | undefined> {
  const { readFile } = await import('node:fs/promises')
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
  return text
    .split('\0')
    .find((entry) => entry.startsWith('HOME='))
    ?.slice(5)
}
