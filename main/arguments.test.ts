import { describe, expect, it } from 'vitest'
import { parseArguments, parseHandedOver } from './arguments.ts'

describe('parseArguments', () => {
  const parse = (...words: string[]) => parseArguments(['/electron', '/app', ...words], '/home/me', 2)

  it('opens nothing by itself', () => expect(parse()).toEqual({ path: null, demo: false }))
  it('takes an absolute path', () => expect(parse('/src/a b')).toEqual({ path: '/src/a b', demo: false }))
  it('takes a path from where it was started', () => expect(parse('work').path).toBe('/home/me/work'))
  it('leaves switches of Chromium alone', () =>
    expect(parse('--no-sandbox', '--inspect=0', '/src/a', '--lang=de').path).toBe('/src/a'))
  it('starts the demo', () => expect(parse('--demo')).toEqual({ path: null, demo: true }))
  it('refuses what no path can be', () => {
    expect(parse('a\0b').path).toBeNull()
    expect(parse(`/${'x'.repeat(5000)}`).path).toBeNull()
  })
  it('counts from the executable alone when packaged', () =>
    expect(parseArguments(['/opt/coppice', '/src/a'], '/', 1).path).toBe('/src/a'))
})

describe('parseHandedOver', () => {
  it('gives back what was sent', () =>
    expect(parseHandedOver({ path: '/a', demo: true })).toEqual({ path: '/a', demo: true }))
  it.each([null, 'text', { path: 'relative', demo: false }, { path: '/a' }, { path: '/a\0', demo: false }])(
    'takes %j for nothing',
    (value) => expect(parseHandedOver(value)).toEqual({ path: null, demo: false }),
  )
})
