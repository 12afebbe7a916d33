// The data directory: where it is, whether it is safe to use, and where things are in it. It promises a directory of the person's
// own with mode 0700, or a CoppiceFailure that says what is wrong with the one that was named. It opens no database.
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, readdirSync, realpathSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, isAbsolute, join, parse, resolve } from 'node:path'
import { CoppiceFailure, fail, systemFailureCode } from '../model/failure.ts'

export interface DataDirectory {
  readonly path: string
  /** The SQLite file of the journal. */
  readonly database: string
  /** Locked for the host's life. Never open it by other means: closing any descriptor of it would drop the lock (fcntl). */
  readonly lock: string
  /** Who holds the lock: only ever shown. */
  readonly owner: string
  /** Since when what is due for deletion has been due, in the host's own running time. */
  readonly deadlines: string
  /** The prompts that were sent before. */
  readonly prompts: string
  readonly runs: string
  readonly worktrees: string
  readonly keeper: string
  readonly logs: string
  /** Where a database goes that this build could not use. Nothing here is ever deleted by Coppice. */
  readonly aside: string
  /** The folder of one run: its prompt, its events, its scrollback. Not created here. */
  run(runId: string): string
}

/** The names below the data directory, without touching the disk. */
export function dataDirectoryAt(path: string): DataDirectory {
  const runs = join(path, 'runs')
  return {
    path,
    database: join(path, 'journal.db'),
    lock: join(path, 'host.lock'),
    owner: join(path, 'host.pid'),
    deadlines: join(path, 'deadlines.json'),
    prompts: join(path, 'prompts.json'),
    runs,
    worktrees: join(path, 'worktrees'),
    keeper: join(path, 'keeper'),
    logs: join(path, 'logs'),
    aside: join(path, 'aside'),
    run: (runId) => join(runs, runId),
  }
}

/**
 * The absolute path of the data directory: COPPICE_HOME, or the platform's convention. The one place where platforms differ.
 * A relative XDG_DATA_HOME is ignored, as the XDG base directory specification asks.
 */
export function dataDirectory(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string {
  if (environment.COPPICE_HOME) return resolve(environment.COPPICE_HOME)
  const home = (platform === 'win32' ? environment.USERPROFILE : environment.HOME) || homedir()
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Coppice')
  if (platform === 'win32') return join(environment.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'Coppice')
  const xdg = environment.XDG_DATA_HOME
  return join(xdg && isAbsolute(xdg) ? xdg : join(home, '.local', 'share'), 'coppice')
}

/**
 * Makes the data directory with mode 0700 where it is missing, checks it, and makes its rooms. Throws a CoppiceFailure:
 * `permission-denied` (another owner, not writable), `bad-input` (a link, a file, the temp directory, the home directory, or a
 * directory that others can read and that holds somebody's files), `read-only`, `no-space`, `too-many-files`.
 */
export function openDataDirectory(path: string): DataDirectory {
  const directory = dataDirectoryAt(resolve(path))
  try {
    refuseSharedPlaces(directory.path)
    makeDirectory(directory.path)
    checkOwnership(directory)
    refuseSharedPlaces(realpathSync(directory.path))
    accessSync(directory.path, constants.R_OK | constants.W_OK | constants.X_OK)
    const { runs, worktrees, keeper, logs, aside } = directory
    for (const room of [runs, worktrees, keeper, logs, aside]) makeDirectory(room)
  } catch (error) {
    throw explain(error, directory.path)
  }
  return directory
}

// mkdirSync's `recursive` never returns where the kernel answers ENOENT below a directory that is there, as /proc does (Node 26.10).
function makeDirectory(path: string, tries = 2): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || tries === 1) throw error
    makeDirectory(dirname(path))
    makeDirectory(path, 1)
  }
}

function checkOwnership(directory: DataDirectory): void {
  const found = lstatSync(directory.path)
  if (found.isSymbolicLink()) {
    throw refusal(directory.path, 'it is a symbolic link: name the directory that it points to instead')
  }
  if (!found.isDirectory()) throw refusal(directory.path, 'it is not a directory')
  const user = process.getuid?.()
  if (user === undefined) return
  if (found.uid !== user) {
    throw fail('permission-denied', { path: directory.path, message: 'the data directory belongs to another user' })
  }
  if ((found.mode & 0o077) === 0) return
  // Closing a directory that holds other things would surprise whoever shares them.
  const entries = readdirSync(directory.path)
  if (entries.length > 0 && !entries.includes('host.lock')) {
    throw refusal(
      directory.path,
      'it is open to other users and holds files that are not ours: name an empty directory',
    )
  }
  chmodSync(directory.path, 0o700)
}

function refuseSharedPlaces(path: string): void {
  // git's locks on our worktrees name it, on one line.
  if (/[\r\n]/.test(path)) throw refusal(path, 'its path holds a line break')
  const shared = [tmpdir(), '/tmp', '/var/tmp', '/dev/shm'].map(realOrSame)
  if (shared.includes(path)) throw refusal(path, 'the temp directory is shared and is emptied by others')
  if (path === parse(path).root) throw refusal(path, 'it is the root of the file system')
  if (path === homedir()) throw refusal(path, 'it is the home directory itself')
}

function realOrSame(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

const refusal = (path: string, why: string): CoppiceFailure =>
  fail('bad-input', { path, message: `${path} cannot be the data directory: ${why}` })

function explain(error: unknown, path: string): unknown {
  if (error instanceof CoppiceFailure) return error
  const code = systemFailureCode(error)
  if (code) return fail(code, { path, message: (error as Error).message }, { retryable: code !== 'permission-denied' })
  if (['ENOENT', 'ENOTDIR', 'EEXIST', 'ENAMETOOLONG', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) {
    return refusal(path, (error as Error).message)
  }
  return error
}
