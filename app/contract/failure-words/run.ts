// The words of a run that could not be made, started, stopped or typed into.
import { shellWord } from '../../model/shell-word.ts'
import { exit, run, type WordsOf } from './facts.ts'

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
    `The run waits for an answer before it goes on${d.text('command') ? `: ${d.text('command', 400)}` : ''}${d.text('file') ? ` (from ${d.text('file')})` : ''}. Nothing was run.`,
    d.text('command') ? 'Resume it to be asked again' : 'Read what it asks, then allow or deny it',
  ],
  'filter-untrusted': (d) => [
    `The repository's own filter${d.text('filter') ? ` ${d.text('filter')}` : ''} changes ${d.number('count') ?? 'some'} of its files${d.text('file') ? ` (${d.text('file')})` : ''}, and it is off while the repository is not trusted. The agent's git would run it and see files as changed that nobody touched. Nothing was created.`,
    `Look at what it runs${d.text('command') ? ` (${d.text('command', 300)})` : ''}, trust the repository ("coppice trust ${shellWord(d.text('path') ?? '.')}"), then try again`,
  ],
  'copy-failed': (d) => [
    `${d.text('file') ?? 'A file that .worktreeinclude names'} could not be copied into the worktree${d.end} Nothing was created.`,
    'Correct .worktreeinclude or the file, then try again',
  ],
  'setup-failed': (d) => [
    `The set-up ${d.text('command') ? `command ${d.text('command')} failed` : `in ${d.text('file') ?? 'this repository'} could not be used`}${exit(d)}${d.end} What had been made for the run was taken back.`,
    'Read its output, correct it, then try again, or start the run without the set-up',
  ],
  'install-failed': (d) => [
    `Installing the dependencies failed${d.text('command') ? `: ${d.text('command')}` : ''}${exit(d)}${d.end} What had been made for the run was taken back.`,
    d.text('install')
      ? `Get it with: ${d.text('install')}; or start the run without the install`
      : 'Read its output, correct it, then try again, or start the run without the install',
  ],
  'agent-not-found': (d) => [
    // How to get it may stand in the message too; it is said once, as the next step.
    `${d.text('agent') ?? 'The agent'} was not found on this machine${d.text('install') ? d.end.replace(/ Get it: .*$/, '') : d.end} Nothing was created.`,
    d.text('install')
      ? `Get it with: ${d.text('install')}`
      : 'Install it so that your shell finds it, or choose another agent',
  ],
  'start-failed': (d) => [
    `${d.text('command') ?? 'The program'} could not be started${d.end} ${d.undone ? 'What had been made for the run was taken back.' : 'The worktree and its branch are kept.'}`,
    'Check that the command runs in a shell, then resume the run',
  ],
  cancelled: () => ['Cancelled. What had been made for the run was taken back.', 'Start it again when you want it'],

  // sessions
  'not-running': (d) => {
    if (d.text('mode') === 'headless')
      return [
        `${run(d)} is headless and takes no input. Nothing was sent.`,
        'Resume it with a follow-up prompt when it has ended, or stop it first',
      ]
    return [
      `${run(d)} has no live terminal${d.text('phase') ? `: it is ${d.text('phase')}` : ''}. Nothing was sent or changed.`,
      'Resume the run first',
    ]
  },
  'already-running': (d) => [`${run(d)} is running already. Nothing was changed.`, 'Type into it, or stop it first'],
  'stop-failed': (d) => [
    `${d.number('count') ?? 'Some'} of the run's processes did not end${d.list('names') || d.list('pids') ? `: ${d.list('names') || d.list('pids')}` : ''}${d.end} The run is still shown as live.`,
    'Stop it again, or end those processes by hand',
  ],
  'session-lost': (d) => [
    `The terminal of ${d.text('id') ?? 'this run'} was lost${d.end} Its scrollback, worktree and commits are kept.`,
    'Resume the run',
  ],
}
