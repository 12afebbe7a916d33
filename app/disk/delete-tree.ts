// The only place that deletes a tree for good, and only ever inside the trash. Every directory is held open while it is emptied
// and its children are named through it, so that one which is swapped meanwhile (for a link, for another directory) leads
// nowhere. It never crosses a mount (a bind mount has the same device number, so the mount table is read too), and looks at
// device and inode right before it starts.
import { constants } from 'node:fs'
import {
  chmod,
  type FileHandle,
  lstat,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rmdir,
  unlink,
} from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { fail } from '../model/failure.ts'
import { type Identity, identityOf, sameIdentity } from './files.ts'

/** Device and inode of a directory that is no link. Throws `trash-missing` where it is not there, `not-ours` where it is a link. */
export function directoryIdentity(path: string): Identity {
  const identity = identityOf(path)
  if (identity === null) throw fail('trash-missing', { path })
  return identity
}

/** Mount points at or below `path`, by the system's own table. Throws where the table cannot be read: unknown refuses. */
export async function mountsBelow(path: string): Promise<string[]> {
  if (process.platform !== 'linux') return []
  const table = await readFile('/proc/self/mountinfo', 'utf8')
  return table
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    )
    .filter((mount) => mount === path || mount.startsWith(path + sep))
}

/**
 * Deletes the tree at `path` and gives the bytes that came back (blocks of inodes that had no other link). Throws `not-ours`
 * where the directory is not the one that was inspected, `in-use` where something is mounted inside; then nothing is deleted.
 * What the system does not let go is passed over, so that all the rest is freed: then `partly-deleted`, with its names and the bytes
 * that came back.
 * What was caught half-way by a crash is deleted by the next call.
 */
export async function deleteTree(
  path: string,
  expected: Identity,
  options: { /** A folder above: no link may lead out of it on the way to `path`. */ readonly within?: string } = {},
): Promise<number> {
  const mounts = await mountsBelow(path)
  if (mounts.length > 0)
    throw fail('in-use', { what: path, names: mounts.slice(0, 5), message: 'something is mounted inside' })
  const parent = await openDirectory(Buffer.from(dirname(path)))
  try {
    const place = below(parent, dirname(path), Buffer.from(basename(path)))
    const root = await openDirectory(place).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw fail('trash-missing', { path })
      throw isLink(error) ? swapped(path) : error
    })
    try {
      if (!sameIdentity(await identity(root), expected)) throw swapped(path)
      if (options.within !== undefined) {
        const real = await realpath(process.platform === 'linux' ? `/proc/self/fd/${root.fd}` : path)
        if (real !== join(await realpath(options.within), relative(options.within, path))) throw swapped(path)
      }
      const tree: Tree = { root, rootPath: path, device: expected.device, raised: 0, stuck: [], stuckCount: 0, why: '' }
      let freed = await empty(tree, root, path, 0)
      // Those that lay too deep were raised into the root, and theirs again.
      for (let before = -1; before !== tree.raised; ) {
        before = tree.raised
        // Counted afresh: what is stuck is met again in every round.
        tree.stuck.length = tree.stuckCount = 0
        freed += await empty(tree, root, path, 0)
      }
      if (tree.stuckCount > 0)
        throw fail('partly-deleted', {
          path,
          count: tree.stuckCount,
          names: tree.stuck,
          bytes: freed,
          message: tree.why,
        })
      const own = await root.stat()
      await removing(parent, () => rmdir(place))
      return freed + own.blocks * 512
    } finally {
      await root.close()
    }
  } finally {
    await parent.close()
  }
}

interface Tree {
  readonly root: FileHandle
  readonly rootPath: string
  readonly device: string
  /** How many directories were raised so far: their new names are numbered. */
  raised: number
  /** The first few that could not be deleted, by their paths in the tree; how many there are; what the system said of the last. */
  readonly stuck: string[]
  stuckCount: number
  why: string
}

const maxNamed = 5
/** What the system says of a name that it does not let go: immutable, forbidden, a read-only file system, in use. */
const stuckCodes = ['EPERM', 'EACCES', 'EROFS', 'EBUSY']

/** Does `effect`; false where the system refuses it for good, which is noted. */
async function orStuck(tree: Tree, path: string, effect: () => Promise<void>): Promise<boolean> {
  try {
    await effect()
    return true
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    if (!stuckCodes.includes(code ?? '')) throw error
    tree.stuckCount++
    tree.why = `${code}, ${syscall}`
    if (tree.stuck.length < maxNamed) tree.stuck.push(relative(tree.rootPath, path))
    return false
  }
}

// Each level holds a descriptor; a machine may allow as few as 64 to a process.
const maxDepth = 12
// Names an inode without opening it (Linux, asm-generic/fcntl.h): for a directory that its own mode closes to us.
const pathOnly = 0o10000000
const directoryFlags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0)

async function empty(tree: Tree, directory: FileHandle, path: string, depth: number): Promise<number> {
  let freed = 0
  const entries = await readdir(below(directory, path), { withFileTypes: true, encoding: 'buffer' })
  for (const entry of entries) {
    const child = below(directory, path, entry.name)
    if (entry.isDirectory()) freed += await removeFolder(tree, directory, child, `${path}/${entry.name}`, depth)
    else freed += await removeLeaf(tree, directory, child, `${path}/${entry.name}`)
  }
  return freed
}

async function removeLeaf(tree: Tree, directory: FileHandle, place: Buffer, path: string): Promise<number> {
  const facts = await lstat(place).catch(orNothing)
  if (!facts) return 0
  const gone = await orStuck(tree, path, () => removing(directory, () => unlink(place)))
  return gone && facts.nlink <= 1 ? facts.blocks * 512 : 0
}

async function removeFolder(
  tree: Tree,
  directory: FileHandle,
  place: Buffer,
  path: string,
  depth: number,
): Promise<number> {
  const child = await openOwn(place)
  // It was swapped for a link or a file meanwhile: that itself goes, nothing behind it.
  if (child === 'other') return removeLeaf(tree, directory, place, path)
  if (child === null) return 0
  try {
    const facts = await child.stat()
    if (String(facts.dev) !== tree.device)
      throw fail('in-use', { what: path, message: 'another file system is mounted here' })
    if (depth >= maxDepth) {
      await raise(tree, directory, child, place)
      return 0
    }
    const before = tree.stuckCount
    const freed = await empty(tree, child, path, depth + 1)
    // What holds a file that stays has to stay too.
    if (tree.stuckCount > before) return freed
    const gone = await orStuck(tree, path, () => removing(directory, () => rmdir(place)))
    return gone ? freed + facts.blocks * 512 : freed
  } finally {
    await child.close()
  }
}

async function raise(tree: Tree, directory: FileHandle, child: FileHandle, place: Buffer): Promise<void> {
  const target = () => below(tree.root, tree.rootPath, Buffer.from(`.raised-${++tree.raised}`))
  for (;;) {
    try {
      // A directory that gets another parent must itself be writable (its ".." changes).
      await removing(directory, () => rename(place, target()), child)
      return
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOTDIR') throw error
    }
  }
}

/** A directory of the tree, held open; "other" where it is none any more, null where it is gone. */
async function openOwn(place: Buffer): Promise<FileHandle | 'other' | null> {
  try {
    const handle = await openDirectory(place)
    // Without its own permissions (a test left it so) it is ours to open: it lies in the trash.
    const { mode } = await handle.stat()
    if ((mode & 0o700) !== 0o700) await handle.chmod(0o700)
    return handle
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    if (isLink(error)) return 'other'
    if (code !== 'EACCES') throw error
  }
  if (process.platform !== 'linux') await chmod(place, 0o700)
  else {
    const named = await open(place, pathOnly | directoryFlags)
    try {
      await chmod(`/proc/self/fd/${named.fd}`, 0o700)
    } finally {
      await named.close()
    }
  }
  return openDirectory(place)
}

const openDirectory = (place: Buffer): Promise<FileHandle> => open(place, directoryFlags)

/** A path below an open directory, in bytes: a name need not be UTF-8. Only Linux has a name for that; elsewhere the plain path. */
function below(directory: FileHandle, path: string, name?: Buffer): Buffer {
  const base = Buffer.from(process.platform === 'linux' ? `/proc/self/fd/${directory.fd}` : path)
  return name === undefined ? base : Buffer.concat([base, Buffer.from(sep), name])
}

async function identity(directory: FileHandle): Promise<Identity> {
  const facts = await directory.stat({ bigint: true })
  return { device: String(facts.dev), inode: String(facts.ino) }
}

/** Takes a name out of `directory`; where a mode forbids that, the directories involved (ours) are opened first. */
async function removing(directory: FileHandle, effect: () => Promise<void>, moved?: FileHandle): Promise<void> {
  try {
    await effect()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return
    if (code !== 'EACCES' && code !== 'EPERM') throw error
    await directory.chmod(0o700)
    await moved?.chmod(0o700)
    await effect()
  }
}

const isLink = (error: unknown): boolean => ['ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')

function orNothing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw error
}

const swapped = (path: string) => fail('not-ours', { path, message: 'another directory is at this path now' })
