// The verb `comment`: write a comment on lines that a run changed, list what was written and what became of it, send it to the agent.
import { type Comment, maxCommentText, type Standing } from '../../model/comment.ts'
import { plainText } from '../../model/text/text.ts'
import { counted } from '../../model/text/units.ts'
import { type Cli, readStdin } from '../cli.ts'
import { usageError } from '../errors.ts'

export interface CommentOptions {
  readonly send?: boolean
  readonly drop?: string
}

/** `place` is "path:line" or "path:first-last". Without one it lists, or does what the options say. */
export async function comment(
  cli: Cli,
  id: string,
  place: string | undefined,
  words: readonly string[],
  options: CommentOptions,
): Promise<void> {
  // Wrong usage is said before anything is asked of the host.
  const where = place === undefined ? null : placeOf(place)
  const text = words.length === 1 && words[0] === '-' ? await readStdin(maxCommentText * 4) : words.join(' ')
  if (where && text.trim() === '') throw usageError('say what to comment: coppice comment ID PATH:LINE TEXT')
  const link = await cli.open()
  if (options.drop !== undefined) await link.call('comment.drop', { runId: id, commentId: options.drop })
  const added = where ? await link.call('comment.add', { runId: id, ...where, text }) : null
  const sent = options.send ? await link.call('comment.send', { runId: id }) : null
  if (added || sent || options.drop !== undefined) {
    const result = { id, ...(added ?? {}), ...(sent ?? {}), ...(options.drop ? { dropped: options.drop } : {}) }
    cli.output.result(result, () => [
      ...(options.drop ? [`Dropped ${plainText(options.drop, 64)}`] : []),
      ...(added ? [`Added ${added.commentId}. It is sent with: coppice comment ${plainText(id, 200)} --send`] : []),
      ...(sent
        ? [
            `Sent ${counted(sent.sent, 'comment')} to the agent${sent.how === 'message' ? '' : ', as the prompt of its next attempt'}`,
          ]
        : []),
    ])
    return
  }
  const { comments } = await link.call('comment.list', { runId: id })
  cli.output.result(
    comments.map(({ comment: one, standing }) => ({ ...one, standing })),
    () =>
      comments.length === 0
        ? ['No comments. Write one with: coppice comment ID PATH:LINE TEXT']
        : comments.flatMap(({ comment: one, standing }) => linesOf(one, standing)),
  )
}

function linesOf(one: Comment, standing: Standing): string[] {
  const range = one.end > one.start ? `${one.start}-${one.end}` : String(one.start)
  return [
    `${one.id}  ${plainText(one.path, 300)}:${range}  ${one.sentAt === null ? 'not sent' : 'sent'}, ${standingText(standing, one)}`,
    ...one.text.split('\n').map((line) => `    ${plainText(line, 1000)}`),
  ]
}

/** What became of a comment's lines, in words. */
export function standingText(standing: Standing, one: Pick<Comment, 'start'>): string {
  switch (standing.state) {
    case 'there':
      return standing.line === one.start ? 'its lines are as they were' : `its lines are at ${standing.line} now`
    case 'changed':
      return 'its lines have changed'
    case 'gone':
      return 'the file is gone'
    case 'unknown':
      return `what became of its lines is not known: ${plainText(standing.why, 200)}`
  }
}

function placeOf(place: string): { path: string; start: number; end: number } {
  const found = /^(.+):(\d{1,7})(?:-(\d{1,7}))?$/.exec(place)
  const start = Number(found?.[2] ?? 0)
  const end = Number(found?.[3] ?? start)
  if (!found || start < 1 || end < start)
    throw usageError(`"${plainText(place, 200)}" names no line: write PATH:LINE or PATH:FIRST-LAST`)
  return { path: found[1]!, start, end }
}
