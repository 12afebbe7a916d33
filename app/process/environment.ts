// The environment that programs are started with. It promises that agents see what the user's own terminal would show them (the
// login shell's PATH, not the desktop's) and nothing of Coppice's own. A broken or hanging shell start-up costs a few seconds and
// is reported, but never costs a run. It knows no agents, and no runs beyond the names it is given.
import { createHash, randomBytes } from 'node:crypto'
import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { basename, delimiter, isAbsolute, join, resolve } from 'node:path'
import { lastLineOf } from '../model/text/text.ts'
import { runProgram } from './run-program.ts'

export interface LoginEnvironment {
  readonly environment: Record<string, string>
  /** `own` where the shell could not be asked: what this process has of the person's session, which may lack their PATH. */
  readonly source: 'login-shell' | 'own'
  /** Why the shell could not be asked. Hostile text. */
  readonly problem?: string
}

export interface LoginOptions {
  /** Default: $SHELL, then the user's entry in the password file. */
  readonly shell?: string
  readonly home?: string
  /** Default 10,000: as long as VS Code waits for a slow start-up file. */
  readonly timeoutMs?: number
  /** Ask again, and keep the new answer; where the shell cannot be asked this time, the old one with the reason. */
  readonly refresh?: boolean
}

export interface RunNames {
  readonly dataDir: string
  readonly runId: string
  readonly attempt: number
  readonly worktree: string
  readonly repository: string
  readonly branch: string
  readonly promptFile?: string
}

const answers = new Map<string, { readonly answer: Promise<LoginEnvironment>; readonly files: string }>()

/**
 * The environment of the user's login shell. Asked once per shell and home, then remembered until one of the shell's start-up files
 * changes. Never rejects.
 */
export function loginEnvironment(options: LoginOptions = {}): Promise<LoginEnvironment> {
  const shell = options.shell ?? (process.env.SHELL || userShell())
  const home = options.home ?? process.env.HOME
  const key = `${shell}\0${home}`
  const files = stampOf(startUpFiles(shell, home))
  const asked = answers.get(key)
  if (asked && asked.files === files && !options.refresh) return asked.answer
  const known = asked?.answer
  const answer = askShell(shell, home, options.timeoutMs ?? 10_000).then(async (fresh) => {
    // A shell that hangs or fails this time takes nothing away: what it said before is still the best that is known.
    const before = fresh.source === 'own' ? await known : undefined
    return before?.source === 'login-shell' && fresh.problem ? { ...before, problem: fresh.problem } : fresh
  })
  answers.set(key, { answer, files })
  return answer
}

/** What a run's processes are found by (COPPICE_MARK): the run's id, made unique to this data directory. */
export function runMark(dataDir: string, runId: string): string {
  return `${createHash('sha256').update(realPath(dataDir)).digest('hex').slice(0, 12)}/${runId}`
}

/** What the gits of one host are found by, should it be killed while they work: no run has such an id. Host "": of any host. */
export function gitMark(dataDir: string, host: number | ''): string {
  return `${runMark(dataDir, '.git')}-${host}`
}

/**
 * The environment of an agent: `base`, which is the login shell's, without what is Coppice's own or would mislead an agent. What
 * the person's start-up files set for Node, npm and Vite stays: their own terminal has it too.
 */
export function agentEnvironment(base: Readonly<Record<string, string>>, run: RunNames): Record<string, string> {
  const kept = Object.entries(base).filter(([name]) => !misleads(name))
  return {
    ...Object.fromEntries(kept),
    ...utf8Locale(base),
    TERM: 'xterm-256color',
    COLORTERM: 'truecolor',
    TERM_PROGRAM: 'coppice',
    COPPICE_RUN: run.runId,
    COPPICE_MARK: runMark(run.dataDir, run.runId),
    COPPICE_ATTEMPT: String(run.attempt),
    COPPICE_WORKTREE: run.worktree,
    COPPICE_REPOSITORY: run.repository,
    COPPICE_BRANCH: run.branch,
    ...(run.promptFile === undefined ? {} : { COPPICE_PROMPT_FILE: run.promptFile }),
  }
}

/**
 * A UTF-8 locale for an environment that names none, as from a macOS dock or a service: without one fish reads every word of its
 * environment as Latin-1, and a prompt with 漢字 arrives garbled. Nothing where the person has set one, whichever it is.
 */
export function utf8Locale(
  base: Readonly<Record<string, string>>,
  platform: NodeJS.Platform = process.platform,
): { readonly LANG?: string } {
  // The three that decide how characters are read; an empty one counts as unset (POSIX, "Environment Variables").
  if (base.LC_ALL || base.LC_CTYPE || base.LANG || platform === 'win32') return {}
  // macOS has no C.UTF-8; every Linux has it (glibc 2.35, musl, and Debian before that).
  return { LANG: platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8' }
}

/** The absolute path of a program, found as a shell would find it; null where there is none that may be executed. */
export async function findOnPath(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | null> {
  if (name === '' || name.includes('\0')) return null
  if (name.includes('/') || isAbsolute(name)) return isProgram(name) ? resolve(name) : null
  const endings = process.platform === 'win32' ? (environment.PATHEXT ?? '.EXE;.CMD;.BAT').split(';') : ['']
  for (const directory of (environment.PATH ?? '').split(delimiter)) {
    // An empty or relative entry means the working directory, which may be a worktree that an agent writes to.
    if (!isAbsolute(directory)) continue
    for (const ending of endings) {
      const path = join(directory, name + ending)
      if (isProgram(path)) return path
    }
  }
  return null
}

async function askShell(shell: string, home: string | undefined, timeoutMs: number): Promise<LoginEnvironment> {
  const own = sessionEnvironment(definedOf(process.env), shell, home)
  const fallBack = (problem: string): LoginEnvironment => ({ environment: own, source: 'own', problem })
  const mark = randomBytes(12).toString('hex')
  const question = questionFor(basename(shell), mark)
  if (process.platform === 'win32') return { environment: withoutOurs(definedOf(process.env)), source: 'own' }
  if (!question) return fallBack(`Coppice does not know how to ask ${shell} for its environment`)
  try {
    // The variable lets a start-up file skip what is slow or asks questions.
    const { stdout, stderr, timedOut, code, signal } = await runProgram(shell, question, {
      env: { ...own, COPPICE_RESOLVING_ENVIRONMENT: '1' },
      cwd: home,
      timeoutMs,
      graceMs: 200,
      maxStdoutBytes: 4 * 1024 * 1024,
    })
    const printed = stdout.toString('utf8')
    const from = printed.indexOf(mark)
    const to = printed.lastIndexOf(mark)
    const files = startUpFiles(shell, home).join(', ') || 'none was found'
    const late = `${shell} did not finish its start-up files (${files}) within ${Math.round(timeoutMs / 1000)} s`
    // What was printed in full counts, whatever the shell's exit: a start-up file may well end with an error. A shell may also go on
    // once what it waited for was ended here; nobody will end it for an agent.
    if (to > from) {
      const environment = parse(printed.slice(from + mark.length, to), own)
      return { environment, source: 'login-shell', ...(timedOut ? { problem: late } : {}) }
    }
    if (timedOut) return fallBack(late)
    const last = lastLineOf(stderr)
    return fallBack(
      `${shell} ended with ${signal ?? code} in its start-up files (${files})${last ? `, and said: ${last}` : ''}`,
    )
  } catch (error) {
    return fallBack(`${shell} could not be started: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** The start-up files of the person's own that a shell reads as it starts, those that exist. Empty for a shell unknown here. */
function startUpFiles(shell: string, home: string | undefined): string[] {
  if (!home) return []
  const inHome = (...names: string[]) => names.map((name) => join(home, name)).filter((path) => stampOf([path]) !== '')
  switch (basename(shell).replace(/^-/, '')) {
    case 'bash':
      // bash(1), INVOCATION: the first of these that exists, and what that one reads (most often .bashrc).
      return [...inHome('.bash_profile', '.bash_login', '.profile').slice(0, 1), ...inHome('.bashrc')]
    case 'zsh':
      return inHome('.zshenv', '.zprofile', '.zshrc', '.zlogin')
    case 'fish':
      return inHome('.config/fish/config.fish')
    case 'csh':
    case 'tcsh':
      return inHome('.tcshrc', '.cshrc', '.login')
    case 'nu':
      return inHome('.config/nushell/env.nu', '.config/nushell/config.nu', '.config/nushell/login.nu')
    default:
      return inHome('.profile')
  }
}

/** Changes when one of the files does. A file that cannot be read counts as none. */
function stampOf(files: readonly string[]): string {
  const stamp = (path: string) => {
    try {
      const { mtimeMs, size, ino } = statSync(path)
      return `${path} ${mtimeMs} ${size} ${ino}`
    } catch {
      return ''
    }
  }
  return files.map(stamp).filter(Boolean).join('\n')
}

/** The arguments that make a shell print its environment between two marks, NUL separated; null for a shell unknown here. */
function questionFor(shell: string, mark: string): string[] | null {
  const posix = `printf %s ${mark}; /usr/bin/env -0; printf %s ${mark}`
  switch (shell.replace(/^-/, '').replace(/\.exe$/, '')) {
    case 'nu':
      return ['-i', '-l', '-c', `print -n ${mark}; ^/usr/bin/env -0; print -n ${mark}`]
    case 'csh':
    case 'tcsh':
      // Here -l is accepted only alone.
      return ['-ic', posix]
    case 'fish':
    case 'bash':
    case 'zsh':
    case 'sh':
    case 'dash':
    case 'ash':
    case 'ksh':
    case 'mksh':
    case 'yash':
      return ['-i', '-l', '-c', posix]
    default:
      return null
  }
}

function parse(printed: string, own: Record<string, string>): Record<string, string> {
  const environment: Record<string, string> = {}
  for (const entry of printed.split('\0')) {
    const equals = entry.indexOf('=')
    if (equals > 0) environment[entry.slice(0, equals)] = entry.slice(equals + 1)
  }
  // These speak of the shell that was asked, not of the user.
  for (const name of ['_', 'SHLVL', 'PWD', 'OLDPWD', 'COPPICE_RESOLVING_ENVIRONMENT']) {
    delete environment[name]
    if (own[name] !== undefined && name !== '_') environment[name] = own[name]
  }
  return environment
}

// Of a terminal, repository or parent session that is not the agent's: it would talk to the wrong one. Wherever they come from.
const misleading = new Set([
  ...['TMUX', 'TMUX_PANE', 'STY', 'WINDOW', 'WINDOWID', 'COLUMNS', 'LINES', 'TERMCAP', 'TERM_PROGRAM_VERSION'],
  ...[
    'VTE_VERSION',
    'TERM_SESSION_ID',
    'WT_SESSION',
    'WT_PROFILE_ID',
    'KONSOLE_VERSION',
    'TERMINAL_EMULATOR',
    'ZELLIJ',
  ],
  ...['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_COMMON_DIR', 'GIT_OBJECT_DIRECTORY', 'GIT_PREFIX'],
  ...['GIT_ALTERNATE_OBJECT_DIRECTORIES', 'GIT_NAMESPACE', 'GIT_QUARANTINE_PATH', 'GIT_REFLOG_ACTION'],
  ...['CLAUDECODE', 'CLAUDE_PID', 'CLAUDE_CODE_SESSION_ID', 'CLAUDE_CODE_ENTRYPOINT', 'CLAUDE_CODE_SSE_PORT'],
  ...['NODE_CHANNEL_FD', 'NODE_UNIQUE_ID', 'INIT_CWD', 'ELECTRON_RUN_AS_NODE'],
  ...['INVOCATION_ID', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'NOTIFY_SOCKET', 'JOURNAL_STREAM'],
])
const misleadingStart = /^(COPPICE_|KITTY_|WEZTERM_|ITERM_|ALACRITTY_|GHOSTTY_|VSCODE_)/

const misleads = (name: string): boolean => misleading.has(name) || misleadingStart.test(name)

/**
 * What a fresh log-in would give a shell to begin with: who and where the person is, their session and its language, and how this
 * machine reaches the network. Nothing else of this process's own environment: it is that of whoever started the host first (a hook,
 * CI, another agent), and every later agent would see that shell's NO_COLOR, CI or GIT_AUTHOR_DATE.
 */
function sessionEnvironment(own: Record<string, string>, shell: string, home?: string): Record<string, string> {
  const kept = Object.entries(own).filter(([name]) => ofSession.test(name))
  return {
    ...machineEnvironment(),
    ...Object.fromEntries(kept),
    // What an agent's own terminal says.
    TERM: 'xterm-256color',
    SHELL: shell,
    PATH: sessionPath(own),
    ...(home === undefined ? {} : { HOME: home }),
  }
}

const ofSession = new RegExp(
  `^(${[
    'HOME|USER|LOGNAME|TZ|LANG|LANGUAGE|LC_\\w+|TMPDIR|XDG_\\w+|MAIL',
    'DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|DESKTOP_SESSION|DBUS_SESSION_BUS_ADDRESS|SSH_AUTH_SOCK|GPG_TTY|KRB5CCNAME',
    '__CF_USER_TEXT_ENCODING|SECURITYSESSIONID|WSL_\\w+|WSLENV',
    'https?_proxy|ftp_proxy|all_proxy|no_proxy|HTTPS?_PROXY|FTP_PROXY|ALL_PROXY|NO_PROXY',
    'SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS',
    'GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM)',
  ].join('|')})$`,
)

/** What this machine gives to every log-in (pam_env): a desktop has it already, a shell that is only asked does not read it. */
function machineEnvironment(): Record<string, string> {
  try {
    const lines = readFileSync('/etc/environment', 'utf8').split('\n')
    const pairs = lines.map((line) => /^\s*(?:export\s+)?([A-Za-z_]\w*)=(["']?)(.*?)\2\s*$/.exec(line))
    return Object.fromEntries(pairs.flatMap((pair) => (pair ? [[pair[1] ?? '', pair[3] ?? '']] : [])))
  } catch {
    return {}
  }
}

/** The PATH without what npm, git or a Python environment put before it for the one who started this process. */
function sessionPath(own: Record<string, string>): string {
  const borrowed = [own.VIRTUAL_ENV, own.CONDA_PREFIX].filter(Boolean).map((place) => join(place ?? '', 'bin'))
  const ofStarter = /(?:\/node_modules\/\.bin|\/node-gyp-bin|\/(?:libexec|lib)\/git-core)\/?$/
  const kept = (own.PATH ?? '').split(delimiter).filter((place) => !ofStarter.test(place) && !borrowed.includes(place))
  return kept.join(delimiter) || '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
}

// Of the program that started this process (npm, a test, a package's launcher): taken out before the login shell is asked, so that
// its answer holds such a name only where the person's own start-up files set it. (Windows, where no shell is asked.)
const ofOurStart = new Set([
  'NODE_OPTIONS',
  'VITEST',
  'CHROME_DESKTOP',
  'APPIMAGE',
  'APPDIR',
  'ARGV0',
  'OWD',
  'ORIGINAL_XDG_CURRENT_DESKTOP',
])
const startOfOurStart = /^(ELECTRON_|npm_|VITE_|VITEST_|TINYPOOL_)/

const isOurs = (name: string): boolean => misleads(name) || ofOurStart.has(name) || startOfOurStart.test(name)

const withoutOurs = (environment: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !isOurs(name)))

const definedOf = (environment: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined))

function userShell(): string {
  try {
    return userInfo().shell || '/bin/sh'
  } catch {
    // A uid without a password entry (containers) has no shell of its own.
    return '/bin/sh'
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
