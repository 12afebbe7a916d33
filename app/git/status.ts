// What has changed in a checkout: counts that are exact, a few names for the eye, the branch, the operation in progress; and a
// signature so cheap that fifty of them a second cost nothing. Reads only, without taking a lock. It never runs a submodule's
// git: that would run filters which are not known here (git/inspect/nested.ts looks into submodules, hardened).
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { exists, isMissing } from '../disk/files.ts'
import { fail } from '../model/failure.ts'
import { type GitContext, git } from './exec.ts'
import { type Checkout, locateCheckout, type Operation, operationInProgress } from './worktree/checkout.ts'

export type FileGroup = 'staged' | 'unstaged' | 'untracked' | 'conflicted'

export interface Status {
  /** null where HEAD has no commit yet. */
  readonly commit: string | null
  /** null where detached. */
  readonly branch: string | null
  /** Counts are exact. A file that is staged and then changed again counts in both. */
  readonly staged: number
  readonly unstaged: number
  readonly untracked: number
  readonly conflicted: number
  /** The first few of each; bytes that are no UTF-8 are shown as U+FFFD. */
  readonly paths: Readonly<Record<FileGroup, readonly string[]>>
  readonly operation: Operation | null
}

export interface StatusOptions {
  /** "normal" counts a new folder as one and uses the untracked cache; "all" counts each file. Default "normal". */
  readonly untracked?: 'normal' | 'all'
  /** How many names of each group are kept. Default 20. */
  readonly maxPaths?: number
  readonly signal?: AbortSignal | undefined
  /** Handed every untracked path, in bytes; a folder ends with "/" (with "all": a repository of its own). */
  readonly onUntracked?: (path: Buffer) => void
  /** Handed every ignored path too: files, and folders that a pattern matches as a whole (these end with "/"). */
  readonly onIgnored?: (path: Buffer) => void
}

/**
 * Reads the status of a checkout, one git process. What the repository's configuration says about what to show is overridden.
 * Throws `worktree-missing`, and `state-unknown` where there is no index: a killed checkout shows every file as deleted then,
 * which is nobody's work.
 */
export async function readStatus(context: GitContext, worktree: string, options: StatusOptions = {}): Promise<Status> {
  return statusOf(context, locateCheckout(worktree), options)
}

export async function statusOf(context: GitContext, checkout: Checkout, options: StatusOptions = {}): Promise<Status> {
  if (!exists(join(checkout.adminDir, 'index')) && checkout.id !== null) {
    const message = `${checkout.adminDir} has no index: its files were never checked out`
    throw fail('state-unknown', { path: checkout.worktree, reason: 'no-index', message })
  }
  const parser = statusParser(options)
  const untracked = options.untracked ?? 'normal'
  const show = ['--no-renames', '--no-ahead-behind', '--ignore-submodules=dirty', `--untracked-files=${untracked}`]
  // Not `ls-files --ignored --directory`: that also names a folder which is not ignored, only full of what is.
  if (options.onIgnored) show.push('--ignored=matching')
  await git(context, checkout.worktree, ['status', '--porcelain=v2', '--branch', '-z', ...show], {
    checkout,
    signal: options.signal,
    maxStdoutBytes: 0,
    onStdout: parser.add,
  })
  return { ...parser.end(), operation: operationInProgress(checkout.adminDir) }
}

/** Parses porcelain v2 -z as it arrives, so that a million untracked files are counted in constant memory. */
export function statusParser(options: StatusOptions = {}) {
  const maxPaths = options.maxPaths ?? 20
  const counts = { staged: 0, unstaged: 0, untracked: 0, conflicted: 0 }
  const paths: Record<FileGroup, string[]> = { staged: [], unstaged: [], untracked: [], conflicted: [] }
  let commit: string | null = null
  let branch: string | null = null
  let rest: Buffer = Buffer.alloc(0)
  let begun = false

  const note = (group: FileGroup, path: Buffer) => {
    counts[group]++
    if (paths[group].length < maxPaths) paths[group].push(path.toString('utf8'))
  }
  const record = (line: Buffer) => {
    const kind = line[0]
    if (kind === 0x23) {
      const text = line.toString('utf8')
      if (text.startsWith('# branch.oid ')) {
        begun = true
        commit = text.endsWith('(initial)') ? null : text.slice(13)
      }
      if (text.startsWith('# branch.head ')) branch = text === '# branch.head (detached)' ? null : text.slice(14)
    } else if (kind === 0x31) {
      const path = afterFields(line, 8)
      if (line[2] !== 0x2e) note('staged', path)
      if (line[3] !== 0x2e) note('unstaged', path)
    } else if (kind === 0x75) note('conflicted', afterFields(line, 10))
    else if (kind === 0x3f) {
      const path = line.subarray(2)
      note('untracked', path)
      options.onUntracked?.(path)
    } else if (kind === 0x21) options.onIgnored?.(line.subarray(2))
    else throw fail('state-unknown', { message: `git status said "${line.toString('utf8').slice(0, 100)}"` })
  }
  return {
    add(chunk: Buffer): void {
      let data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
      for (let end = data.indexOf(0); end >= 0; end = data.indexOf(0)) {
        record(data.subarray(0, end))
        data = data.subarray(end + 1)
      }
      rest = Buffer.from(data)
    },
    end(): Omit<Status, 'operation'> {
      if (rest.length > 0) throw fail('state-unknown', { message: 'git status ended in the middle of a record' })
      if (!begun) throw fail('state-unknown', { message: 'git status said nothing' })
      return { commit, branch, ...counts, paths }
    },
  }
}

/** What follows the first `count` fields; a path may hold spaces. */
function afterFields(line: Buffer, count: number): Buffer {
  let at = 0
  for (let field = 0; field < count; field++) at = line.indexOf(0x20, at) + 1
  return line.subarray(at)
}

/**
 * Changes whenever a commit, a checkout or a staging happened: times, sizes and inodes of HEAD, index and the HEAD reflog.
 * Synchronous, no git, 10 µs. Edits of files do not change it. null where the worktree or its admin directory is gone.
 */
export function quickSignature(worktree: string, adminDir?: string): string | null {
  try {
    const directory = adminDir ?? locateCheckout(worktree).adminDir
    return ['HEAD', 'index', 'logs/HEAD']
      .map((name) => {
        const facts = statSync(join(directory, name), { bigint: true, throwIfNoEntry: false })
        return facts ? `${facts.mtimeNs}-${facts.size}-${facts.ino}` : 'none'
      })
      .join(' ')
  } catch (error) {
    const code = (error as { failure?: { code: string } }).failure?.code
    if (isMissing(error) || code === 'worktree-missing' || code === 'state-unknown') return null
    throw error
  }
}
