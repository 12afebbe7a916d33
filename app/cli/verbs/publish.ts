// The verbs that publish a run's work: commit, push, pr, and unpushed, which lists what exists only here.
import { maxPromptBytes } from '../../model/run.ts'
import { plainText } from '../../model/text/text.ts'
import { counted } from '../../model/text/units.ts'
import { type Cli, openWatching, readStdin } from '../cli.ts'
import { table } from '../table.ts'

/** Commits everything in the worktree that is not ignored. */
export async function commit(
  cli: Cli,
  id: string,
  options: { readonly message: string; readonly amend?: boolean },
): Promise<void> {
  const message = options.message === '-' ? await readStdin(maxPromptBytes) : options.message
  const link = await cli.open()
  const made = await link.call('run.commit', { runId: id, message, amend: options.amend ?? false })
  cli.output.result({ id, ...made }, () => [`Committed ${counted(made.files, 'file')}: ${made.sha.slice(0, 10)}`])
}

export async function push(cli: Cli, id: string): Promise<void> {
  const link = await cli.open()
  const pushed = await link.call('run.push', { runId: id })
  cli.output.result({ id, ...pushed }, () => [
    `${pushed.already ? 'Pushed already' : 'Pushed'}: ${pushed.sha.slice(0, 10)} to ${plainText(pushed.remote, 200)} ${plainText(pushed.ref, 300)}`,
  ])
}

export async function pullRequest(cli: Cli, id: string): Promise<void> {
  const link = await cli.open()
  const answer = await link.call('run.pull-request', { runId: id })
  cli.output.result({ id, ...answer }, () => [
    `${answer.opened ? 'Pull request' : 'Open this page to make the pull request'}: ${plainText(answer.url, 8000)}`,
  ])
}

/** Lists the runs with work that exists only here: commits that no remote branch has, or files that are not committed. Unknown counts. */
export async function unpushed(cli: Cli): Promise<void> {
  const link = await openWatching(cli)
  const found = Object.values(link.state.runs).flatMap((run) => {
    const live = link.live(run.id)
    if (run.worktreePresence !== 'present' || run.repositoryId === null) return []
    const commits = live?.unpushed?.value ?? null
    const files = live?.dirty?.value ?? null
    return commits === 0 && files === 0 ? [] : [{ id: run.id, branch: run.branch, commits, files }]
  })
  cli.output.result(found, () =>
    found.length === 0
      ? ['Everything is on a remote.']
      : table(
          [
            { title: 'RUN', shrinkTo: 12 },
            { title: 'BRANCH', shrinkTo: 12, drop: 1 },
            { title: 'COMMITS', align: 'right' },
            { title: 'NOT COMMITTED', align: 'right' },
          ],
          found.map(({ id, branch, commits, files }) => [
            id,
            plainText(branch ?? '-', 200),
            commits === null ? '?' : String(commits),
            files === null ? '?' : String(files),
          ]),
          { width: cli.output.width, header: cli.output.faint },
        ),
  )
}
