import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

// The walls of the house (docs/architecture.md): each room names the rooms it may import. Tests beside the code are bound too.
const root = resolve(import.meta.dirname, '../..')
const rooms: Record<string, readonly string[]> = {
  'app/model': [],
  'app/contract': ['app/model'],
  'app/socket': ['app/contract', 'app/model'],
  'app/process': ['app/model'],
  'app/disk': ['app/process', 'app/model'],
  'app/git': ['app/disk', 'app/process', 'app/model'],
  'app/forge': ['app/process', 'app/model'],
  'app/keeper': [],
  'app/session': [
    'app/keeper/client.ts',
    'app/keeper/frames.ts',
    'app/disk',
    'app/process',
    'app/model',
    'app/contract',
  ],
  'app/agents': ['app/disk', 'app/process', 'app/model'],
  'app/store': ['app/disk', 'app/process', 'app/model'],
  'app/runs': [
    'app/git',
    'app/forge',
    'app/session',
    'app/agents',
    'app/store',
    'app/keeper/client.ts',
    'app/disk',
    'app/process',
    'app/contract',
    'app/model',
  ],
  'app/host': [
    'app/runs',
    'app/git',
    'app/forge',
    'app/session',
    'app/agents',
    'app/store',
    'app/keeper/client.ts',
    'app/socket',
    'app/disk',
    'app/process',
    'app/contract',
    'app/model',
  ],
  'app/cli': ['app/contract', 'app/host', 'app/model', 'app/process', 'app/socket', 'app/store'],
  main: ['app/contract', 'app/model', 'app/socket'],
  renderer: ['app/contract', 'app/model'],
}
// Inside these rooms each folder has doors: the files that its siblings may import. Everything else in it is its own. What lies
// at the top of the room is for all of them, and a folder that is not named here has no door at all.
const doors: Record<string, Record<string, readonly string[]>> = {
  'app/runs': {
    create: ['prepare', 'content-source', 'dependencies', 'included-files', 'install-content', 'setup-command'],
    approval: ['ask', 'preview'],
    attempt: ['attempt', 'end-attempt', 'resume', 'send', 'stop'],
    publish: ['commit'],
    side: ['watch'],
    review: ['comparisons'],
    processes: ['end-processes', 'dead-locks', 'dead-gits', 'own-processes', 'who-is-inside'],
    trash: ['trash', 'restore', 'finish-removal', 'tidy-trash', 'gone-refs', 'deadlines'],
    recovery: ['recovery-report'],
  },
  'app/host': { http: ['port'] },
  renderer: {
    client: ['bridge', 'replica', 'selectors', 'hooks', 'arrivals', 'without-eval', 'render-count'],
    actions: ['actions', 'keymap', 'verbs', 'ActionButton', 'CommandPalette', 'KeysSheet'],
    terminal: ['Terminal', 'dropped-paths', 'terminals', 'terminal-attach', 'terminal-size', 'open-link', 'LinkDialog'],
    runs: ['FocusView', 'RunGrid', 'Strip', 'RenameDialog', 'ResumeDialog', 'StopDialog', 'TilePanel'],
    sides: ['SideTabs', 'SideDialogs'],
    'new-run': ['NewRunDialog'],
    publish: ['PublishDialog'],
    review: ['ReviewView', 'review-store'],
    cleanup: ['TrashView', 'PurgeDialog', 'RemoveDialog'],
    journal: ['JournalView', 'journal-words'],
    repositories: ['EmptyState', 'AddRepositoryDialog'],
    settings: ['Settings', 'theme'],
    window: ['ui', 'ConnectionBar', 'ErrorBoundary', 'Rail', 'RecoveryBar', 'Refused', 'TitleBar'],
    parts: [
      'Icon',
      'Key',
      'Modal',
      'RunTitle',
      'Ticking',
      'Toasts',
      'toasts',
      'use-debounced',
      'use-room',
      'words',
      'clock',
      'drafts',
    ],
  },
}
const maxFilesInFolder = 25
// A package that belongs to one place only.
const homes: Record<string, (file: string) => boolean> = {
  electron: (file) => file.startsWith('main/'),
  'node-pty': (file) => file === 'app/keeper/pty-process.ts',
  react: (file) => file.startsWith('renderer/'),
  'react-dom': (file) => file.startsWith('renderer/'),
  'node:sqlite': (file) => file.startsWith('app/store/') || file === 'app/keeper/lock.ts',
  'node:child_process': (file) =>
    file === 'app/process/run-program.ts' || file.startsWith('app/keeper/') || file.startsWith('main/'),
  // It starts git by itself, past run-program.ts and past the hardening (docs/decisions/0003): only for the one repository that the
  // product makes from the first byte. Everything that may be a person's goes through app/git/exec.ts.
  'simple-git': (file) => file === 'app/runs/create/demo.ts',
}
/** The tests' only git, and those that measure git by itself or play an agent that runs its own. */
const gitOfTests = ['test/harness/own-git-worker.ts']
const ownProgramsOfTests = ['test/bench/git-cost.test.ts', 'test/harness/fake-agent.mjs']
const pure = ['app/model', 'app/contract', 'renderer']

const sources = ['app', 'main', 'renderer'].flatMap((top) =>
  readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(top, name)),
)

/** Every file of the product and its tests, by its path from the root. */
const tracked = () =>
  ['app', 'main', 'renderer', 'test', 'scripts', 'docs'].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name))),
  )

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^'"\n]*?(?:from\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
    ),
  ].map((match) => (match[1] ?? match[2])!)
}

const roomOf = (file: string) =>
  Object.keys(rooms).find((room) => file === `${room}.ts` || file.startsWith(`${room}/`)) ?? file

// The folder of a room that a file lies in, "" for the top of the room.
const folderOf = (room: string, file: string) => {
  const rest = file.slice(room.length + 1)
  return rest.includes('/') ? rest.slice(0, rest.indexOf('/')) : ''
}

describe('layering', () => {
  it('finds the sources', () => expect(sources.length).toBeGreaterThan(0))

  it('names only doors that are there', () => {
    for (const [room, folders] of Object.entries(doors))
      for (const [folder, names] of Object.entries(folders))
        for (const name of names)
          expect(
            sources.some((file) => file.replace(/\.tsx?$/, '') === `${room}/${folder}/${name}`),
            `${room}/${folder}/${name}`,
          ).toBe(true)
  })

  it(`has at most ${maxFilesInFolder} files in a folder`, () => {
    const counts = new Map<string, number>()
    for (const file of tracked()) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1)
    expect([...counts].filter(([, count]) => count > maxFilesInFolder)).toEqual([])
  })

  it('runs git in tests through simple-git, in one place', () => {
    const tests = tracked().filter((file) => /^test\/(?!architecture).*\.(ts|mjs)$/.test(file))
    const having = (pattern: RegExp) =>
      tests.filter((file) => pattern.test(readFileSync(join(root, file), 'utf8'))).sort()
    expect(having(/from 'simple-git'/)).toEqual(gitOfTests)
    expect(having(/\b(execFile|execFileSync|spawn|spawnSync|runProgram)\(\s*'git'/)).toEqual(ownProgramsOfTests)
  })

  it.each(sources)('%s imports only what its room may', (file) => {
    const room = roomOf(file)
    for (const name of importsOf(file)) {
      if (name.startsWith('.')) {
        const target = relative(root, resolve(root, dirname(file), name)).replace(/\?.*$/, '')
        const inside = roomOf(target) === room
        const allowed = (rooms[room] ?? []).some((other) => target === other || target.startsWith(`${other}/`))
        const folder = folderOf(room, target)
        if (
          inside &&
          doors[room] &&
          folder !== '' &&
          folder !== folderOf(room, file) &&
          !/\.(css|test\.tsx?)$/.test(target)
        ) {
          const name = target.slice(room.length + folder.length + 2).replace(/\.tsx?$/, '')
          expect(doors[room][folder] ?? [], `${file} imports ${target}, which is no door`).toContain(name)
        }
        const assets = room === 'renderer' && !/\.tsx?$/.test(target)
        expect(inside || allowed || assets || target === 'package.json', `${file} imports ${target}`).toBe(true)
      } else {
        const owner = homes[name.split('/')[0] === 'react-dom' ? 'react-dom' : name]
        if (owner && !/\.test\.tsx?$/.test(file)) expect(owner(file), `${file} imports ${name}`).toBe(true)
        if (pure.includes(room)) expect(name.startsWith('node:'), `${file} is pure but imports ${name}`).toBe(false)
      }
    }
  })
})
