// Settings without a window: read, changed and refused through the real program and a real host.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultSettings } from '../../app/model/settings.ts'
import { startHost, type TestHost } from '../harness/test-host.ts'

let host: TestHost
beforeAll(async () => {
  host = await startHost()
})
afterAll(() => host?.close())

const json = (...words: string[]) => JSON.parse(host.cli(['settings', ...words, '--json']).stdout)

describe('coppice settings', () => {
  it('lists every setting with its value and what it may be', () => {
    expect(json()).toEqual(defaultSettings)
    const { code, stdout } = host.cli(['settings'])
    expect(code).toBe(0)
    for (const name of Object.keys(defaultSettings)) expect(stdout).toContain(name)
    expect(stdout).toMatch(/^maxRunning +12 +a whole number from 1 to 200$/m)
  })

  it('changes one by name, for everyone at once, and writes down who did', async () => {
    expect(json('set', 'maxRunning', '20')).toEqual({ maxRunning: 20 })
    await host.until('the change', () => host.state().settings.maxRunning === 20)
    expect(host.cli(['settings', 'get', 'maxRunning']).stdout).toBe('20\n')
    expect(json('get', 'maxRunning')).toEqual({ maxRunning: 20 })
    expect(host.cli(['settings', 'set', 'keepTrashDays', '30']).stdout).toBe('keepTrashDays is now 30\n')
    expect(json()).toEqual({ ...defaultSettings, maxRunning: 20, keepTrashDays: 30 })
  })

  it('refuses what a setting cannot be, names what it can, and changes nothing', () => {
    const before = json()
    const refused = host.cli(['settings', 'set', 'onQuit', 'go', '--json'])
    expect(refused.code).toBe(2)
    expect(JSON.parse(refused.stdout).error).toMatchObject({
      code: 'bad-input',
      message: 'onQuit cannot be "go". Expected ask, keep or stop.',
    })
    const unknown = host.cli(['settings', 'set', 'maxRuning', '3'])
    expect(unknown.code).toBe(2)
    expect(unknown.stderr).toContain('There is no setting "maxRuning".')
    expect(unknown.stderr).toContain('maxRunningPerRepository')
    expect(json()).toEqual(before)
  })
})
