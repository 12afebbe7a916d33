// A person's comment on lines that an agent changed. It is kept with the run, is sent to the agent together with the others, and
// stays beside its lines afterwards. The quoted lines are how it is found again when the file has moved on.
import { z } from 'zod'

/** Comments a run may hold at once. They travel with the run's state, so they are few and short. */
export const maxComments = 200
/** Characters of one comment. */
export const maxCommentText = 4_000
/** Lines that a comment quotes, and characters of each. Longer ranges are quoted by their first lines. */
export const maxQuotedLines = 12
export const maxQuotedLine = 400

export const Comment = z.object({
  id: z.string().max(64),
  /** Relative to the worktree, "/" between folders. Hostile text. */
  path: z.string().min(1).max(4096),
  /** Which side of the diff the lines are on: the base's or the worktree's. */
  side: z.enum(['old', 'new']),
  /** 1-based, both included. */
  start: z.number().int().min(1),
  end: z.number().int().min(1),
  quote: z.array(z.string().max(maxQuotedLine)).max(maxQuotedLines),
  text: z.string().min(1).max(maxCommentText),
  createdAt: z.number(),
  /** Milliseconds since 1970; null while it has not been sent. */
  sentAt: z.number().nullable(),
})
export type Comment = z.infer<typeof Comment>

/**
 * What became of a comment's lines: `there` (at `line` now), `changed` (they are nowhere in the file), `gone` (no such file), or
 * `unknown` with the reason.
 */
export const Standing = z.discriminatedUnion('state', [
  z.object({ state: z.literal('there'), line: z.number().int().min(1) }),
  z.object({ state: z.literal('changed') }),
  z.object({ state: z.literal('gone') }),
  z.object({ state: z.literal('unknown'), why: z.string() }),
])
export type Standing = z.infer<typeof Standing>

/** Cuts lines to what a comment may quote. */
export const quoteOf = (lines: readonly string[]): string[] =>
  lines.slice(0, maxQuotedLines).map((line) => line.slice(0, maxQuotedLine))

/** Where quoted lines are in a file's lines: the place nearest to where they were, or null where they are nowhere. Line numbers count from 1. */
export function findQuote(lines: readonly string[], quote: readonly string[], near: number): number | null {
  if (quote.length === 0) return null
  let best: number | null = null
  for (let at = 0; at + quote.length <= lines.length; at++) {
    if (!quote.every((line, offset) => lines[at + offset]!.slice(0, maxQuotedLine) === line)) continue
    if (best === null || Math.abs(at + 1 - near) < Math.abs(best - near)) best = at + 1
  }
  return best
}

/** All comments as the one message that the agent reads: file and lines, the quoted lines, the person's words. */
export function messageOf(comments: readonly Comment[]): string {
  const many = comments.length > 1
  const parts = comments.map((comment, index) => {
    const range = comment.end > comment.start ? `${comment.start}-${comment.end}` : String(comment.start)
    const where = `${comment.path}:${range}${comment.side === 'old' ? ' (the deleted lines)' : ''}`
    const quoted = comment.quote.map((line) => `> ${line}`).join('\n')
    return `${many ? `${index + 1}. ` : ''}${where}\n${quoted === '' ? '' : `${quoted}\n`}${comment.text.trim()}`
  })
  const head = many ? `Please address these ${comments.length} review comments:` : 'Please address this review comment:'
  return `${head}\n\n${parts.join('\n\n')}`
}
