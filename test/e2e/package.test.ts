// A package as `npm run package` makes it: what is in it, that it starts on its own with nothing of the checkout, that its host
// runs from a copy that the package can be pulled away from, and that its fuses are as promised.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FuseState, FuseV1Options, getCurrentFuseWire } from '@electron/fuses'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installedElectron, pinnedElectron } from '../../scripts/electron-runtime.mjs'
import { fuses, throwFuses } from '../../scripts/fuses.mjs'
import { electronProblem, poll, root } from '../harness/app-driver.ts'
import { rootArguments } from '../harness/chromium.ts'
import { ownGit } from '../harness/own-git.ts'
import { hermeticEnvironment } from '../harness/test-repo.ts'

const electron = installedElectron()
const problem = electronProblem() ?? (process.platform === 'linux' ? null : 'the package is tried on Linux only')
if (problem) console.warn(`\n!!! SKIPPED: the package: ${problem}.\n`)

/**
 * An Electron other than the pinned one stands in for it. It starts an application of its own first, which looks for a package's
 * asar under the name that this variable gives; so it cannot have the fuse that forbids just that.
 */
const asarName = process.env.COPPICE_TEST_PACKAGED_ASAR
const standIn = electron !== null && electron.version !== pinnedElectron()

describe('the fuses', () => {
  it('are decided, all of them, as promised', () => {
    const named = Object.fromEntries(Object.entries(fuses).map(([fuse, on]) => [FuseV1Options[Number(fuse)], on]))
    expect(named).toEqual({
      RunAsNode: false,
      EnableCookieEncryption: true,
      EnableNodeOptionsEnvironmentVariable: false,
      EnableNodeCliInspectArguments: false,
      EnableEmbeddedAsarIntegrityValidation: true,
      OnlyLoadAppFromAsar: true,
      LoadBrowserProcessSpecificV8Snapshot: false,
      GrantFileProtocolExtraPrivileges: false,
      WasmTrapHandlers: true,
    })
  })
})

describe.skipIf(problem !== null)('the package', () => {
  let home: string
  let folder: string
  let executable: string
  let environment: Record<string, string>
  const resources = (...path: string[]) => join(folder, 'resources', ...path)

  beforeAll(() => {
    home = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-package-')))
    folder = join(home, 'out/linux-unpacked')
    executable = join(folder, 'coppice')
    mkdirSync(join(home, 'run'), { mode: 0o700 })
    environment = {
      ...hermeticEnvironment(home),
      SHELL: '/bin/bash',
      XDG_RUNTIME_DIR: join(home, 'run'),
      COPPICE_HOME: join(home, 'data'),
      COPPICE_STARTER: '1',
    }
    for (const key of ['DISPLAY', 'XAUTHORITY', 'WAYLAND_DISPLAY']) {
      if (process.env[key]) environment[key] = process.env[key]
    }
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, 'scripts/package.mjs'), `-c.directories.output=${join(home, 'out')}`],
      { env: { ...process.env, COPPICE_PACKAGE_FUSES: 'as-built' }, encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(`Packaging failed:\n${stdout}\n${stderr}`)
  }, 240_000)

  afterAll(() => {
    const status = cli<{ keeperPid?: number | null }>('host', 'status')
    cli('host', 'stop', '--agents', 'stop')
    if (status?.keeperPid) process.kill(status.keeperPid, 'SIGTERM')
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  })

  function cli<T>(...words: string[]): T | null {
    const { stdout } = spawnSync(process.execPath, [join(root, 'dist/app/cli.mjs'), ...words, '--json'], {
      env: environment,
      encoding: 'utf8',
    })
    try {
      return JSON.parse(stdout)
    } catch {
      return null
    }
  }

  it('holds the window in an asar, and beside it the host with its own Node and its terminals', () => {
    expect(existsSync(resources('app.asar'))).toBe(true)
    const packed = readFileSync(resources('app.asar')).subarray(0, 200_000).toString('latin1')
    for (const name of ['preload.cjs', 'main.cjs', 'index.html']) expect(packed).toContain(`"${name}"`)
    expect(packed).not.toContain('"node_modules"')
    for (const path of [
      'dist/app/cli.mjs',
      'dist/app/host.mjs',
      'dist/app/keeper.mjs',
      'dist/renderer/index.html',
      'build-id',
    ]) {
      expect(existsSync(resources('host', path)), path).toBe(true)
    }
    expect(readdirSync(resources('host/node_modules')).sort()).toEqual([
      '@lydell',
      expect.stringMatching(/^node-(linux|bin)/),
      'node-pty',
    ])
  })

  it('starts without the checkout, and its host runs from a copy outside the package', async () => {
    if (asarName) {
      renameSync(resources('app.asar'), resources(asarName))
      if (existsSync(resources('app.asar.unpacked')))
        renameSync(resources('app.asar.unpacked'), resources(`${asarName}.unpacked`))
    }
    const window = open()
    await window.opened()
    const status = await poll('its host', async () => {
      const found = cli<{ pid: number; keeperPid: number; error?: unknown }>('host', 'status')
      return found && !found.error ? found : undefined
    })
    const copy = join(home, 'data/window/runtime', readFileSync(resources('host/build-id'), 'utf8').trim())
    for (const pid of [status.pid, status.keeperPid]) {
      expect(readlinkSync(`/proc/${pid}/exe`).startsWith(`${copy}/`), `process ${pid}`).toBe(true)
    }

    // A real terminal, by the package's own node-pty.
    const repository = join(home, 'repository')
    mkdirSync(repository)
    for (const words of [
      ['init', '-q'],
      ['commit', '-q', '--allow-empty', '-m', 'First'],
    ]) {
      ownGit({ directory: repository, args: words, environment })
    }
    const run = cli<{ id: string; exit: unknown; phase: string }>(
      'run',
      '--repo',
      repository,
      '--command',
      'test -t 1 && echo "a terminal of $COLUMNS"; exit 3',
      '--wait',
      'settled',
    )
    expect(run).toMatchObject({ phase: 'exited', exit: { code: 3 } })

    // An update or an AppImage that is unmounted: the host goes on.
    renameSync(folder, `${folder}.gone`)
    await window.kill()
    expect(cli<{ id: string }[]>('list', '--all')?.map(({ id }) => id)).toEqual([run!.id])
    renameSync(`${folder}.gone`, folder)
  })

  it('starts again from the copy that is there', async () => {
    const runtimes = join(home, 'data/window/runtime')
    const before = readdirSync(runtimes)
    const window = open()
    await window.opened()
    expect(readdirSync(runtimes)).toEqual(before)
    await window.kill()
  })

  describe('with its fuses thrown', () => {
    let locked: string
    let leave: FuseV1Options[]

    beforeAll(async () => {
      locked = join(home, 'locked')
      cpSync(folder, locked, { recursive: true, verbatimSymlinks: true })
      // An older stand-in lacks the newest fuses.
      const wire = await getCurrentFuseWire(join(locked, 'coppice'))
      const known = Object.keys(fuses).map(Number) as FuseV1Options[]
      leave = standIn
        ? known.filter((fuse) => wire[fuse] === undefined || fuse === FuseV1Options.OnlyLoadAppFromAsar)
        : []
      await throwFuses(join(locked, 'coppice'), { leave })
    })

    it('reads back as decided', async () => {
      const wire = await getCurrentFuseWire(join(locked, 'coppice'))
      for (const [fuse, on] of Object.entries(fuses)) {
        const state = wire[Number(fuse) as FuseV1Options]
        if (state === undefined || leave.includes(Number(fuse))) continue
        expect(state, FuseV1Options[Number(fuse)]).toBe(on ? FuseState.ENABLE : FuseState.DISABLE)
      }
      expect(wire[FuseV1Options.RunAsNode]).toBe(FuseState.DISABLE)
    })

    it.each([
      ['ELECTRON_RUN_AS_NODE', { ELECTRON_RUN_AS_NODE: '1' }, ['-e', 'console.log("ran"); process.exit(7)']],
      ['NODE_OPTIONS', { NODE_OPTIONS: '--require=./planted.cjs' }, []],
      ['--inspect', {}, ['--inspect=127.0.0.1:0']],
    ])('does nothing for %s', async (_name, more, words) => {
      const window = open({ executable: join(locked, 'coppice'), more, words })
      await window.opened()
      expect(window.out()).not.toMatch(/ran|Debugger listening/)
      expect(window.errors()).not.toMatch(/Debugger listening|planted/)
      await window.kill()
    })

    it.skipIf(standIn)('loads no application that was planted beside the asar', async () => {
      mkdirSync(join(locked, 'resources/app'))
      cpSync(join(root, 'package.json'), join(locked, 'resources/app/package.json'))
      const window = open({ executable: join(locked, 'coppice') })
      await window.opened()
      await window.kill()
    })
  })

  function open(
    options: {
      readonly executable?: string
      readonly more?: Record<string, string>
      readonly words?: readonly string[]
    } = {},
  ) {
    const child: ChildProcess = spawn(options.executable ?? executable, [...rootArguments, ...(options.words ?? [])], {
      cwd: home,
      env: { ...environment, ...options.more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let errors = ''
    child.stdout?.on('data', (text) => {
      out += text
    })
    child.stderr?.on('data', (text) => {
      errors += text
    })
    const gone = new Promise((done) => child.once('exit', done))
    return {
      out: () => out,
      errors: () => errors,
      opened: () =>
        poll(
          'the window',
          async () => {
            if (out.includes('coppice: window')) return true
            if (child.exitCode !== null) throw new Error(`The package ended with ${child.exitCode}:\n${out}\n${errors}`)
            return undefined
          },
          60_000,
        ),
      async kill() {
        child.kill('SIGKILL')
        await gone
      },
    }
  }
})
