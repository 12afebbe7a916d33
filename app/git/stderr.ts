// Turns what git wrote to stderr into a Failure: a table of small parsers, each of which knows one message of git's and
// carries a real sample of it. Messages are those of the C locale. What no parser knows becomes `git-failed` with git's last
// lines verbatim. It runs nothing and reads nothing.
import type { CoppiceFailure, FailureCode, FailureDetail } from '../model/failure.ts'
import { fail } from '../model/failure.ts'

type Writable = { -readonly [K in keyof FailureDetail]: FailureDetail[K] }
/** A key of a detail that takes text. */
type TextKey = keyof { [K in keyof FailureDetail as string extends FailureDetail[K] ? K : never]: true }

export interface StderrParser {
  readonly name: string
  readonly code: FailureCode
  /** True where the same command may work later unchanged. */
  readonly retryable?: boolean
  readonly pattern: RegExp
  /** Names the groups of the pattern; a fixed part of the detail goes in `also`. */
  readonly groups?: readonly TextKey[]
  readonly also?: FailureDetail
  /** As git 2.39.5 wrote it, unless said otherwise. */
  readonly sample: string
}

/** In order of precision: the first that matches wins, and no sample matches two (tested). */
export const stderrParsers: readonly StderrParser[] = [
  {
    name: 'not a repository',
    code: 'not-a-repository',
    pattern: /^fatal: not a git repository(?: \(or any [^)]*\))?(?:: ?'?(.*?)'?)?$/m,
    groups: ['path'],
    sample: 'fatal: not a git repository (or any of the parent directories): .git\n',
  },
  {
    name: 'dubious ownership',
    code: 'permission-denied',
    pattern: /^fatal: detected dubious ownership in repository at '(.*)'$/m,
    groups: ['path'],
    also: { reason: 'dubious-ownership' },
    sample:
      "fatal: detected dubious ownership in repository at '/srv/r'\nTo add an exception for this directory, call:\n\n\tgit config --global --add safe.directory /srv/r\n",
  },
  {
    name: 'needs a work tree',
    code: 'bare-repository',
    pattern: /^fatal: this operation must be run in a work tree$/m,
    sample: 'fatal: this operation must be run in a work tree\n',
  },
  {
    name: 'no commits yet',
    code: 'no-commits',
    pattern: /your current branch '(.*)' does not have any commits yet|Failed to resolve HEAD as a valid ref/,
    groups: ['branch'],
    sample: "fatal: your current branch 'main' does not have any commits yet\n",
  },
  {
    name: 'branch exists',
    code: 'branch-exists',
    pattern: /^fatal: a branch named '(.*)' already exists$/m,
    groups: ['branch'],
    sample: "Preparing worktree (new branch 'b1')\nfatal: a branch named 'b1' already exists\n",
  },
  {
    name: 'branch and folder of branches',
    code: 'branch-exists',
    pattern: /cannot lock ref '(?:refs\/heads\/)?(.*?)': '(?:refs\/heads\/)?(.*?)' exists; cannot create/,
    groups: ['branch', 'conflict'],
    sample:
      "Preparing worktree (new branch 'a/b')\nfatal: cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b'\n",
  },
  {
    name: 'branch checked out elsewhere',
    code: 'branch-checked-out',
    // 2.43 and newer say "already used by worktree at".
    pattern: /^fatal: '(.*)' is already (?:checked out|used by worktree) at '(.*)'$/m,
    groups: ['branch', 'path'],
    sample: "Preparing worktree (checking out 'b1')\nfatal: 'b1' is already checked out at '/tmp/w1'\n",
  },
  {
    name: 'branch cannot be deleted',
    code: 'branch-checked-out',
    pattern: /^error: Cannot delete branch '(.*)' (?:checked out|used by worktree) at '(.*)'$/m,
    groups: ['branch', 'path'],
    sample: "error: Cannot delete branch 'b1' checked out at '/tmp/w1'\n",
  },
  {
    name: 'path exists',
    code: 'worktree-exists',
    pattern: /^fatal: '(.*)' already exists$/m,
    groups: ['path'],
    sample: "Preparing worktree (new branch 'b2')\nfatal: '/tmp/w1' already exists\n",
  },
  {
    name: 'missing but registered',
    code: 'worktree-exists',
    pattern: /^fatal: '(.*)' is a missing but (?:already registered|locked) worktree;?$/m,
    groups: ['path'],
    also: { reason: 'registered' },
    sample:
      "fatal: '/tmp/w1' is a missing but already registered worktree;\nuse 'add -f' to override, or 'prune' or 'remove' to clear\n",
  },
  {
    name: 'not a working tree',
    code: 'worktree-missing',
    pattern: /^fatal: '(.*)' is not a working tree$/m,
    groups: ['path'],
    sample: "fatal: '/tmp/w9' is not a working tree\n",
  },
  {
    name: 'another repository at the path',
    code: 'not-ours',
    pattern: /^fatal: validation failed, cannot (?:remove|move) working tree: (.*)$/m,
    groups: ['reason'],
    sample:
      "fatal: validation failed, cannot remove working tree: '/tmp/w1' does not point back to '/tmp/r/.git/worktrees/w1'\n",
  },
  {
    name: 'worktree is locked',
    code: 'in-use',
    pattern: /^fatal: cannot (?:remove|move) a locked working tree(?:, lock reason: (.*))?;?$/m,
    groups: ['reason'],
    sample:
      "fatal: cannot remove a locked working tree, lock reason: busy\nuse 'remove -f -f' to override or unlock first\n",
  },
  {
    name: 'submodules inside',
    code: 'would-lose',
    pattern: /^fatal: working trees containing submodules cannot be moved or removed$/m,
    also: { reason: 'submodules' },
    sample: 'fatal: working trees containing submodules cannot be moved or removed\n',
  },
  {
    name: 'lock file exists',
    code: 'git-locked',
    retryable: true,
    pattern: /Unable to create '(.*\.lock)': File exists|could not lock config file (.*?): File exists/,
    groups: ['lock', 'config'],
    sample:
      "fatal: Unable to create '/tmp/r/.git/index.lock': File exists.\n\nAnother git process seems to be running in this repository\n",
  },
  {
    name: 'ref has moved',
    code: 'state-unknown',
    pattern: /cannot lock ref '(.*?)': is at ([0-9a-f]+) but expected ([0-9a-f]+)/,
    groups: ['ref', 'actual', 'expected'],
    also: { reason: 'ref-moved' },
    sample: "fatal: cannot lock ref 'refs/heads/x': is at 62dbb04a but expected 42947ba5\n",
  },
  {
    name: 'ref exists',
    code: 'state-unknown',
    pattern: /cannot lock ref '(.*?)': reference already exists/,
    groups: ['ref'],
    also: { reason: 'ref-exists' },
    sample: "fatal: cannot lock ref 'refs/heads/x': reference already exists\n",
  },
  {
    name: 'ref is gone',
    code: 'state-unknown',
    pattern: /cannot lock ref '(.*?)': unable to resolve reference/,
    groups: ['ref'],
    also: { reason: 'ref-gone' },
    sample: "fatal: cannot lock ref 'refs/heads/x': unable to resolve reference 'refs/heads/x'\n",
  },
  {
    name: 'half-written commondir',
    code: 'git-locked',
    retryable: true,
    pattern: /^fatal: failed to read (.*commondir): (.*)$/m,
    groups: ['lock', 'reason'],
    sample: 'fatal: failed to read .git/worktrees/w7/commondir: Success\n',
  },
  {
    name: 'objects came and went',
    code: 'git-locked',
    retryable: true,
    pattern: /did not send all necessary objects/,
    sample: 'error: /tmp/o.git did not send all necessary objects\n\n',
  },
  {
    name: 'base not found',
    code: 'base-not-found',
    pattern:
      /^fatal: (?:Needed a single revision|bad revision '(.*)'|invalid reference: (.*)|couldn't find remote ref (.*)|ambiguous argument '(.*)': unknown revision.*|invalid object name '?(.*?)'?\.?)$/m,
    groups: ['base', 'base', 'base', 'base', 'base'],
    sample: "fatal: couldn't find remote ref refs/heads/nope\n",
  },
  {
    name: 'branch name refused',
    code: 'branch-name-invalid',
    pattern: /^fatal: '(.*)' is not a valid branch name$/m,
    groups: ['branch'],
    sample: "fatal: '..' is not a valid branch name\n",
  },
  {
    name: 'index is corrupt',
    code: 'git-failed',
    pattern:
      /index file smaller than expected|bad (?:index file|signature) (?:sha1 signature|0x[0-9a-f]+)|index file corrupt/,
    also: { reason: 'index-corrupt' },
    sample: 'fatal: .git/index: index file smaller than expected\n',
  },
  {
    name: 'transport not allowed',
    code: 'remote-surprise',
    pattern: /^fatal: transport '(.*)' not allowed$/m,
    groups: ['transport'],
    sample: "fatal: transport 'ext' not allowed\n",
  },
  {
    name: 'credentials asked for',
    code: 'push-auth',
    pattern:
      /Authentication failed for '(.*)'|could not read (?:Username|Password) for '(.*)': |The requested URL returned error: 40[13]|Permission denied \([a-z,-]+\)|Host key verification failed/,
    groups: ['url', 'url'],
    sample: "fatal: could not read Username for 'https://git.example': terminal prompts disabled\n",
  },
  {
    name: 'remote cannot be reached',
    code: 'git-failed',
    retryable: true,
    pattern:
      /Could not resolve host(?:name)?[: ]|Failed to connect to |Connection (?:refused|timed out|reset by peer)|Network is unreachable|unable to connect to |No route to host/,
    also: { reason: 'remote-unreachable' },
    sample: "fatal: unable to access 'https://git.example/': Could not resolve host: git.example\n",
  },
  {
    name: 'no repository at the remote',
    code: 'git-failed',
    pattern: /^fatal: (?:'(.*)' does not appear to be a git repository|repository '(.*)' not found)$/m,
    groups: ['url', 'url'],
    also: { reason: 'remote-missing' },
    sample:
      "fatal: '/tmp/none.git' does not appear to be a git repository\nfatal: Could not read from remote repository.\n",
  },
  {
    name: 'disk is full',
    code: 'no-space',
    pattern: /No space left on device|Disk quota exceeded/,
    sample: 'error: unable to write file a.txt\nfatal: sha1 file write error: No space left on device\n',
  },
  {
    name: 'file system is read-only',
    code: 'read-only',
    pattern: /Read-only file system/,
    sample: "fatal: could not create directory '.git/worktrees': Read-only file system\n",
  },
  {
    name: 'disk error',
    code: 'disk-error',
    retryable: true,
    pattern: /Input\/output error/,
    sample: 'error: unable to write file a.txt: Input/output error\n',
  },
  {
    name: 'too many open files',
    code: 'too-many-files',
    retryable: true,
    pattern: /Too many open files/,
    sample: 'error: cannot fork() for reset: Too many open files\n',
  },
  {
    name: 'permission denied',
    code: 'permission-denied',
    pattern: /: Permission denied$|: Operation not permitted$/m,
    sample: "fatal: could not create leading directories of '/root/w/.git': Permission denied\n",
  },
  {
    name: 'directory is gone',
    code: 'repository-unavailable',
    pattern: /Unable to read current working directory|^fatal: cannot change to '(.*)': No such file or directory$/m,
    groups: ['path'],
    sample: 'fatal: Unable to read current working directory: No such file or directory\n',
  },
]

/** The failure that git's stderr tells of. `command` is the subcommand, `exit` its exit code or the signal that ended it. */
export function failureFromStderr(stderr: string, command: string, exit: number | string): CoppiceFailure {
  const message = lastLines(stderr) || `git ${command} ended with ${exit} and said nothing`
  for (const parser of stderrParsers) {
    const found = matchStderr(parser, stderr)
    if (found) return fail(parser.code, { ...found, message, command, exit }, { retryable: parser.retryable ?? false })
  }
  return fail('git-failed', { message, command, exit })
}

/** The detail that one parser reads, or null where the message is not its own. */
export function matchStderr(parser: StderrParser, stderr: string): FailureDetail | null {
  const match = parser.pattern.exec(stderr)
  if (!match) return null
  const detail: Writable = { ...parser.also }
  for (const [index, name] of (parser.groups ?? []).entries()) {
    const value = match[index + 1]
    if (value) detail[name] = value
  }
  return detail
}

/** The last lines that say something: at most 12, each cut at 400 characters; git's own hints left out. */
export function lastLines(stderr: string): string {
  return stderr
    .split(/\r?\n|\r/)
    .map((line) => line.trimEnd().slice(0, 400))
    .filter((line) => line !== '' && !line.startsWith('hint: '))
    .slice(-12)
    .join('\n')
}
