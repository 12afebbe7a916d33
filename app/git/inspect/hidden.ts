// Edits that git was told not to see: files marked skip-worktree or assume-unchanged whose content is not what the index says.
// `git status` and `git worktree remove` are silent about them. Compared by content, not by time.

import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { lstatOrNull } from '../../disk/files.ts'
import { fail } from '../../model/failure.ts'
import { type GitContext, git } from '../exec.ts'
import { type Checkout, realOrNull } from '../worktree/checkout.ts'

export interface IndexFacts {
  /** Marked entries whose file differs from the index, as text. */
  readonly hiddenEdits: readonly string[]
  /** Paths of the index that are submodules (gitlinks). */
  readonly submodules: readonly string[]
  /** Folders with tracked files and a .git of their own: `git status` never shows that, whatever lies in it. */
  readonly repositories: readonly string[]
}

interface Marked {
  readonly path: string
  readonly mode: string
  readonly object: string
  /** A sparse checkout marks what it leaves out: a marked file that is absent is no edit. */
  readonly sparse: boolean
}

/** Reads the index once: marked files that differ, and submodules. Two git processes at most. */
export async function inspectIndex(context: GitContext, checkout: Checkout): Promise<IndexFacts> {
  const marked: Marked[] = []
  const submodules: string[] = []
  const folders = new Set<string>()
  const { stdout } = await git(context, checkout.worktree, ['ls-files', '-v', '--stage', '-z'], { checkout })
  for (const record of splitPaths(stdout)) {
    const text = record.toString('latin1')
    // "H 100644 <object> <stage>\t<path>": lower case is assume-unchanged, S is skip-worktree.
    const match = /^([A-Za-z?]) (\d{6}) ([0-9a-f]+) \d\t/.exec(text)
    if (!match) throw fail('state-unknown', { message: `git ls-files said "${text.slice(0, 100)}"` })
    const path = record.subarray(match[0].length)
    const tag = match[1]!
    addFolders(folders, path.toString('latin1'))
    if (match[2] === '160000') submodules.push(path.toString('utf8'))
    else if (tag === 'S' || tag !== tag.toUpperCase()) {
      if (!isUtf8(path))
        throw fail('state-unknown', { message: `${path.toString('utf8')} is marked and its name is not UTF-8` })
      marked.push({
        path: path.toString('utf8'),
        mode: match[2]!,
        object: match[3]!,
        sparse: tag.toUpperCase() === 'S',
      })
    }
  }
  const repositories = repositoriesIn(checkout.worktree, folders)
  return { hiddenEdits: await differing(context, checkout, marked), submodules, repositories }
}

/** The folders that a path lies in; those of one that is known are known too. */
function addFolders(folders: Set<string>, path: string): void {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const folder = path.slice(0, end)
    if (folders.has(folder)) return
    folders.add(folder)
  }
}

// 4,333 folders took 12 ms here. A folder that has become a link leads out of the worktree: what is there is not of it.
function repositoriesIn(worktree: string, folders: ReadonlySet<string>): string[] {
  return [...folders]
    .map((folder) => Buffer.from(folder, 'latin1').toString('utf8'))
    .filter((folder) => lstatOrNull(join(worktree, folder, '.git')) !== null)
    .filter((folder) => realOrNull(join(worktree, folder)) === join(worktree, folder))
    .sort()
}

function* splitPaths(output: Buffer): Generator<Buffer> {
  let from = 0
  for (let end = output.indexOf(0); end >= 0; end = output.indexOf(0, from)) {
    yield output.subarray(from, end)
    from = end + 1
  }
}

async function differing(context: GitContext, checkout: Checkout, marked: readonly Marked[]): Promise<string[]> {
  const edited = new Set<string>()
  const toHash: Marked[] = []
  for (const entry of marked) {
    const verdict = lookAt(checkout.worktree, entry)
    if (verdict === 'edited') edited.add(entry.path)
    if (verdict === 'hash') toHash.push(entry)
  }
  const byLine = toHash.filter(({ path }) => !/[\n"]/.test(path))
  if (byLine.length > 0) {
    // With the filters that a checkout would use (line ends, LFS), so that what they change is no edit.
    const { stdout } = await git(context, checkout.worktree, ['hash-object', '--stdin-paths'], {
      checkout,
      input: byLine.map(({ path }) => `${path}\n`).join(''),
    })
    const hashes = stdout.toString('utf8').split('\n').slice(0, -1)
    if (hashes.length !== byLine.length) throw fail('state-unknown', { message: 'git did not hash every hidden file' })
    for (const [index, entry] of byLine.entries()) if (hashes[index] !== entry.object) edited.add(entry.path)
  }
  // --stdin-paths takes one path a line.
  for (const entry of toHash) {
    if (byLine.includes(entry)) continue
    const { stdout } = await git(context, checkout.worktree, ['hash-object'], { checkout, paths: [entry.path] })
    if (stdout.toString('utf8').trim() !== entry.object) edited.add(entry.path)
  }
  return marked.map(({ path }) => path).filter((path) => edited.has(path))
}

function lookAt(worktree: string, entry: Marked): 'same' | 'edited' | 'hash' {
  const path = join(worktree, entry.path)
  const folder = realOrNull(dirname(path))
  const facts = folder === null ? null : lstatOrNull(path)
  if (!facts) return entry.sparse ? 'same' : 'edited'
  // A folder on the way that has become a link leads out of the worktree: what is there is not this file.
  if (folder !== dirname(path)) return 'edited'
  if (entry.mode === '120000') {
    if (!facts.isSymbolicLink()) return 'edited'
    const target = readlinkSync(path, { encoding: 'buffer' })
    const hash = createHash(entry.object.length === 64 ? 'sha256' : 'sha1')
    return hash.update(`blob ${target.length}\0`).update(target).digest('hex') === entry.object ? 'same' : 'edited'
  }
  if (!facts.isFile()) return 'edited'
  const executable = (facts.mode & 0o100) !== 0
  return executable !== (entry.mode === '100755') ? 'edited' : 'hash'
}
