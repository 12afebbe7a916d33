// The last screen of a session that nobody holds any more: rebuilt from its checkpoint and the rest of its spool, kept as bytes to
// be drawn, with no answers to queries. It starts nothing and writes nothing.
import { readSpoolFromDisk } from '../keeper/client.ts'
import { fail } from '../model/failure.ts'
import type { TranscriptReader } from '../model/transcript.ts'
import type { Viewer, ViewerHandle } from './attach.ts'
import { createPacer, turnMs } from './feed.ts'
import { type Checkpoint, readCheckpoint } from './screen/checkpoint.ts'
import { createScreen, type Screen } from './screen/screen.ts'
import { freshStart } from './screen/serialise.ts'
import { createLineSplitter } from './transcript/ndjson.ts'
import { renderLine, renderRaw } from './transcript/transcript.ts'

export interface RecordedOptions {
  readonly dataDir: string
  readonly sessionId: string
  /** Where no checkpoint says it. */
  readonly cols: number
  readonly rows: number
  readonly stateDir: string
  readonly kind?: 'pty' | 'pipe'
  /** For a pipe: reads what came after the checkpoint. Without it those lines are shown as they are. */
  readonly transcript?: TranscriptReader
}

export interface RecordedScreen {
  readonly sessionId: string
  readonly cols: number
  readonly rows: number
  attach(viewer: Viewer, reason?: 'attach' | 'session'): ViewerHandle
  text(): string
}

/** Output beyond the checkpoint that is read at most: more than the spool keeps by default is never there. */
const maxBytes = 16 * 1024 * 1024

/** Rejects with `not-found` where nothing of the session is on disk, and where the disk cannot be read. */
export async function openRecorded(options: RecordedOptions): Promise<RecordedScreen> {
  const found = readCheckpoint(options.stateDir)
  const page = await readSpoolFromDisk(options.dataDir, options.sessionId, 'out', { from: found?.out ?? 0, maxBytes })
  if (!found && page.bytes.length === 0) throw fail('not-found', { what: 'recorded session', id: options.sessionId })
  const cols = found?.cols ?? options.cols
  const rows = found?.rows ?? options.rows
  const screen = createScreen({ cols, rows })
  screen.answering = false
  const gap = page.at - (found?.out ?? 0)
  restore(screen, found)
  if (gap > 0) screen.abortSequence()
  if ((found?.kind ?? options.kind) === 'pipe') await writeEvents(screen, page.bytes, options.transcript)
  else await writeInTurns(screen, page.bytes)
  const dropped = (found?.dropped ?? 0) + Math.max(gap, 0)
  const bytes = new TextEncoder().encode(`${freshStart}${screen.serialise()}`)
  const text = screen.plainText()
  screen.close()
  const { sessionId } = options
  return {
    sessionId,
    cols,
    rows,
    attach(viewer, reason = 'attach') {
      viewer.start({ sessionId, cols, rows, reason, live: false, dropped })
      viewer.screen(bytes)
      viewer.screenEnd()
      viewer.ended()
      return { ack() {}, detach() {} }
    },
    text: () => text,
  }
}

function restore(screen: Screen, found: Checkpoint | null): void {
  if (!found) return
  screen.write(found.screen)
  screen.write(Buffer.from(found.tail, 'base64'))
}

/** Other work gets its turn between the pieces: 16 MiB take half a second. */
async function writeInTurns(screen: Screen, bytes: Uint8Array): Promise<void> {
  const pacer = createPacer()
  let turnBegan = performance.now()
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.subarray(at, at + pacer.size)
    pacer.time(() => screen.write(piece))
    at += piece.length
    if (performance.now() - turnBegan < turnMs) continue
    await new Promise((resolve) => setImmediate(resolve))
    turnBegan = performance.now()
  }
}

async function writeEvents(screen: Screen, bytes: Uint8Array, reader: TranscriptReader | undefined): Promise<void> {
  const parts: string[] = []
  const splitter = createLineSplitter(0, {
    onLine(text) {
      if (text.trim() === '') return
      try {
        const reading = reader?.read(JSON.parse(text))
        parts.push(reading ? reading.lines.map(renderLine).join('') : renderRaw(text, ''))
      } catch {
        parts.push(renderRaw(text, ''))
      }
    },
    onTooLong: (length) =>
      parts.push(renderLine({ role: 'note', text: `A line of ${length} bytes is too long to be shown` })),
  })
  splitter.push(bytes)
  splitter.end()
  await writeInTurns(screen, new TextEncoder().encode(parts.join('')))
}
