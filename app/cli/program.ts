// The command line's grammar: every verb, its arguments and options, and their help. It promises that wrong usage never reaches a
// verb. The verbs themselves are passed in, so parsing is tested without a host.

import { Command, InvalidArgumentError, Option } from 'commander'
import type { CommentOptions } from './verbs/comment.ts'
import type { JournalOptions } from './verbs/journal.ts'
import type { LogsOptions } from './verbs/logs.ts'
import type { RemoveOptions } from './verbs/removal.ts'
import type { RunOptions, WaitOptions } from './verbs/run.ts'
import type { ShellOptions } from './verbs/side.ts'
import { waitTargets } from './wait.ts'

/** What each verb is called with; `json` is the program's own affair. */
export interface Verbs {
  add(path: string): Promise<void>
  trust(path: string, options: { readonly off?: boolean }): Promise<void>
  run(options: RunOptions): Promise<void>
  list(options: { all?: boolean }): Promise<void>
  show(id: string): Promise<void>
  attach(id: string, options: { session?: number }): Promise<void>
  shell(id: string, options: ShellOptions): Promise<void>
  send(id: string, text: string, options: { enter: boolean; session?: number }): Promise<void>
  logs(id: string, options: LogsOptions): Promise<void>
  stop(id: string, options: { timeout?: number; session?: number }): Promise<void>
  resume(id: string, options: WaitOptions & { prompt?: string }): Promise<void>
  approvals(options: { all?: boolean }): Promise<void>
  allow(id: string): Promise<void>
  deny(id: string): Promise<void>
  comment(id: string, place: string | undefined, words: readonly string[], options: CommentOptions): Promise<void>
  commit(id: string, options: { readonly message: string; readonly amend?: boolean }): Promise<void>
  unpushed(): Promise<void>
  push(id: string): Promise<void>
  pr(id: string): Promise<void>
  rm(id: string, options: RemoveOptions): Promise<void>
  restore(id: string): Promise<void>
  trash(): Promise<void>
  keep(id: string): Promise<void>
  purge(id: string, options: { yes?: boolean }): Promise<void>
  serve(options: { port?: number; stay?: boolean }): Promise<void>
  doctor(): Promise<void>
  journal(options: JournalOptions): Promise<void>
  settingsGet(name: string | undefined): Promise<void>
  settingsSet(name: string, value: string): Promise<void>
  hostStatus(): Promise<void>
  hostStart(): Promise<void>
  hostStop(options: { agents?: 'keep' | 'stop' }): Promise<void>
  demo(options: WaitOptions): Promise<void>
}

/** The program. Its `parseAsync` throws CommanderError on wrong usage, help and version. */
export function createProgram(verbs: Verbs, version: string): Command {
  const program = new Command('coppice')
    .description('Runs many coding agents at once, each in its own git worktree and terminal.')
    .version(version)
    .option('--json', 'print JSON: a run as its facts, a failure as {"error": {code, message, next}}')
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 a failure, 2 wrong usage, 130 interrupted with Ctrl-C (what was started continues).',
    )
  const verb = (parent: Command, name: string, description: string, options: { isDefault?: boolean } = {}) =>
    parent
      .command(name, options)
      .description(description)
      .option('--json', 'print JSON')
      .exitOverride()
      .allowExcessArguments(false)

  verb(program, 'run', 'start a run, or several copies of it')
    .option('--repo <path>', 'the repository, or a folder inside it')
    .addOption(
      new Option(
        '--in-place <path>',
        'work directly in this folder, without a worktree; it need not be in git',
      ).conflicts([...['repo', 'base', 'from', 'branch', 'copies', 'setup']]),
    )
    .addOption(new Option('--agent <name>', 'claude, codex, gemini, opencode, cursor or shell').conflicts('command'))
    .option('--command <line>', 'a command line for your shell; the prompt is in $COPPICE_PROMPT')
    .option('--prompt <text>', 'what the agent should do; "-" reads it from stdin')
    .option('--headless', "without a terminal: show the agent's events as a transcript")
    .addOption(
      new Option(
        '--base <ref>',
        "start from this branch, tag or commit (default: the remote's default branch)",
      ).conflicts('from'),
    )
    .addOption(new Option('--from <branch>', 'work on an existing branch').conflicts('branch'))
    .option('--branch <name>', 'name of the new branch')
    .option('--id <id>', 'name of the run')
    .option('--title <text>', 'title of the run')
    .option('--copies <n>', 'how many runs to start', whole(1, 50))
    .addOption(new Option('--setup <what>', "run or skip the repository's set-up command").choices(['run', 'skip']))
    .option('--install', 'install dependencies first: print what the base would install, and allow it')
    .option('--no-install', 'do not install dependencies')
    .option('--model <name>', 'the model that the agent uses')
    .option('--permission-mode <mode>', "the agent's permission mode")
    .option('--allowed-tools <list>', 'tools that need no permission, separated by commas; can be repeated', toolList)
    .option('--max-turns <n>', 'stop after this many turns', whole(1, 10_000))
    .option('--max-budget-usd <x>', 'stop after this many dollars', amount)
    .option(
      '--agent-arg <argument>',
      "one more argument for the agent's own command line; can be repeated",
      (argument: string, before: readonly string[] = []) => [...before, argument],
    )
    .addOption(waitOption())
    .option('--timeout <seconds>', 'stop waiting after this many seconds; the run continues', amount)
    .action((options: RunOptions, command: Command) => {
      if (options.agent === undefined && options.command === undefined)
        command.error('error: give --agent NAME or --command LINE')
      if (options.repo === undefined && options.inPlace === undefined)
        command.error('error: give --repo PATH or --in-place PATH')
      return verbs.run(options)
    })
  verb(program, 'add', 'add a repository, or accept the current remotes of one that was added before')
    .argument('<path>', 'the repository, or a folder inside it')
    .action((path: string) => verbs.add(path))
  verb(program, 'trust', "let a repository's own filters run in what Coppice does")
    .argument('<path>', 'the repository, or a folder inside it')
    .option('--off', 'take the trust back')
    .action((path: string, options) => verbs.trust(path, options))
  verb(program, 'list', 'list the runs')
    .alias('ls')
    .option('--all', 'include removed and deleted runs')
    .action((options) => verbs.list(options))
  verb(program, 'show', 'show one run')
    .argument('<id>')
    .action((id: string) => verbs.show(id))
  verb(program, 'attach', 'show its terminal here; Ctrl-] then d detaches')
    .argument('<id>')
    .addOption(sessionOption())
    .action((id: string, options) => verbs.attach(id, options))
  verb(program, 'shell', 'open a shell, a command or another agent beside its agent, and attach to it')
    .argument('<id>')
    .addOption(new Option('--command <line>', 'run this command line instead of a shell').conflicts('agent'))
    .option('--agent <name>', 'start another agent instead: claude, codex, gemini, opencode or cursor')
    .option('--title <text>', 'title of its tab')
    .action((id: string, options: ShellOptions) => verbs.shell(id, options))
  verb(program, 'send', 'paste text into its terminal')
    .argument('<id>')
    .argument('<text>', '"-" reads it from stdin')
    .option('--no-enter', 'do not press Enter afterwards')
    .addOption(sessionOption())
    .action((id: string, text: string, options) => verbs.send(id, text, options))
  verb(program, 'logs', 'show what it printed')
    .argument('<id>')
    .option('-f, --follow', 'keep printing as output arrives')
    .option('--raw', 'print the raw bytes, including control sequences')
    .addOption(sessionOption().conflicts('attempt'))
    .option('--attempt <n>', 'show an earlier attempt (default: the last one)', whole(1, 1_000_000))
    .action((id: string, options) => verbs.logs(id, options))
  verb(program, 'stop', 'stop its agent, the sessions beside it, and everything they started')
    .argument('<id>')
    .addOption(sessionOption('close only this side session; "show" lists their numbers'))
    .option('--timeout <seconds>', 'stop waiting after this many seconds (default: 60)', amount)
    .action((id: string, options) => verbs.stop(id, options))
  verb(program, 'resume', 'start its next attempt where the agent left off')
    .argument('<id>')
    .option('--prompt <text>', 'a follow-up; "-" reads it from stdin')
    .addOption(waitOption())
    .option('--timeout <seconds>', 'stop waiting after this many seconds; the run continues', amount)
    .action((id: string, options) => verbs.resume(id, options))
  verb(program, 'approvals', 'list what is waiting for your answer, with its exact content')
    .option('--all', 'include what was answered')
    .action((options) => verbs.approvals(options))
  verb(program, 'allow', 'allow one of them, for exactly the content it shows')
    .argument('<id>', 'the id printed by "coppice approvals"')
    .action((id: string) => verbs.allow(id))
  verb(program, 'deny', 'deny one of them; its run continues without it')
    .argument('<id>', 'the id printed by "coppice approvals"')
    .action((id: string) => verbs.deny(id))
  verb(program, 'comment', 'comment on a line it changed; without a place, list its comments')
    .argument('<id>')
    .argument('[path:line]', 'a file of its worktree and a line, or lines: src/a.ts:12-14')
    .argument('[text...]', 'what to say about it; "-" reads it from stdin')
    .option('--send', 'send all that were not sent to the agent, as one message')
    .addOption(new Option('--drop <comment>', 'take back the comment with this id').conflicts('send'))
    .action((id: string, place: string | undefined, words: string[], options) =>
      verbs.comment(id, place, words, options),
    )
  verb(program, 'commit', 'commit everything in its worktree that is not ignored')
    .argument('<id>')
    .requiredOption('-m, --message <text>', 'the message; "-" reads it from stdin')
    .option('--amend', 'replace the last commit, if no remote has it')
    .action((id: string, options) => verbs.commit(id, options))
  verb(program, 'unpushed', 'list the runs with work that exists only here').action(() => verbs.unpushed())
  verb(program, 'push', 'push its own branch, never with force')
    .argument('<id>')
    .action((id: string) => verbs.push(id))
  verb(program, 'pr', 'push, then open a pull request (with gh, or print the page to open)')
    .argument('<id>')
    .action((id: string) => verbs.pr(id))

  verb(program, 'rm', 'move its worktree into the trash')
    .argument('<id>')
    .option('-y, --yes', 'confirm exactly what it says would be removed')
    .option('--force', 'remove it even though a check failed; confirms the rest')
    .addOption(new Option('--preview', 'only say what would be removed; change nothing').conflicts(['yes', 'force']))
    .action((id: string, options) => verbs.rm(id, options))
  verb(program, 'restore', 'restore it from the trash')
    .argument('<id>')
    .action((id: string) => verbs.restore(id))
  verb(program, 'trash', 'list the trash, and when each run is deleted').action(() => verbs.trash())
  verb(program, 'keep', 'keep a removed run in the trash longer: its days start again')
    .argument('<id>')
    .action((id: string) => verbs.keep(id))
  verb(program, 'purge', 'delete a removed run permanently, now')
    .argument('<id>')
    .option('-y, --yes', 'delete it even if it has commits that exist nowhere else')
    .action((id: string, options) => verbs.purge(id, options))

  verb(program, 'demo', 'a scratch repository and four scripted agents')
    .addOption(waitOption())
    .option('--timeout <seconds>', 'stop waiting after this many seconds', amount)
    .action((options) => verbs.demo(options))
  verb(program, 'serve', 'open a loopback port for a browser, and print its address')
    .option('--port <n>', 'the port (default: a free one)', whole(0, 65_535))
    .option('--stay', 'stay until Ctrl-C and keep the host running (default in a terminal)')
    .option('--no-stay', 'print the address and return')
    .action((options) => verbs.serve(options))
  verb(program, 'doctor', 'check this machine and what Coppice keeps').action(() => verbs.doctor())
  verb(program, 'journal', 'show what happened, when, who did it, and to which run')
    .option('--run <id>', 'only this run')
    .option('--search <text>', 'only records that contain this text')
    .option('--limit <n>', 'how many of the newest (default: 50; all with --export)', whole(1, 10_000_000))
    .addOption(new Option('--export <format>', 'write the whole journal to stdout').choices(['jsonl', 'csv']))
    .addOption(
      new Option('--verify <file>', 'check a complete export, using only the file').conflicts([
        'run',
        'search',
        'limit',
        'export',
      ]),
    )
    .option('--anchor <hash>', 'with --verify: a hash you kept, which must be in the file')
    .action((options: JournalOptions) => verbs.journal(options))

  const settings = program
    .command('settings')
    .description('show or change settings: how many agents run at once, how long the trash keeps runs, …')
    .exitOverride()
    .helpCommand(false)
  verb(settings, 'get', 'show all settings, or one of them', { isDefault: true })
    .argument('[name]')
    .action((name?: string) => verbs.settingsGet(name))
  verb(settings, 'set', 'change one')
    .argument('<name>')
    .argument('<value>')
    .action((name: string, value: string) => verbs.settingsSet(name, value))

  const host = program
    .command('host')
    .description('manage the process that owns the runs')
    .exitOverride()
    .helpCommand(false)
  verb(host, 'status', 'say whether it is running').action(() => verbs.hostStatus())
  verb(host, 'start', 'start it if it is not running, and say where it listens').action(() => verbs.hostStart())
  verb(host, 'stop', 'end it')
    .addOption(
      new Option(
        '--agents <what>',
        'keep the agents running, or stop them first (default: refuse if any are running)',
      ).choices(['keep', 'stop']),
    )
    .action((options) => verbs.hostStop(options))
  return program
}

const sessionOption = (what = 'this side session; "show" lists their numbers') =>
  new Option('--session <n>', what).argParser(whole(1, 1_000_000))

const waitOption = () =>
  new Option('--wait <phase>', 'wait until the run reaches this phase; "settled" is any end').choices([...waitTargets])

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}.`)
    return value
  }
}

function amount(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('expected a number above 0.')
  return value
}

/** "Edit,Bash(git log:*,x),Read": commas inside brackets belong to the tool's own rule. */
export function toolList(text: string, before: readonly string[] = []): string[] {
  const tools: string[] = []
  let depth = 0
  let tool = ''
  for (const character of text) {
    if (character === ',' && depth === 0) {
      tools.push(tool)
      tool = ''
      continue
    }
    if (character === '(') depth++
    if (character === ')') depth = Math.max(0, depth - 1)
    tool += character
  }
  return [...before, ...[...tools, tool].map((each) => each.trim()).filter((each) => each !== '')]
}
