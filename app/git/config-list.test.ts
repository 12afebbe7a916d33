import { describe, expect, it } from 'vitest'
import { allValues, isRepositoryScope, lastValue, parseConfigList, splitKey, writeConfig } from './config-list.ts'

const output = [
  'system',
  'core.editor\nvi',
  'global',
  'url.git@h:.insteadof\nhttps://h/',
  'local',
  'remote.a.b.url\nx',
  'local',
  'core.bare',
  'worktree',
  'filter.x=y.clean\nrun\nme',
  '',
].join('\0')

describe('config list', () => {
  it('reads scope, key and value, a key without "=" and values of several lines', () => {
    const entries = parseConfigList(output)
    expect(entries).toEqual([
      { scope: 'system', key: 'core.editor', value: 'vi' },
      { scope: 'global', key: 'url.git@h:.insteadof', value: 'https://h/' },
      { scope: 'local', key: 'remote.a.b.url', value: 'x' },
      { scope: 'local', key: 'core.bare', value: null },
      { scope: 'worktree', key: 'filter.x=y.clean', value: 'run\nme' },
    ])
    expect(entries.map(isRepositoryScope)).toEqual([false, false, true, true, true])
    expect(lastValue(entries, 'core.bare')).toBe('true')
    expect(lastValue(entries, 'core.none')).toBeUndefined()
    expect(allValues(entries, 'remote.a.b.url')).toEqual(['x'])
  })

  it.each([
    ['core.bare', { section: 'core', subsection: null, name: 'bare' }],
    ['remote.a.b.url', { section: 'remote', subsection: 'a.b', name: 'url' }],
    ['url.https://h/.insteadof', { section: 'url', subsection: 'https://h/', name: 'insteadof' }],
  ])('splits %j', (key, parts) => {
    expect(splitKey(key)).toEqual(parts)
  })

  it('writes what git reads back, without includes', () => {
    const text = writeConfig([
      { scope: 'global', key: 'include.path', value: '/x' },
      { scope: 'global', key: 'includeif.gitdir:/w/.path', value: '/x' },
      { scope: 'global', key: 'a.q"\\b.c', value: ' x"\\\ny ; # ' },
      { scope: 'global', key: 'core.bare', value: null },
    ])
    expect(text).toBe('[a "q\\"\\\\b"]\n\tc = " x\\"\\\\\\ny ; # "\n[core]\n\tbare\n')
  })
})
