// Runs git, hardened: the only way git is started in Coppice. It promises a C locale, no prompt, no hook, no program that the
// repository names, an end in bounded time of the whole process group, and every expected failure as a CoppiceFailure. It
// must not know what any command is for.
import { stat, statfs } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { CoppiceFailure, fail, systemFailureCode } from '../model/failure.ts'
import { type ProgramResult, runProgram } from '../process/run-program.ts'
import { commandLine, type Words } from './arguments.ts'
import { type ConfigEntry, parseConfigList } from './config-list.ts'
import {
  allowedProtocols,
  argumentsAfter,
  fixedArguments,
  gitEnvironment,
  mayRunUnpinned,
  neutralise,
  withConfig,
} from './hardening.ts'
import { checkoutAt, refuseSpecialFiles, withoutSpecialFiles } from './special-files.ts'
import { failureFromStderr } from './stderr.ts'
import type { Checkout } from './worktree/checkout.ts'

export interface GitContext {
  /** The git binary: a path, or a name looked up in the environment's PATH. */
  readonly file: string
  /** The person's environment. GIT_ variables that change where git works are left out of it. */
  readonly environment: Readonly<Record<string, string>>
  /** Whether the person trusts the repository: only then do the filters it names itself run. */
  readonly trusted: boolean
  /** Where short-lived files of our own go: 0700, and out of an agent's reach. Default: the system's temp directory. */
  readonly scratchDirectory?: string
  /** Milliseconds for a command that does not say otherwise. */
  readonly timeoutMs?: number
  /** Ends every git of this context, soon: what goes on for too long is then killed. */
  readonly signal?: AbortSignal
}

export interface GitOptions extends Words {
  /** The checkout to work in: pins its git directory and its work tree. Needed by all that read files of the work tree. */
  readonly checkout?: Checkout
  /** True where the command is meant to change something: it may take locks. Reads never do. */
  readonly write?: boolean
  /** True for fetch and push only; see network.ts, which gives them a git directory of their own. */
  readonly network?: boolean
  /** Variables added last. */
  readonly variables?: Readonly<Record<string, string>>
  /** Configuration that comes after the fixed one and so takes its place. Never from the repository's own files: an agent writes those. */
  readonly overrides?: readonly (readonly [string, string])[]
  /** Configuration for this command. */
  readonly config?: readonly (readonly [string, string])[]
  readonly input?: string | Uint8Array
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
  /** Bytes of stdout at most; more is `too-large`. With onStdout, what is beyond is only handed on. Default 64 MiB. */
  readonly maxStdoutBytes?: number
  readonly onStdout?: (chunk: Buffer) => void
  readonly onStderr?: (chunk: Buffer) => void
  /** Exit codes besides 0 that are an answer. */
  readonly exits?: readonly number[]
}

export interface GitResult {
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** Reading 50 worktrees at once on two busy cores took under a second: a minute means that something hangs. */
const readTimeoutMs = 60_000
const writeTimeoutMs = 120_000
/** Somebody waits for the end of a git that has a context's signal: one that does not hear TERM is killed after this. */
const endableGraceMs = 500
/** A disk with less is full: one block of the largest size in use takes 64 KiB, and a write of several takes a few. */
const fullBytes = 1024 * 1024
/**
 * Where too many files are open nothing has been started yet, and the gits beside it give theirs back in milliseconds: an inspection
 * starts eleven at once, which is all that a process with 64 files can hold.
 */
const scarcePausesMs = [30, 100, 300, 600, 1_000]

/**
 * Runs one git command in `directory` (absolute). `args` are the subcommand and its options ("--name=value"); revisions, paths and
 * other words go into `options`, which is how each of them gets its mark of an end (arguments.ts). Resolves for exit 0 and the `exits` named. Throws `git-missing`,
 * `repository-unavailable` or `worktree-missing` (the directory is not there), `git-timeout`, `cancelled`, `too-large`, and
 * what git's stderr tells of (stderr.ts).
 */
export async function git(
  context: GitContext,
  directory: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitResult> {
  const subcommand = args[0] ?? ''
  const { checkout, write = false } = options
  if (!checkout && !mayRunUnpinned(subcommand)) throw new Error(`git ${subcommand} must name the checkout it works in`)
  const place = checkout ?? checkoutAt(directory)
  if (place) refuseSpecialFiles(place)
  const neutral = checkout
    ? await neutralise(checkout, context.trusted, () => configOf(context, checkout))
    : { config: [], lazyFetch: false }
  const environment = gitEnvironment(context.environment, {
    write,
    protocols: options.network || (write && neutral.lazyFetch) ? allowedProtocols : '',
  })
  if (checkout) Object.assign(environment, pin(checkout))
  Object.assign(environment, options.variables)
  withConfig(environment, [...neutral.config, ...(options.config ?? [])])
  const line = commandLine(args, options, argumentsAfter(subcommand))
  // Fetch and push work in a directory of our own, and may be slow.
  if (!place || options.network) return run(context, directory, line, environment, options)
  return withoutSpecialFiles(place, options.signal, (signal) =>
    run(context, directory, line, environment, { ...options, signal }),
  )
}

/** The same; gives stdout as text without its final newline. */
export async function gitText(
  context: GitContext,
  directory: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<string> {
  const { stdout } = await git(context, directory, args, options)
  return stdout.toString('utf8').replace(/\n$/, '')
}

/** The configuration that holds in a checkout, or in whatever repository `directory` lies in, each value with its scope. */
export async function configOf(context: GitContext, where: Checkout | string): Promise<readonly ConfigEntry[]> {
  const environment = gitEnvironment(context.environment, { write: false, protocols: '' })
  if (typeof where !== 'string') Object.assign(environment, pin(where))
  const directory = typeof where === 'string' ? where : where.worktree
  // Without the fixed arguments: they would be listed too, as the person's own (scope "command").
  const result = await run(context, directory, ['config', '--list', '-z', '--show-scope'], environment, {}, [])
  return parseConfigList(result.stdout.toString('utf8'))
}

/** git's version, checked. Throws `git-missing` or `git-too-old` (`worktree list -z`, `--lock --reason` and more need 2.38). */
export async function gitVersion(context: GitContext): Promise<string> {
  const text = await gitText(context, '/', ['version'])
  const match = /^git version (\d+)\.(\d+)(\S*)/.exec(text)
  if (!match)
    throw fail('git-failed', { message: `"${context.file} version" said: ${text.slice(0, 200)}`, file: context.file })
  const [version, major, minor] = [`${match[1]}.${match[2]}${match[3]}`, Number(match[1]), Number(match[2])]
  if (major < 2 || (major === 2 && minor < 38))
    throw fail('git-too-old', { version, needed: '2.38', file: context.file })
  return version
}

function pin(checkout: Checkout): Record<string, string> {
  // GIT_COMMON_DIR: an admin directory in the trash, or one with an empty commondir, still knows its repository.
  return { GIT_DIR: checkout.adminDir, GIT_WORK_TREE: checkout.worktree, GIT_COMMON_DIR: checkout.commonDir }
}

async function run(
  context: GitContext,
  directory: string,
  args: readonly string[],
  environment: Record<string, string>,
  options: GitOptions,
  leading: readonly string[] = fixedArguments,
): Promise<GitResult> {
  const command = args[0]!
  const timeoutMs = options.timeoutMs ?? context.timeoutMs ?? (options.write ? writeTimeoutMs : readTimeoutMs)
  const signals = [options.signal, context.signal].filter((signal) => signal !== undefined)
  const overrides = (options.overrides ?? []).flatMap(([key, value]) => ['-c', `${key}=${value}`])
  const start = () =>
    runProgram(context.file, [...leading, ...overrides, ...args], {
      cwd: directory,
      env: environment,
      timeoutMs,
      ...(options.input === undefined ? {} : { input: options.input }),
      ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
      ...(context.signal ? { graceMs: endableGraceMs } : {}),
      ...(options.maxStdoutBytes === undefined ? {} : { maxStdoutBytes: options.maxStdoutBytes }),
      ...(options.onStdout ? { onStdout: options.onStdout } : {}),
      ...(options.onStderr ? { onStderr: options.onStderr } : {}),
    })
  let result: ProgramResult
  for (let attempt = 0; ; attempt++) {
    try {
      result = await start()
      break
    } catch (error) {
      const failure = await startFailure(error, context, directory, options)
      const pause = scarcePausesMs[attempt]
      if (failure.failure.code !== 'too-many-files' || pause === undefined) throw failure
      await wait(pause * (0.5 + Math.random()))
    }
  }
  if (result.aborted) throw fail('cancelled', { command })
  if (result.timedOut) {
    throw fail('git-timeout', { command, seconds: Math.round(timeoutMs / 1000) }, { retryable: true })
  }
  const accepted = result.code === 0 || (result.code !== null && options.exits?.includes(result.code))
  if (!accepted) {
    const failure = failureFromStderr(result.stderr, command, result.code ?? result.signal ?? 'no exit code')
    throw await withFullDisk(failure, directory)
  }
  const limit = options.maxStdoutBytes ?? 64 * 1024 * 1024
  if (result.truncated && !options.onStdout && result.stdout.length >= limit) {
    throw fail('too-large', { command, message: `git ${command} said more than ${limit} bytes`, limit })
  }
  return { code: result.code!, stdout: result.stdout, stderr: result.stderr }
}

/**
 * git does not always say why it could not write (2.39: "cannot update ref …: couldn't write '….lock'"). Where next to nothing is
 * free, that is why; where it is not, git's own words stand.
 */
async function withFullDisk(error: CoppiceFailure, directory: string): Promise<CoppiceFailure> {
  const { code, detail } = error.failure
  if (code !== 'git-failed' || !/could(n't| not) write|unable to write|write error/i.test(String(detail?.message)))
    return error
  const facts = await statfs(directory).catch(() => null)
  const free = facts === null ? Number.POSITIVE_INFINITY : facts.bavail * facts.bsize
  return free < fullBytes ? fail('no-space', { ...detail, freeBytes: free }, { retryable: true }) : error
}

async function startFailure(
  error: unknown,
  context: GitContext,
  directory: string,
  options: GitOptions,
): Promise<CoppiceFailure> {
  if (error instanceof CoppiceFailure) return error
  const { code, syscall, message } = error as NodeJS.ErrnoException
  if (syscall === 'chdir') {
    if (code === 'EACCES' || code === 'EPERM') return fail('permission-denied', { path: directory, message })
    return fail(options.checkout ? 'worktree-missing' : 'repository-unavailable', { path: directory, message })
  }
  // A directory that may not be entered is reported as if the program could not be run.
  const enterable = await stat(`${directory}/.`).then(
    () => true,
    () => false,
  )
  if (code === 'EACCES' && !enterable) return fail('permission-denied', { path: directory, message })
  if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOEXEC') {
    return fail('git-missing', { file: context.file, message })
  }
  const machine = systemFailureCode(error)
  return fail(machine ?? 'git-failed', { message, file: context.file }, { retryable: machine === 'too-many-files' })
}
