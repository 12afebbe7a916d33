// The words for a removal, a restore or a permanent deletion that was refused.
import { at, type Facts, type WordsOf } from './facts.ts'

type Code =
  | 'consent-needed'
  | 'consent-stale'
  | 'changed-since'
  | 'would-lose'
  | 'in-use'
  | 'no-trash'
  | 'trash-missing'
  | 'partly-deleted'
  | 'restore-conflict'
  | 'not-ours'

export const cleanupWords: WordsOf<Code> = {
  'consent-needed': (d) => [
    `Not removed: some of it exists only here${counts(d)} Nothing was changed.`,
    'Read what would be removed and confirm it, or publish it first',
  ],
  'consent-stale': (d) => [
    `Not done: it has changed since you confirmed${counts(d)} Nothing was changed.`,
    'Look again, then confirm what is there now',
  ],
  'changed-since': (d) => [
    `${d.list('names') || 'Something of it'} has changed since it was shown${d.end} Nothing was marked, discarded or brought back.`,
    'Look at the changes as they are now, then try again',
  ],
  'would-lose': (d) => [
    `Not done: work would be lost${d.text('reason') ? ` (${d.text('reason')})` : ''}${counts(d)} Nothing was changed.`,
    'Commit it, push it or copy it elsewhere first',
  ],
  'in-use': (d) => [
    `${d.text('what') ?? d.text('path') ?? 'It'} is in use${d.number('count') === null ? '' : ` by ${d.number('count')}`}${d.list('names') ? `: ${d.list('names')}` : ''}${d.text('reason') ? ` (${d.text('reason')})` : ''}${d.end} Nothing was changed.`,
    d.text('suggestion') ?? 'Stop what uses it first, then try again',
  ],
  'no-trash': (d) => [
    `Not removed: the trash cannot be created on the file system${d.text('path') ? ` of ${d.text('path')}` : ''}${d.end} Nothing was changed.`,
    d.text('suggestion') ?? 'Make its parent folder writable, or choose another folder for worktrees in Settings',
  ],
  'partly-deleted': (d) =>
    d.text('what') === 'restore'
      ? [
          `Not restored: part of it was already deleted. What is left is in ${d.text('path') ?? 'the trash'}.`,
          'Copy what you need from there, then delete the rest',
        ]
      : [
          `${d.number('count') === 1 ? '1 file' : `${d.number('count') ?? 'Some'} files`} could not be deleted${d.list('names') ? `: ${d.list('names')}` : ''}${d.end} ${d.size('bytes') ?? 'An unknown amount'} was freed; what is left stays in the trash.`,
          'Make it deletable (its permissions, "chattr -i", or a program that uses it), then delete it again',
        ],
  'trash-missing': (d) => [
    `What was kept in the trash${at(d)} is no longer there${d.end} Nothing was changed.`,
    'Put that folder back (mount its disk), or restore only the branch from its saved commits',
  ],
  'restore-conflict': (d) => [
    `Not restored: ${d.text('path') ?? (d.text('branch') ? `branch ${d.text('branch')}` : 'its place')} is in use${d.end} It stays in the trash.`,
    d.text('suggestion') ? `Use ${d.text('suggestion')}` : 'Move what is there out of the way, then restore again',
  ],
  'not-ours': (d) => [
    `${d.text('path') ?? 'That'} was not made by Coppice and was not touched${d.text('reason') ? ` (${d.text('reason')})` : ''}${d.end}`,
    'Remove it by hand if you want it gone',
  ],
}

function counts(d: Pick<Facts<'would-lose'>, 'list' | 'end'>): string {
  const facts = d.list('facts', '; ') || d.list('names', '; ')
  return facts ? `: ${facts}.` : d.end
}
