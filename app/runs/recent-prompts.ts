// The prompts that were sent before, as the New run form offers them. Keeping them is a convenience: where that fails, the run starts
// all the same.
import type { CommandInput, CommandOutput } from '../contract/commands/index.ts'
import { fail, failureOf } from '../model/failure.ts'
import type { AgentName } from '../model/run.ts'
import type { Context } from './context.ts'

const headCharacters = 400

/** Keeps the prompt of a run that was accepted. The demo's own prompts are nobody's. */
export function rememberPrompt(
  context: Context,
  run: { readonly agent: AgentName; readonly repositoryId: string | null; readonly prompt?: string | undefined },
): void {
  if (run.prompt === undefined || run.agent === 'demo') return
  try {
    context.prompts.add(run.prompt, run.repositoryId, context.now())
  } catch (error) {
    context.log(`prompt not kept for later: ${failureOf(error).code}`)
  }
}

export function recentPrompts(
  context: Context,
  { repositoryId, search, limit = 50 }: CommandInput<'prompt.recent'>,
): CommandOutput<'prompt.recent'> {
  const found = context.prompts.list({ repositoryId, search })
  const prompts = found.slice(0, limit).map(({ id, text, repositoryId: of, at }) => {
    const head = Array.from(text.slice(0, headCharacters * 2))
      .slice(0, headCharacters)
      .join('')
    return { id, head, bytes: Buffer.byteLength(text), repositoryId: of, at }
  })
  return { prompts, more: found.length - prompts.length }
}

export function readPromptAgain(context: Context, { promptId }: CommandInput<'prompt.read'>): { text: string } {
  const text = context.prompts.text(promptId)
  if (text === null) throw fail('not-found', { what: 'prompt', id: promptId })
  return { text }
}

export function forgetPrompts(context: Context, { promptId }: CommandInput<'prompt.forget'>): Record<string, never> {
  context.prompts.forget(promptId ?? null)
  return {}
}
