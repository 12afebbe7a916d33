// Where the window finds what it starts and shows. The layout below `base` is the same in a checkout and in a package
// (scripts/package.mjs): dist/app, dist/renderer, resources, node_modules with the pinned Node. It does not know the data
// directory, which is the host's.
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

export interface Places {
  /** The Node that Coppice pins: the host runs on it, never on Electron's. */
  readonly node: string
  readonly cli: string
  readonly renderer: string
  readonly preload: string
}

/** Written in by scripts/build.mjs: the pinned Node's path below the checkout, with the platform's own name for it. */
declare const __PINNED_NODE__: string

/**
 * The places of a checkout, or of a package whose host was copied out of `resourcesPath` into `runtimes`: what an AppImage
 * mounts or an update replaces must not be pulled from under a host that outlives the window. Throws a system error where
 * that copy cannot be made.
 */
export function findPlaces(options: {
  readonly mainDirectory: string
  readonly packaged: boolean
  readonly resourcesPath: string
  readonly runtimes: string
}): Places {
  const shown = resolve(options.mainDirectory, '..')
  const base = options.packaged
    ? copyRuntime(join(options.resourcesPath, 'host'), options.runtimes)
    : resolve(options.mainDirectory, '../..')
  return {
    node: join(base, __PINNED_NODE__),
    cli: join(base, 'dist/app/cli.mjs'),
    renderer: join(shown, 'renderer'),
    preload: join(options.mainDirectory, 'preload.cjs'),
  }
}

/**
 * Copies a package's host below `runtimes`, once per build (`build-id` names the build by its contents), and gives the copy's
 * path. Copies of other builds go where that is certain to hurt nobody.
 */
export function copyRuntime(source: string, runtimes: string): string {
  const build = readFileSync(join(source, 'build-id'), 'utf8').trim()
  if (!/^[\w.-]{1,80}$/.test(build)) throw new Error(`${source}/build-id names no build`)
  const copy = join(runtimes, build)
  if (!existsSync(copy)) {
    mkdirSync(runtimes, { recursive: true, mode: 0o700 })
    const half = join(runtimes, `.${build}.${randomBytes(4).toString('hex')}`)
    cpSync(source, half, { recursive: true })
    try {
      // Whole or not at all; of two starts at once the first one's copy stays.
      renameSync(half, copy)
    } catch (error) {
      rmSync(half, { recursive: true, force: true })
      if (!existsSync(copy)) throw error
    }
  }
  dropUnused(runtimes, build)
  return copy
}

/** Takes away other builds' copies that no process runs from. Only Linux tells: elsewhere they stay. */
function dropUnused(runtimes: string, current: string): void {
  if (process.platform !== 'linux') return
  const others = readdirSync(runtimes).filter((name) => name !== current && !name.startsWith('.'))
  if (others.length === 0) return
  const running: string[] = []
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      running.push(readlinkSync(`/proc/${pid}/exe`))
    } catch (error) {
      // Another user's process cannot run from our 0700 directory; one that ended meanwhile runs from nowhere.
      if (!['EACCES', 'EPERM', 'ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return
    }
  }
  for (const name of others) {
    if (running.some((exe) => exe.startsWith(join(runtimes, name)))) continue
    rmSync(join(runtimes, name), { recursive: true, force: true })
  }
}
