// A headless agent's output as something to read. Its events (one JSON value per line) become lines of text with a mark for who
// speaks. They are written into the same kind of screen as a terminal's output, so attach and logs need not know the difference.
// Every valid event is also appended to events.ndjson. Texts in events are hostile: their control characters never reach a screen.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { headOf, oneLine, plainLines } from '../../model/text/text.ts'
import type { AgentEvidence, TranscriptLine, TranscriptReader, TranscriptRole } from '../../model/transcript.ts'
import { createLineSplitter } from './ndjson.ts'

/** Characters of one entry that are shown; the whole of it is in events.ndjson. */
const maxText = 20_000
const maxDetail = 300
/** What an ending is judged by: the end of standard error. */
const maxStderr = 8 * 1024

export interface TranscriptOptions {
  /** Null: the output is no JSON, and is shown line by line. */
  readonly reader: TranscriptReader | null
  readonly stateDir: string
  /** Where each stream goes on, and how many bytes of events.ndjson belong to what came before. */
  readonly out: number
  readonly err: number
  readonly teed: number
  /** The end of standard error up to there. */
  readonly stderrTail: string
  /** Bytes for the screen: text, SGR and CR LF, nothing else. */
  onText(text: string): void
  onEvidence(evidence: AgentEvidence): void
  onAgentSession(id: string): void
  onEvent(event: unknown): void
}

export interface Transcript {
  push(stream: 'out' | 'err', bytes: Uint8Array): void
  /** Bytes of this stream are lost. */
  gap(stream: 'out' | 'err', from: number, to: number): void
  end(stream: 'out' | 'err'): void
  /** Offsets after the last whole line of each stream, and what events.ndjson holds: what a checkpoint stands at. */
  readonly out: number
  readonly err: number
  readonly teed: number
  readonly stderrTail: string
  close(): void
}

export const eventsFile = 'events.ndjson'

export function createTranscript(options: TranscriptOptions): Transcript {
  const at = { out: options.out, err: options.err }
  const tee = openTee(options.stateDir, options.teed)
  let stderrTail = options.stderrTail
  const splitters = { out: splitterOf('out', options.out), err: splitterOf('err', options.err) }

  function splitterOf(stream: 'out' | 'err', from: number) {
    return createLineSplitter(from, {
      onLine(text, end) {
        at[stream] = end
        if (stream === 'err') takeError(text)
        else takeOutput(text)
      },
      onTooLong(bytes, end) {
        at[stream] = end
        show({ role: 'note', text: `A line of ${bytes} bytes is too long to be shown` })
      },
    })
  }

  const show = (line: TranscriptLine) => options.onText(renderLine(line))

  function takeOutput(text: string): void {
    if (text.trim() === '') return
    const event = options.reader ? parse(text) : undefined
    if (event === undefined) {
      options.onText(renderRaw(text, ''))
      return
    }
    tee.append(`${text}\n`)
    const reading = options.reader?.read(event)
    options.onEvent(event)
    if (!reading) return
    for (const line of reading.lines) show(line)
    if (reading.sessionId) options.onAgentSession(reading.sessionId)
    if (reading.activity) options.onEvidence(reading.activity)
  }

  function takeError(text: string): void {
    stderrTail = `${stderrTail}${text}\n`.slice(-maxStderr)
    options.onText(renderRaw(text, 'stderr │ '))
  }

  return {
    push: (stream, bytes) => splitters[stream].push(bytes),
    gap(stream, from, to) {
      // The line that the gap cuts is shown as far as it came; its other half is no JSON and is shown as what it is.
      splitters[stream].end()
      at[stream] = to
      splitters[stream] = splitterOf(stream, to)
      show({ role: 'note', text: `${to - from} bytes of output are lost here` })
    },
    end: (stream) => splitters[stream].end(),
    get out() {
      return at.out
    },
    get err() {
      return at.err
    },
    get teed() {
      return tee.length
    },
    get stderrTail() {
      return stderrTail
    },
    close: () => tee.close(),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const marks: Readonly<Record<TranscriptRole, { readonly mark: string; readonly sgr: string; readonly rest: string }>> =
  {
    agent: { mark: '●', sgr: '1', rest: '' },
    user: { mark: '›', sgr: '1;34', rest: '' },
    tool: { mark: '▸', sgr: '36', rest: '36' },
    result: { mark: '└', sgr: '2', rest: '2' },
    note: { mark: '·', sgr: '2', rest: '2' },
    error: { mark: '✗', sgr: '1;31', rest: '31' },
    verdict: { mark: '■', sgr: '1', rest: '1' },
  }

/** One entry as text for a terminal: a mark, the text under itself, a tool's detail behind it. Ends in CR LF. */
export function renderLine(line: TranscriptLine): string {
  const { mark, sgr, rest } = marks[line.role]
  const text = plainLines(cut(line.text, maxText)).trimEnd()
  const detail = line.detail ? oneLine(line.detail, maxDetail) : ''
  const body = text.replace(/\n/g, '\r\n  ')
  const spaced = line.role === 'agent' || line.role === 'user' || line.role === 'verdict' ? '\r\n' : ''
  return `${spaced}${style(sgr, mark)} ${style(rest, body)}${detail ? ` ${style('2', detail)}` : ''}\r\n`
}

/** Output that is no event, as it is but for its controls. */
export function renderRaw(text: string, prefix: string): string {
  return `${style('2', `${prefix}${plainLines(cut(text, maxText))}`)}\r\n`
}

const style = (sgr: string, text: string): string => (sgr && text ? `\x1b[${sgr}m${text}\x1b[m` : text)

function cut(text: string, max: number): string {
  return text.length > max ? `${headOf(text, max)}… (${text.length - max} characters more)` : text
}

interface Tee {
  readonly length: number
  append(text: string): void
  close(): void
}

/** Appends to events.ndjson, after what belongs to the checkpoint: lines behind that are read again and written again. */
function openTee(stateDir: string, from: number): Tee {
  let file: number | null = null
  let length = from
  try {
    file = openSync(join(stateDir, eventsFile), from > 0 ? 'r+' : 'w', 0o600)
    if (from > 0) ftruncateSync(file, from)
  } catch {
    // A disk that refuses costs the copy of the events, not the session.
    length = 0
  }
  return {
    get length() {
      return length
    },
    append(text) {
      if (file === null) return
      try {
        length += writeSync(file, text, length)
      } catch {
        closeSync(file)
        file = null
      }
    },
    close() {
      if (file !== null) closeSync(file)
      file = null
    },
  }
}

/** Feeds a reader what an earlier host has read, so that it remembers: its answers are thrown away. Bounded to the last 64 MiB. */
export async function recall(reader: TranscriptReader, stateDir: string, teed: number): Promise<void> {
  const most = 64 * 1024 * 1024
  const file = await open(join(stateDir, eventsFile), 'r').catch(() => null)
  if (!file) return
  try {
    let skipping = teed > most
    const splitter = createLineSplitter(0, {
      onLine(text) {
        const event = skipping ? undefined : parse(text)
        skipping = false
        if (event !== undefined) reader.read(event)
      },
      onTooLong() {},
    })
    for (let at = Math.max(0, teed - most); at < teed; ) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(1024 * 1024, teed - at)), 0, undefined, at)
      if (bytesRead === 0) break
      splitter.push(buffer.subarray(0, bytesRead))
      at += bytesRead
    }
  } finally {
    await file.close()
  }
}
