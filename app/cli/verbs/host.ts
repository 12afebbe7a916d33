// The verbs about the host itself: host status, start and stop, serve, doctor. They can report that no host is available; doctor
// then still checks what can be checked without one.
import { constants } from 'node:fs'
import { access, readFile, stat } from 'node:fs/promises'
import type { Finding } from '../../contract/commands/host.ts'
import { sentenceOf } from '../../contract/sentences.ts'
import { failureOf } from '../../model/failure.ts'
import { plainText } from '../../model/text/text.ts'
import { ageText, counted } from '../../model/text/units.ts'
import { runProgram } from '../../process/run-program.ts'
import { dataDirectoryAt } from '../../store/data-dir.ts'
import { readOwner } from '../../store/lock.ts'
import { type Cli, leavable } from '../cli.ts'
import { CliError, isFailure } from '../errors.ts'
import type { Link } from '../link.ts'
import { hostLog } from '../start-host.ts'

export async function status(cli: Cli): Promise<void> {
  const link = await cli.open({ start: false })
  const { pid, keeperPid, version, runs, ...rest } = await link.call('host.status', {})
  cli.output.result({ pid, keeperPid, version, runs }, () => [
    `Coppice ${plainText(version, 50)}, process ${pid}, up ${ageText(Date.now() - rest.startedAt)}`,
    `${counted(runs, 'live run')}, keeper ${keeperPid === null ? 'not running' : `process ${keeperPid}`}`,
    `Data in ${plainText(rest.dataDirectory, 4096)}`,
    rest.address === null ? 'No port is open' : `Browsers connect at ${plainText(rest.address, 200)}`,
  ])
}

/** Starts the host where none runs, and says where it listens: what a window or a script connects to. */
export async function start(cli: Cli): Promise<void> {
  const link = await cli.open()
  const { pid, keeperPid, version, runs, dataDirectory, protocol } = await link.call('host.status', {})
  const { socket } = link
  cli.output.result(
    { pid, keeperPid, version, runs, protocol, socket, dataDirectory, log: hostLog(cli.dataDir) },
    () => [`The host is running: process ${pid}, socket ${plainText(socket, 4096)}`],
  )
}

/** Ends the host. Agents that run are kept, or stopped first, as asked; not asked, it refuses where there are any. */
export async function stop(cli: Cli, options: { readonly agents?: 'keep' | 'stop' }): Promise<void> {
  let link: Link
  try {
    link = await cli.open({ start: false })
  } catch (error) {
    if (isFailure(error, 'protocol-mismatch') && options.agents === 'keep') return endOlder(cli, error)
    if (!isFailure(error, 'host-unreachable')) throw error
    return cli.output.result({ stopped: false, pid: null }, () => ['No host is running. Nothing was changed.'])
  }
  const { pid } = link.welcome
  const gone = new Promise<void>((resolve) => link.onClose(() => resolve()))
  try {
    await Promise.race([link.callOnce('host.stop', { agents: options.agents ?? 'refuse' }), gone])
  } catch (error) {
    // The host may close the connection before its reply is through: then it did as it was asked.
    if (!isFailure(error, 'connection-lost')) throw refusalOf(error)
  }
  await sayEnded(cli, pid, options.agents === 'keep')
}

/** A host of another protocol takes no commands of ours, but every host ends in order on SIGTERM and leaves the agents be. */
async function endOlder(cli: Cli, refusal: Error): Promise<void> {
  const directory = dataDirectoryAt(cli.dataDir)
  const owner = readOwner(directory.owner)
  // The file may be a dead host's, and its number another process's by now: it must look like a host of this directory.
  if (!owner || !(await isHostOf(owner.pid, cli.dataDir))) throw refusal
  process.kill(owner.pid, 'SIGTERM')
  await sayEnded(cli, owner.pid, true)
}

async function isHostOf(pid: number, dataDir: string): Promise<boolean> {
  try {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
    return words.includes(dataDir) && words.some((word) => /\bhost\b/.test(word))
  } catch {
    return false
  }
}

async function sayEnded(cli: Cli, pid: number, agentsKept: boolean): Promise<void> {
  if (!(await ended(pid, 30_000))) {
    throw new CliError({
      code: 'timeout',
      message: `The host (process ${pid}) was asked to end and is still running after 30 s. Agents keep running.`,
      next: `Read its log at ${hostLog(cli.dataDir)}`,
    })
  }
  cli.output.result({ stopped: true, pid }, () => [
    `The host (process ${pid}) has ended.${agentsKept ? ' Agents keep running; the next start attaches to them.' : ''}`,
  ])
}

/** Opens the port for browsers and says the address, good once. In a terminal it stays until Ctrl-C, and so the host does. */
export async function serve(cli: Cli, options: { readonly port?: number; readonly stay?: boolean }): Promise<void> {
  const link = await cli.open()
  const { address, url } = await link.call('host.serve', options.port === undefined ? {} : { port: options.port })
  cli.output.result({ address, url }, () => [
    `Open ${plainText(url, 1000)}`,
    'The address works for one browser. "coppice serve" prints a new one.',
  ])
  if (!(options.stay ?? (process.stdout.isTTY && !cli.output.json))) return
  cli.output.remark('Press Ctrl-C to leave; agents and open browsers stay connected.')
  const lost = new Promise<void>((resolve) => link.onClose(() => resolve()))
  await leavable(lost, 'The host keeps running while a run is live or a browser is connected.')
}

/** Looks at the machine and at what is kept. Ends with 1 where something is a problem. */
export async function doctor(cli: Cli): Promise<boolean> {
  const findings: Finding[] = []
  try {
    const link = await cli.open()
    findings.push({
      subject: 'host',
      result: 'ok',
      text: `Coppice ${link.welcome.version} answers (process ${link.welcome.pid})`,
      next: null,
    })
    findings.push(...(await link.call('host.doctor', {})).findings)
  } catch (error) {
    const { message, next } = sentenceOf(failureOf(error))
    findings.push({ subject: 'host', result: 'problem', text: message, next })
    findings.push(...(await withoutHost(cli)))
  }
  cli.output.result({ findings }, () => {
    const width = Math.max(...findings.map(({ subject }) => plainText(subject, 30).length))
    return findings.flatMap(({ subject, result, text, next }) => [
      `${marks[result]}  ${plainText(subject, 30).padEnd(width)}  ${plainText(text, 1000)}`,
      ...(next && !text.includes(next)
        ? [`${' '.repeat(width + marks[result].length + 4)}${plainText(next, 1000)}`]
        : []),
    ])
  })
  return findings.every(({ result }) => result !== 'problem')
}

// Words of one length, so that the columns stand and the state is never colour alone.
const marks: Readonly<Record<Finding['result'], string>> = {
  ok: 'ok     ',
  warning: 'warning',
  problem: 'problem',
  unknown: 'unknown',
}

async function withoutHost(cli: Cli): Promise<Finding[]> {
  return [gitFinding(await gitVersion()), nodeFinding(), await directoryFinding(cli.dataDir)]
}

/** The version that `git --version` names, null where git cannot be started, '' where it says something else. */
async function gitVersion(): Promise<string | null> {
  try {
    const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C', HOME: process.env.HOME ?? '/' }
    const { stdout } = await runProgram('git', ['--version'], { env, timeoutMs: 5_000 })
    return /\d+\.\d+(\.\d+)?/.exec(stdout.toString('utf8'))?.[0] ?? ''
  } catch {
    return null
  }
}

/** git 2.38 is the oldest that the git layer is tested on. */
export function gitFinding(version: string | null): Finding {
  const subject = 'git'
  const next = 'Install git 2.38 or newer'
  if (version === null) return { subject, result: 'problem', text: 'git was not found', next }
  if (version === '')
    return { subject, result: 'unknown', text: 'git did not report its version', next: 'Run "git --version"' }
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < 2 || (major === 2 && minor < 38))
    return { subject, result: 'problem', text: `git ${version} is too old`, next }
  return { subject, result: 'ok', text: `git ${version}`, next: null }
}

function nodeFinding(): Finding {
  const major = Number(process.versions.node.split('.')[0])
  const text = `Node ${process.versions.node}`
  // Before libuv 1.52 (Node 26) a terminal's last output can be lost when its program exits.
  if (major < 26)
    return {
      subject: 'node',
      result: 'problem',
      text: `${text} is not the one that comes with Coppice`,
      next: 'Run "npm ci", then start Coppice with its own scripts',
    }
  return { subject: 'node', result: 'ok', text, next: null }
}

async function directoryFinding(path: string): Promise<Finding> {
  const subject = 'data directory'
  try {
    const found = await stat(path)
    if (!found.isDirectory())
      return {
        subject,
        result: 'problem',
        text: `${path} is not a directory`,
        next: 'Set COPPICE_HOME to another directory',
      }
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
    if ((found.mode & 0o077) !== 0 && process.platform !== 'win32') {
      return { subject, result: 'warning', text: `${path} is open to other users`, next: `Run: chmod 700 '${path}'` }
    }
    return { subject, result: 'ok', text: path, next: null }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return { subject, result: 'warning', text: `${path} does not exist yet`, next: null }
    return {
      subject,
      result: 'problem',
      text: `${path}: ${(error as Error).message}`,
      next: 'Give yourself access to it, or set COPPICE_HOME to another directory',
    }
  }
}

function refusalOf(error: unknown): unknown {
  if (!isFailure(error, 'in-use') && !isFailure(error, 'consent-needed')) return error
  const { code, detail } = error.failure
  const why = typeof detail?.message === 'string' ? plainText(detail.message, 300) : 'agents are running'
  return new CliError({
    code,
    message: `The host was not ended: ${why}. Nothing was changed.`,
    next: 'Run "coppice host stop --agents keep" to keep them running, or "--agents stop" to stop them first',
  })
}

async function ended(pid: number, withinMs: number): Promise<boolean> {
  for (const deadline = Date.now() + withinMs; ; ) {
    try {
      process.kill(pid, 0)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true
    }
    if (Date.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
