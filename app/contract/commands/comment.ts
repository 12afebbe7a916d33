// Comments on what an agent changed: written one by one, sent to the agent as one message.
import { z } from 'zod'
import { Comment, maxCommentText, maxQuotedLine, maxQuotedLines, Standing } from '../../model/comment.ts'
import { done, onRun, type Verb } from './verb.ts'

const text = z.string().trim().min(1).max(maxCommentText)
const onComment = onRun.extend({ commentId: z.string().min(1).max(64) })
const line = z.number().int().min(1).max(10_000_000)

/** Without `quote` the host quotes the lines of the worktree's file. */
export const add = {
  input: onRun.extend({
    path: z.string().min(1).max(4096),
    side: z.enum(['old', 'new']).default('new'),
    start: line,
    end: line.optional(),
    quote: z.array(z.string().max(maxQuotedLine)).max(maxQuotedLines).optional(),
    text,
  }),
  output: z.object({ commentId: z.string() }),
} satisfies Verb

export const edit = { input: onComment.extend({ text }), output: done } satisfies Verb
export const drop = { input: onComment, output: done } satisfies Verb

/** Sends every comment that has not been sent. `how`: into the session that runs, or as the prompt of the next attempt. */
export const send = {
  input: onRun,
  output: z.object({ sent: z.number().int(), how: z.enum(['message', 'next-attempt']) }),
} satisfies Verb

/** The run's comments, each with what became of its lines. */
export const list = {
  input: onRun,
  output: z.object({ comments: z.array(z.object({ comment: Comment, standing: Standing })) }),
  reads: true,
} satisfies Verb
