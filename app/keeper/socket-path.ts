// Where the unix sockets of a data directory are. A socket's path has at most 107 bytes (sun_path), so it cannot be in the data
// directory itself. It is in a 0700 directory of ours, named by a hash of the data directory. It promises that nobody else can have
// created that directory. It knows no protocol.
import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

export type SocketName = 'keeper' | 'host'

/**
 * The socket's path as this process would choose it: below $XDG_RUNTIME_DIR where that is a directory of ours, else below
 * /tmp. A process started without that variable (cron, sudo) chooses otherwise, hence `socketCandidates`.
 */
export function socketPath(dataDir: string, name: SocketName): string {
  const hash = createHash('sha256').update(realPath(dataDir)).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return `\\\\.\\pipe\\coppice-${hash}-${name}`
  const file = `${name[0]}.sock`
  const runtime = process.env.XDG_RUNTIME_DIR
  const inRuntime = runtime && join(runtime, `coppice-${hash}`, file)
  if (inRuntime && isPrivate(runtime) && Buffer.byteLength(inRuntime) <= 107) return inRuntime
  return join('/tmp', `coppice-${process.getuid?.() ?? 0}-${hash}`, file)
}

/** Where to look for a socket, in order: where its owner said it is, then where this process would have put it. */
export function socketCandidates(dataDir: string, name: SocketName): string[] {
  const chosen = socketPath(dataDir, name)
  try {
    const said = readFileSync(join(dataDir, `${name}.address`), 'utf8').trim()
    return said.startsWith('/') && Buffer.byteLength(said) <= 107 ? [...new Set([said, chosen])] : [chosen]
  } catch {
    return [chosen]
  }
}

/** Leaves the socket's path in the data directory (which is 0700) for processes that would look elsewhere. */
export function announceSocket(dataDir: string, name: SocketName, path: string): void {
  const file = join(dataDir, `${name}.address`)
  writeFileSync(`${file}.new`, `${path}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Makes the directory that a socket stands in, 0700; throws where it is a link or belongs to another user. */
export function prepareSocketDirectory(path: string): void {
  if (process.platform === 'win32') return
  const directory = dirname(path)
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const stat = lstatSync(directory)
  if (!stat.isDirectory() || stat.uid !== process.getuid?.())
    throw new Error(
      `${directory} is not a directory of this user; remove it, or set XDG_RUNTIME_DIR to one of your own`,
    )
  if ((stat.mode & 0o777) !== 0o700) chmodSync(directory, 0o700)
}

/** True for a directory of ours that nobody else may write to. */
function isPrivate(directory: string): boolean {
  try {
    const stat = lstatSync(directory)
    return stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0
  } catch {
    return false
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}
