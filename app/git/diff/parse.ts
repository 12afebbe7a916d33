// Reads what `git diff --raw -z --patch` prints, as it arrives: first every file, then the patch of each. It promises constant memory
// for what is not kept, that a line of a file is never taken for a line of the format (hunks are read by their counts), and names
// for hunks that depend on what changed only: not on line numbers, not on the lines around.
import { createHash } from 'node:crypto'
import { fail } from '../../model/failure.ts'
import { headerOf } from './quote.ts'

export interface RawEntry {
  /** A, M, D, R, C, T or U. */
  readonly letter: string
  readonly oldMode: string
  readonly newMode: string
  readonly oldId: string
  /** Zeros where git has not stored what lies in the worktree. */
  readonly newId: string
  readonly path: Buffer
  readonly oldPath: Buffer | null
}

export interface ParsedHunk {
  readonly kind: 'lines' | 'file'
  readonly header: Buffer
  readonly oldStart: number
  readonly oldLines: number
  readonly newStart: number
  readonly newLines: number
  /** One for each run of changed lines: what a mark is kept for. */
  readonly changes: readonly string[]
  /** Where it stands in the kept patch; 0 and 0 where it is not kept. */
  readonly from: number
  readonly to: number
}

export interface ParsedFile extends Omit<RawEntry, 'newId'> {
  /** null where the side has no content, or it is not known. */
  readonly newId: string | null
  readonly added: number
  readonly deleted: number
  readonly binary: boolean
  readonly hunks: readonly ParsedHunk[]
  /** git printed a patch for it. */
  readonly patched: boolean
  /** The bytes of its patch where they are kept, at most `maxPatchBytes`, cut at the end of a hunk. */
  readonly patch: Buffer
  readonly cut: boolean
}

export interface ParserOptions {
  /** Bytes of each patch that are kept. 0: none. */
  readonly maxPatchBytes: number
}

/** The name of a run of changed lines (or of a change without lines): the first 96 bits of a SHA-256. */
export function changeKey(path: Buffer, ...parts: readonly (Buffer | string)[]): string {
  const hash = createHash('sha256').update(path)
  for (const part of parts) hash.update('\0').update(part)
  return hash.digest('hex').slice(0, 24)
}

/** The name of a hunk: that of its changes. */
export function hunkIdOf(changes: readonly string[]): string {
  return changes.length === 1 ? changes[0]! : changeKey(Buffer.from('hunk'), ...changes)
}

interface OpenFile {
  readonly entry: RawEntry
  added: number
  deleted: number
  binary: boolean
  newId: string | null
  modeChanged: boolean
  hunks: ParsedHunk[]
  patched: boolean
  kept: Buffer[]
  keptBytes: number
  cut: boolean
  /** How often each run of lines came before: equal ones are numbered. */
  readonly times: Map<string, number>
}

interface OpenHunk {
  header: Buffer
  numbers: readonly [number, number, number, number]
  oldLeft: number
  newLeft: number
  changes: string[]
  run: Buffer[]
  lines: Buffer[]
  bytes: number
}

const newline = Buffer.from('\n')
const zeros = /^0+$/

/** A parser to feed with chunks. `end` gives every file, in git's order. */
export function diffParser(options: ParserOptions) {
  const files: OpenFile[] = []
  let raw: { entry: Omit<RawEntry, 'path' | 'oldPath'>; names: Buffer[] } | null = null
  let inPatch = false
  let pieces: Buffer[] = []
  let at = -1
  let hunk: OpenHunk | null = null
  let headers: Buffer[] = []

  const field = (text: Buffer) => {
    if (raw) {
      raw.names.push(text)
      if (raw.names.length < (/^[RC]/.test(raw.entry.letter) ? 2 : 1)) return
      const path = raw.names.at(-1)!
      const entry = { ...raw.entry, path, oldPath: raw.names.length > 1 ? raw.names[0]! : null }
      files.push(openFile(entry))
      raw = null
      return
    }
    if (text.length === 0) {
      inPatch = true
      return
    }
    const match = /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) ([AMDRCTUX])\d*$/.exec(text.toString('latin1'))
    if (!match) throw unreadable(text)
    const [, oldMode, newMode, oldId, newId, letter] = match as unknown as string[]
    raw = {
      entry: { letter: letter!, oldMode: oldMode!, newMode: newMode!, oldId: oldId!, newId: newId! },
      names: [],
    }
  }

  const endHunk = () => {
    const file = files[at]
    if (!hunk || !file) return
    endRun(file, hunk)
    const from = file.keptBytes
    const fits = options.maxPatchBytes > 0 && !file.cut && from + hunk.bytes <= options.maxPatchBytes
    if (fits) keep(file, hunk.lines)
    else file.cut = true
    const [oldStart, oldLines, newStart, newLines] = hunk.numbers
    const place = fits ? { from, to: file.keptBytes } : { from: 0, to: 0 }
    const { header, changes } = hunk
    file.hunks.push({ kind: 'lines', header, oldStart, oldLines, newStart, newLines, changes, ...place })
    hunk = null
  }

  const inHunk = (line: Buffer): boolean => {
    const file = files[at]
    if (!hunk || !file) return false
    const first = line[0]
    const isMarker = first === 0x5c
    if (hunk.oldLeft === 0 && hunk.newLeft === 0 && !isMarker) return false
    if (first === 0x2b) {
      hunk.newLeft--
      file.added++
    } else if (first === 0x2d) {
      hunk.oldLeft--
      file.deleted++
    } else if (!isMarker) {
      // git writes an empty line of context as one space, and as nothing where it was told so.
      hunk.oldLeft--
      hunk.newLeft--
      endRun(file, hunk)
    }
    if (first === 0x2b || first === 0x2d || (isMarker && hunk.run.length > 0)) hunk.run.push(line)
    if (options.maxPatchBytes > 0 && !file.cut && file.keptBytes + hunk.bytes <= options.maxPatchBytes)
      hunk.lines.push(line)
    hunk.bytes += line.length + 1
    return true
  }

  const line = (text: Buffer) => {
    if (inHunk(text)) return
    if (text.subarray(0, 3).equals(atSigns)) {
      const match = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(text.subarray(0, 100).toString('latin1'))
      const file = files[at]
      if (!match || !file) throw unreadable(text)
      endHunk()
      flushHeaders(file)
      const number = (index: number) => (match[index] === undefined ? 1 : Number(match[index]))
      const numbers = [number(1), number(2), number(3), number(4)] as const
      const lines = options.maxPatchBytes > 0 ? [text] : []
      hunk = {
        header: text,
        numbers,
        oldLeft: numbers[1],
        newLeft: numbers[3],
        changes: [],
        run: [],
        lines,
        bytes: text.length + 1,
      }
      return
    }
    endHunk()
    if (text.subarray(0, 11).equals(diffGit)) {
      if (files[at]) flushHeaders(files[at]!)
      at = indexOf(files, text, at)
      files[at]!.patched = true
      headers = [text]
      return
    }
    const file = files[at]
    if (!file) throw unreadable(text)
    headers.push(text)
    const words = text.subarray(0, 300).toString('latin1')
    const index = /^index [0-9a-f]+\.\.([0-9a-f]+)(?: \d+)?$/.exec(words)
    if (index && !zeros.test(index[1]!)) file.newId = index[1]!
    if (words.startsWith('old mode ')) file.modeChanged = true
    if (words.startsWith('Binary files ')) file.binary = true
  }

  const flushHeaders = (file: OpenFile) => {
    if (options.maxPatchBytes > 0 && !file.cut) keep(file, headers)
    headers = []
  }

  const feed = (chunk: Buffer, end: number) => {
    let from = 0
    for (let to = chunk.indexOf(end, from); to >= 0; to = chunk.indexOf(end, from)) {
      const part = chunk.subarray(from, to)
      // Copied: a slice would keep the whole chunk in memory.
      const whole = pieces.length === 0 ? Buffer.from(part) : Buffer.concat([...pieces, part])
      pieces = []
      from = to + 1
      if (end === 0) {
        field(whole)
        if (inPatch) return from
      } else line(whole)
    }
    if (from < chunk.length) pieces.push(Buffer.from(chunk.subarray(from)))
    return chunk.length
  }

  return {
    add(chunk: Buffer): void {
      let from = 0
      if (!inPatch) from = feed(chunk, 0)
      if (from < chunk.length) feed(from === 0 ? chunk : chunk.subarray(from), 0x0a)
    },
    /** `whole`: false where git was ended early; then what is there so far counts. */
    end(whole: boolean): ParsedFile[] {
      if (whole) {
        if (pieces.length > 0 || raw)
          throw fail('state-unknown', { message: 'git diff ended in the middle of a record' })
        if (hunk && (hunk.oldLeft > 0 || hunk.newLeft > 0))
          throw fail('state-unknown', { message: 'git diff ended in the middle of a hunk' })
        endHunk()
      }
      if (files[at]) flushHeaders(files[at]!)
      return files.map(closeFile)
    },
  }
}

const atSigns = Buffer.from('@@ ')
const diffGit = Buffer.from('diff --git ')

function openFile(entry: RawEntry): OpenFile {
  return {
    entry,
    added: 0,
    deleted: 0,
    binary: false,
    newId: zeros.test(entry.newId) ? null : entry.newId,
    modeChanged: false,
    hunks: [],
    patched: false,
    kept: [],
    keptBytes: 0,
    cut: false,
    times: new Map(),
  }
}

function closeFile(file: OpenFile): ParsedFile {
  const { entry, newId } = file
  const changed = file.modeChanged || entry.letter === 'T'
  const hunks = [...file.hunks]
  if (file.patched && (hunks.length === 0 || file.modeChanged)) {
    // A mode that changed beside lines is a change of its own; without lines everything that is known is the change.
    const facts =
      hunks.length > 0
        ? [entry.oldMode, entry.newMode]
        : [entry.oldMode, entry.newMode, entry.oldPath ?? '', entry.oldId, newId ?? '']
    const key = changeKey(entry.path, changed ? 'mode' : 'file', ...facts)
    const nowhere = { oldStart: 0, oldLines: 0, newStart: 0, newLines: 0, from: 0, to: 0 }
    hunks.unshift({ kind: 'file', header: Buffer.alloc(0), changes: [key], ...nowhere })
  }
  return {
    ...entry,
    newId: entry.newMode === '000000' ? null : newId,
    added: file.added,
    deleted: file.deleted,
    binary: file.binary,
    hunks,
    patched: file.patched,
    patch: Buffer.concat(file.kept),
    cut: file.cut,
  }
}

function endRun(file: OpenFile, hunk: OpenHunk): void {
  if (hunk.run.length === 0) return
  const key = changeKey(file.entry.path, 'lines', ...hunk.run)
  const times = file.times.get(key) ?? 0
  file.times.set(key, times + 1)
  hunk.changes.push(times === 0 ? key : changeKey(file.entry.path, key, String(times)))
  hunk.run = []
}

function keep(file: OpenFile, lines: readonly Buffer[]): void {
  for (const text of lines) {
    file.kept.push(text, newline)
    file.keptBytes += text.length + 1
  }
}

/** The file that a patch is of: the next one with these names. A changed type has two patches, and some files have none (-w). */
function indexOf(files: readonly OpenFile[], header: Buffer, before: number): number {
  for (let index = Math.max(before, 0); index < files.length; index++) {
    const { path, oldPath } = files[index]!.entry
    if (headerOf(oldPath ?? path, path).equals(header)) return index
  }
  throw unreadable(header)
}

function unreadable(text: Buffer) {
  return fail('state-unknown', { message: `git diff said "${text.toString('utf8').slice(0, 100)}"` })
}
