import { describe, expect, it } from 'vitest'
import { defaultSettings, Settings, SettingsChange } from '../model/settings.ts'
import { commands } from './commands.ts'

describe('a change of settings', () => {
  it.each(Object.entries(defaultSettings))('of %s names nothing else', (name, value) => {
    const change = { [name]: value }
    expect(SettingsChange.parse(change)).toEqual(change)
    expect(commands['settings.change'].input.parse({ change })).toEqual({ change })
  })

  it('knows every setting, and of none more than that setting takes', () => {
    expect(Object.keys(SettingsChange.shape)).toEqual(Object.keys(Settings.shape))
    for (const change of [
      { maxRunning: 0 },
      { theme: 'pink' },
      { keepTrashDays: 1 },
      { onQuit: null },
      { worktreeRoot: 'here' },
    ]) {
      expect(SettingsChange.safeParse(change).success).toBe(false)
    }
  })
})
