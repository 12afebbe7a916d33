// The words for a push or a pull request that failed.
import { counted } from '../../model/text/units.ts'
import { type Facts, type WordsOf, within } from './facts.ts'

type Code =
  | 'no-remote'
  | 'nothing-to-commit'
  | 'operation-in-progress'
  | 'already-pushed'
  | 'nothing-to-push'
  | 'head-elsewhere'
  | 'remote-surprise'
  | 'push-refused'
  | 'push-auth'
  | 'push-timeout'
  | 'pr-failed'

export const publishWords: WordsOf<Code> = {
  'no-remote': (d) => [
    `${d.text('remote') ? `There is no remote called ${d.text('remote')} to push to` : `${d.text('repository') ? `The repository ${d.text('repository')}` : 'The repository'} has no remote to push to`}${d.end} Nothing was pushed.`,
    'Add one with "git remote add origin ADDRESS", add the repository again, then push',
  ],
  'nothing-to-commit': () => [
    'Everything in the worktree is committed. Nothing was changed.',
    'Push it, or wait for the agent to change something',
  ],
  'operation-in-progress': (d) => [
    `The worktree is in the middle of a ${d.text('what') ?? 'merge'}${d.number('count') ? ` with ${counted(d.number('count')!, 'conflict')}` : ''}. Nothing was committed.`,
    'Finish or abort it in a shell there ("git status" says how), or ask the agent to do it',
  ],
  'already-pushed': (d) => [
    `${d.text('id') ? `Commit ${d.text('id')}` : 'The last commit'} is on a remote already, so it was not replaced. Nothing was changed.`,
    'Commit without --amend',
  ],
  'nothing-to-push': (d) => [
    `${d.text('branch') ? `Branch ${d.text('branch')}` : 'The branch'} has no commits of its own. Nothing was pushed.`,
    'Commit in the worktree first, or ask the agent to do it',
  ],
  'head-elsewhere': (d) => [
    `The worktree is on ${d.text('head') ?? 'another branch'}, not on ${d.text('branch') ?? 'the branch of the run'}${d.end} Nothing was pushed.`,
    d.text('command')
      ? `Run "${d.text('command', 1000)}", then push again`
      : 'Bring the branch of the run up to date in its worktree, then push again',
  ],
  'remote-surprise': (d) => [
    `${d.text('remote') ? `Remote ${d.text('remote')}` : 'The remote'}${leadsTo(d)}${d.end} Nothing was pushed.`,
    d.text('reason') === 'not-agreed'
      ? 'If that address is right, add the repository again, then push'
      : 'Check pushurl and url.*.insteadOf in the git configuration, then try again',
  ],
  'push-refused': (d) => [
    `${d.text('remote') ?? 'The remote'} refused the push${d.text('branch') ? ` of ${d.text('branch')}` : ''}${d.end} The commits are safe here, and nothing was forced.`,
    'Fix the reason given, then push again',
  ],
  'push-auth': (d) => [
    `${d.text('remote') ?? d.text('url') ?? 'The remote'} asks for credentials that git does not have${d.end} Nothing was pushed.`,
    'Log in once in a shell ("git push" there, or "gh auth login"), then push again',
  ],
  'push-timeout': (d) => [
    `${d.text('remote') ?? 'The remote'} did not answer${within(d)}, so the push was stopped. It is safe to push again.`,
    'Check the network, then push again',
  ],
  'pr-failed': (d) => [
    `The pull request could not be opened${d.end} The branch is pushed.`,
    d.text('reason') === 'no-forge'
      ? 'Merge the branch in that repository, or push to a forge'
      : d.text('url')
        ? `Open it by hand: ${d.text('url', 1000)}`
        : 'Run "gh auth status" to see what is missing, then try again',
  ],
}

function leadsTo(d: Facts<'remote-surprise'>): string {
  if (d.text('transport')) return ` asks for the transport ${d.text('transport')}, which is not allowed`
  const actual = d.text('actual') ?? d.text('url')
  if (!actual) return ' does not lead where it says'
  return ` leads to ${actual}${d.text('expected') ? `, not to ${d.text('expected')}` : ''}`
}
