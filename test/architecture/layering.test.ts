import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

// The walls of the house (docs/architecture.md): each room names the rooms it may import. Tests beside the code are bound too.
const root = resolve(import.meta.dirname, '../..')
const rooms: Record<string, readonly string[]> = {
  'app/model': [],
  'app/contract': ['app/model'],
  'app/process': ['app/model'],
  'app/git': ['app/process', 'app/model'],
  'app/forge': ['app/process', 'app/model'],
  'app/keeper': [],
  'app/session': ['app/keeper/client.ts', 'app/keeper/frames.ts', 'app/process', 'app/model', 'app/contract'],
  'app/agents': ['app/process', 'app/model'],
  'app/store': ['app/process', 'app/model'],
  'app/runs': [
    'app/git',
    'app/forge',
    'app/session',
    'app/agents',
    'app/store',
    'app/keeper/client.ts',
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
    'app/process',
    'app/contract',
    'app/model',
  ],
  'app/cli': ['app/contract', 'app/host', 'app/model', 'app/process', 'app/store'],
  main: ['app/contract', 'app/model'],
  renderer: ['app/contract', 'app/model'],
}
// A package that belongs to one place only.
const homes: Record<string, (file: string) => boolean> = {
  electron: (file) => file.startsWith('main/'),
  'node-pty': (file) => file === 'app/keeper/pty-process.ts',
  react: (file) => file.startsWith('renderer/'),
  'react-dom': (file) => file.startsWith('renderer/'),
  'node:sqlite': (file) => file.startsWith('app/store/') || file === 'app/keeper/lock.ts',
  'node:child_process': (file) =>
    file === 'app/process/run-program.ts' || file.startsWith('app/keeper/') || file.startsWith('main/'),
}
const pure = ['app/model', 'app/contract', 'renderer']

const sources = ['app', 'main', 'renderer'].flatMap((top) =>
  readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(top, name)),
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

describe('layering', () => {
  it('finds the sources', () => expect(sources.length).toBeGreaterThan(0))

  it.each(sources)('%s imports only what its room may', (file) => {
    const room = roomOf(file)
    for (const name of importsOf(file)) {
      if (name.startsWith('.')) {
        const target = relative(root, resolve(root, dirname(file), name)).replace(/\?.*$/, '')
        const inside = roomOf(target) === room
        const allowed = (rooms[room] ?? []).some((other) => target === other || target.startsWith(`${other}/`))
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
