import { describe, expect, it } from 'vitest'
import { ageText, bytesText, counted, dateText, ordinal, shortAge } from './units.ts'

describe('numbers as a person reads them', () => {
  it.each([
    [252_000, '4 m 12 s'],
    [999, '0 s'],
    [-5, '0 s'],
    [60_000, '1 m'],
    [3_900_000, '1 h 5 m'],
    [183_600_000, '2 d 3 h'],
    [null, 'unknown'],
    [Number.NaN, 'unknown'],
  ])('ageText(%s) is %s', (ms, text) => expect(ageText(ms)).toBe(text))
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_999, '1.0 MB'],
    [412_000_000, '412 MB'],
    [1_234_567_890, '1.2 GB'],
    [31_600_000_000, '31.6 GB'],
    [148_000_000_000, '148 GB'],
    [null, 'unknown'],
  ])('bytesText(%s) is %s', (bytes, text) => expect(bytesText(bytes)).toBe(text))

  it('counts in words, and says unknown', () => {
    expect([counted(0, 'run'), counted(1, 'run'), counted(2, 'run')]).toEqual(['0 runs', '1 run', '2 runs'])
    expect(counted(2, 'repository', 'repositories')).toBe('2 repositories')
    expect(counted(null, 'file')).toBe('unknown files')
  })

  it('is short where there is little room', () => {
    expect([shortAge(252_000), shortAge(null)]).toEqual(['4 m', 'unknown'])
    expect([1, 2, 3, 4, 11, 12, 13, 21, 111].map(ordinal)).toEqual([
      '1st',
      '2nd',
      '3rd',
      '4th',
      '11th',
      '12th',
      '13th',
      '21st',
      '111th',
    ])
  })

  it('names a moment in the own time zone', () => {
    expect(dateText(new Date(2026, 10, 22, 15, 4).getTime())).toBe('22 Nov 2026, 15:04')
    expect(dateText(Number.NaN)).toBe('an unknown day')
  })
})
