// `coppice …`: the second client. It parses, connects (and starts the host if none is running), asks, prints and ends; it keeps no
// state. Facts go to stdout, remarks and failures to stderr. With --json, one JSON value goes to stdout, whatever happens. Exit
// codes: 0 done, 1 a failure, 2 wrong usage, 130 interrupted with Ctrl-C.
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CommanderError } from 'commander'
import packageJson from '../package.json' with { type: 'json' }
import type { Cli } from './cli/cli.ts'
import { CliError, type Ending, endingOf, Interrupted, usageError } from './cli/errors.ts'
import { Link } from './cli/link.ts'
import { createOutput } from './cli/output.ts'
import { createProgram, type Verbs } from './cli/program.ts'
import * as approval from './cli/verbs/approval.ts'
import { attach } from './cli/verbs/attach.ts'
import { comment } from './cli/verbs/comment.ts'
import * as host from './cli/verbs/host.ts'
import { journal } from './cli/verbs/journal.ts'
import { logs } from './cli/verbs/logs.ts'
import * as publish from './cli/verbs/publish.ts'
import * as removal from './cli/verbs/removal.ts'
import * as runs from './cli/verbs/run.ts'
import * as settings from './cli/verbs/settings.ts'
import * as sides from './cli/verbs/side.ts'
import { dataDirectory } from './store/data-dir.ts'

/** Runs one command line (without node and script) and gives the exit code. */
export async function main(words: readonly string[]): Promise<number> {
  // Wrong usage is said as JSON too, so this is known before anything is parsed. What follows "--" is no option.
  const options = words.includes('--') ? words.slice(0, words.indexOf('--')) : words
  const output = createOutput(options.includes('--json'))
  const links: Link[] = []
  const cli: Cli = {
    output,
    cwd: process.cwd(),
    dataDir: dataDirectory(process.env),
    version: packageJson.version,
    async open({ start = true } = {}) {
      const link = await Link.open({ dataDir: cli.dataDir, version: cli.version, start })
      links.push(link)
      return link
    },
  }
  let code = 0
  let runId: string | undefined
  const on = (id: string) => {
    runId = id
    return id
  }
  const verbs: Verbs = {
    add: (path) => runs.add(cli, path),
    trust: (path, options) => runs.trust(cli, path, options),
    run: (given) => runs.run(cli, given),
    list: (given) => runs.list(cli, given),
    show: (id) => runs.show(cli, on(id)),
    attach: (id, given) => attach(cli, on(id), given),
    shell: (id, given) => sides.shell(cli, on(id), given),
    send: (id, text, given) => runs.send(cli, on(id), text, given),
    logs: (id, given) => logs(cli, on(id), given),
    stop: (id, given) =>
      given.session === undefined ? runs.stop(cli, on(id), given) : sides.closeSession(cli, on(id), given.session),
    resume: (id, given) => runs.resume(cli, on(id), given),
    approvals: (given) => approval.approvals(cli, given),
    allow: (id) => approval.answer(cli, id, 'allow'),
    deny: (id) => approval.answer(cli, id, 'deny'),
    comment: (id, place, words, given) => comment(cli, on(id), place, words, given),
    commit: (id, given) => publish.commit(cli, on(id), given),
    unpushed: () => publish.unpushed(cli),
    push: (id) => publish.push(cli, on(id)),
    pr: (id) => publish.pullRequest(cli, on(id)),
    rm: (id, given) => removal.remove(cli, on(id), given),
    restore: (id) => removal.restore(cli, on(id)),
    trash: () => removal.trash(cli),
    keep: (id) => removal.keep(cli, on(id)),
    purge: (id, given) => removal.purge(cli, on(id), given),
    demo: (given) => runs.demo(cli, given),
    serve: (given) => host.serve(cli, given),
    async doctor() {
      if (!(await host.doctor(cli))) code = 1
    },
    journal: (given) => journal(cli, given),
    settingsGet: (name) => settings.get(cli, name),
    settingsSet: (name, value) => settings.set(cli, name, value),
    hostStatus: () => host.status(cli),
    hostStart: () => host.start(cli),
    hostStop: (given) => host.stop(cli, given),
  }
  try {
    const program = createProgram(verbs, cli.version)
    quiet(program, output.json)
    await program.parseAsync([...words], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof Interrupted) {
      process.stderr.write(`${error.message}\n`)
      return 130
    }
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0
      // Without a verb commander has printed the help; with --json that is no answer.
      if (error.code === 'commander.help' && !output.json) return 2
      output.failure(usageOf(error))
      return 2
    }
    output.failure(endingOf(error, runId))
    return error instanceof CliError && error.usage ? 2 : 1
  } finally {
    for (const link of links) link.close()
  }
}

/** commander's own complaint is said by `failure`, once; help goes where it was asked for. */
function quiet(program: ReturnType<typeof createProgram>, json: boolean): void {
  const output = { outputError() {}, ...(json ? { writeErr() {} } : {}) }
  const all = [program]
  for (const command of all) {
    command.configureOutput(output)
    all.push(...command.commands)
  }
}

function usageOf(error: CommanderError): Ending {
  const said = error.message.replace(/^error: /, '').trim()
  const message =
    error.code === 'commander.help' ? 'No command was given.' : `${said.charAt(0).toUpperCase()}${said.slice(1)}`
  return usageError(/[.!?)]$/.test(message) ? message : `${message}.`).ending
}

function isMain(): boolean {
  try {
    return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)
  } catch {
    return false
  }
}

// The code is set and not the process ended, so that a pipe gets all that was written.
if (isMain()) process.exitCode = await main(process.argv.slice(2))
