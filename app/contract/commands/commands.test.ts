import { describe, expect, it } from 'vitest'
import { defaultSettings, Settings, SettingsChange } from '../../model/settings.ts'
import { commandNames, commands, keepsItsReply, onlyReads } from './index.ts'

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

describe('the verb list', () => {
  // Both are written out, so that a new verb asks the one who adds it which of the two it is.
  const reading = [
    'host.status',
    'host.doctor',
    'repository.details',
    'repository.branch-name',
    'directory.list',
    'agent.list',
    'agent.preview',
    'prompt.recent',
    'prompt.read',
    'approval.list',
    'comment.list',
    'review.changes',
    'review.patch',
    'review.image',
    'review.commits',
    'approval.preview',
    'run.logs',
    'run.preview-removal',
    'trash.list',
    'journal.read',
  ]
  const anew = ['host.stop', 'host.serve', 'host.focus']
  const changing = [
    'settings.change',
    'repository.add',
    'repository.forget',
    'repository.trust',
    'repository.fetch',
    'demo.start',
    'prompt.forget',
    'run.create',
    'run.cancel',
    'run.start-now',
    'approval.decide',
    'run.stop',
    'session.open',
    'session.close',
    'run.resume',
    'run.send',
    'run.rename',
    'run.measure',
    'run.mark-reviewed',
    'review.mark',
    'review.seen',
    'comment.add',
    'comment.edit',
    'comment.drop',
    'comment.send',
    'run.commit',
    'run.push',
    'run.pull-request',
    'run.remove',
    'run.restore',
    'run.keep',
    'run.purge',
    'journal.export',
  ]

  it('says which verbs only read', () => expect(commandNames.filter(onlyReads).sort()).toEqual(reading.sort()))

  it('says which answers are kept for a retry', () =>
    expect(commandNames.filter(keepsItsReply).sort()).toEqual(changing.sort()))

  it('has no verb of which neither was said', () =>
    expect([...reading, ...anew, ...changing].sort()).toEqual([...commandNames].sort()))
})
