// What a mode forbids, met by an ordinary user: root is kept out by none, so where the tests are root's they run the CLI, and with
// it the host and git, as nobody. Each refusal has a code and words, and leaves everything as it was.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cliProgram } from '../harness/test-host.ts'
import { fingerprint, makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { makeCli, type TestCli } from './harness.ts'

const nobody = 65534
const asNobody = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}
const own = (path: string) => {
  if (process.getuid?.() === 0) execFileSync('chown', ['-R', `${nobody}:${nobody}`, path])
}
const mode = (path: string, change: string) => execFileSync('chmod', ['-R', change, path])

// A checkout below /root is out of everybody else's reach.
const unreachable =
  spawnSync(process.execPath, [cliProgram, '--version'], { ...asNobody, env: {} }).status === 0
    ? null
    : 'the user nobody cannot run the program from this checkout'
if (unreachable) console.warn(`!!! SKIPPED: refusals for want of permission: ${unreachable}`)

describe.skipIf(unreachable !== null)('no permission', () => {
  let cli: TestCli
  let repo: TestRepo
  beforeEach(() => {
    cli = makeCli()
    repo = makeRepo()
    own(cli.home)
    own(repo.root)
  })
  afterEach(async () => {
    coppice('host', 'stop', '--agents', 'stop')
    await cli?.close()
    mode(repo.root, 'u+rwX')
    repo?.close()
  })

  function coppice(...words: string[]): { code: number | null; answer: Record<string, never> & { error?: Told } } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cliProgram, ...words, '--json'], {
      ...asNobody,
      cwd: cli.home,
      env: cli.environment,
      encoding: 'utf8',
    })
    try {
      return { code: status, answer: JSON.parse(stdout) }
    } catch {
      throw new Error(`coppice ${words.join(' ')} ended with ${status}: ${stdout}${stderr}`)
    }
  }
  interface Told {
    readonly code: string
    readonly message: string
    readonly next: string
  }
  const run = (...more: string[]) => coppice('run', '--repo', repo.path, '--command', 'true', '--id', 'one', ...more)

  it('to read the repository', () => {
    chmodSync(repo.path, 0)
    const { code, answer } = run()
    expect([code, answer.error?.code]).toEqual([1, 'permission-denied'])
    expect(answer.error?.message).toContain(repo.path)
    expect(coppice('list', '--all').answer).toEqual([])
  })

  it('to write into the repository: what was begun is taken back', () => {
    mode(repo.commonDir, 'a-w')
    const before = fingerprint(repo.path)
    const { code, answer } = run('--wait', 'exited')
    expect(answer.error?.code, JSON.stringify(answer)).toBe('permission-denied')
    expect(code).toBe(1)
    expect(answer.error?.message).toMatch(/Permission denied/)
    expect(fingerprint(repo.path)).toEqual(before)
    expect(coppice('show', 'one').answer).toMatchObject({ phase: 'failed', worktree: null })
    const root = join(cli.dataDirectory, 'worktrees')
    expect(readdirSync(root).flatMap((name) => readdirSync(join(root, name)))).toEqual([])
    // With it, the same run goes on.
    mode(repo.commonDir, 'u+w')
    expect(coppice('resume', 'one').code).toBe(0)
    expect(coppice('run', '--repo', repo.path, '--command', 'true', '--wait', 'exited').code).toBe(0)
  })

  it('to make the data directory', () => {
    const closed = join(cli.home, 'closed')
    mkdirSync(closed, { mode: 0o500 })
    own(closed)
    cli.environment.COPPICE_HOME = join(closed, 'data')
    const { code, answer } = run()
    expect([code, answer.error?.code]).toEqual([1, 'permission-denied'])
    expect(answer.error?.message).toContain(join(closed, 'data'))
    expect(existsSync(join(closed, 'data'))).toBe(false)
    expect(coppice('doctor').code).toBe(1)
  })
})
