// The one place that makes hostile text safe to show and to log: names, paths, prompts, output of programs, messages of git. Pure.
// Every function takes time in proportion to the text's length, and whoever shows the result treats it as text. paste.ts does the
// same for what is typed into a terminal, link.ts for an address.

/**
 * Any text as one line that is safe to show: escape sequences, control and direction characters gone, line ends as "; ",
 * cut at `max` characters with "…".
 */
export function plainText(text: string, max = 500): string {
  return joined(text, max, '; ')
}

/** A program's own words (a title, a notification, a tool's input) as one line: as `plainText`, but line ends become spaces. */
export function oneLine(text: string, max = 500): string {
  return joined(text, max, ' ')
}

/** Any text with its lines kept and safe to show: as `plainText`, but line ends and tabs stay, and nothing is cut. */
export function plainLines(text: string): string {
  return withoutEscapes(text.replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n')).replace(invisibleInLines, '')
}

/**
 * What a program printed on a terminal, as lines that are safe to show: as `plainLines`, and what a carriage return overwrote is
 * gone, a cursor that moves to another line ends the line, and one that moves right leaves a gap.
 */
export function readableOutput(text: string): string {
  const lines = text
    .replace(movesToAnotherLine, '\n')
    .replace(movesRight, (_all, columns: string) => ' '.repeat(Math.min(widestGap, Number(columns) || 1)))
  // Not util.stripVTControlCharacters: 32 KiB of "ESC ]" hold it for 0.8 s, four times that for twice as many (Node 26.10.0).
  return withoutEscapes(lines).split('\n').map(overwritten).join('\n').replace(invisibleInLines, '')
}

/**
 * Cuts a text that goes on later where no escape sequence is halved. `open` is the unfinished sequence at its end, to be put before
 * what comes; a long one is remembered by its beginning, which is all that is needed to take the rest for a part of it.
 */
export function cutWhole(text: string): { readonly whole: string; readonly open: string } {
  let last: RegExpExecArray | null = null
  for (const match of text.matchAll(escapes)) last = match
  const open = last && last.index + last[0].length === text.length && unfinished.test(last[0]) ? last[0] : ''
  if (!last || open === '') return { whole: text, open: '' }
  const whole = text.slice(0, last.index)
  return { whole, open: open.length > longestOpen ? (introducer.exec(open)?.[0] ?? '') : open }
}

/**
 * What is left of a text of which the beginning is lost, from the first place that surely is no half of a sequence or character: the
 * first line's end, else the first sequence's beginning, else behind what could be the end of one.
 */
export function fromWhole(text: string): string {
  const line = text.indexOf('\n')
  if (line >= 0) return text.slice(line + 1)
  const sequence = text.indexOf('\u001b')
  return sequence >= 0 ? text.slice(sequence) : text.replace(/^\ufffd*(?:(?:\[[0-?]*|[0-?]+)[ -/]*[@-~])?/, '')
}

/** The last line of a program's output that says something, safe to show and cut at `max` characters; "" where none does. */
export function lastLineOf(text: string, max = 300): string {
  const lines = readableOutput(text).split('\n')
  return plainText(lines.findLast((line) => plainText(line, max) !== '') ?? '', max)
}

/**
 * A text for a log or a record: nothing is lost, and every character that cannot be seen, ends a line or turns the direction is
 * written out as \u{1b}. `keep` names the ones that stay as they are: "\n\t", say.
 */
export function visibleText(text: string, keep = ''): string {
  return text.replace(hidden, (character) =>
    keep.includes(character) ? character : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}

/** The text with each character that `plainText` would drop written out by `escapeOf`. For a notation with escapes of its own. */
export function replaceInvisible(text: string, escapeOf: (character: string) => string): string {
  return text.replace(/[\u2028\u2029]/g, escapeOf).replace(invisible, escapeOf)
}

/** True where a control character (C0, DEL, C1) is in the text: no name, address or ref of ours may hold one. */
export function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text)
}

/** The first `max` UTF-16 units of a text, without half a character at the end. */
export function headOf(text: string, max: number): string {
  const head = text.slice(0, max)
  const last = head.charCodeAt(head.length - 1)
  return last >= 0xd800 && last <= 0xdbff ? head.slice(0, -1) : head
}

// CSI, then strings (OSC, DCS, SOS, PM, APC) to their end or to the end of the line, so that an unfinished one hides no other
// line, then every other escape. An unfinished sequence goes as far as it got.
const escapes =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c\r\n]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g

// Controls, lone surrogates, and format characters (among them those that turn the direction of text: "Trojan source",
// CVE-2021-42574), except the two joiners that Persian, Indic scripts and emoji are written with.
const invisible = /[\p{Cc}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu
const invisibleInLines = /(?![\n\t])[\p{Cc}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu
// For records nothing is spared: a joiner can make two different names look alike.
const hidden = /[\p{Cc}\p{Cs}\p{Cf}\u2028\u2029]/gu

// A program that draws its screen moves the cursor instead of ending lines: up, down, to a place (CSI A B E F H f d, ESC D E M).
const movesToAnotherLine = /(?:(?:\u001b\[|\u009b)[0-9;]*[ABEFHfd]|\u001b[DEM])+/g
const movesRight = /(?:\u001b\[|\u009b)([0-9]*)C/g
/** No sequence that moves or colours anything is longer; only strings are. */
const longestOpen = 256
/** Nobody's line has a wider gap. */
const widestGap = 80

/** The same grammar with its end missing: a sequence that stands at the end of a text, of which more may come. */
const unfinished =
  /^(?:(?:\u001b\[|\u009b)[0-?]*[ -/]*|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c\r\n]*|\u001b[ -/]*)$/
const introducer = /^(?:\u001b[[\]PX^_]|.)/

const withoutEscapes = (text: string): string => text.replace(escapes, '')

/** What is left of a line after its carriage returns: those at its end are a part of the line's end. */
function overwritten(line: string): string {
  let end = line.length
  while (line[end - 1] === '\r') end--
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end)
}

function joined(text: string, max: number, between: string): string {
  // What is far beyond the cap is dropped first, so that a hostile megabyte costs nothing.
  const lines = withoutEscapes(text.slice(0, max * 8 + 4096))
    .split(/[\r\n\u0085\u2028\u2029]+/)
    .map((line) => line.replace(/\t/g, ' ').replace(invisible, '').trim())
    .filter((line) => line !== '')
  const characters = [...lines.join(between)]
  return characters.length > max ? `${characters.slice(0, max - 1).join('')}…` : characters.join('')
}
