import { describe, expect, it } from 'vitest'
import { defaultSettings, SettingsChange } from '../../model/settings.ts'
import { CliError } from '../errors.ts'
import { valueIn, wantedFor } from './settings.ts'

type Name = keyof typeof SettingsChange.shape
const names = Object.keys(SettingsChange.shape) as Name[]

function refusal(name: Name, text: string): string {
  try {
    return `took ${JSON.stringify(valueIn(name, text))}`
  } catch (error) {
    return error instanceof CliError && error.usage ? error.ending.message : String(error)
  }
}

describe('a setting on the command line', () => {
  it.each(names)('%s has words for what it may be, and takes its own default', (name) => {
    expect(wantedFor(name)).not.toMatch(/undefined|NaN|a text$/)
    const value = defaultSettings[name]
    expect(valueIn(name, typeof value === 'string' ? value : JSON.stringify(value))).toEqual(value)
  })

  it('is read as what the setting holds', () => {
    expect(valueIn('maxRunning', '20')).toBe(20)
    expect(valueIn('keepRebuildableHours', '1.5')).toBe(1.5)
    // A text that looks like a number stays one.
    expect(valueIn('density', '4')).toBe('4')
    expect(valueIn('branchTemplate', '12')).toBe('12')
    expect(valueIn('worktreeRoot', 'null')).toBeNull()
    expect(valueIn('worktreeRoot', '/srv/trees')).toBe('/srv/trees')
    expect(valueIn('recentPaths', '[]')).toEqual([])
  })

  it('is refused with the values that it may have', () => {
    expect(refusal('maxRunning', '0')).toBe('maxRunning cannot be "0". Expected a whole number from 1 to 200.')
    expect(refusal('maxRunning', '3.5')).toContain('a whole number from 1 to 200')
    expect(refusal('keepTrashDays', 'a week')).toContain('a number from 7 to 365')
    expect(refusal('lowDiskBytes', '-1')).toContain('a whole number of at least 0')
    expect(refusal('onQuit', 'go')).toContain('ask, keep or stop')
    expect(refusal('worktreeRoot', 'here')).toContain('an absolute path')
    expect(refusal('maxRunning', '')).toContain('cannot be ""')
  })
})
