// What the starter finds out about a machine, with the machine's answers given: no display, no sandbox, no libraries, no download.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import {
  displayProblem,
  fetchElectron,
  installedElectron,
  libraryProblem,
  sandboxProblem,
} from '../../scripts/electron-runtime.mjs'

type Files = Record<string, string>
const sandbox = (files: Files, more: Partial<Parameters<typeof sandboxProblem>[0]> = {}) =>
  sandboxProblem({
    platform: 'linux',
    uid: 1000,
    executable: '/opt/electron/electron',
    read: (path: string) => files[path] ?? null,
    stat: () => null,
    list: () => Object.keys(files).flatMap((path) => /^\/etc\/apparmor\.d\/(.+)$/.exec(path)?.[1] ?? []),
    ...more,
  })

describe('the display', () => {
  it('is X11 or Wayland on Linux, and always there elsewhere', () => {
    expect(displayProblem({ platform: 'linux', env: {} })?.why).toMatch(/no display/)
    expect(displayProblem({ platform: 'linux', env: { DISPLAY: ':0' } })).toBeNull()
    expect(displayProblem({ platform: 'linux', env: { WAYLAND_DISPLAY: 'wayland-0' } })).toBeNull()
    expect(displayProblem({ platform: 'darwin', env: {} })).toBeNull()
  })
})

describe('the sandbox', () => {
  it('works where the kernel says nothing against it', () => {
    expect(sandbox({})).toBeNull()
    expect(sandbox({ '/proc/sys/user/max_user_namespaces': '96365\n' })).toBeNull()
  })
  it('does not work for root', () => expect(sandbox({}, { uid: 0 })?.why).toMatch(/root/))

  it.each([
    ['/proc/sys/kernel/unprivileged_userns_clone', '0\n'],
    ['/proc/sys/user/max_user_namespaces', '0\n'],
    ['/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1\n'],
  ])('is forbidden by %s = %j, and the way out never switches it off', (path, value) => {
    const problem = sandbox({ [path]: value })
    expect(problem?.why).toContain('sandbox')
    expect(problem?.how).toBe(
      "sudo chown root '/opt/electron/chrome-sandbox' && sudo chmod 4755 '/opt/electron/chrome-sandbox'",
    )
    expect(JSON.stringify(problem)).not.toContain('no-sandbox')
  })

  it('is allowed by a setuid helper of root, and by no other', () => {
    const files = { '/proc/sys/user/max_user_namespaces': '0' }
    expect(sandbox(files, { stat: () => ({ uid: 0, mode: 0o104755 }) })).toBeNull()
    expect(sandbox(files, { stat: () => ({ uid: 0, mode: 0o100755 }) })).not.toBeNull()
    expect(sandbox(files, { stat: () => ({ uid: 1000, mode: 0o104755 }) })).not.toBeNull()
  })

  it('is allowed by an AppArmor profile that names this Electron', () => {
    const restricted = { '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1' }
    const profile = 'profile coppice /opt/electron/electron flags=(unconfined) {\n  userns,\n}\n'
    expect(sandbox({ ...restricted, '/etc/apparmor.d/coppice': profile })).toBeNull()
    expect(
      sandbox({ ...restricted, '/etc/apparmor.d/other': profile.replace('/opt/electron', '/opt/other') }),
    ).not.toBeNull()
  })

  it('says to fetch Electron first where there is none yet', () => {
    const problem = sandbox({ '/proc/sys/user/max_user_namespaces': '0' }, { executable: null })
    expect(problem?.how).toMatch(/^npm run install-electron && sudo chown root /)
  })
})

describe('the libraries', () => {
  const ldd =
    (...names: string[]) =>
    () =>
      [...names.map((name) => `\t${name} => not found\n`), '\tlibc.so.6 => /lib/libc.so.6 (0x0)\n'].join('')
  it('are named when they are missing', () => {
    expect(
      libraryProblem({ platform: 'linux', executable: 'x', ldd: ldd('libgtk-3.so.0', 'libnss3.so') })?.why,
    ).toContain('(libgtk-3.so.0, libnss3.so)')
    expect(
      libraryProblem({ platform: 'linux', executable: 'x', ldd: ldd('a', 'b', 'c', 'd', 'e', 'f') })?.why,
    ).toContain('a, b, c, d and 2 more')
  })
  it('are no problem when all are there, or when nobody can say', () => {
    expect(libraryProblem({ platform: 'linux', executable: 'x', ldd: ldd() })).toBeNull()
    expect(libraryProblem({ platform: 'linux', executable: 'x', ldd: () => '' })).toBeNull()
  })
})

describe('the runtime', () => {
  it('is none where the named folder holds none', () => {
    expect(installedElectron({ ELECTRON_OVERRIDE_DIST_PATH: '/nonexistent' })).toBeNull()
  })

  it.runIf(process.platform === 'linux')('is the pinned one, unpacked to its end', async () => {
    const checkout = mkdtempSync(join(tmpdir(), 'coppice-runtime-'))
    try {
      mkdirSync(join(checkout, 'node_modules/electron/dist'), { recursive: true })
      cpSync(join(import.meta.dirname, '../../scripts'), join(checkout, 'scripts'), { recursive: true })
      const write = (name: string, text: string) => writeFileSync(join(checkout, 'node_modules/electron', name), text)
      const { installedElectron: found } = await import(join(checkout, 'scripts/electron-runtime.mjs'))
      write('package.json', '{"version": "45.0.0"}')
      write('dist/electron', '')
      write('dist/version', '45.0.0')
      expect(found({})).toBeNull()
      write('path.txt', 'electron')
      expect(found({})).toMatchObject({ version: '45.0.0', folder: join(checkout, 'node_modules/electron/dist') })
      write('dist/version', 'v44.0.0')
      expect(found({})).toBeNull()
    } finally {
      rmSync(checkout, { recursive: true, force: true })
    }
  })
})

describe('fetching', () => {
  const before = { ...process.env }
  let server: Server | null = null
  afterEach(() => {
    for (const name of ['ELECTRON_MIRROR', 'electron_config_cache']) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
    server?.closeAllConnections()
    server?.close()
  })

  async function mirror(answer: (respond: import('node:http').ServerResponse) => void): Promise<void> {
    server = createServer((_request, response) => answer(response))
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
    process.env.ELECTRON_MIRROR = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    process.env.electron_config_cache = '/nonexistent/electron-cache'
  }

  it('gives up on a download that stalls, having shown how far it came', async () => {
    await mirror((response) => {
      response.writeHead(200, { 'content-length': '1000000' })
      response.write(Buffer.alloc(1000))
    })
    const seen: unknown[] = []
    const problem = await fetchElectron((had: number, total: number | null) => seen.push([had, total]), {
      timeoutMs: 4_000,
    })
    expect(seen).toEqual([[1000, 1_000_000]])
    expect(problem?.why).toContain('no byte came for 4 s')
    expect(problem?.how).toContain('ELECTRON_OVERRIDE_DIST_PATH')
  })

  it('says what the server said', async () => {
    await mirror((response) => response.writeHead(404).end())
    expect((await fetchElectron())?.why).toContain('Response code 404')
  })

  it('refuses what is not the Electron that was asked for', async () => {
    await mirror((response) => response.end('not a zip'))
    const problem = await fetchElectron()
    expect(problem?.why).toMatch(/could not be fetched \(.*(checksum|does not match)/i)
  })

  it('says why nobody answers', async () => {
    await mirror((response) => response.end())
    await new Promise((resolve) => server?.close(resolve))
    expect((await fetchElectron())?.why).toContain(
      `ECONNREFUSED 127.0.0.1:${new URL(process.env.ELECTRON_MIRROR ?? '').port}`,
    )
  })
})
