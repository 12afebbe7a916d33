// Command lines for people: quoted as a POSIX shell would read them back, with the prompt shortened. They are shown and never run,
// but they must be true: what looks like one word is one argument, and no control character reaches a terminal.
import { basename } from 'node:path'
import { replaceInvisible } from '../model/text/text.ts'

/** How much of a prompt a shown command line holds, in characters. */
const promptHead = 60

/** One argument, quoted only where a shell needs it. Control characters come out as $'…' escapes. */
export function quote(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word
  const shown = replaceInvisible(word, escapeOf)
  if (shown === word) return `'${word.replaceAll("'", `'\\''`)}'`
  return `$'${replaceInvisible(word.replace(/[\\']/g, '\\$&'), escapeOf)}'`
}

/** A prompt's first words, for a command line; whole where it is short. */
export function shorten(prompt: string, max = promptHead): string {
  const head = Array.from(prompt.slice(0, max * 4))
  return head.length <= max && prompt.length <= max * 4 ? prompt : `${head.slice(0, max).join('')}…`
}

export interface Shown {
  readonly file: string
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** The argument that holds the prompt, and what it holds besides: `--prompt=` before it, say. */
  readonly prompt?: { readonly index: number; readonly before: string; readonly text: string } | null
  readonly stdin?: 'none' | { readonly text: string }
}

/** The command line of a plan. The program by its name alone; a text on stdin as a here-string. */
export function show({ file, args, environment = {}, prompt = null, stdin = 'none' }: Shown): string {
  const words = args.map((arg, index) => quote(prompt?.index === index ? prompt.before + shorten(prompt.text) : arg))
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${quote(value)}`)
  const input = stdin === 'none' ? [] : ['<<<', quote(shorten(stdin.text))]
  return [...settings, quote(basename(file)), ...words, ...input].join(' ')
}

function escapeOf(character: string): string {
  const named: Record<string, string> = {
    '\n': '\\n',
    '\t': '\\t',
    '\r': '\\r',
    '\x1b': '\\e',
  }
  const code = character.codePointAt(0) ?? 0
  if (code > 0xffff) return `\\U${hex(code, 8)}`
  return named[character] ?? (code < 0x80 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`)
}

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0')
