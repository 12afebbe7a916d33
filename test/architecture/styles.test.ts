import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

// Each feature's styles lie beside it. What every feature may use lies in styles/ and parts/; a feature builds on that, and on
// nothing of its neighbours. A class has one home, and none stands there unused.
const renderer = resolve(import.meta.dirname, '../../renderer')
const files = readdirSync(renderer, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'))
const read = (file: string) => readFileSync(join(renderer, file), 'utf8')
const folderOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '')
const isShared = (file: string) => ['styles', 'parts'].includes(folderOf(file))

/** What xterm draws carries classes of its own. */
const foreign = /\.xterm.*$/

/** The selectors of a stylesheet, without those of keyframes. */
function selectorsOf(css: string): string[] {
  const plain = css.replace(/\/\*[\s\S]*?\*\//g, '').replace(/@import[^;]*;/g, '')
  return [...plain.matchAll(/([^{};]+)\{/g)]
    .flatMap(([, prelude]) => (prelude!.trim().startsWith('@') ? [] : prelude!.split(',')))
    .map((selector) => selector.trim())
    .filter((selector) => !/^(from|to|\d+%)$/.test(selector))
}

const classesIn = (selector: string) =>
  [...selector.replace(foreign, '').matchAll(/\.([a-zA-Z][\w-]*)/g)].map(([, name]) => name!)

/** The classes that a component gives: what stands as text in its className, without what is only compared. */
function classesUsed(source: string): string[] {
  const found: string[] = []
  for (const match of source.matchAll(/\b\w*[cC]lassName\s*=\s*/g)) {
    const text = valueAt(source, match.index + match[0].length)
    const kept = text.replace(/[!=]==\s*'[^']*'/g, '')
    for (const literal of textsIn(kept)) found.push(...literal.split(/\s+/).filter(Boolean))
  }
  return found
}

/** The value that begins here: a string, or an expression up to the end of its braces. */
function valueAt(source: string, start: number): string {
  const first = source[start]!
  if (first === '"' || first === "'") return source.slice(start, source.indexOf(first, start + 1) + 1)
  if (first !== '{') return ''
  let depth = 0
  for (let at = start; at < source.length; at++) {
    if (source[at] === '{') depth++
    if (source[at] === '}' && --depth === 0) return source.slice(start + 1, at)
  }
  throw new Error('no end of a className')
}

/** The text of every string in an expression, those inside of a template too. */
function textsIn(expression: string): string[] {
  const strings = [...expression.matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, a, b]) => (a ?? b)!)
  const templates = [...expression.matchAll(/`([^`]*)`/g)].map(([, text]) => text!.replace(/\$\{[^}]*\}/g, ''))
  return [...strings, ...templates]
}

const sheets = files.filter((file) => file.endsWith('.css'))
const sources = files.filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.test.ts'))
const selectors = sheets.flatMap((file) => selectorsOf(read(file)).map((selector) => ({ file, selector })))
const shared = new Set(
  selectors.filter(({ file }) => isShared(file)).flatMap(({ selector }) => classesIn(selector).slice(0, 1)),
)
const mentioned = (where: (file: string) => boolean) =>
  new Set(selectors.filter(({ file }) => where(file)).flatMap(({ selector }) => classesIn(selector)))
const used = (where: (file: string) => boolean) =>
  new Set(sources.filter(where).flatMap((file) => classesUsed(read(file))))

/** The class that a rule belongs to: the first that is not everyone's. */
const ownerOf = (selector: string) => classesIn(selector).find((name) => !shared.has(name))

describe('styles', () => {
  it('finds the sheets and their classes', () => {
    expect(sheets.length).toBeGreaterThan(20)
    expect(shared.has('btn')).toBe(true)
    expect(used(() => true).has('tile')).toBe(true)
  })

  it('reads a className as it is written', () => {
    expect(classesUsed(`<a className="row big" />`)).toEqual(['row', 'big'])
    expect(classesUsed(['<a className={`tile$', "{on ? ' on' : ''} x`} />"].join(''))).toEqual(
      expect.arrayContaining(['tile', 'on', 'x']),
    )
    expect(classesUsed(`<a className={state === 'running' ? 'now' : ''} />`)).toEqual(['now'])
    expect(classesUsed(`box.className = 'term-clip'`)).toEqual(['term-clip'])
  })

  it('defines each class in one file', () => {
    const homes = new Map<string, Set<string>>()
    for (const { file, selector } of selectors) {
      const owner = isShared(file) ? classesIn(selector)[0] : ownerOf(selector)
      if (owner !== undefined) homes.set(owner, (homes.get(owner) ?? new Set()).add(file))
    }
    expect([...homes].filter(([, at]) => at.size > 1).map(([name, at]) => [name, ...at])).toEqual([])
  })

  it('lets a feature style only what is its own', () => {
    const astray = selectors.filter(
      ({ file, selector }) => !isShared(file) && file.includes('/') && ownerOf(selector) === undefined,
    )
    expect(astray).toEqual([])
  })

  const folders = [...new Set(sources.map(folderOf))]
  it.each(folders)('%s uses only classes that are its own or shared', (folder) => {
    const known = mentioned((file) => isShared(file) || folderOf(file) === folder)
    expect([...used((file) => folderOf(file) === folder)].filter((name) => !known.has(name))).toEqual([])
  })

  it.each(sheets)('%s holds no class that is used nowhere', (file) => {
    const folder = folderOf(file)
    const inUse = used((source) => isShared(file) || folderOf(source) === folder)
    const own = selectors.filter((one) => one.file === file).flatMap(({ selector }) => classesIn(selector))
    expect([...new Set(own)].filter((name) => !shared.has(name) && !inUse.has(name))).toEqual([])
    if (isShared(file)) expect([...new Set(own)].filter((name) => !inUse.has(name))).toEqual([])
  })

  it('writes the light palette once', () => {
    const lines = read('styles/tokens.css').split('\n')
    expect(lines.filter((line) => line.includes('--surface-1:'))).toHaveLength(2)
  })
})
