// What an install would run, and the SHA-256 that stands for it: the lock file, the parts of the manifests that an install uses,
// the package managers' own configuration, and the files that these name. The same content gives the same hash, whether it is read
// from a commit or from a worktree. It runs nothing.
import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import type { Asked } from '../../model/approval.ts'
import { fail } from '../../model/failure.ts'
import type { Install } from './dependencies.ts'

/** Where content comes from. Paths have "/" and start at the root. */
export interface ContentSource {
  readonly paths: ReadonlySet<string>
  /** The content of those of `paths` that are there. A link's is where it leads, marked as such. */
  read(paths: readonly string[]): Promise<ReadonlyMap<string, { readonly content: Buffer; readonly link: boolean }>>
}

/** Larger files are no configuration: refused, never half read. */
export const maxContentBytes = 32 * 1024 * 1024

// What a package manager reads or runs by its name, in any folder (workspaces have their own).
const manifests = new Set(['package.json', 'package.json5', 'package.yaml'])
const configuration = new Set([
  '.npmrc',
  '.yarnrc',
  '.yarnrc.yml',
  '.pnpmfile.cjs',
  '.pnpmfile.mjs',
  'pnpmfile.js',
  'pnpmfile.cjs',
  'pnpm-workspace.yaml',
  'bunfig.toml',
  '.corepack.env',
  'yarn.config.cjs',
  'binding.gyp',
])
const locks = new Set([
  'package-lock.json',
  'npm-shrinkwrap.json',
  'yarn.lock',
  'pnpm-lock.yaml',
  'bun.lock',
  'bun.lockb',
])
/** Scripts of a manifest that an install runs by itself. */
const lifecycle = [
  'preinstall',
  'install',
  'postinstall',
  'prepublish',
  'preprepare',
  'prepare',
  'postprepare',
  'prepack',
  'postpack',
  'dependencies',
  'pnpm:devPreinstall',
]
// Nothing that any package manager acts on. All other fields count.
const idle = new Set(
  'description keywords author contributors license homepage bugs repository files main module types typings exports sideEffects'.split(
    ' ',
  ),
)
const maxLines = 200
const maxLineLength = 500

/** The question that an install from this source asks. Throws `install-failed` where something of it cannot be read. */
export async function installAsked(source: ContentSource, install: Install): Promise<Pick<Asked, 'request' | 'hash'>> {
  const command = install.command.join(' ')
  const read = async (paths: readonly string[]) => {
    const found = await source.read(paths)
    for (const path of paths)
      if (!found.has(path))
        throw fail('install-failed', { command, message: `${path} cannot be read` }, { stage: 'install' })
    return found
  }
  const first = await read([...source.paths].filter(isRead))
  const named = new Set<string>()
  const parts: [path: string, text: string | Buffer][] = []
  const runs: string[] = []
  for (const [path, { content, link }] of first) {
    if (link) {
      const target = posix.join(posix.dirname(path), content.toString('utf8'))
      // What lies outside can be changed by anybody, after the answer.
      if (!source.paths.has(target))
        throw fail(
          'install-failed',
          { command, message: `${path} is a link to what is no file of the repository` },
          { stage: 'install' },
        )
      named.add(target)
    }
    const name = posix.basename(path)
    const manifest = name === 'package.json' && !link ? manifestOf(path, content.toString('utf8')) : null
    parts.push([path, manifest ? manifest.text : content])
    runs.push(
      ...(manifest ? manifest.runs : isLock(path) ? lockLines(path, content) : configurationLines(path, content)),
    )
    const texts = manifest
      ? manifest.names
      : isLock(path) || path.startsWith('.yarn/')
        ? []
        : [content.toString('utf8')]
    for (const text of texts) for (const file of namedFiles(text, path, source.paths)) named.add(file)
  }
  const further = [...named].filter((path) => source.paths.has(path) && !first.has(path))
  for (const [path, { content }] of await read(further)) parts.push([path, content])
  const hash = createHash('sha256').update(`coppice-install-1\0${command}\0`)
  for (const [path, text] of parts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const link = (first.get(path)?.link ?? false) ? 'link' : 'file'
    hash.update(`${link}\0${path}\0${createHash('sha256').update(text).digest('hex')}\0`)
  }
  const shown = runs.length > maxLines ? [...runs.slice(0, maxLines), `and ${runs.length - maxLines} more`] : runs
  return {
    request: {
      kind: 'install',
      command,
      source: install.lockFile,
      runs: shown.map((text) => text.slice(0, maxLineLength)),
    },
    hash: hash.digest('hex'),
  }
}

function isRead(path: string): boolean {
  const parts = path.split('/')
  if (parts.includes('node_modules')) return false
  // Releases and plugins are programs that yarn runs; its cache is checked against the lock file.
  if (parts[0] === '.yarn') return parts[1] !== 'cache' && parts[1] !== 'unplugged'
  const name = parts.at(-1) ?? ''
  return manifests.has(name) || configuration.has(name) || isLock(path)
}

const isLock = (path: string): boolean => locks.has(posix.basename(path))

interface Manifest {
  /** What of it an install acts on, as text with its keys in order. */
  readonly text: string
  readonly runs: string[]
  /** Texts that may name files: the scripts that an install reaches, and dependencies that are paths. */
  readonly names: string[]
}

function manifestOf(path: string, text: string): Manifest | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const fields = value as Record<string, unknown>
  const scripts = reached(fields.scripts)
  const kept = Object.fromEntries(Object.entries(fields).filter(([key]) => !idle.has(key) && key !== 'scripts'))
  const runs = Object.entries(scripts).map(([name, line]) => `${path}, ${name}: ${line}`)
  for (const key of ['trustedDependencies', 'packageManager'])
    if (fields[key] !== undefined) runs.push(`${path}, ${key}: ${JSON.stringify(fields[key])}`)
  const paths = JSON.stringify(kept).match(/"(?:file|link|portal|patch):[^"]+"/g) ?? []
  return { text: stable({ ...kept, scripts }), runs, names: [...Object.values(scripts), ...paths] }
}

/** The scripts that an install runs, and those that they call by name. */
function reached(scripts: unknown): Record<string, string> {
  const all = new Map<string, string>()
  if (typeof scripts === 'object' && scripts !== null)
    for (const [name, line] of Object.entries(scripts)) if (typeof line === 'string') all.set(name, line)
  const found = new Map<string, string>()
  const todo = lifecycle.filter((name) => all.has(name))
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    const line = all.get(name)
    if (line === undefined || found.has(name)) continue
    found.set(name, line)
    const words = new Set(wordsOf(line))
    for (const other of all.keys()) {
      const stem = other.replace(/^(pre|post)/, '')
      // "run-s build:*" calls what begins so.
      if (
        [...words].some(
          (word) => word === other || word === stem || (word.endsWith('*') && other.startsWith(word.slice(0, -1))),
        )
      )
        todo.push(other)
    }
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const wordsOf = (text: string): string[] => text.split(/[\s"'`=,;()[\]{}<>|&$]+/).filter((word) => word !== '')

/** Files of the source that a text names, from the folder of the file that it stands in or from the root. */
function* namedFiles(text: string, path: string, paths: ReadonlySet<string>): Iterable<string> {
  for (const word of wordsOf(text)) {
    const bare = word.replace(/^(?:file|link|portal|patch):/, '').replace(/[:#].*$/, '')
    for (const base of [posix.dirname(path), '.']) {
      const joined = posix.normalize(posix.join(base, bare))
      for (const candidate of [joined, `${joined}.js`, `${joined}.cjs`, `${joined}.mjs`, `${joined}/index.js`])
        if (paths.has(candidate)) yield candidate
    }
  }
}

/** Which packages of the lock file bring scripts of their own, as far as it says so. */
function lockLines(path: string, content: Buffer): string[] {
  if (!path.endsWith('package-lock.json') && !path.endsWith('npm-shrinkwrap.json'))
    return [`${path}: install scripts of its packages`]
  try {
    const { packages } = JSON.parse(content.toString('utf8')) as {
      packages?: Record<string, { hasInstallScript?: boolean }>
    }
    const names = Object.entries(packages ?? {})
      .filter(([key, value]) => key !== '' && value?.hasInstallScript)
      .map(([key]) => key.replace(/^.*node_modules\//, ''))
    return names.length === 0 ? [] : [`${path}: install scripts of ${[...new Set(names)].sort().join(', ')}`]
  } catch {
    return [`${path}: install scripts of its packages`]
  }
}

function configurationLines(path: string, content: Buffer): string[] {
  if (path.startsWith('.yarn/')) return [`${path}: runs as a part of yarn`]
  if (/\.(cjs|mjs|js)$/.test(path)) return [`${path}: runs during the install`]
  if (path.endsWith('binding.gyp')) return [`${path}: is built with node-gyp`]
  const lines = content.toString('utf8').split('\n')
  return lines
    .map((text) => text.trim())
    .filter((text) => text !== '' && !/^[#;]/.test(text))
    .map((text) => `${path}: ${withoutSecret(text)}`)
}

/** A token or a password is not for the journal; that there is one, is. */
function withoutSecret(text: string): string {
  return /auth|password|token|secret|username/i.test(text) ? text.replace(/([=:]\s*)[^=:]*$/, '$1…') : text
}

/** JSON with every object's keys in order. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
