// The words of every failure, one entry a code: the table behind sentences' `sentenceOf`. It promises that each code has both
// a message and a next step whatever its detail holds, and it must not know where the words are shown.
import type { FailureCode } from '../model/failure.ts'

// The contract with those who throw: the keys of `detail` that are read, by code. Every key may be absent.
//   any code: message (git's or the system's own words; several lines are joined), undone (a create's: true or false)
//   bad-input: field · not-found: what ("run"), id · id-taken: id, suggestion · prompt-too-long, too-large: bytes, max or limit
//   wrong-phase: id, phase, wanted · not-running: id, phase, mode · already-running, session-lost: id · stop-failed: count, names or pids
//   not-a-repository, bare-repository, no-commits, repository-unavailable, worktree-exists, trash-missing, read-only: path
//   base-not-found: base, suggestion · branch-name-invalid: branch · branch-exists: branch, suggestion, conflict
//   branch-checked-out, worktree-missing: branch, path · restore-conflict: path, branch, suggestion · not-ours: path, reason
//   git-too-old: version, needed · git-failed: command, exit, reason · git-timeout: command, seconds · git-locked: lock or config
//   state-unknown: what ("removed": what was not done), names, ref, exit · permission-denied: path, reason
//   needs-approval: command, file · copy-failed: file · setup-failed: command, file, exit · install-failed: command, exit, install
//   agent-not-found: agent, install · start-failed: command · no-remote: remote, repository · nothing-to-push: branch
//   remote-surprise: remote, actual or url, expected, transport, reason · push-refused: remote, branch · push-auth: remote or url
//   push-timeout: remote, seconds · pr-failed: url, reason · no-trash: path, suggestion · in-use: what or path, count, names, reason, suggestion
//   consent-needed, consent-stale, would-lose: names (of what would go), reason; consent is for the client to send back
//   no-space: path, freeBytes · low-disk: freeBytes, neededBytes · host-unreachable, keeper-unreachable: log
//   protocol-mismatch: client, host (numbers), clientVersion, older ("client" or "host") · timeout: what, seconds
//   database-corrupt: path, movedTo (where the file is now) · database-newer: path, found (its format), known

/** A failure's detail, made safe to show: what the words below are put together from. */
export interface Facts {
  /** The detail as one line of plain text, or null where it is absent or empty. */
  text(key: string, max?: number): string | null
  number(key: string): number | null
  /** The number as a size: "1.2 GB". */
  size(key: string): string | null
  list(key: string, between?: string): string
  /** ": <message>." or ".", to end a sentence with the system's own words. */
  readonly end: string
  /** True where a create failed and all that it had made has been taken back. */
  readonly undone: boolean
  /** "Nothing was created." while a run is being made, else "Nothing was changed." */
  readonly unchanged: string
}

export type Words = (d: Facts) => readonly [message: string, next: string]

/** What happened and what did not change, and what to do now, for every code. */
export const failureWords: Readonly<Record<FailureCode, Words>> = {
  // the caller's input
  'bad-input': (d) => [
    `${d.text('field') ? `The ${asWords(d.text('field')!)}` : 'That'} cannot be used${d.end} ${d.unchanged}`,
    'Correct it and try again',
  ],
  'not-found': (d) => [
    `There is no ${d.text('what') ?? 'run'}${d.text('id') ? ` called ${d.text('id')}` : ' like that'} here${d.end} Nothing was changed.`,
    'Look at the list for the names that there are',
  ],
  'id-taken': (d) => [
    `A run called ${d.text('id') ?? 'that'} exists already. Nothing was created.`,
    d.text('suggestion') ? `Use ${d.text('suggestion')}` : 'Choose another name',
  ],
  'prompt-too-long': (d) => [
    `The prompt is ${d.number('bytes') === null ? 'too long' : `${d.size('bytes')} long`}; at most ${d.size('limit') ?? d.size('max') ?? '1.0 MB'} can be handed over. Nothing was created.`,
    'Put the text into a file of the repository and name the file in the prompt',
  ],
  'wrong-phase': (d) => [
    `${run(d)} is ${d.text('phase') ?? 'in another phase'}${d.text('wanted') ? `, and this needs it ${d.text('wanted')}` : ''}${d.end} Nothing was changed.`,
    wayFrom(d.text('phase'), d.text('wanted')),
  ],
  unauthorised: (d) => [
    `This client may not connect: its token is missing, wrong or used up${d.end} Nothing was changed.`,
    'Run "coppice serve" and open the address that it prints',
  ],

  // the repository
  'not-a-repository': (d) => [
    `${d.text('path') ?? 'That folder'} is not inside a git repository${d.end} Nothing was added.`,
    'Choose a folder that holds a git repository, or make one there with "git init"',
  ],
  'bare-repository': (d) => [
    `${d.text('path') ?? 'That repository'} is bare: it has no checkout to work beside. Nothing was added.`,
    'Choose a clone of it that has a checkout',
  ],
  'no-commits': (d) => [
    `${d.text('path') ?? 'The repository'} has no commits yet, so there is nothing to start from. Nothing was created.`,
    'Make a first commit there, then try again',
  ],
  'repository-unavailable': (d) => [
    `The repository${at(d)} cannot be reached now${d.end} It stays in the list, and nothing was changed.`,
    'Bring it back (mount its disk, undo the move), then try again',
  ],
  'base-not-found': (d) => [
    `There is no ${d.text('base') ?? 'such base'} to start from${d.end} Nothing was created.`,
    d.text('suggestion') ? `Use ${d.text('suggestion')}` : 'Use a branch, tag or commit that the repository has',
  ],
  'branch-name-invalid': (d) => [
    `git does not take ${d.text('branch') ?? 'that'} as a branch name${d.end} Nothing was created.`,
    'Use letters, digits, "-", "_", "." and "/" only',
  ],
  'branch-exists': (d) => [
    `Branch ${d.text('branch') ?? 'of that name'} ${d.text('conflict') ? `cannot stand beside branch ${d.text('conflict')}` : 'exists already'}${d.text('message')?.startsWith('another run') ? `: ${d.text('message')}` : ''}. Nothing was created.`,
    d.text('suggestion') ? `Use ${d.text('suggestion')}` : 'Choose another branch name',
  ],
  'branch-checked-out': (d) => [
    `Branch ${d.text('branch') ?? 'of that name'} is checked out${at(d)}, and git allows it in one place only. Nothing was changed.`,
    'Use another branch, or switch that checkout to another one',
  ],
  'worktree-exists': (d) => [
    `${d.text('path') ?? 'The folder for the worktree'} exists already and was left alone. Nothing was created.`,
    'Choose another name for the run, or move that folder away',
  ],
  'worktree-missing': (d) => [
    `The worktree${at(d)} is not there${d.end} Its branch${d.text('branch') ? ` ${d.text('branch')}` : ''} and commits are kept.`,
    'Resume the run to make the worktree again, or bring the folder back',
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
        : 'Read what git says, put that right, then try again',
  ],
  'git-locked': (d) => [
    `Another git process is at work in the repository: ${d.text('lock') ?? d.text('config') ?? 'its lock'} is held. ${d.unchanged}`,
    'Wait until it has ended, then try again; if none runs, look at "coppice doctor"',
  ],
  'git-timeout': (d) => [
    `git${d.text('command') ? ` ${d.text('command')}` : ''} did not end${within(d)} and was stopped. ${d.unchanged}`,
    'Check the disk and the network, then try again',
  ],
  'state-unknown': (d) => [
    `Not ${d.text('what') ?? 'done'}: ${d.list('names', '; ') || `how things stand${d.text('ref') ? ` with ${d.text('ref')}` : ''} could not be found out`}${exit(d)}${d.end} Nothing was changed.`,
    'Open a shell there and look, or try again',
  ],

  // create
  'needs-approval': (d) => [
    `This repository wants to run a set-up command first${d.text('command') ? `: ${d.text('command', 400)}` : ''}${d.text('file') ? ` (from ${d.text('file')})` : ''}. It was not run.`,
    'Read the command, then say whether to run or to skip it',
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

  // publish
  'no-remote': (d) => [
    `${d.text('remote') ? `There is no remote called ${d.text('remote')} to push to` : `${d.text('repository') ? `The repository ${d.text('repository')}` : 'The repository'} has no remote to push to`}${d.end} Nothing was pushed.`,
    'Add one with "git remote add origin ADDRESS", add the repository again, then push',
  ],
  'nothing-to-push': (d) => [
    `${d.text('branch') ? `Branch ${d.text('branch')}` : 'The branch'} has no commits of its own. Nothing was pushed.`,
    'Commit in the worktree first, or ask the agent to',
  ],
  'remote-surprise': (d) => [
    `${d.text('remote') ? `Remote ${d.text('remote')}` : 'The remote'}${leadsTo(d)}${d.end} Nothing was pushed.`,
    d.text('reason') === 'not-agreed'
      ? 'If that address is right, add the repository again, then push'
      : 'Look at pushurl and url.*.insteadOf in the git configuration, then try again',
  ],
  'push-refused': (d) => [
    `${d.text('remote') ?? 'The remote'} refused the push${d.text('branch') ? ` of ${d.text('branch')}` : ''}${d.end} The commits are safe here, and nothing was forced.`,
    'Read the reason, put that right, then push again',
  ],
  'push-auth': (d) => [
    `${d.text('remote') ?? d.text('url') ?? 'The remote'} asks for a login that git does not have${d.end} Nothing was pushed.`,
    'Log in once in a shell ("git push" there, or "gh auth login"), then push again',
  ],
  'push-timeout': (d) => [
    `${d.text('remote') ?? 'The remote'} did not answer${within(d)}, and the push was stopped. It is safe to push again.`,
    'Check the network, then push again',
  ],
  'pr-failed': (d) => [
    `The pull request could not be opened${d.end} The branch is pushed.`,
    d.text('reason') === 'no-forge'
      ? 'Merge the branch where that repository is, or push to a forge'
      : d.text('url')
        ? `Open it by hand: ${d.text('url', 1000)}`
        : 'Run "gh auth status" to see what is missing, then try again',
  ],

  // remove, restore, purge
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

  // the machine
  'permission-denied': (d) => [
    `Permission denied${d.text('path') ? `: ${d.text('path')}` : ''}${d.end} ${d.unchanged}`,
    d.text('reason') === 'dubious-ownership'
      ? `The folder belongs to another user; if you trust it: git config --global --add safe.directory ${d.text('path') ?? 'PATH'}`
      : 'Give yourself access to it, then try again',
  ],
  'no-space': (d) => [
    `The disk is full${d.text('path') ? ` at ${d.text('path')}` : ''}${free(d)}${d.end} What was begun was taken back; running agents go on.`,
    'Remove finished runs or empty the trash, then try again; removal still works',
  ],
  'low-disk': (d) => [
    `Little space is left${free(d)}${d.number('neededBytes') === null ? '' : `; ${d.size('neededBytes')} are kept free`}. New runs wait; removal still works.`,
    'Remove finished runs or empty the trash',
  ],
  'read-only': (d) => [
    `The file system${d.text('path') ? ` of ${d.text('path')}` : ''} is read-only${d.end} ${d.unchanged}`,
    'Mount it writable, then try again',
  ],
  'disk-error': (d) => [
    `The disk reported an error${d.text('path') ? ` at ${d.text('path')}` : ''}${d.end} What was begun was taken back; running agents go on.`,
    'Look at the system log and the health of the disk, then try again',
  ],
  'too-many-files': (d) => [
    `Too many files are open${d.end} Nothing was started; running agents go on.`,
    'Stop some runs, or raise the limit ("ulimit -n"), then try again',
  ],
  unsupported: (d) => [
    `This is not possible here${d.end} ${d.unchanged}`,
    'Read the user guide for what is supported where',
  ],

  // host and store
  'host-unreachable': (d) => [
    `The host of Coppice cannot be reached${d.end} Agents that run go on.`,
    d.text('log') ? `Read its log at ${d.text('log')}, or run "coppice doctor"` : 'Run "coppice doctor" to see why',
  ],
  'host-starting': () => ['The host is still starting. Nothing was changed.', 'Try again in a few seconds'],
  'keeper-unreachable': (d) => [
    `The process that holds the terminals (the keeper) cannot be reached${d.end} Nothing was started; ${d.undone ? 'what had been made for the run was taken back' : 'worktrees and branches are kept'}.`,
    d.text('reason') === 'protocol'
      ? 'Stop its agents with the Coppice that started it; it then ends by itself, and the next start brings a newer one'
      : d.text('log')
        ? `Read its log at ${d.text('log')}, then try again`
        : 'Try again; if it stays, run "coppice doctor"',
  ],
  'protocol-mismatch': (d) => [
    `This client and the host do not speak the same protocol${d.number('client') === null || d.number('host') === null ? d.end : `: the client${d.text('clientVersion') ? ` (Coppice ${d.text('clientVersion')})` : ''} speaks ${d.number('client')}, the host speaks ${d.number('host')}.`} Nothing was changed, and agents that run go on.`,
    d.text('older') === 'client'
      ? "Start the client of the host's version, or update this one"
      : 'Run "coppice host stop --agents keep", then try again: the next start uses the newer host, and agents go on',
  ],
  'connection-lost': (d) => [
    `The connection to the host was lost${d.end} The agents go on.`,
    'Try again: the host is started where none runs',
  ],
  'database-corrupt': (d) => [
    d.text('movedTo', 4096)
      ? `The journal${at(d)} is damaged${d.text('reason') ? ` (${d.text('reason')})` : ''}. It was kept as ${d.text('movedTo', 4096)}, and nothing was deleted: worktrees and branches stay where they are.`
      : `The journal${at(d)} is damaged${d.end} Nothing was deleted.`,
    d.text('movedTo')
      ? 'Start again to begin with an empty journal, or put a backup in its place first'
      : 'Move that file away yourself, then start again',
  ],
  'database-newer': (d) => [
    `The journal${at(d)} was written by a newer Coppice${d.number('found') === null ? '' : ` (its format is ${d.number('found')}${d.number('known') === null ? '' : `, this one knows ${d.number('known')}`})`}. It was left as it is.`,
    'Start the newer Coppice, or name another data directory in COPPICE_HOME',
  ],
  'too-large': (d) => [
    `${d.size('bytes') === null ? 'That is too much' : `${d.size('bytes')} is too much`} at once${(d.size('limit') ?? d.size('max')) === null ? '' : `; the limit is ${d.size('limit') ?? d.size('max')}`}${d.end} Nothing was changed.`,
    'Make it smaller, then try again',
  ],
  timeout: (d) => [
    `${d.text('what') ?? 'It'} took too long${within(d)}${d.end} It may still go on.`,
    'Look at the list in a moment, then try again',
  ],
  internal: (d) => [
    `Coppice made a mistake of its own${d.end} Running agents go on.`,
    'Try again; if it stays, report it with what "coppice doctor" says',
  ],
}

const run = (d: Facts): string => (d.text('id') ? `Run ${d.text('id')}` : 'The run')
const at = (d: Facts): string => (d.text('path') ? ` at ${d.text('path')}` : '')
const within = (d: Facts): string => (d.number('seconds') === null ? '' : ` within ${d.number('seconds')} s`)
const free = (d: Facts): string => (d.number('freeBytes') === null ? '' : ` (${d.size('freeBytes')} free)`)

function leadsTo(d: Facts): string {
  if (d.text('transport')) return ` asks for the transport ${d.text('transport')}, which is not allowed`
  const actual = d.text('actual') ?? d.text('url')
  if (!actual) return ' does not lead where it says'
  return ` leads to ${actual}${d.text('expected') ? `, not to ${d.text('expected')}` : ''}`
}

function wayFrom(phase: string | null, wanted: string | null): string {
  if (wanted === 'removed' && phase !== 'purged')
    return 'It is not in the trash: there is nothing to bring back or to free'
  switch (phase) {
    case 'running':
      return 'Stop it first, or wait until it has ended'
    case 'removed':
      return 'Restore it first'
    case 'purged':
      return 'It is gone for good: start a new run'
    case 'exited':
    case 'stopped':
    case 'failed':
    case 'cancelled':
    case 'interrupted':
      return 'Resume it first'
    default:
      return 'Wait until it is there'
  }
}

function exit(d: Facts): string {
  const code = d.text('exit')
  if (code === null) return ''
  return /^\d+$/.test(code) ? ` (exit ${code})` : ` (ended by ${code})`
}

function counts(d: Facts): string {
  const facts = d.list('facts', '; ') || d.list('names', '; ')
  return facts ? `: ${facts}.` : d.end
}

/** "commandLine" as a person says it: "command line"; of "change.worktreeRoot" the part that was meant. */
function asWords(field: string): string {
  const meant = field.split('.').findLast((part) => !/^\d*$/.test(part)) ?? field
  return meant.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
}
