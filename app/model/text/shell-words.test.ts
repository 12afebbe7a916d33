import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shellWord } from '../shell-word.ts'
import { shellWords } from './shell-words.ts'

describe('words of a typed line', () => {
  it.each([
    ['', []],
    ['  --add-dir  ../shared\n--verbose ', ['--add-dir', '../shared', '--verbose']],
    [`--append "two words" 'it''s' a\\ b`, ['--append', 'two words', 'its', 'a b']],
    [`--config='{"a": "b"}'`, ['--config={"a": "b"}']],
    [`"a\\"b\\n" '' ""`, ['a"b\\n', '', '']],
    ['one\\\ntwo', ['onetwo']],
    // Nothing is expanded and nothing is run.
    ['$HOME ~ *.ts `id` $(id) a|b; c>d #x', ['$HOME', '~', '*.ts', '`id`', '$(id)', 'a|b;', 'c>d', '#x']],
  ])('%j', (text, words) => {
    expect(shellWords(text)).toEqual(words)
  })

  it.each(["it's", '"open', 'ends with \\'])('has none where a quote is not closed: %j', (text) => {
    expect(shellWords(text)).toBeNull()
  })

  it('reads back whatever a person copies from a shown command line', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (words) => {
        expect(shellWords(words.map(shellWord).join(' '))).toEqual(words)
      }),
    )
  })
})
