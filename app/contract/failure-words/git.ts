// The words for what a repository, or git itself, refuses.
import { shellWord } from '../../model/shell-word.ts'
import { at, exit, type WordsOf, within } from './facts.ts'

type Code =
  | 'not-a-repository'
  | 'bare-repository'
  | 'no-commits'
  | 'repository-unavailable'
  | 'base-not-found'
  | 'branch-name-invalid'
  | 'branch-exists'
  | 'branch-checked-out'
  | 'worktree-exists'
  | 'worktree-missing'
  | 'git-missing'
  | 'git-too-old'
  | 'git-failed'
  | 'git-locked'
  | 'git-timeout'
  | 'state-unknown'

export const gitWords: WordsOf<Code> = {
  // the repository
  'not-a-repository': (d) => [
    `${d.text('path') ?? 'That folder'} is not inside a git repository${d.end} Nothing was added.`,
    'Choose a folder inside a git repository, or create one there with "git init"',
  ],
  'bare-repository': (d) =>
    d.text('reason') === 'core.bare'
      ? [
          `Something has set core.bare to true in the configuration of ${d.text('path') ?? 'the repository'} (a hook that runs "git init" can do that), so git fails in its checkout. ${d.unchanged}`,
          `Run "git -C ${shellWord(d.text('path') ?? '.')} config core.bare false", then try again`,
        ]
      : [
          `${d.text('path') ?? 'That repository'} is bare, so it has no checkout. Nothing was added.`,
          'Choose a clone that has a checkout',
        ],
  'no-commits': (d) => [
    `${d.text('path') ?? 'The repository'} has no commits yet, so a run has nothing to start from. Nothing was created.`,
    'Make a first commit there, then try again',
  ],
  'repository-unavailable': (d) => [
    `The repository${at(d)} is not available${d.end} It stays in the list, and nothing was changed.`,
    'Mount its disk or move it back, then try again',
  ],
  'base-not-found': (d) => [
    `There is no ${d.text('base') ?? 'such base'} to start from${d.end} Nothing was created.`,
    d.text('suggestion') ? `Use ${d.text('suggestion')}` : 'Use a branch, tag or commit of this repository',
  ],
  'branch-name-invalid': (d) => [
    `${d.text('branch') ?? 'That'} cannot be the name of a new branch${d.end} Nothing was created.`,
    'Use another name, of letters, digits, "-", "_", "." and "/" only',
  ],
  'branch-exists': (d) => [
    `Branch ${d.text('branch') ?? 'of that name'} ${d.text('conflict') ? `conflicts with branch ${d.text('conflict')}` : 'already exists'}${d.text('message')?.startsWith('another run') ? `: ${d.text('message')}` : ''}. Nothing was created.`,
    d.text('suggestion') ? `Use ${d.text('suggestion')}` : 'Choose another branch name',
  ],
  'branch-checked-out': (d) => [
    `Branch ${d.text('branch') ?? 'of that name'} is already checked out${at(d)}; git allows one checkout of a branch at a time. Nothing was changed.`,
    'Use another branch, or switch that checkout to another one',
  ],
  'worktree-exists': (d) =>
    d.text('reason') === 'in-the-way'
      ? [
          `${d.text('path') ?? 'What stands where the worktree was'} is there, but it is not the run's worktree: it has no .git. It was not touched.`,
          'Move what is there to another place, then try again',
        ]
      : [
          `${d.text('path') ?? 'The folder for the worktree'} already exists and was not touched. Nothing was created.`,
          'Choose another name for the run, or move that folder',
        ],
  'worktree-missing': (d) => [
    `The worktree${at(d)} is not there${d.end} Its branch${d.text('branch') ? ` ${d.text('branch')}` : ''} and commits are kept.`,
    'Resume the run to create the worktree again, or put the folder back',
  ],

  // git itself
  'git-missing': (d) => [
    `git was not found on this machine${d.end} ${d.unchanged}`,
    'Install git 2.38 or newer, then try again',
  ],
  'git-too-old': (d) => [
    `git is ${d.text('version') ?? 'too old'}; ${d.text('needed') ?? '2.38'} or newer is needed. ${d.unchanged}`,
    'Install a newer git, then try again',
  ],
  'git-failed': (d) => [
    `git${d.text('command') ? ` ${d.text('command')}` : ''} failed${exit(d)}${d.end} ${d.unchanged}`,
    d.text('reason') === 'remote-unreachable'
      ? 'Check the network, then try again'
      : d.text('reason') === 'remote-missing'
        ? 'Check the address of the remote with "git remote -v"'
        : 'Read what git says, fix it, then try again',
  ],
  'git-locked': (d) => [
    `Another git process is using the repository: ${d.text('lock') ?? d.text('config') ?? 'its lock'} is held. ${d.unchanged}`,
    'Wait until it ends, then try again; if none is running, see "coppice doctor"',
  ],
  'git-timeout': (d) => [
    `git${d.text('command') ? ` ${d.text('command')}` : ''} did not finish${within(d)} and was stopped. ${d.unchanged}`,
    'Check the disk and the network, then try again',
  ],
  'state-unknown': (d) => [
    `Not ${d.text('what') ?? 'done'}: ${d.list('names', '; ') || `the state${d.text('ref') ? ` of ${d.text('ref')}` : ''} could not be checked`}${exit(d)}${d.end} Nothing was changed.`,
    'Open a shell there and check, or try again',
  ],
}
