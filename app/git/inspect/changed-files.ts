// What lies in a worktree that git does not track: ignored files, which of them are precious and which can be made again; and
// nested repositories. It follows no link, stops at a cap and says so, and runs no git: git names the paths, this looks at them.
import type { Dirent, Stats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'

export interface Walked {
  readonly files: number
  readonly bytes: number
  readonly precious: readonly string[]
  /** Repositories (a folder with a .git in it, or a bare one), relative to the worktree. */
  readonly repositories: readonly string[]
  /** False where the cap was reached or something could not be read: then the figures are too low. */
  readonly complete: boolean
  readonly why: string | null
}

// A walk of 73,000 files took 1.8 s here; a preview that takes longer than a few seconds is not read.
const maxEntries = 150_000

/** Directories that an install or a build makes again, and what must stand beside or inside them for that to be true. */
const rebuildableKinds: readonly {
  readonly names: readonly string[]
  /** The kind as a person calls it. */
  readonly kind: string
  readonly beside?: readonly string[]
  readonly inside?: readonly string[]
  /** Build output may hold what a person put there: it is looked through for precious files. */
  readonly output?: boolean
}[] = [
  {
    names: ['node_modules'],
    kind: 'node_modules',
    beside: ['package.json'],
    inside: ['.package-lock.json', '.modules.yaml', '.yarn-state.yml'],
  },
  { names: ['.venv', 'venv'], kind: 'Python environment', inside: ['pyvenv.cfg'] },
  { names: ['target'], kind: 'build output', beside: ['Cargo.toml', 'pom.xml'], output: true },
  { names: ['__pycache__', '.pytest_cache', '.mypy_cache', '.ruff_cache', '.tox', '.nox'], kind: 'Python cache' },
  {
    names: ['.next', '.nuxt', '.svelte-kit', '.turbo', '.parcel-cache', '.vite', '.angular'],
    kind: 'build cache',
    beside: ['package.json'],
  },
  {
    names: ['.gradle'],
    kind: 'build cache',
    beside: ['build.gradle', 'build.gradle.kts', 'settings.gradle', 'settings.gradle.kts'],
  },
  {
    names: ['dist', 'build', 'out', 'coverage', 'bin', 'obj'],
    kind: 'build output',
    beside: [
      'package.json',
      'pyproject.toml',
      'setup.py',
      'CMakeLists.txt',
      'build.gradle',
      'build.gradle.kts',
      'Makefile',
      'go.mod',
    ],
    output: true,
  },
]

/** Names of files that hold secrets or data which no build makes again. */
const preciousNames =
  /^(\.env(\..+)?|.+\.env|\.envrc|\.npmrc|\.pypirc|\.netrc|_netrc|\.htpasswd|id_(rsa|dsa|ecdsa|ed25519)(_.+)?|credentials(\..+)?|secrets?(\..+)?|service-account.*\.json|.+\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|gpg|asc|crt|cer|sqlite3?|sqlite-wal|db|db3|mdb|dump|sql|tfstate|tfvars|ovpn|mobileprovision))$/i
/** Those of them that are made to be shared: no secret in them. */
const sampleNames = /\.(example|sample|template|dist)$/i

export function isPrecious(name: string): boolean {
  return preciousNames.test(name) && !sampleNames.test(name)
}

/** The kind of a directory that can be made again, or null where the evidence for that is missing. */
export async function rebuildableKind(
  worktree: string,
  name: string,
): Promise<{ kind: string; output: boolean } | null> {
  const directory = join(worktree, name)
  for (const candidate of rebuildableKinds) {
    if (!candidate.names.includes(basename(name))) continue
    const { beside, inside } = candidate
    const proof = [
      ...(beside ?? []).map((file) => join(directory, '..', file)),
      ...(inside ?? []).map((file) => join(directory, file)),
    ]
    if (proof.length === 0 || (await anyExists(proof)))
      return { kind: candidate.kind, output: candidate.output ?? false }
  }
  return null
}

/**
 * Untracked or ignored paths of a worktree, as bytes (a name need not be UTF-8): a file counts itself, a directory all below
 * it. A link counts, and is not followed.
 */
export async function walkUntracked(worktree: string, names: readonly Buffer[]): Promise<Walked> {
  const precious: string[] = []
  const repositories: string[] = []
  let files = 0
  let bytes = 0
  let entries = 0
  let why: string | null = null
  const pathOf = (name: Buffer) => Buffer.concat([Buffer.from(`${worktree}/`), name])
  const unreadable = (name: Buffer) => {
    why ??= `${name.toString('utf8')} could not be read`
  }

  const file = async (name: Buffer, facts: Stats | null) => {
    files++
    const text = name.toString('utf8')
    if (isPrecious(basename(text))) precious.push(text)
    const found = facts ?? (await lstat(pathOf(name)).catch(() => null))
    if (found === null) unreadable(name)
    else bytes += found.size
  }
  const folder = async (name: Buffer): Promise<void> => {
    let children: Dirent<Buffer>[]
    try {
      children = await readdir(pathOf(name), { withFileTypes: true, encoding: 'buffer' })
    } catch {
      return unreadable(name)
    }
    const childNames = new Set(children.map((child) => child.name.toString('latin1')))
    const bare = childNames.has('HEAD') && childNames.has('objects') && childNames.has('refs')
    if (childNames.has('.git') || (bare && !/(^|\/)\.git(\/|$)/.test(name.toString('latin1'))))
      repositories.push(name.toString('utf8'))
    for (const child of children) {
      if (++entries > maxEntries) {
        why ??= `there are more than ${maxEntries} files`
        return
      }
      const childName = Buffer.concat([name, slash, child.name])
      if (child.isDirectory()) await folder(childName)
      else await file(childName, null)
    }
  }
  for (const listed of names) {
    const name = listed.at(-1) === slash[0] ? listed.subarray(0, -1) : listed
    const facts = await lstat(pathOf(name)).catch(() => null)
    if (facts === null) unreadable(name)
    else if (facts.isDirectory()) await folder(name)
    else await file(name, facts)
    if (entries > maxEntries) break
  }
  return { files, bytes, precious, repositories, complete: why === null, why }
}

const slash = Buffer.from('/')

async function anyExists(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    if (
      await lstat(path).then(
        () => true,
        () => false,
      )
    )
      return true
  }
  return false
}
