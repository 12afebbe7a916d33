import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

// What the documentation names is there: a file that was moved or renamed takes its mention with it.
const root = resolve(import.meta.dirname, '../..')
const tops = ['app', 'main', 'renderer', 'test', 'scripts', 'resources', 'docs']
const pages = ['README.md', 'CHANGELOG.md', ...markdownIn('docs'), ...markdownIn('docs/decisions')]
const fileNames = new Set(
  tops.flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map((name) => basename(name)),
  ),
)

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name))
}

/** A page's text without its fenced blocks: commands and drawings name what they like. */
const proseOf = (page: string): string => readFileSync(join(root, page), 'utf8').replace(/^```.*?^```/gms, '')

/** What stands in backticks and looks like a file, or a folder, of the repository. A pattern (`<name>`, `*`, `…`) is none. */
function pathsIn(text: string): string[] {
  const spans = [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!)
  return spans.filter((span) => {
    if (!/^[\w./@-]+$/.test(span)) return false
    return tops.some((top) => span.startsWith(`${top}/`)) || /^[\w-]+(\.test)?\.(tsx?|mjs)$/.test(span)
  })
}

function isThere(path: string): boolean {
  // A bare name stands in a page about one folder; a room may be a folder or its one file.
  if (!path.includes('/')) return fileNames.has(path)
  const found = join(root, path)
  if (path.endsWith('/')) return existsSync(found) && statSync(found).isDirectory()
  return existsSync(found) || existsSync(`${found}.ts`)
}

describe('the documentation', () => {
  it('is looked through', () => {
    expect(pages).toContain('docs/architecture.md')
    const text = 'See `app/cli.ts`, `exec.ts` and `app/model`, not `app/agents/<name>.ts`, `npm ci` or `runs/*`.'
    expect(pathsIn(text)).toEqual(['app/cli.ts', 'exec.ts', 'app/model'])
    expect(['app/cli.ts', 'exec.ts', 'app/model', 'main/', 'app/cli'].filter((path) => !isThere(path))).toEqual([])
    expect(['app/nothing.ts', 'nothing.ts', 'app/cli.ts/', 'app/nothing/'].filter(isThere)).toEqual([])
  })

  it.each(pages)('%s names only files that exist', (page) => {
    expect(pathsIn(proseOf(page)).filter((path) => !isThere(path))).toEqual([])
  })

  it.each(pages)('%s links only to what exists', (page) => {
    const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!.split('#')[0]!)
    const own = links.filter((link) => link !== '' && !/^[a-z]+:/.test(link))
    expect(own.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([])
  })
})
