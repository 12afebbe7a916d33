// The command line's grammar: every verb, its arguments and options, and the help that tells of them. It promises that wrong usage
// never reaches a verb. What the verbs do is handed in, so that parsing is tested without a host.
import { Command, InvalidArgumentError, Option } from 'commander'
import type { JournalOptions } from './journal-verb.ts'
import type { LogsOptions } from './logs.ts'
import type { RemoveOptions } from './removal-verbs.ts'
import type { RunOptions, WaitOptions } from './run-verbs.ts'
import type { ShellOptions } from './side-verbs.ts'
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
      '\nExit codes: 0 done, 1 a failure, 2 wrong usage, 130 left by Ctrl-C (what was begun goes on).',
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
        'work in this folder as it is, with no worktree; it need not be in git',
      ).conflicts([...['repo', 'base', 'from', 'branch', 'copies', 'setup']]),
    )
    .addOption(new Option('--agent <name>', 'claude, codex, gemini, opencode, cursor or shell').conflicts('command'))
    .option('--command <line>', 'a command line, run by your shell; it finds the prompt in $COPPICE_PROMPT')
    .option('--prompt <text>', 'what the agent is asked to do; "-" reads it from stdin')
    .option('--headless', 'no terminal: events are read and shown as a transcript')
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
    .option('--install', 'install dependencies first, as the base asks for it now; it is printed, and agreed to')
    .option('--no-install', 'do not install dependencies first')
    .option('--model <name>', 'the model that the agent uses')
    .option('--permission-mode <mode>', "the agent's permission mode")
    .option(
      '--allowed-tools <list>',
      'tools that need no permission, with commas between them; may be repeated',
      toolList,
    )
    .option('--max-turns <n>', 'end after so many turns', whole(1, 10_000))
    .option('--max-budget-usd <x>', 'end after so many dollars', amount)
    .addOption(waitOption())
    .option('--timeout <seconds>', 'give up waiting after so long; the run goes on', amount)
    .action((options: RunOptions, command: Command) => {
      if (options.agent === undefined && options.command === undefined)
        command.error('error: say --agent NAME or --command LINE')
      if (options.repo === undefined && options.inPlace === undefined)
        command.error('error: say --repo PATH or --in-place PATH')
      return verbs.run(options)
    })
  verb(program, 'add', 'add a repository; one that is known: agree to its remotes as they are now')
    .argument('<path>', 'the repository, or a folder inside it')
    .action((path: string) => verbs.add(path))
  verb(program, 'trust', "let a repository's own filters run in what Coppice does")
    .argument('<path>', 'the repository, or a folder inside it')
    .option('--off', 'take the trust back')
    .action((path: string, options) => verbs.trust(path, options))
  verb(program, 'list', 'the runs that are kept')
    .alias('ls')
    .option('--all', 'also those in the trash, and those purged')
    .action((options) => verbs.list(options))
  verb(program, 'show', 'one run, as it is now')
    .argument('<id>')
    .action((id: string) => verbs.show(id))
  verb(program, 'attach', 'its terminal, here; Ctrl-] then d leaves')
    .argument('<id>')
    .addOption(sessionOption())
    .action((id: string, options) => verbs.attach(id, options))
  verb(program, 'shell', 'open a shell, a command or one more agent beside its agent, and attach to it')
    .argument('<id>')
    .addOption(new Option('--command <line>', 'a command line instead, run by your shell').conflicts('agent'))
    .option('--agent <name>', 'one more agent instead: claude, codex, gemini, opencode or cursor')
    .option('--title <text>', 'the title of its tab')
    .action((id: string, options: ShellOptions) => verbs.shell(id, options))
  verb(program, 'send', 'type a text into its terminal, as a paste')
    .argument('<id>')
    .argument('<text>', '"-" reads it from stdin')
    .option('--no-enter', 'do not press Enter after it')
    .addOption(sessionOption())
    .action((id: string, text: string, options) => verbs.send(id, text, options))
  verb(program, 'logs', 'what it printed')
    .argument('<id>')
    .option('-f, --follow', 'go on as it prints more')
    .option('--raw', 'the bytes as they were, control sequences and all')
    .addOption(sessionOption().conflicts('attempt'))
    .option('--attempt <n>', 'of an earlier attempt (default: the last one)', whole(1, 1_000_000))
    .action((id: string, options) => verbs.logs(id, options))
  verb(program, 'stop', 'end its agent, what is open beside it, and everything that they started')
    .argument('<id>')
    .addOption(sessionOption('end only this session beside its agent; "show" numbers them'))
    .option('--timeout <seconds>', 'give up waiting after so long (default: 60)', amount)
    .action((id: string, options) => verbs.stop(id, options))
  verb(program, 'resume', 'start its next attempt, where the agent left off')
    .argument('<id>')
    .option('--prompt <text>', 'a follow-up; "-" reads it from stdin')
    .addOption(waitOption())
    .option('--timeout <seconds>', 'give up waiting after so long; the run goes on', amount)
    .action((id: string, options) => verbs.resume(id, options))
  verb(program, 'approvals', 'what waits for your answer, and its exact content')
    .option('--all', 'also what was answered')
    .action((options) => verbs.approvals(options))
  verb(program, 'allow', 'allow one of them: exactly what it shows')
    .argument('<id>', 'the id that "coppice approvals" prints')
    .action((id: string) => verbs.allow(id))
  verb(program, 'deny', 'deny one of them; its run goes on without')
    .argument('<id>', 'the id that "coppice approvals" prints')
    .action((id: string) => verbs.deny(id))
  verb(program, 'push', 'push its own branch, never by force')
    .argument('<id>')
    .action((id: string) => verbs.push(id))
  verb(program, 'pr', 'push, then open a pull request (by gh, else the page to open)')
    .argument('<id>')
    .action((id: string) => verbs.pr(id))

  verb(program, 'rm', 'move its worktree into the trash')
    .argument('<id>')
    .option('-y, --yes', 'agree to exactly what it says would go')
    .option('--force', 'go on although something could not be found out; agrees to the rest')
    .addOption(new Option('--preview', 'only say what would go, and change nothing').conflicts(['yes', 'force']))
    .action((id: string, options) => verbs.rm(id, options))
  verb(program, 'restore', 'bring it back from the trash')
    .argument('<id>')
    .action((id: string) => verbs.restore(id))
  verb(program, 'trash', 'what is in the trash, and when it is freed').action(() => verbs.trash())
  verb(program, 'keep', 'keep a removed run in the trash for longer: its days start again')
    .argument('<id>')
    .action((id: string) => verbs.keep(id))
  verb(program, 'purge', 'free the disk of a removed run now and for good')
    .argument('<id>')
    .option('-y, --yes', 'also where it holds commits that exist nowhere else')
    .action((id: string, options) => verbs.purge(id, options))

  verb(program, 'demo', 'a scratch repository and four scripted agents')
    .addOption(waitOption())
    .option('--timeout <seconds>', 'give up waiting after so long', amount)
    .action((options) => verbs.demo(options))
  verb(program, 'serve', 'open a loopback port for a browser, and print its address')
    .option('--port <n>', 'the port (default: a free one)', whole(0, 65_535))
    .option('--stay', 'stay until Ctrl-C, so that the host does (default in a terminal)')
    .option('--no-stay', 'print the address and return')
    .action((options) => verbs.serve(options))
  verb(program, 'doctor', 'look at this machine and at what Coppice keeps').action(() => verbs.doctor())
  verb(program, 'journal', 'what happened, when, by whom, to which run')
    .option('--run <id>', 'of one run')
    .option('--search <text>', 'only records with this text')
    .option('--limit <n>', 'so many of the newest (default: 50; all with --export)', whole(1, 10_000_000))
    .addOption(new Option('--export <format>', 'all of it to stdout').choices(['jsonl', 'csv']))
    .addOption(
      new Option('--verify <file>', 'check an export of all of it, with nothing but the file').conflicts([
        'run',
        'search',
        'limit',
        'export',
      ]),
    )
    .option('--anchor <hash>', 'with --verify: a last hash that was kept, which must be in the file')
    .action((options: JournalOptions) => verbs.journal(options))

  const settings = program
    .command('settings')
    .description('what can be set: how many agents run at once, how long the trash keeps, …')
    .exitOverride()
    .helpCommand(false)
  verb(settings, 'get', 'all settings with their values, or one of them', { isDefault: true })
    .argument('[name]')
    .action((name?: string) => verbs.settingsGet(name))
  verb(settings, 'set', 'change one')
    .argument('<name>')
    .argument('<value>')
    .action((name: string, value: string) => verbs.settingsSet(name, value))

  const host = program.command('host').description('the process that owns the runs').exitOverride().helpCommand(false)
  verb(host, 'status', 'is it there').action(() => verbs.hostStatus())
  verb(host, 'start', 'start it where none runs, and say where it listens').action(() => verbs.hostStart())
  verb(host, 'stop', 'end it')
    .addOption(
      new Option(
        '--agents <what>',
        'keep the agents running, or stop them first (default: refuse where there are any)',
      ).choices(['keep', 'stop']),
    )
    .action((options) => verbs.hostStop(options))
  return program
}

const sessionOption = (what = 'the session of this number beside its agent; "show" numbers them') =>
  new Option('--session <n>', what).argParser(whole(1, 1_000_000))

const waitOption = () =>
  new Option('--wait <phase>', 'return once it has got so far; "settled" is any end').choices([...waitTargets])

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`a whole number from ${least} to ${most} is wanted.`)
    return value
  }
}

function amount(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('a number above 0 is wanted.')
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
