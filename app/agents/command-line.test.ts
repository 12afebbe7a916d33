import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { quote, shorten, show } from './command-line.ts'

describe('a shown command line', () => {
  it.each([
    ['plain-word_1.2/3:4=5,6@7+8%', 'plain-word_1.2/3:4=5,6@7+8%'],
    ['', "''"],
    ['two words', "'two words'"],
    ["it's", "'it'\\''s'"],
    ['$(id) `id` "x" \\', `'$(id) \`id\` "x" \\'`],
    ['ünï 漢字', "'ünï 漢字'"],
    ['a\nb\t\x1b[31m\u009b\x7f', "$'a\\nb\\t\\e[31m\\u009b\\x7f'"],
    ["it's\n", "$'it\\'s\\n'"],
    ['left\u202eright', "$'left\\u202eright'"],
  ])('quotes %j', (word, quoted) => {
    expect(quote(word)).toBe(quoted)
    expect(quoted).not.toMatch(/[\x00-\x1f\x7f-\x9f]/)
  })

  it('is read back by bash as the same words', () => {
    const words = ['', ' ', "'", '"', '\\', '$HOME', '`id`', 'a\nb', '\x1b[0m\x07', '*', '~', '!', '#x', 'ünï', "\\'\n"]
    const script = `printf '%s\\0' ${words.map(quote).join(' ')}`
    const environment = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' }
    const printed = execFileSync('bash', ['-c', script], {
      encoding: 'utf8',
      env: environment,
      // bash reads ~/.bashrc where its input is a socket, as Node's pipes are.
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    expect(printed.split('\0').slice(0, -1)).toEqual(words)
  })

  it('shortens a prompt by whole characters and leaves a short one as it is', () => {
    expect(shorten('short')).toBe('short')
    expect(shorten('🎉'.repeat(100))).toBe(`${'🎉'.repeat(60)}…`)
    expect(shorten('a'.repeat(61), 60)).toBe(`${'a'.repeat(60)}…`)
  })

  it('names the program alone, with its settings before it and its input behind it', () => {
    const shown = show({
      file: '/opt/my agents/agent',
      args: ['-p', '--prompt=fix it'],
      environment: { A: 'b c' },
      prompt: { index: 1, before: '--prompt=', text: 'fix it' },
      stdin: { text: 'some text' },
    })
    expect(shown).toBe("A='b c' agent -p '--prompt=fix it' <<< 'some text'")
  })
})
