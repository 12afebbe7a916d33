// The words for what the machine, the host, the keeper or the journal could not do.
import { at, type WordsOf, within } from './facts.ts'

type Code =
  | 'permission-denied'
  | 'no-space'
  | 'low-disk'
  | 'read-only'
  | 'disk-error'
  | 'too-many-files'
  | 'unsupported'
  | 'host-unreachable'
  | 'host-starting'
  | 'keeper-unreachable'
  | 'protocol-mismatch'
  | 'connection-lost'
  | 'database-corrupt'
  | 'database-newer'
  | 'too-large'
  | 'timeout'
  | 'internal'
  | 'unknown'

/** "5,000 bytes". */
const toTheByte = (count: number | null): string => `${(count ?? 0).toLocaleString('en-US')} bytes`

export const machineWords: WordsOf<Code> = {
  // the machine
  'permission-denied': (d) => [
    `Permission denied${d.text('path') ? `: ${d.text('path')}` : ''}${d.end} ${d.unchanged}`,
    d.text('reason') === 'dubious-ownership'
      ? `The folder belongs to another user; if you trust it: git config --global --add safe.directory ${d.text('path') ?? 'PATH'}`
      : 'Give yourself access to it, then try again',
  ],
  'no-space': (d) => [
    `The disk is full${d.text('path') ? ` at ${d.text('path')}` : ''}${free(d)}${d.end} Unfinished changes were undone; agents keep running.`,
    'Remove finished runs or empty the trash, then try again',
  ],
  'low-disk': (d) => [
    `The disk is almost full${free(d)}${d.number('neededBytes') === null ? '' : `; ${d.size('neededBytes')} are kept free`}. New runs wait; you can still remove runs.`,
    'Remove finished runs or empty the trash',
  ],
  'read-only': (d) => [
    `The file system${d.text('path') ? ` of ${d.text('path')}` : ''} is read-only${d.end} ${d.unchanged}`,
    'Mount it writable, then try again',
  ],
  'disk-error': (d) => [
    `The disk reported an error${d.text('path') ? ` at ${d.text('path')}` : ''}${d.end} Unfinished changes were undone; agents keep running.`,
    'Check the system log and the health of the disk, then try again',
  ],
  'too-many-files': (d) => [
    `Too many files are open${d.end} Nothing was started; agents keep running.`,
    'Stop some runs, or raise the limit ("ulimit -n"), then try again',
  ],
  unsupported: (d) => [`This is not possible here${d.end} ${d.unchanged}`, 'See the user guide for what is supported'],

  // host and store
  'host-unreachable': (d) => [
    `The Coppice host is not available${d.end} Agents keep running.`,
    d.text('log') ? `Read its log at ${d.text('log')}, or run "coppice doctor"` : 'Run "coppice doctor" to see why',
  ],
  'host-starting': () => ['The host is still starting. Nothing was changed.', 'Try again in a few seconds'],
  'keeper-unreachable': (d) => [
    `The process that holds the terminals (the keeper) is not available${d.end} Nothing was started; ${d.undone ? 'what had been created for the run was removed' : 'worktrees and branches are kept'}.`,
    d.text('reason') === 'protocol'
      ? 'Stop its agents with the version of Coppice that started it; it then ends, and the next start uses a newer one'
      : d.text('log')
        ? `Read its log at ${d.text('log')}, then try again`
        : 'Try again; if it happens again, run "coppice doctor"',
  ],
  'protocol-mismatch': (d) => [
    `This client and the host do not speak the same protocol${d.number('client') === null || d.number('host') === null ? d.end : `: the client${d.text('clientVersion') ? ` (Coppice ${d.text('clientVersion')})` : ''} speaks ${d.number('client')}, the host speaks ${d.number('host')}.`} Nothing was changed, and agents keep running.`,
    d.text('older') === 'client'
      ? "Use a client of the host's version, or update this one"
      : 'Run "coppice host stop --agents keep", then try again: the next start uses the newer host, and agents keep running',
  ],
  'connection-lost': (d) => [
    `The connection to the host was lost${d.end} Agents keep running.`,
    'Try again: the host is started if it is not running',
  ],
  'database-corrupt': (d) => [
    d.text('movedTo', 4096)
      ? `The journal${at(d)} is damaged${d.text('reason') ? ` (${d.text('reason')})` : ''}. It was kept as ${d.text('movedTo', 4096)}. Nothing was deleted: worktrees and branches are unchanged.`
      : `The journal${at(d)} is damaged${d.end} Nothing was deleted.`,
    d.text('movedTo')
      ? 'Start Coppice again to begin with an empty journal, or put a backup in its place first'
      : 'Move that file away yourself, then start again',
  ],
  'database-newer': (d) => [
    `The journal${at(d)} was written by a newer Coppice${d.number('found') === null ? '' : ` (its format is ${d.number('found')}${d.number('known') === null ? '' : `, this one knows ${d.number('known')}`})`}. It was not changed.`,
    'Use the newer Coppice, or set COPPICE_HOME to another data directory',
  ],
  'too-large': (d) => [
    d.text('what') === 'line'
      ? `A line of ${toTheByte(d.number('bytes'))} would be cut off: the program reads whole lines, and its terminal takes ${toTheByte(d.number('limit'))} at most. Nothing was sent.`
      : `${d.size('bytes') === null ? 'That is too much' : `${d.size('bytes')} is too much`} at once${(d.size('limit') ?? d.size('max')) === null ? '' : `; the limit is ${d.size('limit') ?? d.size('max')}`}${d.end} Nothing was changed.`,
    d.text('what') === 'line'
      ? 'Break the text into shorter lines, or put it in a file in the worktree and send the name of that file'
      : 'Make it smaller, then try again',
  ],
  timeout: (d) => [
    `${d.text('what') ?? 'It'} took too long${within(d)}${d.end} It may still be running.`,
    'Check the list in a moment, then try again',
  ],
  internal: (d) => [
    `Something went wrong inside Coppice${d.end} Agents keep running.`,
    'Try again; if it happens again, report it with the output of "coppice doctor"',
  ],
  unknown: (d) => [
    `This failed for a reason this version of Coppice does not know${d.text('code') ? ` (${d.text('code')})` : ''}${d.end} It may have been partly done.`,
    'Check the list of runs; a newer version of this client can say more',
  ],
}

type Free = { readonly number: (key: 'freeBytes') => number | null; readonly size: (key: 'freeBytes') => string | null }
const free = (d: Free): string => (d.number('freeBytes') === null ? '' : ` (${d.size('freeBytes')} free)`)
