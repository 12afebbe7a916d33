import { readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

// A comment that names a file which is not here tells its reader nothing: it says the fact itself, or names a file that is.
const root = resolve(import.meta.dirname, '../..')
const below = (top: string): string[] =>
  readdirSync(join(root, top), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
const files = ['app', 'main', 'renderer', 'test', 'scripts', 'docs'].flatMap(below)
const known = new Set([...files, ...readdirSync(root)])
const sources = files.filter((file) => /\.(ts|tsx|mjs|mts|css)$/.test(file))
const guides = files.filter((file) => /^docs\/[^/]+\.md$/.test(file))

// Of another project, which the comment names beside it.
const elsewhere = new Set(['common/buffer/Constants.ts'])

/** The names of sources and pages that the comments of a file cite. */
function citedIn(text: string): string[] {
  const comments = text
    .split('\n')
    .flatMap((line) => /^\s*(?:\/\/|\/?\*\*?)(.*)|\s\/\/ (.*)/.exec(line)?.slice(1) ?? [])
  return comments.flatMap((comment) =>
    [...(comment ?? '').matchAll(/(?<![\w./@:~*-])[a-z][\w/-]*\.(?:md|tsx?)(?![\w/-])/g)].map(([name]) => name),
  )
}

const isHere = (name: string) =>
  elsewhere.has(name) ||
  known.has(name) ||
  [...known].some((file) => file.endsWith(`/${name}`) || basename(file) === name)

describe('what comments and guides cite', () => {
  it('is found in comments only', () => {
    expect(citedIn("// See facts/git.md, row 7.\nimport x from './gone.ts'\n * as gone.ts says")).toEqual([
      'facts/git.md',
      'gone.ts',
    ])
    expect(isHere('facts/git.md')).toBe(false)
    expect(isHere('host/host.ts')).toBe(true)
  })

  it.each(sources.filter((file) => !file.endsWith('citations.test.ts')))('%s names only files that are here', (file) =>
    expect(citedIn(readFileSync(join(root, file), 'utf8')).filter((name) => !isHere(name))).toEqual([]),
  )

  it.each(guides)('%s names only files that are here', (file) => {
    const named = [
      ...readFileSync(join(root, file), 'utf8').matchAll(/`((?:app|main|renderer|test|scripts|docs)\/[\w./-]+)`/g),
    ]
    const missing = named
      .map((match) => match[1]!.replace(/\/$/, ''))
      .filter(
        (name) =>
          !known.has(name) && !files.some((other) => other.startsWith(`${name}/`) || other.startsWith(`${name}.`)),
      )
    expect(missing).toEqual([])
  })
})
