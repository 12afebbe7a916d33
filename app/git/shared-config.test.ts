import { describe, expect, it } from 'vitest'
import { changeText, putBackCommand, settingChanges } from './shared-config.ts'

describe('shared settings', () => {
  const changes = settingChanges(
    { 'core.bare': 'false', 'user.name': 'Ada', 'core.hookspath': "it's here" },
    { 'core.bare': 'true', 'user.name': 'Ada', 'core.worktree': '/x' },
  )

  it('names what was changed, taken away and added, and nothing else', () => {
    expect(changes.map(changeText)).toEqual([
      'core.bare is now "true" (it was "false")',
      'core.hookspath is no longer set (it was "it\'s here")',
      'core.worktree is now "/x" (it was not set)',
    ])
    expect(settingChanges({ constructor: 'x' }, {})).toEqual([{ key: 'constructor', from: 'x', to: null }])
    expect(settingChanges({}, {})).toEqual([])
  })

  it('gives one command that puts all of it back', () => {
    expect(putBackCommand('/a b', changes)).toBe(
      "git -C '/a b' config --replace-all core.bare false && " +
        "git -C '/a b' config --replace-all core.hookspath 'it'\\''s here' && " +
        "git -C '/a b' config --unset-all core.worktree",
    )
  })
})
