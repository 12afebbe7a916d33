// Which package manager a worktree uses, judged by its lock file, and how its packages are installed from that lock. Detection only
// reads; the install runs as its own session with live output (runs/create/prepare).
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { isReadable } from '../../disk/presence.ts'
import { findOnPath } from '../../process/environment.ts'

export interface Install {
  readonly manager: 'npm' | 'pnpm' | 'yarn' | 'bun'
  readonly command: readonly string[]
  readonly lockFile: string
}

// In the order of how surely the lock file says what made it. `CI` stays unset: pnpm switches its global store off with it
// (seen with pnpm 12), so the non-interactive flags are said one by one.
const known: readonly Install[] = [
  { manager: 'pnpm', lockFile: 'pnpm-lock.yaml', command: ['pnpm', 'install', '--frozen-lockfile'] },
  { manager: 'bun', lockFile: 'bun.lock', command: ['bun', 'install', '--frozen-lockfile'] },
  { manager: 'bun', lockFile: 'bun.lockb', command: ['bun', 'install', '--frozen-lockfile'] },
  { manager: 'yarn', lockFile: 'yarn.lock', command: ['yarn', 'install', '--frozen-lockfile', '--non-interactive'] },
  { manager: 'npm', lockFile: 'package-lock.json', command: ['npm', 'ci', '--no-audit', '--no-fund'] },
  { manager: 'npm', lockFile: 'npm-shrinkwrap.json', command: ['npm', 'ci', '--no-audit', '--no-fund'] },
]

/** At most this many installs at once: two `npm ci` side by side beat one after the other; more than the cores do not. */
export const installsAtOnce = Math.max(1, availableParallelism())

/**
 * The install that the directory's lock file asks for, or null where there is none. Yarn 2 and newer take `--immutable`. Throws
 * `state-unknown` for a lock file that cannot be read: that is not the same as none.
 */
export async function detectInstallIn(directory: string): Promise<Install | null> {
  for (const install of known) {
    if (!(await isReadable(join(directory, install.lockFile)))) continue
    const berry = install.manager === 'yarn' && (await isReadable(join(directory, '.yarnrc.yml')))
    return detectInstall(new Set([install.lockFile, ...(berry ? ['.yarnrc.yml'] : [])]))
  }
  return null
}

/** The same by the names of the files at the root. */
export function detectInstall(names: ReadonlySet<string>): Install | null {
  const install = known.find(({ lockFile }) => names.has(lockFile))
  if (install?.manager === 'yarn' && names.has('.yarnrc.yml'))
    return { ...install, command: ['yarn', 'install', '--immutable'] }
  return install ?? null
}

/** How a package manager that the machine lacks is had. */
const gotBy: Readonly<Record<Install['manager'], string>> = {
  npm: 'Node.js from https://nodejs.org, which brings npm',
  pnpm: 'npm install -g pnpm',
  yarn: 'npm install -g yarn',
  bun: 'npm install -g bun',
}

/** What the machine lacks for an install, and how to get it; null where its manager is on the PATH that the install will have. */
export async function missingManager(
  { manager, lockFile }: Install,
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly message: string; readonly install: string } | null> {
  if ((await findOnPath(manager, environment)) !== null) return null
  return { message: `${lockFile} is ${manager}'s, and "${manager}" is not on the PATH`, install: gotBy[manager] }
}
