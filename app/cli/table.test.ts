import { describe, expect, it } from 'vitest'
import { cut, displayWidth, pairs, table } from './table.ts'

describe('displayWidth', () => {
  it.each([
    ['abc', 3],
    ['é', 1],
    ['e\u0301', 1],
    ['漢字', 4],
    ['한글', 4],
    ['👩\u200d💻', 2],
    ['☁\ufe0f', 2],
    ['\u200b', 0],
    ['…', 1],
  ])('%j takes %i cells', (text, width) => expect(displayWidth(text)).toBe(width))
})

describe('cut', () => {
  it('leaves what fits', () => expect(cut('abc', 3)).toBe('abc'))
  it('never splits a character, nor passes the width', () => {
    expect(cut('漢字漢字', 4)).toBe('漢…')
    expect(displayWidth(cut('ab👩\u200d💻cd', 4))).toBeLessThanOrEqual(4)
  })
})

describe('table', () => {
  const columns = [
    { title: 'RUN', shrinkTo: 6 },
    { title: 'N', align: 'right' as const },
    { title: 'BRANCH', shrinkTo: 8, drop: 1 },
    { title: 'SIZE', align: 'right' as const, drop: 2 },
  ]
  const rows = [
    ['fix-login', '1', 'agent/fix-login-of-everyone', '1.2 GB'],
    ['漢字', '12', 'agent/x', '?'],
  ]

  it('aligns its columns, whatever the characters', () => {
    expect(table(columns, rows, { width: Number.POSITIVE_INFINITY })).toEqual([
      'RUN         N  BRANCH                         SIZE',
      'fix-login   1  agent/fix-login-of-everyone  1.2 GB',
      '漢字       12  agent/x                           ?',
    ])
  })
  it.each([60, 45, 40, 30, 25])('fits into %i cells', (width) => {
    for (const line of table(columns, rows, { width })) expect(displayWidth(line)).toBeLessThanOrEqual(width)
  })
  it('leaves out the least telling column first', () => {
    expect(table(columns, rows, { width: 25 })[0]).not.toContain('SIZE')
    expect(table(columns, rows, { width: 25 })[0]).toContain('BRANCH')
    expect(table(columns, rows, { width: 12 })[0]).not.toContain('BRANCH')
  })
  it('is empty without rows', () => expect(table(columns, [], { width: 80 })).toEqual([]))
})

it('pairs leave out what is not known', () => {
  expect(
    pairs([
      ['a', '1'],
      ['long', null],
      ['bcd', '2'],
    ]),
  ).toEqual(['a    1', 'bcd  2'])
})
