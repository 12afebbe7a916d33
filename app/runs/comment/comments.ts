// A person's comments on what a run changed: kept with the run, looked up again in the files as they are now, and sent to the agent
// as one message. Reads files of the worktree, never through a link, and changes nothing there.
import { randomUUID } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { readSmallFile } from '../../disk/files.ts'
import { type Comment, findQuote, maxComments, messageOf, quoteOf, type Standing } from '../../model/comment.ts'
import { CoppiceFailure, fail } from '../../model/failure.ts'
import { isSettled, type Run } from '../../model/run.ts'
import { resumeRun } from '../attempt/resume.ts'
import { sendText } from '../attempt/send.ts'
import { type Caller, type Context, record, runOf } from '../context.ts'

/** The largest file that is looked through for quoted lines. Bytes. */
const maxFileBytes = 8 * 1024 * 1024

interface Added {
  readonly runId: string
  readonly path: string
  readonly side: 'old' | 'new'
  readonly start: number
  readonly end?: number | undefined
  readonly quote?: readonly string[] | undefined
  readonly text: string
}

/**
 * Adds a comment, not sent yet. `bad-input` for a path outside the worktree, a range that ends before it starts, or lines that the
 * file does not have; also where the run holds as many as it may.
 */
export async function addComment(context: Context, caller: Caller, input: Added): Promise<{ commentId: string }> {
  const run = runOf(context, input.runId)
  const path = relativePath(input.path)
  const { start, end = start } = input
  if (end < start)
    throw fail('bad-input', { field: 'end', message: `the last line, ${end}, is before the first, ${start}` })
  if ((run.comments ?? []).length >= maxComments)
    throw fail('bad-input', { field: 'text', message: `a run holds ${maxComments} comments at most: drop some first` })
  const quote = input.quote ? quoteOf(input.quote) : linesOf(run, path, start, end)
  const comment: Comment = {
    id: `c-${randomUUID().slice(0, 8)}`,
    path,
    side: input.side,
    start,
    end,
    quote,
    text: input.text,
    createdAt: context.now(),
    sentAt: null,
  }
  record(context, caller, { type: 'comment-added', runId: run.id, comment })
  return { commentId: comment.id }
}

/** Changes the words of a comment that has not been sent. `not-found`, or `wrong-phase` for one that has. */
export async function editComment(
  context: Context,
  caller: Caller,
  input: { runId: string; commentId: string; text: string },
): Promise<Record<string, never>> {
  const comment = commentOf(runOf(context, input.runId), input.commentId)
  if (comment.sentAt !== null)
    throw fail('bad-input', { field: 'commentId', message: 'it was sent already: write a new one' })
  record(context, caller, { type: 'comment-edited', runId: input.runId, commentId: comment.id, text: input.text })
  return {}
}

/** Takes a comment away. What the agent was sent stays with the agent. */
export async function dropComment(
  context: Context,
  caller: Caller,
  input: { runId: string; commentId: string },
): Promise<Record<string, never>> {
  const comment = commentOf(runOf(context, input.runId), input.commentId)
  record(context, caller, { type: 'comment-dropped', runId: input.runId, commentId: comment.id })
  return {}
}

/**
 * Sends all comments that were not sent as one message: into the session of a run that takes one, else as the prompt of the next
 * attempt. `bad-input` where there is none; `not-running` for a headless agent at work, which takes no message. Nothing counts as
 * sent before the agent has it.
 */
export async function sendComments(
  context: Context,
  caller: Caller,
  input: { runId: string },
): Promise<{ sent: number; how: 'message' | 'next-attempt' }> {
  const run = runOf(context, input.runId)
  const waiting = (run.comments ?? []).filter(({ sentAt }) => sentAt === null)
  if (waiting.length === 0) throw fail('bad-input', { field: 'runId', message: 'every comment was sent already' })
  const text = messageOf(waiting)
  const next = isSettled(run.phase)
  if (next) await resumeRun(context, caller, { runId: run.id, prompt: text })
  else await sendText(context, { runId: run.id, text, enter: true })
  record(context, caller, { type: 'comments-sent', runId: run.id, commentIds: waiting.map(({ id }) => id) })
  return { sent: waiting.length, how: next ? 'next-attempt' : 'message' }
}

/** Every comment with what became of its lines. A file that could not be read is unknown, never gone. */
export async function listComments(
  context: Context,
  input: { runId: string },
): Promise<{ comments: { comment: Comment; standing: Standing }[] }> {
  const run = runOf(context, input.runId)
  const files = new Map<string, readonly string[] | null | Error>()
  const comments = (run.comments ?? []).map((comment) => ({ comment, standing: standingOf(run, comment, files) }))
  return { comments }
}

function standingOf(run: Run, comment: Comment, files: Map<string, readonly string[] | null | Error>): Standing {
  if (comment.side === 'old') return { state: 'there', line: comment.start }
  if (!files.has(comment.path)) files.set(comment.path, readLines(run, comment.path))
  const lines = files.get(comment.path)!
  if (lines instanceof Error) return { state: 'unknown', why: whyOf(lines) }
  if (lines === null) return { state: 'gone' }
  if (comment.quote.length === 0) return { state: 'unknown', why: 'its lines were not quoted' }
  const line = findQuote(lines, comment.quote, comment.start)
  return line === null ? { state: 'changed' } : { state: 'there', line }
}

const whyOf = (error: Error): string =>
  error instanceof CoppiceFailure ? String(error.failure.detail?.message ?? error.failure.code) : error.message

/** Lines `start` to `end` of a file of the worktree, as a quote. */
function linesOf(run: Run, path: string, start: number, end: number): string[] {
  const lines = readLines(run, path)
  if (lines instanceof Error) throw lines
  if (lines === null) throw fail('bad-input', { field: 'path', message: `there is no file ${path} in the worktree` })
  if (end > lines.length)
    throw fail('bad-input', { field: 'line', message: `${path} has ${lines.length} lines, not ${end}` })
  return quoteOf(lines.slice(start - 1, end))
}

/** A file's lines, null where there is none, an error where it could not be read or is no plain file of the worktree. */
function readLines(run: Run, path: string): readonly string[] | null | Error {
  try {
    if (!run.worktree || run.worktreePresence !== 'present')
      return fail('worktree-missing', { path: run.worktree ?? '' })
    const root = realpathSync(run.worktree)
    const folder = realOrNull(join(root, dirname(path)))
    if (folder === null) return null
    if (folder !== root && !folder.startsWith(root + sep))
      return fail('bad-input', { field: 'path', message: `${path} leads out of the worktree by a link` })
    const bytes = readSmallFile(join(root, path), maxFileBytes)
    if (bytes === null) return null
    const lines = bytes.toString('utf8').split(/\r?\n/)
    if (lines.at(-1) === '') lines.pop()
    return lines
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function realOrNull(path: string): string | null {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}

function relativePath(path: string): string {
  const parts = path.split('/')
  if (path.includes('\0') || path.startsWith('/') || parts.some((part) => part === '' || part === '.' || part === '..'))
    throw fail('bad-input', { field: 'path', message: 'name a file relative to the worktree, without ".."' })
  return path
}

function commentOf(run: Run, commentId: string): Comment {
  const comment = (run.comments ?? []).find(({ id }) => id === commentId)
  if (!comment) throw fail('not-found', { what: 'comment', id: commentId })
  return comment
}
