// The words for a run that could not be created, started, stopped or typed into.
import { shellWord } from '../../model/shell-word.ts'
import { exit, ownReason, run, type WordsOf } from './facts.ts'

type Code =
  | 'needs-approval'
  | 'filter-untrusted'
  | 'copy-failed'
  | 'setup-failed'
  | 'install-failed'
  | 'agent-not-found'
  | 'start-failed'
  | 'cancelled'
  | 'not-running'
  | 'already-running'
  | 'stop-failed'
  | 'session-lost'

export const runWords: WordsOf<Code> = {
  // create
  // The command is there in journals of older versions only, where a run failed by what it now waits for.
  'needs-approval': (d) => [
    `The run waits for your answer${d.text('command') ? `: ${d.text('command', 400)}` : ''}${d.text('file') ? ` (from ${d.text('file')})` : ''}. Nothing was run.`,
    d.text('command') ? 'Resume it to be asked again' : 'Read what it asks for, then allow or deny it',
  ],
  'filter-untrusted': (d) => [
    `The repository's own filter${d.text('filter') ? ` ${d.text('filter')}` : ''} changes ${d.number('count') ?? 'some'} of its files${d.text('file') ? ` (${d.text('file')})` : ''}, and it is off while the repository is not trusted. The agent's git would run it and see files as changed that nobody touched. Nothing was created.`,
    `Look at what it runs${d.text('command') ? ` (${d.text('command', 300)})` : ''}, trust the repository ("coppice trust ${shellWord(d.text('path') ?? '.')}"), then try again`,
  ],
  'copy-failed': (d) => [
    `${d.text('file') ?? 'A file that .worktreeinclude names'} could not be copied into the worktree${d.end} Nothing was created.`,
    'Fix .worktreeinclude or the file, then try again',
  ],
  'setup-failed': (d) => [
    `${d.text('command') ? 'Set-up failed' : `The set-up in ${d.text('file') ?? 'this repository'} could not be used`}${exit(d)}${ownReason(d)} The run's worktree and branch were removed.`,
    'Read its output, fix it and try again, or start the run without the set-up',
  ],
  'install-failed': (d) => [
    `Installing dependencies failed${exit(d)}${ownReason(d)} The run's worktree and branch were removed.`,
    d.text('install')
      ? `Install it with: ${d.text('install')}; or start the run without the install`
      : 'Read its output, fix it and try again, or start the run without the install',
  ],
  'agent-not-found': (d) => [
    // How to get it may stand in the message too; it is said once, as the next step.
    `${d.text('agent') ?? 'The agent'} was not found on this machine${d.text('install') ? d.end.replace(/ Install it: .*$/, '') : d.end} Nothing was created.`,
    d.text('install')
      ? `Install it with: ${d.text('install')}`
      : 'Install it so that it is on the PATH of your shell, or choose another agent',
  ],
  'start-failed': (d) => [
    `${d.text('command') ?? 'The program'} could not be started${d.end} ${d.undone ? 'What had been created for the run was removed.' : 'Its worktree and branch are kept.'}`,
    'Check that the command runs in a shell, then resume the run',
  ],
  cancelled: (d) =>
    d.text('remote') || d.text('reason') === 'stopped'
      ? [
          `It was cancelled${d.text('remote') ? `: the push to ${d.text('remote')} had not finished` : ''}${d.end} Nothing in the run was changed.`,
          'Try again when the run has stopped: doing it twice is safe',
        ]
      : ['Cancelled. What had been created for the run was removed.', 'Start it again whenever you like'],

  // sessions
  'not-running': (d) => {
    if (d.text('mode') === 'headless')
      return [
        `${run(d)} is headless and takes no input. Nothing was sent.`,
        'Resume it with a follow-up prompt when it ends, or stop it first',
      ]
    if (d.text('phase') === 'queued' || d.text('phase') === 'preparing')
      return [
        `${run(d)} has no live terminal yet: it is ${d.text('phase')}. Nothing was sent or changed.`,
        'Wait until it has started, or stop it, which cancels it',
      ]
    return [
      `${run(d)} has no live terminal${d.text('phase') ? `: it is ${d.text('phase')}` : ''}. Nothing was sent or changed.`,
      'Resume the run first',
    ]
  },
  'already-running': (d) => [`${run(d)} is already running. Nothing was changed.`, 'Type into it, or stop it first'],
  'stop-failed': (d) => [
    `${d.number('count') ?? 'Some'} of the run's processes did not end${d.list('names') || d.list('pids') ? `: ${d.list('names') || d.list('pids')}` : ''}${d.end} They are still running.`,
    'Stop it again, or end those processes by hand',
  ],
  'session-lost': (d) => [
    `The terminal of ${d.text('id') ?? 'this run'} was lost${d.end} Its output, worktree and commits are kept.`,
    'Resume the run',
  ],
}
