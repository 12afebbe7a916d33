// The Chromium of the tests, from the package registry (@sparticuz/chromium): unpacked once, whole, into the tests' cache, with the
// libraries that it brings along where this machine has none. Nothing of it has to be installed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import chromium, { inflate } from '@sparticuz/chromium'
import type { LaunchOptions } from 'playwright-core'
import { cacheDirectory, withLock } from './cache.ts'

/** Unpacking takes seconds; on a busy machine a minute. Milliseconds. */
const patience = 300_000

/** Electron refuses to run as root with its sandbox, and Chromium too: only tests run so. */
export const rootArguments = process.getuid?.() === 0 ? ['--no-sandbox'] : []

/** How playwright launches it, for what has no GPU. */
export async function chromiumOptions(): Promise<LaunchOptions> {
  const pack = join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '..')
  const { version } = JSON.parse(readFileSync(join(pack, 'package.json'), 'utf8')) as { version: string }
  const place = join(cacheDirectory(), `chromium-${version}`)
  const executablePath = join(place, 'chromium')
  if (!existsSync(executablePath)) {
    mkdirSync(cacheDirectory(), { recursive: true })
    await withLock(`${place}.lock`, patience, async () => {
      if (!existsSync(executablePath)) await unpack(join(pack, 'bin'), place)
    })
  }
  return {
    executablePath,
    headless: true,
    args: [...rootArguments, '--disable-gpu'],
    ...(lacksLibraries(executablePath) ? { env: withItsOwn(place) } : {}),
  }
}

/** The package unpacks below the directory for temporary files, and takes a half-written file for a whole one. */
async function unpack(bin: string, place: string): Promise<void> {
  const half = `${place}.${process.pid}.part`
  rmSync(half, { recursive: true, force: true })
  mkdirSync(half, { recursive: true })
  const before = process.env.TMPDIR
  process.env.TMPDIR = half
  try {
    await chromium.executablePath()
    await inflate(join(bin, 'al2023.tar.br'))
    rmSync(place, { recursive: true, force: true })
    renameSync(half, place)
  } finally {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
    rmSync(half, { recursive: true, force: true })
  }
}

function lacksLibraries(executablePath: string): boolean {
  const { status, stderr } = spawnSync(executablePath, ['--version'], { encoding: 'utf8' })
  return status !== 0 && stderr.includes('error while loading shared libraries')
}

function withItsOwn(place: string): Record<string, string> {
  const own = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return {
    ...Object.fromEntries(own),
    LD_LIBRARY_PATH: [join(place, 'al2023/lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
    FONTCONFIG_PATH: process.env.FONTCONFIG_PATH ?? join(place, 'fonts'),
  }
}
