import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

// What lives long has an owner: a class or a closure that the composition root makes and closes. A table at the top of a module
// that is keyed by the context is a hidden one.
const root = resolve(import.meta.dirname, '../..')
const sources = readdirSync(join(root, 'app'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => join('app', name))
const read = (file: string) => readFileSync(join(root, file), 'utf8')

/** Tables at the top of a module (not indented) whose keys are objects: what they hold belongs to somebody who does not know it. */
const hiddenTables = (text: string): string[] =>
  text.split('\n').filter((line) => /^(export )?(const|let|var) \w+.*\bWeak(Map|Set)\b/.test(line))
/** Tables at the top of a module that name the context as their key. */
const keyedByContext = (text: string): string[] =>
  text.split('\n').filter((line) => /^(export )?(const|let|var) \w+.*\b(Map|Set)<Context\b/.test(line))

describe('what lives long', () => {
  it('finds the sources', () => expect(sources).toContain('app/runs/context.ts'))

  it('is found where it is hidden', () => {
    expect(hiddenTables('const seen = new WeakMap<Context, string>()')).toHaveLength(1)
    expect(hiddenTables('let busy: WeakSet<Context> | null = null')).toHaveLength(1)
    expect(hiddenTables('  const seen = new WeakMap<Context, string>()')).toEqual([])
    expect(keyedByContext('const tables = new Map<Context, string>()')).toHaveLength(1)
    expect(keyedByContext('const tables = new Map<string, Context>()')).toEqual([])
  })

  it.each(sources)('%s hides nothing behind the context', (file) => {
    expect(hiddenTables(read(file))).toEqual([])
    expect(keyedByContext(read(file))).toEqual([])
  })
})

describe('the end of an attempt', () => {
  it('is recorded in one place', () => {
    const places = sources.filter((file) => /\brecord\([^)]*\btype: 'attempt-ended'/s.test(read(file)))
    expect(places).toEqual(['app/runs/attempt/end-attempt.ts'])
  })
})
