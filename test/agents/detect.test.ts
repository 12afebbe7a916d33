// Detection against small programs of our own: what is asked, how often, and what is said when a program is broken.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { detectAgents, type FoundAgent } from '../../app/agents/detect.ts'
import type { AgentName } from '../../app/model/run.ts'

let root = ''
let environment: Record<string, string> = {}
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'coppice-detect-'))
  mkdirSync(join(root, 'bin'))
  environment = { PATH: `${join(root, 'bin')}:/usr/bin:/bin`, HOME: root, SHELL: '/bin/sh' }
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function program(path: string, script: string) {
  writeFileSync(join(root, path), `#!/bin/sh\n${script}\n`)
  chmodSync(join(root, path), 0o755)
}
const detect = async (name: AgentName, options?: { refresh: boolean }): Promise<FoundAgent> =>
  (await detectAgents(environment, options)).find((agent) => agent.name === name)!
const asked = () => (existsSync(join(root, 'asked')) ? readFileSync(join(root, 'asked'), 'utf8').length : 0)

describe('detection', () => {
  it('asks once for each program as it lies on disk, and again when it changed or is told to', async () => {
    program('claude-1', `printf x >> ${root}/asked; echo '1.0.0 (Claude Code)'`)
    symlinkSync('../claude-1', join(root, 'bin/claude'))
    const found = await Promise.all([detect('claude'), detect('claude')])
    expect(found.map((agent) => agent.version)).toEqual(['1.0.0', '1.0.0'])
    await detect('claude')
    expect(asked()).toBe(1)
    await detect('claude', { refresh: true })
    expect(asked()).toBe(2)
    // An update in place: the link stays, what it leads to is another file.
    program('claude-1', `printf x >> ${root}/asked; echo '1.0.1 (Claude Code), now longer'`)
    expect((await detect('claude')).version).toBe('1.0.1')
    expect(asked()).toBe(3)
  })

  it('says what is wrong with a program that fails, and offers it all the same', async () => {
    program('bin/codex', 'echo "Error: no such module" >&2; exit 1')
    expect(await detect('codex')).toMatchObject({
      found: join(root, 'bin/codex'),
      version: null,
      problem: `${join(root, 'bin/codex')} --version ended with 1: Error: no such module`,
    })
  })

  it('does not take a directory or a file that cannot be executed for a program', async () => {
    mkdirSync(join(root, 'bin/codex'))
    writeFileSync(join(root, 'bin/gemini'), '#!/bin/sh\n')
    expect((await detect('codex')).found).toBeNull()
    expect(await detect('gemini')).toMatchObject({
      found: null,
      problem: expect.stringContaining('Install it: npm install -g @google/gemini-cli'),
    })
  })

  it('always has the demo, a shell and any command line', async () => {
    const found = await detectAgents({ PATH: join(root, 'bin'), HOME: root, SHELL: '/bin/sh' })
    const usable = found.filter((agent) => agent.problem === null).map((agent) => [agent.name, agent.found])
    expect(usable).toEqual([
      ['shell', '/bin/sh'],
      ['command', '/bin/sh'],
      ['demo', process.execPath],
    ])
  })
})
