// Hermetic repositories for tests, made by own-git.ts and never by the code under test: a HOME of their own, no system or global
// configuration, fixed names and dates. Also the fingerprint that proves a directory is byte for byte what it was.
import { createHash } from 'node:crypto'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { GitContext } from '../../app/git/exec.ts'
import { type GitAnswer, ownGit, tryGit } from './own-git.ts'

/** What a path holds: text, bytes, a link, or an executable file. A path that ends with "/" is a folder. */
export type FileContent = string | Uint8Array | { readonly link: string } | { readonly run: string }
export type Files = Readonly<Record<string, FileContent>>

export interface RepoOptions {
  /** The repository's folder name; may hold spaces, quotes, newlines and any Unicode. Default "repo". */
  readonly name?: string
  /** The first commit's files. Default one README. None at all: a repository without a commit. */
  readonly files?: Files | null
  /** Files of each further commit, oldest first. */
  readonly commits?: readonly Files[]
  /** True: a bare clone beside it as "origin", fetched, with refs/remotes/origin/HEAD. */
  readonly remote?: boolean
  readonly branch?: string
}

export interface TestRepo {
  /** A temporary directory that holds everything of this test. */
  readonly root: string
  readonly path: string
  readonly commonDir: string
  /** The bare clone, or null. */
  readonly remote: string | null
  readonly environment: Record<string, string>
  readonly context: GitContext
  /** Raw git in the repository: stdout without its last newline. */
  git(...args: string[]): string
  /** Raw git in any directory. */
  gitIn(directory: string, ...args: string[]): string
  /** Raw git that may fail. */
  tryGit(directory: string, ...args: string[]): GitAnswer
  write(files: Files, directory?: string): void
  /** Writes, stages and commits; gives the commit's name. */
  commit(files: Files, message?: string, directory?: string): string
  /** A linked worktree made by raw git, on a new branch. */
  worktree(branch: string, from?: string): string
  close(): void
}

/** The environment of every git in tests: nothing of this machine's but PATH. */
export function hermeticEnvironment(home: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    GIT_CONFIG_GLOBAL: join(home, '.gitconfig'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada Author',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_AUTHOR_DATE: '2026-01-02T03:04:05Z',
    GIT_COMMITTER_NAME: 'Ada Author',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
    GIT_COMMITTER_DATE: '2026-01-02T03:04:05Z',
    LC_ALL: 'C',
  }
}

export function makeRepo(options: RepoOptions = {}): TestRepo {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-test-')))
  const home = join(root, 'home')
  const path = join(root, options.name ?? 'repo')
  mkdirSync(home)
  mkdirSync(path)
  writeFileSync(join(home, '.gitconfig'), '[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n')
  const environment = hermeticEnvironment(home)
  const gitIn = (directory: string, ...args: string[]): string => ownGit({ directory, args, environment })
  gitIn(path, 'init', '--quiet', '--initial-branch', options.branch ?? 'main')
  let count = 0
  const repo: TestRepo = {
    root,
    path,
    commonDir: join(path, '.git'),
    remote: options.remote ? join(root, 'origin.git') : null,
    environment,
    context: { file: 'git', environment, trusted: false, scratchDirectory: root },
    git: (...args) => gitIn(path, ...args),
    gitIn,
    tryGit: (directory, ...args) => tryGit({ directory, args, environment }),
    write: (files, directory = path) => writeFiles(directory, files),
    commit(files, message, directory = path) {
      writeFiles(directory, files)
      gitIn(directory, 'add', '--all')
      gitIn(directory, 'commit', '--quiet', '--allow-empty', '--message', message ?? `Commit ${++count}`)
      return gitIn(directory, 'rev-parse', 'HEAD')
    },
    worktree(branch, from = 'HEAD') {
      const target = join(root, 'worktrees', branch.replaceAll('/', '-'))
      mkdirSync(dirname(target), { recursive: true })
      gitIn(path, 'worktree', 'add', '--quiet', '--no-track', '-b', branch, target, from)
      return target
    },
    close: () => removeTree(root),
  }
  if (options.files !== null) repo.commit(options.files ?? { 'README.md': '# Test\n' })
  for (const files of options.commits ?? []) repo.commit(files)
  if (options.remote) addRemote(repo)
  return repo
}

/** A bare clone as "origin", as `git clone` would have left it. */
export function addRemote(repo: TestRepo, path = join(repo.root, 'origin.git')): string {
  repo.gitIn(repo.root, 'clone', '--quiet', '--bare', repo.path, path)
  repo.git('remote', 'add', 'origin', path)
  repo.git('fetch', '--quiet', 'origin')
  repo.git('remote', 'set-head', 'origin', '--auto')
  return path
}

export function writeFiles(directory: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name)
    mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true })
    if (name.endsWith('/')) continue
    rmSync(path, { force: true })
    if (typeof content === 'string' || content instanceof Uint8Array) writeFileSync(path, content)
    else if ('link' in content) symlinkSync(content.link, path)
    else writeFileSync(path, content.run, { mode: 0o755 })
  }
}

export interface FingerprintOptions {
  /** Paths (relative, "/" between) that are left out, with all below them. */
  readonly without?: RegExp
}

/** Every path below `directory` with its kind, mode and content: two of them are equal only where nothing differs. */
export function fingerprint(directory: string, options: FingerprintOptions = {}): Record<string, string> {
  const found: Record<string, string> = {}
  const visit = (path: string, name: string): void => {
    if (options.without?.test(name)) return
    const facts = lstatSync(path)
    const mode = (facts.mode & 0o7777).toString(8)
    if (facts.isDirectory()) {
      found[`${name}/`] = mode
      for (const entry of readdirSync(path).sort()) visit(join(path, entry), name === '' ? entry : `${name}/${entry}`)
    } else if (facts.isSymbolicLink()) found[name] = `link ${readlinkSync(path)}`
    else if (facts.isFile()) found[name] = `${mode} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
    else found[name] = `special ${facts.mode.toString(8)}`
  }
  visit(directory, '')
  return found
}

/** What a person's checkout may gain while Coppice works in its repository: objects, refs of runs, worktrees, remote branches. */
export const ownCheckout: FingerprintOptions = {
  without:
    /^\.git\/(objects|worktrees|packed-refs|refs\/(coppice|remotes|heads\/agent)|logs\/refs\/(remotes|heads\/agent)|logs\/refs\/coppice)$/,
}

/** Every object of a repository by name: what must never become fewer. */
export function objectNames(repo: TestRepo): Set<string> {
  const text = repo.git('cat-file', '--batch-check=%(objectname)', '--batch-all-objects', '--unordered')
  return new Set(text === '' ? [] : text.split('\n'))
}

/** Removes a directory that tests have made, also where a mode forbids it. */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), 0o700)
    }
    rmSync(path, { recursive: true, force: true })
  }
}
