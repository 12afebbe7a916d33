// What a run printed, in pages, as long as the keeper's spool has it: raw bytes, or their text without control sequences.
import { readSpoolFromDisk } from '../../keeper/client.ts'
import { fail } from '../../model/failure.ts'
import { isSettled } from '../../model/run.ts'
import { isSideSessionId, sideOf } from '../../model/side-session.ts'
import { cutWhole, readableOutput } from '../../model/text/text.ts'
import { nextTail } from '../../session/tail.ts'
import { type Context, runOf } from '../context.ts'
import { recordedSessions } from '../terminal.ts'

/** Bytes in one page. */
const pageBytes = 512 * 1024

/** A page of one attempt's or side session's output from byte `from` on (default: the last attempt, from its first byte that is kept). */
export async function readLogs(
  context: Context,
  input: { runId: string; raw: boolean; attempt?: number | undefined; side?: number | undefined; from: number },
): Promise<{ data: string; next: number; firstByte: number; ended: boolean }> {
  const run = runOf(context, input.runId)
  if (input.side !== undefined) {
    const side = sideOf(run, input.side)
    if (!side) throw fail('not-found', { what: 'side session', id: String(input.side) })
    return pageOf(context, side.sessionId, input, side.endedAt !== null)
  }
  const attempt =
    input.attempt === undefined ? run.attempts.at(-1) : run.attempts.find(({ number }) => number === input.attempt)
  if (!attempt && input.attempt !== undefined) throw fail('not-found', { what: 'attempt', id: String(input.attempt) })
  // Before its first attempt a run has the output of its set-up or install: what a person reads when one has failed.
  const sessionId =
    attempt?.sessionId ?? (await recordedSessions(context, run.id)).find((id) => !isSideSessionId(run.id, id))
  if (sessionId === undefined) return { data: '', next: 0, firstByte: 0, ended: isSettled(run.phase) }
  return pageOf(context, sessionId, input, attempt ? attempt.endedAt !== null : isSettled(run.phase))
}

async function pageOf(
  context: Context,
  sessionId: string,
  input: { raw: boolean; from: number },
  over: boolean,
): Promise<{ data: string; next: number; firstByte: number; ended: boolean }> {
  const page = await readSpoolFromDisk(context.dataDirectory, sessionId, 'out', {
    from: input.from,
    maxBytes: pageBytes,
  })
  const ended = over && page.at + page.bytes.length >= page.end
  const bytes = input.raw || ended ? page.bytes : page.bytes.subarray(0, wholeLength(page.bytes))
  const next = page.at + bytes.length
  const data = input.raw ? Buffer.from(bytes).toString('base64') : readableOutput(Buffer.from(bytes).toString('utf8'))
  return { data, next, firstByte: page.firstByte, ended }
}

/** How much of a page is text that ends in no half of a character or sequence: what is left begins the next page. */
function wholeLength(bytes: Buffer): number {
  const end = bytes.length - nextTail(new Uint8Array(0), bytes, true).length
  const { open } = cutWhole(bytes.toString('utf8', 0, end))
  const whole = open === '' ? end : bytes.lastIndexOf(open.slice(0, 1), end - 1)
  // A string longer than a page must not hold up the reader for ever.
  return whole <= 0 && bytes.length === pageBytes ? bytes.length : Math.max(0, whole)
}
