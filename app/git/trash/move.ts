// Moves a worktree and its admin directory into a trash and back, by rename. It promises that nothing is deleted, that what is
// moved is the very directory that was inspected (device and inode, looked at again after the rename), that no link and no
// mount is crossed, and that each step can be repeated after a crash. It runs no git and knows no retention.
import {
  chmodSync,
  closeSync,
  constants,
  cpSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import {
  exists,
  type Identity,
  identityOf,
  isMissing,
  lstatOrNull,
  readSmallText,
  replaceFile,
  sameIdentity,
  syncDirectory,
} from '../../disk/files.ts'
import { type CoppiceFailure, fail, systemFailureCode } from '../../model/failure.ts'
import { readBackPointer, realOrNull } from '../worktree/checkout.ts'
import { deleteEntry, entriesInside, readEntries, removeEmptyEntries } from '../worktree/entries.ts'

export interface DetachOptions {
  /** The worktree's real path. */
  readonly worktree: string
  readonly adminDir: string
  /** Made 0700 if it is not there; on the worktree's file system. Holds `tree` and `admin` afterwards. */
  readonly trashDir: string
  /** What was inspected (identityOf): anything else at the path is refused. */
  readonly expected?: Identity
}

export type Moved = 'moved' | 'already'

export interface DetachResult {
  readonly tree: Moved
  readonly admin: Moved
}

/**
 * Takes a worktree out of its repository: the tree to `trash/tree`, the admin directory to `trash/admin`, both durable before
 * it returns. Can be repeated: what was moved is left. Throws, with everything back in its place:
 * `no-trash` (another file system, a mount in it), `in-use` (another worktree lies inside), `not-ours` (a main checkout),
 * `state-unknown` (not what was inspected, a link on the way), `worktree-missing`, `permission-denied`, `read-only`.
 */
export function detachWorktree(options: DetachOptions): DetachResult {
  const { worktree, adminDir, trashDir } = options
  const commonDir = commonDirOf(adminDir)
  mkdirSync(trashDir, { recursive: true, mode: 0o700 })
  const trash = { tree: join(trashDir, 'tree'), admin: join(trashDir, 'admin') }
  if (realpathSync(trashDir) !== trashDir)
    throw fail('no-trash', { path: trashDir, message: `${trashDir} is reached by a link` })

  let tree: Moved
  try {
    tree = detachTree(options, commonDir, trash.tree)
  } catch (error) {
    throw moveFailure(error, worktree)
  }
  try {
    return { tree, admin: detachAdmin(options, commonDir, trash.admin) }
  } catch (error) {
    if (tree === 'moved') moveDirectory(trash.tree, worktree, identityOf(trash.tree), 'out')
    throw error
  }
}

function detachTree(options: DetachOptions, commonDir: string, target: string): Moved {
  const { worktree, adminDir, expected } = options
  const identity = identityOf(worktree)
  if (identity === null) {
    const moved = identityOf(target)
    if (moved === null) throw fail('worktree-missing', { path: worktree })
    if (expected && !sameIdentity(moved, expected)) throw swapped(target)
    return 'already'
  }
  if (exists(target)) throw fail('state-unknown', { path: target, message: `both ${worktree} and ${target} are there` })
  if (expected && !sameIdentity(identity, expected)) throw swapped(worktree)
  if (realpathSync(dirname(worktree)) !== dirname(worktree)) {
    throw fail('state-unknown', { path: worktree, reason: 'link', message: `${worktree} is reached by a link` })
  }
  if (lstatOrNull(join(worktree, '.git'))?.isDirectory()) {
    throw fail('not-ours', { path: worktree, message: `${worktree} is a main checkout` })
  }
  const inside = entriesInside(commonDir, worktree).filter((entry) => entry.adminDir !== adminDir)
  if (inside.length > 0) {
    const names = inside.map((entry) => entry.path ?? entry.id)
    throw fail('in-use', {
      path: worktree,
      reason: 'nested-worktree',
      names,
      message: `${names[0]} lies inside ${worktree}`,
    })
  }
  refuseMounts(worktree, dirname(target))
  moveDirectory(worktree, target, identity, 'in')
  return 'moved'
}

function detachAdmin(options: DetachOptions, commonDir: string, target: string): Moved {
  const { worktree, adminDir } = options
  if (!exists(adminDir)) {
    if (!exists(target)) throw fail('state-unknown', { path: adminDir, message: `${adminDir} is not there` })
    return 'already'
  }
  if (exists(target)) {
    // A copy was made (another file system) and its original not yet deleted: finish that.
    deleteEntry(commonDir, adminDir)
    return 'moved'
  }
  const back = readBackPointer(adminDir)
  if (back !== join(worktree, '.git') && realOrNull(dirname(back ?? '')) !== worktree) {
    throw fail('state-unknown', {
      path: adminDir,
      reason: 'pointer',
      message: `${adminDir} belongs to ${back ?? 'no path'}`,
    })
  }
  moveOrCopy(adminDir, target, `${target}.partial`, 'in')
  if (exists(adminDir)) deleteEntry(commonDir, adminDir)
  return 'moved'
}

export interface AttachOptions {
  readonly trashDir: string
  /** Where the worktree shall be; must not exist unless it was brought there before. */
  readonly path: string
  readonly commonDir: string
  /** The entry's former name; another is taken where that is in use. */
  readonly adminId?: string
}

export interface AttachResult {
  readonly adminDir: string
  readonly id: string
  readonly tree: Moved
  readonly admin: Moved
  /** True where the path or the entry's name is another: submodules then need repairSubmodules. */
  readonly changed: boolean
}

/**
 * Brings both back. The entry first, locked as it was, so that no prune takes it before its tree is there. Can be repeated.
 * Throws `trash-missing`, `restore-conflict` (something is at the path), and what the disk says.
 */
export function attachWorktree(options: AttachOptions): AttachResult {
  const { trashDir, path } = options
  const commonDir = realpathSync(options.commonDir)
  const trash = { tree: join(trashDir, 'tree'), admin: join(trashDir, 'admin') }
  const treeIdentity = identityOf(trash.tree)
  const pointer = join(path, '.git')
  const known = readEntries(commonDir).find((entry) => entry.path === path)
  if (treeIdentity === null && !exists(pointer)) throw fail('trash-missing', { path: trash.tree })
  if (!exists(trash.admin) && !known) throw fail('trash-missing', { path: trash.admin })
  if (treeIdentity !== null && exists(path)) throw fail('restore-conflict', { path })
  if (exists(trash.admin) && known)
    throw fail('restore-conflict', { path, message: `${known.adminDir} says it is at ${path}` })

  const id = known?.id ?? freeId(commonDir, options.adminId ?? basename(path))
  const adminDir = join(commonDir, 'worktrees', id)
  let admin: Moved = 'already'
  let changed = false
  if (!known) {
    changed = readBackPointer(trash.admin) !== pointer
    // In the trash, where nobody else reads it: from the moment of the rename the entry is right.
    replaceFile(join(trash.admin, 'gitdir'), `${pointer}\n`)
    replaceFile(join(trash.admin, 'commondir'), '../..\n')
    mkdirSync(join(commonDir, 'worktrees'), { recursive: true })
    // Not beside the entries: git takes every folder there for one.
    try {
      moveOrCopy(trash.admin, adminDir, join(commonDir, `coppice-partial-${id}`), 'out')
    } catch (error) {
      removeEmptyEntries(commonDir)
      throw error
    }
    if (exists(trash.admin)) rmSync(trash.admin, { recursive: true, force: true })
    admin = 'moved'
  }
  let tree: Moved = 'already'
  if (treeIdentity !== null) {
    try {
      const wanted = `gitdir: ${adminDir}`
      const inTree = join(trash.tree, '.git')
      if (readSmallText(inTree) !== wanted) {
        changed = true
        replaceFile(inTree, `${wanted}\n`)
      }
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      moveDirectory(trash.tree, path, treeIdentity, 'out')
    } catch (error) {
      if (admin === 'moved') entryBackToTrash(commonDir, adminDir, trash.admin)
      throw moveFailure(error, path)
    }
    tree = 'moved'
  }
  return { adminDir, id, tree, admin, changed }
}

/** A tree that could not come back must not be listed as if it had. What fails here is tried again with the next restore. */
function entryBackToTrash(commonDir: string, adminDir: string, target: string): void {
  try {
    moveOrCopy(adminDir, target, `${target}.partial`, 'in')
    if (exists(adminDir)) deleteEntry(commonDir, adminDir)
    else removeEmptyEntries(commonDir)
  } catch {
    // The entry stays, locked as it was, and names the place where the tree will be.
  }
}

/**
 * Renames a directory into or out of the trash and makes sure that it is the one meant. The trash is ours alone, so it is on that
 * side that the directory is compared: after the rename on the way in, before it on the way out. The parents are held open: one
 * that is swapped meanwhile leads nowhere. Another directory that was caught on the way in is put back.
 */
export function moveDirectory(from: string, to: string, identity: Identity | null, way: 'in' | 'out'): void {
  if (identity === null) throw fail('worktree-missing', { path: from })
  const source = openDirectory(dirname(from))
  let target: number | undefined
  try {
    target = openDirectory(dirname(to))
    const fromPath = within(source, from)
    const toPath = within(target, to)
    if (exists(toPath)) throw fail('restore-conflict', { path: to })
    if (way === 'out' && !isThe(fromPath, identity)) throw swapped(from)
    renameWritable(fromPath, toPath, from)
    if (way === 'in' && !isThe(toPath, identity)) {
      putBack(toPath, fromPath, from)
      throw swapped(from)
    }
    try {
      fsyncSync(target)
      fsyncSync(source)
    } catch (error) {
      // Nobody knows whether it would last: taken back, so that a failure always means that nothing has moved.
      renameWritable(toPath, fromPath, to)
      throw error
    }
  } catch (error) {
    throw moveFailure(error, from)
  } finally {
    closeSync(source)
    if (target !== undefined) closeSync(target)
  }
}

/** What was caught instead of the directory goes back; where its place is taken by now, it stays beside, under a name that says so. */
function putBack(caught: string, place: string, name: string): void {
  try {
    if (!exists(place)) {
      renameSync(caught, place)
      return
    }
  } catch {
    // Somebody took its place between the look and the rename.
  }
  renameSync(caught, `${caught}.not-${basename(name)}-${Date.now().toString(36)}`)
}

function openDirectory(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
}

function isThe(path: string, identity: Identity): boolean {
  try {
    const arrived = identityOf(path)
    return arrived !== null && sameIdentity(arrived, identity)
  } catch {
    // A link or a file: not the directory that was inspected.
    return false
  }
}

/** A path below an open directory. Only Linux has a name for that (/proc/self/fd); elsewhere the plain path is used. */
function within(descriptor: number, path: string): string {
  return process.platform === 'linux' ? `/proc/self/fd/${descriptor}/${basename(path)}` : path
}

// A directory that is moved to another parent gets a new "..": without the write bit on itself Linux says EACCES.
function renameWritable(from: string, to: string, name: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    const mode = lstatSync(from).mode & 0o7777
    if ((error as NodeJS.ErrnoException).code !== 'EACCES' || (mode & 0o200) !== 0) throw moveFailure(error, name)
    chmodSync(from, mode | 0o200)
    try {
      renameSync(from, to)
      chmodSync(to, mode)
    } catch (again) {
      chmodSync(from, mode)
      throw moveFailure(again, name)
    }
  }
}

function moveFailure(error: unknown, path: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EXDEV') return fail('no-trash', { path, reason: 'other-file-system', message })
  if (code === 'EBUSY') return fail('no-trash', { path, reason: 'mount', message })
  if (isMissing(error)) return fail('worktree-missing', { path, message })
  const machine = systemFailureCode(error)
  return machine ? fail(machine, { path, message }) : error
}

/** Renames; where that is another file system, copies completely and durably under a name that nobody looks at, first. */
function moveOrCopy(from: string, to: string, partial: string, way: 'in' | 'out'): void {
  const identity = identityOf(from)
  try {
    moveDirectory(from, to, identity, way)
  } catch (error) {
    if ((error as CoppiceFailure).failure?.detail?.reason !== 'other-file-system') throw error
    rmSync(partial, { recursive: true, force: true })
    cpSync(from, partial, {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
      errorOnExist: true,
      force: false,
    })
    syncTree(partial)
    moveDirectory(partial, to, identityOf(partial), way)
  }
}

function syncTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) syncTree(path)
    else if (entry.isFile()) {
      const descriptor = openSync(path, constants.O_RDONLY)
      try {
        fsyncSync(descriptor)
      } finally {
        closeSync(descriptor)
      }
    }
  }
  syncDirectory(directory)
}

/** Refuses a tree that is or holds a mount, and a trash on another file system: a rename would fail or take the mount along. */
function refuseMounts(worktree: string, trashDir: string): void {
  const device = statSync(worktree).dev
  if (statSync(dirname(worktree)).dev !== device) throw noTrash(worktree, 'mount', `${worktree} is a mount`)
  if (statSync(trashDir).dev !== device) {
    throw noTrash(worktree, 'other-file-system', `${trashDir} is on another file system than ${worktree}`)
  }
  for (const mount of mountPoints()) {
    const way = relative(worktree, mount)
    if (way === '' || (!way.startsWith('..') && !way.startsWith('/'))) {
      throw noTrash(worktree, 'mount', `${mount} is mounted inside ${worktree}`)
    }
  }
}

/** The mount points that this process sees; none where the system has no such list (bind mounts are Linux's). */
function mountPoints(): string[] {
  if (!existsSync('/proc/self/mountinfo')) return []
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const path = line.split(' ')[4]
      // Space, tab, newline and backslash are written in octal.
      return path
        ? [path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))]
        : []
    })
}

function commonDirOf(adminDir: string): string {
  const folder = dirname(adminDir)
  if (basename(folder) !== 'worktrees') {
    throw fail('not-ours', { path: adminDir, message: `${adminDir} is no linked worktree's` })
  }
  return dirname(folder)
}

function freeId(commonDir: string, wanted: string): string {
  for (let n = 0; ; n++) {
    const id = n === 0 ? wanted : `${wanted}${n}`
    if (!exists(join(commonDir, 'worktrees', id))) return id
  }
}

function swapped(path: string) {
  return fail('state-unknown', { path, reason: 'swapped', message: `${path} is not the directory that was inspected` })
}

function noTrash(path: string, reason: string, message: string) {
  return fail('no-trash', { path, reason, message })
}
