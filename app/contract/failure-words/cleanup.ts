// The words of a removal, a restore or a purge that was refused.
import { at, type Facts, type WordsOf } from './facts.ts'

type Code =
  | 'consent-needed'
  | 'consent-stale'
  | 'would-lose'
  | 'in-use'
  | 'no-trash'
  | 'trash-missing'
  | 'restore-conflict'
  | 'not-ours'

export const cleanupWords: WordsOf<Code> = {
  'consent-needed': (d) => [
    `Not removed: it holds what exists only here${counts(d)} Nothing was changed.`,
    'Read what would go, then agree to exactly that, or publish it first',
  ],
  'consent-stale': (d) => [
    `Not done: it is no longer what you agreed to${counts(d)} Nothing was changed.`,
    'Look again, then agree to what there is now',
  ],
  'would-lose': (d) => [
    `Not done: work would be lost${d.text('reason') ? ` (${d.text('reason')})` : ''}${counts(d)} Nothing was changed.`,
    'Commit, push or copy it away first',
  ],
  'in-use': (d) => [
    `${d.text('what') ?? d.text('path') ?? 'It'} is in use${d.number('count') === null ? '' : ` by ${d.number('count')}`}${d.list('names') ? `: ${d.list('names')}` : ''}${d.text('reason') ? ` (${d.text('reason')})` : ''}${d.end} Nothing was changed.`,
    d.text('suggestion') ?? 'Stop what uses it first, then try again',
  ],
  'no-trash': (d) => [
    `Not removed: no trash can be had on the file system${d.text('path') ? ` of ${d.text('path')}` : ''}${d.end} Nothing was changed.`,
    d.text('suggestion') ?? 'Make the folder above it writable, or choose another folder for worktrees in the settings',
  ],
  'trash-missing': (d) => [
    `What was kept in the trash${at(d)} is not there any more${d.end} Nothing was changed.`,
    'Bring that folder back (mount its disk), or restore the branch alone from its kept commits',
  ],
  'restore-conflict': (d) => [
    `Not restored: ${d.text('path') ?? (d.text('branch') ? `branch ${d.text('branch')}` : 'its place')} is taken${d.end} It stays in the trash.`,
    d.text('suggestion') ? `Use ${d.text('suggestion')}` : 'Move away what is there, then restore again',
  ],
  'not-ours': (d) => [
    `${d.text('path') ?? 'That'} was not made by Coppice and was left alone${d.text('reason') ? ` (${d.text('reason')})` : ''}${d.end}`,
    'Remove it by hand if you want it gone',
  ],
}

function counts(d: Pick<Facts<'would-lose'>, 'list' | 'end'>): string {
  const facts = d.list('facts', '; ') || d.list('names', '; ')
  return facts ? `: ${facts}.` : d.end
}
