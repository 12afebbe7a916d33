import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { branchNameProblem, firstFreeName, foldName } from './branch-name.ts'

describe('branchNameProblem', () => {
  it.each([
    'main',
    'agent/fix-1',
    'ünï/日本',
    'a.b',
    'a@b',
    'CON',
    'x'.repeat(200),
    'feature/#12',
    "it's",
    '$(id)',
    ';rm',
  ])('accepts %j', (name) => {
    expect(branchNameProblem(name)).toBeNull()
  })
  it.each([
    '',
    '-x',
    '--upload-pack=x',
    '@',
    'HEAD',
    'a b',
    'a\u3000b',
    'a\u200bb',
    '\u202eabc',
    'a\nb',
    'a\0b',
    'a\x7fb',
    'a~1',
    'a^',
    'a:b',
    'a?',
    'a*',
    'a[b',
    'a\\b',
    'a..b',
    'a@{1}',
    '/a',
    'a/',
    'a//b',
    'a.',
    '.a',
    'a/.b',
    'a.lock',
    'a.lock/b',
    'a.LOCK',
    'x'.repeat(201),
    '\ud800',
  ])('refuses %j', (name) => {
    expect(branchNameProblem(name)).toEqual(expect.any(String))
  })
})

describe('firstFreeName', () => {
  it.each([
    ['a', [], 'a'],
    ['a', ['a'], 'a-2'],
    ['a', ['a', 'a-2', 'A-3'], 'a-4'],
    ['Fix', ['fix'], 'Fix-2'],
    ['agent/x', ['agent/x'], 'agent/x-2'],
    // A folder of branches and a branch exclude each other.
    ['agent', ['agent/x'], 'agent-2'],
    ['agent/x', ['agent'], 'agent-2/x'],
    ['agent/x', ['AGENT', 'agent-2/x'], 'agent-2/x-2'],
    ['e\u0301', ['\u00e9'], 'e\u0301-2'],
  ])('%j beside %j is %j', (wanted, taken, free) => {
    expect(firstFreeName(wanted, taken)).toBe(free)
  })

  it('seed 20260102: never gives a name that excludes or is excluded by one that is there', () => {
    const part = fc.constantFrom('a', 'A', 'b', 'a-2', 'b-2', 'c')
    const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
    fc.assert(
      fc.property(name, fc.array(name, { maxLength: 12 }), (wanted, taken) => {
        const free = foldName(firstFreeName(wanted, taken))
        for (const other of taken.map(foldName)) {
          expect(free === other || free.startsWith(`${other}/`) || other.startsWith(`${free}/`)).toBe(false)
        }
      }),
      { seed: 20260102, numRuns: 500 },
    )
  })
})
