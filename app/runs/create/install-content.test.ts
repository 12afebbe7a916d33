import { describe, expect, it } from 'vitest'
import { detectInstall, type Install } from './dependencies.ts'
import { type ContentSource, installAsked } from './install-content.ts'

type Files = Record<string, string | { readonly link: string }>

const source = (files: Files): ContentSource => ({
  paths: new Set(Object.keys(files)),
  read: async (paths) => {
    const found = new Map<string, { content: Buffer; link: boolean }>()
    for (const path of paths) {
      const file = files[path]
      if (file === undefined) continue
      const link = typeof file !== 'string'
      found.set(path, { content: Buffer.from(link ? file.link : file), link })
    }
    return found
  },
})
const asked = (files: Files) => installAsked(source(files), detectInstall(new Set(Object.keys(files))) as Install)
const manifest = (value: object) => JSON.stringify({ name: 'x', version: '1.0.0', ...value })
const lock = JSON.stringify({
  name: 'x',
  lockfileVersion: 3,
  packages: { '': {}, 'node_modules/esbuild': { hasInstallScript: true } },
})
const npm = {
  'package-lock.json': lock,
  'package.json': manifest({ scripts: { postinstall: 'node scripts/build.js', test: 'vitest' } }),
  'scripts/build.js': 'one',
  'src/a.js': 'a',
}

describe('what an install runs', () => {
  it('is told line by line, and secrets are not', async () => {
    const { request } = await asked({
      ...npm,
      '.npmrc': '# ours\nscript-shell=./sh.sh\n//registry.npmjs.org/:_authToken=npm_s3cret\n',
      'packages/a/package.json': manifest({
        scripts: { prepare: 'npm run generate', generate: 'make', lint: 'biome' },
      }),
    })
    expect(request).toEqual({
      kind: 'install',
      command: 'npm ci --no-audit --no-fund',
      source: 'package-lock.json',
      runs: [
        'package-lock.json: install scripts of esbuild',
        'package.json, postinstall: node scripts/build.js',
        '.npmrc: script-shell=./sh.sh',
        '.npmrc: //registry.npmjs.org/:_authToken=…',
        'packages/a/package.json, generate: make',
        'packages/a/package.json, prepare: npm run generate',
      ],
    })
  })

  it.each<[string, Files]>([
    ['the lock file', { 'package-lock.json': lock.replace('esbuild', 'esbuilt') }],
    ['a script', { 'package.json': manifest({ scripts: { postinstall: 'node scripts/build.js --more' } }) }],
    [
      'a dependency',
      { 'package.json': manifest({ scripts: { postinstall: 'node scripts/build.js' }, dependencies: { a: '1' } }) },
    ],
    ['a file that a script names', { 'scripts/build.js': 'two' }],
    ['a manifest of a workspace', { 'packages/a/package.json': manifest({}) }],
    ['configuration', { '.npmrc': 'script-shell=./sh.sh' }],
    ['configuration of a workspace', { 'packages/a/.npmrc': 'x=1' }],
    ['a native build', { 'binding.gyp': '{}' }],
    ['what corepack fetches', { '.corepack.env': 'COREPACK_NPM_REGISTRY=https://x.invalid' }],
    ['another package manager', { 'pnpm-lock.yaml': '' }],
  ])('is other content with another %s', async (_, change) => {
    expect((await asked({ ...npm, ...change })).hash).not.toBe((await asked(npm)).hash)
  })

  it.each<[string, Files]>([
    ['a file that no script of an install names', { 'src/a.js': 'b' }],
    [
      'a script that no install reaches',
      { 'package.json': manifest({ scripts: { test: 'jest', postinstall: 'node scripts/build.js' } }) },
    ],
    [
      'a description',
      {
        'package.json': manifest({
          description: 'Shop',
          scripts: { postinstall: 'node scripts/build.js', test: 'vitest' },
        }),
      },
    ],
    ['what lies in node_modules', { 'node_modules/a/package.json': '{}' }],
  ])('is the same content with another %s', async (_, change) => {
    expect((await asked({ ...npm, ...change })).hash).toBe((await asked(npm)).hash)
  })

  it.each<[string, Files, Files, string]>([
    [
      'pnpm hooks',
      { 'pnpm-lock.yaml': '', 'package.json': '{}', '.pnpmfile.cjs': '1' },
      { '.pnpmfile.cjs': '2' },
      '.pnpmfile.cjs: runs during the install',
    ],
    [
      "yarn's own program",
      { 'yarn.lock': '', '.yarnrc.yml': 'yarnPath: .yarn/releases/y.cjs', '.yarn/releases/y.cjs': '1' },
      { '.yarn/releases/y.cjs': '2' },
      '.yarnrc.yml: yarnPath: .yarn/releases/y.cjs',
    ],
    [
      'a program that yarnPath names elsewhere',
      { 'yarn.lock': '', '.yarnrc.yml': 'yarnPath: tools/y.cjs', 'tools/y.cjs': '1' },
      { 'tools/y.cjs': '2' },
      '.yarnrc.yml: yarnPath: tools/y.cjs',
    ],
    [
      'a yarn plugin',
      { 'yarn.lock': '', '.yarnrc.yml': 'plugins: [./p.cjs]', 'p.cjs': '1' },
      { 'p.cjs': '2' },
      '.yarnrc.yml: plugins: [./p.cjs]',
    ],
    [
      "bun's trusted dependencies",
      { 'bun.lock': '', 'package.json': manifest({ trustedDependencies: ['a'] }) },
      { 'package.json': manifest({ trustedDependencies: ['a', 'b'] }) },
      'package.json, trustedDependencies: ["a"]',
    ],
    [
      'a preload of bun',
      { 'bun.lock': '', 'bunfig.toml': 'preload = ["./p.ts"]', 'p.ts': '1' },
      { 'p.ts': '2' },
      'bunfig.toml: preload = ["./p.ts"]',
    ],
    [
      'a script shell',
      { ...npm, '.npmrc': 'script-shell=./sh.sh', 'sh.sh': '1' },
      { 'sh.sh': '2' },
      '.npmrc: script-shell=./sh.sh',
    ],
    [
      'a local package',
      { ...npm, 'package.json': manifest({ dependencies: { v: 'file:vendor/v.tgz' } }), 'vendor/v.tgz': '1' },
      { 'vendor/v.tgz': '2' },
      'package-lock.json: install scripts of esbuild',
    ],
  ])('covers %s', async (_, files, change, line) => {
    const before = await asked(files)
    expect(before.request).toMatchObject({ runs: expect.arrayContaining([line]) })
    expect((await asked({ ...files, ...change })).hash).not.toBe(before.hash)
  })

  it('follows a link inside, and refuses one that leads out', async () => {
    const linked = { ...npm, '.npmrc': { link: 'conf/npmrc' }, 'conf/npmrc': 'a=1' }
    expect((await asked({ ...linked, 'conf/npmrc': 'a=2' })).hash).not.toBe((await asked(linked)).hash)
    await expect(asked({ ...npm, '.npmrc': { link: '/tmp/npmrc' } })).rejects.toMatchObject({
      failure: { code: 'install-failed', detail: { message: '.npmrc is a link to what is no file of the repository' } },
    })
  })

  it('refuses what cannot be read, and reads a manifest that is no JSON as it is', async () => {
    const unread = { ...source(npm), read: async () => new Map() }
    await expect(installAsked(unread, detectInstall(new Set(['package-lock.json'])) as Install)).rejects.toMatchObject({
      failure: { code: 'install-failed' },
    })
    const broken = await asked({ ...npm, 'package.json': '{' })
    expect((await asked({ ...npm, 'package.json': '{ ' })).hash).not.toBe(broken.hash)
  })
})
