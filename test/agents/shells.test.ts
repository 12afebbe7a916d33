// A custom command line in the shells of this machine: the prompt reaches it as data only, whatever it holds.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adapterOf } from '../../app/agents/adapters.ts'
import { agentEnvironment } from '../../app/process/environment.ts'
import { request } from './run-plan.ts'

const shells = ['/bin/sh', '/bin/bash', '/bin/dash', '/usr/bin/zsh', '/usr/bin/fish', '/bin/ksh'].filter(existsSync)
const fake = join(import.meta.dirname, '../harness/fake-agent.mjs')

let root = ''
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-shells-')))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

function run(shell: string, commandLine: string, text: string) {
  const file = join(root, 'prompt.md')
  writeFileSync(file, text, { mode: 0o600 })
  const plan = adapterOf('command').launch(request({ shell, commandLine, prompt: { text, file } }))
  // As from a desktop's dock: no locale is set, so the one that an agent gets is ours.
  const names = { dataDir: root, runId: 'r', attempt: 1, worktree: root, repository: root, branch: 'b' }
  const env = { ...agentEnvironment({ PATH: `${process.env.PATH}`, HOME: root }, names), ...plan.environment }
  const { stdout, status } = spawnSync(plan.file, plan.args, { env, cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  return { stdout: stdout.toString('utf8'), status }
}

const hostile = `'; touch ${'$'}HOME/owned; "$(touch owned)" \`touch owned\` && -x\nsecond line 漢字 \u001b[31m \\n ;; #`

describe.each(shells)('a command line in %s', (shell) => {
  it('has the prompt in its environment and in its file, and nowhere else', () => {
    const { stdout, status } = run(
      shell,
      'printf %s "$COPPICE_PROMPT"; printf "|"; cat "$COPPICE_PROMPT_FILE"',
      hostile,
    )
    expect(stdout).toBe(`${hostile}|${hostile}`)
    expect(status).toBe(0)
    expect(existsSync(join(root, 'owned'))).toBe(false)
  })

  it('keeps its exit code, its quotes and a dash at its start', () => {
    expect(run(shell, `sh -c 'exit 7'`, 'x').status).toBe(7)
    // No shell has such a command, and none takes it for an option of its own.
    expect(run(shell, '-c', 'x').status).toBe(127)
  })

  it('reads a long prompt from its file alone', () => {
    const long = 'é'.repeat(100_000)
    expect(run(shell, 'printf %s "$COPPICE_PROMPT"', long).stdout).toBe('')
    expect(run(shell, 'cat "$COPPICE_PROMPT_FILE"', long).stdout).toBe(long)
  })

  it('can be the scripted agent, whose steps are the prompt', () => {
    const { stdout, status } = run(shell, `'${process.execPath}' '${fake}'`, 'print one\nprint two;;exit 3')
    expect(stdout).toBe('one\ntwo\n')
    expect(status).toBe(3)
  })
})
