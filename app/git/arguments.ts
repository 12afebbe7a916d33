// The one place where a git command line is put together. It promises that git never guesses what a word is: options come first,
// then the revisions behind --end-of-options, then the paths behind "--". A file called HEAD or like a branch changes nothing
// then, and a name that begins with "-" is never an option. A caller that puts a word among the options is a bug, and throws.

/** What follows the options of a command. Each kind is only taken by commands that know it. */
export interface Words {
  /** Revisions, ranges ("a..b") and exclusions ("^a"). */
  readonly revisions?: readonly string[]
  readonly paths?: readonly string[]
  /** Any other words: a remote and its refspecs, ref patterns, the name and value of a setting. */
  readonly operands?: readonly string[]
}

// How a command ends its words (all of them tried with 2.39; the test runs each).
const shapes: Readonly<Record<string, 'revisions and paths' | 'one revision' | 'paths' | 'operands' | 'plain'>> = {
  'rev-list': 'revisions and paths',
  log: 'revisions and paths',
  diff: 'revisions and paths',
  'diff-index': 'revisions and paths',
  'ls-tree': 'operands',
  'rev-parse': 'one revision',
  status: 'paths',
  reset: 'paths',
  'ls-files': 'paths',
  'hash-object': 'paths',
  'update-index': 'paths',
  add: 'paths',
  commit: 'paths',
  'cat-file': 'operands',
  config: 'operands',
  fetch: 'operands',
  'for-each-ref': 'operands',
  push: 'operands',
  'merge-base': 'operands',
  'symbolic-ref': 'operands',
  worktree: 'operands',
  // These know no end of options, and read what else they need from stdin.
  'check-attr': 'plain',
  'check-ref-format': 'plain',
  init: 'plain',
  mktree: 'plain',
  'update-ref': 'plain',
  version: 'plain',
}

/** What worktree does is a word of its own, before the options. */
const verbs = new Set(['add', 'list', 'lock', 'repair', 'unlock'])

/** The whole command line. `extra` are options that go right behind the subcommand. Throws (a bug) for a word among the options. */
export function commandLine(args: readonly string[], words: Words, extra: readonly string[] = []): string[] {
  const [subcommand = '', ...rest] = args
  const shape = shapes[subcommand]
  if (shape === undefined) throw new Error(`git ${subcommand}: say in arguments.ts how its words end`)
  const verb = subcommand === 'worktree' ? rest.splice(0, 1) : []
  if (!verb.every((word) => verbs.has(word))) throw new Error(`git worktree ${verb[0]} is not known here`)
  for (const option of rest) {
    // "--" as well: what it ends is written here and nowhere else.
    if (!option.startsWith('-') || option === '--' || option === '--end-of-options')
      throw new Error(`git ${subcommand}: "${option}" is not an option; name it as a revision, a path or an operand`)
  }
  const { revisions = [], paths = [], operands = [] } = words
  const refuse = (kind: string, given: readonly string[]) => {
    if (given.length > 0) throw new Error(`git ${subcommand} takes no ${kind} here`)
  }
  const front = [subcommand, ...verb, ...extra, ...rest]
  switch (shape) {
    case 'revisions and paths':
      refuse('operands', operands)
      return [...front, '--end-of-options', ...revisions, '--', ...paths]
    case 'one revision':
      refuse('operands', operands)
      refuse('paths', paths)
      // Without --verify rev-parse would print the marker.
      if (revisions.length > 0 && (revisions.length > 1 || !rest.includes('--verify')))
        throw new Error('git rev-parse takes one revision, and --verify with it')
      return revisions.length === 0 ? front : [...front, '--end-of-options', ...revisions]
    case 'paths':
      refuse('operands', operands)
      refuse('revisions', revisions)
      // What reads its paths from stdin wants nothing behind it.
      if (rest.at(-1) === '--index-info') {
        refuse('paths', paths)
        return front
      }
      return [...front, '--', ...paths]
    case 'operands':
      refuse('revisions', revisions)
      refuse('paths', paths)
      return [...front, '--', ...operands]
    case 'plain':
      refuse('revisions', revisions)
      refuse('paths', paths)
      if (operands.some((word) => word.startsWith('-')))
        throw new Error(`git ${subcommand}: "${operands}" is no operand`)
      return [...front, ...operands]
  }
}
